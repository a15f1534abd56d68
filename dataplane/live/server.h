/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket (protocol.h): a seqpacket socket, served by the main
 * thread. Only root and the user that started postern-dp may talk to it. No
 * client can block it for longer than SERVER_SEND_MS.
 */
#ifndef POSTERN_LIVE_SERVER_H
#define POSTERN_LIVE_SERVER_H

#include <stdbool.h>
#include <stddef.h>

enum { SERVER_CLIENTS = 16, SERVER_SEND_MS = 1000 };

struct server;

/*
 * A request of `len` octets at `text`; `fd` came with it, -1: none. Borrows
 * both. False: the client is to be dropped.
 */
typedef bool (*server_fn)(void *ctx, int client, const char *text, size_t len, int fd);

/*
 * Listens at `path`; its directory is made when missing, a socket that a dead
 * process left is replaced, a live one is not. Returns owned, or NULL after a
 * sentence on stderr.
 */
struct server *server_open(const char *path, unsigned owner_uid, server_fn answer, void *ctx);

/* Takes s; removes the socket. NULL is fine. */
void server_close(struct server *s);

/* A descriptor that is readable when server_run() has something to do. */
int server_fd(const struct server *s);

/* Does what is to be done, without waiting. */
void server_run(struct server *s);

#endif
