/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which protected names a domain imitates, by tables made beforehand: slips
 * of the label stand in the table of names as they are; a slip of the suffix
 * is undone first ("gmial.con" is looked up as "gmial.com"), so that a suffix
 * stands once for all names under it; a label of another script is reduced to
 * its skeleton. Bounded, no heap.
 */
#ifndef POSTERN_MATCH_LOOKALIKE_H
#define POSTERN_MATCH_LOOKALIKE_H

#include "match/names.h"
#include "match/skeleton.h"
#include "verdict/rule.h"

/* Flags of a suffix slip. */
enum {
	SUFFIX_SLIP_LAST = 1,        /* no other reading of the same text follows */
	SUFFIX_SLIP_UNDELEGATED = 2, /* no mail can arrive there */
};

/* One reading of a suffix that is a slip: a record of the blob. */
struct suffix_slip_record {
	uint64_t state;   /* names_step() over the suffix that was meant and the dot before it */
	uint8_t slip;     /* class */
	uint8_t combined; /* class of this slip with one of the label; SLIP_NONE: they do not come together */
	uint8_t flags;
	uint8_t unused[5];
};

/* Readings of one text, at most; labels of a suffix, at most. */
#define SUFFIX_READINGS_MAX 32
#define SUFFIX_LABELS_MAX   6

struct lookalike_tables {
	struct names names;        /* domains */
	struct names index;        /* suffix slips, skeletons, rests of labels: small, so that it stays in the cache */
	struct names_filter rests; /* fingerprints of rests of labels in `index` */
	const struct suffix_slip_record *suffix_slips;
	const struct confusable *confusables;
	uint32_t suffix_slip_count, confusable_count;
	uint32_t slips; /* number of classes */
};

#define CANDIDATES_MAX 4

/* What was found; ids are indices of patterns. */
struct lookalike_found {
	uint32_t candidate[CANDIDATES_MAX]; /* best first */
	uint16_t octets[CANDIDATES_MAX];    /* of the domain that is the lookalike: all of it, or one above */
	unsigned candidates;
	const struct pattern *exempt; /* the domain is exempt from being a lookalike; NULL: it is not */
};

/* Called for each name of a list that `domain` is, or is below; `octets`: of that name. */
typedef void lookalike_listed(void *ctx, uint32_t id, uint16_t octets);

/*
 * Looks `domain` (canonical, without sentinels) up for a FIELD_* mask.
 * Candidates are empty where it is exempt. Pure.
 */
void lookalike_find(const struct lookalike_tables *l, const struct rule_tables *t, struct view domain, unsigned field,
		    lookalike_listed *listed, void *ctx, struct lookalike_found *found);

#endif
