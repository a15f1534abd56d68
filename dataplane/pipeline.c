/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a packet, top to bottom:
 *
 *   rx -> headers -> classify -> flow -> tcp -> smtp -> match -> verdict -> edit -> tx
 *
 * rx and tx belong to the front end. tcp puts octets in order and calls
 * dialogue.c with them (smtp); dialogue.c calls judge.c for each MAIL and RCPT
 * (match, verdict); what may leave passes edit on its way out.
 */
#include <stdlib.h>
#include <sys/random.h>

#include "headers/checksum.h"
#include "internal.h"
#include "splice/splice.h"
#include "tcp/express.h"
#include "tcp/unacked.h"

/*
 * A frame that is no whole segment: what is no TCP leaves, a fragment waits for its datagram. Returns owned: the
 * segment that a last fragment has completed, or NULL. Takes p.
 */
static struct packet *
no_segment(struct pipeline *pl, struct packet *p, enum decode_result found)
{
	if (found == DECODE_FRAGMENT) {
		p = fragments_put(pl->fragments, p, pl->now_ns);
		if (p == NULL)
			return NULL;
		found = headers_decode(p);
	}
	if (found == DECODE_TCP)
		return p;
	pl->ctr->value[found == DECODE_MALFORMED ? CTR_undecoded : CTR_not_mail]++;
	pipeline_forward(pl, p);
	return NULL;
}

/* headers: frames to TCP segments. */
static unsigned
headers_stage(struct pipeline *pl, struct packet **burst, unsigned n)
{
	uint64_t octets = 0;
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		struct packet *p = burst[i];
		enum decode_result found = headers_decode(p);

		octets += p->len;
		if (found != DECODE_TCP && (p = no_segment(pl, p, found)) == NULL)
			continue;
		if (pl->redirects == NULL || !redirect_arrives(pl, p))
			burst[kept++] = p;
	}
	pl->ctr->value[CTR_rx_octets] += octets;
	return kept;
}

/* classify: segments of mail ports stay, the others leave before any flow lookup. */
static unsigned
classify_stage(struct pipeline *pl, struct packet **burst, unsigned n)
{
	struct packet *other[FLOW_BURST];
	unsigned others = 0;
	unsigned kept = classify_burst(&pl->ports, burst, n, other, &others);

	pipeline_forward_burst(pl, other, others);
	pl->ctr->value[CTR_not_mail] += others;
	pl->ctr->value[CTR_mail_packets] += kept;
	return kept;
}

/* The flow is read no further: what it holds goes on its way, or nowhere; what it said first is compared no more. */
static void
let_go(struct pipeline *pl, struct flow *f)
{
	unacked_drop(pl->tcp.unacked, f);
	if (f->fate == FLOW_DROP || f->fate == FLOW_RESET)
		tcp_discard_all(&pl->tcp, f);
	else
		tcp_release_all(&pl->tcp, f);
}

/* A server's answer may have opened the gate for client octets that wait; reading them may open nothing further. */
static void
resume_client(struct pipeline *pl, struct flow *f)
{
	while (pl->gate_opened && f->fate == FLOW_INSPECT) {
		pl->gate_opened = false;
		tcp_resume(&pl->tcp, f, DIR_CLIENT);
	}
	pl->gate_opened = false;
}

static void
settle(struct pipeline *pl, struct flow *f, uint8_t fate)
{
	do {
		resume_client(pl, f);
		redirect_settle(pl, f);
	} while (pl->gate_opened && f->fate == FLOW_INSPECT);
	if (f->fate != fate)
		let_go(pl, f);
	edit_own(&pl->exit, f);
}

void
pipeline_settle(struct pipeline *pl, struct flow *f, uint8_t fate)
{
	if (pl->gate_opened || f->fate != fate || f->edit != NULL || f->envelope != NULL)
		settle(pl, f, fate);
}

/*
 * The short way of a segment of a flow that was never edited and holds nothing:
 * an ack alone, message text, or the next line. False: it has to take the long
 * way; nothing has happened. Takes p where true.
 */
static bool
express(struct pipeline *pl, struct flow *f, struct packet *p)
{
	f->text = false;
	if (f->fate != FLOW_INSPECT || f->edit != NULL || splice_is_any(f) || !tcp_express_accept(&pl->tcp, f, p))
		return false;
	if (p->h.payload_len == 0) {
		f->text = f->tcp.half[DIR_CLIENT].mode == STREAM_FLUENT;
	} else if (p->dir == DIR_CLIENT && f->tcp.half[DIR_CLIENT].mode == STREAM_FLUENT &&
		   smtp_client_text(&f->smtp, view_of(p->data + p->h.payload, p->h.payload_len))) {
		tcp_express_pass(f, p);
		f->text = true;
	} else {
		tcp_express_read(&pl->tcp, f, p);
		pipeline_settle(pl, f, FLOW_INSPECT);
		return true;
	}
	pipeline_forward(pl, p);
	return true;
}

/* Of a flow, only its first packet was seen, or none that counts. */
static bool
is_new(const struct flow *f)
{
	return f->fate == FLOW_INSPECT && !f->tcp.half[0].started && !f->tcp.half[1].started;
}

static bool
in_scope(const struct scope *s, const struct flow_key *key)
{
	return (scope_has_port(s, key->port[0]) || scope_has_port(s, key->port[1])) &&
	       !scope_exempts(s, key->ip_version, key->addr[0]) && !scope_exempts(s, key->ip_version, key->addr[1]);
}

/* A flow that nobody wants to be read: no exception, and so no policy. */
static void
spare(struct pipeline *pl, struct flow *f)
{
	f->fate = FLOW_PASS;
	f->blind = CTR_exempt;
	f->tcp.half[DIR_CLIENT].mode = f->tcp.half[DIR_SERVER].mode = STREAM_IGNORED;
	pl->ctr->value[CTR_exempt]++;
	if (pl->config.watch != NULL)
		pl->config.watch->unread(pl->config.watch->ctx, f);
}

/* tcp and what hangs off it, for one segment. Takes p. */
static void
segment_stage(struct pipeline *pl, struct packet *p)
{
	struct flow *f = p->flow;
	uint8_t fate;

	if (f == NULL || f->unread) {
		pipeline_forward(pl, p);
		return;
	}
	if (pl->express && express(pl, f, p))
		return;
	if (pl->narrow && is_new(f) && !in_scope(&pl->scope, &f->key))
		spare(pl, f);
	fate = f->fate;
	if (pl->redirects != NULL && redirect_segment(pl, f, p))
		return;
	if (fate == FLOW_RESET)
		edit_reset_again(&pl->exit, f, p);
	if (fate == FLOW_DROP || fate == FLOW_RESET) {
		pl->ops.release(pl->ops.front, p);
		return;
	}
	/* Unread and in numbers that nobody shifted: the table itself sees how such a flow ends. */
	f->unread = fate == FLOW_PASS && f->edit == NULL && !splice_is_any(f);
	if (fate == FLOW_PASS && f->edit == NULL) {
		pipeline_forward(pl, p);
		return;
	}
	edit_arrive(f, p);
	tcp_input(&pl->tcp, f, p);
	if (f->tcp.half[DIR_CLIENT].waits && f->edit != NULL && edit_room(f->edit))
		pl->gate_opened = true;
	pipeline_settle(pl, f, fate);
}

/* How many packets ahead lines are asked for: what comes from far takes longer than a packet to read. */
enum { FLOW_AHEAD = 12, PAYLOAD_AHEAD = 4 };

/* The lines of a flow that reading a packet needs; the lookup has brought the first. Always inline: see flow/table.c.
 */
__attribute__((always_inline)) static inline void
prefetch_flow(const struct packet *p)
{
	const struct flow *f = p->flow;

	if (f == NULL || f->unread)
		return;
	__builtin_prefetch((const char *)f + offsetof(struct flow, edit), 1);
	__builtin_prefetch((const char *)f + offsetof(struct flow, edit) + 64, 1);
	if (!f->text)
		__builtin_prefetch(&f->smtp.line, 1);
}

/* Payload behind the headers: most octets of a mail are seen here for the first time. */
__attribute__((always_inline)) static inline void
prefetch_payload(const struct packet *p)
{
	const uint8_t *end = p->data + p->h.payload + p->h.payload_len;

	if (p->flow == NULL || p->flow->fate != FLOW_INSPECT)
		return;
	for (const uint8_t *at = p->data + 128; at < end; at += 128) {
		__builtin_prefetch(at);
		__builtin_prefetch(at + 64);
	}
}

/* The segments of a lookup, each with what it needs on its way already. */
static void
segments_stage(struct pipeline *pl, struct packet **burst, unsigned n)
{
	for (unsigned i = 0; i < n && i < FLOW_AHEAD; i++)
		prefetch_flow(burst[i]);
	for (unsigned i = 0; i < n && i < PAYLOAD_AHEAD; i++)
		prefetch_payload(burst[i]);
	for (unsigned i = 0; i < n; i++) {
		if (i + FLOW_AHEAD < n)
			prefetch_flow(burst[i + FLOW_AHEAD]);
		if (i + PAYLOAD_AHEAD < n)
			prefetch_payload(burst[i + PAYLOAD_AHEAD]);
		segment_stage(pl, burst[i]);
	}
}

/* Invariant 1 is looked at under way: a few segments are remembered by a sum of their octets. */
static void
sample(struct pipeline *pl, struct packet **burst, unsigned n)
{
	unsigned count = pl->config.sample_every == 1 ? n : 1;

	if (n == 0 || ++pl->bursts < pl->config.sample_every)
		return;
	pl->bursts = 0;
	for (unsigned i = 0; i < count; i++) {
		burst[i]->sum = checksum_payload(burst[i]);
		burst[i]->flags |= PACKET_SAMPLE;
	}
}

void
pipeline_burst(struct pipeline *pl, const struct ruleset *rules, struct packet **burst, unsigned n, uint64_t now_ns,
	       uint64_t wall_ns)
{
	pl->rules = rules;
	pl->now_ns = now_ns;
	pl->wall_ns = wall_ns;
	pl->ctr->value[CTR_rx_packets] += n;

	n = headers_stage(pl, burst, n);
	n = classify_stage(pl, burst, n);
	sample(pl, burst, n);
	while (n > 0) {
		/* All at once but where a packet ends a flow that an earlier one of this burst belongs to. */
		unsigned found = flow_table_lookup(pl->flows, burst, n, now_ns);
		segments_stage(pl, burst, found);
		burst += found;
		n -= found;
	}
}

/* The client's octets may wait on: for an end that still takes our answers, or for the server's. */
static bool
may_wait(const struct pipeline *pl, const struct flow *f)
{
	const struct tcp_half *client = &f->tcp.half[DIR_CLIENT];

	if (!client->waits || client->held == NULL)
		return false;
	if (f->edit != NULL && !edit_room(f->edit) && !edit_owes(f->edit)) /* for acks alone, lost some times perhaps */
		return pl->now_ns - f->edit->moved_ns < 10 * pl->config.tcp.hold_ns;
	if (f->edit != NULL && !edit_room(f->edit))
		return pl->now_ns - f->edit->moved_ns < pl->config.gate_ns;
	return pl->now_ns - client->held->time_ns < pl->config.gate_ns;
}

/* Nobody will decide any more on the flagged line that f holds, if it does: it goes nowhere. */
static void
end_undecided(struct pipeline *pl, struct flow *f)
{
	if (!splice_holds(f) || f->fate != FLOW_INSPECT)
		return;
	pl->ctr->value[CTR_verdict_reset]++;
	dialogue_end(pl, f, FLOW_RESET, 0);
}

/* Octets that waited for an answer for the time limit, or for ever: read on without it, before they leave unread. */
static void
force_gates(struct pipeline *pl, bool all, unsigned budget)
{
	struct flow *next;

	for (struct flow *f = pl->tcp.hold_first; f != NULL && budget-- > 0; f = next) {
		uint8_t fate = f->fate;

		next = f->hold_next;
		if (!all && (pl->now_ns < f->hold_since || pl->now_ns - f->hold_since < pl->config.tcp.hold_ns))
			break;
		if (!all && may_wait(pl, f))
			continue;
		if (all)
			end_undecided(pl, f);
		dialogue_force(pl, f);
		if (f->fate != fate)
			let_go(pl, f);
	}
}

/* How often a tick looks at how much: enough to keep up, too little to delay a burst. */
enum { TICK_HOLDS = 64, TICK_FRAGMENTS = 64, TICK_FLOWS = 256 };

void
pipeline_tick(struct pipeline *pl, const struct ruleset *rules, uint64_t now_ns, uint64_t wall_ns)
{
	pl->rules = rules;
	pl->now_ns = now_ns;
	pl->wall_ns = wall_ns;
	force_gates(pl, false, TICK_HOLDS);
	tcp_expire(&pl->tcp, now_ns, TICK_HOLDS);
	redirect_tick(pl);
	fragments_expire(pl->fragments, now_ns, TICK_FRAGMENTS);
	flow_table_expire(pl->flows, now_ns, TICK_FLOWS);
}

void
pipeline_drain(struct pipeline *pl, const struct ruleset *rules, uint64_t now_ns, uint64_t wall_ns)
{
	pl->rules = rules;
	pl->now_ns = now_ns;
	pl->wall_ns = wall_ns;
	fragments_expire(pl->fragments, UINT64_MAX, UINT32_MAX);
	force_gates(pl, true, UINT32_MAX);
	tcp_expire(&pl->tcp, UINT64_MAX, UINT32_MAX);
	flow_table_expire(pl->flows, UINT64_MAX, UINT32_MAX);
}

/* The flow leaves the table: what it holds goes on its way, what it owns goes back. */
static void
flow_gone(void *ctx, struct flow *f)
{
	struct pipeline *pl = ctx;

	end_undecided(pl, f);
	let_go(pl, f);
	redirect_gone(pl, f);
	judge_flush(pl, f);
	smtp_session_done(&f->smtp, pl->lines);
	if (f->edit != NULL && pl->config.watch != NULL)
		pl->config.watch->gone(pl->config.watch->ctx, &f->key);
	edit_drop(pl->edits, f);
}

void
pipeline_config_default(struct pipeline_config *c)
{
	*c = (struct pipeline_config){
		.ports = { 25, 587 },
		.port_count = 2,
		.noop_limit = 8,
		.gate_ns = 300 * 1000000000ULL, /* RFC 5321 section 4.5.3.2: as long as a client does */
		.flows = { .flows = 262144,
			   .embryonic_ns = 120 * 1000000000ULL, /* servers may greet late */
			   .established_ns = 1800 * 1000000000ULL,
			   .closing_ns = 5 * 1000000000ULL },
		.sample_every = 64,
		.tcp = { .held_per_flow = 256, .refuse = true, .held_per_worker = 4096, .hold_ns = 3 * 1000000000ULL },
		.fragments = { .datagrams = 1024, .packets = 4096, .timeout_ns = 2 * 1000000000ULL },
		.line_buffers = 4096,
		.unacked = UNACKED_POOL_MAX,
		.edits = 8192,
		.when_blind = POLICY_PASS,
		.apart = PAIR_NONE,
	};
}

static bool
make_stages(struct pipeline *pl)
{
	const struct pipeline_config *c = &pl->config;
	const struct packet_ops last = exit_last(pl);
	uint8_t secret[16];

	if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret ||
	    getrandom(&pl->next_ref, sizeof pl->next_ref, 0) != (ssize_t)sizeof pl->next_ref)
		return false;
	pl->fragments = fragments_new(&c->fragments, &last, pl->ctr);
	pl->flows = flow_table_new(&c->flows, secret, pl->ctr, flow_gone, pl);
	pl->tcp.unacked = unacked_pool_new(c->unacked);
	pl->lines = smtp_pool_new(c->line_buffers);
	pl->edits = edit_pool_new(c->edits);
	if (c->splices > 0)
		pl->redirects = redirects_new(c, secret);
	if (c->late_events)
		pl->late = late_events_new(c->flows.flows);
	return pl->tcp.unacked != NULL && pl->fragments != NULL && pl->flows != NULL && pl->lines != NULL &&
	       pl->edits != NULL && (pl->late != NULL || !c->late_events) && (pl->redirects != NULL || c->splices == 0);
}

struct pipeline *
pipeline_new(const struct pipeline_config *c, const struct packet_ops *ops, struct counters *ctr, event_fn event,
	     void *event_ctx)
{
	struct pipeline *pl = calloc(1, sizeof *pl);

	if (pl == NULL)
		return NULL;
	pl->config = *c;
	pl->ctr = ctr;
	pl->event = event;
	pl->event_ctx = event_ctx;
	pl->express = !c->no_express && c->tcp.held_per_flow > 0;
	exit_init(pl, ops);
	pl->tcp = (struct tcp_worker){
		.limits = c->tcp,
		.reader = { .read = dialogue_read,
			    .leave = exit_segment,
			    .exposed = dialogue_exposed,
			    .jumps = dialogue_jumps,
			    .accepted = dialogue_accepted,
			    .divides = true,
			    .ctx = pl },
		.ops = &pl->ops,
		.ctr = ctr,
		.trust_checksums = c->ignore_checksums,
	};
	mail_ports_set(&pl->ports, c->ports, c->port_count);
	if (!make_stages(pl)) {
		pipeline_free(pl);
		return NULL;
	}
	flow_table_server_ports(pl->flows, c->ports, c->port_count);
	return pl;
}

void
pipeline_scope(struct pipeline *pl, const struct scope *scope)
{
	pl->scope = *scope;
	mail_ports_add(&pl->ports, scope->port, scope->ports);
	pl->narrow = scope->exempts > 0;
	for (unsigned port = 0; port < 65536 && !pl->narrow; port++)
		pl->narrow = mail_port(&pl->ports, (uint16_t)port) && !scope_has_port(scope, (uint16_t)port);
	flow_table_server_ports(pl->flows, scope->port, scope->ports);
}

void
pipeline_free(struct pipeline *pl)
{
	if (pl == NULL)
		return;
	if (pl->flows != NULL)
		flow_table_free(pl->flows);
	if (pl->fragments != NULL)
		fragments_free(pl->fragments);
	unacked_pool_free(pl->tcp.unacked);
	late_events_free(pl->late);
	redirects_free(pl->redirects);
	if (pl->lines != NULL)
		smtp_pool_free(pl->lines);
	if (pl->edits != NULL)
		edit_pool_free(pl->edits);
	free(pl);
}

struct flow_table *
pipeline_flows(struct pipeline *pl)
{
	return pl->flows;
}
