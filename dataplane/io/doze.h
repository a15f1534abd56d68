/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sleep of a worker that has nothing to do: until a frame comes in at one of its sockets, another worker wakes it,
 * or the time is over. Only the first two end it early, so the worker looks after its timers as often as it sleeps.
 */
#ifndef POSTERN_IO_DOZE_H
#define POSTERN_IO_DOZE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "io/port.h"

struct doze {
	bool possible;       /* false: something may bring frames without waking it */
	int wake;            /* eventfd of other workers; -1: there are none */
	int sock[SLOTS_MAX]; /* of the ports, borrowed */
	unsigned socks;
	atomic_bool asleep; /* set by the sleeper; cleared by whoever is faster */
};

/* Of a worker beside others (`shared`), which wake it, or of the only one. Main thread. */
void doze_init(struct doze *d, bool shared);
/* The worker owns the ports, which are open. Where one of them is not of AF_XDP it will not sleep. Main thread. */
void doze_ports(struct doze *d, const struct ports *ports);
void doze_done(struct doze *d);

/*
 * Worker's thread, in this order: doze_begin(); a last look at its rings; doze_sleep(), or not; doze_end(). What
 * another worker brings after doze_begin() ends the sleep.
 */
void doze_begin(struct doze *d);
void doze_sleep(struct doze *d, uint64_t ns);
void doze_end(struct doze *d);

/* After something was put into a ring of the sleeper. A system call only where it sleeps. Any thread. */
void doze_wake(struct doze *d);

#endif
