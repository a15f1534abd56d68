/* SPDX-License-Identifier: BSD-3-Clause */
/* One command line, line end excluded: verb and what matters of its argument. */
#include "smtp/state.h"

/* Cuts the word off the front of *v: it ends at a blank. */
static struct view
take_word(struct view *v)
{
	size_t n = 0;
	while (n < v->len && !is_blank(v->at[n]))
		n++;
	struct view word = view_of(v->at, n);
	*v = view_from(*v, n);
	return word;
}

/* FROM behind MAIL or TO behind RCPT, and the colon; leaves *v behind it. */
static bool
take_preposition(struct view *v, enum smtp_verb verb)
{
	*v = skip_blanks(*v);
	if (verb == VERB_MAIL ? !starts_with(*v, "FROM") : !starts_with(*v, "TO"))
		return false;
	*v = skip_blanks(view_from(*v, verb == VERB_MAIL ? 4 : 2));
	if (v->len == 0 || v->at[0] != ':')
		return false;
	*v = view_from(*v, 1);
	return true;
}

/*
 * RFC 3030: BDAT SP chunk-size [ SP "LAST" ]. Sizes beyond 32 bits are read in
 * more than one way, and other white space makes it no command for some.
 */
static void
parse_bdat(struct view arg, struct command *c)
{
	if (arg.len == 0 || arg.at[0] != ' ')
		return;
	arg = skip_blanks(arg);
	struct view digits = take_word(&arg);
	if (digits.len == 0 || digits.len > 10)
		return;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.at[i] < '0' || digits.at[i] > '9')
			return;
		c->chunk_len = c->chunk_len * 10 + (digits.at[i] - '0');
	}
	if (arg.len > 0 && arg.at[0] != ' ')
		return;
	arg = skip_blanks(arg);
	struct view last = take_word(&arg);
	if (skip_blanks(arg).len > 0)
		return;
	c->chunk_last = last.len == 4 && starts_with(last, "LAST");
	c->chunk_ok = c->chunk_len <= UINT32_MAX && (last.len == 0 || c->chunk_last);
}

void
command_parse(struct view line, struct command *c, struct smtp_path *path)
{
	*c = (struct command){ 0 };
	bool indented = line.len > 0 && is_blank(line.at[0]);
	line = skip_blanks(line);
	struct view word = take_word(&line);
	c->verb = smtp_verb_of(word);
	if (c->verb == VERB_MAIL || c->verb == VERB_RCPT)
		c->has_path = take_preposition(&line, c->verb) && smtp_path_parse(line, path);
	else if (c->verb == VERB_BDAT && !indented)
		parse_bdat(line, c);
}

bool
command_may_be_envelope(struct view begin)
{
	static const char *const words[] = { "MAIL", "RCPT" };
	begin = skip_blanks(begin);
	size_t n = begin.len < 4 ? begin.len : 4;
	for (unsigned w = 0; w < 2; w++) {
		size_t i = 0;
		while (i < n && ascii_lower(begin.at[i]) == ascii_lower((uint8_t)words[w][i]))
			i++;
		if (i == n)
			return begin.len <= 4 || is_blank(begin.at[4]);
	}
	return false;
}

/* The word is the beginning of a verb. */
static bool
begins_verb(struct view word)
{
	for (enum smtp_verb v = VERB_HELO; v <= VERB_STARTTLS; v++) {
		struct view name = view_of(smtp_verb_name(v), strlen(smtp_verb_name(v)));
		size_t i = 0;
		while (i < word.len && i < name.len && ascii_lower(word.at[i]) == ascii_lower(name.at[i]))
			i++;
		if (i == word.len)
			return true;
	}
	return false;
}

bool
command_plausible(struct view in)
{
	const uint8_t *lf = in.len > 0 ? memchr(in.at, '\n', in.len) : NULL;
	struct view line = view_of(in.at, lf != NULL ? (size_t)(lf - in.at) : in.len);
	if (lf != NULL && line.len > 0 && line.at[line.len - 1] == '\r')
		line.len--;
	struct view rest = line;
	struct view word = take_word(&rest);
	if (lf == NULL && rest.len == 0)
		return word.len > 0 && begins_verb(word);

	enum smtp_verb verb = smtp_verb_of(word);
	switch (verb) {
	case VERB_UNKNOWN:
		return false;
	case VERB_MAIL:
	case VERB_RCPT:
		return take_preposition(&rest, verb);
	case VERB_DATA:
	case VERB_RSET:
	case VERB_QUIT:
	case VERB_STARTTLS:
		return skip_blanks(rest).len == 0;
	default:
		return true;
	}
}
