/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A rule set as it was read: rules, and the patterns they were expanded to.
 * Made for millions of patterns: fixed records, two string areas. Whatever
 * expands one line into many patterns (lists, lookalikes) adds them here,
 * each with a class, meaning, action and confidence of its own.
 */
#ifndef POSTERN_CONTROL_RULES_SOURCE_H
#define POSTERN_CONTROL_RULES_SOURCE_H

#include "base/bytes.h"
#include "lookalike/lookalike.h"
#include "verdict/rule.h"

enum pattern_kind { KIND_DOMAIN, KIND_ADDRESS, KIND_REGEX, KIND_COUNT };

/* Where something stands, for messages; line and column count from 1, columns in octets. */
struct place {
	uint32_t line; /* 0: the file as a whole */
	uint16_t file; /* index into ruleset_source.files */
	uint16_t column;
};

struct source_rule {
	uint32_t id, means, template; /* offsets into strings */
	struct place place;
	uint8_t action; /* enum action */
	uint8_t fields; /* mask */
	uint8_t mode;   /* enum mode */
	uint8_t lang;   /* enum lang */
	uint8_t sample;
	bool named_by_us; /* the id was made up: it need not be unique */
};

struct source_pattern {
	uint32_t text;              /* offset into texts: canonical domain or address, or a regular expression */
	uint32_t rule;              /* index */
	uint32_t means, class_name; /* offsets into strings; 0: the rule's, none */
	struct place place;
	uint16_t len;       /* octets of text */
	uint8_t kind;       /* enum pattern_kind */
	uint8_t action;     /* enum action */
	uint8_t confidence; /* per cent; 0: not stated */
	bool force;         /* a public suffix was meant */
	bool bulk;          /* of a list: KIND_DOMAIN stands in the table of names, not in the engine's database */
};

/* A protected name. */
struct source_protect {
	uint32_t text;       /* offset into texts: canonical domain */
	uint32_t rule;       /* index */
	uint32_t means;      /* offset into strings: the name again */
	uint32_t protection; /* index */
	uint32_t group;      /* offset into strings; 0: none */
	struct place place;
	uint16_t len;
};

/* A name that is no lookalike, with all below it. */
struct source_exempt {
	uint32_t text, rule;
	struct place place;
	uint16_t len;
};

/* Octets that only grow; an offset stays good. */
struct area {
	char *at;
	size_t len, cap;
};

struct ruleset_source {
	struct source_rule *rules;
	struct source_pattern *patterns;
	size_t rule_count, rule_cap, pattern_count, pattern_cap;
	struct source_protect *protects;
	struct source_exempt *exempts;
	struct protection *protections; /* each once */
	size_t protect_count, protect_cap, exempt_count, exempt_cap, protection_count, protection_cap;
	struct area strings; /* NUL-terminated, each once; offset 0 is "" */
	struct area texts;   /* NUL-terminated */
	uint32_t *interned;  /* hash table of offsets into strings */
	size_t interned_count, interned_cap;
	char **files; /* as they were named, in the order of reading */
	size_t file_count, file_cap;
	char **dirs; /* in which further files could appear; each ends with '/' */
	size_t dir_count, dir_cap;
};

void source_init(struct ruleset_source *s);
void source_free(struct ruleset_source *s);

/* The offset of `string` in s->strings, added where it is new. */
uint32_t source_intern(struct ruleset_source *s, struct view string);
const char *source_string(const struct ruleset_source *s, uint32_t offset);

/* Index of a new file; copies `path`. */
uint16_t source_add_file(struct ruleset_source *s, const char *path);
/* Takes note of a directory, once; copies `dir`. */
void source_add_dir(struct ruleset_source *s, const char *dir);

/* Index of the new rule. Copies *rule. */
uint32_t source_add_rule(struct ruleset_source *s, const struct source_rule *rule);
/* Adds a pattern whose text is `text`; `pattern` gives the rest (its text and len are ignored). Copies both. */
void source_add_pattern(struct ruleset_source *s, const struct source_pattern *pattern, struct view text);
/* Adds a protected name and an exempt one, of canonical `name`; `group`: as in source_protect. */
void source_add_protect(struct ruleset_source *s, struct view name, uint32_t rule, const struct protection *how,
			uint32_t group, struct place place);
void source_add_exempt(struct ruleset_source *s, struct view name, uint32_t rule, struct place place);
/* The text of a pattern, with a NUL behind it. Borrowed until the next pattern is added. */
struct view source_text(const struct ruleset_source *s, const struct source_pattern *p);

/* Room for one more element of `size` octets behind `count`; the process ends where there is no memory. */
void *source_grow(void *array, size_t *cap, size_t count, size_t size);

#endif
