/* SPDX-License-Identifier: BSD-3-Clause */
/* The quarantines, from the control daemon to the workers: each takes its copy at its next tick. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/worker.h"
#include "live/box.h"
#include "live/requests.h"
#include "splice/present.h"

enum { TAKE_US = 1000, TAKE_TRIES = 200 };

static bool
read_number(const json_t *o, const char *key, json_int_t most, json_int_t *value)
{
	const json_t *n = json_object_get(o, key);

	*value = json_integer_value(n);
	return json_is_integer(n) && *value >= 0 && *value <= most;
}

/* "02:00:00:00:00:01" */
static bool
read_link_address(const json_t *o, const char *key, uint8_t to[6])
{
	const char *text = json_string_value(json_object_get(o, key));
	int end = 0;

	return text != NULL &&
	       sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &to[0], &to[1], &to[2], &to[3], &to[4], &to[5],
		      &end) == 6 &&
	       text[end] == '\0';
}

/* How it is reached by a port of its own: only where there is one, and always there where it is healthy. */
static bool
read_way(const struct box *box, const json_t *o, struct quarantine *q)
{
	q->pair = ports_apart(&box->ports);
	q->apart = q->pair != PAIR_NONE;
	return !q->apart || !q->healthy ||
	       (read_link_address(o, "next_hop_mac", q->link) && read_link_address(o, "own_mac", q->link + 6));
}

static bool
read_server(const struct box *box, const json_t *o, struct quarantine *q)
{
	const char *name = json_string_value(json_object_get(o, "name"));
	const char *address = json_string_value(json_object_get(o, "address"));
	const char *xclient = json_string_value(json_object_get(o, "xclient"));
	json_int_t port, caps;

	if (name == NULL || address == NULL || name[0] == '\0' || strlen(name) >= sizeof(q->name) ||
	    !read_number(o, "port", 65535, &port) || !read_number(o, "caps", UINT32_MAX, &caps))
		return false;
	*q = (struct quarantine){ .port = (uint16_t)port,
				  .caps = (uint32_t)caps,
				  .healthy = json_is_true(json_object_get(o, "healthy")) };
	if (xclient != NULL && strcmp(xclient, "off") != 0)
		q->present = strcmp(xclient, "xclient") == 0 ? PRESENT_XCLIENT : PRESENT_XFORWARD;
	strcpy(q->name, name);
	q->ip_version = inet_pton(AF_INET, address, q->addr) == 1 ? 4 : 6;
	return read_way(box, o, q) && (q->ip_version == 4 || inet_pton(AF_INET6, address, q->addr) == 1);
}

static bool
read_table(const struct box *box, const json_t *o, struct quarantine_table *t)
{
	const char *fallback = json_string_value(json_object_get(o, "fallback"));
	const json_t *servers = json_object_get(o, "servers");
	json_int_t generation, sessions, setup_ms, answer_ms, session_s;

	if (!read_number(o, "generation", INT64_MAX, &generation) ||
	    !read_number(o, "sessions", UINT32_MAX, &sessions) || !read_number(o, "setup_ms", UINT32_MAX, &setup_ms) ||
	    !read_number(o, "answer_ms", UINT32_MAX, &answer_ms) ||
	    !read_number(o, "session_s", UINT32_MAX, &session_s) || fallback == NULL || !json_is_array(servers) ||
	    json_array_size(servers) > QUARANTINE_MAX)
		return false;
	*t = (struct quarantine_table){ .generation = (uint64_t)generation,
					.sessions = (uint32_t)sessions,
					.setup_ms = (uint32_t)setup_ms,
					.answer_ms = (uint32_t)answer_ms,
					.session_s = (uint32_t)session_s,
					.count = (unsigned)json_array_size(servers),
					.fallback = strcmp(fallback, "defer") == 0 ? ACTION_DEFER : ACTION_REJECT };
	for (unsigned i = 0; i < t->count; i++)
		if (!read_server(box, json_array_get(servers, i), &t->entry[i]))
			return false;
	return true;
}

/* False: the worker has not taken the last one, nor does it within the time. */
static bool
post(struct worker *w, const struct quarantine_table *t)
{
	for (unsigned i = 0; atomic_load_explicit(&w->quarantines_full, memory_order_acquire); i++) {
		if (i == TAKE_TRIES)
			return false;
		usleep(TAKE_US);
	}
	w->quarantines = *t;
	atomic_store_explicit(&w->quarantines_full, true, memory_order_release);
	return true;
}

/* What became of flagged recipients so far, all workers together: the counters of group redirect. */
static json_t *
figures(const struct box *box)
{
	json_t *object = json_object();

	for (unsigned c = 0; c < CTR_COUNT; c++) {
		uint64_t sum = 0;
		for (unsigned i = 0; i < box->workers; i++)
			sum += box->worker[i]->counters.value[c];
		if (strcmp(counter_info[c].group, "redirect") == 0)
			json_object_set_new(object, counter_info[c].name, json_integer((json_int_t)sum));
	}
	return object;
}

bool
request_quarantine(struct box *box, int client, const json_t *request, int fd)
{
	struct quarantine_table t;

	if (!read_table(box, request, &t))
		return request_refuse(client, "this is no table of quarantines");
	for (unsigned i = 0; i < box->workers; i++)
		if (t.generation != box->quarantines && !post(box->worker[i], &t))
			return request_refuse(client, "worker %u does not take it", i);
	box->quarantines = t.generation;
	return request_send(client,
			    json_pack("{s:b,s:I,s:i,s:i,s:o,s:b}", "ok", 1, "generation", (json_int_t)t.generation,
				      "workers", (int)box->workers, "sessions",
				      (int)(spread_splices(box->settings) / 2), "counters", figures(box), "end", 1));
}
