/* SPDX-License-Identifier: BSD-3-Clause */
/* To the quarantine: the dialogue that it has with us, up to the flagged line. */
#include "splice/caps.h"
#include "splice/ends.h"
#include "splice/present.h"
#include "tcp/options.h"

static void
make_key(const struct route *r, struct flow_key *key)
{
	int order = memcmp(r->from, r->to, sizeof r->from);
	unsigned from = order > 0 || (order == 0 && r->from_port > r->to_port);

	*key = (struct flow_key){
		.vlan_outer = r->vlan_outer, .vlan_inner = r->vlan_inner, .ip_version = r->ip_version, .pair = r->pair
	};
	memcpy(key->addr[from], r->from, sizeof r->from);
	memcpy(key->addr[!from], r->to, sizeof r->to);
	key->port[from] = r->from_port;
	key->port[!from] = r->to_port;
}

bool
splice_open(struct splice_pool *pool, struct splice *s, const struct packet *like, uint64_t now_ns)
{
	const struct tcp_half *client = &s->flow->tcp.half[DIR_CLIENT], *server = &s->flow->tcp.half[DIR_SERVER];
	const struct envelope *e = s->flow->envelope;
	const struct end_wire wire = splice_far_wire(s);

	if (e->hello_len == 0 || e->mail_len == 0 || !route_of(&s->near_route, like))
		return false;
	s->far_route = s->near_route;
	memset(s->far_route.to, 0, sizeof s->far_route.to);
	memcpy(s->far_route.to, s->to.addr, s->to.ip_version == 4 ? 4 : 16);
	s->far_route.to_port = s->to.port;
	if (s->to.apart && !route_turns(&s->near_route))
		return false;
	if (s->to.apart)
		route_apart(&s->far_route, s->to.pair, s->to.link);
	make_key(&s->far_route, &s->key);
	if (!splice_list(pool, s))
		return false;
	/* What the client and the server have agreed on, no more: the quarantine must be able to go on with it. */
	s->syn = (struct route_syn){
		.mss = client->mss,
		.wscale = client->wscale,
		.has_wscale = client->has_wscale && server->has_wscale,
		.has_sack = client->has_sack && server->has_sack,
	};
	s->far.has_ts = client->has_ts && server->has_ts;
	s->far.ts_value = client->ts_recent;
	s->far.mss = server->mss;
	s->heard_ns = now_ns;
	/* Chosen so that the client's own numbers go on. */
	uint32_t pos = s->flow->edit != NULL ? ledger_seq(&s->flow->edit->ledger[DIR_CLIENT], s->pos) : s->pos;
	end_connect(&s->far, &wire, pos - 1 - e->hello_len - e->mail_len, now_ns);
	return true;
}

/* The options of its SYN-ACK: less than the client has agreed on with the server, and nobody could go on. */
static bool
options_suffice(struct splice *s, const struct tcp_options *o)
{
	const struct tcp_half *server = &s->flow->tcp.half[DIR_SERVER];

	s->far_has_scale = s->syn.has_wscale && o->has_wscale;
	s->far_scale = s->far_has_scale ? o->wscale : 0;
	s->far.mss = splice_mss(&s->far, o->mss != 0 ? o->mss : 536);
	return (!s->far.has_ts || o->has_ts) && o->mss >= server->mss && !o->is_signed;
}

static enum splice_turn
say_far(struct splice *s, const uint8_t *line, size_t len, uint64_t now_ns)
{
	const struct end_wire wire = splice_far_wire(s);

	if (end_say(&s->far, &wire, view_of(line, len), false, now_ns))
		return SPLICE_STAY;
	return splice_take_for(s, SPLICE_NO, CTR_redirect_refused);
}

/* What follows its answer to EHLO: that it is told who the client is, or MAIL. `line`: of the former. */
static enum splice_event
event_of_hello(const struct splice *s, uint8_t *line, size_t *len)
{
	const struct answer *a = &s->far_answer;
	bool asks = s->to.present == PRESENT_XCLIENT;
	const struct present_ends ends = { .client = s->far_route.from,
					   .server = s->near_route.to,
					   .client_port = s->near_route.from_port,
					   .server_port = s->near_route.to_port,
					   .ip_version = s->near_route.ip_version,
					   .hello = view_of(s->flow->envelope->hello, s->flow->envelope->hello_len) };

	*len = s->state == SPLICE_HELLO
		       ? present_line(s->to.present, asks ? a->xclient : a->xforward & PRESENT_BY_XFORWARD, &ends, line)
		       : 0;
	return *len == 0 ? SPLICE_YES : asks ? SPLICE_BY_XCLIENT : SPLICE_BY_XFORWARD;
}

/* A whole reply of the quarantine in its dialogue with us. */
static enum splice_turn
far_answered(struct splice *s, int code, uint64_t now_ns)
{
	bool to_hello = s->state == SPLICE_HELLO || s->state == SPLICE_AGAIN;
	const struct envelope *e = s->flow->envelope;
	uint8_t line[PRESENT_LINE];
	size_t len = 0;

	if (code / 100 != 2)
		return splice_take_for(s, SPLICE_NO, CTR_redirect_refused);
	if (to_hello && (s->needs & ~s->far_answer.caps) != 0)
		return splice_take_for(s, SPLICE_NO, CTR_redirect_unfit);
	if (to_hello)
		s->paced = !(s->far_answer.caps & CAP_PIPELINING);
	enum splice_turn turn = splice_take(s, to_hello ? event_of_hello(s, line, &len) : SPLICE_YES);
	if (s->state == SPLICE_HELLO || s->state == SPLICE_AGAIN)
		return say_far(s, e->hello, e->hello_len, now_ns);
	if (s->state == SPLICE_XCLIENT || s->state == SPLICE_XFORWARD)
		return say_far(s, line, len, now_ns);
	if (s->state == SPLICE_MAIL)
		return say_far(s, e->mail, e->mail_len, now_ns);
	return turn;
}

static enum splice_turn
far_octets(struct splice *s, struct view data, bool closes, uint64_t now_ns)
{
	enum splice_turn turn = SPLICE_STAY;
	size_t used;

	while (turn == SPLICE_STAY && data.len > 0) {
		int code = answer_read(&s->far_answer, data, &used);
		data = view_of(data.at + used, data.len - used);
		/* Behind its answer to MAIL it waits for us: where it says more, our idea of what it answers is wrong.
		 */
		if (code < 0 || (code > 0 && s->state == SPLICE_MAIL && (data.len > 0 || closes)))
			return splice_take_for(s, SPLICE_NO, CTR_redirect_refused);
		if (code > 0)
			turn = far_answered(s, code, now_ns);
	}
	return turn;
}

enum splice_turn
splice_far_input(struct splice *s, const struct packet *p, uint64_t now_ns)
{
	const struct tcp_options options = tcp_options_read(p);
	const struct end_segment segment = splice_segment(p, &options);
	const struct end_wire wire = splice_far_wire(s);
	enum splice_turn turn = SPLICE_STAY;
	struct view data = { 0 };

	s->heard_ns = now_ns;
	unsigned got = end_input(&s->far, &wire, &segment, &data, now_ns);
	if (got & END_OPENED) {
		if (!options_suffice(s, &options))
			return splice_take_for(s, SPLICE_NO, CTR_redirect_unfit);
		turn = splice_take(s, SPLICE_OPENED);
	}
	if (got & END_DATA)
		turn = far_octets(s, data, (got & END_FIN) != 0, now_ns);
	if ((got & (END_RESET | END_FIN)) && s->state < SPLICE_LIVE)
		return splice_take_for(s, SPLICE_GONE, CTR_redirect_refused);
	return turn;
}

void
splice_undo(struct splice *s)
{
	const struct end_wire wire = splice_far_wire(s);

	end_abort(&s->far, &wire);
}
