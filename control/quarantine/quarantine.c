/* SPDX-License-Identifier: BSD-3-Clause */
#include "quarantine/quarantine.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/log.h"
#include "splice/caps.h"
#include "socket/wire.h"

#define TICK_MS 1000
#define WAIT_MS 2000 /* a dataplane that does not answer for so long is asked anew */

static bool
address_of(const struct settings_quarantine *s, struct sockaddr_storage *address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, s->address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)s->port);
		return true;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)s->port);
	return inet_pton(AF_INET6, s->address, &v6->sin6_addr) == 1;
}

/* ---- to the dataplane ---- */

static const char *
xclient_of(const struct settings_quarantine *s)
{
	return s->xclient != NULL ? s->xclient : "off";
}

/* By an interface of its own: the Ethernet addresses there, once they are known. */
static void
add_way(json_t *server, const struct health *h)
{
	char text[NEIGHBOUR_TEXT];

	if (!h->way.known)
		return;
	neighbour_text(h->way.mac, text);
	json_object_set_new(server, "next_hop_mac", json_string(text));
	neighbour_text(h->way.own, text);
	json_object_set_new(server, "own_mac", json_string(text));
}

static json_t *
table(const struct quarantines *q)
{
	const struct settings *s = q->settings;
	json_t *servers = json_array();

	for (unsigned i = 0; i < q->count; i++) {
		json_t *server =
			json_pack("{s:s,s:s,s:i,s:b,s:I,s:s}", "name", s->quarantine.servers[i].name, "address",
				  s->quarantine.servers[i].address, "port", (int)s->quarantine.servers[i].port,
				  "healthy", q->health[i].healthy, "caps", (json_int_t)q->health[i].caps, "xclient",
				  xclient_of(&s->quarantine.servers[i]));

		add_way(server, &q->health[i]);
		json_array_append_new(servers, server);
	}
	return json_pack("{s:s,s:I,s:s,s:i,s:i,s:I,s:i,s:o}", "cmd", "quarantine", "generation",
			 (json_int_t)q->generation, "fallback", s->quarantine.fallback, "sessions",
			 (int)s->quarantine.sessions, "setup_ms", (int)s->quarantine.setup_ms, "answer_ms",
			 (json_int_t)s->quarantine.answer_s * 1000, "session_s", (int)s->quarantine.session_s,
			 "servers", servers);
}

static void
free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void
disconnect(struct quarantines *q)
{
	if (q->fd < 0)
		return;
	uv_close((uv_handle_t *)q->poll, free_handle);
	close(q->fd);
	q->fd = -1;
	q->asked_ms = 0;
}

static void
answered(uv_poll_t *poll, int status, int events)
{
	struct quarantines *q = poll->data;
	json_t *o;
	int got = wire_receive(q->fd, &o);

	if (got == -EAGAIN)
		return;
	q->asked_ms = 0;
	q->told = got == 1 && json_is_true(json_object_get(o, "ok"));
	if (got == 1 && !q->told)
		log_line("the dataplane refused the quarantines: %s",
			 json_string_value(json_object_get(o, "error")) != NULL
				 ? json_string_value(json_object_get(o, "error"))
				 : "it did not say why");
	if (got != 1)
		disconnect(q);
	json_decref(q->dataplane);
	q->dataplane = q->told ? json_incref(o) : NULL;
	json_decref(o);
}

/* False: the dataplane cannot be reached now. */
static bool
connect_dataplane(struct quarantines *q)
{
	int fd = wire_connect(q->settings->dataplane.socket);

	if (fd < 0)
		return false;
	q->poll = malloc(sizeof(*q->poll));
	if (q->poll == NULL || uv_poll_init(q->loop, q->poll, fd) < 0) {
		free(q->poll);
		close(fd);
		return false;
	}
	q->fd = fd;
	q->poll->data = q;
	uv_poll_start(q->poll, UV_READABLE | UV_DISCONNECT, answered);
	return true;
}

static void
tell(struct quarantines *q)
{
	json_t *o;

	if (q->asked_ms != 0 || (q->fd < 0 && !connect_dataplane(q)))
		return;
	o = table(q);
	if (wire_send(q->fd, o, -1) == 0)
		q->asked_ms = uv_now(q->loop) + 1;
	else
		disconnect(q);
	json_decref(o);
}

/* ---- health ---- */

static void
changed(void *ctx)
{
	struct quarantines *q = ctx;

	q->generation++;
	q->told = false;
	for (unsigned i = 0; i < q->count; i++)
		log_line("quarantine %s is %s%s%s", q->settings->quarantine.servers[i].name,
			 q->health[i].healthy ? "well" : "ill", q->health[i].error[0] != '\0' ? ": " : "",
			 q->health[i].error);
	tell(q);
}

static void
tick(uv_timer_t *timer)
{
	struct quarantines *q = timer->data;

	if (q->ticks++ % q->settings->quarantine.check_s == 0)
		for (unsigned i = 0; i < q->count; i++)
			health_check(&q->health[i]);
	if (q->asked_ms != 0 && uv_now(q->loop) >= q->asked_ms + WAIT_MS)
		disconnect(q);
	tell(q);
}

void
quarantines_init(struct quarantines *q, uv_loop_t *loop, const struct settings *settings)
{
	struct sockaddr_storage address;

	memset(q, 0, sizeof(*q));
	q->loop = loop;
	q->settings = settings;
	q->fd = -1;
	q->generation = (uint64_t)time(NULL) << 16;
	for (unsigned i = 0; i < settings->quarantine.servers_count && i < QUARANTINES_MAX; i++) {
		if (!address_of(&settings->quarantine.servers[i], &address)) {
			log_line("quarantine %s: \"%s\" is no address; expected an IPv4 or IPv6 address",
				 settings->quarantine.servers[i].name, settings->quarantine.servers[i].address);
			q->count = 0;
			return;
		}
		health_init(&q->health[q->count++], loop, &address, settings->quarantine.interface, changed, q);
	}
	if (q->count == 0)
		return;
	uv_timer_init(loop, &q->tick);
	q->tick.data = q;
	uv_timer_start(&q->tick, tick, 0, TICK_MS);
}

void
quarantines_close(struct quarantines *q)
{
	if (q->count == 0)
		return;
	for (unsigned i = 0; i < q->count; i++)
		health_close(&q->health[i]);
	disconnect(q);
	json_decref(q->dataplane);
	uv_close((uv_handle_t *)&q->tick, NULL);
}

/* ---- to the operator ---- */

static json_t *
words_of(uint32_t caps)
{
	char text[256] = "";
	size_t len = 0;

	for (unsigned i = 0; i < CAP_BIT_COUNT; i++)
		if (caps & UINT32_C(1) << i)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len > 0 ? " " : "",
						cap_words[i]);
	return json_string(text);
}

/* "as the session goes", or "eth3 to 192.0.2.3 at 02:00:00:00:00:01". */
static json_t *
way_of(const struct health *h)
{
	char hop[INET6_ADDRSTRLEN] = "?", mac[NEIGHBOUR_TEXT];

	if (h->interface[0] == '\0')
		return json_string("as the session goes");
	uv_ip_name((const struct sockaddr *)&h->way.hop, hop, sizeof(hop));
	neighbour_text(h->way.mac, mac);
	return json_sprintf("%s to %s at %s", h->interface, hop, h->way.known ? mac : "?");
}

json_t *
quarantines_answer(const struct quarantines *q)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < q->count; i++) {
		const struct settings_quarantine *s = &q->settings->quarantine.servers[i];
		const struct health *h = &q->health[i];
		json_int_t age = h->checks > 0 ? (json_int_t)time(NULL) - (json_int_t)h->since_s : 0;

		json_array_append_new(list, json_pack("{s:s,s:s,s:i,s:s,s:I,s:I,s:o,s:s,s:o}", "name", s->name,
						      "address", s->address, "port", (int)s->port, "state",
						      h->checks == 0 ? "unknown"
						      : h->healthy   ? "well"
								     : "ill",
						      "for_s", age, "checks", (json_int_t)h->checks, "capabilities",
						      words_of(h->caps), "error", h->error, "by", way_of(h)));
	}
	return json_pack("{s:b,s:o,s:s,s:b,s:O?,s:b}", "ok", 1, "quarantines", list, "fallback",
			 q->settings->quarantine.fallback, "told", q->told, "dataplane", q->dataplane, "end", 1);
}
