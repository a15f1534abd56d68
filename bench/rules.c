/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "build/build.h"
#include "chance.h"
#include "daemon/cache.h"
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

uint8_t *
rules_blob(unsigned patterns, uint64_t generation, size_t *len, double *compile_s)
{
	const struct build_options options = { .operator_name = "Example Net", .generation = generation, .jobs = 2 };
	char path[] = "/tmp/postern-bench-XXXXXX";
	struct build_result built = { 0 };
	uint8_t *blob = NULL;
	int fd = mkstemp(path);

	if (fd < 0 || !write_rules(path, patterns)) {
		perror(path);
		return NULL;
	}
	close(fd);
	double begin = seconds();
	if (build_rules(path, &options, stderr, &built)) {
		*compile_s = seconds() - begin;
		*len = built.blob_len;
		blob = built.blob;
		built.blob = NULL;
	}
	unlink(path);
	build_result_free(&built);
	return blob;
}

struct ruleset *
rules_make(unsigned patterns, unsigned workers, uint64_t generation)
{
	char err[256];
	size_t len;
	double compile_s;
	uint8_t *blob = rules_blob(patterns, generation, &len, &compile_s);
	struct ruleset *rules = blob != NULL ? ruleset_load(view_of(blob, len), workers, err, sizeof(err)) : NULL;

	if (blob != NULL && rules == NULL)
		fprintf(stderr, "postern-bench: %s\n", err);
	free(blob);
	return rules;
}

/* Out of the cache, as posternd does it at its start. */
static bool
load_cached(const char *dir, char *path, const struct view *blob)
{
	char key[CACHE_KEY_LEN], err[256];
	struct cache_entry entry;
	struct ruleset *rules = NULL;

	cache_key(&path, 1, "Example Net", key);
	if (blob != NULL)
		return cache_put(dir, key, view_of("{}", 2), *blob, 1) == 0;
	if (!cache_get(dir, key, &entry))
		return false;
	rules = ruleset_load(entry.blob, 1, err, sizeof(err));
	cache_release(&entry);
	ruleset_free(rules);
	return rules != NULL;
}

bool
rules_cached(unsigned patterns, struct view blob, double *ms)
{
	char dir[] = "/tmp/postern-bench-XXXXXX", path[64], command[64];
	bool good = mkdtemp(dir) != NULL;

	snprintf(path, sizeof(path), "%s/rules.conf", dir);
	good = good && write_rules(path, patterns) && load_cached(dir, path, &blob);
	double begin = seconds();
	good = good && load_cached(dir, path, NULL);
	*ms = (seconds() - begin) * 1e3;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	if (system(command) != 0 || !good)
		fprintf(stderr, "postern-bench: the cache in %s does not work\n", dir);
	return good;
}
