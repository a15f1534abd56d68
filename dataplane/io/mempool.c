/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_errno.h>
#include <rte_mempool.h>

#include "io/mempool.h"
#include "io/worker.h"
#include "live/say.h"

enum {
	PACKETS_MIN = 16383,
	CACHE = 256,              /* frames that each core keeps at hand */
	KERNEL_HEADROOM = 256,    /* the kernel puts AF_XDP frames this far behind the headroom */
	AF_XDP_OBJECT_MAX = 4096, /* a frame with all that belongs to it, for the kernel: one page */
};

static uint32_t
priv_size(void)
{
	return RTE_ALIGN_CEIL((uint32_t)sizeof(struct packet), RTE_CACHE_LINE_SIZE);
}

static bool
any_af_xdp(const struct ports *ports)
{
	for (unsigned i = 0; i < ports->count; i++)
		if (ports->port[i].af_xdp)
			return true;
	return false;
}

static unsigned
mail_rings(const struct ports *ports)
{
	unsigned packets = 0;

	for (unsigned i = 0; i < ports->count; i++)
		packets += ports->port[i].rx_queues > MAIL_QUEUE ? MAIL_DESCRIPTORS : 0;
	return packets;
}

/*
 * Ports keep a ring full for receiving and may keep one of sent frames; what workers hold comes on top. Returns how
 * many packets there are to be, 0 after a sentence on stderr.
 */
static unsigned
packets_wanted(const struct settings *s, const struct ports *ports)
{
	unsigned rings = ports->count * 2 * PORT_DESCRIPTORS + mail_rings(ports);
	unsigned workers = s->dataplane.workers * (s->dataplane.held_packets + worker_fragments(s) + 2 * CACHE);

	if (s->dataplane.packets == 0)
		return RTE_MAX(rings + workers, (unsigned)PACKETS_MIN);
	if (s->dataplane.packets >= rings + workers)
		return s->dataplane.packets;
	say("dataplane: packets: %u are too few: the rings of %u ports take %u, what %u workers may hold "
	    "(held_packets) "
	    "takes %u; give at least %u",
	    s->dataplane.packets, ports->count, rings, s->dataplane.workers, workers, rings + workers);
	return 0;
}

static bool
fits_af_xdp(const struct rte_mempool *pool, const struct ports *ports)
{
	uint32_t object = pool->header_size + pool->elt_size + pool->trailer_size;

	if (object > AF_XDP_OBJECT_MAX) {
		say("an MTU of %u is too large for AF_XDP: a frame and its room must fit a page; at most %u is "
		    "possible",
		    ports->port[0].mtu, ports->port[0].mtu - (object - AF_XDP_OBJECT_MAX));
		return false;
	}
	/* The driver gives the kernel one range from the first object on: a buffer outside it would vanish. */
	if (pool->nb_mem_chunks != 1) {
		say("the frames lie in %u pieces of memory, AF_XDP needs them in one: raise memory_mb, or lower "
		    "packets",
		    pool->nb_mem_chunks);
		return false;
	}
	return true;
}

/*
 * Not rte_pktmbuf_pool_create(): it cannot be told RTE_MEMPOOL_F_NO_IOVA_CONTIG, and without it objects do not cross
 * pages, so that the pool is longer than objects x size, which is all that the AF_XDP driver registers.
 */
struct rte_mempool *
mempool_new(const struct settings *s, const struct ports *ports)
{
	bool af_xdp = any_af_xdp(ports);
	uint32_t room = RTE_PKTMBUF_HEADROOM + KERNEL_HEADROOM + ports_frame_max(ports) + PACKET_TAILROOM;
	struct rte_pktmbuf_pool_private private = {
		.mbuf_data_room_size = (uint16_t)RTE_ALIGN_CEIL(RTE_MAX(room, (uint32_t)RTE_MBUF_DEFAULT_BUF_SIZE),
								RTE_CACHE_LINE_SIZE),
		.mbuf_priv_size = (uint16_t)priv_size(),
	};
	unsigned size = sizeof(struct rte_mbuf) + private.mbuf_priv_size + private.mbuf_data_room_size;
	unsigned packets = packets_wanted(s, ports);
	struct rte_mempool *pool;

	if (packets == 0)
		return NULL;
	pool = rte_mempool_create("packets", packets, size, CACHE, sizeof(private), rte_pktmbuf_pool_init, &private,
				  rte_pktmbuf_init, NULL, (int)rte_socket_id(),
				  af_xdp ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0);
	if (pool == NULL) {
		say("no memory for %u packets of %u octets: %s; raise dataplane: memory_mb (now %u)", packets, size,
		    rte_strerror(rte_errno), s->dataplane.memory_mb);
		return NULL;
	}
	return af_xdp && !fits_af_xdp(pool, ports) ? NULL : pool;
}
