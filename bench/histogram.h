/* SPDX-License-Identifier: BSD-3-Clause */
/* Many times in little memory: buckets that are 1/64 of their value wide, so that a percentile is at most 1.6 % high.
 */
#ifndef POSTERN_BENCH_HISTOGRAM_H
#define POSTERN_BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
	HISTOGRAM_BITS = 6,
	HISTOGRAM_STEPS = 1 << HISTOGRAM_BITS,
	HISTOGRAM_BUCKETS = (64 - HISTOGRAM_BITS + 1) * HISTOGRAM_STEPS,
};

/* Values have the unit of whoever adds them. All zero is empty. */
struct histogram {
	uint64_t count[HISTOGRAM_BUCKETS];
	uint64_t total;
	uint64_t most;
};

/* The bucket of a value, and the largest value of a bucket. */
static inline unsigned
histogram_bucket(uint64_t value)
{
	if (value < HISTOGRAM_STEPS)
		return (unsigned)value;
	unsigned shift = 63 - HISTOGRAM_BITS - (unsigned)__builtin_clzll(value);
	return (shift << HISTOGRAM_BITS) + (unsigned)(value >> shift);
}

static inline uint64_t
histogram_edge(unsigned bucket)
{
	if (bucket < 2 * HISTOGRAM_STEPS)
		return bucket;
	unsigned shift = (bucket >> HISTOGRAM_BITS) - 1;
	return (((uint64_t)(bucket - (shift << HISTOGRAM_BITS)) + 1) << shift) - 1;
}

static inline void
histogram_add(struct histogram *h, uint64_t value)
{
	h->count[histogram_bucket(value)]++;
	h->total++;
	if (value > h->most)
		h->most = value;
}

/* A value that `share` (0 to 1) of all are not above; 0 where there are none. */
uint64_t histogram_at(const struct histogram *h, double share);

#endif
