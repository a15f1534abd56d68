/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "rules/source.h"

/* Rules are compiled by commands and by a child process: ending it is the clean way out, the old rules stay live. */
static void *
need(void *memory)
{
	if (memory != NULL)
		return memory;
	fputs("out of memory while reading rules\n", stderr);
	exit(EXIT_FAILURE);
}

void *
source_grow(void *array, size_t *cap, size_t count, size_t size)
{
	if (count < *cap)
		return array;
	*cap = *cap == 0 ? 16 : *cap * 2;
	return need(reallocarray(array, *cap, size));
}

/* Adds `octets` and a NUL. Returns the offset. Offsets have 32 bits. */
static uint32_t
area_add(struct area *a, struct view octets)
{
	size_t wanted = a->len + octets.len + 1;

	if (wanted > UINT32_MAX)
		need(NULL);
	if (wanted > a->cap) {
		a->cap = wanted * 2;
		a->at = need(realloc(a->at, a->cap));
	}
	size_t offset = a->len;
	if (octets.len > 0)
		memcpy(a->at + offset, octets.at, octets.len);
	a->at[offset + octets.len] = '\0';
	a->len = wanted;
	return (uint32_t)offset;
}

void
source_init(struct ruleset_source *s)
{
	*s = (struct ruleset_source){ 0 };
	area_add(&s->strings, view_of("", 0));
}

void
source_free(struct ruleset_source *s)
{
	for (size_t i = 0; i < s->file_count; i++)
		free(s->files[i]);
	for (size_t i = 0; i < s->dir_count; i++)
		free(s->dirs[i]);
	free(s->files);
	free(s->dirs);
	free(s->rules);
	free(s->patterns);
	free(s->protects);
	free(s->exempts);
	free(s->protections);
	free(s->strings.at);
	free(s->texts.at);
	free(s->interned);
}

/* FNV-1a, 32 bits. */
static uint32_t
hash_of(struct view v)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < v.len; i++)
		h = (h ^ v.at[i]) * 16777619u;
	return h;
}

/* The slot of `string`: its own, or the empty one where it belongs. */
static uint32_t *
slot_of(const struct ruleset_source *s, struct view string)
{
	size_t mask = s->interned_cap - 1, i = hash_of(string) & mask;

	while (s->interned[i] != 0) {
		const char *known = s->strings.at + s->interned[i];
		if (view_equal(view_of(known, strlen(known)), string))
			break;
		i = (i + 1) & mask;
	}
	return &s->interned[i];
}

static void
interned_grow(struct ruleset_source *s)
{
	uint32_t *old = s->interned;
	size_t old_cap = s->interned_cap;

	s->interned_cap = old_cap == 0 ? 64 : old_cap * 2;
	s->interned = need(calloc(s->interned_cap, sizeof(*s->interned)));
	for (size_t i = 0; i < old_cap; i++) {
		if (old[i] == 0)
			continue;
		const char *known = s->strings.at + old[i];
		*slot_of(s, view_of(known, strlen(known))) = old[i];
	}
	free(old);
}

uint32_t
source_intern(struct ruleset_source *s, struct view string)
{
	if (string.len == 0)
		return 0;
	if (s->interned_count * 2 >= s->interned_cap)
		interned_grow(s);
	uint32_t *slot = slot_of(s, string);
	if (*slot == 0) {
		*slot = area_add(&s->strings, string);
		s->interned_count++;
	}
	return *slot;
}

const char *
source_string(const struct ruleset_source *s, uint32_t offset)
{
	return s->strings.at + offset;
}

uint16_t
source_add_file(struct ruleset_source *s, const char *path)
{
	if (s->file_count == UINT16_MAX)
		need(NULL);
	s->files = source_grow(s->files, &s->file_cap, s->file_count, sizeof(*s->files));
	s->files[s->file_count] = need(strdup(path));
	return (uint16_t)s->file_count++;
}

void
source_add_dir(struct ruleset_source *s, const char *dir)
{
	for (size_t i = 0; i < s->dir_count; i++)
		if (strcmp(s->dirs[i], dir) == 0)
			return;
	s->dirs = source_grow(s->dirs, &s->dir_cap, s->dir_count, sizeof(*s->dirs));
	s->dirs[s->dir_count++] = need(strdup(dir));
}

uint32_t
source_add_rule(struct ruleset_source *s, const struct source_rule *rule)
{
	s->rules = source_grow(s->rules, &s->rule_cap, s->rule_count, sizeof(*s->rules));
	s->rules[s->rule_count] = *rule;
	return (uint32_t)s->rule_count++;
}

void
source_add_pattern(struct ruleset_source *s, const struct source_pattern *pattern, struct view text)
{
	s->patterns = source_grow(s->patterns, &s->pattern_cap, s->pattern_count, sizeof(*s->patterns));
	struct source_pattern *p = &s->patterns[s->pattern_count++];
	*p = *pattern;
	p->text = area_add(&s->texts, text);
	p->len = (uint16_t)text.len;
}

static uint32_t
protection_index(struct ruleset_source *s, const struct protection *how)
{
	for (size_t i = s->protection_count; i > 0; i--)
		if (memcmp(&s->protections[i - 1], how, sizeof(*how)) == 0)
			return (uint32_t)i - 1;
	s->protections = source_grow(s->protections, &s->protection_cap, s->protection_count, sizeof(*s->protections));
	s->protections[s->protection_count] = *how;
	return (uint32_t)s->protection_count++;
}

void
source_add_protect(struct ruleset_source *s, struct view name, uint32_t rule, const struct protection *how,
		   uint32_t group, struct place place)
{
	s->protects = source_grow(s->protects, &s->protect_cap, s->protect_count, sizeof(*s->protects));
	s->protects[s->protect_count++] = (struct source_protect){ .text = area_add(&s->texts, name),
								   .len = (uint16_t)name.len,
								   .rule = rule,
								   .means = source_intern(s, name),
								   .protection = protection_index(s, how),
								   .group = group,
								   .place = place };
}

void
source_add_exempt(struct ruleset_source *s, struct view name, uint32_t rule, struct place place)
{
	s->exempts = source_grow(s->exempts, &s->exempt_cap, s->exempt_count, sizeof(*s->exempts));
	s->exempts[s->exempt_count++] = (struct source_exempt){
		.text = area_add(&s->texts, name), .len = (uint16_t)name.len, .rule = rule, .place = place
	};
}

struct view
source_text(const struct ruleset_source *s, const struct source_pattern *p)
{
	return view_of(s->texts.at + p->text, p->len);
}
