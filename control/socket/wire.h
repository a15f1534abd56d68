/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON datagrams over Unix seqpacket sockets: what dataplane/protocol.h says, one datagram at a time. Never blocks. */
#ifndef POSTERN_CONTROL_WIRE_H
#define POSTERN_CONTROL_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* All descriptors are close-on-exec and non-blocking. Failures are negated errno values. */

/* Connects to `path`. Returns a descriptor, which the caller owns; -EAGAIN: the peer's backlog is full. */
int wire_connect(const char *path);

/*
 * Listens on `path`, mode 0660, making the last directory of the path where it is missing. A socket file nobody
 * answers at is replaced; -EADDRINUSE where somebody does.
 */
int wire_listen(const char *path);

/* Sends `o` (borrowed) as one datagram, with descriptor `passed` attached unless it is -1. Returns 0. */
int wire_send(int fd, const json_t *o, int passed);

/*
 * Receives one datagram into *o (owned by the caller). Descriptors that come with it are discarded by the kernel.
 * Returns 1, 0 at the end of the connection, -EAGAIN when nothing is there, -EPROTO when it is no JSON object.
 */
int wire_receive(int fd, json_t **o);

/* True where `o` is the last datagram of an answer. */
bool wire_last(const json_t *o);

/* A JSON string of any octets: those that are not UTF-8 become "?". Returns owned. */
json_t *wire_text(const char *at, size_t len);

#endif
