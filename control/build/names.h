/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of names (match/names.h): fingerprints with what they stand for, collected, sorted, laid out. */
#ifndef POSTERN_CONTROL_BUILD_NAMES_H
#define POSTERN_CONTROL_BUILD_NAMES_H

#include "match/lookalike.h"

struct name_entry {
	uint64_t fingerprint;
	uint32_t id; /* of a pattern or a suffix slip; rank decides among several of one fingerprint */
	uint32_t rank;
};

struct name_entries {
	struct name_entry *at;
	size_t count, cap;
};

/* Adds what `text` stands for; the lower rank is the better one. */
void name_entries_add(struct name_entries *e, enum names_kind kind, struct view text, uint32_t id, uint32_t rank);
void name_entries_add_fingerprint(struct name_entries *e, uint64_t fingerprint, uint32_t id, uint32_t rank);
void name_entries_free(struct name_entries *e);

struct names_built {
	struct names_line *lines; /* owned */
	uint32_t *groups;         /* owned */
	size_t line_count, group_count, name_count;
};

/*
 * Lays the entries out, sorting them. Of one fingerprint each id counts once,
 * the NAMES_GROUP_MAX best are kept. False: out of memory. names_built_free()
 * takes *out either way.
 */
bool names_build(struct name_entries *e, struct names_built *out);
void names_built_free(struct names_built *n);

#endif
