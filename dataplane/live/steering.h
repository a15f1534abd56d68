/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dataplane's part in steering (bpf/): it takes the sockets' place in the
 * program that carries the line, gives signs of life while its loops run, and
 * notes the sessions that concern the program. The program is put on the ports
 * here, as root, before the ports are opened: the driver adopts what it finds,
 * so that neither a start nor an end leaves the line without a program.
 */
#ifndef POSTERN_LIVE_STEERING_H
#define POSTERN_LIVE_STEERING_H

#include <stdatomic.h>

#include "io/spread.h"
#include "pipeline.h"
#include "settings/settings.h"
#include "steer.h"

/* A worker's own sign of life, in a cache line of its own. */
struct pulse {
	_Atomic uint64_t ns;
	uint8_t pad[56];
};

struct steering {
	struct steer *maps; /* NULL: no steering; the workers' signs of life are kept nevertheless */
	struct steer_live *live;
	unsigned workers;
	uint64_t drain_ns;
	struct flow_watch watch; /* for pipeline_config */
	atomic_bool retiring;    /* by the main thread: no signs of life any more, and no session is forgotten */
	atomic_bool begun;
	_Atomic uint64_t unnoted; /* edited sessions for which there was no room */
	struct pulse pulse[WORKERS_MAX];
};

/* Puts the program on the ports and opens its maps; nothing where the settings say no. False after a sentence. Root. */
bool steering_attach(struct steering *st, const struct settings *s);

/* The ports are open: from here on sessions are this run's. Mail comes once all workers beat. */
void steering_begin(struct steering *st, unsigned workers);

/* A worker's loop runs. The first one, which owns the ports, speaks for all. Worker's thread. */
void steering_beat(struct steering *st, unsigned worker, uint64_t now_ns);

/* When all workers were last seen alive, monotonic, ns: that of the one seen longest ago. 0: not all yet. Any thread.
 */
uint64_t steering_alive(const struct steering *st);

/*
 * The end begins: mail goes past us from now on. Returns when what was under way has come through, and the sessions
 * that only we can continue are over, or had drain_ms for it. The workers run on meanwhile. Main thread.
 */
void steering_retire(struct steering *st);

void steering_close(struct steering *st);

#endif
