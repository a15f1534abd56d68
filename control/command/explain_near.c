/* SPDX-License-Identifier: BSD-3-Clause */
#include "command/explain_near.h"

#include <stdio.h>
#include <stdlib.h>

#include "lookalike/near.h"
#include "lookalike/suffix.h"
#include "rules/names.h"
#include "rules/parser.h"

/* Names that are printed. */
#define CLOSEST 5

struct neighbour {
	const struct source_protect *protect;
	unsigned distance;
};

/* By distance, then by the operator's order. */
static int
by_distance(const void *left, const void *right)
{
	const struct neighbour *a = left, *b = right;

	if (a->distance != b->distance)
		return a->distance < b->distance ? -1 : 1;
	return a->protect < b->protect ? -1 : a->protect > b->protect;
}

static void
print_closest(const struct ruleset_source *rules, struct neighbour *all, const struct suffixes *s, struct view name)
{
	qsort(all, rules->protect_count, sizeof(*all), by_distance);
	for (size_t i = 0; i < rules->protect_count && i < CLOSEST && all[i].distance < NEAR_FAR; i++) {
		const struct source_protect *p = all[i].protect;
		struct view known = view_of(rules->texts.at + p->text, p->len);
		enum slip slip = names_class(s, name, known, rules->protections[p->protection].layouts);
		printf("%.*s\t%.*s\t%u\t%s\n", (int)name.len, name.at, (int)known.len, known.at, all[i].distance,
		       slip < SLIP_COUNT ? slip_info[slip].name : "-");
	}
}

static bool
compare_all(const struct ruleset_source *rules, struct view name)
{
	struct neighbour *all = calloc(rules->protect_count + 1, sizeof(*all));
	struct suffixes *s = suffixes_load(NULL);
	bool good = all != NULL && s != NULL;

	for (size_t i = 0; i < rules->protect_count && good; i++) {
		const struct source_protect *p = &rules->protects[i];
		all[i] = (struct neighbour){ p, names_distance(name, view_of(rules->texts.at + p->text, p->len)) };
	}
	if (good)
		print_closest(rules, all, s, name);
	else
		fputs("postern explain: out of memory, or no list of public suffixes\n", stderr);
	suffixes_free(s);
	free(all);
	return good;
}

bool
explain_near(const char *path, const char *name)
{
	uint8_t canonical[DOMAIN_MAX];
	char why[NAME_WHY_MAX];
	size_t len = name_domain(view_of(name, strlen(name)), canonical, why);
	struct ruleset_source rules;
	struct messages messages = { 0 };

	if (len == 0) {
		fprintf(stderr, "postern explain: \"%s\" is no domain: %s\n", name, why);
		return false;
	}
	source_init(&rules);
	rules_parse(path, &rules, &messages);
	messages_print(&messages, &rules, stderr);
	bool good = messages.errors == 0 && compare_all(&rules, view_of(canonical, len));
	if (good && rules.protect_count == 0)
		fprintf(stderr, "postern explain: %s protects no name\n", path);
	messages_free(&messages);
	source_free(&rules);
	return good;
}
