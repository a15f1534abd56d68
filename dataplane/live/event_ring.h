/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events from one worker to the writer: a ring with one thread at each end, no
 * lock, no system call, no wait. Its capacity is the number asked for, rounded
 * up to a power of two.
 */
#ifndef POSTERN_LIVE_EVENT_RING_H
#define POSTERN_LIVE_EVENT_RING_H

#include <stdbool.h>

#include "event/event.h"

struct event_ring;

/* Returns owned, or NULL (no memory). */
struct event_ring *event_ring_new(unsigned capacity);
/* NULL is fine. */
void event_ring_free(struct event_ring *ring);

/* Copies e into the ring; false, and nothing happens: full. Worker's thread. */
bool event_ring_put(struct event_ring *ring, const struct event *e);

/* Copies the oldest event to e; false: empty. Writer's thread. */
bool event_ring_get(struct event_ring *ring, struct event *e);

#endif
