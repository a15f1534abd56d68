/* SPDX-License-Identifier: BSD-3-Clause */
/* postern suggest: what observed traffic says about protected names. Proposes; changes nothing. */
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "match/names.h"

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

/* Recipients of one domain that are told apart. */
#define PEOPLE_MAX 64

struct seen {
	char *domain, *rule, *class_name, *means; /* owned */
	unsigned long hits;
	uint64_t people[PEOPLE_MAX]; /* fingerprints of addresses */
	unsigned people_count;
	bool observed; /* the rule would have done more than flag */
};

struct traffic {
	struct seen *at;
	size_t count, cap;
	unsigned people;
	bool list_hits;
};

static const char *
text_of(const json_t *event, const char *key)
{
	const char *text = json_string_value(json_object_get(event, key));

	return text != NULL ? text : "";
}

static char *
copy(const char *text)
{
	char *owned = strdup(text);

	if (owned == NULL)
		abort();
	return owned;
}

static struct seen *
seen_of(struct traffic *t, const char *domain, const char *rule, const char *class_name)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->at[i].domain, domain) == 0 && strcmp(t->at[i].rule, rule) == 0 &&
		    strcmp(t->at[i].class_name, class_name) == 0)
			return &t->at[i];
	if (t->count == t->cap) {
		t->cap = t->cap == 0 ? 64 : t->cap * 2;
		t->at = reallocarray(t->at, t->cap, sizeof(*t->at));
		if (t->at == NULL)
			abort();
	}
	struct seen *s = &t->at[t->count++];
	*s = (struct seen){ .domain = copy(domain), .rule = copy(rule), .class_name = copy(class_name) };
	return s;
}

static void
add_person(struct seen *s, const char *address)
{
	uint64_t person = names_fingerprint(NAMES_DOMAIN, view_of(address, strlen(address)));

	for (unsigned i = 0; i < s->people_count; i++)
		if (s->people[i] == person)
			return;
	if (s->people_count < PEOPLE_MAX)
		s->people[s->people_count++] = person;
}

/* Only events of lookalikes count: those have a class and say what was meant. */
static void
take_event(struct traffic *t, const json_t *event)
{
	const char *class_name = text_of(event, "class"), *means = text_of(event, "means");
	const char *action = text_of(event, "action");

	if (class_name[0] == '\0' || means[0] == '\0' || text_of(event, "domain")[0] == '\0')
		return;
	struct seen *s = seen_of(t, text_of(event, "domain"), text_of(event, "rule"), class_name);
	s->hits++;
	s->observed = s->observed || (strcmp(action, "flag") != 0 && strcmp(text_of(event, "verdict"), "flag") == 0);
	if (s->means == NULL)
		s->means = copy(means);
	add_person(s, text_of(event, "address"));
}

static bool
read_events(struct traffic *t, FILE *in)
{
	char *line = NULL;
	size_t cap = 0;

	for (ssize_t len; (len = getline(&line, &cap, in)) > 0;) {
		json_t *event = json_loadb(line, (size_t)len, 0, NULL);
		if (event != NULL)
			take_event(t, event);
		json_decref(event);
	}
	free(line);
	return !ferror(in);
}

static bool
read_path(struct traffic *t, const char *path)
{
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	bool good = in != NULL && read_events(t, in);

	if (!good)
		perror(path);
	if (in != NULL && in != stdin)
		fclose(in);
	return good;
}

static int
by_rule_then_people(const void *left, const void *right)
{
	const struct seen *a = left, *b = right;
	int c = strcmp(a->rule, b->rule);

	if (c == 0 && a->people_count != b->people_count)
		c = a->people_count > b->people_count ? -1 : 1;
	return c != 0 ? c : strcmp(a->domain, b->domain);
}

static void
print_hits(const struct traffic *t)
{
	puts("rule\tclass\tdomain\thits\trecipients\tmeans");
	for (size_t i = 0; i < t->count; i++)
		printf("%s\t%s\t%s\t%lu\t%u\t%s\n", t->at[i].rule, t->at[i].class_name, t->at[i].domain, t->at[i].hits,
		       t->at[i].people_count, t->at[i].means);
}

/* One rule's entries stand together: [from, to). */
static void
suggest_for_rule(const struct traffic *t, size_t from, size_t to)
{
	unsigned long hits = 0;
	bool real = false, observed = false;

	for (size_t i = from; i < to; i++) {
		const struct seen *s = &t->at[i];
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
		       t->at[from].rule, hits, to - from, t->people);
}

static void
print_suggestions(const struct traffic *t)
{
	for (size_t from = 0, to; from < t->count; from = to) {
		for (to = from + 1; to < t->count && strcmp(t->at[from].rule, t->at[to].rule) == 0;)
			to++;
		suggest_for_rule(t, from, to);
	}
}

/* -1: go on; else the exit status. */
static int
parse_options(struct traffic *t, int argc, char **argv)
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
		else if (opt == 'p' && n >= 1 && n <= PEOPLE_MAX)
			t->people = (unsigned)n;
		else {
			fputs(usage, opt == 'h' ? stdout : stderr);
			return opt == 'h' ? EXIT_SUCCESS : 2;
		}
	}
	return -1;
}

static void
traffic_free(struct traffic *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->at[i].domain);
		free(t->at[i].rule);
		free(t->at[i].class_name);
		free(t->at[i].means);
	}
	free(t->at);
}

int
cmd_suggest(int argc, char **argv)
{
	struct traffic t = { .people = 5 };
	int status = parse_options(&t, argc, argv);

	if (status >= 0)
		return status;
	bool good = optind < argc || read_path(&t, "-");
	for (int i = optind; i < argc; i++)
		good = read_path(&t, argv[i]) && good;
	if (t.count > 0)
		qsort(t.at, t.count, sizeof(*t.at), by_rule_then_people);
	if (t.list_hits)
		print_hits(&t);
	else
		print_suggestions(&t);
	traffic_free(&t);
	return good && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
