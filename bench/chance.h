/* SPDX-License-Identifier: BSD-3-Clause */
/* Random numbers that are the same in every run: splitmix64. */
#ifndef POSTERN_BENCH_CHANCE_H
#define POSTERN_BENCH_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t
chance_of(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static inline uint64_t
chance(uint64_t *seed)
{
	return chance_of(*seed += 0x9e3779b97f4a7c15);
}

static inline uint64_t
chance_below(uint64_t *seed, uint64_t n)
{
	return chance(seed) % n;
}

/* True `per_cent` times of a hundred. */
static inline bool
chance_share(uint64_t *seed, double per_cent)
{
	return per_cent > 0 && (double)(chance(seed) >> 11) * 0x1p-53 * 100 < per_cent;
}

#endif
