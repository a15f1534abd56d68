/* SPDX-License-Identifier: BSD-3-Clause */
#include "match/lookalike.h"
#include "match/near.h"

/* Labels of a domain that are looked up, from its end. */
#define TAILS_MAX 16

struct search {
	const struct lookalike_tables *l;
	const struct rule_tables *t;
	struct view domain;
	unsigned field;
	lookalike_listed *listed;
	void *ctx;
	struct lookalike_found *found;
};

/* True where candidate a is to be named before b: what acts, then what is likelier, longer, earlier. */
static bool
before(const struct pattern *a, const struct pattern *b)
{
	bool a_acts = a->action != ACTION_FLAG, b_acts = b->action != ACTION_FLAG;

	if (a_acts != b_acts)
		return a_acts;
	if (a->confidence != b->confidence)
		return a->confidence > b->confidence;
	if (a->specificity != b->specificity)
		return a->specificity > b->specificity;
	return a->rule < b->rule;
}

/* The place of the candidate that imitates the same name; found->candidates: none. */
static unsigned
same_name(const struct search *s, uint32_t base)
{
	unsigned i = 0;

	while (i < s->found->candidates && s->t->patterns[s->found->candidate[i]].base != base)
		i++;
	return i;
}

static void
add_candidate(const struct search *s, uint32_t id, size_t from)
{
	const struct pattern *p = &s->t->patterns[id];
	struct lookalike_found *f = s->found;

	if ((p->flags & PATTERN_IDLE) || !(s->t->rules[p->rule].fields & s->field))
		return;
	unsigned at = same_name(s, p->base);
	bool is_new = at == f->candidates;
	if (is_new && at < CANDIDATES_MAX)
		f->candidates++;
	else if (!before(p, &s->t->patterns[f->candidate[at -= is_new]]))
		return;
	for (; at > 0 && before(p, &s->t->patterns[f->candidate[at - 1]]); at--) {
		f->candidate[at] = f->candidate[at - 1];
		f->octets[at] = f->octets[at - 1];
	}
	f->candidate[at] = id;
	f->octets[at] = (uint16_t)(s->domain.len - from);
}

/* The protected name itself: first of its own block. */
static bool
is_protected_name(const struct pattern *p, uint32_t id)
{
	return p->slip == SLIP_NONE && p->base != 0 && p->base == id;
}

/* The patterns that an id of a table stands for: itself, or those of its group. Returns how many. */
static uint32_t
patterns_of(const struct search *s, const struct names *n, const uint32_t *id, const uint32_t **ids)
{
	uint32_t group = *id & ~NAMES_GROUP;

	*ids = id;
	if (!(*id & NAMES_GROUP))
		return *id < s->t->pattern_count;
	if (*id == NAMES_NONE || group >= n->group_count)
		return 0;
	*ids = n->groups + group + 1;
	return n->groups[group];
}

/* A slip without a dot stands for itself only: where it is a top-level domain, others live below it. */
static bool
covers(const struct search *s, size_t from)
{
	return from == 0 || memchr(s->domain.at + from, '.', s->domain.len - from) != NULL;
}

static void
on_name(const struct search *s, uint32_t id, size_t from)
{
	const struct pattern *p = &s->t->patterns[id];

	if (p->action == ACTION_PASS) {
		/* A protected name says why by itself. */
		if ((s->t->rules[p->rule].fields & s->field) && (s->found->exempt == NULL || p->base != 0))
			s->found->exempt = p;
	} else if (p->slip == SLIP_NONE)
		s->listed(s->ctx, id, (uint16_t)(s->domain.len - from));
	else if (covers(s, from))
		add_candidate(s, id, from);
}

/* What stands before `end`, octet by octet: the domain and every domain above it that has a fingerprint. */
struct tails {
	uint64_t fingerprint[TAILS_MAX];
	size_t from[TAILS_MAX];
	unsigned count;
};

/* Takes the fingerprints of domain[i, end) for each label at i, and asks for their buckets. */
static void
take_tails(const struct search *s, uint64_t state, size_t end, struct tails *t)
{
	struct view d = s->domain;

	t->count = 0;
	for (size_t i = end; i > 0 && t->count < TAILS_MAX; i--) {
		state = names_step(state, d.at[i - 1]);
		if (i > 1 && d.at[i - 2] != '.')
			continue;
		t->fingerprint[t->count] = names_end(state);
		t->from[t->count] = i - 1;
		names_prefetch(&s->l->names, t->fingerprint[t->count++]);
	}
}

/* The domain and every domain above it, as they stand. */
static void
find_names(const struct search *s)
{
	struct tails t;

	take_tails(s, names_begin(NAMES_DOMAIN), s->domain.len, &t);
	for (unsigned i = 0; i < t.count; i++) {
		uint32_t id = names_find(&s->l->names, t.fingerprint[i]);
		const uint32_t *ids;
		for (uint32_t n = patterns_of(s, &s->l->names, &id, &ids); n > 0; n--, ids++)
			on_name(s, *ids, t.from[i]);
	}
}

/* `id` was found for the domain with its suffix put right. */
static void
on_righted(const struct search *s, uint32_t id, size_t from, const struct suffix_slip_record *r)
{
	const struct pattern *p = &s->t->patterns[id];
	bool undelegated = r->flags & SUFFIX_SLIP_UNDELEGATED;

	if (is_protected_name(p, id))
		add_candidate(s, pattern_of_slip(p->base, r->slip, undelegated, s->l->slips), from);
	else if ((p->flags & (undelegated ? PATTERN_LABEL : PATTERN_COMMON)) && !(p->flags & PATTERN_IDLE) &&
		 r->combined != SLIP_NONE)
		add_candidate(s, pattern_of_slip(p->base, r->combined, undelegated, s->l->slips), from);
}

/* What stands before the suffix at `from`, with the suffix that was meant. */
static void
find_righted(const struct search *s, const struct tails *t, const struct suffix_slip_record *r)
{
	for (unsigned i = 0; i < t->count; i++) {
		uint32_t id = names_find(&s->l->names, t->fingerprint[i]);
		const uint32_t *ids;
		for (uint32_t n = patterns_of(s, &s->l->names, &id, &ids); n > 0; n--, ids++)
			on_righted(s, *ids, t->from[i], r);
	}
}

/* The suffix that begins at `from`, in each of its readings. */
static void
find_readings(const struct search *s, size_t from, uint64_t fingerprint)
{
	uint32_t at = names_find(&s->l->index, fingerprint);

	if (at == NAMES_NONE)
		return;
	/* One reading ahead, so that its buckets are on their way while this one is looked up. */
	const struct suffix_slip_record *r = s->l->suffix_slips + at;
	struct tails tails[2];
	if (at >= s->l->suffix_slip_count)
		return;
	take_tails(s, r->state, from - 1, &tails[0]);
	for (uint32_t n = 0; n < SUFFIX_READINGS_MAX && at + n < s->l->suffix_slip_count; n++, r++) {
		bool last = (r->flags & SUFFIX_SLIP_LAST) || at + n + 1 == s->l->suffix_slip_count;
		if (!last)
			take_tails(s, r[1].state, from - 1, &tails[(n + 1) & 1]);
		find_righted(s, &tails[n & 1], r);
		if (last)
			return;
	}
}

static void
find_suffix_slips(const struct search *s)
{
	struct view d = s->domain;
	uint64_t state = names_begin(NAMES_SUFFIX_SLIP);
	unsigned labels = 0;

	for (size_t i = d.len; i > 1 && labels < SUFFIX_LABELS_MAX; i--) {
		state = names_step(state, d.at[i - 1]);
		if (d.at[i - 2] != '.')
			continue;
		labels++;
		find_readings(s, i - 1, names_end(state));
	}
}

/* A candidate of the index, compared: `p` stands for a name "label.suffix" whose suffix is that of the domain. */
static void
compare(const struct search *s, uint32_t id, struct view label, size_t from)
{
	const struct pattern *p = &s->t->patterns[id];
	const uint8_t *name = (const uint8_t *)s->t->strings + p->means;
	size_t len = 0;

	while (name[len] != '\0' && name[len] != '.')
		len++;
	if (p->slip != SLIP_NONE && near_distance(label, view_of(name, len), 2) <= 2)
		add_candidate(s, id, from);
}

/* Labels before the suffix at `from`, which a protected name has. */
static void
find_near(const struct search *s, size_t from)
{
	uint64_t state = names_begin(NAMES_NEAR), rests[NEAR_RESTS_MAX];
	size_t begin = from - 1;

	while (begin > 0 && s->domain.at[begin - 1] != '.')
		begin--;
	struct view label = view_of(s->domain.at + begin, from - 1 - begin);
	if (label.len + 2 < NEAR_LABEL_MIN || label.len > NEAR_LABEL_MAX)
		return;
	for (size_t i = s->domain.len; i >= from; i--) /* the dot, too */
		state = names_step(state, s->domain.at[i - 1]);
	unsigned count = near_rests(state, label, rests);
	for (unsigned i = 0; i < count; i++) {
		if (!names_filter_passes(&s->l->rests, rests[i]))
			continue;
		uint32_t id = names_find(&s->l->index, rests[i]);
		const uint32_t *ids;
		for (uint32_t n = patterns_of(s, &s->l->index, &id, &ids); n > 0; n--, ids++)
			compare(s, *ids, label, begin);
	}
}

/* The index is asked only under suffixes of protected names that are in it: their names are in the table, too. */
static void
find_two_edits(const struct search *s)
{
	struct view d = s->domain;
	uint64_t state = names_begin(NAMES_NEAR);
	unsigned labels = 0;

	for (size_t i = d.len; i > 1 && labels < SUFFIX_LABELS_MAX; i--) {
		state = names_step(state, d.at[i - 1]);
		if (d.at[i - 2] != '.')
			continue;
		labels++;
		if (names_find(&s->l->index, names_end(state)) != NAMES_NONE)
			find_near(s, i - 1);
	}
}

static void
find_skeleton(const struct search *s)
{
	uint8_t skeleton[SKELETON_MAX];
	size_t len = skeleton_of(s->l->confusables, s->l->confusable_count, s->domain, skeleton);
	uint64_t state = names_begin(NAMES_SKELETON);

	for (size_t i = len; i > 0; i--) {
		state = names_step(state, skeleton[i - 1]);
		if (i > 1 && skeleton[i - 2] != '.')
			continue;
		uint32_t id = names_find(&s->l->index, names_end(state));
		const uint32_t *ids;
		for (uint32_t n = patterns_of(s, &s->l->index, &id, &ids); n > 0; n--, ids++)
			add_candidate(s, *ids, 0);
	}
}

void
lookalike_find(const struct lookalike_tables *l, const struct rule_tables *t, struct view domain, unsigned field,
	       lookalike_listed *listed, void *ctx, struct lookalike_found *found)
{
	struct search s = {
		.l = l, .t = t, .domain = domain, .field = field, .listed = listed, .ctx = ctx, .found = found
	};

	found->candidates = 0;
	found->exempt = NULL;
	if (l->names.count == 0)
		return;
	find_names(&s);
	if (found->exempt == NULL && l->suffix_slip_count > 0) {
		find_suffix_slips(&s);
		find_skeleton(&s);
		if (found->candidates == 0)
			find_two_edits(&s);
	}
	if (found->exempt != NULL)
		found->candidates = 0;
}
