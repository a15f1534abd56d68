/* SPDX-License-Identifier: BSD-3-Clause */
#include "splice/owners.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

#include "flow/hash.h"

/* A connection stands in one of WINDOW words from its place on; SPARE words for each keep windows from filling. */
enum { WINDOW = 16, SPARE = 4, WORKER_BITS = 8 };

#define WORKER_MASK ((1u << WORKER_BITS) - 1)

/* A word: a mark of the key, and the worker plus one; 0: free. */
struct owners {
	struct flow_secret place, mark;
	uint32_t mask;
	_Atomic uint64_t word[];
};

struct owners *
owners_new(unsigned connections)
{
	uint32_t words = WINDOW;

	while (words < connections * SPARE)
		words *= 2;
	struct owners *o = calloc(1, sizeof *o + words * sizeof o->word[0]);
	if (o == NULL)
		return NULL;
	o->mask = words - 1;
	if (getrandom(&o->place, sizeof o->place, 0) != (ssize_t)sizeof o->place ||
	    getrandom(&o->mark, sizeof o->mark, 0) != (ssize_t)sizeof o->mark) {
		free(o);
		return NULL;
	}
	return o;
}

void
owners_free(struct owners *o)
{
	free(o);
}

static uint64_t
mark_of(const struct owners *o, const struct flow_key *key)
{
	return (uint64_t)flow_hash(key, &o->mark) << WORKER_BITS;
}

static _Atomic uint64_t *
word_at(struct owners *o, const struct flow_key *key, unsigned i)
{
	return &o->word[((uint32_t)flow_hash(key, &o->place) + i) & o->mask];
}

/* Another worker's claim of the same connection. */
static bool
is_contested(struct owners *o, const struct flow_key *key, uint64_t mine)
{
	for (unsigned i = 0; i < WINDOW; i++) {
		uint64_t word = atomic_load(word_at(o, key, i));
		if (word != mine && (word & WORKER_MASK) != 0 && (word ^ mine) >> WORKER_BITS == 0)
			return true;
	}
	return false;
}

bool
owners_claim(struct owners *o, const struct flow_key *key, unsigned worker)
{
	uint64_t mine = mark_of(o, key) | (worker + 1);

	for (unsigned i = 0; i < WINDOW; i++) {
		uint64_t none = 0;
		if (!atomic_compare_exchange_strong(word_at(o, key, i), &none, mine))
			continue;
		/* Looked at behind the claim: of two that claim at once, one at least sees the other. */
		if (!is_contested(o, key, mine))
			return true;
		atomic_store(word_at(o, key, i), 0);
		return false;
	}
	return false;
}

void
owners_drop(struct owners *o, const struct flow_key *key, unsigned worker)
{
	for (unsigned i = 0; i < WINDOW; i++) {
		uint64_t mine = mark_of(o, key) | (worker + 1);
		if (atomic_compare_exchange_strong(word_at(o, key, i), &mine, 0))
			return;
	}
}

int
owners_find(const struct owners *o, const struct flow_key *key)
{
	uint64_t mark = mark_of(o, key);

	for (unsigned i = 0; i < WINDOW; i++) {
		uint32_t at = ((uint32_t)flow_hash(key, &o->place) + i) & o->mask;
		uint64_t word = atomic_load_explicit(&o->word[at], memory_order_acquire);
		if ((word & WORKER_MASK) != 0 && (word ^ mark) >> WORKER_BITS == 0)
			return (int)(word & WORKER_MASK) - 1;
	}
	return -1;
}
