/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Exact names in any number: a table of 64-bit fingerprints, one cache line a
 * bucket, made by the compiler of rules and read as it stands in the blob.
 * A fingerprint is taken from the end of a name, so that one pass yields that
 * of the domain and of every domain above it. Two different names share one
 * with a chance of 2^-64; of five million names, a foreign one is taken for
 * one of them once in 10^12 times. Pure, no heap.
 */
#ifndef POSTERN_MATCH_NAMES_H
#define POSTERN_MATCH_NAMES_H

#include "base/bytes.h"

#define NAMES_SLOTS 6
#define NAMES_NONE  UINT32_MAX

/* One bucket. Slots fill from the front; an empty one has the id NAMES_NONE. Little endian, in the blob. */
struct names_line {
	uint32_t low[NAMES_SLOTS];
	uint32_t id[NAMES_SLOTS];
	uint16_t high[NAMES_SLOTS];
	uint32_t more; /* not 0: what did not fit stands in the next line */
};
_Static_assert(sizeof(struct names_line) == 64, "a cache line");

/* No name is further from its bucket than this; the compiler makes the table larger where one would be. */
#define NAMES_REACH 32

/*
 * An id with this bit is the place of a group: a count, then as many ids, of
 * the patterns that a name stands for. Verified by ruleset/blob.c.
 */
#define NAMES_GROUP     0x80000000u
#define NAMES_GROUP_MAX 16

struct names {
	const struct names_line *lines;
	const uint32_t *groups;
	uint32_t count, group_count;
};

/* What a fingerprint stands for: the same text of two kinds has two fingerprints. */
enum names_kind { NAMES_DOMAIN = 1, NAMES_SUFFIX_SLIP, NAMES_SKELETON, NAMES_NEAR };

static inline uint64_t
names_begin(enum names_kind kind)
{
	return (uint64_t)kind * 0x9e3779b97f4a7c15ULL;
}

/* Takes the octet in front of those taken so far. */
static inline uint64_t
names_step(uint64_t state, uint8_t octet)
{
	state = (state ^ octet) * 0x9e3779b97f4a7c15ULL;
	return state ^ (state >> 29);
}

static inline uint64_t
names_end(uint64_t state)
{
	state = (state ^ (state >> 33)) * 0xff51afd7ed558ccdULL;
	state = (state ^ (state >> 33)) * 0xc4ceb9fe1a85ec53ULL;
	return state ^ (state >> 33);
}

static inline uint64_t
names_fingerprint(enum names_kind kind, struct view text)
{
	uint64_t state = names_begin(kind);

	for (size_t i = text.len; i > 0; i--)
		state = names_step(state, text.at[i - 1]);
	return names_end(state);
}

/* The bucket of a fingerprint in a table of `count` > 0: monotone in it. */
static inline uint32_t
names_bucket(uint64_t fingerprint, uint32_t count)
{
	return (uint32_t)(((unsigned __int128)fingerprint * count) >> 64);
}

/* Asks for the bucket of a fingerprint that will be looked up soon. */
static inline void
names_prefetch(const struct names *n, uint64_t fingerprint)
{
	if (n->count > 0)
		__builtin_prefetch(&n->lines[names_bucket(fingerprint, n->count)]);
}

/*
 * A small table of bits beside a large one of names: a fingerprint whose bit
 * is not set is not in the table, and that is most of them.
 */
#define NAMES_FILTER_BITS 16 /* for each name, so that one bit in sixteen is set */

struct names_filter {
	const uint64_t *words;
	uint32_t count; /* 0: every fingerprint passes */
};

/* The bit of a fingerprint: other digits than those of its bucket. */
static inline uint32_t
names_filter_bit(uint64_t fingerprint, uint32_t words)
{
	return (uint32_t)(((fingerprint & UINT32_MAX) * ((uint64_t)words * 64)) >> 32);
}

static inline bool
names_filter_passes(const struct names_filter *f, uint64_t fingerprint)
{
	if (f->count == 0)
		return true;
	uint32_t bit = names_filter_bit(fingerprint, f->count);
	return f->words[bit / 64] >> (bit % 64) & 1;
}

/* The id that stands for a fingerprint; NAMES_NONE: there is none. */
uint32_t names_find(const struct names *n, uint64_t fingerprint);

#endif
