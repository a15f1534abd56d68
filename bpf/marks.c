/* SPDX-License-Identifier: BSD-3-Clause */
#include "marks.h"

#include <stddef.h>

static uint32_t
state_of(const struct steer_mark *m)
{
	return __atomic_load_n(&m->state, __ATOMIC_ACQUIRE);
}

static struct steer_bucket *
bucket_of(const struct marks *m, const struct steer_key *key)
{
	return &m->bucket[steer_hash(key, m->seed) & (m->buckets - 1)];
}

static struct steer_mark *
find(struct steer_bucket *b, const struct steer_key *key)
{
	for (unsigned i = 0; i < STEER_WAYS; i++)
		if (state_of(&b->mark[i]) > STEER_BUSY && steer_same(&b->mark[i].key, key))
			return &b->mark[i];
	return NULL;
}

/* A place to write to: a free one, else the oldest before `keep`. NULL: none. */
static struct steer_mark *
choose(struct steer_bucket *b, uint64_t keep)
{
	struct steer_mark *oldest = NULL;

	for (unsigned i = 0; i < STEER_WAYS; i++) {
		struct steer_mark *m = &b->mark[i];
		uint32_t state = state_of(m);

		if (state == STEER_FREE)
			return m;
		if (state != STEER_BUSY && m->stamp < keep && (oldest == NULL || m->stamp < oldest->stamp))
			oldest = m;
	}
	return oldest;
}

/* Takes a place away from everybody else. NULL: there is none; another worker may have been faster once or twice. */
static struct steer_mark *
claim(struct steer_bucket *b, uint64_t keep)
{
	for (unsigned tries = 0; tries < 2 * STEER_WAYS; tries++) {
		struct steer_mark *m = choose(b, keep);
		uint32_t state;

		if (m == NULL)
			return NULL;
		state = state_of(m);
		if (state != STEER_BUSY && __atomic_compare_exchange_n(&m->state, &state, STEER_BUSY, false,
								       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return m;
	}
	return NULL;
}

bool
marks_put(struct marks *m, const struct steer_key *key, enum steer_state state, uint64_t stamp, uint64_t keep)
{
	struct steer_bucket *b = bucket_of(m, key);
	struct steer_mark *mark = find(b, key);

	if (mark == NULL)
		mark = claim(b, keep);
	if (mark == NULL)
		return false;
	mark->key = *key;
	mark->stamp = stamp;
	__atomic_store_n(&mark->state, state, __ATOMIC_RELEASE);
	return true;
}

void
marks_remove(struct marks *m, const struct steer_key *key, uint64_t stamp)
{
	struct steer_mark *mark = find(bucket_of(m, key), key);

	if (mark != NULL && mark->stamp == stamp)
		__atomic_store_n(&mark->state, STEER_FREE, __ATOMIC_RELEASE);
}

unsigned
marks_count(const struct marks *m, uint64_t since)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < m->buckets; i++)
		for (unsigned way = 0; way < STEER_WAYS; way++) {
			const struct steer_mark *mark = &m->bucket[i].mark[way];

			count += state_of(mark) > STEER_BUSY && mark->stamp >= since;
		}
	return count;
}
