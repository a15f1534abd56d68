/* SPDX-License-Identifier: BSD-3-Clause */
#include "verdict/verdict.h"

void
verdict_begin(struct verdict *v)
{
	*v = (struct verdict){ .action = ACTION_PASS, .applied = ACTION_PASS };
}

/* True where a match of `p` outranks what v holds. */
static bool
outranks(const struct pattern *p, const struct verdict *v)
{
	const struct pattern *held = v->pattern;

	if (held == NULL)
		return true;
	if ((p->action == ACTION_ALLOW) != (held->action == ACTION_ALLOW))
		return p->action == ACTION_ALLOW;
	if (p->specificity != held->specificity)
		return p->specificity > held->specificity;
	if (p->action != held->action)
		return p->action > held->action;
	return p->rule < held->rule;
}

void
verdict_consider(struct verdict *v, const struct rule_tables *t, uint32_t id, unsigned field)
{
	if (id >= t->pattern_count)
		return;
	const struct pattern *p = &t->patterns[id];
	if (p->rule >= t->rule_count || p->action == ACTION_PASS || p->action >= ACTION_COUNT)
		return;
	if (!(t->rules[p->rule].fields & field) || !outranks(p, v))
		return;
	v->rule = &t->rules[p->rule];
	v->pattern = p;
	v->action = (enum action)p->action;
}

void
verdict_settle(struct verdict *v, uint32_t flow_hash)
{
	v->applied = v->action;
	if (v->rule == NULL || v->action == ACTION_ALLOW)
		return;
	bool enforced =
		v->rule->mode == MODE_ENFORCE || (v->rule->mode == MODE_SAMPLE && flow_hash % 100 < v->rule->sample);
	if (!enforced)
		v->applied = ACTION_FLAG;
}

const char *
verdict_means(const struct verdict *v, const struct rule_tables *t)
{
	if (v->rule == NULL)
		return "";
	const char *own = t->strings + v->pattern->means;
	return *own != '\0' ? own : t->strings + v->rule->means;
}

const char *
verdict_class(const struct verdict *v, const struct rule_tables *t)
{
	return v->rule == NULL ? "" : t->strings + v->pattern->class_name;
}
