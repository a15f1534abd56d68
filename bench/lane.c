/* SPDX-License-Identifier: BSD-3-Clause */
#include "lane.h"

#include <stdlib.h>
#include <x86intrin.h>

#include "classify/classify.h"
#include "headers/decode.h"
#include "pipeline.h"

const char *const lane_names[LANE_COUNT] = {
	"receive, send", "headers", "flow lookup", "tcp", "smtp", "match, verdict, edit",
};

enum { TICK_NS = 1000000, EVENTS = 4096 };

struct lane {
	enum lane_kind kind;
	unsigned worker;
	const struct scenario *s;
	const struct ruleset *rules;
	const struct lane_watch *watch;
	struct buffers buffers;
	struct traffic *traffic;
	struct counters counters;
	struct mail_ports ports;
	struct flow_table *flows;
	struct tcp_worker tcp;
	struct packet_ops ops;
	struct pipeline *pipeline;
	uint64_t now_ns, tick_ns;
	uint32_t sum; /* of first octets: keeps the reads */
	uint64_t event_count;
	struct buffer *frames[LANE_BATCH];
	struct event events[EVENTS]; /* where a ring to the event writer would be */
};

static void
on_event(void *ctx, const struct event *e)
{
	struct lane *lane = ctx;

	lane->events[lane->event_count++ % EVENTS] = *e;
}

/* The reader of LANE_TCP: everything is read and may leave. */
static size_t
read_all(void *ctx, struct flow *f, enum direction dir, uint32_t seq, struct view v)
{
	f->tcp.half[dir].clear = seq + (uint32_t)v.len;
	f->tcp.half[dir].mode = STREAM_FLUENT;
	return v.len;
}

static void
leave(void *ctx, struct flow *f, struct packet *p)
{
	struct lane *lane = ctx;

	lane->ops.transmit(lane->ops.front, p, other_side(p->side));
}

static void
exposed(void *ctx, struct flow *f, enum direction dir)
{
}

static void
gone(void *ctx, struct flow *f)
{
	struct lane *lane = ctx;

	if (lane->kind == LANE_TCP)
		tcp_release_all(&lane->tcp, f);
}

static void
configure(const struct lane *lane, struct pipeline_config *c)
{
	pipeline_config_default(c);
	c->flows.flows = lane->s->capacity;
	c->ignore_checksums = false;
	c->worker = lane->worker;
	if (lane->s->flagged > 0) /* an edited flow keeps its edits until it leaves the table */
		c->edits = (unsigned)(c->flows.flows * lane->s->flagged / 100) + 8192;
}

static bool
make_stages(struct lane *lane)
{
	struct pipeline_config c;
	const uint8_t secret[16] = "a fixed secret..";

	configure(lane, &c);
	mail_ports_set(&lane->ports, c.ports, c.port_count);
	if (lane->kind >= LANE_SMTP) {
		lane->pipeline = pipeline_new(&c, &lane->ops, &lane->counters, on_event, lane);
		return lane->pipeline != NULL;
	}
	if (lane->kind < LANE_LOOKUP)
		return true;
	lane->tcp = (struct tcp_worker){
		.limits = c.tcp,
		.reader = { .read = read_all, .leave = leave, .exposed = exposed, .ctx = lane },
		.ops = &lane->ops,
		.ctr = &lane->counters,
	};
	lane->flows = flow_table_new(&c.flows, secret, &lane->counters, gone, lane);
	if (lane->flows == NULL)
		return false;
	flow_table_server_ports(lane->flows, c.ports, c.port_count);
	return true;
}

struct lane *
lane_new(enum lane_kind kind, unsigned worker, const struct scenario *s, const struct scripts *scripts,
	 const struct ruleset *rules)
{
	struct lane *lane = calloc(1, sizeof(*lane));

	if (lane == NULL)
		return NULL;
	lane->kind = kind;
	lane->worker = worker;
	lane->s = s;
	lane->rules = kind == LANE_WHOLE ? rules : NULL;
	lane->now_ns = 1000000000;
	lane->ops = buffers_ops(&lane->buffers);
	if (buffers_init(&lane->buffers, 4 * LANE_BATCH))
		lane->traffic = traffic_new(s, scripts, &lane->buffers);
	if (lane->traffic == NULL || !make_stages(lane)) {
		lane_free(lane);
		return NULL;
	}
	return lane;
}

void
lane_free(struct lane *lane)
{
	if (lane == NULL)
		return;
	if (lane->flows != NULL)
		flow_table_free(lane->flows);
	pipeline_free(lane->pipeline);
	traffic_free(lane->traffic);
	buffers_free(&lane->buffers);
	free(lane);
}

static void
send_all(struct lane *lane, struct packet **burst, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		lane->ops.transmit(lane->ops.front, burst[i], other_side(burst[i]->side));
}

static void
read_first(struct lane *lane, struct packet **burst, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		lane->sum += burst[i]->data[0];
}

/* Returns the mail packets, which are in front. */
static unsigned
decode(struct lane *lane, struct packet **burst, unsigned n)
{
	struct packet *other[FLOW_BURST];
	unsigned kept = 0, others = 0;

	for (unsigned i = 0; i < n; i++) {
		if (headers_decode(burst[i]) == DECODE_TCP)
			burst[kept++] = burst[i];
		else
			send_all(lane, &burst[i], 1);
	}
	kept = classify_burst(&lane->ports, burst, kept, other, &others);
	send_all(lane, other, others);
	return kept;
}

/* As the pipeline does. */
enum { AHEAD = 12 };

static void
prefetch_flow(const struct flow *f)
{
	for (size_t at = 64; f != NULL && at < sizeof(*f); at += 64)
		__builtin_prefetch((const char *)f + at, 1);
}

static void
track(struct lane *lane, struct packet **burst, unsigned n)
{
	for (unsigned i = 0; i < n && i < AHEAD; i++)
		prefetch_flow(burst[i]->flow);
	for (unsigned i = 0; i < n; i++) {
		if (i + AHEAD < n)
			prefetch_flow(burst[i + AHEAD]->flow);
		if (burst[i]->flow != NULL)
			tcp_input(&lane->tcp, burst[i]->flow, burst[i]);
		else
			send_all(lane, &burst[i], 1);
	}
}

static void
find(struct lane *lane, struct packet **burst, unsigned n)
{
	while (n > 0) {
		unsigned found = flow_table_lookup(lane->flows, burst, n, lane->now_ns);
		if (lane->kind == LANE_TCP)
			track(lane, burst, found);
		else
			send_all(lane, burst, found);
		burst += found;
		n -= found;
	}
}

static void
run_burst(struct lane *lane, struct packet **burst, unsigned n)
{
	switch (lane->kind) {
	case LANE_FORWARD:
		read_first(lane, burst, n);
		send_all(lane, burst, n);
		break;
	case LANE_HEADERS:
		n = decode(lane, burst, n);
		send_all(lane, burst, n);
		break;
	case LANE_LOOKUP:
	case LANE_TCP:
		n = decode(lane, burst, n);
		find(lane, burst, n);
		break;
	default:
		pipeline_burst(lane->pipeline, lane->rules, burst, n, lane->now_ns, lane->now_ns);
	}
}

static void
tick(struct lane *lane)
{
	if (lane->now_ns - lane->tick_ns < TICK_NS)
		return;
	lane->tick_ns = lane->now_ns;
	if (lane->pipeline != NULL)
		pipeline_tick(lane->pipeline, lane->rules, lane->now_ns, lane->now_ns);
	if (lane->kind == LANE_TCP)
		tcp_expire(&lane->tcp, lane->now_ns, 64);
	if (lane->flows != NULL)
		flow_table_expire(lane->flows, lane->now_ns, 256);
}

/* What is measured. Has a name of its own for profilers. */
__attribute__((noipa)) void lane_bursts(struct lane *lane, unsigned n);

void
lane_bursts(struct lane *lane, unsigned n)
{
	struct packet *burst[FLOW_BURST];

	for (unsigned at = 0; at < n; at += FLOW_BURST) {
		unsigned size = n - at < FLOW_BURST ? n - at : FLOW_BURST;
		uint64_t begin = lane->watch != NULL ? __rdtsc() : 0;
		lane->now_ns += (uint64_t)((double)size * 1000 / lane->s->mpps);
		buffers_receive(lane->frames + at, size, burst, lane->now_ns);
		run_burst(lane, burst, size);
		buffers_flush(&lane->buffers);
		tick(lane);
		if (lane->watch != NULL)
			lane->watch->burst(lane->watch->ctx, __rdtsc() - begin);
	}
}

/* A frame just made leaves the caches of the core: to level 3, where NICs put frames, or to DRAM. */
__attribute__((target("cldemote,clflushopt"))) static void
send_away(const uint8_t *at, size_t len, bool dram)
{
	for (size_t o = 0; o < len + 63; o += 64) {
		if (dram)
			_mm_clflushopt((void *)(uintptr_t)(at + o));
		else
			_cldemote((void *)(uintptr_t)(at + o));
	}
}

/* Frames where a NIC leaves them; descriptors near, for a driver has just written them. Returns octets. */
static uint64_t
settle_frames(const struct lane *lane, unsigned n)
{
	uint64_t octets = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct descriptor *d = &lane->frames[i]->d;
		octets += d->length;
		send_away(d->address + d->offset, d->length, lane->s->dram);
	}
	_mm_mfence();
	for (unsigned i = 0; i < n; i++) {
		__builtin_prefetch(&lane->frames[i]->d, 1);
		__builtin_prefetch(&lane->frames[i]->packet, 1);
		__builtin_prefetch((char *)&lane->frames[i]->packet + 64, 1);
	}
	_mm_mfence();
	return octets;
}

void
lane_run(struct lane *lane, struct lane_run *run)
{
	uint64_t mails = lane->counters.value[CTR_mails];
	unsigned n = traffic_make(lane->traffic, lane->frames, LANE_BATCH);

	run->packets = n;
	run->octets = settle_frames(lane, n);
	if (lane->watch != NULL)
		lane->watch->begin(lane->watch->ctx);
	uint64_t begin = __rdtsc();
	lane_bursts(lane, n);
	run->cycles = __rdtsc() - begin;
	if (lane->watch != NULL)
		lane->watch->end(lane->watch->ctx);
	run->mails = lane->counters.value[CTR_mails] - mails;
	traffic_deliver(lane->traffic);
}

void
lane_warm(struct lane *lane)
{
	struct lane_run run;

	do
		lane_run(lane, &run);
	while (!traffic_steady(lane->traffic));
	/* Those that ended first are still in the table, as they will be from now on. */
	for (unsigned i = 0; i < 16; i++)
		lane_run(lane, &run);
}

const struct counters *
lane_counters(const struct lane *lane)
{
	return &lane->counters;
}

const struct traffic_counts *
lane_traffic(const struct lane *lane)
{
	return traffic_counts(lane->traffic);
}

uint32_t
lane_flows(const struct lane *lane)
{
	if (lane->pipeline != NULL)
		return flow_table_count(pipeline_flows(lane->pipeline));
	return lane->flows != NULL ? flow_table_count(lane->flows) : 0;
}

void
lane_rules(struct lane *lane, const struct ruleset *rules)
{
	lane->rules = rules;
}

void
lane_watch(struct lane *lane, const struct lane_watch *watch)
{
	lane->watch = watch;
}
