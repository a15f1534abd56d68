/* SPDX-License-Identifier: BSD-3-Clause */
/* The two tables of sessions in shared memory (layout.h). Several workers write, the program reads at any time. */
#ifndef POSTERN_BPF_MARKS_H
#define POSTERN_BPF_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"

struct marks {
	struct steer_bucket *bucket; /* borrowed */
	uint32_t buckets;            /* a power of two */
	uint64_t seed;
};

/*
 * Writes a mark; one of the same key is renewed. Where the bucket is full, the
 * mark with the oldest stamp gives way, unless that is `keep` or later: then
 * false, and nothing changes.
 */
bool marks_put(struct marks *m, const struct steer_key *key, enum steer_state state, uint64_t stamp, uint64_t keep);
/* The mark of that key with that stamp, if any, is free again. */
void marks_remove(struct marks *m, const struct steer_key *key, uint64_t stamp);
/* Marks with a stamp of at least `since`. */
unsigned marks_count(const struct marks *m, uint64_t since);

#endif
