/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "lookalike/edits.h"
#include "lookalike/expand.h"

/*
 * Pairs that people were seen to fall for, so that they count whatever the length of the label; and whether a slip
 * of the label may come on top: .co is sold to everybody, the other countries are quiet.
 */
static const struct {
	const char *suffix, *slip;
	enum slip combined;
} pairs[] = {
	{ "mil", "ml", SLIP_TWO_SLIPS_PAIR }, { "nl", "ml", SLIP_TWO_SLIPS_PAIR },
	{ "com", "co", SLIP_TWO_SLIPS },      { "com", "cm", SLIP_TWO_SLIPS_PAIR },
	{ "com", "om", SLIP_TWO_SLIPS_PAIR }, { "net", "ne", SLIP_TWO_SLIPS_PAIR },
};

/* Suffixes that one and the same owner has, or is believed to have. */
static const char *const families[][6] = {
	{ "com", "net", "org", "gov", "mil", "edu" },
	{ "co.uk", "uk", "com", "org.uk", "ac.uk", "gov.uk" },
	{ "com.br", "br", "com", "net.br", "gov.br", "org.br" },
	{ "com.au", "au", "com", "net.au", "gov.au", "org.au" },
	{ "co.in", "in", "com", "net.in", "gov.in", "org.in" },
	{ "co.jp", "jp", "com", "ne.jp", "go.jp", "or.jp" },
};

struct making {
	struct suffix_slips *out;
	const struct suffixes *suffixes;
	struct view suffix;
	enum slip slip;
	bool real; /* wanted: another real suffix; else: none */
	enum slip combined;
};

static bool
known(const struct suffix_slips *s, enum slip slip, struct view text)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->at[i].slip == slip && view_equal(suffix_slip_text(&s->at[i]), text))
			return true;
	return false;
}

static void
add(const struct making *m, struct view text)
{
	struct suffix_slips *out = m->out;

	if (text.len == 0 || text.len > SUFFIX_MAX || known(out, m->slip, text) || view_equal(text, m->suffix))
		return;
	if (out->count == out->cap) {
		out->cap = out->cap == 0 ? 256 : out->cap * 2;
		out->at = reallocarray(out->at, out->cap, sizeof(*out->at));
		if (out->at == NULL)
			abort();
	}
	struct suffix_slip *s = &out->at[out->count++];
	*s = (struct suffix_slip){ .len = (uint8_t)text.len,
				   .slip = (uint8_t)m->slip,
				   .delegated = suffixes_delegated(m->suffixes, text),
				   .combined = (uint8_t)m->combined };
	memcpy(s->text, text.at, text.len);
}

/* An edit that leads to another real suffix is "tld-slip", and to none, one of the other classes. */
static void
on_text(void *ctx, struct view text)
{
	const struct making *m = ctx;

	if (name_possible(text) && suffixes_public(m->suffixes, text) == m->real)
		add(m, text);
}

static void
make(struct making *m, enum slip slip, edit *how, unsigned layouts)
{
	m->slip = slip;
	m->real = slip == SLIP_TLD_SLIP;
	m->combined = SLIP_TWO_SLIPS;
	how(m->suffix, layouts, on_text, m);
}

/* Text that is a suffix slip by a list, or by cutting: real or not. */
static void
add_plain(struct making *m, enum slip slip, struct view text, enum slip combined)
{
	m->slip = slip;
	m->combined = combined;
	if (name_possible(text))
		add(m, text);
}

static bool
is_text(struct view v, const char *text)
{
	return view_equal(v, view_of(text, strlen(text)));
}

static void
add_pairs(struct making *m)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (is_text(m->suffix, pairs[i].suffix))
			add_plain(m, SLIP_SUFFIX_PAIR, view_of(pairs[i].slip, strlen(pairs[i].slip)),
				  pairs[i].combined);
}

static void
add_family(struct making *m)
{
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		bool member = is_text(m->suffix, families[f][0]);
		for (int k = 1; k < 6 && f == 0; k++)
			member = member || is_text(m->suffix, families[f][k]);
		for (int k = 0; k < 6 && member; k++)
			add_plain(m, SLIP_SUFFIX_SWAPPED, view_of(families[f][k], strlen(families[f][k])), SLIP_COUNT);
	}
}

void
suffix_slips_swapped(struct suffix_slips *out, const struct suffixes *s, struct view suffix)
{
	struct making m = { .out = out, .suffixes = s, .suffix = suffix };

	*out = (struct suffix_slips){ 0 };
	add_family(&m);
}

/* Cut off at any place, or without its first label. */
static void
add_cuts(struct making *m)
{
	for (size_t len = 1; len < m->suffix.len; len++)
		add_plain(m, SLIP_SUFFIX_CUT, view_of(m->suffix.at, len), SLIP_TWO_SLIPS);
	for (size_t i = 1; i < m->suffix.len; i++)
		if (m->suffix.at[i - 1] == '.')
			add_plain(m, SLIP_SUFFIX_CUT, view_of(m->suffix.at + i, m->suffix.len - i), SLIP_COUNT);
}

/* Puts two pieces together, with `joint` between them. */
static void
add_joined(struct making *m, enum slip slip, struct view a, const char *joint, struct view b)
{
	uint8_t text[3 * SUFFIX_MAX + 8];
	size_t n = strlen(joint);

	memcpy(text, a.at, a.len);
	memcpy(text + a.len, joint, n);
	memcpy(text + a.len + n, b.at, b.len);
	add_plain(m, slip, view_of(text, a.len + n + b.len), SLIP_COUNT);
}

/* The suffix, its last part or .com come once or twice more. */
static void
add_doubled(struct making *m)
{
	struct view tld = m->suffix, com = view_of("com", 3);

	for (size_t i = 0; i < m->suffix.len; i++)
		if (m->suffix.at[i] == '.')
			tld = view_of(m->suffix.at + i + 1, m->suffix.len - i - 1);
	struct view more[3] = { m->suffix, tld, com };
	for (int i = 0; i < 3; i++) {
		uint8_t twice[2 * SUFFIX_MAX + 1];
		add_joined(m, SLIP_SUFFIX_DOUBLED, m->suffix, "", more[i]);
		add_joined(m, SLIP_SUFFIX_DOUBLED, m->suffix, ".", more[i]);
		memcpy(twice, more[i].at, more[i].len);
		twice[more[i].len] = '.';
		memcpy(twice + more[i].len + 1, more[i].at, more[i].len);
		add_joined(m, SLIP_SUFFIX_DOUBLED, m->suffix, ".", view_of(twice, 2 * more[i].len + 1));
	}
}

/* Two letters behind the suffix: nonsense, or a country. */
static void
add_tails(struct making *m)
{
	for (char a = 'a'; a <= 'z'; a++)
		for (char b = 'a'; b <= 'z'; b++) {
			char two[2] = { a, b };
			struct view tail = view_of(two, 2);
			add_joined(m, SLIP_SUFFIX_JUNK, m->suffix, "", tail);
			if (suffixes_delegated(m->suffixes, tail))
				add_joined(m, SLIP_COUNTRY_ADDED, m->suffix, ".", tail);
		}
}

void
suffix_slips_make(struct suffix_slips *out, const struct suffixes *s, struct view suffix, unsigned layouts)
{
	struct making m = { .out = out, .suffixes = s, .suffix = suffix };

	*out = (struct suffix_slips){ 0 };
	if (suffix.len > SUFFIX_MAX)
		return;
	add_pairs(&m);
	add_family(&m);
	make(&m, SLIP_SUFFIX_OMISSION, edit_omission, layouts);
	make(&m, SLIP_SUFFIX_TRANSPOSITION, edit_transposition, layouts);
	make(&m, SLIP_SUFFIX_DOUBLING, edit_doubling, layouts);
	make(&m, SLIP_SUFFIX_KEY, edit_key_replaced, layouts);
	make(&m, SLIP_SUFFIX_KEY, edit_key_added, layouts);
	make(&m, SLIP_SUFFIX_ANY, edit_any, layouts);
	make(&m, SLIP_SUFFIX_TWO, edit_two_keys, layouts);
	make(&m, SLIP_TLD_SLIP, edit_omission, layouts);
	make(&m, SLIP_TLD_SLIP, edit_transposition, layouts);
	make(&m, SLIP_TLD_SLIP, edit_any, layouts);
	add_cuts(&m);
	add_doubled(&m);
	add_tails(&m);
}

void
suffix_slips_free(struct suffix_slips *s)
{
	free(s->at);
}
