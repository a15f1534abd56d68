/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one pool of frames, for all ports and workers. A struct packet lives in
 * the private area of each mbuf, so either is found from the other by
 * arithmetic.
 */
#ifndef POSTERN_IO_MEMPOOL_H
#define POSTERN_IO_MEMPOOL_H

#include <rte_mbuf.h>

#include "base/packet.h"
#include "io/port.h"
#include "settings/settings.h"

/*
 * Frames for these ports, with room for PACKET_TAILROOM behind the longest
 * one. Returns owned by the EAL, or NULL after a sentence on stderr. Main
 * thread, after ports_find() and before ports_open().
 */
struct rte_mempool *mempool_new(const struct settings *s, const struct ports *ports);

static inline struct packet *
packet_of(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}

static inline struct rte_mbuf *
mbuf_of(struct packet *p)
{
	return (struct rte_mbuf *)((char *)p - sizeof(struct rte_mbuf));
}

#endif
