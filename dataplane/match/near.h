/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Labels within two edits of a protected one. What is left of the first
 * letters of a label when up to two of them are taken away stands in the table
 * of names; two labels within two edits have such a rest in common, so that a
 * few look-ups find every candidate, and a second look at each measures the
 * distance. Pure, no heap.
 */
#ifndef POSTERN_MATCH_NEAR_H
#define POSTERN_MATCH_NEAR_H

#include "base/bytes.h"

/* Letters of the label whose rests are kept; rests of so many letters: 1 + 7 + 21. */
#define NEAR_PREFIX    7
#define NEAR_RESTS_MAX 29
/* Labels that are compared. */
#define NEAR_LABEL_MIN 6
#define NEAR_LABEL_MAX 63

/*
 * The fingerprints of the rests of `label` under the suffix that `state` is
 * the names_step() of (dot included, begun as NAMES_NEAR). Returns how many.
 */
unsigned near_rests(uint64_t state, struct view label, uint64_t out[NEAR_RESTS_MAX]);

/*
 * Letters lost, added or replaced, and neighbours swapped, that make `a` of
 * `b` (optimal string alignment); `max` + 1 where there are more. Labels of at
 * most NEAR_LABEL_MAX octets.
 */
unsigned near_distance(struct view a, struct view b, unsigned max);

#endif
