/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_ethdev.h>
#include <rte_prefetch.h>
#include <rte_ring.h>

#include "io/doze.h"
#include "io/front.h"
#include "io/spread.h"

/* A port that is busy gets a few more chances; waiting longer would only lose frames at the other end. */
enum { SEND_TRIES = 32 };

static struct packet *
packet_init(struct rte_mbuf *m, uint64_t now_ns)
{
	struct packet *p = packet_of(m);

	p->data = rte_pktmbuf_mtod(m, uint8_t *);
	p->len = m->data_len;
	p->room = rte_pktmbuf_tailroom(m);
	p->next = NULL;
	p->flow = NULL;
	p->datagram = NULL;
	p->time_ns = now_ns;
	p->pair = (uint8_t)((m->port & HAND_SLOT) / 2);
	p->side = (uint8_t)(m->port & 1);
	p->dir = 0;
	p->link = LINK_ETHERNET;
	p->flags = (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD ? PACKET_CHECKSUM_OK : 0;
	p->flags |= m->port & HAND_FOUND ? PACKET_HANDED : 0;
	return p;
}

/* A frame in several buffers that does not fit one: nobody reads it, for no part of it is the whole. */
static void
forward_unread(struct front *front, struct rte_mbuf *m)
{
	unsigned slot = m->port ^ 1;

	front->ctr->value[CTR_undecoded]++;
	front->ctr->value[CTR_rx_packets]++;
	front->ctr->value[CTR_rx_octets] += m->pkt_len;
	if (slot >= front->ports->count || !front->ports->port[slot].chains) {
		front->ctr->value[CTR_tx_dropped]++;
		rte_pktmbuf_free(m);
		return;
	}
	front->ctr->value[CTR_tx_packets]++;
	front->ctr->value[CTR_tx_octets] += m->pkt_len;
	front_send(front, m, slot);
}

unsigned
front_arrive(struct front *front, unsigned slot, struct rte_mbuf **frames, unsigned n)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = frames[i];

		m->port = (uint16_t)slot;
		if (unlikely(m->nb_segs > 1) && rte_pktmbuf_linearize(m) != 0)
			forward_unread(front, m);
		else
			frames[count++] = m;
	}
	return count;
}

void
front_receive(struct front *front, struct rte_mbuf **frames, unsigned n, struct packet **burst, uint64_t now_ns)
{
	/* Two lines: where there are VLAN tags, IPv6 or TCP options, one does not hold the headers. */
	for (unsigned i = 0; i < n; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(frames[i], void *));
		rte_prefetch0(rte_pktmbuf_mtod_offset(frames[i], void *, 64));
	}
	for (unsigned i = 0; i < n; i++)
		burst[i] = packet_init(frames[i], now_ns);
}

static struct packet *
front_alloc(void *ctx, uint32_t need)
{
	struct front *front = ctx;
	struct rte_mbuf *m = rte_pktmbuf_alloc(front->pool);
	struct packet *p;

	if (m == NULL)
		return NULL;
	m->port = 0;
	p = packet_init(m, 0);
	if (p->room < need) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	return p;
}

static void
front_release(void *ctx, struct packet *p)
{
	(void)ctx;
	rte_pktmbuf_free(mbuf_of(p));
}

static void
front_transmit(void *ctx, struct packet *p, enum side side)
{
	struct front *front = ctx;
	struct rte_mbuf *m = mbuf_of(p);

	m->data_off = (uint16_t)(p->data - (uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)p->len;
	m->pkt_len = p->len;
	m->ol_flags = 0;
	front_send(front, m, port_slot(p->pair, side));
}

/* Sends what it can of the frames; returns how many left. */
static unsigned
send_some(struct front *front, unsigned slot, struct rte_mbuf **frames, unsigned n)
{
	if (front->owner != NULL)
		return rte_ring_sp_enqueue_burst(front->owner, (void **)frames, n, NULL);
	return rte_eth_tx_burst(front->ports->port[slot].id, 0, frames, (uint16_t)n);
}

static void
outbox_flush(struct front *front, unsigned slot)
{
	struct outbox *out = &front->out[slot];
	unsigned sent = 0;

	for (unsigned tries = 0; sent < out->count && tries < SEND_TRIES; tries++) {
		if (tries > 0)
			rte_pause();
		sent += send_some(front, slot, out->frame + sent, out->count - sent);
	}
	front->ctr->value[CTR_tx_dropped] += out->count - sent;
	if (sent < out->count)
		rte_pktmbuf_free_bulk(out->frame + sent, out->count - sent);
	out->count = 0;
}

void
front_send(struct front *front, struct rte_mbuf *m, unsigned slot)
{
	struct outbox *out = &front->out[slot];

	if (unlikely(slot >= front->ports->count)) { /* from the quarantines' own port, which has no other side */
		front->ctr->value[CTR_tx_dropped]++;
		rte_pktmbuf_free(m);
		return;
	}
	m->port = (uint16_t)slot;
	out->frame[out->count++] = m;
	if (out->count == FLOW_BURST)
		outbox_flush(front, slot);
}

static bool
put_in(struct rte_ring *ring, struct rte_mbuf *m)
{
	return rte_ring_sp_enqueue(ring, m) == 0;
}

static void
lose(struct front *front, struct rte_mbuf *m)
{
	front->ctr->value[CTR_spread_dropped]++;
	rte_pktmbuf_free(m);
}

void
front_hand(void *ctx, struct packet *p, unsigned worker)
{
	struct front *front = ctx;
	struct rte_mbuf *m = mbuf_of(p);

	m->port = (uint16_t)(port_slot(p->pair, p->side) | HAND_FOUND | (worker + 1) << HAND_SHIFT);
	if (front->owner == NULL)
		front_pass_on(front, m, worker);
	else if (put_in(front->owner, m))
		doze_wake(front->spread->doze[0]);
	else
		lose(front, m);
}

void
front_pass_on(struct front *front, struct rte_mbuf *m, unsigned worker)
{
	m->port &= HAND_SLOT | HAND_FOUND;
	if (put_in(front->spread->in[worker], m))
		doze_wake(front->spread->doze[worker]);
	else
		lose(front, m);
}

void
front_flush(struct front *front)
{
	for (unsigned slot = 0; slot < front->ports->count; slot++)
		if (front->out[slot].count > 0)
			outbox_flush(front, slot);
}

void
front_init(struct front *front, struct rte_mempool *pool, struct counters *ctr, const struct ports *ports,
	   struct rte_ring *owner, struct spread *spread)
{
	*front = (struct front){
		.ops = { .alloc = front_alloc, .release = front_release, .transmit = front_transmit, .front = front },
		.pool = pool,
		.ctr = ctr,
		.ports = ports,
		.owner = owner,
		.spread = spread,
	};
}
