/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows with something in a list, oldest first; caps and time limits over them. */
#ifndef POSTERN_TCP_HOLD_H
#define POSTERN_TCP_HOLD_H

#include "flow/flow.h"

/* hold_settle() where something is in a list, or f is still on the FIFO. */
void hold_settle_held(struct tcp_worker *w, struct flow *f);

/*
 * To be called when a packet of f has been dealt with: lets go what no mode
 * holds any more, applies the caps, and puts f on the FIFO or takes it off.
 * Does nothing while the reader is at work on f; whoever called it settles.
 */
static inline void
hold_settle(struct tcp_worker *w, struct flow *f)
{
	if (f->on_hold || f->tcp.half[DIR_CLIENT].held != NULL || f->tcp.half[DIR_SERVER].held != NULL)
		hold_settle_held(w, f);
}

#endif
