/* SPDX-License-Identifier: BSD-3-Clause */
#include "quarantine/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "splice/answer.h"

enum said { SAID_NOTHING, SAID_EHLO };

/* One connection. Lives until both handles are closed, whatever becomes of its owner. */
struct health_dialogue {
	struct health *owner; /* NULL: it has ended */
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_connect_t connect;
	uv_write_t write;
	struct answer answer;
	unsigned open; /* handles */
	enum said said;
	uint32_t caps;
	char line[300];
	char buffer[4096];
};

static void
handle_closed(uv_handle_t *handle)
{
	struct health_dialogue *d = handle->data;

	if (--d->open == 0)
		free(d);
}

static void
hang_up(struct health_dialogue *d)
{
	uv_close((uv_handle_t *)&d->tcp, handle_closed);
	uv_close((uv_handle_t *)&d->timer, handle_closed);
}

/* The dialogue is over; `error` NULL: the quarantine is well. */
static void
end(struct health_dialogue *d, const char *error)
{
	struct health *h = d->owner;
	bool healthy = error == NULL;
	uint32_t caps = healthy ? d->caps : 0;
	bool changed;

	if (h == NULL)
		return;
	changed = h->healthy != healthy || h->caps != caps;
	if (h->healthy != healthy || h->checks == 0)
		h->since_s = (uint64_t)time(NULL);
	d->owner = NULL;
	h->dialogue = NULL;
	h->healthy = healthy;
	h->caps = caps;
	h->checks++;
	snprintf(h->error, sizeof(h->error), "%s", healthy ? "" : error);
	hang_up(d);
	if (changed)
		h->changed(h->ctx);
}

static void
written(uv_write_t *request, int status)
{
	struct health_dialogue *d = request->data;

	if (status < 0 && d->owner != NULL)
		end(d, uv_strerror(status));
}

static void
say(struct health_dialogue *d, const char *line)
{
	uv_buf_t buf;
	int err;

	snprintf(d->line, sizeof(d->line), "%s", line);
	buf = uv_buf_init(d->line, (unsigned)strlen(d->line));
	d->write.data = d;
	err = uv_write(&d->write, (uv_stream_t *)&d->tcp, &buf, 1, written);
	if (err < 0)
		end(d, uv_strerror(err));
}

/* QUIT is said without waiting for its answer: what we wanted to know is known. */
static void
take_leave(struct health_dialogue *d)
{
	uv_buf_t quit = uv_buf_init((char[]){ "QUIT\r\n" }, 6);

	uv_try_write((uv_stream_t *)&d->tcp, &quit, 1);
	end(d, NULL);
}

static void
answered(struct health_dialogue *d, int code)
{
	char line[300], host[256] = "localhost";

	if (code / 100 != 2) {
		snprintf(line, sizeof(line), "it answered %d to %s", code,
			 d->said == SAID_EHLO ? "EHLO" : "the connection");
		end(d, line);
	} else if (d->said == SAID_EHLO) {
		d->caps = d->answer.caps;
		take_leave(d);
	} else {
		gethostname(host, sizeof(host) - 1);
		snprintf(line, sizeof(line), "EHLO %s\r\n", host);
		d->said = SAID_EHLO;
		say(d, line);
	}
}

static void
room(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
	struct health_dialogue *d = handle->data;

	*buf = uv_buf_init(d->buffer, sizeof(d->buffer));
}

static void
heard(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct health_dialogue *d = stream->data;
	struct view data = view_of(buf->base, n > 0 ? (size_t)n : 0);
	size_t used;

	if (n < 0 && d->owner != NULL)
		end(d, n == UV_EOF ? "it closed the connection" : uv_strerror((int)n));
	while (d->owner != NULL && data.len > 0) {
		int code = answer_read(&d->answer, data, &used);
		data = view_of(data.at + used, data.len - used);
		if (code < 0)
			end(d, "it does not speak SMTP");
		else if (code > 0)
			answered(d, code);
	}
}

static void
connected(uv_connect_t *request, int status)
{
	struct health_dialogue *d = request->data;

	if (d->owner == NULL)
		return;
	if (status == 0)
		status = uv_read_start((uv_stream_t *)&d->tcp, room, heard);
	if (status < 0)
		end(d, uv_strerror(status));
}

static void
overdue(uv_timer_t *timer)
{
	end(timer->data, "it does not answer in time");
}

void
health_init(struct health *h, uv_loop_t *loop, const struct sockaddr_storage *address, void (*changed)(void *ctx),
	    void *ctx)
{
	*h = (struct health){ .loop = loop, .address = *address, .changed = changed, .ctx = ctx };
}

void
health_check(struct health *h)
{
	struct health_dialogue *d;
	int err;

	if (h->dialogue != NULL || (d = calloc(1, sizeof(*d))) == NULL)
		return;
	d->owner = h;
	h->dialogue = d;
	d->open = 2;
	uv_tcp_init(h->loop, &d->tcp);
	uv_timer_init(h->loop, &d->timer);
	d->tcp.data = d->timer.data = d->connect.data = d;
	uv_timer_start(&d->timer, overdue, HEALTH_ANSWER_MS, 0);
	err = uv_tcp_connect(&d->connect, &d->tcp, (const struct sockaddr *)&h->address, connected);
	if (err < 0)
		end(d, uv_strerror(err));
}

void
health_close(struct health *h)
{
	if (h->dialogue == NULL)
		return;
	h->dialogue->owner = NULL;
	hang_up(h->dialogue);
	h->dialogue = NULL;
}
