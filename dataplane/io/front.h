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
	struct outbox out[SLOTS_MAX];
};

/* `pool`, `ctr`, `ports` and `owner` are borrowed. */
void front_init(struct front *front, struct rte_mempool *pool, struct counters *ctr, const struct ports *ports,
		struct rte_ring *owner);

/*
 * Makes packets of `n` frames (at most FLOW_BURST) that came in at their
 * slots (mbuf->port). Takes them; returns how many packets were written to
 * `burst`. A frame in several buffers is joined where it fits, else forwarded
 * unread where the port can, and counted.
 */
unsigned front_receive(struct front *front, struct rte_mbuf **frames, unsigned n, struct packet **burst,
		       uint64_t now_ns);

/* Takes a frame that is to leave at `slot`. */
void front_send(struct front *front, struct rte_mbuf *m, unsigned slot);

/* Everything collected leaves. What the port does not take after some tries is lost, and counted. */
void front_flush(struct front *front);

#endif
