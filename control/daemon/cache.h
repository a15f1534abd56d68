/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Compiled rule sets on disk, by what they were compiled from. An entry is one file KEY.ruleset that appears by
 * rename, so a reader sees all of it or nothing; what is damaged counts as absent and is removed. Losing the whole
 * directory costs one compilation and nothing else. Used by one process at a time.
 */
#ifndef POSTERN_CONTROL_CACHE_H
#define POSTERN_CONTROL_CACHE_H

#include <stdbool.h>

#include "base/bytes.h"

#define CACHE_KEY_LEN 65 /* SHA-256 in hex, and NUL */

/*
 * The key of a rule set: SHA-256 over names and contents of its files (as build_rule_files() lists them: a name that
 * ends in '/' is a directory, of which the name alone counts), operator name, blob layout, engine version, CPU
 * features, and this program. A file that cannot be read counts as such: whether that is an error, the build says.
 */
void cache_key(char *const *files, size_t n, const char *operator_name, char key[CACHE_KEY_LEN]);

struct cache_entry {
	struct view listing; /* what goes with the blob, for people: JSON */
	struct view blob;    /* mapped private: may be written to, the file stays */
	void *map;
	size_t map_len;
};

/* Looks `key` up in directory `dir` and marks it as used. False where it is absent or damaged. */
bool cache_get(const char *dir, const char *key, struct cache_entry *e);
void cache_release(struct cache_entry *e);

/* Keeps blob and listing, then prunes to the `entries` used last. 0 or a negated errno; the cache stays sound. */
int cache_put(const char *dir, const char *key, struct view listing, struct view blob, unsigned entries);

/*
 * The number last handed out, kept in `dir` so that generations rise across restarts; 0 where none is kept.
 * cache_generation_keep returns 0 or a negated errno.
 */
uint64_t cache_generation(const char *dir);
int cache_generation_keep(const char *dir, uint64_t generation);

#endif
