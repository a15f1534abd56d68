/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules/lexer.h"

struct lexer {
	struct view in;
	size_t at; /* in `in` */
	struct line *out;
	size_t used; /* of out->octets */
	struct lex_error *err;
};

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool
more(const struct lexer *x)
{
	return x->at < x->in.len;
}

static uint8_t
peek(const struct lexer *x)
{
	return x->in.at[x->at];
}

static bool
fail(struct lexer *x, size_t at, const char *what)
{
	*x->err = (struct lex_error){ .column = (uint16_t)(at + 1), .what = what };
	return false;
}

static void
keep(struct lexer *x, uint8_t c)
{
	x->out->octets[x->used++] = (char)c;
}

static void
escape(struct lexer *x)
{
	uint8_t c = peek(x);

	if (c == 'n')
		keep(x, '\n');
	else if (c == '"' || c == '\\')
		keep(x, c);
	else {
		keep(x, '\\');
		keep(x, c);
	}
	x->at++;
}

/* Stands on the opening quote. */
static bool
quoted(struct lexer *x)
{
	size_t open = x->at++;

	while (more(x) && peek(x) != '"') {
		uint8_t c = x->in.at[x->at++];
		if (c != '\\')
			keep(x, c);
		else if (more(x))
			escape(x);
	}
	if (!more(x))
		return fail(x, open, "a quoted value does not end; expected \" before the end of the line");
	x->at++;
	if (more(x) && !is_blank(peek(x)))
		return fail(x, x->at, "text behind a closing quote; expected a blank (write \\\" for a quote inside)");
	return true;
}

/* Octets of the key and its '=' at the start of the word, 0 where there is none. */
static size_t
key_len(const struct lexer *x)
{
	size_t i = x->at;

	while (i < x->in.len && ((x->in.at[i] >= 'a' && x->in.at[i] <= 'z') || x->in.at[i] == '-'))
		i++;
	return i > x->at && i < x->in.len && x->in.at[i] == '=' ? i + 1 - x->at : 0;
}

static bool
lex_word(struct lexer *x)
{
	if (x->out->count == LINE_MAX_WORDS)
		return fail(x, x->at, "too many words in a line; expected at most 64");
	struct word *w = &x->out->words[x->out->count++];
	size_t from = x->used, key = key_len(x);

	*w = (struct word){ .column = (uint16_t)(x->at + 1), .value_column = (uint16_t)(x->at + key + 1) };
	for (size_t i = 0; i < key; i++)
		keep(x, x->in.at[x->at++]);
	if (more(x) && peek(x) == '"') {
		if (!quoted(x))
			return false;
	} else {
		while (more(x) && !is_blank(peek(x)))
			keep(x, x->in.at[x->at++]);
	}
	w->text = view_of(x->out->octets + from, x->used - from);
	if (key > 0) {
		w->key = view_of(w->text.at, key - 1);
		w->value = view_of(w->text.at + key, w->text.len - key);
	}
	keep(x, '\0');
	return true;
}

static bool
octets_sound(struct lexer *x)
{
	if (x->in.len > LINE_MAX_OCTETS)
		return fail(x, LINE_MAX_OCTETS, "the line is too long; expected at most 8192 octets");
	for (size_t i = 0; i < x->in.len; i++)
		if ((x->in.at[i] < ' ' && x->in.at[i] != '\t') || x->in.at[i] == 0x7f)
			return fail(x, i, "a control character; expected text");
	return true;
}

bool
lex_line(struct view in, struct line *out, struct lex_error *err)
{
	if (in.len > 0 && in.at[in.len - 1] == '\r')
		in.len--;
	struct lexer x = { .in = in, .out = out, .err = err };
	out->count = 0;
	if (!octets_sound(&x))
		return false;
	for (;;) {
		while (more(&x) && is_blank(peek(&x)))
			x.at++;
		if (!more(&x) || peek(&x) == '#')
			return true;
		if (!lex_word(&x))
			return false;
	}
}
