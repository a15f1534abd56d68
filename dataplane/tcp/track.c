/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/track.h"

#include "tcp/segment.h"
#include "tcp/validate.h"

#define MSS_IPV4 536 /* RFC 9293 section 3.7.1 */
#define MSS_IPV6 1220

static void
start(struct tcp_half *h, uint32_t seq)
{
	h->start = h->sent = h->clear = h->read = h->nxt = h->acked = seq;
	h->started = true;
}

static void
read_only(struct tcp_worker *w, struct tcp *t, enum counter cause)
{
	t->read_only = true;
	w->ctr->value[cause]++;
}

/* The first segment of a flow is a SYN, or the flow began before us. */
static void
track_beginning(struct tcp_worker *w, struct tcp *t, const struct packet *p)
{
	if (!t->half[0].started && !t->half[1].started && (!segment_has(p, TCP_SYN) || segment_has(p, TCP_ACK)))
		t->midstream = true;
	if (t->midstream && !t->read_only)
		read_only(w, t, CTR_blind_midstream);
}

/* Window scale and timestamps hold where both SYNs offer them (RFC 7323 sections 1.3 and 3.2). */
static void
agree(struct tcp_half *a, struct tcp_half *b)
{
	if (!a->has_wscale || !b->has_wscale)
		a->wscale = b->wscale = 0;
	if (!a->has_ts || !b->has_ts)
		a->has_ts = b->has_ts = false;
}

static void
track_syn(struct tcp_worker *w, struct tcp *t, const struct packet *p, const struct tcp_options *o)
{
	struct tcp_half *h = &t->half[p->dir];

	if (!h->started || segment_first(p) != h->start)
		start(h, segment_first(p));
	h->syn_seen = true;
	h->guessed = false;
	h->mss = o->mss != 0 ? o->mss : p->h.ip_version == 6 ? MSS_IPV6 : MSS_IPV4;
	h->has_wscale = o->has_wscale;
	h->wscale = o->wscale;
	h->has_sack = o->has_sack;
	h->has_ts = o->has_ts;
	h->ts_recent = o->ts_value;
	if (t->half[!p->dir].syn_seen)
		agree(h, &t->half[!p->dir]);
	if (o->is_signed && !t->signed_) {
		t->signed_ = true;
		read_only(w, t, CTR_blind_signed);
	}
}

static void
track_one_way(struct tcp_worker *w, struct tcp *t)
{
	if (t->one_way || t->midstream)
		return;
	t->one_way = true;
	read_only(w, t, CTR_blind_one_way);
}

/* Moves the mark of what the other end's octets were acknowledged up to. */
static void
track_ack(struct tcp_worker *w, struct tcp *t, const struct packet *p)
{
	struct tcp_half *other = &t->half[!p->dir];

	if (!segment_has(p, TCP_ACK))
		return;
	if (!other->started) {
		/* the SYN-ACK is late or goes another way: this is where its octets start */
		if (!t->midstream) {
			start(other, p->h.ack);
			other->guessed = true;
		}
		return;
	}
	if (seq_diff(p->h.ack, other->nxt) > (int32_t)tcp_reach(t, !p->dir))
		track_one_way(w, t);
	if (other->held != NULL && seq_lt(other->acked, p->h.ack))
		t->moved_us = (uint32_t)(p->time_ns / 1000);
	other->acked = seq_max(other->acked, p->h.ack);
}

/*
 * Segments in order set the clock, acknowledged or not (RFC 7323 section 4.3 waits for that to measure round
 * trips): their receiver may have taken the time already, and would drop a segment of ours with an older one.
 */
static void
track_time(struct tcp_half *h, const struct packet *p, const struct tcp_options *o)
{
	if (h->has_ts && o->has_ts && (!h->started || seq_leq(p->h.seq, h->nxt)))
		h->ts_recent = seq_max(h->ts_recent, o->ts_value);
}

/* Octets where none were yet: a start that was only guessed gives way to octets that lie before it. */
static void
track_octets(struct tcp_worker *w, struct tcp *t, const struct packet *p)
{
	struct tcp_half *h = &t->half[p->dir];

	if (!h->started || (h->guessed && seq_lt(segment_first(p), h->start)))
		start(h, segment_first(p));
	h->guessed = false;
	if (!t->half[!p->dir].syn_seen && !segment_has(p, TCP_SYN))
		track_one_way(w, t);
}

void
tcp_track(struct tcp_worker *w, struct tcp *t, const struct packet *p, const struct tcp_options *o)
{
	track_beginning(w, t, p);
	if (segment_has(p, TCP_SYN))
		track_syn(w, t, p, o);
	if (p->h.payload_len > 0 || segment_has(p, TCP_FIN))
		track_octets(w, t, p);
	track_ack(w, t, p);
	track_time(&t->half[p->dir], p, o);
	t->half[p->dir].window = p->h.window;
}
