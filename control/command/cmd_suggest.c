/* SPDX-License-Identifier: BSD-3-Clause */
/* postern suggest: what observed traffic says about protected names. Proposes; changes nothing. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "command/commands.h"
#include "command/hits.h"

static const char usage[] =
	"usage: postern suggest [options] [EVENTS... | -]\n"
	"\n"
	"Reads events, one JSON object a line (files, or standard input), and proposes lines for\n"
	"rule files: an exempt for each lookalike that so many different people are written to\n"
	"that it is a real name, and mode=enforce for protected names without any such. Nothing is\n"
	"applied: read them, and put what is right into your rules.\n"
	"\n"
	"  -p, --people N  different recipients that make a name a real one (default: 5)\n"
	"  -H, --hits      instead: hits and different recipients of each rule, class and domain\n"
	"  -h, --help      print this\n"
	"\n"
	"Exit status: 0 done; 1 a file cannot be read; 2 wrong usage.\n";

struct suggest {
	struct hits hits;
	unsigned people;
	bool list_hits;
};

static bool
read_path(struct suggest *t, const char *path)
{
	bool good = hits_read(&t->hits, path, false);

	if (!good)
		perror(path);
	return good;
}

static void
print_hits(const struct suggest *t)
{
	puts("rule\tclass\tdomain\thits\trecipients\tmeans");
	for (size_t i = 0; i < t->hits.count; i++)
		printf("%s\t%s\t%s\t%lu\t%u\t%s\n", t->hits.at[i].rule, t->hits.at[i].class_name, t->hits.at[i].domain,
		       t->hits.at[i].hits, t->hits.at[i].people_count, t->hits.at[i].means);
}

/* One rule's entries stand together: [from, to). */
static void
suggest_for_rule(const struct suggest *t, size_t from, size_t to)
{
	unsigned long hits = 0;
	bool real = false, observed = false;

	for (size_t i = from; i < to; i++) {
		const struct hits_entry *s = &t->hits.at[i];
		hits += s->hits;
		observed = observed || s->observed;
		if (s->people_count < t->people)
			continue;
		real = true;
		printf("exempt %s  # %u different recipients in %lu hits; %s of %s\n", s->domain, s->people_count,
		       s->hits, s->class_name, s->means);
	}
	if (observed && !real)
		printf("# %s: mode=enforce  # %lu hits on %zu names, none with %u different recipients\n",
		       t->hits.at[from].rule, hits, to - from, t->people);
}

static void
print_suggestions(const struct suggest *t)
{
	for (size_t from = 0, to; from < t->hits.count; from = to) {
		for (to = from + 1; to < t->hits.count && strcmp(t->hits.at[from].rule, t->hits.at[to].rule) == 0;)
			to++;
		suggest_for_rule(t, from, to);
	}
}

/* -1: go on; else the exit status. */
static int
parse_options(struct suggest *t, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "people", required_argument, NULL, 'p' },
		{ "hits", no_argument, NULL, 'H' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "p:Hh", longs, NULL)) != -1) {
		long n = opt == 'p' ? strtol(optarg, NULL, 10) : 1;
		if (opt == 'H')
			t->list_hits = true;
		else if (opt == 'p' && n >= 1 && n <= HITS_PEOPLE_MAX)
			t->people = (unsigned)n;
		else {
			fputs(usage, opt == 'h' ? stdout : stderr);
			return opt == 'h' ? EXIT_SUCCESS : 2;
		}
	}
	return -1;
}

int
cmd_suggest(int argc, char **argv)
{
	struct suggest t = { .hits.by = HITS_BY_NAME, .people = 5 };
	int status = parse_options(&t, argc, argv);

	if (status >= 0)
		return status;
	bool good = optind < argc || read_path(&t, "-");
	for (int i = optind; i < argc; i++)
		good = read_path(&t, argv[i]) && good;
	hits_sort(&t.hits);
	if (t.hits.left_out > 0)
		fprintf(stderr, "postern suggest: %lu events are left out: more than %u names\n", t.hits.left_out,
			HITS_ENTRIES_MAX);
	if (t.list_hits)
		print_hits(&t);
	else
		print_suggestions(&t);
	hits_free(&t.hits);
	return good && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
