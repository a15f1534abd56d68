/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/hold.h"

#include "tcp/held.h"
#include "tcp/leave.h"
#include "tcp/segment.h"

#define FLUSH UINT64_MAX

static bool
older(uint64_t since, uint64_t now_ns, uint64_t limit)
{
	return now_ns == FLUSH || (now_ns > since && now_ns - since >= limit);
}

static bool
overdue(const struct tcp_worker *w, uint64_t since, uint64_t now_ns)
{
	return older(since, now_ns, w->limits.hold_ns);
}

/* Puts f on the FIFO by age; a packet that has just come makes its flow the last. */
static void
fifo_insert(struct tcp_worker *w, struct flow *f, uint64_t since)
{
	struct flow *before = w->hold_last;

	while (before != NULL && before->hold_since > since)
		before = before->hold_prev;
	f->hold_since = since;
	f->on_hold = true;
	f->hold_prev = before;
	f->hold_next = before != NULL ? before->hold_next : w->hold_first;
	*(before != NULL ? &before->hold_next : &w->hold_first) = f;
	*(f->hold_next != NULL ? &f->hold_next->hold_prev : &w->hold_last) = f;
}

static void
fifo_remove(struct tcp_worker *w, struct flow *f)
{
	if (!f->on_hold)
		return;
	*(f->hold_prev != NULL ? &f->hold_prev->hold_next : &w->hold_first) = f->hold_next;
	*(f->hold_next != NULL ? &f->hold_next->hold_prev : &w->hold_last) = f->hold_prev;
	f->hold_next = f->hold_prev = NULL;
	f->on_hold = false;
}

/* Arrival of the oldest packet in f's lists that is not overdue at `now_ns`; now_ns where there is none. */
static uint64_t
next_due(const struct tcp_worker *w, const struct flow *f, uint64_t now_ns)
{
	uint64_t since = now_ns;

	for (unsigned dir = 0; dir < 2; dir++)
		for (const struct packet *q = f->tcp.half[dir].held; q != NULL; q = q->next)
			if (q->time_ns < since && !overdue(w, q->time_ns, now_ns))
				since = q->time_ns;
	return since;
}

static uint64_t
oldest(const struct flow *f)
{
	uint64_t since = UINT64_MAX;

	for (unsigned dir = 0; dir < 2; dir++)
		for (const struct packet *q = f->tcp.half[dir].held; q != NULL; q = q->next)
			if (q->time_ns < since)
				since = q->time_ns;
	return since;
}

void
hold_settle_held(struct tcp_worker *w, struct flow *f)
{
	if (f->tcp.half[0].busy || f->tcp.half[1].busy)
		return;
	for (unsigned dir = 0; dir < 2; dir++) {
		if (f->tcp.half[dir].held != NULL && f->tcp.half[dir].mode == STREAM_IGNORED)
			leave_all(w, f, dir);
		else if (f->tcp.half[dir].held != NULL && leave_fluent(&f->tcp, dir))
			leave_cleared(w, f, dir);
	}
	unsigned cap = w->limits.held_per_flow * (w->limits.refuse ? 2u : 1u);
	bool full = held_both(&f->tcp) > cap && !f->tcp.half[DIR_CLIENT].waits;
	if (held_both(&f->tcp) > 0 && (full || w->held > w->limits.held_per_worker)) {
		leave_blind(w, f, DIR_CLIENT, CTR_blind_hold_cap);
		leave_blind(w, f, DIR_SERVER, CTR_blind_hold_cap);
	}
	if (held_both(&f->tcp) == 0)
		fifo_remove(w, f);
	else if (!f->on_hold)
		fifo_insert(w, f, oldest(f));
}

void
tcp_wait(struct flow *f, enum direction dir, uint64_t now_ns)
{
	struct tcp_half *h = &f->tcp.half[dir];

	h->waits = true;
	h->mode = STREAM_ORDERED;
	for (struct packet *q = h->held; q != NULL; q = q->next)
		q->time_ns = now_ns;
}

void
tcp_release_all(struct tcp_worker *w, struct flow *f)
{
	leave_all(w, f, DIR_CLIENT);
	leave_all(w, f, DIR_SERVER);
	fifo_remove(w, f);
}

void
tcp_discard_all(struct tcp_worker *w, struct flow *f)
{
	for (unsigned dir = 0; dir < 2; dir++) {
		struct tcp_half *h = &f->tcp.half[dir];
		while (h->held != NULL)
			held_release(w, h, &h->held);
		leave_all(w, f, dir);
	}
	fifo_remove(w, f);
}

/* Packets in order that are overdue leave, with all before them. */
static void
expire_in_order(struct tcp_worker *w, struct flow *f, enum direction dir, uint64_t now_ns)
{
	struct tcp_half *h = &f->tcp.half[dir];
	uint32_t upto = h->sent;

	if (h->waits && now_ns != FLUSH)
		return;
	for (const struct packet *q = h->held; q != NULL && seq_lt(segment_first(q), h->nxt); q = q->next) {
		if ((q->flags & PACKET_COPY) || !overdue(w, q->time_ns, now_ns))
			continue;
		upto = segment_end(q);
		w->ctr->value[CTR_hold_timeouts] += now_ns != FLUSH;
	}
	if (upto == h->sent)
		return;
	leave_expose(w, f, dir);
	leave_below(w, f, dir, upto);
}

/* How many times the limit a gap may stay that its sender will fill. */
#define PATIENCE 10

/*
 * True where a gap is not worth waiting for: a packet behind it is overdue, or
 * a copy is and the other end has acknowledged more than we have seen; and the
 * stream has not moved for as long. A gap that nobody has acknowledged will be
 * filled by its sender, so it has more time: senders repeat the first octets
 * alone, less and less often, beginning with 3 s where they know no round trip
 * (RFC 6298 section 5.7). So has one in a direction that waits, and one behind
 * which octets that left unread would do harm.
 */
static bool
gap_stays(const struct tcp_worker *w, const struct flow *f, enum direction dir, uint64_t now_ns)
{
	const struct tcp_half *h = &f->tcp.half[dir];
	bool missed = seq_lt(h->nxt, h->acked);
	uint64_t limit = w->limits.hold_ns * (!missed || h->waits || f->tcp.patient ? PATIENCE : 1);

	/* one of many gaps has just been filled */
	if (now_ns != FLUSH && (uint32_t)(now_ns / 1000) - f->tcp.moved_us < (uint32_t)(limit / 1000))
		return false;
	for (const struct packet *q = h->held; q != NULL; q = q->next) {
		bool hopeless = !(q->flags & PACKET_COPY) || now_ns == FLUSH || missed;
		if (seq_lt(h->nxt, segment_first(q)) && hopeless && older(q->time_ns, now_ns, limit))
			return true;
	}
	return false;
}

static void
expire(struct tcp_worker *w, struct flow *f, enum direction dir, uint64_t now_ns)
{
	expire_in_order(w, f, dir, now_ns);
	if (gap_stays(w, f, dir, now_ns))
		leave_blind(w, f, dir, CTR_blind_gap);
	else if (now_ns == FLUSH && f->tcp.half[dir].held != NULL)
		leave_all(w, f, dir);
}

void
tcp_expire(struct tcp_worker *w, uint64_t now_ns, unsigned budget)
{
	struct flow *f;

	while (budget-- > 0 && (f = w->hold_first) != NULL && overdue(w, f->hold_since, now_ns)) {
		fifo_remove(w, f);
		expire(w, f, DIR_CLIENT, now_ns);
		expire(w, f, DIR_SERVER, now_ns);
		if (held_both(&f->tcp) > 0)
			fifo_insert(w, f, next_due(w, f, now_ns));
		hold_settle(w, f);
	}
}
