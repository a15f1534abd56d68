/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What lookalikes and lists cost: compile time, peak memory, size and time of
 * a scan for growing numbers of protected names, and for an exact list.
 * Usage: lookalike-scale [LARGEST-NUMBER-OF-NAMES [NAMES-IN-THE-LIST]]
 * Each line is a process of its own, compiled by one thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "build/build.h"
#include "match/match.h"
#include "ruleset/ruleset.h"

#define SCANNED 20000
#define PASSES  15

static uint64_t chance_state = 88172645463325252ULL;

/* xorshift: the same names in every run. */
static unsigned
chance(unsigned below)
{
	chance_state ^= chance_state << 13;
	chance_state ^= chance_state >> 7;
	chance_state ^= chance_state << 17;
	return (unsigned)((chance_state >> 20) % below);
}

/* A label of two to five syllables. */
static size_t
put_label(char *out)
{
	static const char consonants[] = "bcdfghklmnprstvwz", vowels[] = "aeiou";
	size_t len = 0;

	for (unsigned n = 2 + chance(4); n > 0; n--) {
		out[len++] = consonants[chance(sizeof(consonants) - 1)];
		out[len++] = vowels[chance(5)];
		if (chance(3) == 0)
			out[len++] = consonants[chance(sizeof(consonants) - 1)];
	}
	return len;
}

/* A registrable name, suffixes about as often as in lists of popular ones. */
static void
put_name(char *out)
{
	static const char *const suffixes[] = { ".com", ".com", ".com",   ".com",    ".com", ".org", ".net", ".de",
						".nl",  ".fr",  ".co.uk", ".com.br", ".mil", ".gov", ".edu", ".it" };
	size_t len = put_label(out);

	strcpy(out + len, suffixes[chance(16)]);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* other processes of the machine do not count */
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
need(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(EXIT_FAILURE);
}

/* Domains with their sentinels, one behind the other. */
struct corpus {
	uint8_t octets[SCANNED * 64];
	uint16_t len[SCANNED];
};

static void
corpus_make(struct corpus *c, const char *slip)
{
	struct subject s = { 0 };
	size_t used = 0;

	for (unsigned i = 0; i < SCANNED; i++) {
		char name[256];
		put_name(name);
		const char *text = i % 100 == 0 ? slip : name;
		subject_build(view_of("someone", 7), view_of(text, strlen(text)), &s);
		memcpy(c->octets + used, s.domain, s.domain_len);
		used += c->len[i] = s.domain_len;
	}
}

/* Names as they come, one in a hundred a slip of a protected one. Nanoseconds a scan, of the best pass. */
static double
scan_ns(const struct ruleset *rs, const char *slip)
{
	struct corpus *c = malloc(sizeof(*c));
	struct subject s = { 0 };
	double best = 1e9;
	unsigned hits = 0;

	need(c != NULL, "corpus");
	corpus_make(c, slip);
	for (int pass = 0; pass < PASSES; pass++) {
		const uint8_t *at = c->octets;
		double begin = now();
		for (unsigned i = 0; i < SCANNED; i++) {
			struct verdict v;
			memcpy(s.domain, at, c->len[i]);
			at += s.domain_len = c->len[i];
			match_address(rs, 0, &s, FIELD_RCPT, &v);
			hits += v.rule != NULL;
		}
		double took = (now() - begin) / SCANNED * 1e9;
		best = took < best ? took : best;
	}
	need(hits >= PASSES * SCANNED / 100, "slips that are found");
	free(c);
	return best;
}

/* Builds and loads rules.conf in the working directory, and prints one line. */
static void
measure(const char *label, const char *slip)
{
	const struct build_options options = { .generation = 1, .jobs = 1 };
	struct build_result r;
	struct rusage usage;
	char err[256];

	double begin = now();
	need(build_rules("rules.conf", &options, stderr, &r), "the rules");
	double built = now();
	getrusage(RUSAGE_SELF, &usage);
	struct ruleset *rs = ruleset_load(view_of(r.blob, r.blob_len), 1, err, sizeof(err));
	double loaded = now();
	need(rs != NULL, err);
	printf("| %-24s | %10u | %7.2f s | %7.2f s | %6.0f MB | %7.1f MB | %5.0f ns |\n", label,
	       r.lookalikes > 0 ? r.lookalikes : r.patterns, built - begin, loaded - built,
	       (double)usage.ru_maxrss / 1024, (double)r.blob_len / 1e6, scan_ns(rs, slip));
	fflush(stdout);
	ruleset_free(rs);
	build_result_free(&r);
}

static void
in_child(const char *label, const char *slip)
{
	pid_t child = fork();
	int status = 0;

	need(child >= 0, "fork");
	if (child == 0) {
		measure(label, slip);
		exit(EXIT_SUCCESS);
	}
	waitpid(child, &status, 0);
	need(WIFEXITED(status) && WEXITSTATUS(status) == 0, label);
}

static void
measure_protected(unsigned count)
{
	FILE *rules = fopen("rules.conf", "w");
	char name[256], label[64];

	need(rules != NULL, "rules.conf");
	fputs("protect hotmail.com mode=enforce\n", rules);
	for (unsigned i = 1; i < count; i++) {
		put_name(name);
		fprintf(rules, "protect %s id=n%u\n", name, i);
	}
	fclose(rules);
	snprintf(label, sizeof(label), "%u protected names", count);
	in_child(label, "hotmial.com");
}

static void
measure_list(unsigned count)
{
	FILE *list = fopen("block.list", "w"), *rules = fopen("rules.conf", "w");
	char name[256], label[64];

	need(list != NULL && rules != NULL, "block.list");
	fputs("include block.list action=reject\n", rules);
	fputs("hotmial.com\n", list);
	for (unsigned i = 1; i < count; i++) {
		put_name(name);
		fprintf(list, "%x.%s\n", i, name);
	}
	fclose(list);
	fclose(rules);
	snprintf(label, sizeof(label), "list of %u names", count);
	in_child(label, "hotmial.com");
}

int
main(int argc, char **argv)
{
	unsigned largest = argc > 1 ? (unsigned)atoi(argv[1]) : 10000;
	unsigned listed = argc > 2 ? (unsigned)atoi(argv[2]) : 5000000;
	char dir[] = "/tmp/postern-scale-XXXXXX";

	need(mkdtemp(dir) != NULL && chdir(dir) == 0, dir);
	printf("| rules                    |      names |   compile |      load |      peak |       blob |     scan "
	       "|\n");
	printf("| ------------------------ | ---------: | --------: | --------: | --------: | ---------: | -------: "
	       "|\n");
	fflush(stdout);
	for (unsigned n = 10; n <= largest; n *= 10)
		measure_protected(n);
	if (listed > 0)
		measure_list(listed);
	unlink("rules.conf");
	unlink("block.list");
	need(chdir("/") == 0 && rmdir(dir) == 0, dir);
	return EXIT_SUCCESS;
}
