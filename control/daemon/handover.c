/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon/handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/log.h"
#include "socket/wire.h"

#define BACKOFF_FIRST_MS 50
#define BACKOFF_LAST_MS  2000
#define OCTETS_PER_S     (32 << 20) /* a dataplane verifies and deserialises at least so much */

static void attempt(uv_timer_t *timer);
static void overdue(uv_timer_t *timer);
static void readable(uv_poll_t *poll, int status, int events);

static void
free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void
disconnect(struct handover *h)
{
	if (h->fd < 0)
		return;
	uv_close((uv_handle_t *)h->poll, free_handle);
	close(h->fd);
	h->fd = -1;
	h->ping = false;
}

static void
look_again(struct handover *h)
{
	if (h->closing)
		return;
	uv_timer_start(&h->timer, attempt, h->backoff_ms, 0);
	h->backoff_ms = h->backoff_ms * 2 < BACKOFF_LAST_MS ? h->backoff_ms * 2 : BACKOFF_LAST_MS;
}

static void
answer(struct handover *h, const struct handover_answer *a)
{
	h->load = false;
	h->done(h->ctx, a);
}

/* The dataplane cannot be asked, for the reason `why`: whoever waits is told so, and we keep looking for it. */
static void
lost(struct handover *h, const char *why, bool ended)
{
	struct handover_answer a = { .refused = ended };

	disconnect(h);
	look_again(h);
	if (!h->away)
		log_line("the dataplane does not answer at %s: %s", h->path, why);
	h->away = true;
	if (!h->load)
		return;
	snprintf(a.error, sizeof(a.error), "the dataplane does not answer at %s: %s", h->path, why);
	answer(h, &a);
}

static int
link_up(struct handover *h)
{
	int fd = wire_connect(h->path);

	if (fd < 0)
		return fd;
	h->poll = malloc(sizeof(*h->poll));
	if (h->poll == NULL || uv_poll_init(h->loop, h->poll, fd) < 0) {
		free(h->poll);
		close(fd);
		return -ENOMEM;
	}
	h->fd = fd;
	h->poll->data = h;
	uv_poll_start(h->poll, UV_READABLE | UV_DISCONNECT, readable);
	return 0;
}

static int
send_ping(struct handover *h)
{
	json_t *o = json_pack("{s:s}", "cmd", "ping");
	int err = wire_send(h->fd, o, -1);

	json_decref(o);
	h->ping = err == 0;
	uv_timer_start(&h->timer, overdue, h->timeout_ms, h->timeout_ms);
	return err;
}

static void
attempt(uv_timer_t *timer)
{
	struct handover *h = timer->data;
	int err = link_up(h);

	if (err == 0)
		err = send_ping(h);
	if (err < 0)
		lost(h, strerror(-err), false);
}

static void
overdue(uv_timer_t *timer)
{
	struct handover *h = timer->data;
	char why[64];

	snprintf(why, sizeof(why), "no answer within %.1f s", (double)uv_timer_get_repeat(timer) / 1000);
	lost(h, why, false);
}

static uint64_t
number(const json_t *o, const char *name)
{
	json_int_t v = json_integer_value(json_object_get(o, name));

	return v > 0 ? (uint64_t)v : 0;
}

static void
heard(struct handover *h)
{
	h->backoff_ms = BACKOFF_FIRST_MS;
	if (h->away)
		log_line("the dataplane answers at %s", h->path);
	h->away = false;
}

static void
ping_answered(struct handover *h, const json_t *o)
{
	h->ping = false;
	heard(h);
	if (h->load)
		return;
	uv_timer_stop(&h->timer);
	h->present(h->ctx, number(o, "generation"));
}

static void
load_answered(struct handover *h, const json_t *o)
{
	const char *error = json_string_value(json_object_get(o, "error"));
	struct handover_answer a = { .generation = number(o, "generation"),
				     .swap_ns = number(o, "swap_ns"),
				     .quiesce_ns = number(o, "quiesce_ns"),
				     .packets_lost = number(o, "packets_lost") };

	uv_timer_stop(&h->timer);
	heard(h);
	if (!json_is_true(json_object_get(o, "ok"))) {
		a.refused = true;
		snprintf(a.error, sizeof(a.error), "the dataplane refused the rule set: %s",
			 error != NULL ? error : "it did not say why");
	}
	answer(h, &a);
}

static void
readable(uv_poll_t *poll, int status, int events)
{
	struct handover *h = poll->data;
	json_t *o;
	int got = wire_receive(h->fd, &o);

	if (got == -EAGAIN)
		return;
	if (got <= 0 || !(h->ping || h->load)) {
		json_decref(o);
		lost(h, got == 0 ? "it closed the connection" : "its answer is not of this protocol", true);
		return;
	}
	if (wire_last(o) && h->ping)
		ping_answered(h, o);
	else if (wire_last(o))
		load_answered(h, o);
	json_decref(o);
}

static int
send_load(struct handover *h)
{
	json_t *o = json_pack("{s:s}", "cmd", "load");
	int err = wire_send(h->fd, o, h->blob);

	json_decref(o);
	return err;
}

void
handover_load(struct handover *h, int blob, size_t blob_len, handover_done *done)
{
	int err = 0;

	h->blob = blob;
	h->done = done;
	h->load = true;
	if (h->fd >= 0 && (err = send_load(h)) < 0)
		disconnect(h); /* the dataplane of before is gone; perhaps there is a new one already */
	if (h->fd < 0 && (err = link_up(h)) == 0)
		err = send_load(h);
	if (err < 0) {
		lost(h, strerror(-err), false);
		return;
	}
	uint64_t limit_ms = h->timeout_ms + blob_len * 1000 / OCTETS_PER_S;
	uv_timer_start(&h->timer, overdue, limit_ms, limit_ms);
}

int
handover_init(struct handover *h, uv_loop_t *loop, const char *path, unsigned timeout_ms, handover_present *present,
	      void *ctx)
{
	memset(h, 0, sizeof(*h));
	h->loop = loop;
	h->path = strdup(path);
	h->fd = -1;
	h->timeout_ms = timeout_ms;
	h->backoff_ms = BACKOFF_FIRST_MS;
	h->present = present;
	h->ctx = ctx;
	uv_timer_init(loop, &h->timer);
	h->timer.data = h;
	uv_timer_start(&h->timer, attempt, 0, 0);
	return h->path != NULL ? 0 : -ENOMEM;
}

void
handover_close(struct handover *h)
{
	h->closing = true;
	disconnect(h);
	uv_close((uv_handle_t *)&h->timer, NULL);
	free(h->path);
	h->path = NULL;
}
