/* SPDX-License-Identifier: BSD-3-Clause */
#include "quarantine/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "splice/answer.h"

enum said { SAID_NOTHING, SAID_EHLO };

/* One connection. Lives until both handles are closed, whatever becomes of its owner. */
struct health_dialogue {
	struct health *owner; /* NULL: it has ended */
	struct neighbour way;
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_connect_t connect;
	uv_write_t write;
	struct answer answer;
	unsigned open; /* handles */
	enum said said;
	bool connected;
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

/* Of the interface itself something is missing. */
static void
note_missing(struct health *h, const char *missing)
{
	snprintf(h->error, sizeof(h->error), "%s on %s", missing, h->interface);
}

/* What a look has shown; h->error is "" where the quarantine is well. */
static void
note(struct health *h, uint32_t caps, const struct neighbour *way)
{
	bool healthy = h->error[0] == '\0';
	bool changed = h->healthy != healthy || h->caps != caps ||
		       memcmp(h->way.mac, way->mac, sizeof(way->mac)) != 0 ||
		       memcmp(h->way.own, way->own, sizeof(way->own)) != 0;

	if (h->healthy != healthy || h->checks == 0)
		h->since_s = (uint64_t)time(NULL);
	h->healthy = healthy;
	h->caps = caps;
	h->way = *way;
	h->checks++;
	if (changed)
		h->changed(h->ctx);
}

/* The dialogue is over; `error` NULL: the quarantine is well, if its next hop is known. */
static void
end(struct health_dialogue *d, const char *error)
{
	struct health *h = d->owner;
	const char *missing;

	if (h == NULL)
		return;
	d->owner = NULL;
	h->dialogue = NULL;
	missing = h->interface[0] != '\0' ? neighbour_ask(h->interface, &d->way) : NULL;
	snprintf(h->error, sizeof(h->error), "%s", error != NULL ? error : "");
	if (error == NULL && missing != NULL)
		note_missing(h, missing);
	note(h, h->error[0] == '\0' ? d->caps : 0, &d->way);
	hang_up(d);
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
	d->connected = true;
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

/* Nobody answers at the Ethernet address that the kernel knows: the next SYN is to find the one of now. */
static void
unanswered(uv_timer_t *timer)
{
	struct health_dialogue *d = timer->data;

	if (!d->connected)
		neighbour_forget(d->owner->interface, &d->way);
	uv_timer_start(timer, overdue, HEALTH_ANSWER_MS - HEALTH_CONNECT_MS, 0);
}

void
health_init(struct health *h, uv_loop_t *loop, const struct sockaddr_storage *address, const char *interface,
	    void (*changed)(void *ctx), void *ctx)
{
	*h = (struct health){
		.loop = loop, .address = *address, .interface = interface, .changed = changed, .ctx = ctx
	};
}

/* Connects, by the interface where there is one to use. 0, or an error of libuv. */
static int
connect_by(struct health_dialogue *d, const struct health *h)
{
	uv_os_fd_t fd;

	if (h->interface[0] != '\0' &&
	    (uv_fileno((uv_handle_t *)&d->tcp, &fd) != 0 ||
	     setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, h->interface, (socklen_t)strlen(h->interface) + 1) != 0))
		return UV_ENODEV;
	return uv_tcp_connect(&d->connect, &d->tcp, (const struct sockaddr *)&h->address, connected);
}

void
health_check(struct health *h)
{
	bool bound = h->interface[0] != '\0';
	struct neighbour way = { 0 };
	struct health_dialogue *d;
	const char *missing;
	int err;

	if (h->dialogue != NULL)
		return;
	missing = bound ? neighbour_route(h->interface, &h->address, &way) : NULL;
	if (missing != NULL) {
		note_missing(h, missing);
		note(h, 0, &way);
		return;
	}
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return;
	d->owner = h;
	d->way = way;
	h->dialogue = d;
	d->open = 2;
	uv_tcp_init_ex(h->loop, &d->tcp, h->address.ss_family);
	uv_timer_init(h->loop, &d->timer);
	d->tcp.data = d->timer.data = d->connect.data = d;
	uv_timer_start(&d->timer, bound ? unanswered : overdue, bound ? HEALTH_CONNECT_MS : HEALTH_ANSWER_MS, 0);
	err = connect_by(d, h);
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
