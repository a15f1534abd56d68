/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both ends of many SMTP sessions at once. Each keeps to TCP: numbers and
 * acknowledgements are what it has sent and what has reached it through the
 * box, edits included. A session that is over begins anew from another port.
 */
#ifndef POSTERN_BENCH_TRAFFIC_H
#define POSTERN_BENCH_TRAFFIC_H

#include "buffers.h"
#include "script.h"

struct traffic;

/* What went wrong, and how much went well. */
struct traffic_counts {
	uint64_t sessions; /* ended with both FINs acknowledged */
	uint64_t resets;   /* ends that got a RST */
	uint64_t stalled;  /* sessions begun anew because something never arrived */
};

/* Sessions wait that long for what is on its way: rounds of visits, or milliseconds where traffic_clock() is told. */
enum { TRAFFIC_PATIENCE_ROUNDS = 64, TRAFFIC_PATIENCE_MS = 1000 };

/* Returns owned, or NULL. Borrows. */
struct traffic *traffic_new(const struct scenario *s, const struct scripts *scripts, struct buffers *buffers);
void traffic_free(struct traffic *t);

/* The next packets, at most n, in `frames`; fewer where all sessions wait for what is on its way. */
unsigned traffic_make(struct traffic *t, struct buffer **frames, unsigned n);

/* What the box has sent arrives at the ends, and its buffers are free again. */
void traffic_deliver(struct traffic *t);

/*
 * With a real way between the ends: from the first call on patience is counted in real time, and the timestamps of
 * segments (RFC 7323) are `stamp`, so that who receives one knows how old it is. The stamp must not fall.
 */
void traffic_clock(struct traffic *t, uint64_t now_ms, uint32_t stamp);

/*
 * Frame p, from the box, arrives at its end; it stays the caller's. *stamp is its timestamp. False: it has none, or is
 * of no session.
 */
bool traffic_arrive(struct traffic *t, struct packet *p, uint32_t *stamp);

/*
 * Nothing is on its way any more: sessions that wait for it are given up. Returns how many; where they are more than a
 * hundredth, traffic is not steady until they are spread over their lives again.
 */
unsigned traffic_settle(struct traffic *t);

const struct traffic_counts *traffic_counts(const struct traffic *t);

/* True when every session has begun, and they are spread over their lives. */
bool traffic_steady(const struct traffic *t);

#endif
