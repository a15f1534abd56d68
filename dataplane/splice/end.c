/* SPDX-License-Identifier: BSD-3-Clause */
#include "splice/end.h"

#include "base/seq.h"

#define MSS_LEAST 64 /* nobody is served by less */

static void
transmit(const struct end *e, const struct end_wire *wire, uint32_t seq, uint8_t flags, struct view payload)
{
	const struct end_segment s = { .seq = seq,
				       .ack = e->rcv,
				       .flags = flags,
				       .ts_value = e->ts_value,
				       .has_ts = e->has_ts,
				       .payload = payload };

	wire->send(wire->ctx, e, &s);
}

static void
send_ack(const struct end *e, const struct end_wire *wire)
{
	transmit(e, wire, e->nxt, TCP_ACK, view_of(NULL, 0));
}

/* Everything from `offset` of the text on, in segments, the FIN on the last. */
static void
send_text(const struct end *e, const struct end_wire *wire, size_t offset)
{
	size_t mss = e->mss > MSS_LEAST ? e->mss : MSS_LEAST;

	do {
		size_t left = e->text_len - offset, len = left < mss ? left : mss;
		bool last = len == left;
		uint8_t flags =
			(uint8_t)(TCP_ACK | (last && len > 0 ? TCP_PSH : 0) | (last && e->fin_said ? TCP_FIN : 0));

		transmit(e, wire, e->una + (uint32_t)offset, flags, view_of(e->text + offset, len));
		offset += len;
	} while (offset < e->text_len);
}

static void
arm(struct end *e, uint64_t now_ns)
{
	uint64_t wait = END_FIRST_NS << e->tries;

	e->due_ns = now_ns + (wait < END_LAST_NS ? wait : END_LAST_NS);
}

void
end_connect(struct end *e, const struct end_wire *wire, uint32_t iss, uint64_t now_ns)
{
	e->state = END_OPENING;
	e->una = iss;
	e->nxt = iss + 1;
	e->rcv = 0;
	e->ts_echo = 0;
	e->text_len = 0;
	e->tries = 0;
	e->fin_said = e->fin_read = false;
	transmit(e, wire, iss, TCP_SYN, view_of(NULL, 0));
	arm(e, now_ns);
}

void
end_adopt(struct end *e, uint32_t nxt, uint32_t rcv)
{
	e->state = END_OPEN;
	e->una = e->nxt = nxt;
	e->rcv = rcv;
	e->text_len = 0;
	e->tries = 0;
	e->due_ns = 0;
	e->fin_said = e->fin_read = false;
}

bool
end_say(struct end *e, const struct end_wire *wire, struct view text, bool fin, uint64_t now_ns)
{
	size_t before = e->text_len;

	if (e->state != END_OPEN || e->fin_said || text.len > sizeof e->text - e->text_len)
		return false;
	if (text.len > 0)
		memcpy(e->text + e->text_len, text.at, text.len);
	e->text_len = (uint16_t)(e->text_len + text.len);
	e->nxt += (uint32_t)text.len + fin;
	e->fin_said = fin;
	send_text(e, wire, before);
	if (e->due_ns == 0)
		arm(e, now_ns);
	return true;
}

/* Takes the ack of `s`. True where all is acknowledged now and was not before. */
static bool
take_ack(struct end *e, const struct end_segment *s, uint64_t now_ns)
{
	uint32_t gained = s->ack - e->una;

	if (!(s->flags & TCP_ACK) || gained == 0 || gained > e->nxt - e->una)
		return false;
	size_t octets = gained < e->text_len ? gained : e->text_len;
	memmove(e->text, e->text + octets, e->text_len - octets);
	e->text_len = (uint16_t)(e->text_len - octets);
	e->una = s->ack;
	e->tries = 0;
	if (e->una == e->nxt)
		e->due_ns = 0;
	else
		arm(e, now_ns);
	return e->una == e->nxt;
}

/* Octets and FIN in order; what does not begin at rcv or below is not taken. Returns END_DATA, END_FIN. */
static unsigned
take_octets(struct end *e, const struct end_segment *s, struct view *data)
{
	uint32_t known = e->rcv - s->seq;
	unsigned got = 0;

	if (seq_lt(e->rcv, s->seq) || e->fin_read)
		return 0;
	if (known < s->payload.len) {
		*data = view_of(s->payload.at + known, s->payload.len - known);
		e->rcv += (uint32_t)data->len;
		got |= END_DATA;
	}
	if ((s->flags & TCP_FIN) && e->rcv == s->seq + (uint32_t)s->payload.len) {
		e->rcv++;
		e->fin_read = true;
		got |= END_FIN;
	}
	return got;
}

static unsigned
input_opening(struct end *e, const struct end_wire *wire, const struct end_segment *s)
{
	if ((s->flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK) || s->ack != e->nxt)
		return 0;
	e->state = END_OPEN;
	e->una = e->nxt;
	e->rcv = s->seq + 1;
	e->ts_echo = s->ts_value;
	e->tries = 0;
	e->due_ns = 0;
	send_ack(e, wire);
	return END_OPENED;
}

/* RFC 5961 section 3.2: the exact number, or an answer to our SYN. */
static bool
is_reset(const struct end *e, const struct end_segment *s)
{
	if (e->state == END_OPENING)
		return (s->flags & TCP_ACK) && s->ack == e->nxt;
	return s->seq == e->rcv;
}

unsigned
end_input(struct end *e, const struct end_wire *wire, const struct end_segment *s, struct view *data, uint64_t now_ns)
{
	unsigned got = 0;

	if (e->state != END_OPENING && e->state != END_OPEN)
		return 0;
	if (s->flags & TCP_RST) {
		if (!is_reset(e, s))
			return 0;
		e->state = END_GIVEN_UP;
		e->due_ns = 0;
		return END_RESET;
	}
	if (e->state == END_OPENING)
		return input_opening(e, wire, s);
	if (s->flags & TCP_SYN) { /* our ack of it was lost */
		send_ack(e, wire);
		return 0;
	}
	if (s->has_ts && seq_leq(s->seq, e->rcv))
		e->ts_echo = seq_max(e->ts_echo, s->ts_value);
	if (take_ack(e, s, now_ns))
		got |= END_ALL;
	got |= take_octets(e, s, data);
	if (s->payload.len > 0 || (s->flags & TCP_FIN))
		send_ack(e, wire);
	return got;
}

bool
end_tick(struct end *e, const struct end_wire *wire, uint64_t now_ns)
{
	if (e->due_ns == 0 || now_ns < e->due_ns)
		return e->state != END_GIVEN_UP;
	if (++e->tries >= END_TRIES) {
		e->state = END_GIVEN_UP;
		e->due_ns = 0;
		return false;
	}
	if (e->state == END_OPENING)
		transmit(e, wire, e->una, TCP_SYN, view_of(NULL, 0));
	else
		send_text(e, wire, 0);
	arm(e, now_ns);
	return true;
}

void
end_abort(struct end *e, const struct end_wire *wire)
{
	if (e->state == END_OPEN && !end_done(e))
		transmit(e, wire, e->nxt, TCP_RST | TCP_ACK, view_of(NULL, 0));
	e->state = END_CLOSED;
	e->due_ns = 0;
}

bool
end_done(const struct end *e)
{
	return e->state == END_OPEN && e->fin_said && e->fin_read && e->una == e->nxt;
}
