/* SPDX-License-Identifier: BSD-3-Clause */
/* Chance for tests of properties: the same at every run, unless POSTERN_LONG or POSTERN_SEED says otherwise. */
#ifndef POSTERN_TESTS_CHANCE_H
#define POSTERN_TESTS_CHANCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static uint64_t random_state;

/* A number below n (xorshift64). */
static inline uint32_t
rnd(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 20) % n;
}

/* Part `n` of a run has a state of its own, so that it can be had without those before it. */
static inline void
random_begin(uint64_t seed, unsigned n)
{
	random_state = (seed + 1000003u * n) * 0x9e3779b97f4a7c15u | 1;
}

static inline uint64_t
from_environment(const char *name, uint64_t otherwise)
{
	const char *word = getenv(name);

	return word != NULL ? strtoull(word, NULL, 0) : otherwise;
}

/* The seed of this run, which is told. */
static inline uint64_t
seed_of_run(void)
{
	uint64_t seed = from_environment("POSTERN_SEED", getenv("POSTERN_LONG") != NULL ? (uint64_t)time(NULL) : 1);

	print_message("POSTERN_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

#endif
