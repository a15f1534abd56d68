/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon/server.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "socket/wire.h"

struct server_client {
	uv_poll_t poll;
	struct server *server;
	struct server_client *next;
	uint64_t id;
	uint64_t heard_ms;
	int fd;
	json_t *unsent; /* array: datagrams that wait for room */
};

static void
free_client(uv_handle_t *handle)
{
	struct server_client *c = handle->data;

	json_decref(c->unsent);
	free(c);
}

static void
hang_up(struct server_client *c)
{
	struct server *s = c->server;

	for (struct server_client **at = &s->clients; *at != NULL; at = &(*at)->next) {
		if (*at == c) {
			*at = c->next;
			break;
		}
	}
	s->count--;
	uv_close((uv_handle_t *)&c->poll, free_client);
	close(c->fd);
}

static void ready(uv_poll_t *poll, int status, int events);

/* Sends what waits; false: the client is gone. While something waits, no further requests are read. */
static bool
flush(struct server_client *c)
{
	while (json_array_size(c->unsent) > 0) {
		int err = wire_send(c->fd, json_array_get(c->unsent, 0), -1);

		if (err == -EAGAIN)
			break;
		if (err < 0) {
			hang_up(c);
			return false;
		}
		json_array_remove(c->unsent, 0);
	}
	uv_poll_start(&c->poll, json_array_size(c->unsent) > 0 ? UV_WRITABLE | UV_DISCONNECT : UV_READABLE, ready);
	return true;
}

static void
take_request(struct server_client *c)
{
	json_t *request;
	int got = wire_receive(c->fd, &request);

	if (got == -EAGAIN)
		return;
	c->heard_ms = uv_now(c->server->loop);
	if (got == -EPROTO)
		server_refuse(c->server, c->id, "not a JSON object; {\"cmd\":\"ping\"} would be one");
	else if (got <= 0)
		hang_up(c);
	else
		c->server->request(c->server->ctx, c->id, request);
	json_decref(request);
}

static void
ready(uv_poll_t *poll, int status, int events)
{
	struct server_client *c = poll->data;

	if (status < 0 || (events & UV_DISCONNECT))
		hang_up(c);
	else if (events & UV_WRITABLE)
		flush(c);
	else if (events & UV_READABLE)
		take_request(c);
}

static void
make_room(struct server *s)
{
	struct server_client *silent = s->clients;

	if (s->count < SERVER_CLIENTS_MAX)
		return;
	for (struct server_client *c = s->clients; c != NULL; c = c->next)
		if (c->heard_ms <= silent->heard_ms)
			silent = c;
	hang_up(silent);
}

static void
incoming(uv_poll_t *poll, int status, int events)
{
	struct server *s = poll->data;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct server_client *c;

	if (fd < 0)
		return;
	make_room(s);
	c = calloc(1, sizeof(*c));
	if (c == NULL || uv_poll_init(s->loop, &c->poll, fd) < 0) {
		free(c);
		close(fd);
		return;
	}
	c->poll.data = c;
	c->server = s;
	c->fd = fd;
	c->id = ++s->last_id;
	c->heard_ms = uv_now(s->loop);
	c->unsent = json_array();
	c->next = s->clients;
	s->clients = c;
	s->count++;
	uv_poll_start(&c->poll, UV_READABLE, ready);
}

int
server_init(struct server *s, uv_loop_t *loop, const char *path, server_request *request, void *ctx)
{
	memset(s, 0, sizeof(*s));
	s->loop = loop;
	s->request = request;
	s->ctx = ctx;
	s->fd = wire_listen(path);
	if (s->fd < 0)
		return s->fd;
	s->path = strdup(path);
	uv_poll_init(loop, &s->poll, s->fd);
	s->poll.data = s;
	return uv_poll_start(&s->poll, UV_READABLE, incoming);
}

void
server_answer(struct server *s, uint64_t client, json_t *o)
{
	struct server_client *c = s->clients;

	while (c != NULL && c->id != client)
		c = c->next;
	if (c == NULL) {
		json_decref(o);
		return;
	}
	json_array_append_new(c->unsent, o);
	flush(c);
}

void
server_refuse(struct server *s, uint64_t client, const char *error)
{
	json_t *text = wire_text(error, strlen(error));

	server_answer(s, client, json_pack("{s:b, s:o, s:b}", "ok", 0, "error", text, "end", 1));
}

void
server_close(struct server *s)
{
	while (s->clients != NULL)
		hang_up(s->clients);
	uv_close((uv_handle_t *)&s->poll, NULL);
	close(s->fd);
	unlink(s->path);
	free(s->path);
}
