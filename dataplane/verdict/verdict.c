/* SPDX-License-Identifier: BSD-3-Clause */
#include "verdict/verdict.h"

void
verdict_begin(struct verdict *v)
{
	v->rule = NULL;
	v->pattern = v->exempt = NULL;
	v->action = v->applied = ACTION_PASS;
	v->specificity = 0;
	v->means[0] = '\0';
}

/* True where a match of `p` outranks what v holds. */
static bool
outranks(const struct pattern *p, uint16_t specificity, const struct verdict *v)
{
	const struct pattern *held = v->pattern;

	if (held == NULL)
		return true;
	if ((p->action == ACTION_ALLOW) != (held->action == ACTION_ALLOW))
		return p->action == ACTION_ALLOW;
	if (specificity != v->specificity)
		return specificity > v->specificity;
	if (p->action != held->action)
		return p->action > held->action;
	return p->rule < held->rule;
}

void
verdict_consider_name(struct verdict *v, const struct rule_tables *t, uint32_t id, unsigned field, uint16_t octets)
{
	if (id >= t->pattern_count)
		return;
	const struct pattern *p = &t->patterns[id];
	if (p->rule >= t->rule_count || p->action == ACTION_PASS || p->action >= ACTION_COUNT)
		return;
	if (!(t->rules[p->rule].fields & field) || !outranks(p, octets, v))
		return;
	v->rule = &t->rules[p->rule];
	v->pattern = p;
	v->specificity = octets;
	v->action = (enum action)p->action;
	v->means[0] = '\0';
}

void
verdict_consider(struct verdict *v, const struct rule_tables *t, uint32_t id, unsigned field)
{
	if (id < t->pattern_count)
		verdict_consider_name(v, t, id, field, t->patterns[id].specificity);
}

/* Appends a name that may be meant, where there is room for all of it. */
static void
add_means(struct verdict *v, const char *name)
{
	size_t used = strlen(v->means), len = strlen(name);

	if (len == 0 || used + 1 + len >= sizeof(v->means))
		return;
	if (used > 0)
		v->means[used++] = ',';
	memcpy(v->means + used, name, len + 1);
}

void
verdict_consider_candidates(struct verdict *v, const struct rule_tables *t, const uint32_t *ids, unsigned count,
			    unsigned field, uint16_t octets)
{
	verdict_consider_name(v, t, ids[0], field, octets);
	if (ids[0] >= t->pattern_count || v->pattern != &t->patterns[ids[0]])
		return;
	for (unsigned i = 0; i < count && count > 1; i++)
		if (ids[i] < t->pattern_count)
			add_means(v, t->strings + t->patterns[ids[i]].means);
}

void
verdict_settle(struct verdict *v, uint32_t flow_hash)
{
	v->applied = v->action;
	if (v->rule == NULL || v->action == ACTION_ALLOW)
		return;
	bool enforced = v->rule->mode == MODE_ENFORCE || (verdict_is_sampled(v) && flow_hash % 100 < v->rule->sample);
	if (!enforced)
		v->applied = ACTION_FLAG;
}

const char *
verdict_means(const struct verdict *v, const struct rule_tables *t)
{
	if (v->rule == NULL)
		return "";
	if (v->means[0] != '\0')
		return v->means;
	const char *own = t->strings + v->pattern->means;
	return *own != '\0' ? own : t->strings + v->rule->means;
}

const char *
verdict_class(const struct verdict *v, const struct rule_tables *t)
{
	return v->rule == NULL ? "" : t->strings + v->pattern->class_name;
}
