/* SPDX-License-Identifier: BSD-3-Clause */
/* postern-bench scale: 1 to N workers on the cores that are there, and a model of more. */
#include <getopt.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "flow/flow.h"
#include "flow/pages.h"
#include "lane.h"
#include "machine.h"
#include "model.h"
#include "stats.h"

static const char usage[] =
	"usage: postern-bench scale [options] SCENARIO\n"
	"\n"
	"Runs 1 to N workers, one a core, each with sessions of its own and the rules shared; measures\n"
	"what memory moves, and models more cores than there are.\n"
	"\n"
	"  -j, --json       one JSON object\n"
	"  -w, --workers N  at most (default: cores of this machine)\n"
	"  -r, --rounds N   instead of the scenario's\n"
	"  -b, --batches N  instead of the scenario's\n"
	"  -h, --help       this text\n";

enum { WORKERS = 64, MEMORY_MB = 256, MEMORY_ROUNDS = 8 };

struct scale {
	struct scenario s;
	struct scripts scripts;
	struct ruleset *rules;
	unsigned workers;
	double hz;
	/* By number of workers - 1. */
	double mpps[WORKERS], least[WORKERS], read[WORKERS], copy[WORKERS];
	double frame; /* octets */
};

/* One of n that run at once. */
struct worker {
	struct scale *scale;
	pthread_barrier_t *start;
	unsigned index;
	struct lane *lane;
	double cycles, frame; /* a packet */
	double read, copy;    /* gigabytes a second */
	bool failed;
};

static double
median_round(struct worker *w, double *batch)
{
	struct lane_run run;
	double octets = 0, packets = 0;

	for (unsigned i = 0; i < w->scale->s.batches; i++) {
		lane_run(w->lane, &run);
		batch[i] = run.packets > 0 ? (double)run.cycles / (double)run.packets : 0;
		octets += (double)run.octets;
		packets += (double)run.packets;
	}
	w->frame = octets / packets;
	return spread_of(batch, w->scale->s.batches).median;
}

static void *
run_worker(void *ctx)
{
	struct worker *w = ctx;
	const struct scenario *s = &w->scale->s;
	double *round = calloc(s->rounds, sizeof(*round)), *batch = calloc(s->batches, sizeof(*batch));

	w->failed = !machine_pin(w->index) || round == NULL || batch == NULL;
	if (!w->failed)
		w->lane = lane_new(LANE_WHOLE, w->index, s, &w->scale->scripts, w->scale->rules);
	w->failed |= w->lane == NULL;
	if (!w->failed)
		lane_warm(w->lane);
	pthread_barrier_wait(w->start);
	for (unsigned i = 0; !w->failed && i < s->rounds; i++)
		round[i] = median_round(w, batch);
	if (!w->failed)
		w->cycles = spread_of(round, s->rounds).median;
	lane_free(w->lane);
	free(round);
	free(batch);
	return NULL;
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t
read_all(const uint64_t *at, size_t words)
{
	uint64_t sum[8] = { 0 };

	for (size_t i = 0; i < words; i += 8)
		for (unsigned k = 0; k < 8; k++)
			sum[k] += at[i + k];
	return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

/* Larger than a core's share of the last cache would be. The best of some rounds: it is a limit. */
static void *
run_memory(void *ctx)
{
	struct worker *w = ctx;
	size_t size = (size_t)MEMORY_MB << 20, half = size / 2;
	uint8_t *memory = pages_new(size);
	double read[MEMORY_ROUNDS], copy[MEMORY_ROUNDS];
	volatile uint64_t sum = 0;

	w->failed = !machine_pin(w->index) || memory == NULL;
	if (memory != NULL)
		memset(memory, 1, size);
	pthread_barrier_wait(w->start);
	for (unsigned i = 0; !w->failed && i < MEMORY_ROUNDS; i++) {
		double begin = seconds();
		sum += read_all((const uint64_t *)memory, size / 8);
		double middle = seconds();
		memcpy(memory, memory + half, half);
		read[i] = (double)size / 1e9 / (middle - begin);
		copy[i] = (double)size / 1e9 / (seconds() - middle); /* half is read, half is written */
	}
	if (!w->failed) {
		w->read = spread_of(read, MEMORY_ROUNDS).most;
		w->copy = spread_of(copy, MEMORY_ROUNDS).most;
	}
	pages_free(memory, size);
	return NULL;
}

/* n at once. False: one of them could not. */
static bool
run_many(struct scale *scale, unsigned n, void *(*run)(void *), struct worker *worker)
{
	pthread_barrier_t start;
	pthread_t thread[WORKERS];
	bool good = true;

	pthread_barrier_init(&start, NULL, n);
	for (unsigned i = 0; i < n; i++) {
		worker[i] = (struct worker){ .scale = scale, .start = &start, .index = i };
		if (pthread_create(&thread[i], NULL, run, &worker[i]) != 0) {
			perror("postern-bench: thread");
			exit(EXIT_FAILURE); /* those that wait at the barrier would wait for ever */
		}
	}
	for (unsigned i = 0; i < n; i++) {
		pthread_join(thread[i], NULL);
		good &= !worker[i].failed;
	}
	pthread_barrier_destroy(&start);
	return good;
}

static bool
measure(struct scale *scale)
{
	struct worker worker[WORKERS];

	for (unsigned n = 1; n <= scale->workers; n++) {
		fprintf(stderr, "scale: %u worker%s\n", n, n > 1 ? "s" : "");
		if (!run_many(scale, n, run_worker, worker))
			return false;
		scale->least[n - 1] = 1e18;
		for (unsigned i = 0; i < n; i++) {
			double mpps = scale->hz / worker[i].cycles / 1e6;
			scale->mpps[n - 1] += mpps;
			scale->least[n - 1] = mpps < scale->least[n - 1] ? mpps : scale->least[n - 1];
			scale->frame = worker[i].frame;
		}
		if (!run_many(scale, n, run_memory, worker))
			return false;
		for (unsigned i = 0; i < n; i++) {
			scale->read[n - 1] += worker[i].read;
			scale->copy[n - 1] += worker[i].copy;
		}
	}
	return true;
}

/*
 * Where the NIC writes to memory and reads from it, a frame crosses it three times (in, read by the core, out), and the
 * lines of its flow twice. Caches that the NIC writes into save up to all of it: this is the worst case.
 */
static double
octets_moved(const struct scale *scale)
{
	return 3 * scale->frame + 2 * sizeof(struct flow);
}

static struct model
model_of(const struct scale *scale)
{
	unsigned n = scale->workers;

	return (struct model){
		.mpps = scale->mpps[0],
		.contention = model_contention(scale->mpps[0], scale->mpps[n - 1], n),
		.memory_mpps = model_memory(scale->copy[n - 1], octets_moved(scale)),
	};
}

static json_t *
json_measured(const struct scale *scale, unsigned n)
{
	double mpps = scale->mpps[n - 1];

	return json_pack("{s:i, s:f, s:f, s:f, s:f, s:f, s:f}", "workers", (int)n, "Mpps", mpps, "Gbit/s",
			 mpps * scale->frame * 8 / 1e3, "slowest worker, Mpps", scale->least[n - 1], "of linear",
			 mpps / (n * scale->mpps[0]), "memory read, GB/s", scale->read[n - 1], "memory copied, GB/s",
			 scale->copy[n - 1]);
}

static json_t *
json_modelled(const struct scale *scale, const struct model *m, unsigned n)
{
	struct model unbound = *m;

	unbound.memory_mpps = 1e18;
	return json_pack("{s:i, s:f, s:f, s:f}", "workers", (int)n, "linear, Mpps", n * m->mpps,
			 "with the contention measured, Mpps", model_mpps(&unbound, n),
			 "and this machine's memory, Mpps", model_mpps(m, n));
}

static const char note[] =
	"Measured: the pipeline without ports, one worker a core. Modelled: each further worker costs the others what "
	"the "
	"last measured number of them cost (none where they cost none); the last column lets every frame cross this "
	"machine's memory three times, at the speed that the measured cores copied together: more cores, and NICs that "
	"write into the cache, raise it. Not in the model: NIC queues that spread flows evenly; where workers share "
	"ports "
	"(no symmetric RSS), the one that owns the ports bounds all.";

static json_t *
json_scale(const struct scale *scale)
{
	struct model m = model_of(scale);
	json_t *rows = json_array(), *model = json_array();

	for (unsigned n = 1; n <= scale->workers; n++)
		json_array_append_new(rows, json_measured(scale, n));
	for (unsigned n = 1; n <= 32; n *= 2)
		json_array_append_new(model, json_modelled(scale, &m, n));
	return json_pack("{s:s, s:s, s:o, s:o, s:f, s:f, s:f, s:s, s:o}", "command", "scale", "scenario", scale->s.name,
			 "rows", rows, "model", model, "contention", m.contention, "frame", scale->frame,
			 "octets moved", octets_moved(scale), "note", note, "machine", machine_facts());
}

static void
print_rows(const json_t *rows)
{
	size_t i;
	json_t *row, *value;
	const char *name;

	json_array_foreach(rows, i, row)
	{
		json_object_foreach(row, name, value)
			printf("  %s %.*f", name, json_is_integer(value) ? 0 : 2, json_number_value(value));
		puts("");
	}
}

static int
print_scale(const struct scale *scale, bool json)
{
	json_t *result = json_scale(scale);

	if (json)
		return bench_print_json(result);
	printf("scale: %s\nmeasured\n", scale->s.title);
	print_rows(json_object_get(result, "rows"));
	printf("modelled (contention %.4f, %.0f octets moved a packet)\n",
	       json_number_value(json_object_get(result, "contention")), octets_moved(scale));
	print_rows(json_object_get(result, "model"));
	puts(note);
	json_decref(result);
	return EXIT_SUCCESS;
}

static int
run_scale(struct scale *scale, const char *path, unsigned rounds, unsigned batches, bool json)
{
	int status = EXIT_FAILURE;

	if (!scenario_read(&scale->s, path))
		return 2;
	if (rounds > 0)
		scale->s.rounds = rounds;
	if (batches > 0)
		scale->s.batches = batches;
	scale->hz = machine_hz();
	if (scripts_init(&scale->scripts, &scale->s) &&
	    (scale->s.patterns == 0 || (scale->rules = rules_make(scale->s.patterns, scale->workers, 1)) != NULL) &&
	    measure(scale))
		status = print_scale(scale, json);
	scripts_free(&scale->scripts);
	ruleset_free(scale->rules);
	return status;
}

int
bench_scale(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },         { "workers", required_argument, NULL, 'w' },
		{ "rounds", required_argument, NULL, 'r' }, { "batches", required_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
	};
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct scale scale = { .workers = cores < WORKERS ? (unsigned)cores : WORKERS };
	unsigned rounds = 0, batches = 0;
	bool json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "jw:r:b:h", longs, NULL)) != -1) {
		if (opt == 'j')
			json = true;
		else if (opt == 'w')
			scale.workers = (unsigned)atoi(optarg);
		else if (opt == 'r')
			rounds = (unsigned)atoi(optarg);
		else if (opt == 'b')
			batches = (unsigned)atoi(optarg);
		else
			break;
	}
	if (opt != -1 || optind + 1 != argc || scale.workers == 0 || scale.workers > WORKERS) {
		fputs(usage, opt == 'h' ? stdout : stderr);
		return opt == 'h' ? EXIT_SUCCESS : 2;
	}
	return run_scale(&scale, argv[optind], rounds, batches, json);
}
