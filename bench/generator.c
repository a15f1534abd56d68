/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * postern-bench generator: both ends of the sessions of a scenario on two ports, at a rate that lines on stdin ask for.
 * Whatever box is between the ports, this is what `wire` measures it with.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include <rte_ethdev.h>

#include "bench.h"
#include "histogram.h"
#include "machine.h"
#include "nic.h"
#include "traffic.h"

static const char usage[] =
	"usage: postern-bench generator [options] SCENARIO INSIDE OUTSIDE\n"
	"\n"
	"Plays both ends of a scenario's sessions: clients at port INSIDE, servers at port OUTSIDE (PCI addresses, or\n"
	"virtual devices of DPDK). Does what lines on stdin say, and answers each with one line of JSON:\n"
	"\n"
	"  link SECONDS        wait until both links are up\n"
	"  warm RATE SECONDS   until the sessions are spread over their lives, or the time is over\n"
	"  trial RATE SECONDS  so many packets a second; what became of them\n"
	"\n"
	"  -c, --core N        the core to run on (default 0)\n"
	"  -h, --help          this text\n";

enum {
	BURST = 32,
	STAMP_SHIFT = 6, /* cycles to a unit of time stamps */
	BEHIND = 256,    /* packets that are sent late at once; what is due beyond them is not offered */
	SILENCE_MS = 50, /* nothing came for so long: nothing is on its way */
	DRAIN_MS = 500,
	WARM_SECONDS = 10, /* at most, after a trial that many sessions did not survive */
};

struct generator {
	struct scenario s;
	struct scripts scripts;
	struct buffers buffers;
	struct traffic *traffic;
	struct nics nics;
	double hz;
	double warm_rate;
	/* Of one trial. */
	uint64_t due, skipped, sent, refused, received, octets;
	struct histogram age; /* units of time stamps */
};

static uint64_t
cycles_ms(const struct generator *g, double ms)
{
	return (uint64_t)(ms * g->hz / 1000);
}

static void
tell_time(struct generator *g)
{
	uint64_t now = __rdtsc();

	traffic_clock(g->traffic, now / cycles_ms(g, 1), (uint32_t)(now >> STAMP_SHIFT));
}

static void
take_frame(struct generator *g, struct rte_mbuf *m, uint32_t now)
{
	struct packet p = { .data = rte_pktmbuf_mtod(m, uint8_t *), .len = m->data_len };
	uint32_t stamp;

	if (traffic_arrive(g->traffic, &p, &stamp))
		histogram_add(&g->age, now - stamp);
}

/* What came at both ports. */
static unsigned
receive(struct generator *g)
{
	struct rte_mbuf *frames[BURST];
	unsigned total = 0;

	for (unsigned side = 0; side < 2; side++) {
		unsigned n = rte_eth_rx_burst(g->nics.id[side], 0, frames, BURST);
		uint32_t now = (uint32_t)(__rdtsc() >> STAMP_SHIFT);

		for (unsigned i = 0; i < n; i++)
			rte_prefetch0(rte_pktmbuf_mtod(frames[i], void *));
		for (unsigned i = 0; i < n; i++)
			take_frame(g, frames[i], now);
		rte_pktmbuf_free_bulk(frames, n);
		total += n;
	}
	g->received += total;
	return total;
}

/* A port that takes no more has a full ring: with a NIC, the box would have lost what is sent beyond it. */
static void
send_side(struct generator *g, unsigned side, struct rte_mbuf **frames, unsigned n)
{
	unsigned sent = rte_eth_tx_burst(g->nics.id[side], 0, frames, (uint16_t)n);

	g->sent += n;
	g->refused += n - sent;
	if (sent < n)
		rte_pktmbuf_free_bulk(frames + sent, n - sent);
}

/* Up to n packets go out; returns how many. */
static unsigned
send_packets(struct generator *g, unsigned n)
{
	struct buffer *made[BURST];
	struct rte_mbuf *frames[BURST], *side[2][BURST];
	unsigned count[2] = { 0, 0 };

	if (rte_pktmbuf_alloc_bulk(g->nics.pool, frames, n) != 0)
		return 0;
	tell_time(g);
	unsigned got = traffic_make(g->traffic, made, n);
	for (unsigned i = 0; i < got; i++) {
		const struct descriptor *d = &made[i]->d;
		memcpy(rte_pktmbuf_append(frames[i], d->length), d->address + d->offset, d->length);
		side[d->port][count[d->port]++] = frames[i];
		g->octets += d->length;
		buffers_give(&g->buffers, made[i]);
	}
	if (got < n)
		rte_pktmbuf_free_bulk(frames + got, n - got);
	for (unsigned i = 0; i < 2; i++)
		if (count[i] > 0)
			send_side(g, i, side[i], count[i]);
	return got;
}

/* Packets at an even pace until `end`, or until the sessions are warm. */
static void
pace(struct generator *g, double rate, uint64_t end, bool warming)
{
	uint64_t begin = __rdtsc(), now, made = 0;
	double packets = rate / g->hz;

	while ((now = __rdtsc()) < end && !(warming && traffic_steady(g->traffic))) {
		/* All of it, so that a generator that was away does not give up sessions whose packets wait for it. */
		while (receive(g) >= BURST)
			;
		uint64_t due = (uint64_t)((double)(now - begin) * packets);
		if (due <= made)
			continue;
		if (due - made > BEHIND) {
			g->skipped += due - made - BEHIND;
			made = due - BEHIND;
		}
		made += send_packets(g, due - made < BURST ? (unsigned)(due - made) : BURST);
	}
	g->due += made;
}

/* What is on its way arrives. */
static void
drain(struct generator *g)
{
	uint64_t now = __rdtsc(), last = now, limit = now + cycles_ms(g, DRAIN_MS);

	while (now < limit && now - last < cycles_ms(g, SILENCE_MS)) {
		unsigned n = receive(g);

		now = __rdtsc();
		if (n > 0)
			last = now;
	}
}

static void
forget(struct generator *g)
{
	g->due = g->skipped = g->sent = g->refused = g->received = g->octets = 0;
	memset(&g->age, 0, sizeof(g->age));
}

static double
age_ns(const struct generator *g, double share)
{
	return (double)(histogram_at(&g->age, share) << STAMP_SHIFT) * 1e9 / g->hz;
}

static void
answer(json_t *result)
{
	json_dumpf(result, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
	puts("");
	fflush(stdout);
	json_decref(result);
}

static void
run_trial(struct generator *g, double rate, double seconds)
{
	drain(g);
	if (g->warm_rate > 0)
		pace(g, g->warm_rate, __rdtsc() + (uint64_t)(WARM_SECONDS * g->hz), true);
	drain(g);
	forget(g);
	struct traffic_counts before = *traffic_counts(g->traffic);
	pace(g, rate, __rdtsc() + (uint64_t)(seconds * g->hz), false);
	drain(g);
	traffic_settle(g->traffic);
	const struct traffic_counts *after = traffic_counts(g->traffic);
	answer(json_pack(
		"{s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:f, s:f, s:f, s:f, s:f}}", "rate",
		rate, "seconds", seconds, "due", (json_int_t)g->due, "skipped", (json_int_t)g->skipped, "sent",
		(json_int_t)g->sent, "refused", (json_int_t)g->refused, "received", (json_int_t)g->received, "octets",
		(json_int_t)g->octets, "sessions", (json_int_t)(after->sessions - before.sessions), "resets",
		(json_int_t)(after->resets - before.resets), "stalled", (json_int_t)(after->stalled - before.stalled),
		"latency_ns", "packets", (json_int_t)g->age.total, "p50", age_ns(g, 0.5), "p90", age_ns(g, 0.9), "p99",
		age_ns(g, 0.99), "p99.9", age_ns(g, 0.999), "max", age_ns(g, 1)));
}

/* Warm at a pace that the box must bear: whoever cannot loses sessions, and gets them again. */
static void
run_warm(struct generator *g, double rate, double seconds)
{
	g->warm_rate = rate;
	pace(g, rate, __rdtsc() + (uint64_t)(seconds * g->hz), true);
	drain(g);
	unsigned given_up = traffic_settle(g->traffic);
	answer(json_pack("{s:b, s:i}", "steady", traffic_steady(g->traffic), "given_up", (int)given_up));
}

/* False: no such command. */
static bool
obey(struct generator *g, const char *line)
{
	double rate, seconds;

	if (sscanf(line, "link %lf", &seconds) == 1)
		answer(json_pack("{s:b}", "up", nics_link(&g->nics, seconds)));
	else if (sscanf(line, "warm %lf %lf", &rate, &seconds) == 2)
		run_warm(g, rate, seconds);
	else if (sscanf(line, "trial %lf %lf", &rate, &seconds) == 2)
		run_trial(g, rate, seconds);
	else
		return false;
	return true;
}

static int
serve(struct generator *g)
{
	char line[256];

	answer(json_pack("{s:b}", "ready", true));
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (obey(g, line))
			continue;
		fprintf(stderr, "postern-bench generator: no command \"%.*s\"\n", (int)strcspn(line, "\n"), line);
		return 2;
	}
	return EXIT_SUCCESS;
}

static int
run(struct generator *g, unsigned core, char **argv)
{
	int status = EXIT_FAILURE;

	if (!scenario_read(&g->s, argv[0]))
		return 2;
	g->hz = machine_hz();
	if (nics_open(&g->nics, core, argv + 1) && buffers_init(&g->buffers, 4 * BURST) &&
	    scripts_init(&g->scripts, &g->s) && (g->traffic = traffic_new(&g->s, &g->scripts, &g->buffers)) != NULL) {
		machine_pin(core);
		tell_time(g);
		status = serve(g);
		nics_close(&g->nics);
	}
	traffic_free(g->traffic);
	scripts_free(&g->scripts);
	buffers_free(&g->buffers);
	return status;
}

int
bench_generator(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "core", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct generator *g = calloc(1, sizeof(*g));
	unsigned core = 0;
	int opt, status = 2;

	while ((opt = getopt_long(argc, argv, "c:h", longs, NULL)) == 'c')
		core = (unsigned)atoi(optarg);
	if (opt == -1 && optind + 3 == argc && g != NULL)
		status = run(g, core, argv + optind);
	else
		fputs(usage, opt == 'h' ? stdout : stderr);
	free(g);
	return opt == 'h' ? EXIT_SUCCESS : status;
}
