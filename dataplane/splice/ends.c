/* SPDX-License-Identifier: BSD-3-Clause */
#include "splice/ends.h"

#include "tcp/options.h"

#define TS_OPTION 12 /* octets of the timestamps option with its padding */

static void
send_frame(struct splice *s, const struct route *r, const struct end *e, const struct end_segment *segment,
	   uint16_t window)
{
	bool syn = (segment->flags & TCP_SYN) != 0;
	struct packet *p = route_frame(r, s->out->ops, segment, e->ts_echo, window, syn ? &s->syn : NULL);

	if (p == NULL) {
		s->out->ctr->value[CTR_no_buffer]++;
		return;
	}
	s->out->transmit(s->out->ctx, p, r->side);
}

/* As the client's own would stand there: its scale was offered in our SYN as well. */
static uint16_t
client_window(const struct splice *s)
{
	uint16_t window = s->flow->tcp.half[DIR_CLIENT].window;

	return window > 0 ? window : 1;
}

static void
send_far(void *ctx, const struct end *e, const struct end_segment *segment)
{
	struct splice *s = ctx;
	uint8_t scale = s->flow->tcp.half[s->state >= SPLICE_LIVE ? DIR_SERVER : DIR_CLIENT].wscale;
	uint16_t window = END_WINDOW;

	if (!(segment->flags & TCP_SYN) && s->state >= SPLICE_LIVE)
		window = (uint16_t)(END_WINDOW >> scale);
	else if (!(segment->flags & TCP_SYN))
		window = client_window(s);
	send_frame(s, &s->far_route, e, segment, window);
}

static void
send_near(void *ctx, const struct end *e, const struct end_segment *segment)
{
	struct splice *s = ctx;

	send_frame(s, &s->near_route, e, segment, client_window(s));
}

struct end_wire
splice_far_wire(struct splice *s)
{
	return (struct end_wire){ .send = send_far, .ctx = s };
}

struct end_wire
splice_near_wire(struct splice *s)
{
	return (struct end_wire){ .send = send_near, .ctx = s };
}

uint16_t
splice_mss(const struct end *e, uint16_t mss)
{
	unsigned options = e->has_ts ? TS_OPTION : 0;

	return (uint16_t)(mss > options ? mss - options : mss);
}

struct end_segment
splice_segment(const struct packet *p, const struct tcp_options *o)
{
	return (struct end_segment){
		.seq = p->h.seq,
		.ack = p->h.ack,
		.flags = (uint8_t)p->h.tcp_flags,
		.has_ts = o->has_ts,
		.ts_value = o->ts_value,
		.payload = view_of(p->data + p->h.payload, p->h.payload_len),
	};
}
