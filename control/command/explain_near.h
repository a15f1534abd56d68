/* SPDX-License-Identifier: BSD-3-Clause */
/* postern explain --near: the protected names closest to any given one. */
#ifndef POSTERN_CONTROL_EXPLAIN_NEAR_H
#define POSTERN_CONTROL_EXPLAIN_NEAR_H

#include <stdbool.h>

/* Prints name, protected name, distance and class, for the closest that the rules at `path` protect. False: said why.
 */
bool explain_near(const char *path, const char *name);

#endif
