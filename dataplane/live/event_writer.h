/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event writer: a thread of its own that takes events from the rings of
 * all workers, appends them to a file as JSON lines and keeps the last ones in
 * memory. A file that cannot be written is told once, counted, and tried
 * again; workers never notice.
 */
#ifndef POSTERN_LIVE_EVENT_WRITER_H
#define POSTERN_LIVE_EVENT_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "live/event_ring.h"

#define EVENT_LINES_KEPT 1024

struct event_writer;

struct event_writer_config {
	const char *path; /* file to append to; "": none; borrowed for the writer's lifetime */
	bool clear_addresses;
	struct event_key key;
	struct event_ring **rings; /* borrowed */
	unsigned rings_count;
	int32_t uid, gid; /* new owner of the file, as the process is about to become; -1: leave */
};

/* What became of events, for statistics. */
struct event_writer_stats {
	uint64_t written; /* lines in the file */
	uint64_t lost;    /* lines that the file did not take */
	bool failing;     /* the last write failed */
};

/* Opens the file and starts the thread. Returns owned, or NULL after a sentence on stderr (no memory). */
struct event_writer *event_writer_start(const struct event_writer_config *config);

/* Takes everything out of the rings, ends the thread, closes the file. Takes w; NULL is fine. */
void event_writer_stop(struct event_writer *w);

/* Opens the file anew before the next line (log rotation). Any thread, also a signal handler. */
void event_writer_reopen(struct event_writer *w);

/* Any thread. */
void event_writer_stats(struct event_writer *w, struct event_writer_stats *stats);

/*
 * Calls `each` for the last `limit` lines, oldest first, until it returns
 * false. Any thread but the writer's; the writer waits meanwhile, so `each`
 * only copies.
 */
void event_writer_last(struct event_writer *w, unsigned limit, bool (*each)(void *ctx, const char *line, size_t len),
		       void *ctx);

#endif
