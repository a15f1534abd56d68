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

/* Sets are of a few octets: a call of strchr() for each octet of a line would cost more than all else here. */
static inline bool
is_one_of(const char *set, uint8_t c)
{
	for (; *set != '\0'; set++)
		if ((uint8_t)*set == c)
			return true;
	return false;
}

/* The first (or the last) octet of `set` in v that no quotes hide; NOWHERE. An open quote hides nothing. */
static size_t
find_bare(struct view v, const char *set, bool last)
{
	size_t found = NOWHERE, quote = NOWHERE, found_before = NOWHERE;
	for (size_t i = 0; i < v.len; i++) {
		uint8_t c = v.at[i];
		if (quote != NOWHERE && c == '\\') {
			i++;
		} else if (c == '"') {
			found_before = found;
			quote = quote == NOWHERE ? i : NOWHERE;
		} else if (quote == NOWHERE && is_one_of(set, c)) {
			found = i;
			if (!last)
				return i;
		}
	}
	if (quote == NOWHERE)
		return found;
	/* The quote never closes: what stands behind it is as bare as the rest. */
	for (size_t i = quote + 1; i < v.len; i++)
		if (is_one_of(set, v.at[i])) {
			found_before = i;
			if (!last)
				break;
		}
	return found_before;
}

/* The index of the bracket that opens the path; NOWHERE: the path has none. A token with = is a parameter. */
static size_t
find_bracket(struct view arg)
{
	size_t open = find_bare(arg, "<", false);
	if (open == NOWHERE || open == 0)
		return open;
	struct view before = view_of(arg.at, open);
	if (find_bare(before, "@=", false) != NOWHERE)
		return NOWHERE;
	return open;
}

/* Leaves the source route aside: @one,@two:user@three (RFC 5321 appendix C). */
static struct view
skip_route(struct view v)
{
	if (v.len == 0 || v.at[0] != '@')
		return v;
	size_t colon = find_bare(v, ":", false);
	return colon != NOWHERE ? trim(view_from(v, colon + 1)) : v;
}

/* Where the server at hand routes it: behind the last @; without one, by the last % or the first !. */
static void
split(struct smtp_path *path)
{
	struct view a = path->address;
	size_t at = find_bare(a, "@", true);
	if (at == NOWHERE)
		at = find_bare(a, "%", true);
	if (at != NOWHERE) {
		path->local = trim(view_of(a.at, at));
		path->domain = trim(view_from(a, at + 1));
		return;
	}
	size_t bang = find_bare(a, "!", false);
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
	return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '.' || c == '-' ||
	       c == '_' || c >= 0x80;
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

static bool
holds(struct view v, uint8_t c)
{
	return v.len > 0 && memchr(v.at, c, v.len) != NULL;
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
	size_t end = find_bare(arg, path->bracketed ? ">" : BLANKS, false);
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
