/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "build/build.h"
#include "chance.h"
#include "script.h"

void
rule_domain(unsigned n, char out[48])
{
	static const char *const syllable[] = { "ar", "my",  "na",  "vy",  "ma", "ri",  "ne", "co",
						"gu", "ard", "fo",  "rce", "st", "ra",  "te", "gic",
						"lo", "gis", "tik", "ba",  "se", "cam", "po", "int" };
	static const char *const tld[] = { "ml", "com", "net", "mi", "cm", "org", "nl", "mil.example" };
	uint64_t seed = n * 2654435761u + 17;
	char *at = out;

	for (unsigned i = 0, parts = 2 + (unsigned)chance_below(&seed, 3); i < parts; i++)
		at += sprintf(at, "%s", syllable[chance_below(&seed, sizeof(syllable) / sizeof(syllable[0]))]);
	sprintf(at, "%u.%s", n, tld[chance_below(&seed, sizeof(tld) / sizeof(tld[0]))]);
}

/* One rule a domain, as an operator's list would have it; every name once. */
static bool
write_rules(const char *path, unsigned patterns)
{
	FILE *file = fopen(path, "w");
	char domain[48];

	if (file == NULL)
		return false;
	for (unsigned i = 0; i < patterns; i++) {
		rule_domain(i, domain);
		fprintf(file, "rule r%u reject rcpt domain %s means=army.mil class=tld-slip\n", i, domain);
	}
	return fclose(file) == 0;
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct ruleset *
load(const struct build_result *built, unsigned workers, struct rules_cost *cost)
{
	char err[256];
	double begin = seconds();
	struct ruleset *rules = ruleset_load(view_of(built->blob, built->blob_len), workers, err, sizeof(err));

	cost->load_s = seconds() - begin;
	cost->octets = built->blob_len;
	if (rules == NULL)
		fprintf(stderr, "postern-bench: %s\n", err);
	return rules;
}

struct ruleset *
rules_make_measured(unsigned patterns, unsigned workers, uint64_t generation, struct rules_cost *cost)
{
	const struct build_options options = { .operator_name = "Example Net", .generation = generation, .jobs = 2 };
	char path[] = "/tmp/postern-bench-XXXXXX";
	struct build_result built = { 0 };
	struct ruleset *rules = NULL;
	int fd = mkstemp(path);
	double begin = seconds();

	if (fd < 0 || !write_rules(path, patterns)) {
		perror(path);
		return NULL;
	}
	close(fd);
	if (build_rules(path, &options, stderr, &built)) {
		cost->compile_s = seconds() - begin;
		rules = load(&built, workers, cost);
	}
	unlink(path);
	build_result_free(&built);
	return rules;
}

struct ruleset *
rules_make(unsigned patterns, unsigned workers, uint64_t generation)
{
	struct rules_cost cost;

	return rules_make_measured(patterns, workers, generation, &cost);
}
