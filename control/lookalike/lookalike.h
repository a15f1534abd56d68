/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lookalikes: from one protected name to every slip of it that matters.
 * Pure computation over canonical names (smtp/domain.h), made for the
 * compiler of rules and for the commands that explain them.
 */
#ifndef POSTERN_CONTROL_LOOKALIKE_H
#define POSTERN_CONTROL_LOOKALIKE_H

#include "smtp/domain.h"

struct suffixes;

/* What of the name a class edits. */
enum slip_area { AREA_LABEL, AREA_LABEL2, AREA_SUB, AREA_SUFFIX, AREA_DOTS, AREA_BOTH, AREA_SIBLING, AREA_IDN };

enum slip {
#define SLIP(id, ...) SLIP_##id,
#include "class.def"
#undef SLIP
	SLIP_COUNT
};

/* What a class does where it matches: nothing, an event, the action of the protected name. */
enum policy { POLICY_OFF, POLICY_OBSERVE, POLICY_BLOCK, POLICY_GUARD /* by the table of class.def */ };

struct slip_info {
	const char *name, *guard, *definition, *of, *example, *source;
	enum slip_area area;
	uint8_t confidence, distance;
};
extern const struct slip_info slip_info[SLIP_COUNT];

/* SLIP_COUNT where the word names none. */
enum slip slip_of(struct view word);
const char *policy_name(enum policy p);
/* POLICY_GUARD where the word names none. */
enum policy policy_of(struct view word);

/* How a name is protected. */
struct protection {
	unsigned layouts;           /* mask of LAYOUT_BIT, keyboard.h */
	uint8_t policy[SLIP_COUNT]; /* enum policy */
};
/* qwerty, and every class by its guard. */
void protection_default(struct protection *p);

/* A name in its parts; borrowed from the name. "us.army.mil": us, army, mil. */
struct name_parts {
	struct view name, sub, label, suffix; /* sub may be empty */
};
/* False where the name has no registrable label: a public suffix, or a single label. */
bool name_parts(const struct suffixes *s, struct view name, struct name_parts *parts);

/* One slip of one protected name. */
struct lookalike {
	struct view name; /* canonical; borrowed, valid during the call */
	enum slip slip;
	enum policy policy; /* OBSERVE or BLOCK */
	bool delegated;     /* its top-level domain exists */
};
typedef void lookalike_sink(void *ctx, const struct lookalike *l);

/* Suffixes of all protected names, for the class "sibling". */
struct sibling_suffixes {
	const struct view *at;
	size_t count;
};

/* Which lookalikes are wanted. */
enum extent {
	EXTENT_ALL,   /* every one */
	EXTENT_TABLE, /* those that stand in the table of names: of suffix slips only "suffix-swapped", see
			 suffix_slips_make() */
};

/*
 * Calls `sink` for every lookalike of `name` whose class is not off, a name
 * once for each class that yields it, or more often. Never the name itself,
 * never what cannot be a name, never a public suffix with a dot. AREA_IDN and
 * AREA_LABEL2 are not listed: the former is matched by skeleton (skeleton.h),
 * the latter by distance.
 */
void lookalike_expand(const struct suffixes *s, struct view name, const struct protection *p,
		      const struct sibling_suffixes *siblings, enum extent extent, lookalike_sink *sink, void *ctx);

/* Why a slip does not count. */
enum refusal {
	REFUSED_PROTECTED,  /* it is a protected name, or below one */
	REFUSED_EXEMPT,     /* it is exempt, or below an exempt name */
	REFUSED_REGISTRY,   /* it is in a registry that has no strangers, exempt.h */
	REFUSED_SHORT,      /* the label has too few letters for the class, see guard_policy() */
	REFUSED_SUFFIX,     /* it is a public suffix, under which anybody has names */
	REFUSED_IMPOSSIBLE, /* no such name can exist */
	REFUSAL_COUNT
};
typedef void refusal_sink(void *ctx, struct view name, enum slip slip, enum refusal why);

/*
 * The same expansion for the sake of what it leaves out: `refused` gets each
 * slip that is SHORT, SUFFIX or IMPOSSIBLE, `sink` the others. A class that
 * was turned off is not mentioned. Two slips at once are left out.
 */
void lookalike_refusals(const struct suffixes *s, struct view name, const struct protection *p,
			const struct sibling_suffixes *siblings, lookalike_sink *sink, refusal_sink *refused,
			void *ctx);

/* The policy of a class for a label of `letters`; `delegated`: the result's top-level domain exists. */
enum policy guard_policy(const struct protection *p, enum slip slip, size_t letters, bool delegated);
/* The class is off by its guard, and would not be for a label of more letters. */
bool guard_wants_letters(const struct protection *p, enum slip slip, size_t letters);

#endif
