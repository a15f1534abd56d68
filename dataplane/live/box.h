/* SPDX-License-Identifier: BSD-3-Clause */
/* Everything that a running postern-dp consists of. Belongs to the main thread, which also answers requests. */
#ifndef POSTERN_LIVE_BOX_H
#define POSTERN_LIVE_BOX_H

#include <stdatomic.h>

#include "io/port.h"
#include "classify/scope.h"
#include "io/spread.h"
#include "live/event_writer.h"
#include "live/publish.h"
#include "live/steering.h"
#include "settings/settings.h"

struct worker;
struct server;
struct rte_mempool;

struct box {
	struct settings *settings;
	struct ports ports;
	struct rte_mempool *pool;
	struct spread spread;
	struct steering steering;
	struct publication rules;
	struct worker *worker[WORKERS_MAX];
	unsigned workers;
	struct event_ring *rings[WORKERS_MAX]; /* borrowed from the workers */
	struct event_writer *writer;
	struct server *server;
	uint64_t start_ns;    /* monotonic */
	uint64_t quarantines; /* generation of the table that the workers have */
	struct scope scope;   /* what the workers were told to read */
	unsigned uid;         /* of whoever started it */
	atomic_bool stop;     /* workers end their loops */
	atomic_uint running;  /* workers in their loops */
};

#endif
