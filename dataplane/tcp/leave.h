/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How packets of a list leave: because they are judged, because their mode
 * lets everything go, or although they are not judged. A packet that leaves
 * unread stays behind as a copy. Every function may run the reader's leave()
 * and exposed(): links into a list do not outlive a call.
 */
#ifndef POSTERN_TCP_LEAVE_H
#define POSTERN_TCP_LEAVE_H

#include "flow/flow.h"

/* True where nothing of this direction is kept from leaving. Pure. */
bool leave_fluent(const struct tcp *t, enum direction dir);

/* p, behind a gap, or a copy of such: see jumps() in tcp/stream.h. Pure. */
bool leave_may_jump(const struct tcp_worker *w, const struct flow *f, const struct packet *p);

/* What may leave leaves, in stream order; copies that were read are released. */
void leave_cleared(struct tcp_worker *w, struct flow *f, enum direction dir);

/*
 * The reader does not go on: where the first packet is judged in part, and may be divided, that part
 * leaves in a segment of its own, for what the reader waits for may be the answer to it.
 */
void leave_part(struct tcp_worker *w, struct flow *f, enum direction dir);

/* Octets above clear are about to leave, or have left: tells the reader, and counts once per judged stretch. */
void leave_expose(struct tcp_worker *w, struct flow *f, enum direction dir);

/* The packets in order that begin below `upto` leave, judged or not, and those that hold nothing new behind them. */
void leave_below(struct tcp_worker *w, struct flow *f, enum direction dir, uint32_t upto);

/* Everything leaves, unread, in stream order; the direction becomes STREAM_IGNORED. */
void leave_all(struct tcp_worker *w, struct flow *f, enum direction dir);

/* The direction cannot be read on: exposes what is held, then leave_all(); f->blind and the counter name the cause. */
void leave_blind(struct tcp_worker *w, struct flow *f, enum direction dir, enum counter cause);

#endif
