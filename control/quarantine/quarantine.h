/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The quarantines of the settings: watched (quarantine/health.h), and told to
 * the dataplane as one small table whenever something has changed, and once a
 * second in case that it has started anew. Loop thread only.
 */
#ifndef POSTERN_CONTROL_QUARANTINE_H
#define POSTERN_CONTROL_QUARANTINE_H

#include <jansson.h>
#include <uv.h>

#include "quarantine/health.h"
#include "settings/settings.h"

#define QUARANTINES_MAX 8 /* as the dataplane's table has it */

struct quarantines {
	uv_loop_t *loop;
	const struct settings *settings;
	uv_timer_t tick;
	uv_poll_t *poll;     /* of fd; owned, frees itself when closed */
	int fd;              /* to the dataplane; -1: none */
	bool told;           /* the dataplane has the table of `generation` */
	uint64_t generation; /* of the table: changes whenever it does, also across restarts */
	json_t *dataplane;   /* its last answer: workers, sessions, counters; NULL: none yet */
	uint64_t asked_ms;   /* when the dataplane was told last, and has not answered; 0: it has */
	unsigned ticks;
	unsigned count;
	struct health health[QUARANTINES_MAX];
};

/* Borrows `settings`, whose addresses were checked. Nothing happens where no quarantine is configured. */
void quarantines_init(struct quarantines *q, uv_loop_t *loop, const struct settings *settings);
void quarantines_close(struct quarantines *q);

/* The answer of {"cmd":"quarantine"} (protocol.h). Returns owned. */
json_t *quarantines_answer(const struct quarantines *q);

#endif
