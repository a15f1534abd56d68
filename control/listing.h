/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules of a rule set for people: what `postern show rules` prints. */
#ifndef POSTERN_CONTROL_LISTING_H
#define POSTERN_CONTROL_LISTING_H

#include <jansson.h>

#define LISTING_MAX 10000 /* patterns kept for listing; the rule set itself has no such limit */

/*
 * The first LISTING_MAX patterns of the rule set whose top file is `path`, as an array of {"id", "action", "field",
 * "kind", "pattern", "means", "mode", "at"}; "at" is FILE:LINE. Returns owned.
 */
json_t *listing_of(const char *path);

#endif
