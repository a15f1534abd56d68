/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "build/names.h"
#include "rules/source.h"

/* Names a bucket, on average: of six slots, so that few spill over. */
#define FILL_TENTHS 46

void
name_entries_add_fingerprint(struct name_entries *e, uint64_t fingerprint, uint32_t id, uint32_t rank)
{
	e->at = source_grow(e->at, &e->cap, e->count, sizeof(*e->at));
	e->at[e->count++] = (struct name_entry){ .fingerprint = fingerprint, .id = id, .rank = rank };
}

void
name_entries_add(struct name_entries *e, enum names_kind kind, struct view text, uint32_t id, uint32_t rank)
{
	name_entries_add_fingerprint(e, names_fingerprint(kind, text), id, rank);
}

void
name_entries_free(struct name_entries *e)
{
	free(e->at);
	*e = (struct name_entries){ 0 };
}

/* Sorts by fingerprint: a radix sort by its upper 32 bits, then insertion where those agree. */
#define DIGIT_BITS 11
#define DIGITS     3

static unsigned
digit_of(const struct name_entry *e, int d)
{
	return (unsigned)(e->fingerprint >> (31 + DIGIT_BITS * d)) & ((1u << DIGIT_BITS) - 1);
}

static void
sort_digit(const struct name_entry *from, struct name_entry *to, size_t count, int d)
{
	size_t start[(1 << DIGIT_BITS) + 1] = { 0 };

	for (size_t i = 0; i < count; i++)
		start[digit_of(&from[i], d) + 1]++;
	for (unsigned i = 0; i < 1u << DIGIT_BITS; i++)
		start[i + 1] += start[i];
	for (size_t i = 0; i < count; i++)
		to[start[digit_of(&from[i], d)]++] = from[i];
}

static bool
entry_before(const struct name_entry *a, const struct name_entry *b)
{
	if (a->fingerprint != b->fingerprint)
		return a->fingerprint < b->fingerprint;
	return a->rank != b->rank ? a->rank < b->rank : a->id < b->id;
}

static int
compare(const void *left, const void *right)
{
	return entry_before(left, right) ? -1 : entry_before(right, left);
}

static bool
sort_entries(struct name_entries *e)
{
	struct name_entry *other = malloc((e->count + 1) * sizeof(*other));

	if (other == NULL)
		return false;
	for (int d = 0; d < DIGITS; d++) {
		sort_digit(e->at, other, e->count, d);
		struct name_entry *swap = e->at;
		e->at = other;
		other = swap;
	}
	e->cap = e->count + 1;
	free(other);
	for (size_t from = 0, to; from < e->count; from = to) {
		for (to = from + 1; to < e->count && e->at[to].fingerprint >> 31 == e->at[from].fingerprint >> 31;)
			to++;
		if (to - from > 1)
			qsort(e->at + from, to - from, sizeof(*e->at), compare);
	}
	return true;
}

/* Ids of the entries [from, to), which share a fingerprint: each once, best first. Returns how many. */
static uint32_t
distinct_ids(const struct name_entries *e, size_t from, size_t to, uint32_t ids[NAMES_GROUP_MAX])
{
	uint32_t n = 0;

	for (size_t i = from; i < to && n < NAMES_GROUP_MAX; i++) {
		uint32_t k = 0;
		while (k < n && ids[k] != e->at[i].id)
			k++;
		if (k == n)
			ids[n++] = e->at[i].id;
	}
	return n;
}

/* Turns entries into one for each fingerprint, whose id may be that of a group. */
static bool
group_entries(struct name_entries *e, struct names_built *out)
{
	size_t kept = 0, cap = 0;

	for (size_t from = 0, to; from < e->count; from = to) {
		uint32_t ids[NAMES_GROUP_MAX];
		for (to = from + 1; to < e->count && e->at[to].fingerprint == e->at[from].fingerprint;)
			to++;
		uint32_t n = distinct_ids(e, from, to, ids), id = ids[0];
		if (n > 1) {
			id = NAMES_GROUP | (uint32_t)out->group_count;
			while (out->group_count + n + 1 > cap) {
				cap = cap == 0 ? 1024 : cap * 2;
				out->groups = reallocarray(out->groups, cap, sizeof(*out->groups));
				if (out->groups == NULL)
					return false;
			}
			out->groups[out->group_count] = n;
			memcpy(out->groups + out->group_count + 1, ids, n * sizeof(*ids));
			out->group_count += n + 1;
		}
		e->at[kept] = e->at[from];
		e->at[kept++].id = id;
	}
	e->count = kept;
	out->name_count = kept;
	return true;
}

/* Puts an entry into its bucket, or the next that has room. False: that is too far away. */
static bool
put_entry(struct names_built *out, const struct name_entry *e)
{
	uint32_t at = names_bucket(e->fingerprint, (uint32_t)out->line_count);

	for (int reach = 0; reach < NAMES_REACH; reach++) {
		struct names_line *line = &out->lines[at];
		for (int i = 0; i < NAMES_SLOTS; i++) {
			if (line->id[i] != NAMES_NONE)
				continue;
			line->low[i] = (uint32_t)e->fingerprint;
			line->high[i] = (uint16_t)(e->fingerprint >> 32);
			line->id[i] = e->id;
			return true;
		}
		line->more = 1;
		at = at + 1 < out->line_count ? at + 1 : 0;
	}
	return false;
}

static bool
fill_lines(const struct name_entries *e, struct names_built *out)
{
	free(out->lines);
	out->lines = malloc(out->line_count * sizeof(*out->lines));
	if (out->lines == NULL)
		return false;
	for (size_t i = 0; i < out->line_count; i++) {
		memset(&out->lines[i], 0, sizeof(out->lines[i]));
		memset(out->lines[i].id, 0xff, sizeof(out->lines[i].id));
	}
	for (size_t i = 0; i < e->count; i++)
		if (!put_entry(out, &e->at[i])) {
			out->line_count += out->line_count / 4 + 1;
			return fill_lines(e, out);
		}
	return true;
}

bool
names_build(struct name_entries *e, struct names_built *out)
{
	*out = (struct names_built){ 0 };
	if (e->count == 0)
		return true;
	if (!sort_entries(e) || !group_entries(e, out))
		return false;
	out->line_count = e->count * 10 / FILL_TENTHS + 1;
	return fill_lines(e, out);
}

void
names_built_free(struct names_built *n)
{
	free(n->lines);
	free(n->groups);
	*n = (struct names_built){ 0 };
}
