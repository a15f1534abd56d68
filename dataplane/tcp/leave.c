/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/leave.h"

#include "base/bytes.h"
#include "headers/checksum.h"
#include "headers/decode.h"
#include "tcp/held.h"
#include "tcp/segment.h"

bool
leave_fluent(const struct tcp *t, enum direction dir)
{
	return t->read_only || t->half[dir].mode != STREAM_ORDERED;
}

static bool
is_copy(const struct packet *p)
{
	return (p->flags & PACKET_COPY) != 0;
}

bool
leave_may_jump(const struct tcp_worker *w, const struct flow *f, const struct packet *p)
{
	return w->reader.jumps != NULL && w->reader.jumps(w->reader.ctx, f, p);
}

/* The octets of copy p, which have left, join those before them. */
static void
join_copy(struct tcp_worker *w, struct flow *f, struct tcp_half *h, const struct packet *p)
{
	if (seq_lt(h->clear, segment_end(p)) && leave_may_jump(w, f, p))
		h->clear = segment_end(p);
	h->sent = seq_max(h->sent, segment_end(p));
}

/* The packet at link `at` leaves; what of it is unread stays as a copy. */
static void
depart(struct tcp_worker *w, struct flow *f, enum direction dir, struct packet **at)
{
	struct tcp_half *h = &f->tcp.half[dir];
	struct packet *copy = NULL;

	if (seq_lt(h->read, segment_last(*at))) {
		copy = held_copy(w, *at);
		if (copy == NULL) {
			leave_blind(w, f, dir, CTR_blind_memory);
			return;
		}
	}
	struct packet *p = held_take(w, h, at);
	if (copy != NULL)
		held_insert(w, h, copy);
	if (seq_leq(segment_first(p), h->sent))
		h->sent = seq_max(h->sent, segment_end(p));
	w->reader.leave(w->reader.ctx, f, p);
}

static bool
any_held(const struct tcp_half *h)
{
	for (const struct packet *q = h->held; q != NULL; q = q->next)
		if (!is_copy(q))
			return true;
	return false;
}

/*
 * All is read up to the FIN: a line still unfinished will stay so, and no server takes it for a command. But where
 * the reader waits, the line is finished, and on its way to a verdict.
 */
static void
clear_at_fin(struct tcp_worker *w, struct flow *f, enum direction dir)
{
	struct tcp_half *h = &f->tcp.half[dir];

	if (h->waits || !h->fin_seen || !seq_lt(h->fin, h->read) || seq_leq(h->nxt, h->clear))
		return;
	if (any_held(h) && seq_lt(h->clear, h->fin))
		leave_expose(w, f, dir);
	h->clear = h->nxt;
}

/* Everything that has left was judged. A FIN is no octet: nobody judges it. */
static bool
sent_is_clear(const struct tcp_half *h)
{
	return seq_leq(h->sent, h->clear) || (h->fin_seen && h->clear == h->fin && h->sent == h->fin + 1);
}

void
leave_cleared(struct tcp_worker *w, struct flow *f, enum direction dir)
{
	struct tcp_half *h = &f->tcp.half[dir];
	bool fluent = leave_fluent(&f->tcp, dir);
	struct packet **at = &h->held;
	struct packet *p;

	/* while it is being read, what is in order is read first: commands may stand behind the end of the text */
	if (fluent)
		h->clear = seq_max(h->clear, h->busy && !f->tcp.read_only ? h->read : h->nxt);
	else
		clear_at_fin(w, f, dir);
	while ((p = *at) != NULL && (fluent || seq_leq(segment_first(p), h->sent))) {
		if (is_copy(p)) {
			if (seq_leq(segment_first(p), h->sent))
				join_copy(w, f, h, p);
			if (seq_leq(segment_end(p), h->read))
				held_release(w, h, at);
			else
				at = &p->next;
		} else if (seq_leq(segment_last(p), h->clear) || (fluent && seq_lt(h->nxt, segment_first(p)))) {
			depart(w, f, dir, at);
			at = &h->held; /* the reader may have changed the list */
		} else {
			break;
		}
	}
	if (sent_is_clear(h))
		h->exposed = false;
	else if (!h->exposed && !fluent)
		leave_expose(w, f, dir);
}

/* Cuts p to the octets [from, to) of those that it has. */
static void
cut(struct packet *p, uint32_t from, uint32_t to)
{
	if (segment_has(p, TCP_FIN) && to != segment_last(p)) {
		p->h.tcp_flags &= (uint16_t)~TCP_FIN;
		p->data[p->h.l4 + TCP_FLAGS] &= (uint8_t)~TCP_FIN;
	}
	memmove(segment_octets(p), segment_octets(p) + (from - segment_first(p)), to - from);
	p->h.seq += from - segment_first(p);
	store_be32(p->data + p->h.l4 + TCP_SEQ, p->h.seq);
	p->h.payload_len = (uint16_t)(to - from);
	p->flags |= PACKET_JUDGED;
	headers_resize(p);
	checksum_rewrite(p);
}

void
leave_part(struct tcp_worker *w, struct flow *f, enum direction dir)
{
	struct tcp_half *h = &f->tcp.half[dir];
	struct packet *p = h->held;

	if (!w->reader.divides || p == NULL || is_copy(p) || leave_fluent(&f->tcp, dir) || !seq_lt(h->read, h->nxt))
		return;
	if (!seq_leq(segment_first(p), h->sent) || !seq_lt(h->sent, h->clear) || !seq_lt(h->clear, segment_last(p)))
		return;
	struct packet *part = held_copy(w, p);
	if (part == NULL)
		return;
	part->flags = p->flags;
	cut(part, h->sent, h->clear);
	p = held_take(w, h, &h->held);
	cut(p, h->clear, segment_last(p));
	held_insert(w, h, p);
	h->sent = h->clear;
	w->ctr->value[CTR_split_packets]++;
	w->reader.leave(w->reader.ctx, f, part);
}

void
leave_expose(struct tcp_worker *w, struct flow *f, enum direction dir)
{
	struct tcp_half *h = &f->tcp.half[dir];

	if (!h->exposed)
		w->ctr->value[CTR_exposed_lines]++;
	h->exposed = true;
	w->reader.exposed(w->reader.ctx, f, dir);
}

void
leave_below(struct tcp_worker *w, struct flow *f, enum direction dir, uint32_t upto)
{
	struct tcp_half *h = &f->tcp.half[dir];
	struct packet **at = &h->held;
	struct packet *p;

	while ((p = *at) != NULL && seq_leq(segment_first(p), h->sent)) {
		if (!seq_lt(segment_first(p), upto) && !seq_leq(segment_end(p), h->sent))
			break;
		if (is_copy(p)) {
			join_copy(w, f, h, p);
			at = &p->next;
		} else {
			depart(w, f, dir, at);
			at = &h->held;
		}
	}
}

void
leave_all(struct tcp_worker *w, struct flow *f, enum direction dir)
{
	struct tcp_half *h = &f->tcp.half[dir];

	h->mode = STREAM_IGNORED;
	while (h->held != NULL) {
		h->nxt = seq_max(h->nxt, segment_end(h->held));
		if (is_copy(h->held))
			held_release(w, h, &h->held);
		else
			w->reader.leave(w->reader.ctx, f, held_take(w, h, &h->held));
	}
	h->sent = h->clear = h->read = h->nxt;
	h->exposed = false;
}

void
leave_blind(struct tcp_worker *w, struct flow *f, enum direction dir, enum counter cause)
{
	struct tcp_half *h = &f->tcp.half[dir];

	if (f->blind == 0) {
		f->blind = (uint8_t)cause;
		w->ctr->value[cause]++;
	}
	if (any_held(h))
		leave_expose(w, f, dir);
	else
		w->reader.exposed(w->reader.ctx, f, dir);
	leave_all(w, f, dir);
}
