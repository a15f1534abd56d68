/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "build/refusals.h"
#include "lookalike/exempt.h"
#include "match/names.h"

static const char *const reasons[REFUSAL_COUNT] = {
	[REFUSED_PROTECTED] = "protected",
	[REFUSED_EXEMPT] = "exempt",
	[REFUSED_REGISTRY] = "exempt by exempt:registries",
	[REFUSED_SHORT] = "too few letters before the suffix",
	[REFUSED_SUFFIX] = "a bare public suffix",
	[REFUSED_IMPOSSIBLE] = "no possible name",
};

/* A name that no slip may be, with all below it. */
struct spared {
	uint64_t fingerprint;
	uint32_t rule;
	uint8_t why; /* enum refusal */
};

/* One refusal of the protected name at hand; its text in `texts`. */
struct refused {
	uint64_t fingerprint;
	size_t text;
	uint32_t by; /* offset of an id; 0: none */
	uint16_t len;
	uint8_t slip, why;
};

struct refusals {
	const struct ruleset_source *source;
	struct suffixes *suffixes;
	struct registries *registries;
	struct spared *spared;
	struct refused *at;
	char *texts;
	size_t spared_count, spared_cap, count, cap, text_len, text_cap;
	unsigned long total[REFUSAL_COUNT];
	FILE *out;
};

static int
by_fingerprint(const void *left, const void *right)
{
	const struct spared *a = left, *b = right;

	return a->fingerprint < b->fingerprint ? -1 : a->fingerprint > b->fingerprint;
}

static void
spare(struct refusals *r, uint32_t text, uint16_t len, uint32_t rule, enum refusal why)
{
	uint64_t fingerprint = names_fingerprint(NAMES_DOMAIN, view_of(r->source->texts.at + text, len));

	r->spared = source_grow(r->spared, &r->spared_cap, r->spared_count, sizeof(*r->spared));
	r->spared[r->spared_count++] = (struct spared){ fingerprint, rule, (uint8_t)why };
}

static void
spare_all(struct refusals *r)
{
	const struct ruleset_source *s = r->source;

	for (size_t i = 0; i < s->protect_count; i++)
		spare(r, s->protects[i].text, s->protects[i].len, s->protects[i].rule, REFUSED_PROTECTED);
	for (size_t i = 0; i < s->exempt_count; i++)
		spare(r, s->exempts[i].text, s->exempts[i].len, s->exempts[i].rule, REFUSED_EXEMPT);
	qsort(r->spared, r->spared_count, sizeof(*r->spared), by_fingerprint);
}

/* What spares `name`, or the longest name above it; NULL: nothing. */
static const struct spared *
spared_by(const struct refusals *r, struct view name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (i > 0 && name.at[i - 1] != '.')
			continue;
		struct spared key = { .fingerprint =
					      names_fingerprint(NAMES_DOMAIN, view_of(name.at + i, name.len - i)) };
		const struct spared *found =
			bsearch(&key, r->spared, r->spared_count, sizeof(*r->spared), by_fingerprint);
		if (found != NULL)
			return found;
	}
	return NULL;
}

static void
note(struct refusals *r, struct view name, enum slip slip, enum refusal why, uint32_t by)
{
	while (r->text_cap < r->text_len + name.len)
		r->texts = source_grow(r->texts, &r->text_cap, r->text_cap, 1);
	memcpy(r->texts + r->text_len, name.at, name.len);
	r->at = source_grow(r->at, &r->cap, r->count, sizeof(*r->at));
	r->at[r->count++] = (struct refused){ .fingerprint = names_fingerprint(NAMES_DOMAIN, name),
					      .text = r->text_len,
					      .by = by,
					      .len = (uint16_t)name.len,
					      .slip = (uint8_t)slip,
					      .why = (uint8_t)why };
	r->text_len += name.len;
}

static void
on_refusal(void *ctx, struct view name, enum slip slip, enum refusal why)
{
	note(ctx, name, slip, why, 0);
}

static void
on_lookalike(void *ctx, const struct lookalike *l)
{
	struct refusals *r = ctx;
	const struct spared *by = spared_by(r, l->name);

	if (by != NULL)
		note(r, l->name, l->slip, (enum refusal)by->why, r->source->rules[by->rule].id);
	else if (registries_cover(r->registries, l->name))
		note(r, l->name, l->slip, REFUSED_REGISTRY, 0);
}

/* By reason and class; equal names beside each other. */
static int
by_reason(const void *left, const void *right)
{
	const struct refused *a = left, *b = right;

	if (a->why != b->why)
		return a->why - b->why;
	if (a->slip != b->slip)
		return a->slip - b->slip;
	return a->fingerprint < b->fingerprint ? -1 : a->fingerprint > b->fingerprint;
}

static void
print_one(struct refusals *r, const struct refused *f, const char *protected_name)
{
	const char *by = source_string(r->source, f->by);

	fprintf(r->out, "refused %.*s, %s of %s: %s", (int)f->len, r->texts + f->text, slip_info[f->slip].name,
		protected_name, reasons[f->why]);
	fprintf(r->out, "%s%s\n", by[0] != '\0' ? " by " : "", by);
}

/* The refusals of one protected name, each once. */
static void
print_name(struct refusals *r, const char *protected_name)
{
	if (r->count > 0)
		qsort(r->at, r->count, sizeof(*r->at), by_reason);
	for (size_t i = 0; i < r->count; i++) {
		if (i > 0 && by_reason(&r->at[i - 1], &r->at[i]) == 0)
			continue;
		if (r->total[r->at[i].why]++ < REFUSALS_SHOWN)
			print_one(r, &r->at[i], protected_name);
	}
	r->count = r->text_len = 0;
}

static void
print_totals(const struct refusals *r)
{
	unsigned long all = 0;

	for (unsigned i = 0; i < REFUSAL_COUNT; i++)
		all += r->total[i];
	fprintf(r->out, "%lu slips refused", all);
	for (unsigned i = 0; i < REFUSAL_COUNT; i++)
		if (r->total[i] > 0)
			fprintf(r->out, "; %s: %lu%s", reasons[i], r->total[i],
				r->total[i] > REFUSALS_SHOWN ? " (the first shown)" : "");
	fputc('\n', r->out);
}

void
refusals_print(const struct ruleset_source *s, FILE *out)
{
	struct refusals r = { .source = s, .out = out, .suffixes = s->protect_count > 0 ? suffixes_load(NULL) : NULL };

	r.registries = r.suffixes != NULL ? registries_make(r.suffixes) : NULL;
	if (r.registries != NULL) {
		spare_all(&r);
		for (size_t i = 0; i < s->protect_count; i++) {
			const struct source_protect *p = &s->protects[i];
			lookalike_refusals(r.suffixes, view_of(s->texts.at + p->text, p->len),
					   &s->protections[p->protection], NULL, on_lookalike, on_refusal, &r);
			print_name(&r, source_string(s, p->means));
		}
		print_totals(&r);
	}
	registries_free(r.registries);
	suffixes_free(r.suffixes);
	free(r.spared);
	free(r.at);
	free(r.texts);
}
