/* SPDX-License-Identifier: BSD-3-Clause */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <rte_ethdev.h>
#include <rte_ring.h>

#include "io/clock.h"
#include "io/worker.h"
#include "live/event_ring.h"
#include "live/publish.h"
#include "live/say.h"
#include "live/steering.h"
#include "settings/prefix.h"

enum {
	TICK_NS = 1000000,     /* how often timers are looked at */
	BEAT_NS = 100000,      /* how often a sign of life is given, at most */
	IDLE_SPIN = 64,        /* empty rounds before the first nap */
	IDLE_NAPS = 8,         /* naps of each length */
	DOZE_NS = 10000000,    /* the longest sleep: what timers are late by, at most */
	DOZE_BEATS = 8,        /* sleeps in the time that makes a worker hung, at least */
	DRAIN_NS = 1000000000, /* the owner of the ports waits that long for the others at the end */
	BURST = FLOW_BURST,
	NICE = -20,
};

/* One round of a worker: the clocks and the rule set, read once. */
struct round {
	const struct ruleset *rules;
	uint64_t now_ns;
	uint64_t wall_ns;
};

/* Runs frames that arrived at their slots through the pipeline. */
static void
run_frames(struct worker *w, const struct round *r, struct rte_mbuf **frames, unsigned n)
{
	struct packet *burst[BURST];

	if (n == 0)
		return;
	front_receive(&w->front, frames, n, burst, r->now_ns);
	pipeline_burst(w->pipeline, r->rules, burst, n, r->now_ns, r->wall_ns);
}

/* Hands frames to the workers of their flows; keeps its own, in front of `frames`. Returns their number. */
static unsigned
spread_frames(struct worker *w, struct rte_mbuf **frames, unsigned n)
{
	struct spread *spread = w->spread;
	struct outbox box[WORKERS_MAX];
	unsigned own = 0;

	for (unsigned i = 0; i < spread->workers; i++)
		box[i].count = 0;
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = frames[i];
		unsigned to = spread_worker(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, spread->workers);

		if (to == 0)
			frames[own++] = m;
		else
			box[to].frame[box[to].count++] = m;
	}
	for (unsigned i = 1; i < spread->workers; i++) {
		unsigned sent = rte_ring_sp_enqueue_burst(spread->in[i], (void **)box[i].frame, box[i].count, NULL);

		if (sent > 0)
			doze_wake(spread->doze[i]);
		w->counters.value[CTR_spread_dropped] += box[i].count - sent;
		for (; sent < box[i].count; sent++)
			rte_pktmbuf_free(box[i].frame[sent]);
	}
	return own;
}

/* What arrived at a queue of a port. Returns how many frames. */
static unsigned
poll_queue(struct worker *w, const struct round *r, unsigned slot, uint16_t queue)
{
	struct rte_mbuf *frames[BURST];
	unsigned n = rte_eth_rx_burst(w->front.ports->port[slot].id, queue, frames, BURST), all = n;

	if (n == 0)
		return 0;
	n = front_arrive(&w->front, slot, frames, n);
	if (w->spread != NULL)
		n = spread_frames(w, frames, n);
	run_frames(w, r, frames, n);
	return all;
}

/* Owner of the ports: what arrived at each of them, mail first where a card keeps it apart. */
static unsigned
poll_ports(struct worker *w, const struct round *r)
{
	const struct ports *ports = w->front.ports;
	unsigned total = 0;

	for (unsigned slot = 0; slot < ports->count; slot++)
		for (uint16_t queue = ports->port[slot].rx_queues; queue > 0; queue--)
			total += poll_queue(w, r, slot, queue - 1);
	return total;
}

/* Owner of the ports: a frame that another worker has found to belong elsewhere. `r` NULL: nobody reads any more. */
static void
pass_on(struct worker *w, const struct round *r, struct rte_mbuf *m)
{
	unsigned to = ((m->port & HAND_WORKER) >> HAND_SHIFT) - 1;

	if (r == NULL)
		rte_pktmbuf_free(m);
	else if (to != 0)
		front_pass_on(&w->front, m, to);
	else
		run_frames(w, r, &m, 1);
}

/* Owner of the ports: what the other workers want sent, or handed on. */
static unsigned
collect_sent(struct worker *w, const struct round *r)
{
	struct rte_mbuf *frames[BURST];
	unsigned total = 0;

	for (unsigned i = 1; i < w->spread->workers; i++) {
		unsigned n = rte_ring_sc_dequeue_burst(w->spread->out[i], (void **)frames, BURST, NULL);

		for (unsigned k = 0; k < n; k++)
			if (frames[k]->port & HAND_WORKER)
				pass_on(w, r, frames[k]);
			else
				front_send(&w->front, frames[k], frames[k]->port);
		total += n;
	}
	return total;
}

/* Not the owner: what the owner handed over. */
static unsigned
poll_ring(struct worker *w, const struct round *r)
{
	struct rte_mbuf *frames[BURST];
	unsigned n = rte_ring_sc_dequeue_burst(w->spread->in[w->index], (void **)frames, BURST, NULL);

	run_frames(w, r, frames, n);
	return n;
}

static unsigned
poll_frames(struct worker *w, const struct round *r)
{
	unsigned n;

	if (w->spread == NULL)
		return poll_ports(w, r);
	if (w->index != 0)
		return poll_ring(w, r);
	n = poll_ports(w, r);
	return n + collect_sent(w, r);
}

/* Nothing waits in the rings that other workers fill. */
static bool
rings_empty(const struct worker *w)
{
	if (w->spread == NULL)
		return true;
	if (w->index != 0)
		return rte_ring_empty(w->spread->in[w->index]);
	for (unsigned i = 1; i < w->spread->workers; i++)
		if (!rte_ring_empty(w->spread->out[i]))
			return false;
	return true;
}

/* Until something comes. Nobody who waits for all workers to take a step waits for one that sleeps. */
static void
doze(struct worker *w)
{
	doze_begin(&w->doze);
	if (rings_empty(w)) {
		publication_away(w->rules, w->index);
		doze_sleep(&w->doze, w->doze_ns);
		publication_back(w->rules, w->index);
	}
	doze_end(&w->doze);
}

/*
 * Spins, then naps longer the longer nothing came (1 us, 2 us, ... up to the limit), then sleeps until a frame comes.
 * Spins and naps are for a line with traffic: waking costs a frame more than they do.
 */
static void
rest(struct worker *w, unsigned frames)
{
	struct timespec nap = { 0 };
	unsigned us = w->idle_sleep_us, doublings;

	if (frames > 0) {
		w->idle = 0;
		return;
	}
	if (us == 0 || ++w->idle < IDLE_SPIN) {
		rte_pause();
		return;
	}
	doublings = (w->idle - IDLE_SPIN) / IDLE_NAPS;
	if (doublings < 20 && 1U << doublings < us) {
		us = 1U << doublings;
	} else if (w->doze.possible && !flow_list_asked(&w->flows)) {
		doze(w);
		return;
	}
	nap.tv_nsec = us * 1000L;
	nanosleep(&nap, NULL);
}

/* Not the owner: what it is to send waits in a ring now. */
static void
wake_owner(struct worker *w)
{
	if (w->index != 0 && !rte_ring_empty(w->spread->out[w->index]))
		doze_wake(w->spread->doze[0]);
}

static void
round_begin(struct worker *w, struct round *r)
{
	r->rules = publication_current(w->rules);
	r->now_ns = clock_monotonic();
	r->wall_ns = r->now_ns + w->wall_offset;
}

static void
tick(struct worker *w, const struct round *r)
{
	if (r->now_ns - w->tick_ns < TICK_NS)
		return;
	w->tick_ns = r->now_ns;
	w->wall_offset = clock_wall() - clock_monotonic();
	if (atomic_load_explicit(&w->quarantines_full, memory_order_acquire)) {
		pipeline_quarantines(w->pipeline, &w->quarantines);
		atomic_store_explicit(&w->quarantines_full, false, memory_order_release);
	}
	if (atomic_load_explicit(&w->scope_full, memory_order_acquire)) {
		pipeline_scope(w->pipeline, &w->scope);
		atomic_store_explicit(&w->scope_full, false, memory_order_release);
	}
	pipeline_tick(w->pipeline, r->rules, r->now_ns, r->wall_ns);
	flow_list_serve(&w->flows, pipeline_flows(w->pipeline));
}

static void
beat(struct worker *w, uint64_t now_ns)
{
	if (now_ns - w->beat_ns < BEAT_NS)
		return;
	w->beat_ns = now_ns;
	steering_beat(w->steering, w->index, now_ns);
}

/* The owner of the ports goes last: until all others have stopped it sends what they let go. */
static void
outlast_others(struct worker *w)
{
	uint64_t until = clock_monotonic() + DRAIN_NS;

	while (atomic_load(w->running) > 1 && clock_monotonic() < until) {
		collect_sent(w, NULL);
		front_flush(&w->front);
	}
	while (collect_sent(w, NULL) > 0)
		front_flush(&w->front);
}

static void
finish(struct worker *w)
{
	struct round r;

	round_begin(w, &r);
	pipeline_drain(w->pipeline, r.rules, r.now_ns, r.wall_ns);
	front_flush(&w->front);
	wake_owner(w);
	if (w->spread != NULL && w->index == 0)
		outlast_others(w);
	publication_offline(w->rules, w->index);
	atomic_fetch_sub(w->running, 1);
}

int
worker_prepare(void *ctx)
{
	prctl(PR_SET_TIMERSLACK, 1000UL);   /* naps of a few us would take 50 more */
	setpriority(PRIO_PROCESS, 0, NICE); /* Linux: of this thread alone */
	return 0;
}

int
worker_run(void *ctx)
{
	struct worker *w = ctx;

	publication_online(w->rules, w->index);
	atomic_fetch_add(w->running, 1);
	while (!atomic_load_explicit(w->stop, memory_order_relaxed)) {
		struct round r;
		unsigned frames;

		round_begin(w, &r);
		beat(w, r.now_ns);
		frames = poll_frames(w, &r);
		tick(w, &r);
		front_flush(&w->front);
		wake_owner(w);
		publication_quiescent(w->rules, w->index);
		rest(w, frames);
	}
	finish(w);
	return 0;
}

static void
take_event(void *ctx, const struct event *e)
{
	struct worker *w = ctx;

	w->counters.value[event_ring_put(w->events, e) ? CTR_events : CTR_events_dropped]++;
}

unsigned
worker_fragments(const struct settings *s)
{
	return s->dataplane.held_packets / 2;
}

static void
pipeline_conf(const struct settings *s, unsigned index, struct pipeline_config *c)
{
	pipeline_config_default(c);
	c->port_count = s->dataplane.mail_ports_count;
	memcpy(c->ports, s->dataplane.mail_ports, c->port_count * sizeof(c->ports[0]));
	c->worker = index;
	c->ignore_checksums = s->dataplane.ignore_checksums;
	c->noop_limit = s->dataplane.refusals_per_session;
	c->flows.flows = s->dataplane.flows;
	c->tcp.held_per_flow = (uint16_t)s->dataplane.held_packets_per_flow;
	c->tcp.held_per_worker = s->dataplane.held_packets;
	c->tcp.hold_ns = s->dataplane.hold_ms * 1000000ULL;
	c->fragments.packets = worker_fragments(s);
	c->splices = spread_splices(s);
	c->when_blind = strcmp(s->dataplane.when_blind, "reset") == 0 ? POLICY_RESET : POLICY_PASS;
}

struct worker *
worker_new(const struct worker_common *common, unsigned index)
{
	struct worker *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);
	struct pipeline_config conf;

	if (w == NULL) {
		say("no memory for worker %u", index);
		return NULL;
	}
	memset(w, 0, sizeof(*w));
	w->index = index;
	w->rules = common->rules;
	w->spread = common->spread;
	w->steering = common->steering;
	w->idle_sleep_us = common->settings->dataplane.idle_sleep_us;
	w->doze_ns = RTE_MIN(common->settings->steering.heartbeat_ms * UINT64_C(1000000) / DOZE_BEATS, DOZE_NS);
	doze_init(&w->doze, w->spread != NULL);
	if (index == 0)
		doze_ports(&w->doze, common->ports);
	if (w->spread != NULL)
		w->spread->doze[index] = &w->doze;
	w->stop = common->stop;
	w->running = common->running;
	front_init(&w->front, common->pool, &w->counters, common->ports, index == 0 ? NULL : common->spread->out[index],
		   common->spread);
	pipeline_conf(common->settings, index, &conf);
	conf.owners = common->spread != NULL ? common->spread->owners : NULL;
	conf.hand = front_hand;
	conf.apart = ports_apart(common->ports);
	conf.watch = w->steering->maps != NULL ? &w->steering->watch : NULL;
	w->events = event_ring_new(common->settings->events.ring);
	w->pipeline = pipeline_new(&conf, &w->front.ops, &w->counters, take_event, w);
	if (w->events == NULL || w->pipeline == NULL || !flow_list_init(&w->flows)) {
		say("no memory for the flows of worker %u; lower dataplane: flows (now %u)", index,
		    common->settings->dataplane.flows);
		worker_free(w);
		return NULL;
	}
	scope_of(common->settings, &w->scope);
	pipeline_scope(w->pipeline, &w->scope);
	return w;
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	if (w->pipeline != NULL)
		pipeline_free(w->pipeline);
	event_ring_free(w->events);
	flow_list_done(&w->flows);
	doze_done(&w->doze);
	free(w);
}
