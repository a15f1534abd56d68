/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows with something in a list, oldest first; caps and time limits over them. */
#ifndef POSTERN_TCP_HOLD_H
#define POSTERN_TCP_HOLD_H

#include "flow/flow.h"

/*
 * To be called when a packet of f has been dealt with: lets go what no mode
 * holds any more, applies the caps, and puts f on the FIFO or takes it off.
 * Does nothing while the reader is at work on f; whoever called it settles.
 */
void hold_settle(struct tcp_worker *w, struct flow *f);

#endif
