/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/express.h"

#include "base/bytes.h"
#include "headers/checksum.h"
#include "tcp/segment.h"
#include "tcp/unacked.h"

/* NOP, NOP, timestamps (RFC 7323 appendix A), alone behind the header: what stacks send with data and acks. */
enum { STAMP_OPTIONS = 0x0101080a, STAMP_LEN = 12 };

static inline const uint8_t *
options_of(const struct packet *p)
{
	return p->data + p->h.l4 + TCP_HEADER_LEN;
}

/* Of the marks that say whether anything is uncertain, those that are set where nothing is. */
static const struct tcp_half certain = { .syn_seen = true, .started = true };
static const struct tcp_half in_question = { .syn_seen = true,
					     .started = true,
					     .guessed = true,
					     .fin_seen = true,
					     .waits = true,
					     .exposed = true,
					     .busy = true };

/* Nothing is in this direction's list or unread, and nothing about it is uncertain. */
static inline bool
is_at_rest(const struct tcp_half *h)
{
	return h->held == NULL && (h->marks & in_question.marks) == certain.marks;
}

/* RFC 7323 section 5.3, R1. */
static inline bool
is_timely(const struct tcp_half *h, const struct packet *p)
{
	if (!h->has_ts)
		return true;
	const uint8_t *options = options_of(p);
	return p->h.payload - p->h.l4 == TCP_HEADER_LEN + STAMP_LEN && load_be32(options) == STAMP_OPTIONS &&
	       seq_leq(h->ts_recent, load_be32(options + 4));
}

static inline bool
is_next(const struct tcp_worker *w, const struct tcp *t, const struct packet *p)
{
	const struct tcp_half *h = &t->half[p->dir], *other = &t->half[!p->dir];

	if ((p->h.tcp_flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK)) != TCP_ACK)
		return false;
	if (!is_at_rest(h) || !is_at_rest(other) || t->read_only || t->midstream || t->reset)
		return false;
	if (p->h.seq != h->nxt || h->sent != h->nxt || h->read != h->nxt || !seq_leq(p->h.ack, other->nxt))
		return false;
	if (p->h.payload_len > 0 && (h->mode == STREAM_IGNORED || w->limits.held_per_flow == 0))
		return false;
	if (!is_timely(h, p))
		return false;
	return (p->flags & PACKET_CHECKSUM_OK) || w->trust_checksums || checksum_tcp_ok(p);
}

bool
tcp_express_accept(struct tcp_worker *w, struct flow *f, const struct packet *p)
{
	struct tcp_half *h = &f->tcp.half[p->dir], *other = &f->tcp.half[!p->dir];

	if (!is_next(w, &f->tcp, p))
		return false;
	other->acked = seq_max(other->acked, p->h.ack);
	if (f->tcp.kept > 0)
		unacked_trim(w->unacked, f);
	if (h->has_ts)
		h->ts_recent = load_be32(options_of(p) + 4);
	h->window = p->h.window;
	return true;
}

void
tcp_express_pass(struct flow *f, const struct packet *p)
{
	struct tcp_half *h = &f->tcp.half[p->dir];

	h->sent = h->clear = h->read = h->nxt = p->h.seq + p->h.payload_len;
	f->tcp.moved_us = (uint32_t)(p->time_ns / 1000);
}
