/* SPDX-License-Identifier: BSD-3-Clause */
#include <hs.h>
#include <stdlib.h>

#include "build/patterns.h"

/* The subject is lower case ASCII; a capital in an expression still means its letter. */
#define REGEX_FLAGS (HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH)

/* Octets of a literal as an expression, sentinels and NUL included, at most. */
static size_t
room_for(const struct source_pattern *p)
{
	return p->kind == KIND_REGEX ? (size_t)p->len + 1 : 4 * (size_t)p->len + 8;
}

/* Letters and digits as they are, all else as \xHH: nothing in a literal is special then. */
static char *
put_literal(char *out, struct view text)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.at[i];
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
			*out++ = (char)c;
			continue;
		}
		*out++ = '\\';
		*out++ = 'x';
		*out++ = hex[c >> 4];
		*out++ = hex[c & 15];
	}
	return out;
}

/* Writes the expression of p and its NUL. Returns what follows. */
static char *
put_expression(char *out, const struct ruleset_source *s, const struct source_pattern *p)
{
	struct view text = source_text(s, p);

	if (p->kind == KIND_REGEX) {
		memcpy(out, text.at, text.len);
		out += text.len;
	} else {
		memcpy(out, p->kind == KIND_DOMAIN ? "\\." : "\\n", 2);
		out = put_literal(out + 2, text);
		memcpy(out, "\\n", 2);
		out += 2;
	}
	*out++ = '\0';
	return out;
}

static void *
need(void *memory)
{
	if (memory == NULL) {
		fputs("out of memory while compiling rules\n", stderr);
		exit(EXIT_FAILURE);
	}
	return memory;
}

static bool
is_wanted(const struct source_pattern *p, enum pattern_kind kind)
{
	return p->kind == kind && !(p->bulk && kind == KIND_DOMAIN);
}

void
expressions_make(const struct ruleset_source *s, enum pattern_kind kind, const uint32_t *id_of, struct expressions *e)
{
	size_t count = 0, room = 0;

	for (size_t i = 0; i < s->pattern_count; i++)
		if (is_wanted(&s->patterns[i], kind)) {
			count++;
			room += room_for(&s->patterns[i]);
		}
	*e = (struct expressions){
		.text = need(calloc(count + 1, sizeof(*e->text))),
		.flags = need(calloc(count + 1, sizeof(*e->flags))),
		.ids = need(calloc(count + 1, sizeof(*e->ids))),
		.from = need(calloc(count + 1, sizeof(*e->from))),
		.area = need(malloc(room + 1)),
	};
	char *out = e->area;
	for (size_t i = 0; i < s->pattern_count; i++) {
		if (!is_wanted(&s->patterns[i], kind))
			continue;
		e->text[e->count] = out;
		e->flags[e->count] = kind == KIND_REGEX ? REGEX_FLAGS : 0;
		e->from[e->count] = (uint32_t)i;
		e->ids[e->count++] = id_of[i];
		out = put_expression(out, s, &s->patterns[i]);
	}
}

void
expressions_free(struct expressions *e)
{
	free(e->text);
	free(e->flags);
	free(e->ids);
	free(e->from);
	free(e->area);
}

static void
regex_check(const struct ruleset_source *s, const struct source_pattern *p, struct messages *m)
{
	const char *text = (const char *)source_text(s, p).at;
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *error = NULL;

	if (hs_expression_info(text, REGEX_FLAGS, &info, &error) != HS_SUCCESS) {
		message_error(m, p->place, "\"%s\" is no regular expression: %s; expected Hyperscan syntax", text,
			      error->message);
		hs_free_compile_error(error);
		return;
	}
	if (info->min_width == 0)
		message_error(m, p->place,
			      "\"%s\" matches the empty string, hence every address; expected at least one "
			      "character that must be there",
			      text);
	free(info);
}

void
regexes_check(const struct ruleset_source *s, struct messages *m)
{
	for (size_t i = 0; i < s->pattern_count; i++)
		if (s->patterns[i].kind == KIND_REGEX)
			regex_check(s, &s->patterns[i], m);
}
