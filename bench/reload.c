/* SPDX-License-Identifier: BSD-3-Clause */
/* postern-bench reload: rule sets swapped while a worker runs mails, as posternd and a worker of postern-dp do it. */
#include <getopt.h>
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "budget.h"
#include "histogram.h"
#include "lane.h"
#include "live/publish.h"
#include "machine.h"
#include "stats.h"

static const char usage[] =
	"usage: postern-bench reload [options] SCENARIO\n"
	"\n"
	"Swaps rule sets of 1,000, 10,000 and 100,000 domains under the load of a scenario.\n"
	"\n"
	"  -j, --json       one JSON object\n"
	"  -n, --swaps N    swaps for each size (default 100)\n"
	"  -e, --every MS   time between two of them (default 100)\n"
	"  -m, --memory-swaps N   before that, so many of 1,000 domains without a pause, for memory (default 0)\n"
	"  -h, --help       this text\n";

enum { WAIT_NS = 1000000000, MEMORY_SAMPLES = 10, MEMORY_PATTERNS = 1000 };

/* What a swap, and what goes before it, may take. */
static const double SWAP_US = 1000, CACHED_MS = 100, COMPILE_S[] = { 0, 2, 20 };
static const unsigned sizes[] = { 1000, 10000, 100000 };

struct options {
	unsigned swaps, every_ms, memory_swaps;
	bool json;
};

struct reload {
	struct lane *lane;
	struct publication pub;
	struct lane_watch watch;
	double hz;
	atomic_bool stop, ready;
	atomic_bool swapping;     /* a set is being loaded, published or freed */
	struct histogram time[2]; /* ns of bursts outside of swaps, and during them; the worker's until it has ended */
};

struct figures {
	unsigned patterns, swaps, unquiesced;
	double compile_s, cached_ms, load_ms, swap_us, wait_us, wait_most_us, memory_mb, growth_mb;
	size_t octets;
};

/* The worker: as a round of postern-dp, but that it is away while packets are made. */
static void
on_begin(void *ctx)
{
	struct reload *r = ctx;

	publication_online(&r->pub, 0);
	lane_rules(r->lane, publication_current(&r->pub));
}

static void
on_burst(void *ctx, uint64_t cycles)
{
	struct reload *r = ctx;
	struct histogram *h = &r->time[atomic_load_explicit(&r->swapping, memory_order_relaxed)];

	histogram_add(h, (uint64_t)((double)cycles * 1e9 / r->hz));
	publication_quiescent(&r->pub, 0);
	lane_rules(r->lane, publication_current(&r->pub));
}

static void
on_end(void *ctx)
{
	struct reload *r = ctx;

	publication_offline(&r->pub, 0);
}

static void *
run_worker(void *ctx)
{
	struct reload *r = ctx;
	struct lane_run run;

	machine_pin(1);
	lane_warm(r->lane);
	lane_watch(r->lane, &r->watch);
	atomic_store(&r->ready, true);
	while (!atomic_load_explicit(&r->stop, memory_order_relaxed))
		lane_run(r->lane, &run);
	return NULL;
}

static double
percentile(const struct histogram *h, double share)
{
	return (double)histogram_at(h, share) / 1e3;
}

static double
resident_mb(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	if (file == NULL || fscanf(file, "%*u %lu", &pages) != 1)
		pages = 0;
	if (file != NULL)
		fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

/* What is allocated and not freed. Resident memory has the flow table in it, of which ever more is touched. */
static double
heap_mb(void)
{
	struct mallinfo2 heap = mallinfo2();

	return (double)(heap.uordblks + heap.hblkhd) / 1e6;
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One swap; what it took is added to the samples. */
static bool
swap(struct reload *r, struct view blob, unsigned i, double *load, double *store, double *wait, unsigned *unquiesced)
{
	char err[256];
	struct publish_result result;

	atomic_store(&r->swapping, true);
	double begin = seconds();
	struct ruleset *rules = ruleset_load(blob, 1, err, sizeof(err));
	load[i] = (seconds() - begin) * 1e3;
	if (rules == NULL) {
		fprintf(stderr, "postern-bench: %s\n", err);
		return false;
	}
	publish(&r->pub, rules, WAIT_NS, &result);
	atomic_store(&r->swapping, false);
	store[i] = (double)result.swap_ns / 1e3;
	wait[i] = (double)result.quiesce_ns / 1e3;
	*unquiesced += !result.quiesced;
	return true;
}

/* `swaps` swaps of sets of one size. */
static bool
run_size(struct reload *r, unsigned patterns, unsigned swaps, unsigned every_ms, struct figures *f)
{
	double *sample = calloc(3 * (size_t)swaps, sizeof(*sample));
	double *load = sample, *store = sample + swaps, *wait = sample + 2 * (size_t)swaps, early = 0;
	uint8_t *blob = rules_blob(patterns, 1, &f->octets, &f->compile_s);
	bool good = sample != NULL && blob != NULL;

	*f = (struct figures){ .patterns = patterns, .swaps = swaps, .octets = f->octets, .compile_s = f->compile_s };
	fprintf(stderr, "reload: %u domains, %u swaps\n", patterns, swaps);
	good = good && rules_cached(patterns, view_of(blob, f->octets), &f->cached_ms);
	for (unsigned i = 0; good && i < swaps; i++) {
		good = swap(r, view_of(blob, f->octets), i, load, store, wait, &f->unquiesced);
		if (i == swaps / 10)
			early = resident_mb();
		usleep(every_ms * 1000);
	}
	if (good) {
		f->memory_mb = resident_mb();
		f->growth_mb = f->memory_mb - early;
		f->load_ms = spread_of(load, swaps).median;
		f->swap_us = spread_of(store, swaps).median;
		f->wait_us = spread_of(wait, swaps).median;
		f->wait_most_us = spread_of(wait, swaps).most;
	}
	free(blob);
	free(sample);
	return good;
}

/* Many swaps without a pause: memory is looked at after each tenth of them. Returns the samples, or NULL. */
static json_t *
run_memory(struct reload *r, unsigned swaps)
{
	json_t *samples = json_array();
	double load[1], store[1], wait[1], compile_s;
	unsigned unquiesced = 0;
	size_t octets;
	uint8_t *blob = rules_blob(MEMORY_PATTERNS, 1, &octets, &compile_s);
	bool good = blob != NULL;

	for (unsigned i = 1; good && i <= swaps; i++) {
		good = swap(r, view_of(blob, octets), 0, load, store, wait, &unquiesced);
		if (i % (swaps / MEMORY_SAMPLES) == 0) {
			json_array_append_new(samples, json_pack("{s:i, s:f, s:f}", "swaps", (int)i, "heap MB",
								 heap_mb(), "MB", resident_mb()));
			fprintf(stderr, "reload: %u of %u swaps, %.1f MB allocated\n", i, swaps, heap_mb());
		}
	}
	free(blob);
	if (good)
		return samples;
	json_decref(samples);
	return NULL;
}

static double
memory_growth(const json_t *samples)
{
	size_t n = json_array_size(samples);

	if (n < 2)
		return NAN;
	return json_real_value(json_object_get(json_array_get(samples, n - 1), "heap MB")) -
	       json_real_value(json_object_get(json_array_get(samples, 0), "heap MB"));
}

static json_t *
judge(const struct figures *f, const json_t *samples, uint64_t lost)
{
	json_t *limits = json_array();
	char what[160];

	budget_add(limits, "reload: packets lost", BUDGET_AT_MOST, 0, (double)lost);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(what, sizeof(what),
			 "reload, %u domains: from the store until the worker judges by it, median us", f[i].patterns);
		budget_add(limits, what, BUDGET_AT_MOST, SWAP_US, f[i].wait_us);
		snprintf(what, sizeof(what), "reload, %u domains: cached start, ms", f[i].patterns);
		budget_add(limits, what, BUDGET_AT_MOST, CACHED_MS, f[i].cached_ms);
		if (COMPILE_S[i] == 0)
			continue;
		snprintf(what, sizeof(what), "reload, %u domains: compile, s", f[i].patterns);
		budget_add(limits, what, BUDGET_AT_MOST, COMPILE_S[i], f[i].compile_s);
	}
	if (json_array_size(samples) > 0)
		budget_add(limits,
			   "reload: growth of allocated memory from the first tenth of the swaps to the last, MB",
			   BUDGET_AT_MOST, 1, memory_growth(samples));
	return limits;
}

static json_t *
json_row(const struct figures *f)
{
	return json_pack("{s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:o}", "patterns", (int)f->patterns,
			 "swaps", (int)f->swaps, "compile s", json_sprintf("%.2f", f->compile_s), "cached start ms",
			 json_sprintf("%.1f", f->cached_ms), "load ms", json_sprintf("%.1f", f->load_ms), "store us",
			 json_sprintf("%.2f", f->swap_us), "worker has seen it, us", json_sprintf("%.0f", f->wait_us),
			 "the slowest, us", json_sprintf("%.0f", f->wait_most_us), "not seen in a second",
			 (int)f->unquiesced, "memory MB", json_sprintf("%.0f", f->memory_mb), "growth MB",
			 json_sprintf("%.1f", f->growth_mb));
}

static json_t *
json_bursts(const struct histogram *h)
{
	return json_pack("{s:I, s:f, s:f, s:f, s:f}", "bursts", (json_int_t)h->total, "p50_us", percentile(h, 0.5),
			 "p99_us", percentile(h, 0.99), "p999_us", percentile(h, 0.999), "most_us", percentile(h, 1));
}

static void
print_bursts(const char *what, const struct histogram *h)
{
	printf("  bursts %-15s %9ju: p50 %.0f us, p99 %.0f us, p99.9 %.0f us, most %.0f us\n", what,
	       (uintmax_t)h->total, percentile(h, 0.5), percentile(h, 0.99), percentile(h, 0.999), percentile(h, 1));
}

static void
print_table(const struct reload *r, json_t *rows)
{
	size_t i;
	json_t *row, *value;
	const char *name;

	json_array_foreach(rows, i, row)
	{
		json_object_foreach(row, name, value)
		{
			if (json_is_string(value))
				printf("  %s %s", name, json_string_value(value));
			else
				printf("  %s %d", name, (int)json_integer_value(value));
		}
		puts("");
	}
	print_bursts("outside of swaps", &r->time[0]);
	print_bursts("during swaps", &r->time[1]);
}

static int
print_result(const struct reload *r, const struct figures *f, json_t *rows, json_t *samples, bool json)
{
	const struct traffic_counts *t = lane_traffic(r->lane);
	const uint64_t *v = lane_counters(r->lane)->value;
	uint64_t lost = v[CTR_rx_packets] - v[CTR_tx_packets];
	json_t *limits = judge(f, samples, lost);

	if (json)
		return bench_print_json(json_pack(
			"{s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "command", "reload", "rows",
			rows, "memory", samples, "limits", limits, "packets", (json_int_t)v[CTR_rx_packets], "lost",
			(json_int_t)lost, "sessions", (json_int_t)t->sessions, "stalled", (json_int_t)t->stalled,
			"resets", (json_int_t)t->resets, "outside", json_bursts(&r->time[0]), "during",
			json_bursts(&r->time[1]), "machine", machine_facts()));
	print_table(r, rows);
	printf("  %ju packets, %ju lost, %ju sessions stalled, %ju reset\n", (uintmax_t)v[CTR_rx_packets],
	       (uintmax_t)lost, (uintmax_t)t->stalled, (uintmax_t)t->resets);
	if (json_array_size(samples) > 0)
		printf("  allocated memory grew by %.1f MB between the first tenth and the last of the swaps without a "
		       "pause\n",
		       memory_growth(samples));
	budget_print(limits);
	json_decref(limits);
	json_decref(samples);
	json_decref(rows);
	return EXIT_SUCCESS;
}

static int
run(struct reload *r, const struct options *o)
{
	struct figures f[sizeof(sizes) / sizeof(sizes[0])] = { 0 };
	json_t *rows = json_array(), *samples = NULL;
	pthread_t worker;
	bool good = true;

	if (pthread_create(&worker, NULL, run_worker, r) != 0)
		return EXIT_FAILURE;
	while (!atomic_load(&r->ready))
		usleep(1000);
	/* First, while there is no freed memory of large sets that a leak could hide in. */
	samples = o->memory_swaps > 0 ? run_memory(r, o->memory_swaps) : json_array();
	good = samples != NULL;
	for (size_t i = 0; good && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		good = run_size(r, sizes[i], o->swaps, o->every_ms, &f[i]);
		json_array_append_new(rows, json_row(&f[i]));
	}
	atomic_store(&r->stop, true);
	pthread_join(worker, NULL);
	return good ? print_result(r, f, rows, samples, o->json) : EXIT_FAILURE;
}

static int
run_scenario(const char *path, const struct options *o)
{
	struct scenario s;
	struct scripts scripts = { 0 };
	struct reload *r = calloc(1, sizeof(*r));
	int status = EXIT_FAILURE;

	if (r == NULL || !scenario_read(&s, path) || !scripts_init(&scripts, &s)) {
		free(r);
		return 2;
	}
	machine_precede();
	r->hz = machine_hz();
	r->watch = (struct lane_watch){ .begin = on_begin, .burst = on_burst, .end = on_end, .ctx = r };
	r->lane = lane_new(LANE_WHOLE, 0, &s, &scripts, NULL);
	if (r->lane != NULL && publication_init(&r->pub, 1, ruleset_free)) {
		status = run(r, o);
		publication_done(&r->pub);
	}
	lane_free(r->lane);
	scripts_free(&scripts);
	free(r);
	return status;
}

int
bench_reload(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },        { "swaps", required_argument, NULL, 'n' },
		{ "every", required_argument, NULL, 'e' }, { "memory-swaps", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },        { NULL, 0, NULL, 0 },
	};
	struct options o = { .swaps = 100, .every_ms = 100 };
	int opt;

	while ((opt = getopt_long(argc, argv, "jn:e:m:h", longs, NULL)) != -1) {
		if (opt == 'j')
			o.json = true;
		else if (opt == 'n')
			o.swaps = (unsigned)atoi(optarg);
		else if (opt == 'e')
			o.every_ms = (unsigned)atoi(optarg);
		else if (opt == 'm')
			o.memory_swaps = (unsigned)atoi(optarg);
		else
			break;
	}
	if (opt != -1 || optind + 1 != argc || o.swaps == 0 ||
	    (o.memory_swaps > 0 && o.memory_swaps < MEMORY_SAMPLES)) {
		fputs(usage, opt == 'h' ? stdout : stderr);
		return opt == 'h' ? EXIT_SUCCESS : 2;
	}
	return run_scenario(argv[optind], &o);
}
