/* SPDX-License-Identifier: BSD-3-Clause */
/* The socket at which posternd takes requests. A client that does not read its answers hurts nobody but itself. */
#ifndef POSTERN_CONTROL_SERVER_H
#define POSTERN_CONTROL_SERVER_H

#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#define SERVER_CLIENTS_MAX 64 /* the one that was silent longest makes room for the next */

struct server_client;

/*
 * A request has come. The handler answers now, or later by the number `client`: server_answer() for each datagram, of
 * which the last has "end": true. Both borrow.
 */
typedef void server_request(void *ctx, uint64_t client, const json_t *request);

struct server {
	uv_loop_t *loop;
	uv_poll_t poll;
	int fd;
	char *path;
	struct server_client *clients;
	unsigned count;
	uint64_t last_id;
	server_request *request;
	void *ctx;
};

/* Listens at `path` (copied). 0 or a negated errno. */
int server_init(struct server *s, uv_loop_t *loop, const char *path, server_request *request, void *ctx);

/* One datagram to a client, sent when it has room; nothing happens where the client is gone. Takes `o`. */
void server_answer(struct server *s, uint64_t client, json_t *o);

/* {"ok":false,"error":...,"end":true} */
void server_refuse(struct server *s, uint64_t client, const char *error);

/* Hangs up on all clients and removes the socket. */
void server_close(struct server *s);

#endif
