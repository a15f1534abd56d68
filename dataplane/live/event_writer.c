/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/clock.h"
#include "live/event_writer.h"
#include "live/say.h"

enum {
	LINE_MAX_OCTETS = 4096,
	EMPTY_SLEEP_US = 5000,
	RETRY_NS = 1000000000, /* a file that failed is tried again once a second */
};

struct line {
	size_t len;
	char *text;
};

struct event_writer {
	struct event_writer_config config;
	pthread_t thread;
	atomic_bool stop, reopen;
	/* the writer's own */
	int fd;
	bool partial; /* the file ends in half a line */
	uint64_t retry_ns;
	/* written by the writer, read by anybody */
	atomic_uint_fast64_t written, lost;
	atomic_bool failing;
	/* shared, under the lock; no file is touched while it is held */
	pthread_mutex_t lock;
	struct line kept[EVENT_LINES_KEPT];
	unsigned kept_next; /* lines ever kept */
};

/* "/var/log/postern/events.json" wants /var/log/postern; its parents are somebody else's business. */
static void
make_directory(const struct event_writer_config *c)
{
	const char *slash = strrchr(c->path, '/');
	char *dir;

	if (slash == NULL || slash == c->path)
		return;
	dir = strndup(c->path, (size_t)(slash - c->path));
	if (dir != NULL && mkdir(dir, 0750) == 0 && c->uid >= 0 && chown(dir, (uid_t)c->uid, (gid_t)c->gid) != 0)
		say("%s: cannot give it to user %d: %s", dir, c->uid, strerror(errno));
	free(dir);
}

static void
set_failing(struct event_writer *w, const char *what)
{
	w->retry_ns = clock_monotonic() + RETRY_NS;
	if (!atomic_exchange(&w->failing, true))
		say("events: %s: %s: %s; events are counted and lost until it works again, mail is judged as before",
		    w->config.path, what, strerror(errno));
}

static void
open_file(struct event_writer *w)
{
	const struct event_writer_config *c = &w->config;

	if (w->fd >= 0)
		close(w->fd);
	make_directory(c);
	w->fd = open(c->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
	w->partial = false;
	if (w->fd < 0) {
		set_failing(w, "cannot be opened");
		return;
	}
	if (c->uid >= 0 && geteuid() == 0 && fchown(w->fd, (uid_t)c->uid, (gid_t)c->gid) != 0)
		say("events: %s: cannot give it to user %d: %s", c->path, c->uid, strerror(errno));
}

/* False: the line, or a part of it, is not in the file. */
static bool
append(struct event_writer *w, const char *text, size_t len)
{
	ssize_t done;

	/* Half a line from before the disk was full: end it, so that the next one can be read. */
	if (w->partial && write(w->fd, "\n", 1) != 1)
		return false;
	w->partial = false;
	do {
		done = write(w->fd, text, len);
	} while (done < 0 && errno == EINTR);
	if (done == (ssize_t)len)
		return true;
	w->partial = done > 0;
	if (done >= 0)
		errno = ENOSPC;
	return false;
}

static void
write_line(struct event_writer *w, const char *text, size_t len)
{
	if (w->config.path[0] == '\0')
		return;
	if (w->failing && clock_monotonic() < w->retry_ns) {
		w->lost++;
		return;
	}
	if (w->fd < 0)
		open_file(w);
	if (w->fd < 0 || !append(w, text, len)) {
		w->lost++;
		if (w->fd >= 0)
			set_failing(w, "cannot be written");
		return;
	}
	w->written++;
	if (atomic_exchange(&w->failing, false))
		say("events: %s: works again; %llu events were lost so far", w->config.path,
		    (unsigned long long)w->lost);
}

/* The oldest line makes room. `text` includes its line end, which is not kept. */
static void
keep_line(struct event_writer *w, const char *text, size_t len)
{
	struct line *l = &w->kept[w->kept_next % EVENT_LINES_KEPT];
	char *copy = malloc(len);

	if (copy == NULL)
		return;
	memcpy(copy, text, len - 1);
	copy[len - 1] = '\0';
	free(l->text);
	*l = (struct line){ .len = len - 1, .text = copy };
	w->kept_next++;
}

static void
take_event(struct event_writer *w, const struct event *e)
{
	char text[LINE_MAX_OCTETS + 1];
	size_t len = event_json(e, &w->config.key, w->config.clear_addresses, NULL, text, LINE_MAX_OCTETS);

	if (len == 0)
		return;
	text[len++] = '\n';
	write_line(w, text, len);
	pthread_mutex_lock(&w->lock);
	keep_line(w, text, len);
	pthread_mutex_unlock(&w->lock);
}

/* Empties all rings; true where anything was in them. */
static bool
drain(struct event_writer *w)
{
	struct event e;
	bool any = false;

	for (unsigned i = 0; i < w->config.rings_count; i++)
		while (event_ring_get(w->config.rings[i], &e)) {
			take_event(w, &e);
			any = true;
		}
	return any;
}

static void *
writer_main(void *ctx)
{
	struct event_writer *w = ctx;
	bool last = false;

	while (!last) {
		last = atomic_load(&w->stop); /* read first: what was put before it is still taken */
		if (atomic_exchange(&w->reopen, false) && w->config.path[0] != '\0')
			open_file(w);
		if (!drain(w) && !last)
			usleep(EMPTY_SLEEP_US);
	}
	return NULL;
}

struct event_writer *
event_writer_start(const struct event_writer_config *config)
{
	struct event_writer *w = calloc(1, sizeof(*w));
	int failed = ENOMEM;

	if (w != NULL) {
		w->config = *config;
		w->fd = -1;
		pthread_mutex_init(&w->lock, NULL);
		if (config->path[0] != '\0')
			open_file(w);
		failed = pthread_create(&w->thread, NULL, writer_main, w);
	}
	if (failed != 0) {
		say("the event writer does not start: %s", strerror(failed));
		free(w);
		return NULL;
	}
	return w;
}

void
event_writer_stop(struct event_writer *w)
{
	if (w == NULL)
		return;
	atomic_store(&w->stop, true);
	pthread_join(w->thread, NULL);
	if (w->fd >= 0)
		close(w->fd);
	for (unsigned i = 0; i < EVENT_LINES_KEPT; i++)
		free(w->kept[i].text);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void
event_writer_reopen(struct event_writer *w)
{
	atomic_store(&w->reopen, true);
}

void
event_writer_stats(struct event_writer *w, struct event_writer_stats *stats)
{
	*stats = (struct event_writer_stats){ .written = w->written, .lost = w->lost, .failing = w->failing };
}

void
event_writer_last(struct event_writer *w, unsigned limit, bool (*each)(void *ctx, const char *line, size_t len),
		  void *ctx)
{
	unsigned there, i;

	pthread_mutex_lock(&w->lock);
	there = w->kept_next < EVENT_LINES_KEPT ? w->kept_next : EVENT_LINES_KEPT;
	i = w->kept_next - (limit < there ? limit : there);
	for (; i != w->kept_next; i++) {
		const struct line *l = &w->kept[i % EVENT_LINES_KEPT];

		if (!each(ctx, l->text, l->len))
			break;
	}
	pthread_mutex_unlock(&w->lock);
}
