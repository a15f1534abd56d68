/* SPDX-License-Identifier: BSD-3-Clause */
/* Failure behind the hand-over: the client is told, and the quarantine forgets. */
#include "base/seq.h"
#include "splice/ends.h"
#include "tcp/options.h"

/* The quarantine forgets the session; what is on its way to it may have moved its number on, so both. */
static void
reset_far(struct splice *s)
{
	const struct tcp_half *client = &s->flow->tcp.half[DIR_CLIENT];
	const struct end_wire wire = splice_far_wire(s);
	uint32_t at[2] = { client->acked, client->sent };

	for (unsigned i = 0; i < 2 && (i == 0 || seq_lt(at[0], at[1])); i++) {
		end_adopt(&s->far, as_server_sees(s->flow, at[i]) + s->shift.client_seq,
			  s->flow->tcp.half[DIR_SERVER].acked - s->shift.server_seq);
		end_abort(&s->far, &wire);
	}
}

/* The far end is the client from now on. */
static void
turn_to_client(struct splice *s, uint32_t server_number)
{
	s->far_route = s->near_route;
	route_turn(&s->far_route);
	end_adopt(&s->far, as_client_sees(s->flow, server_number), s->flow->tcp.half[DIR_CLIENT].acked);
}

void
splice_reset_client(struct splice *s)
{
	const struct tcp_half *server = &s->flow->tcp.half[DIR_SERVER];
	const struct end_wire wire = splice_far_wire(s);
	uint32_t at[2] = { server->acked, server->sent };

	for (unsigned i = 0; i < 2 && (i == 0 || seq_lt(at[0], at[1])); i++) {
		turn_to_client(s, at[i]);
		end_abort(&s->far, &wire);
	}
	s->state = SPLICE_OVER;
}

bool
splice_fail(struct splice *s, struct view text, uint64_t now_ns)
{
	const struct tcp_half *client = &s->flow->tcp.half[DIR_CLIENT], *server = &s->flow->tcp.half[DIR_SERVER];
	const struct end_wire wire = splice_far_wire(s);

	reset_far(s);
	if (server->acked != server->nxt || server->fin_seen || client->fin_seen)
		return false;
	turn_to_client(s, server->nxt);
	s->far.ts_value = server->ts_recent + 1;
	s->far.ts_echo = client->ts_recent;
	s->far.mss = splice_mss(&s->far, client->mss);
	return end_say(&s->far, &wire, text, true, now_ns);
}

void
splice_client_input(struct splice *s, const struct packet *p, uint64_t now_ns)
{
	const struct tcp_options options = tcp_options_read(p);
	const struct end_segment segment = splice_segment(p, &options);
	const struct end_wire wire = splice_far_wire(s);
	struct view data;

	if ((end_input(&s->far, &wire, &segment, &data, now_ns) & END_RESET) || end_done(&s->far))
		splice_take(s, SPLICE_GONE);
}

void
splice_abort(struct splice *s)
{
	const struct end_wire far = splice_far_wire(s), near = splice_near_wire(s);

	if (splice_joins(s))
		reset_far(s);
	else
		end_abort(&s->far, &far);
	end_abort(&s->near, &near);
}
