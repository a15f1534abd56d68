/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From matches to one verdict: `allow` beats everything; then the most
 * specific pattern; then the gravest action; then the earlier rule. Pure.
 */
#ifndef POSTERN_VERDICT_VERDICT_H
#define POSTERN_VERDICT_VERDICT_H

#include "verdict/rule.h"

struct verdict {
	const struct rule *rule;       /* NULL: pass */
	const struct pattern *pattern;
	enum action action;            /* what the rule says */
	enum action applied;           /* what its mode lets happen: MODE_OBSERVE makes it ACTION_FLAG */
};

void verdict_begin(struct verdict *v);

/* Takes a match of pattern `id` for `field` (FIELD_*) into account. Ids out of range are ignored. */
void verdict_consider(struct verdict *v, const struct rule_tables *t, uint32_t id, unsigned field);

/* Settles v->applied. `flow_hash` decides for MODE_SAMPLE, so that one flow is treated alike throughout. */
void verdict_settle(struct verdict *v, uint32_t flow_hash);

const char *verdict_means(const struct verdict *v, const struct rule_tables *t);      /* "" where none */
const char *verdict_class(const struct verdict *v, const struct rule_tables *t);      /* "" where none */

#endif
