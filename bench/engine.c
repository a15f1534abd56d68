/* SPDX-License-Identifier: BSD-3-Clause */
/* postern-bench engine: the whole pipeline in one process, beside the limit of the same loop. */
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "budget.h"
#include "edit/edit.h"
#include "flow/flow.h"
#include "lane.h"
#include "machine.h"
#include "stats.h"

static const char usage[] =
	"usage: postern-bench engine [options] SCENARIO...\n"
	"\n"
	"Runs generated sessions through the pipeline, and the same packets through parts of it.\n"
	"\n"
	"  -j, --json         one JSON object a scenario\n"
	"  -c, --core N       the core to run on (default 1, or 0 where it is the only one)\n"
	"  -r, --rounds N     instead of the scenario's\n"
	"  -b, --batches N    instead of the scenario's\n"
	"  -l, --lanes LIST   of f,h,l,t,s,w: forward, headers, lookup, tcp, smtp, whole (default: all)\n"
	"  -L, --limits       say what was to be reached, and what was; always so with more than one scenario\n"
	"  -h, --help         this text\n"
	"\n"
	"A scenario is a file of \"key value\" lines:\n";

enum { FLOW_OCTETS = 192, EDITED_OCTETS = 2048 }; /* what a flow may take */

struct options {
	bool json, limits;
	int core;
	unsigned rounds, batches;
	const char *lanes; /* NULL: as the scenario says */
};

/* One lane's figures. */
struct figures {
	struct spread cycles; /* a packet: medians of batches, over the rounds */
	double mean;          /* a packet, over everything measured */
	double packets, octets, mails, sessions;
	uint64_t total_cycles;
};

/* What is kept of a scenario until all have run. */
struct verdict {
	struct scenario s;
	double cycles, of_limit; /* NAN: not measured */
};

struct engine {
	const struct options *o;
	struct scenario s;
	bool wanted[LANE_COUNT];
	struct scripts scripts;
	struct ruleset *rules;
	struct lane *lane[LANE_COUNT];
	struct figures figures[LANE_COUNT];
	double *round[LANE_COUNT];
	double hz;
};

/* One round of one lane: the median of its batches. */
static double
run_round(struct engine *e, unsigned kind, double *batch)
{
	struct figures *f = &e->figures[kind];
	uint64_t sessions = lane_traffic(e->lane[kind])->sessions;

	for (unsigned i = 0; i < e->s.batches; i++) {
		struct lane_run run;
		lane_run(e->lane[kind], &run);
		batch[i] = run.packets > 0 ? (double)run.cycles / (double)run.packets : 0;
		f->total_cycles += run.cycles;
		f->packets += (double)run.packets;
		f->octets += (double)run.octets;
		f->mails += (double)run.mails;
	}
	f->sessions += (double)(lane_traffic(e->lane[kind])->sessions - sessions);
	return spread_of(batch, e->s.batches).median;
}

/* Lanes take turns, so that whatever disturbs the machine disturbs all of them. */
static bool
measure(struct engine *e)
{
	double *batch = calloc(e->s.batches, sizeof(*batch));

	for (unsigned round = 0; batch != NULL && round < e->s.rounds; round++)
		for (unsigned kind = 0; kind < LANE_COUNT; kind++)
			if (e->lane[kind] != NULL)
				e->round[kind][round] = run_round(e, kind, batch);
	for (unsigned kind = 0; batch != NULL && kind < LANE_COUNT; kind++) {
		struct figures *f = &e->figures[kind];
		if (e->lane[kind] == NULL)
			continue;
		f->cycles = spread_of(e->round[kind], e->s.rounds);
		f->mean = (double)f->total_cycles / f->packets;
	}
	free(batch);
	return batch != NULL;
}

static bool
make_lanes(struct engine *e)
{
	if (!scripts_init(&e->scripts, &e->s))
		return false;
	if (e->s.patterns > 0 && e->wanted[LANE_WHOLE] && (e->rules = rules_make(e->s.patterns, 1, 1)) == NULL)
		return false;
	for (unsigned kind = 0; kind < LANE_COUNT; kind++) {
		if (!e->wanted[kind])
			continue;
		e->round[kind] = calloc(e->s.rounds, sizeof(double));
		e->lane[kind] = lane_new(kind, 0, &e->s, &e->scripts, e->rules);
		if (e->round[kind] == NULL || e->lane[kind] == NULL) {
			fprintf(stderr, "postern-bench: no memory for %u flows\n", e->s.capacity);
			return false;
		}
		lane_warm(e->lane[kind]);
	}
	return true;
}

static void
free_engine(struct engine *e)
{
	for (unsigned kind = 0; kind < LANE_COUNT; kind++) {
		lane_free(e->lane[kind]);
		free(e->round[kind]);
	}
	scripts_free(&e->scripts);
	ruleset_free(e->rules);
}

static double
rate(const struct engine *e, const struct figures *f, double count)
{
	return f->packets > 0 ? count / f->packets * e->hz / f->cycles.median : 0;
}

/* How much of the Mpps of lane `of` lane `kind` reaches; 0 where either was not run. */
static double
share(const struct engine *e, unsigned kind, unsigned of)
{
	double mine = e->figures[kind].cycles.median;

	return mine > 0 ? e->figures[of].cycles.median / mine : 0;
}

static void
print_lane(const struct engine *e, unsigned kind, double before)
{
	const struct figures *f = &e->figures[kind];

	printf("  %-21s %7.0f %+7.0f   %5.0f %5.0f %5.0f %9.2f %8.2f\n", lane_names[kind], f->cycles.median,
	       f->cycles.median - before, f->cycles.least, f->cycles.most, f->mean, rate(e, f, f->packets) / 1e6,
	       rate(e, f, f->octets * 8) / 1e9);
}

static void
print_health(const struct engine *e, unsigned kind)
{
	const struct traffic_counts *t = lane_traffic(e->lane[kind]);
	const uint64_t *v = lane_counters(e->lane[kind])->value;

	printf("  %u flows in the table; %ju sessions over, %ju reset, %ju stalled;", lane_flows(e->lane[kind]),
	       (uintmax_t)t->sessions, (uintmax_t)t->resets, (uintmax_t)t->stalled);
	printf(" %ju recipients flagged, %ju refused", (uintmax_t)v[CTR_flagged], (uintmax_t)v[CTR_verdict_reject]);
	for (unsigned i = 0; i < CTR_COUNT; i++)
		if (strcmp(counter_info[i].group, "cause") == 0 && v[i] > 0)
			printf(", %s %ju", counter_info[i].name, (uintmax_t)v[i]);
	puts("");
}

static void
print_table(const struct engine *e)
{
	double before = 0;

	printf("%s: %s\n", e->s.name, e->s.title);
	printf("  %-21s %7s %7s   %5s %5s %5s %9s %8s\n", "cycles a packet", "median", "stage", "least", "most", "mean",
	       "Mpps", "Gbit/s");
	unsigned last = LANE_COUNT;
	for (unsigned kind = 0; kind < LANE_COUNT; kind++) {
		if (e->lane[kind] == NULL)
			continue;
		print_lane(e, kind, before);
		before = e->figures[kind].cycles.median;
		last = kind;
	}
	if (last < LANE_SMTP)
		return;
	const struct figures *f = &e->figures[last];
	printf("  %.0f octets a frame; %.0f mails/s, %.0f sessions/s; %.2f of the Mpps of the limit (flow lookup)\n",
	       f->octets / f->packets, rate(e, f, f->mails), rate(e, f, f->sessions), share(e, last, LANE_LOOKUP));
	print_health(e, last);
}

static json_t *
json_lane(const struct engine *e, unsigned kind)
{
	const struct figures *f = &e->figures[kind];

	return json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I}", "lane", lane_names[kind],
			 "cycles", f->cycles.median, "least", f->cycles.least, "low", f->cycles.low, "high",
			 f->cycles.high, "most", f->cycles.most, "mean", f->mean, "mpps", rate(e, f, f->packets) / 1e6,
			 "gbit", rate(e, f, f->octets * 8) / 1e9, "mails", rate(e, f, f->mails), "sessions",
			 rate(e, f, f->sessions), "packets", (json_int_t)f->packets);
}

static json_t *
json_health(const struct engine *e, unsigned kind)
{
	const struct traffic_counts *t = lane_traffic(e->lane[kind]);
	const uint64_t *v = lane_counters(e->lane[kind])->value;
	json_t *health =
		json_pack("{s:I, s:I, s:I, s:i}", "sessions", (json_int_t)t->sessions, "resets", (json_int_t)t->resets,
			  "stalled", (json_int_t)t->stalled, "flows", (int)lane_flows(e->lane[kind]));

	for (unsigned i = 0; i < CTR_COUNT; i++)
		if (v[i] > 0)
			json_object_set_new(health, counter_info[i].name, json_integer((json_int_t)v[i]));
	return health;
}

static json_t *
json_result(const struct engine *e)
{
	const struct scenario *s = &e->s;
	json_t *lanes = json_array();
	unsigned last = 0;

	for (unsigned kind = 0; kind < LANE_COUNT; kind++) {
		if (e->lane[kind] == NULL)
			continue;
		json_array_append_new(lanes, json_lane(e, kind));
		last = kind;
	}
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:f, s:s, s:s, s:i, s:i, s:f, s:f, s:o, s:o, s:o}", "command",
			 "engine", "scenario", s->name, "title", s->title, "flows", (int)s->flows, "mail", (int)s->mail,
			 "patterns", (int)s->patterns, "flagged", s->flagged, "payload", s->dram ? "dram" : "l3",
			 "checksum", s->software ? "software" : "nic", "rounds", (int)s->rounds, "batches",
			 (int)s->batches, "frame", e->figures[last].octets / e->figures[last].packets, "of_limit",
			 share(e, last, LANE_LOOKUP), "lanes", lanes, "health", json_health(e, last), "machine",
			 machine_facts());
}

static void
keep_verdict(const struct engine *e, struct verdict *v)
{
	bool whole = e->lane[LANE_WHOLE] != NULL;

	v->s = e->s;
	v->cycles = whole ? e->figures[LANE_WHOLE].cycles.median : NAN;
	v->of_limit = whole && e->lane[LANE_LOOKUP] != NULL ? share(e, LANE_WHOLE, LANE_LOOKUP) : NAN;
}

/* Cycles of another scenario of the same run; NAN where it was not in it. */
static double
cycles_of(const struct verdict *all, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(all[i].s.name, name) == 0)
			return all[i].cycles;
	return NAN;
}

static void
judge_scenario(json_t *limits, const struct verdict *all, unsigned n, const struct verdict *v)
{
	char what[512];

	if (v->s.limit_cycles > 0) {
		snprintf(what, sizeof(what), "%s: cycles a packet, whole pipeline", v->s.name);
		budget_add(limits, what, BUDGET_AT_MOST, v->s.limit_cycles, v->cycles);
	}
	if (v->s.limit_share > 0) {
		snprintf(what, sizeof(what), "%s: share of the Mpps of headers and flow lookup", v->s.name);
		budget_add(limits, what, BUDGET_AT_LEAST, v->s.limit_share, v->of_limit);
	}
	if (v->s.limit_ratio > 0) {
		double other = cycles_of(all, n, v->s.limit_of);
		snprintf(what, sizeof(what), "%s: its cycles (%.0f) over those of %s (%.0f)", v->s.name, v->cycles,
			 v->s.limit_of, other);
		budget_add(limits, what, BUDGET_AT_MOST, v->s.limit_ratio, v->cycles / other);
	}
}

/* What all scenarios together were to reach. */
static void
judge(const struct options *o, const struct verdict *all, unsigned n)
{
	json_t *limits = json_array();

	for (unsigned i = 0; i < n; i++)
		judge_scenario(limits, all, n, &all[i]);
	budget_add(limits, "octets of a flow at rest", BUDGET_AT_MOST, FLOW_OCTETS, sizeof(struct flow));
	budget_add(limits, "octets of an edited flow, without texts in flight", BUDGET_AT_MOST, EDITED_OCTETS,
		   sizeof(struct flow) + sizeof(struct edit));
	if (o->json) {
		bench_print_json(json_pack("{s:s, s:O}", "command", "limits", "limits", limits));
	} else {
		puts("limits");
		budget_print(limits);
	}
	json_decref(limits);
}

/* Letters of lanes; "" is all. False: a letter is of none. */
static bool
parse_lanes(const char *list, bool wanted[LANE_COUNT])
{
	static const char letters[] = "fhltsw";

	for (unsigned kind = 0; kind < LANE_COUNT; kind++)
		wanted[kind] = *list == '\0';
	for (; *list != '\0'; list++) {
		const char *letter = strchr(letters, *list);
		if (letter != NULL)
			wanted[letter - letters] = true;
		else if (*list != ',')
			return false;
	}
	return true;
}

static int
run_scenario(const struct options *o, const char *path, struct verdict *v)
{
	struct engine e = { .o = o, .hz = machine_hz() };
	int status = EXIT_FAILURE;

	if (!scenario_read(&e.s, path))
		return 2;
	if (!parse_lanes(o->lanes != NULL ? o->lanes : e.s.lanes, e.wanted)) {
		fprintf(stderr, "%s: lanes are letters of f,h,l,t,s,w\n", path);
		return 2;
	}
	if (o->rounds > 0)
		e.s.rounds = o->rounds;
	if (o->batches > 0)
		e.s.batches = o->batches;
	fprintf(stderr, "engine: %s\n", e.s.name);
	if (make_lanes(&e) && measure(&e)) {
		status = EXIT_SUCCESS;
		if (o->json)
			status = bench_print_json(json_result(&e));
		else
			print_table(&e);
		keep_verdict(&e, v);
	}
	free_engine(&e);
	return status;
}

/* 0: go on; otherwise exit status + 1. */
static int
parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },         { "core", required_argument, NULL, 'c' },
		{ "rounds", required_argument, NULL, 'r' }, { "batches", required_argument, NULL, 'b' },
		{ "lanes", required_argument, NULL, 'l' },  { "limits", no_argument, NULL, 'L' },
		{ "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "jc:r:b:l:Lh", longs, NULL)) != -1) {
		switch (opt) {
		case 'j':
			o->json = true;
			break;
		case 'L':
			o->limits = true;
			break;
		case 'c':
			o->core = atoi(optarg);
			break;
		case 'r':
			o->rounds = (unsigned)atoi(optarg);
			break;
		case 'b':
			o->batches = (unsigned)atoi(optarg);
			break;
		case 'l':
			o->lanes = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			scenario_keys(stdout);
			return 1;
		default:
			fputs(usage, stderr);
			return 3;
		}
	}
	if (optind < argc)
		return 0;
	fputs(usage, stderr);
	scenario_keys(stderr);
	return 3;
}

int
bench_engine(int argc, char **argv)
{
	struct options o = { .core = -1 };
	int status = parse_options(&o, argc, argv);

	if (status != 0)
		return status - 1;
	if (o.core >= 0 ? !machine_pin((unsigned)o.core) : !machine_pin(1) && !machine_pin(0))
		return EXIT_FAILURE;
	struct verdict *verdicts = calloc((size_t)(argc - optind), sizeof(*verdicts));
	unsigned done = 0;
	for (int i = optind; verdicts != NULL && i < argc; i++) {
		int one = run_scenario(&o, argv[i], &verdicts[done]);
		done += one == EXIT_SUCCESS;
		status = one != 0 ? one : status;
	}
	if (verdicts != NULL && (o.limits || argc - optind > 1))
		judge(&o, verdicts, done);
	free(verdicts);
	return status;
}
