/* SPDX-License-Identifier: BSD-3-Clause */
/* Which slips of protected names do not count, and why, for the operator who wonders. */
#ifndef POSTERN_CONTROL_BUILD_REFUSALS_H
#define POSTERN_CONTROL_BUILD_REFUSALS_H

#include <stdio.h>

#include "rules/source.h"

/* Lines for each reason; all are counted. */
#define REFUSALS_SHOWN 100

/*
 * Expands every protected name of `s` and prints what is refused: "refused
 * NAME, CLASS of PROTECTED: why" a line, at most REFUSALS_SHOWN for a reason,
 * then a line with how many there are of each. A name counts once for a class
 * and a protected name. Two slips at once and suffixes of other
 * protected names are not gone through.
 */
void refusals_print(const struct ruleset_source *s, FILE *out);

#endif
