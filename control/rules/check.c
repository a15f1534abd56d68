/* SPDX-License-Identifier: BSD-3-Clause */
#include <libpsl.h>
#include <stdlib.h>

#include "rules/check.h"

/* Sorting by what an index stands for needs the source. */
static int
by_id(const void *left, const void *right, void *ctx)
{
	const struct ruleset_source *s = ctx;
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	if (s->rules[a].id != s->rules[b].id)
		return s->rules[a].id < s->rules[b].id ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* Strings are interned: equal ids are equal offsets. */
static void
check_ids(const struct ruleset_source *s, struct messages *m)
{
	uint32_t *sorted = calloc(s->rule_count + 1, sizeof(*sorted));
	size_t n = 0;

	if (sorted == NULL)
		abort();
	for (uint32_t i = 0; i < s->rule_count; i++)
		if (!s->rules[i].named_by_us)
			sorted[n++] = i;
	qsort_r(sorted, n, sizeof(*sorted), by_id, (void *)(uintptr_t)s);
	for (size_t i = 1, first = 0; i < n; i++) {
		const struct source_rule *one = &s->rules[sorted[first]], *again = &s->rules[sorted[i]];
		if (one->id != again->id)
			first = i;
		else
			message_error(m, again->place,
				      "rule id \"%s\" is taken: it was first used at %s:%u:%u; expected another id",
				      source_string(s, one->id), s->files[one->place.file], one->place.line,
				      one->place.column);
	}
	free(sorted);
}

/* A name under which strangers register would take them all along. */
static void
check_suffixes(const struct ruleset_source *s, struct messages *m)
{
	const psl_ctx_t *psl = psl_builtin();

	for (size_t i = 0; i < s->pattern_count && psl != NULL; i++) {
		const struct source_pattern *p = &s->patterns[i];
		const char *domain = (const char *)source_text(s, p).at;
		if (p->kind == KIND_DOMAIN && !p->force &&
		    psl_is_public_suffix2(psl, domain, PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE))
			message_error(m, p->place,
				      "\"%s\" is a public suffix: the rule would judge every domain below it; "
				      "expected a longer domain, or force=yes",
				      domain);
	}
}

/* The domains of allow statements, sorted. */
struct allowed {
	const struct ruleset_source *source;
	const struct source_pattern **at;
	size_t count;
};

static int
by_text(const void *left, const void *right, void *ctx)
{
	const struct source_pattern *const *a = left, *const *b = right;

	return strcmp((const char *)source_text(ctx, *a).at, (const char *)source_text(ctx, *b).at);
}

static void
allowed_collect(struct allowed *all, const struct ruleset_source *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->pattern_count; i++)
		count += s->patterns[i].action == ACTION_ALLOW && s->patterns[i].kind == KIND_DOMAIN;
	*all = (struct allowed){ .source = s, .at = calloc(count + 1, sizeof(*all->at)) };
	if (all->at == NULL)
		abort();
	for (size_t i = 0; i < s->pattern_count; i++)
		if (s->patterns[i].action == ACTION_ALLOW && s->patterns[i].kind == KIND_DOMAIN)
			all->at[all->count++] = &s->patterns[i];
	qsort_r(all->at, count, sizeof(*all->at), by_text, (void *)(uintptr_t)s);
}

/* The first entry that is not less than `domain`. */
static size_t
lower_bound(const struct allowed *all, const char *domain)
{
	size_t low = 0, high = all->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (strcmp((const char *)source_text(all->source, all->at[mid]).at, domain) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* An allow of `domain` itself that covers all of `fields`; NULL: none. */
static const struct source_pattern *
find_allow(const struct allowed *all, const char *domain, unsigned fields)
{
	for (size_t i = lower_bound(all, domain); i < all->count; i++) {
		const struct source_pattern *p = all->at[i];
		if (strcmp((const char *)source_text(all->source, p).at, domain) != 0)
			return NULL;
		if ((all->source->rules[p->rule].fields & fields) == fields)
			return p;
	}
	return NULL;
}

/* The allow that makes a pattern idle: of its domain, or of one above; NULL: none. */
static const struct source_pattern *
covering_allow(const struct allowed *all, const struct source_pattern *p)
{
	const char *domain = (const char *)source_text(all->source, p).at;
	const struct source_pattern *found = NULL;

	if (p->kind == KIND_ADDRESS)
		domain = strrchr(domain, '@') + 1;
	while (found == NULL && domain != NULL) {
		found = find_allow(all, domain, all->source->rules[p->rule].fields);
		const char *dot = strchr(domain, '.');
		domain = dot != NULL ? dot + 1 : NULL;
	}
	return found;
}

static void
check_idle(const struct ruleset_source *s, struct messages *m)
{
	struct allowed all;

	allowed_collect(&all, s);
	for (size_t i = 0; i < s->pattern_count && all.count > 0; i++) {
		const struct source_pattern *p = &s->patterns[i];
		if (p->kind == KIND_REGEX || p->action == ACTION_ALLOW)
			continue;
		const struct source_pattern *allow = covering_allow(&all, p);
		if (allow != NULL)
			message_warning(m, p->place, "\"%s\" never matches: %s is allowed at %s:%u:%u",
					source_text(s, p).at, source_text(s, allow).at, s->files[allow->place.file],
					allow->place.line, allow->place.column);
	}
	free(all.at);
}

void
rules_check(const struct ruleset_source *source, struct messages *messages)
{
	check_ids(source, messages);
	check_suffixes(source, messages);
	check_idle(source, messages);
}
