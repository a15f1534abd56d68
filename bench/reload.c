/* SPDX-License-Identifier: BSD-3-Clause */
/* postern-bench reload: rule sets swapped while a worker runs mails, as posternd and a worker of postern-dp do it. */
#include <getopt.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "lane.h"
#include "live/publish.h"
#include "machine.h"
#include "stats.h"

static const char usage[] = "usage: postern-bench reload [options] SCENARIO\n"
			    "\n"
			    "Swaps rule sets of 1,000, 10,000 and 100,000 domains under the load of a scenario.\n"
			    "\n"
			    "  -j, --json       one JSON object\n"
			    "  -n, --swaps N    swaps for each size (default 100)\n"
			    "  -e, --every MS   time between two of them (default 100)\n"
			    "  -h, --help       this text\n";

enum { BUCKET_NS = 1000, BUCKETS = 100000, WAIT_NS = 1000000000 };

/* Times of bursts in microseconds. */
struct histogram {
	uint32_t count[BUCKETS];
	uint64_t total;
	double most_us;
};

struct reload {
	struct lane *lane;
	struct publication pub;
	struct lane_watch watch;
	double hz;
	atomic_bool stop, ready;
	atomic_bool swapping;     /* a set is being loaded, published or freed */
	struct histogram time[2]; /* bursts outside of swaps, and during them; the worker's until it has ended */
};

struct figures {
	unsigned patterns, swaps, unquiesced;
	double compile_s, load_ms, swap_us, wait_us, wait_most_us, memory_mb, growth_mb;
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
	double ns = (double)cycles * 1e9 / r->hz;
	size_t bucket = (size_t)(ns / BUCKET_NS);

	h->count[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
	h->total++;
	if (ns / 1000 > h->most_us)
		h->most_us = ns / 1000;
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
	uint64_t seen = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		seen += h->count[i];
		if (h->total > 0 && (double)seen >= share * (double)h->total)
			return (double)(i + 1) * BUCKET_NS / 1000;
	}
	return h->most_us;
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

static json_t *
json_row(const struct figures *f)
{
	return json_pack("{s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:o}", "patterns", (int)f->patterns, "swaps",
			 (int)f->swaps, "compile s", json_sprintf("%.2f", f->compile_s), "load ms",
			 json_sprintf("%.1f", f->load_ms), "store us", json_sprintf("%.2f", f->swap_us),
			 "worker has seen it, us", json_sprintf("%.0f", f->wait_us), "the slowest, us",
			 json_sprintf("%.0f", f->wait_most_us), "not seen in a second", (int)f->unquiesced, "memory MB",
			 json_sprintf("%.0f", f->memory_mb), "growth MB", json_sprintf("%.1f", f->growth_mb));
}

static json_t *
json_bursts(const struct histogram *h)
{
	return json_pack("{s:I, s:f, s:f, s:f, s:f}", "bursts", (json_int_t)h->total, "p50_us", percentile(h, 0.5),
			 "p99_us", percentile(h, 0.99), "p999_us", percentile(h, 0.999), "most_us", h->most_us);
}

static void
print_bursts(const char *what, const struct histogram *h)
{
	printf("  bursts %-15s %9ju: p50 %.0f us, p99 %.0f us, p99.9 %.0f us, most %.0f us\n", what,
	       (uintmax_t)h->total, percentile(h, 0.5), percentile(h, 0.99), percentile(h, 0.999), h->most_us);
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
print_result(const struct reload *r, json_t *rows, bool json)
{
	const struct traffic_counts *t = lane_traffic(r->lane);
	const uint64_t *v = lane_counters(r->lane)->value;
	uint64_t lost = v[CTR_rx_packets] - v[CTR_tx_packets];

	if (json)
		return bench_print_json(json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "command", "reload",
						  "rows", rows, "packets", (json_int_t)v[CTR_rx_packets], "lost",
						  (json_int_t)lost, "stalled", (json_int_t)t->stalled, "resets",
						  (json_int_t)t->resets, "outside", json_bursts(&r->time[0]), "during",
						  json_bursts(&r->time[1]), "machine", machine_facts()));
	print_table(r, rows);
	printf("  %ju packets, %ju lost, %ju sessions stalled, %ju reset\n", (uintmax_t)v[CTR_rx_packets],
	       (uintmax_t)lost, (uintmax_t)t->stalled, (uintmax_t)t->resets);
	json_decref(rows);
	return EXIT_SUCCESS;
}

static int
run(struct reload *r, unsigned swaps, unsigned every_ms, bool json)
{
	static const unsigned sizes[] = { 1000, 10000, 100000 };
	json_t *rows = json_array();
	pthread_t worker;
	bool good = true;

	if (pthread_create(&worker, NULL, run_worker, r) != 0)
		return EXIT_FAILURE;
	while (!atomic_load(&r->ready))
		usleep(1000);
	for (size_t i = 0; good && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct figures f = { 0 };
		good = run_size(r, sizes[i], swaps, every_ms, &f);
		json_array_append_new(rows, json_row(&f));
	}
	atomic_store(&r->stop, true);
	pthread_join(worker, NULL);
	return good ? print_result(r, rows, json) : EXIT_FAILURE;
}

static int
run_scenario(const char *path, unsigned swaps, unsigned every_ms, bool json)
{
	struct scenario s;
	struct scripts scripts = { 0 };
	struct reload *r = calloc(1, sizeof(*r));
	int status = EXIT_FAILURE;

	if (r == NULL || !scenario_read(&s, path) || !scripts_init(&scripts, &s)) {
		free(r);
		return 2;
	}
	r->hz = machine_hz();
	r->watch = (struct lane_watch){ .begin = on_begin, .burst = on_burst, .end = on_end, .ctx = r };
	r->lane = lane_new(LANE_WHOLE, 0, &s, &scripts, NULL);
	if (r->lane != NULL && publication_init(&r->pub, 1, ruleset_free)) {
		status = run(r, swaps, every_ms, json);
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
		{ "json", no_argument, NULL, 'j' },
		{ "swaps", required_argument, NULL, 'n' },
		{ "every", required_argument, NULL, 'e' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned swaps = 100, every_ms = 100;
	bool json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "jn:e:h", longs, NULL)) != -1) {
		if (opt == 'j')
			json = true;
		else if (opt == 'n')
			swaps = (unsigned)atoi(optarg);
		else if (opt == 'e')
			every_ms = (unsigned)atoi(optarg);
		else
			break;
	}
	if (opt != -1 || optind + 1 != argc || swaps == 0) {
		fputs(usage, opt == 'h' ? stdout : stderr);
		return opt == 'h' ? EXIT_SUCCESS : 2;
	}
	return run_scenario(argv[optind], swaps, every_ms, json);
}
