/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/stream.h"

#include "headers/checksum.h"
#include "headers/decode.h"
#include "tcp/express.h"
#include "tcp/held.h"
#include "tcp/hold.h"
#include "tcp/leave.h"
#include "tcp/segment.h"
#include "tcp/track.h"
#include "tcp/unacked.h"
#include "tcp/validate.h"

static void
leave(struct tcp_worker *w, struct flow *f, struct packet *p)
{
	w->reader.leave(w->reader.ctx, f, p);
}

/* Has the reader take the next unread octets. True where there may be more for it. */
static bool
read_next(struct tcp_worker *w, struct flow *f, enum direction dir)
{
	struct tcp_half *h = &f->tcp.half[dir];
	struct packet *p = held_unread(h);
	uint8_t joined[HELD_JOINED];

	if (p == NULL)
		return false;
	struct packet *out = held_copy_before(h, seq_max(segment_last(p), h->read + HELD_JOINED));
	if (out != NULL && seq_leq(segment_first(out), h->read)) {
		/* these octets are out already: what stands before them follows, so that `sent` says so to the reader
		 */
		if (seq_lt(h->clear, segment_last(out)) && !leave_may_jump(w, f, out))
			leave_expose(w, f, dir);
		leave_below(w, f, dir, segment_end(out));
		return true;
	}
	struct view v = held_view(h, p, joined);
	if (out != NULL && segment_first(out) - h->read < v.len)
		v.len = segment_first(out) - h->read;
	size_t used = w->reader.read(w->reader.ctx, f, dir, h->read, v);
	if (h->mode == STREAM_IGNORED)
		return false; /* p may be gone */
	h->read += (uint32_t)used;
	return used > 0; /* a view may be cut where the reader wants more than is left of it */
}

/* A piece has been read: what may leave now does. */
static void
let_leave(struct tcp_worker *w, struct flow *f, enum direction dir)
{
	if (f->tcp.half[dir].mode == STREAM_IGNORED)
		leave_all(w, f, dir);
	else
		leave_cleared(w, f, dir);
}

/* Reads what is in order, and lets go what may leave after each piece; `more`: there may be something to read. */
static void
read_rest(struct tcp_worker *w, struct flow *f, enum direction dir, bool more)
{
	const struct tcp_half *h = &f->tcp.half[dir];

	while (more && h->held != NULL && h->mode != STREAM_IGNORED) {
		more = read_next(w, f, dir);
		let_leave(w, f, dir);
	}
	leave_part(w, f, dir);
}

static void
read_on(struct tcp_worker *w, struct flow *f, enum direction dir)
{
	struct tcp_half *h = &f->tcp.half[dir];

	if (h->busy)
		return;
	h->busy = true;
	read_rest(w, f, dir, true);
	h->busy = false;
}

/* Octets of p that came before become those that came first, whether they are here or have left. */
static void
first_copy_wins(struct tcp_worker *w, const struct flow *f, struct packet *p)
{
	const struct tcp_half *h = &f->tcp.half[p->dir];

	if (p->dir == DIR_CLIENT && w->unacked != NULL && seq_lt(segment_first(p), h->nxt))
		w->ctr->value[CTR_overlap_rewritten] += unacked_restore(w->unacked, f, p);
	held_first_copy_wins(w, h, p);
}

/* Nothing is read in this direction any more; the marks still follow. */
static void
pass(struct tcp_worker *w, struct flow *f, struct packet *p)
{
	struct tcp_half *h = &f->tcp.half[p->dir];

	if (segment_has(p, TCP_FIN) && !h->fin_seen) {
		h->fin_seen = true;
		h->fin = segment_last(p);
	}
	h->nxt = seq_max(h->nxt, segment_end(p));
	h->sent = h->clear = h->read = h->nxt;
	leave(w, f, p);
}

/* Octets behind a gap: kept back, or let go at once with a copy to read when the gap fills. */
static void
put_behind_gap(struct tcp_worker *w, struct flow *f, struct packet *p)
{
	struct tcp_half *h = &f->tcp.half[p->dir];

	if (!leave_fluent(&f->tcp, p->dir) && !leave_may_jump(w, f, p)) {
		held_insert(w, h, p);
		return;
	}
	if (!held_covers(h, p)) {
		struct packet *copy = held_copy(w, p);
		if (copy == NULL) {
			leave_blind(w, f, p->dir, CTR_blind_memory);
			pass(w, f, p);
			return;
		}
		held_insert(w, h, copy);
	}
	leave(w, f, p);
}

/*
 * Octets that were held come again: their sender waits for an answer that
 * cannot come while they are held, so they go, and the new copy after them (a
 * receiver is used to duplicates; taking it out would need books of its own).
 */
static void
let_go_of_resent(struct tcp_worker *w, struct flow *f, const struct packet *p)
{
	leave_expose(w, f, p->dir);
	leave_below(w, f, p->dir, segment_end(p));
}

/* Others came before p, and wait for it. */
static bool
closes_gap(const struct tcp_half *h, const struct packet *p)
{
	const struct packet *q = h->held;

	if (seq_lt(h->nxt, segment_first(p)))
		return false;
	while (q != NULL && seq_leq(segment_first(q), h->nxt))
		q = q->next;
	return q != NULL;
}

/*
 * No packet is held any more that need not be: the flow has its share, or the worker has but a quarter of its own left,
 * which is for lines that are on their way in order.
 */
static bool
is_full(const struct tcp_worker *w, const struct flow *f)
{
	return held_both(&f->tcp) >= w->limits.held_per_flow ||
	       w->held >= w->limits.held_per_worker - w->limits.held_per_worker / 4;
}

/*
 * True where p is not to enter the list: it has too many packets already and p
 * closes no gap, or the direction waits and has its octets. A server's direction
 * waits for the rest of a code only, which is to come in whatever the client's holds.
 */
static bool
is_refused(const struct tcp_worker *w, const struct flow *f, const struct packet *p)
{
	const struct tcp_half *h = &f->tcp.half[p->dir];
	bool full = is_full(w, f);

	if (f->tcp.read_only || seq_leq(segment_end(p), h->sent))
		return false;
	if (h->waits && full && p->dir == DIR_CLIENT && !closes_gap(h, p))
		return true;
	if (h->waits && seq_leq(segment_end(p), h->nxt))
		return true;
	return full && (h->waits || w->limits.refuse) && seq_lt(h->nxt, segment_first(p));
}

/* Takes p, whose new octets are refused: what of it has left before goes on its way, for the other end may lack it. */
static void
refuse(struct tcp_worker *w, struct flow *f, struct packet *p)
{
	struct tcp_half *h = &f->tcp.half[p->dir];

	w->ctr->value[CTR_held_refused]++;
	if (!seq_lt(segment_first(p), h->sent)) {
		w->ops->release(w->ops->front, p);
		return;
	}
	p->h.payload_len = (uint16_t)(h->sent - segment_first(p));
	p->h.tcp_flags &= (uint16_t)~TCP_FIN;
	p->data[p->h.l4 + TCP_FLAGS] &= (uint8_t)~TCP_FIN;
	p->flags |= PACKET_JUDGED;
	headers_resize(p);
	checksum_rewrite(p);
	leave(w, f, p);
}

/* The next octets, or some that close a gap: into the list, and read. */
static void
put_next(struct tcp_worker *w, struct flow *f, struct packet *p)
{
	enum direction dir = p->dir;

	f->tcp.moved_us = (uint32_t)(p->time_ns / 1000);
	held_insert(w, &f->tcp.half[dir], p);
	held_advance(&f->tcp.half[dir]);
	read_on(w, f, dir);
}

/* True where the server has yet to acknowledge as many of the client's commands as are remembered: as above the cap. */
static bool
is_ahead(const struct tcp_worker *w, const struct flow *f, const struct packet *p)
{
	const struct tcp_half *h = &f->tcp.half[p->dir];

	return unacked_full(f) && p->dir == DIR_CLIENT && w->unacked != NULL && w->limits.refuse &&
	       !leave_fluent(&f->tcp, DIR_CLIENT) && seq_lt(h->nxt, segment_end(p));
}

/* Octets of a started direction, FIN included, in their place. */
static void
put(struct tcp_worker *w, struct flow *f, struct packet *p)
{
	enum direction dir = p->dir;
	struct tcp_half *h = &f->tcp.half[dir];

	first_copy_wins(w, f, p);
	if (is_refused(w, f, p) || is_ahead(w, f, p)) {
		refuse(w, f, p);
		return;
	}
	if (seq_lt(h->nxt, segment_first(p))) {
		put_behind_gap(w, f, p);
		return;
	}
	if (!h->waits && seq_lt(h->sent, h->nxt) && seq_lt(segment_first(p), h->nxt) && seq_lt(h->sent, segment_end(p)))
		let_go_of_resent(w, f, p);
	if (h->mode == STREAM_IGNORED) {
		pass(w, f, p); /* the reader, or an empty pool, ended it just now */
		return;
	}
	if (seq_leq(segment_end(p), h->nxt)) {
		leave(w, f, p);
		return;
	}
	put_next(w, f, p);
}

/* p has been dealt with: `before` packets were in its list. */
static void
settle(struct tcp_worker *w, struct flow *f, enum direction dir, unsigned before)
{
	if (f->tcp.half[dir].held_count > before && !leave_fluent(&f->tcp, dir))
		w->ctr->value[CTR_held_packets]++;
	hold_settle(w, f);
}

static void
input(struct tcp_worker *w, struct flow *f, struct packet *p)
{
	struct tcp_half *h = &f->tcp.half[p->dir];
	unsigned before = h->held_count;
	enum direction dir = p->dir;

	if (p->h.payload_len == 0 && !segment_has(p, TCP_FIN))
		leave(w, f, p);
	else if (h->mode == STREAM_IGNORED)
		pass(w, f, p);
	else
		put(w, f, p);
	settle(w, f, dir, before);
}

/* The connection is over, whatever was to come: what is held goes before the RST. */
static void
input_rst(struct tcp_worker *w, struct flow *f, struct packet *p)
{
	tcp_release_all(w, f);
	f->tcp.reset = true;
	leave(w, f, p);
}

/*
 * Takes p, which is not to be read. It passes, but for octets that a receiver may
 * take although we did not, having missed what it has seen, or seen what it has missed;
 * and what came before stays as it came first.
 */
static void
fail(struct tcp_worker *w, struct flow *f, struct packet *p, enum counter cause)
{
	p->flags |= PACKET_STRAY;
	if (cause != CTR_bad_checksum && f->tcp.half[p->dir].mode != STREAM_IGNORED)
		first_copy_wins(w, f, p);
	bool wanted = cause == CTR_old_timestamp && seq_lt(f->tcp.half[p->dir].sent, segment_end(p));

	if (wanted && w->limits.refuse && !f->tcp.read_only && f->tcp.half[p->dir].mode != STREAM_IGNORED)
		w->ops->release(w->ops->front, p);
	else
		leave(w, f, p);
}

/*
 * A SYN leaves at once, and before the numbers of its server are known: nothing in it can be held, or replaced and
 * answered. So it leaves without its octets. Their sender learns from the SYN-ACK that they did not arrive, and sends
 * them behind the handshake (RFC 7413 section 4.2.2); the client of a capture cannot.
 */
static void
empty_syn(struct tcp_worker *w, const struct flow *f, struct packet *p)
{
	if (!segment_has(p, TCP_SYN) || p->h.payload_len == 0 || !w->limits.refuse || f->tcp.read_only ||
	    f->tcp.half[p->dir].mode == STREAM_IGNORED)
		return;
	w->ctr->value[CTR_syn_octets] += p->h.payload_len;
	p->h.payload_len = 0;
	p->flags |= PACKET_JUDGED;
	headers_resize(p);
	checksum_rewrite(p);
}

void
tcp_input(struct tcp_worker *w, struct flow *f, struct packet *p)
{
	struct tcp_options options = { 0 };

	if (segment_has(p, TCP_SYN) || f->tcp.half[p->dir].has_ts)
		options = tcp_options_read(p);
	enum counter cause = tcp_check(w, &f->tcp, p, &options);
	if (cause != 0) {
		w->ctr->value[cause]++;
		fail(w, f, p, cause);
		return;
	}
	if (segment_has(p, TCP_RST)) {
		input_rst(w, f, p);
	} else {
		tcp_track(w, &f->tcp, p, &options);
		if (f->tcp.kept > 0)
			unacked_trim(w->unacked, f);
		if (w->reader.accepted != NULL)
			w->reader.accepted(w->reader.ctx, f, p);
		empty_syn(w, f, p);
		input(w, f, p);
	}
}

/*
 * put_next() and read_on() for a p that is alone: it stands in the list, for the reader may want to keep it there, but
 * where all of it was read and may leave, that needs no look at what else there is.
 */
static void
read_alone(struct tcp_worker *w, struct flow *f, struct packet *p)
{
	enum direction dir = p->dir;
	struct tcp_half *h = &f->tcp.half[dir];

	f->tcp.moved_us = (uint32_t)(p->time_ns / 1000);
	held_insert_alone(w, h, p);
	h->nxt += p->h.payload_len;
	h->busy = true;
	size_t used = w->reader.read(w->reader.ctx, f, dir, h->read, view_of(segment_octets(p), p->h.payload_len));
	h->read += h->mode != STREAM_IGNORED ? (uint32_t)used : 0;
	if (h->held == p && h->read == h->nxt && h->clear == h->nxt && h->mode != STREAM_IGNORED) {
		h->sent = h->nxt;
		leave(w, f, held_take(w, h, &h->held));
	} else {
		let_leave(w, f, dir);
		read_rest(w, f, dir, used > 0);
	}
	h->busy = false;
}

/* Not inlined: a burst's loop has no registers left for it. */
__attribute__((noinline)) void
tcp_express_read(struct tcp_worker *w, struct flow *f, struct packet *p)
{
	enum direction dir = p->dir;

	if (is_ahead(w, f, p))
		refuse(w, f, p);
	else
		read_alone(w, f, p);
	settle(w, f, dir, 0);
}

void
tcp_resume(struct tcp_worker *w, struct flow *f, enum direction dir)
{
	read_on(w, f, dir);
	hold_settle(w, f);
}
