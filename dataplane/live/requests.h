/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers to the requests of protocol.h. Main thread. */
#ifndef POSTERN_LIVE_REQUESTS_H
#define POSTERN_LIVE_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct box;

/* A server_fn; `box` is a struct box. */
bool request_answer(void *box, int client, const char *text, size_t len, int fd);

/* Sends an object as one datagram. Takes it. False: the client does not take it. */
bool request_send(int client, json_t *object);

/* Sends {"ok":false,"error":...,"end":true}. */
__attribute__((format(printf, 2, 3))) bool request_refuse(int client, const char *format, ...);

struct scope;

/* {"mail_ports": [25], "exempt": ["192.0.2.0/24"]}; new. */
json_t *scope_json(const struct scope *s);

/* The commands; `request` is the object of the request, borrowed. */
bool request_load(struct box *box, int client, const json_t *request, int fd);
bool request_stats(struct box *box, int client, const json_t *request, int fd);
bool request_quarantine(struct box *box, int client, const json_t *request, int fd);
bool request_scope(struct box *box, int client, const json_t *request, int fd);
bool request_flows(struct box *box, int client, const json_t *request, int fd);

#endif
