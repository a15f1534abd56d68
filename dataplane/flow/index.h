/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hash index of the flow table: from a hash to pool indices. A bucket is
 * one cache line of eight 16-bit signatures and eight 32-bit indices; what
 * does not fit goes into overflow buckets chained behind it. Knows no flows.
 */
#ifndef POSTERN_FLOW_INDEX_H
#define POSTERN_FLOW_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define FLOW_NONE UINT32_MAX
#define FLOW_WAYS 8

struct flow_bucket {
	_Alignas(64) uint16_t signature[FLOW_WAYS]; /* 0: the way is free; free ways come last in a chain */
	uint32_t slot[FLOW_WAYS];
	uint32_t next; /* overflow bucket, FLOW_NONE: the last */
};

struct flow_index {
	struct flow_bucket *bucket; /* a power of two of them, then the overflow buckets */
	uint64_t mask;
	uint32_t spare; /* first free overflow bucket */
	size_t octets;
};

/* Room for `capacity` entries. False: no memory. At start only: allocates. */
bool flow_index_init(struct flow_index *ix, uint32_t capacity);
void flow_index_free(struct flow_index *ix);

/* Adds an entry; never fails while there are at most `capacity`. */
void flow_index_add(struct flow_index *ix, uint64_t hash, uint32_t slot);
/* Takes the entry out; it must be there. */
void flow_index_remove(struct flow_index *ix, uint64_t hash, uint32_t slot);

static inline struct flow_bucket *
flow_index_bucket(const struct flow_index *ix, uint64_t hash)
{
	return &ix->bucket[hash & ix->mask];
}

static inline uint16_t
flow_index_signature(uint64_t hash)
{
	uint16_t s = (uint16_t)(hash >> 48);
	return s == 0 ? 1 : s;
}

/* Eight signatures side by side. */
typedef uint16_t flow_signatures __attribute__((vector_size(16)));

/* Bit i is set where way i has the signature. */
static inline unsigned
flow_bucket_match(const struct flow_bucket *b, uint16_t signature)
{
	flow_signatures all;

	memcpy(&all, b->signature, sizeof(all));
#ifdef __SSE2__
	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16((__m128i)(all == signature), _mm_setzero_si128()));
#else
	const flow_signatures bit = { 1, 2, 4, 8, 16, 32, 64, 128 };
	uint64_t half[2];

	all = (flow_signatures)(all == signature) & bit;
	memcpy(half, &all, sizeof(half));
	/* The lanes hold different bits: one multiplication adds all four of a half into its highest lane. */
	return (unsigned)((half[0] | half[1]) * UINT64_C(0x0001000100010001) >> 48);
#endif
}

#endif
