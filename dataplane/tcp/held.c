/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/held.h"

#include "flow/flow.h"
#include "headers/checksum.h"
#include "tcp/segment.h"

void
held_insert(struct tcp_worker *w, struct tcp_half *h, struct packet *p)
{
	struct packet **at = &h->held;

	while (*at != NULL && seq_leq(segment_first(*at), segment_first(p)))
		at = &(*at)->next;
	p->next = *at;
	*at = p;
	h->held_count++;
	w->held++;
}

void
held_release(struct tcp_worker *w, struct tcp_half *h, struct packet **at)
{
	w->ops->release(w->ops->front, held_take(w, h, at));
}

struct packet *
held_copy(struct tcp_worker *w, const struct packet *p)
{
	struct packet *copy = w->ops->alloc(w->ops->front, p->len);

	if (copy == NULL) {
		w->ctr->value[CTR_no_buffer]++;
		return NULL;
	}
	memcpy(copy->data, p->data, p->len);
	copy->len = p->len;
	copy->room -= p->len;
	packet_like(copy, p);
	copy->flags = PACKET_COPY;
	return copy;
}

bool
held_covers(const struct tcp_half *h, const struct packet *p)
{
	uint32_t at = segment_first(p);

	for (const struct packet *q = h->held; q != NULL && seq_leq(segment_first(q), at); q = q->next)
		at = seq_max(at, segment_end(q));
	return seq_leq(segment_end(p), at);
}

/* Copies octets of q from `known` on over those of p where both have them. Returns how many differed. */
static unsigned
rewrite(struct packet *p, const struct packet *q, uint32_t known)
{
	uint32_t from = seq_max(known, seq_max(segment_first(p), segment_first(q)));
	uint32_t to = seq_min(segment_last(p), segment_last(q));
	unsigned differed = 0;

	if (!seq_lt(from, to))
		return 0;
	uint8_t *mine = segment_octets(p) + (from - segment_first(p));
	const uint8_t *theirs = segment_octets(q) + (from - segment_first(q));
	if (memcmp(mine, theirs, to - from) == 0)
		return 0;
	for (uint32_t i = 0; i < to - from; i++)
		differed += mine[i] != theirs[i];
	memcpy(mine, theirs, to - from);
	return differed;
}

void
held_first_copy_wins(struct tcp_worker *w, const struct tcp_half *h, struct packet *p)
{
	uint32_t known = seq_min(h->sent, h->read); /* what was below when q came was not compared either */
	unsigned differed = 0;

	for (const struct packet *q = h->held; q != NULL && seq_lt(segment_first(q), segment_last(p)); q = q->next)
		differed += rewrite(p, q, known);
	if (differed == 0)
		return;
	w->ctr->value[CTR_overlap_rewritten] += differed;
	p->flags |= PACKET_JUDGED;
	checksum_rewrite(p);
}

void
held_advance(struct tcp_half *h)
{
	for (const struct packet *q = h->held; q != NULL && seq_leq(segment_first(q), h->nxt); q = q->next) {
		if (segment_has(q, TCP_FIN) && !h->fin_seen && seq_leq(h->nxt, segment_last(q))) {
			h->fin_seen = true;
			h->fin = segment_last(q);
		}
		h->nxt = seq_max(h->nxt, segment_end(q));
	}
}

struct packet *
held_unread(struct tcp_half *h)
{
	for (struct packet *q = h->held; q != NULL && seq_leq(segment_first(q), h->read); q = q->next) {
		if (seq_lt(h->read, segment_last(q)))
			return q;
		h->read = seq_max(h->read, segment_end(q));
	}
	return NULL;
}

struct packet *
held_copy_before(const struct tcp_half *h, uint32_t seq)
{
	uint32_t known = seq_max(h->sent, h->read);

	for (struct packet *q = h->held; q != NULL && seq_lt(segment_first(q), seq); q = q->next)
		if ((q->flags & PACKET_COPY) && seq_lt(known, segment_end(q)))
			return q;
	return NULL;
}

/* Octets [at, ..) of q. */
static struct view
from(const struct packet *q, uint32_t at)
{
	return view_of(segment_octets(q) + (at - segment_first(q)), segment_last(q) - at);
}

struct view
held_view(const struct tcp_half *h, const struct packet *p, uint8_t room[HELD_JOINED])
{
	struct view alone = from(p, h->read);
	uint32_t at = h->read;
	size_t n = 0;

	if (alone.len >= HELD_JOINED || p->next == NULL)
		return alone;
	/* what has left is not mixed with what has not: `sent` is exact for what is being read */
	for (const struct packet *q = p; q != NULL && n < HELD_JOINED && seq_leq(segment_first(q), at) &&
					 ((q->flags ^ p->flags) & PACKET_COPY) == 0;
	     q = q->next) {
		if (seq_leq(segment_last(q), at))
			continue;
		struct view v = from(q, at);
		size_t take = v.len < HELD_JOINED - n ? v.len : HELD_JOINED - n;
		memcpy(room + n, v.at, take);
		n += take;
		at += (uint32_t)take;
	}
	return n > alone.len ? view_of(room, n) : alone;
}

size_t
tcp_held_octets(const struct flow *f, enum direction dir, uint32_t at, uint8_t *out, size_t len)
{
	size_t n = 0;

	for (const struct packet *q = f->tcp.half[dir].held; q != NULL && n < len; q = q->next) {
		uint32_t next = at + (uint32_t)n;
		if (!seq_leq(segment_first(q), next) || !seq_lt(next, segment_last(q)))
			continue;
		struct view v = from(q, next);
		size_t take = v.len < len - n ? v.len : len - n;
		memcpy(out + n, v.at, take);
		n += take;
	}
	return n;
}
