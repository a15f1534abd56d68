/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/express.h"

#include "base/bytes.h"
#include "headers/checksum.h"
#include "tcp/segment.h"
#include "tcp/unacked.h"

/* NOP, NOP, timestamps (RFC 7323 appendix A), alone behind the header: what stacks send with data and acks. */
enum { STAMP_OPTIONS = 0x0101080a, STAMP_LEN = 12 };

/* What the marks of a direction are compared with: of those in question, the two that are set in the plain case. */
static const struct tcp_half plain = { .syn_seen = true, .started = true };
static const struct tcp_half in_question = { .syn_seen = true,
					     .started = true,
					     .mode = STREAM_IGNORED, /* a bit that the other modes do not have */
					     .guessed = true,
					     .fin_seen = true,
					     .waits = true,
					     .exposed = true,
					     .busy = true };
_Static_assert((STREAM_IGNORED & (STREAM_ORDERED | STREAM_FLUENT)) == 0, "modes that are read lack the bit");

/* Nothing is in this direction's list or unread, it is read, and nothing about it is uncertain. */
static inline bool
is_at_rest(const struct tcp_half *h)
{
	return h->held == NULL && (h->marks & in_question.marks) == plain.marks;
}

/* RFC 7323 section 5.3, R1: *stamp, the last valid one of this direction, becomes that of p. False: p is too old, or
 * says more or less than stacks do. */
static inline bool
is_timely(const struct packet *p, uint32_t *stamp)
{
	const uint8_t *options = p->data + p->h.l4 + TCP_HEADER_LEN;
	uint32_t last = *stamp;

	if (p->h.payload - p->h.l4 != TCP_HEADER_LEN + STAMP_LEN || load_be32(options) != STAMP_OPTIONS)
		return false;
	*stamp = load_be32(options + 4);
	return seq_leq(last, *stamp);
}

bool
tcp_express_accept(struct tcp_worker *w, struct flow *f, const struct packet *p)
{
	struct tcp *t = &f->tcp;
	struct tcp_half *h = &t->half[p->dir], *other = &t->half[p->dir ^ 1];

	if ((p->h.tcp_flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK)) != TCP_ACK)
		return false;
	if (!is_at_rest(h) || !is_at_rest(other) || t->read_only || t->midstream || t->reset)
		return false;
	if (p->h.seq != h->nxt || h->sent != h->nxt || h->read != h->nxt || !seq_leq(p->h.ack, other->nxt))
		return false;
	uint32_t stamp = h->ts_recent;
	if (h->has_ts && !is_timely(p, &stamp))
		return false;
	if (!(p->flags & PACKET_CHECKSUM_OK) && !w->trust_checksums && !checksum_tcp_ok(p))
		return false;
	other->acked = seq_max(other->acked, p->h.ack);
	if (t->kept > 0)
		unacked_trim(w->unacked, f);
	h->ts_recent = stamp;
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
