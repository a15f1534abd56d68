/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From matches to one verdict: `allow` beats everything; then the most
 * specific pattern; then the gravest action; then the earlier rule. Pure.
 */
#ifndef POSTERN_VERDICT_VERDICT_H
#define POSTERN_VERDICT_VERDICT_H

#include "verdict/rule.h"

struct verdict {
	const struct rule *rule; /* NULL: pass */
	const struct pattern *pattern;
	enum action action;  /* what the rule says */
	enum action applied; /* what its mode lets happen: MODE_OBSERVE makes it ACTION_FLAG */
	const struct pattern
		*exempt;      /* why the domain is no lookalike, whatever it looks like; NULL: it is not exempt */
	uint16_t specificity; /* of the match of `pattern` */
	char means[128];      /* names that may be meant, best first; "": the pattern or rule says which */
};

void verdict_begin(struct verdict *v);

/* Takes a match of pattern `id` for `field` (FIELD_*) into account. Ids out of range are ignored. */
void verdict_consider(struct verdict *v, const struct rule_tables *t, uint32_t id, unsigned field);

/* The same for a name of `octets` that a pattern of many names matched. */
void verdict_consider_name(struct verdict *v, const struct rule_tables *t, uint32_t id, unsigned field,
			   uint16_t octets);

/* The same for the first of 1 to 4 candidates; the others are further names that may be meant. `octets` as above. */
void verdict_consider_candidates(struct verdict *v, const struct rule_tables *t, const uint32_t *ids, unsigned count,
				 unsigned field, uint16_t octets);

/* Its rule takes a sample of the flows. Pure. */
static inline bool
verdict_is_sampled(const struct verdict *v)
{
	return v->rule != NULL && v->rule->mode == MODE_SAMPLE;
}

/* Settles v->applied. `flow_hash` decides for MODE_SAMPLE, so that one flow is treated alike throughout; else it is not
 * used. */
void verdict_settle(struct verdict *v, uint32_t flow_hash);

const char *verdict_means(const struct verdict *v, const struct rule_tables *t); /* "" where none */
const char *verdict_class(const struct verdict *v, const struct rule_tables *t); /* "" where none */

#endif
