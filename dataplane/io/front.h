/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between ports and pipeline, one per worker: makes packets of mbufs, and is
 * the packet_ops of the worker's pipeline. Frames to send are collected per
 * port and leave once a burst. Worker's thread only.
 */
#ifndef POSTERN_IO_FRONT_H
#define POSTERN_IO_FRONT_H

#include "base/counters.h"
#include "base/packet.h"
#include "flow/table.h"
#include "io/mempool.h"
#include "io/port.h"

struct rte_ring;
struct spread;

/* Frames on their way to one port. */
struct outbox {
	unsigned count;
	struct rte_mbuf *frame[FLOW_BURST];
};

struct front {
	struct packet_ops ops; /* for pipeline_new() */
	struct rte_mempool *pool;
	struct counters *ctr;
	const struct ports *ports;
	struct rte_ring *owner; /* NULL: sends itself; else to the worker that owns the ports */
	struct spread *spread;  /* borrowed; NULL: the only worker */
	struct outbox out[SLOTS_MAX];
};

/* `pool`, `ctr`, `ports`, `owner` and `spread` are borrowed. */
void front_init(struct front *front, struct rte_mempool *pool, struct counters *ctr, const struct ports *ports,
		struct rte_ring *owner, struct spread *spread);

/*
 * What a port delivered at `slot`: the slot is noted (mbuf->port), and a frame in several buffers is joined in its
 * first one. One that is too long for that, and so for the MTU, is counted (undecoded) and leaves unread where the
 * other port takes such frames, else it is lost (tx_dropped). Takes those; returns how many remain, in their order.
 */
unsigned front_arrive(struct front *front, unsigned slot, struct rte_mbuf **frames, unsigned n);

/* Makes packets of `n` frames (at most FLOW_BURST) out of front_arrive(). Takes them. */
void front_receive(struct front *front, struct rte_mbuf **frames, unsigned n, struct packet **burst, uint64_t now_ns);

/* Takes a frame that is to leave at `slot`. */
void front_send(struct front *front, struct rte_mbuf *m, unsigned slot);

/*
 * Takes p, a frame that belongs to another worker: to it, by way of the owner of the ports. For
 * pipeline_config.hand; `ctx` is the front.
 */
void front_hand(void *ctx, struct packet *p, unsigned worker);

/* The owner of the ports: takes m, which another worker has handed on. Frees it where the ring is full, and counts. */
void front_pass_on(struct front *front, struct rte_mbuf *m, unsigned worker);

/* Everything collected leaves. What the port does not take after some tries is lost, and counted. */
void front_flush(struct front *front);

#endif
