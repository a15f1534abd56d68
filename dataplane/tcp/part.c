/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/part.h"

#include "headers/checksum.h"
#include "headers/decode.h"
#include "tcp/held.h"
#include "tcp/segment.h"

/* Lengths and checksums for `len` octets of payload. */
static void
resize(struct packet *p, size_t len)
{
	p->h.payload_len = (uint16_t)len;
	p->flags |= PACKET_JUDGED;
	headers_resize(p);
	checksum_rewrite(p);
}

static void
cut_front(struct packet *p, uint32_t octets)
{
	memmove(segment_octets(p), segment_octets(p) + octets, p->h.payload_len - octets);
	p->h.seq += octets;
	store_be32(p->data + p->h.l4 + 4, p->h.seq);
	resize(p, p->h.payload_len - octets);
}

static void
cut_tail(struct packet *p, uint32_t octets)
{
	p->h.tcp_flags &= (uint16_t) ~(TCP_FIN | TCP_PSH);
	p->data[p->h.l4 + TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	resize(p, octets);
}

void
tcp_part(struct tcp_worker *w, struct flow *f, enum direction dir)
{
	struct tcp_half *h = &f->tcp.half[dir];
	struct packet *p = h->held, *first;

	while (p != NULL && (p->flags & PACKET_COPY))
		p = p->next;
	if (p == NULL || segment_has(p, TCP_SYN) || seq_lt(h->sent, segment_first(p)))
		return;
	if (!seq_lt(segment_first(p), h->clear) || !seq_lt(h->clear, segment_last(p)))
		return;
	first = held_copy(w, p);
	if (first == NULL)
		return;
	first->flags = 0;
	cut_tail(first, h->clear - segment_first(p));
	cut_front(p, h->clear - segment_first(p));
	h->sent = seq_max(h->sent, h->clear);
	w->reader.leave(w->reader.ctx, f, first);
}
