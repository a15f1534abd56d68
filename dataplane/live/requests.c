/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "live/box.h"
#include "live/requests.h"
#include "protocol.h"
#include "ruleset/ruleset.h"

/* Events of a datagram: whatever their size, at most 4,096 octets each, they fit. */
enum { EVENTS_A_DATAGRAM = 15, EVENTS_DEFAULT = 20 };

bool
request_send(int client, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	size_t len = text != NULL ? strlen(text) : 0;
	bool sent = len > 0 && len <= PROTOCOL_DATAGRAM_MAX && send(client, text, len, MSG_NOSIGNAL) == (ssize_t)len;

	free(text);
	json_decref(object);
	return sent;
}

bool
request_refuse(int client, const char *format, ...)
{
	char sentence[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	return request_send(client, json_pack("{s:b,s:s,s:b}", "ok", 0, "error", sentence, "end", 1));
}

/* The main thread is the only one that replaces the set, so it may look at it without being a reader. */
static const struct rule_tables *
live_tables(struct box *box)
{
	static const struct rule_tables none;
	const struct ruleset *rs = publication_current(&box->rules);

	return rs != NULL ? &rs->tables : &none;
}

static bool
request_ping(struct box *box, int client, const json_t *request, int fd)
{
	return request_send(client, json_pack("{s:b,s:I,s:s,s:I,s:b}", "ok", 1, "pid", (json_int_t)getpid(), "version",
					      POSTERN_VERSION, "generation", (json_int_t)live_tables(box)->generation,
					      "end", 1));
}

static bool
request_rules(struct box *box, int client, const json_t *request, int fd)
{
	const struct rule_tables *t = live_tables(box);

	return request_send(client,
			    json_pack("{s:b,s:I,s:I,s:I,s:I,s:b}", "ok", 1, "generation", (json_int_t)t->generation,
				      "rules", (json_int_t)t->rule_count, "patterns", (json_int_t)t->pattern_count,
				      "parked", (json_int_t)publication_collect(&box->rules), "end", 1));
}

static bool
collect_line(void *ctx, const char *line, size_t len)
{
	json_t *event = json_loadb(line, len, 0, NULL);

	return event == NULL || json_array_append_new(ctx, event) == 0;
}

static bool
request_events(struct box *box, int client, const json_t *request, int fd)
{
	json_int_t limit = json_integer_value(json_object_get(request, "limit"));
	json_t *all = json_array(), *some = json_array(), *event;
	size_t i;
	bool sent = true;

	if (limit <= 0)
		limit = EVENTS_DEFAULT;
	event_writer_last(box->writer, limit < EVENT_LINES_KEPT ? (unsigned)limit : EVENT_LINES_KEPT, collect_line,
			  all);
	json_array_foreach(all, i, event)
	{
		json_array_append(some, event);
		if (json_array_size(some) == EVENTS_A_DATAGRAM && i + 1 < json_array_size(all)) {
			sent = sent && request_send(client, json_pack("{s:b,s:o}", "ok", 1, "events", some));
			some = json_array();
		}
	}
	json_decref(all);
	return request_send(client, json_pack("{s:b,s:o,s:b}", "ok", 1, "events", some, "end", 1)) && sent;
}

static const struct {
	const char *name;
	bool (*answer)(struct box *box, int client, const json_t *request, int fd);
} commands[] = {
	{ "ping", request_ping },
	{ "load", request_load },
	{ "stats", request_stats },
	{ "flows", request_flows },
	{ "events", request_events },
	{ "rules", request_rules },
	{ "quarantine", request_quarantine },
	{ "scope", request_scope },
};

bool
request_answer(void *ctx, int client, const char *text, size_t len, int fd)
{
	json_t *request = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const char *name = json_string_value(json_object_get(request, "cmd"));
	bool keep;

	for (size_t i = 0; name != NULL && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(name, commands[i].name) == 0) {
			keep = commands[i].answer(ctx, client, request, fd);
			json_decref(request);
			return keep;
		}
	keep = request_refuse(
		client,
		"unknown request; \"cmd\" with ping, load, stats, flows, events, quarantine, scope or rules is wanted");
	json_decref(request);
	return keep;
}
