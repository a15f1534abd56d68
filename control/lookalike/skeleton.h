/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of match/skeleton.h, taken from ICU, and skeletons of ASCII names by it. */
#ifndef POSTERN_CONTROL_LOOKALIKE_SKELETON_H
#define POSTERN_CONTROL_LOOKALIKE_SKELETON_H

#include "match/skeleton.h"

/*
 * Every character that looks like one to three ASCII characters of a name
 * (Unicode TR39, marks dropped, case folded), ascending. Returns owned and
 * sets *count; NULL where ICU fails.
 */
struct confusable *confusables_make(size_t *count);

/* The skeleton of an ASCII name. Returns its octets; 0: it has A-labels, which have no twin. */
size_t skeleton_ascii(const struct confusable *table, size_t count, struct view name, uint8_t out[SKELETON_MAX]);

#endif
