/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of the expansion. Private to control/lookalike and its tests. */
#ifndef POSTERN_CONTROL_LOOKALIKE_EXPAND_H
#define POSTERN_CONTROL_LOOKALIKE_EXPAND_H

#include "lookalike/edits.h"
#include "lookalike/lookalike.h"
#include "lookalike/suffix.h"

/* The edits that make the classes of AREA_LABEL; the first COMMON_EDITS are the slips that people make most. */
#define LABEL_EDITS  18
#define COMMON_EDITS 5
struct label_edit {
	enum slip slip;
	edit *edit;
};
extern const struct label_edit label_edits[LABEL_EDITS];
bool slip_is_common(enum slip slip);

/* Octets of the longest suffix that is edited. */
#define SUFFIX_MAX 63

/* One slip of a suffix. */
struct suffix_slip {
	uint8_t text[SUFFIX_MAX];
	uint8_t len;
	uint8_t slip;     /* enum slip */
	bool delegated;   /* its top-level domain exists */
	uint8_t combined; /* class of this slip with one of the label; SLIP_COUNT: none */
};

struct suffix_slips {
	struct suffix_slip *at;
	size_t count, cap;
};

static inline struct view
suffix_slip_text(const struct suffix_slip *s)
{
	return view_of(s->text, s->len);
}

/* The suffixes of the family of `suffix`, for "suffix-swapped". */
void suffix_slips_swapped(struct suffix_slips *out, const struct suffixes *s, struct view suffix);

/* Every slip of `suffix`, each text once for a class. suffix_slips_free() takes *out. */
void suffix_slips_make(struct suffix_slips *out, const struct suffixes *s, struct view suffix, unsigned layouts);
void suffix_slips_free(struct suffix_slips *s);

/* DNS and IDNA let such a name exist: labels of 1 to 63 octets, hyphens inside them, a last label with a letter. */
bool name_possible(struct view name);

#endif
