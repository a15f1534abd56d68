/* SPDX-License-Identifier: BSD-3-Clause */
#include "lookalike/near.h"

#include "match/near.h"

struct question {
	struct view name;
	enum slip best;
};

/* By what the expander itself says, so that there is one definition of each class. */
static void
on_lookalike(void *ctx, const struct lookalike *l)
{
	struct question *q = ctx;

	if (view_equal(l->name, q->name) &&
	    (q->best == SLIP_COUNT || slip_info[l->slip].confidence > slip_info[q->best].confidence))
		q->best = l->slip;
}

/* The last octets of a name, as many as are compared. */
static struct view
tail_of(struct view name)
{
	size_t skip = name.len > NEAR_LABEL_MAX ? name.len - NEAR_LABEL_MAX : 0;

	return view_of(name.at + skip, name.len - skip);
}

unsigned
names_distance(struct view a, struct view b)
{
	unsigned d = near_distance(tail_of(a), tail_of(b), NEAR_FAR - 1);

	return d < NEAR_FAR ? d : NEAR_FAR;
}

static bool
is_two_edits(const struct suffixes *s, struct view name, struct view protected_name)
{
	struct name_parts a, b;

	return name_parts(s, name, &a) && name_parts(s, protected_name, &b) && a.sub.len == 0 && b.sub.len == 0 &&
	       view_equal(a.suffix, b.suffix) && b.label.len >= NEAR_LABEL_MIN &&
	       near_distance(a.label, b.label, 2) <= 2;
}

enum slip
names_class(const struct suffixes *s, struct view name, struct view protected_name, unsigned layouts)
{
	struct question q = { .name = name, .best = SLIP_COUNT };
	struct protection all = { .layouts = layouts };

	memset(all.policy, POLICY_OBSERVE, sizeof(all.policy));
	lookalike_expand(s, protected_name, &all, NULL, EXTENT_ALL, on_lookalike, &q);
	if (q.best == SLIP_COUNT && !view_equal(name, protected_name) && is_two_edits(s, name, protected_name))
		q.best = SLIP_TWO_EDITS;
	return q.best;
}
