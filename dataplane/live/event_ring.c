/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdatomic.h>
#include <stdlib.h>

#include "live/event_ring.h"

struct event_ring {
	_Alignas(64) atomic_uint put; /* events ever put; written by the worker */
	_Alignas(64) atomic_uint got; /* events ever taken; written by the writer */
	_Alignas(64) unsigned mask;
	struct event slot[];
};

struct event_ring *
event_ring_new(unsigned capacity)
{
	struct event_ring *ring;
	unsigned slots = 1;
	size_t size;

	while (slots < capacity && slots < 1U << 24)
		slots *= 2;
	size = sizeof(*ring) + slots * sizeof(ring->slot[0]);
	ring = aligned_alloc(64, (size + 63) / 64 * 64);
	if (ring == NULL)
		return NULL;
	atomic_init(&ring->put, 0);
	atomic_init(&ring->got, 0);
	ring->mask = slots - 1;
	return ring;
}

void
event_ring_free(struct event_ring *ring)
{
	free(ring);
}

bool
event_ring_put(struct event_ring *ring, const struct event *e)
{
	unsigned put = atomic_load_explicit(&ring->put, memory_order_relaxed);

	if (put - atomic_load_explicit(&ring->got, memory_order_acquire) > ring->mask)
		return false;
	ring->slot[put & ring->mask] = *e;
	atomic_store_explicit(&ring->put, put + 1, memory_order_release);
	return true;
}

bool
event_ring_get(struct event_ring *ring, struct event *e)
{
	unsigned got = atomic_load_explicit(&ring->got, memory_order_relaxed);

	if (got == atomic_load_explicit(&ring->put, memory_order_acquire))
		return false;
	*e = ring->slot[got & ring->mask];
	atomic_store_explicit(&ring->got, got + 1, memory_order_release);
	return true;
}
