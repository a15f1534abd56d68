/* SPDX-License-Identifier: BSD-3-Clause */
/* One pair of names: how far apart, and what kind of slip leads from the one to the other. */
#ifndef POSTERN_CONTROL_LOOKALIKE_NEAR_H
#define POSTERN_CONTROL_LOOKALIKE_NEAR_H

#include "lookalike/lookalike.h"

/* Names longer than this are not compared; distances greater than NEAR_FAR are not told apart. */
#define NEAR_FAR 9

/* Edits and swaps between two whole names, at most NEAR_FAR. */
unsigned names_distance(struct view a, struct view b);

/*
 * The class by which `name` is a lookalike of `protected_name`, the likeliest
 * of several; SLIP_COUNT: by none. Every class counts, also those that are
 */
enum slip names_class(const struct suffixes *s, struct view name, struct view protected_name, unsigned layouts);

#endif
