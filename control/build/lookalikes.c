/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "build/lookalikes.h"
#include "lookalike/exempt.h"
#include "lookalike/expand.h"
#include "lookalike/skeleton.h"
#include "match/near.h"

struct building {
	struct ruleset_source *source;
	struct lookalikes_built *out;
	struct name_entries entries, index; /* of the two tables */
	struct suffixes *suffixes;
	uint64_t *rests; /* fingerprints */
	size_t rest_count, rest_cap;
	size_t pattern_cap, suffix_slip_cap;
	struct view *siblings;
	size_t sibling_count, sibling_cap;
	uint32_t class_names[SLIP_COUNT];
	/* the protected name being expanded */
	uint32_t base, number;
	struct view name;
};

/* Siblings of more suffixes than this would be guesses. */
#define SIBLINGS_MAX 64

static uint32_t
add_pattern(struct building *b, struct pattern p)
{
	struct lookalikes_built *out = b->out;

	out->patterns = source_grow(out->patterns, &b->pattern_cap, out->pattern_count, sizeof(*out->patterns));
	out->patterns[out->pattern_count] = p;
	return (uint32_t)out->pattern_count++;
}

static uint16_t
specificity_of(const struct source_pattern *p)
{
	switch ((enum pattern_kind)p->kind) {
	case KIND_ADDRESS:
		return (uint16_t)(SPECIFICITY_ADDRESS + p->len);
	case KIND_DOMAIN:
		return p->len;
	case KIND_REGEX:
	case KIND_COUNT:
		break;
	}
	return SPECIFICITY_REGEX;
}

static struct pattern
pattern_of(const struct source_pattern *p)
{
	return (struct pattern){ .rule = p->rule,
				 .means = p->means,
				 .class_name = p->class_name,
				 .specificity = specificity_of(p),
				 .action = p->action,
				 .confidence = p->confidence,
				 .slip = SLIP_NONE };
}

static bool
same_bulk(const struct source_pattern *a, const struct source_pattern *b)
{
	return b->kind == a->kind && a->rule == b->rule && a->means == b->means && a->class_name == b->class_name &&
	       a->action == b->action && a->confidence == b->confidence;
}

/* The patterns of rules, in their order; the names of a list share one. */
static void
take_rules(struct building *b)
{
	struct ruleset_source *s = b->source;
	const struct source_pattern *last = NULL;

	for (size_t i = 0; i < s->pattern_count; i++) {
		const struct source_pattern *p = &s->patterns[i];
		bool looked_up = p->bulk && p->kind == KIND_DOMAIN;
		if (last == NULL || !looked_up || !same_bulk(p, last))
			add_pattern(b, pattern_of(p));
		last = looked_up ? p : NULL;
		b->out->id_of[i] = (uint32_t)b->out->pattern_count - 1;
		if (looked_up)
			name_entries_add(&b->entries, NAMES_DOMAIN, source_text(s, p), b->out->id_of[i], 0);
	}
}

/* The block of a protected name: itself, its classes, its classes where the result has no top-level domain. */
static void
add_block(struct building *b, const struct source_protect *p, const struct protection *how, size_t letters, size_t sub)
{
	const struct source_rule *rule = &b->source->rules[p->rule];
	struct pattern blank = { .rule = p->rule,
				 .means = p->means,
				 .base = (uint32_t)b->out->pattern_count,
				 .specificity = p->len,
				 .action = ACTION_PASS,
				 .slip = SLIP_NONE };

	b->base = add_pattern(b, blank);
	for (int delegated = 1; delegated >= 0; delegated--)
		for (unsigned i = 0; i < SLIP_COUNT; i++) {
			size_t counted = i == SLIP_SUB_LABEL ? sub : letters;
			enum policy policy = guard_policy(how, (enum slip)i, counted, delegated);
			struct pattern slip = blank;
			slip.class_name = b->class_names[i];
			slip.slip = (uint8_t)i;
			slip.confidence = slip_info[i].confidence;
			slip.action = policy == POLICY_BLOCK ? rule->action : ACTION_FLAG;
			slip.flags = policy == POLICY_OFF ? PATTERN_IDLE : 0;
			if (slip_info[i].area == AREA_LABEL && i != SLIP_DOUBLE_SLIP)
				slip.flags |= PATTERN_LABEL;
			if (slip_is_common((enum slip)i))
				slip.flags |= PATTERN_COMMON;
			add_pattern(b, slip);
		}
}

static void
on_lookalike(void *ctx, const struct lookalike *l)
{
	struct building *b = ctx;
	uint32_t id = pattern_of_slip(b->base, (uint8_t)l->slip, !l->delegated, SLIP_COUNT);
	uint32_t rank = (l->policy == POLICY_BLOCK ? 0u : 1u << 24) + ((100u - slip_info[l->slip].confidence) << 16);

	name_entries_add(&b->entries, NAMES_DOMAIN, l->name, id, rank + (b->number < 0xffff ? b->number : 0xffff));
}

static void
add_skeleton(struct building *b, struct view name)
{
	uint8_t skeleton[SKELETON_MAX];
	size_t len = skeleton_ascii(b->out->confusables, b->out->confusable_count, name, skeleton);

	if (len > 0)
		name_entries_add(&b->index, NAMES_SKELETON, view_of(skeleton, len),
				 pattern_of_slip(b->base, SLIP_IDN_TWIN, false, SLIP_COUNT), 0);
}

/* Labels of names without sub-domain, and the suffix itself as a sign that there are any. */
static void
add_near(struct building *b, const struct name_parts *parts)
{
	uint32_t id = pattern_of_slip(b->base, SLIP_TWO_EDITS, false, SLIP_COUNT);
	uint64_t state = names_begin(NAMES_NEAR), rests[NEAR_RESTS_MAX];

	if (parts->sub.len > 0 || parts->label.len < NEAR_LABEL_MIN || parts->label.len > NEAR_LABEL_MAX ||
	    (b->out->patterns[id].flags & PATTERN_IDLE))
		return;
	name_entries_add(&b->index, NAMES_NEAR, parts->suffix, 0, 0);
	for (size_t i = parts->suffix.len; i > 0; i--)
		state = names_step(state, parts->suffix.at[i - 1]);
	unsigned count = near_rests(names_step(state, '.'), parts->label, rests);
	for (unsigned i = 0; i < count; i++) {
		name_entries_add_fingerprint(&b->index, rests[i], id, b->number);
		b->rests = source_grow(b->rests, &b->rest_cap, b->rest_count, sizeof(*b->rests));
		b->rests[b->rest_count++] = rests[i];
	}
}

static void
add_protect(struct building *b, const struct source_protect *p)
{
	const struct protection *how = &b->source->protections[p->protection];
	struct sibling_suffixes siblings = { b->siblings, b->sibling_count };
	struct name_parts parts;

	b->name = view_of(b->source->texts.at + p->text, p->len);
	if (!name_parts(b->suffixes, b->name, &parts))
		return;
	add_block(b, p, how, parts.label.len, parts.sub.len);
	name_entries_add(&b->entries, NAMES_DOMAIN, b->name, b->base, 0);
	lookalike_expand(b->suffixes, b->name, how, &siblings, EXTENT_TABLE, on_lookalike, b);
	add_skeleton(b, b->name);
	add_near(b, &parts);
	b->number++;
}

/* ---- suffixes ---- */

static int
by_text(const void *left, const void *right)
{
	const struct suffix_slip *a = left, *b = right;
	int c = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);

	return c != 0 ? c : (int)a->len - (int)b->len;
}

struct suffix_use {
	struct view suffix;
	unsigned layouts;
};

/* A slip of one suffix, with what was meant. */
struct meant {
	struct suffix_slip slip;
	struct view suffix;
};

struct meant_list {
	struct meant *at;
	size_t count, cap;
};

static int
by_slip(const void *left, const void *right)
{
	const struct meant *a = left, *b = right;
	int c = by_text(&a->slip, &b->slip);

	return c != 0 ? c : (int)a->slip.slip - (int)b->slip.slip;
}

static void
add_record(struct building *b, const struct meant *m, bool last)
{
	struct lookalikes_built *out = b->out;
	uint64_t state = names_begin(NAMES_DOMAIN);
	uint8_t combined = m->slip.combined == SLIP_COUNT ? SLIP_NONE : m->slip.combined;
	uint8_t flags = (uint8_t)((last ? SUFFIX_SLIP_LAST : 0) | (m->slip.delegated ? 0 : SUFFIX_SLIP_UNDELEGATED));

	for (size_t i = m->suffix.len; i > 0; i--)
		state = names_step(state, m->suffix.at[i - 1]);
	state = names_step(state, '.');
	out->suffix_slips =
		source_grow(out->suffix_slips, &b->suffix_slip_cap, out->suffix_slip_count, sizeof(*out->suffix_slips));
	out->suffix_slips[out->suffix_slip_count++] = (struct suffix_slip_record){
		.state = state, .slip = m->slip.slip, .combined = combined, .flags = flags
	};
}

/* The readings of each text in a row, its fingerprint leading to the first. */
static void
add_records(struct building *b, struct meant_list *all)
{
	qsort(all->at, all->count, sizeof(*all->at), by_slip);
	for (size_t from = 0, to; from < all->count; from = to) {
		for (to = from + 1; to < all->count && by_text(&all->at[from].slip, &all->at[to].slip) == 0;)
			to++;
		size_t end = to - from > SUFFIX_READINGS_MAX ? from + SUFFIX_READINGS_MAX : to;
		name_entries_add(&b->index, NAMES_SUFFIX_SLIP, suffix_slip_text(&all->at[from].slip),
				 (uint32_t)b->out->suffix_slip_count, 0);
		for (size_t i = from; i < end; i++)
			add_record(b, &all->at[i], i + 1 == end);
	}
}

static void
add_suffix(struct building *b, struct meant_list *all, const struct suffix_use *use)
{
	struct suffix_slips slips;

	suffix_slips_make(&slips, b->suffixes, use->suffix, use->layouts);
	for (size_t i = 0; i < slips.count; i++) {
		if (slips.at[i].slip == SLIP_SUFFIX_SWAPPED)
			continue; /* it leads to the busiest suffixes: those names stand in the table */
		all->at = source_grow(all->at, &all->cap, all->count, sizeof(*all->at));
		all->at[all->count++] = (struct meant){ .slip = slips.at[i], .suffix = use->suffix };
	}
	suffix_slips_free(&slips);
}

static int
by_suffix(const void *left, const void *right)
{
	const struct suffix_use *a = left, *b = right;
	int c = memcmp(a->suffix.at, b->suffix.at, a->suffix.len < b->suffix.len ? a->suffix.len : b->suffix.len);

	return c != 0 ? c : (int)a->suffix.len - (int)b->suffix.len;
}

/* Each suffix of a protected name once, with the layouts of all names under it. */
static size_t
collect_suffixes(struct building *b, struct suffix_use *uses)
{
	struct ruleset_source *s = b->source;
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < s->protect_count; i++) {
		struct view name = view_of(s->texts.at + s->protects[i].text, s->protects[i].len);
		uses[count++] = (struct suffix_use){ suffixes_of(b->suffixes, name),
						     s->protections[s->protects[i].protection].layouts };
	}
	qsort(uses, count, sizeof(*uses), by_suffix);
	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && view_equal(uses[kept - 1].suffix, uses[i].suffix))
			uses[kept - 1].layouts |= uses[i].layouts;
		else
			uses[kept++] = uses[i];
	}
	return kept;
}

static void
add_suffixes(struct building *b)
{
	struct suffix_use *uses = calloc(b->source->protect_count + 1, sizeof(*uses));
	struct meant_list all = { 0 };

	if (uses == NULL)
		abort();
	size_t count = collect_suffixes(b, uses);
	for (size_t i = 0; i < count; i++) {
		add_suffix(b, &all, &uses[i]);
		b->siblings = source_grow(b->siblings, &b->sibling_cap, b->sibling_count, sizeof(*b->siblings));
		if (b->sibling_count < SIBLINGS_MAX)
			b->siblings[b->sibling_count++] = uses[i].suffix;
	}
	add_records(b, &all);
	free(all.at);
	free(uses);
}

/* ---- exemptions ---- */

static void
add_exempt(struct building *b, struct view name, uint32_t rule)
{
	struct pattern p = { .rule = rule, .specificity = (uint16_t)name.len, .slip = SLIP_NONE };

	name_entries_add(&b->entries, NAMES_DOMAIN, name, add_pattern(b, p), 0);
}

static void
on_registry(void *ctx, struct view suffix)
{
	struct building *b = ctx;

	add_exempt(b, suffix, b->base);
}

/* Registries in which no stranger gets a name, and what the files say. */
static void
add_exempts(struct building *b)
{
	struct ruleset_source *s = b->source;
	struct source_rule rule = { .id = source_intern(s, view_of("exempt:registries", 17)),
				    .action = ACTION_ALLOW,
				    .fields = FIELDS_ALL,
				    .mode = MODE_ENFORCE,
				    .named_by_us = true };

	b->base = source_add_rule(s, &rule);
	exempt_registries(b->suffixes, on_registry, b);
	for (size_t i = 0; i < s->exempt_count; i++)
		add_exempt(b, view_of(s->texts.at + s->exempts[i].text, s->exempts[i].len), s->exempts[i].rule);
}

static void
make_filter(struct building *b)
{
	struct lookalikes_built *out = b->out;

	out->rest_words = (b->rest_count * NAMES_FILTER_BITS / 64 + 64) / 64 * 64;
	out->rests = calloc(out->rest_words, sizeof(*out->rests));
	if (out->rests == NULL)
		abort();
	for (size_t i = 0; i < b->rest_count; i++) {
		uint32_t bit = names_filter_bit(b->rests[i], (uint32_t)out->rest_words);
		out->rests[bit / 64] |= 1ULL << (bit % 64);
	}
}

static bool
build_protects(struct building *b, struct messages *m)
{
	struct lookalikes_built *out = b->out;

	b->suffixes = suffixes_load(NULL);
	out->confusables = confusables_make(&out->confusable_count);
	if (b->suffixes == NULL || out->confusables == NULL) {
		message_error(m, (struct place){ 0 }, "%s cannot be read: protected names need it",
			      b->suffixes == NULL ? "the list of public suffixes"
						  : "ICU's list of confusable characters");
		return false;
	}
	for (unsigned i = 0; i < SLIP_COUNT; i++)
		b->class_names[i] = source_intern(b->source, view_of(slip_info[i].name, strlen(slip_info[i].name)));
	add_exempts(b);
	add_suffixes(b);
	for (size_t i = 0; i < b->source->protect_count; i++)
		add_protect(b, &b->source->protects[i]);
	make_filter(b);
	return true;
}

/* One name of the table, and the rules for which it is a slip; what also stands there in its own right is none. */
static void
count_name(struct lookalikes_built *out, uint32_t id)
{
	const uint32_t *group = id & NAMES_GROUP ? out->names.groups + (id & ~NAMES_GROUP) : NULL;
	const uint32_t *ids = group != NULL ? group + 1 : &id;
	uint32_t n = group != NULL ? group[0] : 1, last = UINT32_MAX;

	for (uint32_t i = 0; i < n; i++)
		if (out->patterns[ids[i]].slip == SLIP_NONE)
			return;
	for (uint32_t i = 0; i < n; i++) {
		const struct pattern *p = &out->patterns[ids[i]];
		if (p->rule != last)
			out->names_of[last = p->rule]++;
	}
}

static void
count_names(const struct building *b)
{
	struct lookalikes_built *out = b->out;

	out->names_of = calloc(b->source->rule_count + 1, sizeof(*out->names_of));
	if (out->names_of == NULL)
		abort();
	for (size_t i = 0; i < b->entries.count; i++)
		count_name(out, b->entries.at[i].id);
}

bool
lookalikes_build(struct ruleset_source *s, struct lookalikes_built *out, struct messages *m)
{
	struct building b = { .source = s, .out = out };

	*out = (struct lookalikes_built){ .id_of = calloc(s->pattern_count + 1, sizeof(*out->id_of)) };
	if (out->id_of == NULL)
		abort();
	take_rules(&b);
	bool good = s->protect_count == 0 || build_protects(&b, m);
	if (good && !(names_build(&b.entries, &out->names) && names_build(&b.index, &out->index))) {
		message_error(m, (struct place){ 0 }, "out of memory for the table of names");
		good = false;
	}
	if (good && s->protect_count > 0)
		count_names(&b);
	name_entries_free(&b.entries);
	name_entries_free(&b.index);
	suffixes_free(b.suffixes);
	free(b.siblings);
	free(b.rests);
	return good;
}

void
lookalikes_free(struct lookalikes_built *l)
{
	free(l->patterns);
	free(l->id_of);
	free(l->suffix_slips);
	free(l->confusables);
	free(l->rests);
	free(l->names_of);
	names_built_free(&l->names);
	names_built_free(&l->index);
}
