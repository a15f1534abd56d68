/* SPDX-License-Identifier: BSD-3-Clause */
/* What is read, from `postern apply` to the workers: each takes its copy at its next tick. */
#include <unistd.h>

#include "io/worker.h"
#include "live/box.h"
#include "live/requests.h"
#include "settings/prefix.h"

enum { TAKE_US = 1000, TAKE_TRIES = 200 };

static bool
read_ports(const json_t *ports, struct scope *s)
{
	size_t i;
	json_t *port;

	if (!json_is_array(ports) || json_array_size(ports) == 0 || json_array_size(ports) > SCOPE_PORTS_MAX)
		return false;
	json_array_foreach((json_t *)(uintptr_t)ports, i, port)
	{
		if (json_integer_value(port) < 1 || json_integer_value(port) > 65535)
			return false;
		s->port[s->ports++] = (uint16_t)json_integer_value(port);
	}
	return true;
}

static bool
read_exempt(const json_t *exempt, struct scope *s)
{
	size_t i;
	json_t *text;

	if (!json_is_array(exempt) || json_array_size(exempt) > SCOPE_EXEMPT_MAX)
		return false;
	json_array_foreach((json_t *)(uintptr_t)exempt, i,
			   text) if (!json_is_string(text) ||
				     prefix_parse(json_string_value(text), &s->exempt[s->exempts++]) !=
					     NULL) return false;
	return true;
}

/* The worker has taken the last one. False: nor does it within the time. */
static bool
taken(struct worker *w)
{
	for (unsigned i = 0; atomic_load_explicit(&w->scope_full, memory_order_acquire); i++) {
		if (i == TAKE_TRIES)
			return false;
		usleep(TAKE_US);
	}
	return true;
}

static bool
post(struct worker *w, const struct scope *s)
{
	if (!taken(w))
		return false;
	w->scope = *s;
	atomic_store_explicit(&w->scope_full, true, memory_order_release);
	return true;
}

bool
request_scope(struct box *box, int client, const json_t *request, int fd)
{
	struct scope s = { 0 };

	if (!read_ports(json_object_get(request, "mail_ports"), &s) ||
	    !read_exempt(json_object_get(request, "exempt"), &s))
		return request_refuse(client,
				      "mail_ports (1 to %d numbers) and exempt (at most %d prefixes) are wanted",
				      SCOPE_PORTS_MAX, SCOPE_EXEMPT_MAX);
	for (unsigned i = 0; i < box->workers; i++)
		if (!post(box->worker[i], &s))
			return request_refuse(client, "worker %u does not take it", i);
	/* Whoever asked may begin a session as soon as it has our answer. */
	for (unsigned i = 0; i < box->workers; i++)
		if (!taken(box->worker[i]))
			return request_refuse(client, "worker %u has not taken it yet", i);
	box->scope = s;
	ports_mail(&box->ports, &s);
	return request_send(client, json_pack("{s:b,s:b}", "ok", 1, "end", 1));
}

json_t *
scope_json(const struct scope *s)
{
	json_t *ports = json_array(), *exempt = json_array();

	for (unsigned i = 0; i < s->ports; i++)
		json_array_append_new(ports, json_integer(s->port[i]));
	for (unsigned i = 0; i < s->exempts; i++) {
		char text[PREFIX_TEXT];

		prefix_text(&s->exempt[i], text);
		json_array_append_new(exempt, json_string(text));
	}
	return json_pack("{s:o,s:o}", "mail_ports", ports, "exempt", exempt);
}
