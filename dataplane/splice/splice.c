/* SPDX-License-Identifier: BSD-3-Clause */
#include "splice/splice.h"

#include "base/seq.h"
#include "headers/checksum.h"
#include "splice/caps.h"
#include "tcp/options.h"

#define TS_OPTION 12   /* octets of the timestamps option with its padding */
#define TS_MARGIN 1000 /* how far the client's view of the clock jumps at a hand-over; only backwards would hurt */
#define LEAVE_NS  30000000000ULL

enum leave { LEAVE_RSET, LEAVE_QUIT, LEAVE_FIN };

/* ---- the table of states ---- */

static const struct {
	uint8_t turn; /* enum splice_turn */
	uint8_t next; /* enum splice_state */
} table[SPLICE_STATES][SPLICE_EVENTS] = {
#define STAY(state)                                                                                                    \
	{                                                                                                              \
		SPLICE_STAY, SPLICE_##state                                                                            \
	}
#define BACK                                                                                                           \
	{                                                                                                              \
		SPLICE_FALL_BACK, SPLICE_OVER                                                                          \
	}
	/*                READY                               OPENED         YES             NO    LATE  GONE */
	[SPLICE_WAIT] = { { SPLICE_CONNECT, SPLICE_OPENING }, STAY(WAIT), STAY(WAIT), BACK, BACK, BACK },
	[SPLICE_OPENING] = { STAY(OPENING), STAY(GREETING), STAY(OPENING), BACK, BACK, BACK },
	[SPLICE_GREETING] = { STAY(GREETING), STAY(GREETING), STAY(HELLO), BACK, BACK, BACK },
	[SPLICE_HELLO] = { STAY(HELLO), STAY(HELLO), STAY(MAIL), BACK, BACK, BACK },
	[SPLICE_MAIL] = { STAY(MAIL), STAY(MAIL), { SPLICE_HAND_OVER, SPLICE_LIVE }, BACK, BACK, BACK },
	[SPLICE_LIVE] = { STAY(LIVE),
			  STAY(LIVE),
			  STAY(LIVE),
			  STAY(LIVE),
			  { SPLICE_FAIL, SPLICE_FAILED },
			  { SPLICE_FAIL, SPLICE_FAILED } },
	[SPLICE_FAILED] = { STAY(FAILED), STAY(FAILED), STAY(FAILED), STAY(FAILED), STAY(OVER), STAY(OVER) },
	[SPLICE_OVER] = { STAY(OVER), STAY(OVER), STAY(OVER), STAY(OVER), STAY(OVER), STAY(OVER) },
#undef STAY
#undef BACK
};

enum splice_turn
splice_take(struct splice *s, enum splice_event event)
{
	unsigned turn = table[s->state][event].turn;

	s->state = table[s->state][event].next;
	return turn;
}

/* The same, and why. */
static enum splice_turn
take_for(struct splice *s, enum splice_event event, enum counter cause)
{
	if (s->cause == 0)
		s->cause = (uint16_t)cause;
	return splice_take(s, event);
}

/* ---- segments of ours ---- */

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

static struct end_wire
far_wire(struct splice *s)
{
	return (struct end_wire){ .send = send_far, .ctx = s };
}

static struct end_wire
near_wire(struct splice *s)
{
	return (struct end_wire){ .send = send_near, .ctx = s };
}

static uint16_t
mss_for(const struct end *e, uint16_t mss)
{
	unsigned options = e->has_ts ? TS_OPTION : 0;

	return (uint16_t)(mss > options ? mss - options : mss);
}

/* ---- to the quarantine ---- */

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
	const struct end_wire wire = far_wire(s);

	if (e->hello_len == 0 || e->mail_len == 0 || !route_of(&s->near_route, like))
		return false;
	s->far_route = s->near_route;
	memset(s->far_route.to, 0, sizeof s->far_route.to);
	memcpy(s->far_route.to, s->to.addr, s->to.ip_version == 4 ? 4 : 16);
	s->far_route.to_port = s->to.port;
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
	s->far.mss = mss_for(&s->far, o->mss != 0 ? o->mss : 536);
	return (!s->far.has_ts || o->has_ts) && o->mss >= server->mss && !o->is_signed;
}

static enum splice_turn
say_far(struct splice *s, const uint8_t *line, size_t len, uint64_t now_ns)
{
	const struct end_wire wire = far_wire(s);

	if (end_say(&s->far, &wire, view_of(line, len), false, now_ns))
		return SPLICE_STAY;
	return take_for(s, SPLICE_NO, CTR_redirect_refused);
}

/* A whole reply of the quarantine in its dialogue with us. */
static enum splice_turn
far_answered(struct splice *s, int code, uint64_t now_ns)
{
	const struct envelope *e = s->flow->envelope;
	enum splice_turn turn;

	if (code / 100 != 2)
		return take_for(s, SPLICE_NO, CTR_redirect_refused);
	if (s->state == SPLICE_HELLO && (s->needs & ~s->far_answer.caps) != 0)
		return take_for(s, SPLICE_NO, CTR_redirect_unfit);
	if (s->state == SPLICE_HELLO)
		s->paced = !(s->far_answer.caps & CAP_PIPELINING);
	turn = splice_take(s, SPLICE_YES);
	if (s->state == SPLICE_HELLO)
		return say_far(s, e->hello, e->hello_len, now_ns);
	if (s->state == SPLICE_MAIL)
		return say_far(s, e->mail, e->mail_len, now_ns);
	return turn;
}

static enum splice_turn
far_octets(struct splice *s, struct view data, uint64_t now_ns)
{
	enum splice_turn turn = SPLICE_STAY;
	size_t used;

	while (turn == SPLICE_STAY && data.len > 0) {
		int code = answer_read(&s->far_answer, data, &used);
		data = view_of(data.at + used, data.len - used);
		if (code < 0)
			return take_for(s, SPLICE_NO, CTR_redirect_refused);
		if (code > 0)
			turn = far_answered(s, code, now_ns);
	}
	/* It says more than it was asked: our idea of what it answers is wrong. */
	if (turn == SPLICE_HAND_OVER && data.len > 0)
		return take_for(s, SPLICE_NO, CTR_redirect_refused);
	return turn;
}

static struct end_segment
segment_of(const struct packet *p, const struct tcp_options *o)
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

enum splice_turn
splice_far_input(struct splice *s, const struct packet *p, uint64_t now_ns)
{
	const struct tcp_options options = tcp_options_read(p);
	const struct end_segment segment = segment_of(p, &options);
	const struct end_wire wire = far_wire(s);
	enum splice_turn turn = SPLICE_STAY;
	struct view data = { 0 };

	s->heard_ns = now_ns;
	unsigned got = end_input(&s->far, &wire, &segment, &data, now_ns);
	if (got & END_OPENED) {
		if (!options_suffice(s, &options))
			return take_for(s, SPLICE_NO, CTR_redirect_unfit);
		turn = splice_take(s, SPLICE_OPENED);
	}
	if (got & END_DATA)
		turn = far_octets(s, data, now_ns);
	if ((got & (END_RESET | END_FIN)) && s->state < SPLICE_LIVE)
		return take_for(s, SPLICE_GONE, CTR_redirect_refused);
	return turn;
}

void
splice_undo(struct splice *s)
{
	const struct end_wire wire = far_wire(s);

	end_abort(&s->far, &wire);
}

/* ---- the hand-over ---- */

static uint32_t
as_server_sees(const struct flow *f, uint32_t client_number)
{
	return f->edit != NULL ? ledger_seq(&f->edit->ledger[DIR_CLIENT], client_number) : client_number;
}

static uint32_t
as_client_sees(const struct flow *f, uint32_t server_number)
{
	return f->edit != NULL ? ledger_seq(&f->edit->ledger[DIR_SERVER], server_number) : server_number;
}

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
	shift->server_scale = server->wscale;
	shift->far_scale = s->far_scale;
	shift->client_scale = client->wscale;
	shift->client_far_scale = s->far_has_scale ? client->wscale : 0;
}

static void
say_near(struct splice *s, const char *line, bool fin, uint64_t now_ns)
{
	const struct end_wire wire = near_wire(s);

	end_say(&s->near, &wire, view_of(line, strlen(line)), fin, now_ns);
}

void
splice_hand_over(struct splice *s, uint64_t now_ns)
{
	const struct tcp_half *client = &s->flow->tcp.half[DIR_CLIENT], *server = &s->flow->tcp.half[DIR_SERVER];

	fix_constants(s);
	end_adopt(&s->near, as_server_sees(s->flow, s->pos), server->nxt);
	s->near.has_ts = s->far.has_ts;
	s->near.ts_value = client->ts_recent;
	s->near.ts_echo = server->ts_recent;
	s->near.mss = mss_for(&s->near, server->mss);
	s->far.state = END_CLOSED; /* from here on the client is the end */
	s->leave = LEAVE_RSET;
	say_near(s, "RSET\r\n", false, now_ns);
}

/* ---- taking leave of the server ---- */

static void
near_answered(struct splice *s, uint64_t now_ns)
{
	if (s->leave == LEAVE_RSET) {
		s->leave = LEAVE_QUIT;
		say_near(s, "QUIT\r\n", false, now_ns);
	} else if (s->leave == LEAVE_QUIT) {
		s->leave = LEAVE_FIN;
		say_near(s, "", true, now_ns);
	}
}

static void
near_octets(struct splice *s, struct view data, uint64_t now_ns)
{
	size_t used;

	while (data.len > 0) {
		int code = answer_read(&s->near_answer, data, &used);
		data = view_of(data.at + used, data.len - used);
		if (code != 0)
			near_answered(s, now_ns);
		if (code < 0)
			return;
	}
}

void
splice_near_input(struct splice *s, const struct packet *p, uint64_t now_ns)
{
	const struct tcp_options options = tcp_options_read(p);
	const struct end_segment segment = segment_of(p, &options);
	const struct end_wire wire = near_wire(s);
	struct view data = { 0 };
	unsigned got = end_input(&s->near, &wire, &segment, &data, now_ns);

	if (got & END_DATA)
		near_octets(s, data, now_ns);
	if ((got & END_FIN) && !s->near.fin_said) {
		s->leave = LEAVE_FIN;
		say_near(s, "", true, now_ns);
	}
}

/* ---- failure after the hand-over ---- */

/* The quarantine forgets the session; what is on its way to it may have moved its number on, so both. */
static void
reset_far(struct splice *s)
{
	const struct tcp_half *client = &s->flow->tcp.half[DIR_CLIENT];
	const struct end_wire wire = far_wire(s);
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
	const struct end_wire wire = far_wire(s);
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
	const struct end_wire wire = far_wire(s);

	reset_far(s);
	if (server->acked != server->nxt || server->fin_seen || client->fin_seen)
		return false;
	turn_to_client(s, server->nxt);
	s->far.ts_value = server->ts_recent + 1;
	s->far.ts_echo = client->ts_recent;
	s->far.mss = mss_for(&s->far, client->mss);
	return end_say(&s->far, &wire, text, true, now_ns);
}

void
splice_client_input(struct splice *s, const struct packet *p, uint64_t now_ns)
{
	const struct tcp_options options = tcp_options_read(p);
	const struct end_segment segment = segment_of(p, &options);
	const struct end_wire wire = far_wire(s);
	struct view data;

	if ((end_input(&s->far, &wire, &segment, &data, now_ns) & END_RESET) || end_done(&s->far))
		splice_take(s, SPLICE_GONE);
}

/* ---- time ---- */

static bool
is_over(uint64_t since, uint64_t now_ns, uint64_t limit)
{
	return now_ns > since && now_ns - since >= limit;
}

/* The server gets its time to answer, and no more. */
static void
near_tick(struct splice *s, uint64_t now_ns)
{
	const struct end_wire wire = near_wire(s);

	if (s->near.state != END_OPEN || end_done(&s->near))
		return;
	if (!end_tick(&s->near, &wire, now_ns) || is_over(s->begun_ns, now_ns, LEAVE_NS))
		end_abort(&s->near, &wire);
}

enum splice_turn
splice_tick(struct splice *s, uint64_t now_ns, uint64_t setup_ns, uint64_t session_ns)
{
	const struct end_wire wire = far_wire(s);

	near_tick(s, now_ns);
	if (s->state < SPLICE_LIVE) {
		bool goes_on = s->state == SPLICE_WAIT || end_tick(&s->far, &wire, now_ns);
		if (!goes_on || is_over(s->begun_ns, now_ns, setup_ns))
			return take_for(s, SPLICE_LATE, CTR_redirect_late);
	} else if (s->state == SPLICE_LIVE) {
		if (is_over(s->begun_ns, now_ns, session_ns))
			return take_for(s, SPLICE_LATE, CTR_redirect_late);
	} else if (s->state == SPLICE_FAILED && !end_tick(&s->far, &wire, now_ns)) {
		return splice_take(s, SPLICE_GONE);
	}
	return SPLICE_STAY;
}

void
splice_abort(struct splice *s)
{
	const struct end_wire far = far_wire(s), near = near_wire(s);

	if (s->state == SPLICE_LIVE)
		reset_far(s);
	else
		end_abort(&s->far, &far);
	end_abort(&s->near, &near);
}
