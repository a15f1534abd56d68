/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: one core, one pipeline, run to completion. Everything in it is the
 * worker's alone, but for what is tagged: [C] read by the control thread,
 * [E] read by the event writer.
 */
#ifndef POSTERN_IO_WORKER_H
#define POSTERN_IO_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/counters.h"
#include "io/doze.h"
#include "io/front.h"
#include "io/spread.h"
#include "live/flow_list.h"
#include "pipeline.h"
#include "settings/settings.h"

struct event_ring;
struct steering;
struct publication;

struct worker {
	struct counters counters; /* [C] */
	unsigned index;
	struct front front;
	struct pipeline *pipeline;
	struct event_ring *events; /* [E] */
	struct publication *rules;
	struct spread *spread;  /* NULL: the only worker */
	struct flow_list flows; /* [C] by request */
	struct steering *steering;
	uint64_t beat_ns;                    /* time of the last sign of life */
	struct quarantine_table quarantines; /* the control thread's while not full, else the worker's */
	atomic_bool quarantines_full;        /* set by the control thread, cleared by the worker */
	struct scope scope;                  /* the control thread's while not full, else the worker's */
	atomic_bool scope_full;              /* as quarantines_full */
	uint64_t tick_ns;                    /* time of the last tick */
	uint64_t wall_offset;                /* wall clock less monotonic clock, refreshed every tick */
	unsigned idle_sleep_us;              /* longest nap; 0: never */
	struct doze doze;                    /* what comes after naps */
	uint64_t doze_ns;                    /* the longest sleep */
	unsigned idle;                       /* rounds without a frame */
	const atomic_bool *stop;
	atomic_uint *running; /* workers in their loop */
};

/* What all workers have in common; borrowed for their lifetime. */
struct worker_common {
	const struct settings *settings;
	const struct ports *ports;
	struct rte_mempool *pool;
	struct publication *rules;
	struct spread *spread; /* NULL: one worker */
	struct steering *steering;
	const atomic_bool *stop;
	atomic_uint *running;
};

/* Returns owned, or NULL after a sentence on stderr. Main thread. */
struct worker *worker_new(const struct worker_common *common, unsigned index);
/* Takes w, after its loop has ended. NULL is fine. */
void worker_free(struct worker *w);

/*
 * What the worker's thread needs privileges for: precedence on its core, so
 * that the rings do not overflow while others run there. Fails in silence: it
 * only costs frames under load. `w` is a struct worker. Returns 0.
 */
int worker_prepare(void *w);

/* The loop; `w` is a struct worker. Ends, with everything let go and sent, when *stop is set. Returns 0. */
int worker_run(void *w);

/* Fragments that a worker may hold beside its held_packets. */
unsigned worker_fragments(const struct settings *s);

#endif
