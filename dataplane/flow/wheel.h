/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A timer wheel of flows. An entry is never moved when its flow sees a
 * packet: whoever turns the wheel looks at seen_ns and puts the flow back
 * where it is not due yet. Links are flow.wheel_next and wheel_prev.
 */
#ifndef POSTERN_FLOW_WHEEL_H
#define POSTERN_FLOW_WHEEL_H

#include "flow/flow.h"

#define WHEEL_SLOTS      1024
#define WHEEL_TICK_SHIFT 28 /* 2^28 ns = 0.27 s a slot: 275 s a turn; what is due later is looked at once a turn */

/* A list of flows, oldest first. */
struct flow_list {
	struct flow *first, *last;
};

void flow_list_append(struct flow_list *l, struct flow *f);
void flow_list_remove(struct flow_list *l, struct flow *f);

struct wheel {
	struct flow_list slot[WHEEL_SLOTS];
	uint64_t tick; /* everything due before it has been looked at */
};

/* Puts f, which is on no list, where it is looked at when `due_ns` has passed, or a turn from now. */
void wheel_arm(struct wheel *w, struct flow *f, uint64_t due_ns);
/* Takes f off. */
void wheel_disarm(struct wheel *w, struct flow *f);

/* Takes off the next flow to be looked at by `now_ns`; NULL: none is left. Moves at most one turn a call. */
struct flow *wheel_next(struct wheel *w, uint64_t now_ns);

#endif
