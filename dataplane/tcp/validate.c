/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/validate.h"

#include "headers/checksum.h"
#include "tcp/segment.h"

#define REACH_LEAST 65535u

uint32_t
tcp_reach(const struct tcp *t, enum direction dir)
{
	const struct tcp_half *to = &t->half[!dir];

	if (t->midstream || !to->syn_seen)
		return TCP_REACH_UNKNOWN;
	uint32_t window = (uint32_t)to->window << to->wscale;
	return window > REACH_LEAST ? window : REACH_LEAST;
}

static bool
between(uint32_t seq, uint32_t low, uint32_t high)
{
	return seq_leq(low, seq) && seq_leq(seq, high);
}

/* Everything but a SYN or RST acknowledges (RFC 9293 section 3.10.7.4, fifth); a SYN neither ends nor resets. */
static bool
flags_sound(const struct packet *p)
{
	if (segment_has(p, TCP_SYN))
		return !segment_has(p, TCP_FIN | TCP_RST);
	return segment_has(p, TCP_ACK | TCP_RST);
}

static bool
no_octets_yet(const struct tcp_half *h)
{
	return h->nxt == h->start;
}

/* The first SYN, the same again, or another attempt while nothing has been said; a SYN-ACK answers the SYN. */
static bool
syn_ok(const struct tcp *t, const struct packet *p)
{
	const struct tcp_half *h = &t->half[p->dir];
	const struct tcp_half *other = &t->half[!p->dir];

	if (segment_has(p, TCP_ACK) && other->syn_seen && !between(p->h.ack, other->start, other->nxt))
		return false;
	return !h->started || segment_first(p) == h->start || (no_octets_yet(h) && no_octets_yet(other));
}

/*
 * A RST counts when its number is the one that the receiver may expect next, or when it answers what the other end has
 * sent. Elsewhere in the window the receiver stays (RFC 5961 section 3.2), and so do we.
 */
static bool
rst_ok(const struct tcp *t, const struct packet *p)
{
	const struct tcp_half *h = &t->half[p->dir];
	const struct tcp_half *other = &t->half[!p->dir];

	if (h->started && !h->guessed)
		return between(p->h.seq, seq_min(h->acked, h->sent), h->nxt);
	return segment_has(p, TCP_ACK) && other->started && between(p->h.ack, other->start, other->nxt);
}

static bool
in_window(const struct tcp *t, const struct packet *p)
{
	const struct tcp_half *h = &t->half[p->dir];
	uint32_t reach = tcp_reach(t, p->dir);
	uint32_t behind = reach > TCP_REACH_UNKNOWN ? reach : TCP_REACH_UNKNOWN;

	if (!h->started)
		return true;
	if (h->fin_seen && seq_lt(h->fin + 1, segment_end(p)))
		return false; /* nothing follows a FIN */
	return seq_diff(segment_first(p), h->nxt) <= (int32_t)reach &&
	       seq_diff(h->nxt, segment_end(p)) <= (int32_t)behind;
}

/* RFC 7323 section 5.3, R1. */
static bool
timestamp_old(const struct tcp *t, const struct packet *p, const struct tcp_options *o)
{
	const struct tcp_half *h = &t->half[p->dir];

	return !segment_has(p, TCP_SYN | TCP_RST) && h->has_ts && t->half[!p->dir].has_ts && o->has_ts &&
	       seq_lt(o->ts_value, h->ts_recent);
}

enum counter
tcp_check(const struct tcp_worker *w, const struct tcp *t, const struct packet *p, const struct tcp_options *o)
{
	bool ok;

	if (!w->trust_checksums && !(p->flags & PACKET_CHECKSUM_OK) && !checksum_tcp_ok(p))
		return CTR_bad_checksum;
	if (!flags_sound(p))
		return CTR_bad_segment;
	if (segment_has(p, TCP_SYN))
		ok = syn_ok(t, p);
	else if (segment_has(p, TCP_RST))
		ok = rst_ok(t, p);
	else
		ok = in_window(t, p);
	if (ok && timestamp_old(t, p, o))
		return CTR_old_timestamp;
	return ok ? 0 : CTR_bad_segment;
}
