/* SPDX-License-Identifier: BSD-3-Clause */
/* The hand-over: constants from here on. */
#include "splice/ends.h"

#define TS_MARGIN 1000 /* how far the client's view of the clock jumps at a hand-over; only backwards would hurt */

static void
fix_constants(struct splice *s)
{
	const struct tcp_half *client = &s->flow->tcp.half[DIR_CLIENT], *server = &s->flow->tcp.half[DIR_SERVER];
	struct shift *shift = &s->shift;

	memcpy(shift->server, s->near_route.to, sizeof shift->server);
	memcpy(shift->far, s->far_route.to, sizeof shift->far);
	shift->server_port = s->near_route.to_port;
	shift->far_port = s->to.port;
	shift->client_seq = s->far.nxt - as_server_sees(s->flow, s->pos);
	shift->server_seq = server->nxt - s->far.rcv;
	shift->has_ts = s->far.has_ts;
	shift->ts = server->ts_recent + TS_MARGIN - s->far.ts_echo;
	shift->ts_first = s->far.ts_echo;
	shift->ts_last = s->far.ts_value;
	shift->server_scale = server->wscale;
	shift->far_scale = s->far_scale;
	shift->client_scale = client->wscale;
	shift->client_far_scale = s->far_has_scale ? client->wscale : 0;
}

void
splice_hand_over(struct splice *s, uint64_t now_ns)
{
	const struct tcp_half *client = &s->flow->tcp.half[DIR_CLIENT], *server = &s->flow->tcp.half[DIR_SERVER];

	s->left_ns = now_ns;
	fix_constants(s);
	end_adopt(&s->near, as_server_sees(s->flow, s->pos), server->nxt);
	s->near.has_ts = s->far.has_ts;
	s->near.ts_value = client->ts_recent;
	s->near.ts_echo = server->ts_recent;
	s->near.mss = splice_mss(&s->near, server->mss);
	s->far.state = END_CLOSED; /* from here on the client is the end */
	splice_leave(s, now_ns);
}
