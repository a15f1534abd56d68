/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths: MAIL and RCPT arguments to address. */
#include "smtp/state.h"

#define NOWHERE SIZE_MAX

static struct view
trim(struct view v)
{
	v = skip_blanks(v);
	while (v.len > 0 && is_blank(v.at[v.len - 1]))
		v.len--;
	return v;
}

static bool
holds(struct view v, uint8_t c)
{
	return v.len > 0 && memchr(v.at, c, v.len) != NULL;
}

/* A blank stands for white space of any kind. */
static inline bool
is_wanted(uint8_t c, uint8_t wanted)
{
	return wanted == ' ' ? is_blank(c) : c == wanted;
}

/* The first octet of v that is wanted, or the last (never asked of white space); NOWHERE. */
static size_t
find_any(struct view v, uint8_t wanted, bool last)
{
	if (wanted == ' ') {
		for (size_t i = 0; i < v.len; i++)
			if (is_blank(v.at[i]))
				return i;
		return NOWHERE;
	}
	const uint8_t *at = v.len == 0 ? NULL : last ? memrchr(v.at, wanted, v.len) : memchr(v.at, wanted, v.len);
	return at != NULL ? (size_t)(at - v.at) : NOWHERE;
}

/* The same in v that holds quotes, outside of them. An open quote hides nothing. */
static size_t
find_unquoted(struct view v, uint8_t wanted, bool last)
{
	size_t found = NOWHERE, quote = NOWHERE, found_before = NOWHERE;
	for (size_t i = 0; i < v.len; i++) {
		uint8_t c = v.at[i];
		if (quote != NOWHERE && c == '\\') {
			i++;
		} else if (c == '"') {
			found_before = found;
			quote = quote == NOWHERE ? i : NOWHERE;
		} else if (quote == NOWHERE && is_wanted(c, wanted)) {
			found = i;
			if (!last)
				return i;
		}
	}
	if (quote == NOWHERE)
		return found;
	/* The quote never closes: what stands behind it is as bare as the rest. */
	size_t behind = find_any(view_from(v, quote + 1), wanted, last);
	return behind != NOWHERE ? quote + 1 + behind : found_before;
}

/* The first octet of v that is wanted (' ': any white space), or the last, where no quotes hide it; NOWHERE. */
static size_t
find_bare(struct view v, uint8_t wanted, bool last)
{
	return holds(v, '"') ? find_unquoted(v, wanted, last) : find_any(v, wanted, last);
}

/* The index of the bracket that opens the path; NOWHERE: the path has none. A token with = is a parameter. */
static size_t
find_bracket(struct view arg)
{
	size_t open = find_bare(arg, '<', false);
	if (open == NOWHERE || open == 0)
		return open;
	struct view before = view_of(arg.at, open);
	bool is_behind = find_bare(before, '@', false) != NOWHERE || find_bare(before, '=', false) != NOWHERE;
	return is_behind ? NOWHERE : open;
}

/* Leaves the source route aside: @one,@two:user@three (RFC 5321 appendix C). */
static struct view
skip_route(struct view v)
{
	if (v.len == 0 || v.at[0] != '@')
		return v;
	size_t colon = find_bare(v, ':', false);
	return colon != NOWHERE ? trim(view_from(v, colon + 1)) : v;
}

/* Where the server at hand routes it: behind the last @; without one, by the last % or the first !. */
static void
split(struct smtp_path *path)
{
	struct view a = path->address;
	size_t at = find_bare(a, '@', true);
	if (at == NOWHERE)
		at = find_bare(a, '%', true);
	if (at != NOWHERE) {
		path->local = trim(view_of(a.at, at));
		path->domain = trim(view_from(a, at + 1));
		return;
	}
	size_t bang = find_bare(a, '!', false);
	if (bang != NOWHERE) {
		path->domain = trim(view_of(a.at, bang));
		path->local = trim(view_from(a, bang + 1));
		return;
	}
	path->local = a;
	path->domain = view_of(a.at, 0);
}

static bool
is_plain(uint8_t c)
{
	return is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '_' || c >= 0x80;
}

/* A name, or an address literal. */
static bool
is_plain_domain(struct view d)
{
	bool literal = d.len >= 2 && d.at[0] == '[' && d.at[d.len - 1] == ']';
	for (size_t i = literal; i + literal < d.len; i++)
		if (!is_plain(d.at[i]) && !(literal && d.at[i] == ':'))
			return false;
	return true;
}

/* Without a bracket in front, the address may be another word than the first. */
static bool
may_be_elsewhere(const struct smtp_path *path, struct view arg)
{
	return !path->bracketed &&
	       (holds(arg, '<') || holds(arg, '>') || (path->domain.len == 0 && holds(path->params, '@')));
}

bool
smtp_path_parse(struct view arg, struct smtp_path *path)
{
	*path = (struct smtp_path){ 0 };
	arg = trim(arg);
	if (arg.len == 0)
		return false;
	size_t open = find_bracket(arg);
	path->bracketed = open != NOWHERE;
	if (path->bracketed) {
		do
			arg = skip_blanks(view_from(arg, open + 1));
		while (open = 0, arg.len > 0 && arg.at[0] == '<');
	}
	size_t end = find_bare(arg, path->bracketed ? '>' : ' ', false);
	if (end == NOWHERE)
		end = arg.len;
	path->address = skip_route(trim(view_of(arg.at, end)));
	while (path->bracketed && end < arg.len && arg.at[end] == '>')
		end++;
	path->params = trim(view_from(arg, end));
	split(path);
	path->doubtful = !is_plain_domain(path->domain) || may_be_elsewhere(path, arg);
	return true;
}
