/* SPDX-License-Identifier: BSD-3-Clause */
#include "lookalike/expand.h"

#include "lookalike/edits.h"

const struct label_edit label_edits[LABEL_EDITS] = {
	{ SLIP_OMISSION, edit_omission_rest }, { SLIP_TRANSPOSITION, edit_transposition },
	{ SLIP_DOUBLING, edit_doubling },      { SLIP_KEY_REPLACED, edit_key_replaced },
	{ SLIP_KEY_ADDED, edit_key_added },    { SLIP_LETTER_MOVED, edit_moved },
	{ SLIP_HYPHEN, edit_hyphen },          { SLIP_VOWEL, edit_vowel },
	{ SLIP_HOMOGLYPH, edit_homoglyph },    { SLIP_ANY_LETTER, edit_any_inside },
	{ SLIP_ANY_EDGE, edit_any_edge },      { SLIP_BIT_FLIP, edit_bit_flip },
	{ SLIP_KEYPAD, edit_keypad },          { SLIP_PLURAL, edit_plural },
	{ SLIP_DICTIONARY, edit_dictionary },  { SLIP_HELD, edit_held },
	{ SLIP_DOUBLE_SLIP, edit_double },     { SLIP_FIRST_LOST, edit_first_lost },
};

bool
slip_is_common(enum slip slip)
{
	for (int i = 0; i < COMMON_EDITS; i++)
		if (label_edits[i].slip == slip)
			return true;
	return false;
}

static bool
label_possible(struct view l)
{
	if (l.len == 0 || l.len > 63 || l.at[0] == '-' || l.at[l.len - 1] == '-')
		return false;
	return l.len < 4 || l.at[2] != '-' || l.at[3] != '-' || memcmp(l.at, "xn", 2) == 0; /* RFC 5891, 4.2.3.1 */
}

static bool
has_letter(struct view l)
{
	for (size_t i = 0; i < l.len; i++)
		if (l.at[i] >= 'a')
			return true;
	return false;
}

bool
name_possible(struct view name)
{
	size_t from = 0;

	if (name.len == 0 || name.len > DOMAIN_MAX)
		return false;
	for (size_t i = 0; i <= name.len; i++) {
		struct view label = view_of(name.at + from, i - from);
		if (i < name.len && name.at[i] != '.')
			continue;
		if (!label_possible(label) || (i == name.len && !has_letter(label)))
			return false;
		from = i + 1;
	}
	return true;
}

/* What the edits of a name are put together with. */
struct expansion {
	const struct suffixes *suffixes;
	const struct suffix_slips *slips; /* of this name's suffix */
	struct name_parts parts;
	const struct protection *protection;
	lookalike_sink *sink;
	refusal_sink *refused; /* NULL: refusals are not told */
	void *ctx;
	enum slip slip; /* of the edits now running */
	enum policy policy;
	bool common;      /* the edits now running are one of the five commonest */
	bool delegated;   /* the top-level domain of the name exists */
	bool labels_kept; /* the suffix is the protected one: no need to ask whether the result is a public suffix */
};

/* A name from pieces; what is too long becomes empty, and is dropped as impossible. */
struct built {
	uint8_t octets[DOMAIN_MAX + 1];
	size_t len;
	bool full;
};

static void
put(struct built *b, struct view piece)
{
	if (b->full || piece.len > sizeof(b->octets) - b->len) {
		b->full = true;
		return;
	}
	if (piece.len > 0)
		memcpy(b->octets + b->len, piece.at, piece.len);
	b->len += piece.len;
}

static void
put_label(struct built *b, struct view label)
{
	if (b->len > 0 && label.len > 0)
		put(b, view_of(".", 1));
	put(b, label);
}

static void
refuse(const struct expansion *x, struct view name, enum slip slip, enum refusal why)
{
	if (x->refused != NULL && name.len > 0)
		x->refused(x->ctx, name, slip, why);
}

/* The class is off for want of letters, and somebody is to be told. */
static bool
wants_letters(const struct expansion *x, enum slip slip)
{
	size_t letters = slip == SLIP_SUB_LABEL ? x->parts.sub.len : x->parts.label.len;

	return x->refused != NULL && guard_wants_letters(x->protection, slip, letters);
}

static void
emit(const struct expansion *x, const struct built *b, enum slip slip, enum policy policy, bool delegated)
{
	struct lookalike l = {
		.name = view_of(b->octets, b->len), .slip = slip, .policy = policy, .delegated = delegated
	};

	if (view_equal(l.name, x->parts.name))
		return;
	if (policy == POLICY_OFF) {
		if (delegated && wants_letters(x, slip))
			refuse(x, l.name, slip, REFUSED_SHORT);
	} else if (b->full || !name_possible(l.name))
		refuse(x, l.name, slip, REFUSED_IMPOSSIBLE);
	else if (!x->labels_kept && delegated && suffixes_public(x->suffixes, l.name))
		refuse(x, l.name, slip, REFUSED_SUFFIX);
	else
		x->sink(x->ctx, &l);
}

static enum policy
policy_for(const struct expansion *x, enum slip slip, bool delegated)
{
	return guard_policy(x->protection, slip, x->parts.label.len, delegated);
}

/* A name whose top-level domain is not known beforehand. Mail for a single label arrives nowhere (RFC 5321, 2.3.5). */
static void
emit_judged(const struct expansion *x, const struct built *b, enum slip slip)
{
	if (b->full || b->len == 0)
		return;
	bool delegated =
		memchr(b->octets, '.', b->len) != NULL && suffixes_delegated(x->suffixes, view_of(b->octets, b->len));
	emit(x, b, slip, policy_for(x, slip, delegated), delegated);
}

static void
on_label(void *ctx, struct view label)
{
	struct expansion *x = ctx;
	struct built b = { .len = 0 };

	put_label(&b, x->parts.sub);
	put_label(&b, label);
	put_label(&b, x->parts.suffix);
	emit(x, &b, x->slip, x->policy, x->delegated);
}

/* Runs the edits of one class on the label. False: the class is off. */
static bool
run_edit(struct expansion *x, size_t i, edit_sink *sink)
{
	x->slip = label_edits[i].slip;
	x->common = i < COMMON_EDITS;
	x->policy = policy_for(x, x->slip, x->delegated);
	if (x->policy == POLICY_OFF && !wants_letters(x, x->slip))
		return false;
	label_edits[i].edit(x->parts.label, x->protection->layouts, sink, x);
	return true;
}

static void
expand_label(struct expansion *x)
{
	x->labels_kept = x->parts.sub.len > 0 || x->parts.label.len > 4;
	for (size_t i = 0; i < LABEL_EDITS; i++)
		run_edit(x, i, on_label);
	x->labels_kept = false;
}

static void
on_sub(void *ctx, struct view sub)
{
	struct expansion *x = ctx;
	struct built b = { .len = 0 };

	put_label(&b, sub);
	put_label(&b, x->parts.label);
	put_label(&b, x->parts.suffix);
	emit(x, &b, SLIP_SUB_LABEL, x->policy, x->delegated);
}

/* The sub-domain as a whole is the text: its dots are not edited. */
static void
expand_sub(struct expansion *x)
{
	x->policy = guard_policy(x->protection, SLIP_SUB_LABEL, x->parts.sub.len, x->delegated);
	for (size_t i = 0; i < COMMON_EDITS && x->parts.sub.len > 0; i++)
		label_edits[i].edit(x->parts.sub, x->protection->layouts, on_sub, x);
}

static void
expand_suffix(struct expansion *x)
{
	for (size_t i = 0; i < x->slips->count; i++) {
		const struct suffix_slip *s = &x->slips->at[i];
		struct built b = { .len = 0 };
		put_label(&b, x->parts.sub);
		put_label(&b, x->parts.label);
		put_label(&b, suffix_slip_text(s));
		emit(x, &b, s->slip, policy_for(x, s->slip, s->delegated), s->delegated);
	}
}

/* One pair of the budget of two: a slip of the label, made before, and each simple slip of the suffix. */
static void
on_first_slip(void *ctx, struct view label)
{
	struct expansion *x = ctx;

	for (size_t i = 0; i < x->slips->count && label_possible(label); i++) {
		const struct suffix_slip *s = &x->slips->at[i];
		struct built b = { .len = 0 };
		if (s->combined == SLIP_COUNT || (s->delegated && !x->common) || x->slip == SLIP_DOUBLE_SLIP)
			continue;
		put_label(&b, x->parts.sub);
		put_label(&b, label);
		put_label(&b, suffix_slip_text(s));
		emit(x, &b, s->combined, policy_for(x, s->combined, s->delegated), s->delegated);
	}
}

static void
expand_two(struct expansion *x)
{
	x->labels_kept = x->parts.sub.len > 0 || x->parts.label.len > 4;
	for (size_t i = 0; i < LABEL_EDITS; i++)
		run_edit(x, i, on_first_slip);
	x->labels_kept = false;
}

/* The name with its octet at `i` replaced by `with`. */
static void
respell(const struct expansion *x, size_t i, const char *with, enum slip slip)
{
	struct view name = x->parts.name;
	struct built b = { .len = 0 };

	put(&b, view_of(name.at, i));
	put(&b, view_of(with, strlen(with)));
	put(&b, view_of(name.at + i + 1, name.len - i - 1));
	emit_judged(x, &b, slip);
}

static void
swap_with_next(const struct expansion *x, size_t i, enum slip slip)
{
	struct view name = x->parts.name;
	struct built b = { .len = 0 };
	uint8_t pair[2] = { name.at[i + 1], name.at[i] };

	put(&b, view_of(name.at, i));
	put(&b, view_of(pair, 2));
	put(&b, view_of(name.at + i + 2, name.len - i - 2));
	emit_judged(x, &b, slip);
}

/* `text` with every dot replaced by `joint`. */
static void
put_joined(struct built *b, struct view text, const char *joint)
{
	for (size_t i = 0; i < text.len; i++)
		put(b, text.at[i] == '.' ? view_of(joint, strlen(joint)) : view_of(text.at + i, 1));
}

/* All in one label, then the suffix or .com. */
static void
expand_fused(const struct expansion *x, struct view text, const char *joint)
{
	struct view ends[2] = { x->parts.suffix, view_of("com", 3) };

	for (int e = 0; e < 2; e++) {
		struct built b = { .len = 0 };
		put_joined(&b, text, joint);
		put_label(&b, ends[e]);
		emit_judged(x, &b, SLIP_FUSED);
	}
}

static void
expand_dots(const struct expansion *x)
{
	struct view name = x->parts.name, registered;
	struct built all = { .len = 0 };

	for (size_t i = 0; i < name.len; i++) {
		if (name.at[i] != '.')
			continue;
		respell(x, i, "", SLIP_DOT_MISSING);
		respell(x, i, "-", SLIP_DOT_HYPHEN);
		swap_with_next(x, i - 1, SLIP_DOT_MOVED);
		swap_with_next(x, i, SLIP_DOT_MOVED);
	}
	put_joined(&all, name, "");
	emit_judged(x, &all, SLIP_DOT_MISSING);
	for (const uint8_t *c = x->parts.label.at; c < x->parts.label.at + x->parts.label.len; c++)
		if (*c == '-')
			respell(x, (size_t)(c - name.at), ".", SLIP_DOT_ADDED);
	for (size_t i = 1; i < x->parts.label.len; i++) {
		struct built b = { .len = 0 };
		put_label(&b, x->parts.sub);
		put_label(&b, view_of(x->parts.label.at, i));
		put_label(&b, view_of(x->parts.label.at + i, x->parts.label.len - i));
		put_label(&b, x->parts.suffix);
		emit_judged(x, &b, SLIP_DOT_ADDED);
	}
	registered = view_of(x->parts.label.at, (size_t)(name.at + name.len - x->parts.label.at));
	expand_fused(x, name, "");
	expand_fused(x, name, "-");
	expand_fused(x, registered, "");
	expand_fused(x, registered, "-");
}

static void
expand_dropped(const struct expansion *x)
{
	struct built b = { .len = 0 };

	put_label(&b, x->parts.sub);
	put_label(&b, x->parts.label);
	emit_judged(x, &b, SLIP_SUFFIX_DROPPED);
}

static void
expand_siblings(struct expansion *x, const struct sibling_suffixes *siblings)
{
	for (size_t i = 0; siblings != NULL && i < siblings->count; i++) {
		struct built b = { .len = 0 };
		put_label(&b, x->parts.sub);
		put_label(&b, x->parts.label);
		put_label(&b, siblings->at[i]);
		emit_judged(x, &b, SLIP_SIBLING);
	}
}

/* Everything but two slips at once. */
static void
expand_one(struct expansion *x, const struct sibling_suffixes *siblings)
{
	x->delegated = suffixes_delegated(x->suffixes, x->parts.suffix);
	expand_label(x);
	expand_sub(x);
	expand_dots(x);
	expand_dropped(x);
	expand_siblings(x, siblings);
	expand_suffix(x);
}

void
lookalike_expand(const struct suffixes *s, struct view name, const struct protection *p,
		 const struct sibling_suffixes *siblings, enum extent extent, lookalike_sink *sink, void *ctx)
{
	struct suffix_slips slips = { 0 };
	struct expansion x = { .suffixes = s, .slips = &slips, .protection = p, .sink = sink, .ctx = ctx };

	if (!name_parts(s, name, &x.parts))
		return;
	if (extent == EXTENT_TABLE)
		suffix_slips_swapped(&slips, s, x.parts.suffix);
	else
		suffix_slips_make(&slips, s, x.parts.suffix, p->layouts);
	expand_one(&x, siblings);
	if (extent == EXTENT_ALL)
		expand_two(&x);
	suffix_slips_free(&slips);
}

void
lookalike_refusals(const struct suffixes *s, struct view name, const struct protection *p,
		   const struct sibling_suffixes *siblings, lookalike_sink *sink, refusal_sink *refused, void *ctx)
{
	struct suffix_slips slips = { 0 };
	struct expansion x = {
		.suffixes = s, .slips = &slips, .protection = p, .sink = sink, .refused = refused, .ctx = ctx
	};

	if (!name_parts(s, name, &x.parts))
		return;
	suffix_slips_make(&slips, s, x.parts.suffix, p->layouts);
	expand_one(&x, siblings);
	suffix_slips_free(&slips);
}

bool
name_parts(const struct suffixes *s, struct view name, struct name_parts *parts)
{
	struct view suffix = suffixes_of(s, name);
	size_t before = name.len - suffix.len;

	if (before < 2)
		return false;
	size_t from = before - 1;
	while (from > 0 && name.at[from - 1] != '.')
		from--;
	*parts = (struct name_parts){
		.name = name,
		.sub = view_of(name.at, from > 0 ? from - 1 : 0),
		.label = view_of(name.at + from, before - 1 - from),
		.suffix = suffix,
	};
	return true;
}
