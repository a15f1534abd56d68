/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules of a rule set for people: what `postern show rules` prints. */
#ifndef POSTERN_CONTROL_LISTING_H
#define POSTERN_CONTROL_LISTING_H

#include <jansson.h>

#define LISTING_MAX 10000 /* of each kind kept for listing; the rule set itself has no such limit */

struct build_result;

/*
 * The first LISTING_MAX protected names of the rule set whose top file is `path`, then its first LISTING_MAX patterns,
 * as an array of {"id", "action", "field", "kind", "pattern", "means", "mode", "at"}; "at" is FILE:LINE. A protected
 * name has the kind "protect", and besides {"classes", "group", "lookalikes"}: what classes= says, where it says
 * anything; its group, where it has one; its names in the table of `built` (borrowed), which was built of the same
 * files. Returns owned.
 */
json_t *listing_of(const char *path, const struct build_result *built);

#endif
