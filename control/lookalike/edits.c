/* SPDX-License-Identifier: BSD-3-Clause */
#include "lookalike/edits.h"
#include "lookalike/keyboard.h"
#include "match/near.h"

#define ALPHABET "abcdefghijklmnopqrstuvwxyz0123456789"

/* in[0, from) + middle + in[to, end): every edit is such a splice. */
static void
splice(struct view in, size_t from, size_t to, struct view middle, edit_sink *sink, void *ctx)
{
	uint8_t out[EDIT_ROOM];
	size_t len = from + middle.len + (in.len - to);

	if (len > sizeof(out))
		return;
	memcpy(out, in.at, from);
	if (middle.len > 0)
		memcpy(out + from, middle.at, middle.len);
	memcpy(out + from + middle.len, in.at + to, in.len - to);
	if (!view_equal(view_of(out, len), in))
		sink(ctx, view_of(out, len));
}

void
edit_omission(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	for (size_t i = 0; i < in.len; i++)
		if (in.at[i] != '.' && in.len > 1)
			splice(in, i, i + 1, view_of(NULL, 0), sink, ctx);
}

void
edit_first_lost(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	if (in.len > 1 && in.at[0] != '.')
		splice(in, 0, 1, view_of(NULL, 0), sink, ctx);
}

void
edit_omission_rest(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	for (size_t i = 1; i < in.len; i++)
		if (in.at[i] != '.')
			splice(in, i, i + 1, view_of(NULL, 0), sink, ctx);
}

void
edit_transposition(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	for (size_t i = 0; i + 1 < in.len; i++) {
		uint8_t swapped[2] = { in.at[i + 1], in.at[i] };
		if (in.at[i] != '.' && in.at[i + 1] != '.')
			splice(in, i, i + 2, view_of(swapped, 2), sink, ctx);
	}
}

void
edit_doubling(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	for (size_t i = 0; i < in.len; i++)
		if (in.at[i] != '.')
			splice(in, i, i, view_of(in.at + i, 1), sink, ctx);
}

void
edit_key_replaced(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	uint8_t keys[NEIGHBOURS_MAX];

	for (size_t i = 0; i < in.len; i++) {
		size_t n = keyboard_neighbours(layouts, in.at[i], keys);
		for (size_t k = 0; k < n; k++)
			splice(in, i, i + 1, view_of(keys + k, 1), sink, ctx);
	}
}

void
edit_key_added(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	uint8_t keys[NEIGHBOURS_MAX];

	for (size_t i = 0; i < in.len; i++) {
		size_t n = keyboard_neighbours(layouts, in.at[i], keys);
		for (size_t k = 0; k < n; k++) {
			splice(in, i, i, view_of(keys + k, 1), sink, ctx);
			splice(in, i + 1, i + 1, view_of(keys + k, 1), sink, ctx);
		}
	}
}

void
edit_moved(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	for (size_t i = 0; i + 2 < in.len; i++) {
		uint8_t on[3] = { in.at[i + 1], in.at[i + 2], in.at[i] },
			back[3] = { in.at[i + 2], in.at[i], in.at[i + 1] };
		splice(in, i, i + 3, view_of(on, 3), sink, ctx);
		splice(in, i, i + 3, view_of(back, 3), sink, ctx);
	}
}

/* Any letter or digit before the character at `i`. */
static void
add_any(struct view in, size_t i, edit_sink *sink, void *ctx)
{
	for (const char *c = ALPHABET; *c != '\0'; c++)
		splice(in, i, i, view_of(c, 1), sink, ctx);
}

static void
replace_any(struct view in, size_t i, edit_sink *sink, void *ctx)
{
	for (const char *c = ALPHABET; *c != '\0' && in.at[i] != '.'; c++)
		splice(in, i, i + 1, view_of(c, 1), sink, ctx);
}

void
edit_any_inside(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	for (size_t i = 1; i < in.len; i++) {
		add_any(in, i, sink, ctx);
		replace_any(in, i, sink, ctx);
	}
}

void
edit_any_edge(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	add_any(in, 0, sink, ctx);
	replace_any(in, 0, sink, ctx);
	add_any(in, in.len, sink, ctx);
}

void
edit_any(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	edit_any_inside(in, layouts, sink, ctx);
	edit_any_edge(in, layouts, sink, ctx);
}

void
edit_held(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	uint8_t more[7];

	for (size_t i = 0; i < in.len; i++) {
		memset(more, in.at[i], sizeof(more));
		for (size_t n = 2; n <= sizeof(more) && in.at[i] != '.'; n++)
			splice(in, i, i, view_of(more, n), sink, ctx);
		if (i + 1 < in.len && in.at[i] != '.' && in.at[i + 1] != '.')
			splice(in, i, i, view_of(in.at + i, 2), sink, ctx);
	}
}

/* The second of two edits. */
struct second {
	struct view original;
	edit *const *edits;
	size_t count;
	bool apart; /* the two are in different places: not one slip, not one character moved */
	unsigned layouts;
	edit_sink *sink;
	void *ctx;
};

/* One character of `a` moved by two places makes it `b`. */
static bool
is_moved(struct view a, struct view b)
{
	size_t i = 0;

	while (i < a.len && i < b.len && a.at[i] == b.at[i])
		i++;
	if (a.len != b.len || i + 3 > a.len || memcmp(a.at + i + 3, b.at + i + 3, a.len - i - 3) != 0)
		return false;
	return (a.at[i] == b.at[i + 2] && memcmp(a.at + i + 1, b.at + i, 2) == 0) ||
	       (a.at[i + 2] == b.at[i] && memcmp(a.at + i, b.at + i + 1, 2) == 0);
}

static void
on_second(void *ctx, struct view text)
{
	struct second *s = ctx;

	if (s->apart && (near_distance(s->original, text, 1) < 2 || is_moved(s->original, text)))
		return;
	if (!view_equal(text, s->original))
		s->sink(s->ctx, text);
}

static void
on_first(void *ctx, struct view text)
{
	struct second *s = ctx;

	for (size_t i = 0; i < s->count; i++)
		s->edits[i](text, s->layouts, on_second, s);
}

static void
edit_twice(struct second *s)
{
	for (size_t i = 0; i < s->count; i++)
		s->edits[i](s->original, s->layouts, on_first, s);
}

void
edit_double(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	static edit *const edits[] = { edit_omission_rest, edit_transposition, edit_doubling, edit_vowel };
	struct second s = { in, edits, 4, true, layouts, sink, ctx };

	edit_twice(&s);
}

void
edit_two_keys(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	static edit *const edits[] = { edit_omission, edit_transposition, edit_doubling, edit_key_replaced };
	struct second s = { in, edits, 4, false, layouts, sink, ctx };

	edit_twice(&s);
}

void
edit_vowel(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	static const char vowels[] = "aeiou";

	for (size_t i = 0; i < in.len; i++)
		for (int v = 0; v < 5 && memchr(vowels, in.at[i], 5) != NULL; v++)
			splice(in, i, i + 1, view_of(vowels + v, 1), sink, ctx);
}

void
edit_homoglyph(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	static const char *const pairs[][2] = {
		{ "l", "1" },  { "l", "i" },  { "i", "1" }, { "i", "j" }, { "o", "0" }, { "m", "rn" }, { "m", "nn" },
		{ "w", "vv" }, { "d", "cl" }, { "u", "v" }, { "c", "e" }, { "g", "q" }, { "b", "lb" }, { "h", "lh" },
		{ "k", "lk" }, { "k", "lc" }, { "n", "r" }, { "s", "5" }, { "z", "2" }, { "b", "d" },  { "g", "9" },
		{ "m", "n" },  { "w", "v" },  { "n", "h" }, { "e", "3" }, { "a", "4" }, { "t", "7" },  { "q", "9" },
		{ "b", "6" },  { "v", "u" },  { "p", "q" }, { "t", "f" }, { "f", "t" }, { "l", "t" },  { "y", "v" },
	};

	for (size_t p = 0; p < sizeof(pairs) / sizeof(pairs[0]); p++)
		for (int way = 0; way < 2; way++) {
			struct view from = view_of(pairs[p][way], strlen(pairs[p][way]));
			struct view to = view_of(pairs[p][1 - way], strlen(pairs[p][1 - way]));
			for (size_t i = 0; i + from.len <= in.len; i++)
				if (memcmp(in.at + i, from.at, from.len) == 0)
					splice(in, i, i + from.len, to, sink, ctx);
		}
}

void
edit_hyphen(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	for (size_t i = 0; i < in.len; i++) {
		if (i > 0)
			splice(in, i, i, view_of("-", 1), sink, ctx);
		if (in.at[i] == '-')
			splice(in, i, i + 1, view_of(NULL, 0), sink, ctx);
	}
}

void
edit_bit_flip(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	for (size_t i = 0; i < in.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			uint8_t c = (uint8_t)(in.at[i] ^ (1u << bit));
			if (c == '-' || (c != '\0' && strchr(ALPHABET, c) != NULL))
				splice(in, i, i + 1, view_of(&c, 1), sink, ctx);
		}
}

void
edit_keypad(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	uint8_t keys[NEIGHBOURS_MAX];

	for (size_t i = 0; i < in.len; i++) {
		size_t n = keypad_neighbours(in.at[i], keys);
		for (size_t k = 0; k < n; k++)
			splice(in, i, i + 1, view_of(keys + k, 1), sink, ctx);
	}
}

void
edit_plural(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	for (size_t i = 3; i <= in.len; i++) {
		splice(in, i, i, view_of("s", 1), sink, ctx);
		splice(in, i, i, view_of("es", 2), sink, ctx);
	}
}

void
edit_dictionary(struct view in, unsigned layouts, edit_sink *sink, void *ctx)
{
	static const char *const words[] = { "login", "signin", "secure", "account", "mail",   "webmail", "email",
					     "web",   "portal", "online", "support", "verify", "update",  "service",
					     "help",  "my",     "sso",    "auth",    "id",     "vpn",     "remote" };
	uint8_t word[EDIT_ROOM];

	for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
		size_t n = strlen(words[w]);
		memcpy(word, words[w], n);
		word[n] = '-';
		splice(in, 0, 0, view_of(word, n), sink, ctx);
		splice(in, 0, 0, view_of(word, n + 1), sink, ctx);
		splice(in, in.len, in.len, view_of(word, n), sink, ctx);
		memmove(word + 1, word, n);
		word[0] = '-';
		splice(in, in.len, in.len, view_of(word, n + 1), sink, ctx);
	}
}
