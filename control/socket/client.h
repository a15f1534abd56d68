/* SPDX-License-Identifier: BSD-3-Clause */
/* One question to posternd or postern-dp, with an answer or an error in bounded time, whatever the peer does. */
#ifndef POSTERN_CONTROL_CLIENT_H
#define POSTERN_CONTROL_CLIENT_H

#include <jansson.h>

#define CLIENT_TIMEOUT_MS 2000 /* default: both daemons answer from a loop that never blocks */

/*
 * Sends `request` (borrowed) to the socket `path` of the daemon `name` and collects the answer within `timeout_ms`
 * in all. The datagrams of an answer are merged into one object: arrays are joined, of other members the last
 * counts; "end" is left out. `name` is the word for messages: "posternd".
 * Returns owned. NULL where there was no answer, or none in time, with a sentence in err (errlen octets).
 * An answer with "ok": false is returned as it is.
 */
json_t *client_ask(const char *name, const char *path, const json_t *request, unsigned timeout_ms, char *err,
		   size_t errlen);

/* The request {"cmd": cmd}. Returns owned. */
json_t *client_request(const char *cmd);

#endif
