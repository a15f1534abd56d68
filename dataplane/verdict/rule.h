/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables of a published rule set, as they stand in the blob: fixed-size
 * records and one string area, no pointers. Immutable once published. Little
 * endian, natural alignment; ruleset/blob.c has proven every offset.
 */
#ifndef POSTERN_VERDICT_RULE_H
#define POSTERN_VERDICT_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* Gravest last: where rules of one specificity disagree, the greater one wins. */
enum action {
	ACTION_PASS = 0, /* no rule matched; never stands in a rule */
	ACTION_FLAG,
	ACTION_DEFER,
	ACTION_REJECT,
	ACTION_REDIRECT,
	ACTION_RESET,
	ACTION_DROP,
	ACTION_ALLOW, /* beats everything, whatever the specificity */
	ACTION_COUNT
};

/* Fields a rule looks at; a mask. BANNER: the server's own name, in its greeting and its answer to EHLO or HELO. */
enum { FIELD_FROM = 1, FIELD_RCPT = 2, FIELD_BANNER = 4 };
#define FIELDS_ALL (FIELD_FROM | FIELD_RCPT | FIELD_BANNER)

/* How far a rule is trusted. */
enum mode { MODE_OBSERVE = 0, MODE_SAMPLE, MODE_ENFORCE, MODE_COUNT };

/* Language of the texts that are ours; a template is in whatever language its author wrote it. */
enum lang { LANG_EN = 0, LANG_DE, LANG_FR, LANG_NL, LANG_COUNT };

/* One rule as the operator wrote it. */
struct rule {
	uint32_t id;       /* string offset; NUL-terminated, 1-63 octets */
	uint32_t means;    /* string offset; "" where none; candidates separated by commas, best first */
	uint32_t template; /* string offset of the reply text template, "" for the default of the action */
	uint8_t action;    /* enum action */
	uint8_t fields;    /* mask */
	uint8_t mode;      /* enum mode */
	uint8_t sample;    /* per cent of flows, MODE_SAMPLE */
	uint8_t lang;      /* enum lang */
	uint8_t unused[3];
};

/*
 * Specificity of a pattern: an exact address is SPECIFICITY_ADDRESS + its
 * octets, a domain its octets (1 to 253), a regular expression 1. Names of
 * lists and lookalikes share patterns: theirs is the octets of what matched.
 */
#define SPECIFICITY_ADDRESS 1000
#define SPECIFICITY_REGEX   1

/* Flags of a pattern. */
enum {
	PATTERN_IDLE = 1,   /* its class is off: it matches nothing */
	PATTERN_LABEL = 2,  /* a slip of the label: one of the suffix without top-level domain may come on top */
	PATTERN_COMMON = 4, /* one of the commonest: one of a real suffix may, too */
};

/* The kind of a pattern that is no slip. */
#define SLIP_NONE UINT8_MAX

/* One pattern of the database. Its engine id is its index. Several patterns may serve one rule. */
struct pattern {
	uint32_t rule;        /* index */
	uint32_t means;       /* string offset; overrides the rule's where not "" */
	uint32_t class_name;  /* string offset: what kind of match; "" for plain rules */
	uint32_t base;        /* of a protected name and its slips: index of the name's first pattern; else 0 */
	uint16_t specificity; /* greater is more specific: exact address > longer domain > shorter domain > regex */
	uint8_t action;       /* this pattern's action (a class may only observe); ACTION_PASS: an exemption */
	uint8_t confidence;   /* per cent, 0: not stated */
	uint8_t slip;         /* number of its class, SLIP_NONE: no slip */
	uint8_t flags;        /* PATTERN_* */
	uint8_t unused[2];
};

/*
 * A protected name has a block of patterns from `base` on: the name itself,
 * an exemption; one for each class; and once more one for each class, where
 * the top-level domain of what was written does not exist.
 */
static inline uint32_t
pattern_of_slip(uint32_t base, uint8_t slip, bool undelegated, uint32_t slips)
{
	return base + 1 + slip + (undelegated ? slips : 0);
}

/* Borrowed view of a loaded rule set. */
struct rule_tables {
	const struct rule *rules;
	const struct pattern *patterns;
	const char *strings;
	uint32_t rule_count, pattern_count, string_len;
	uint8_t fields; /* that any rule but an `allow` looks at; a mask */
	uint64_t generation;
	const char *operator_name; /* into strings */
};

const char *action_name(enum action a);
/* ACTION_COUNT where the word is none. */
enum action action_of(struct view word);

/* The language of a code of ISO 639-1, lower case; LANG_COUNT where we have no texts in it. */
enum lang lang_of(struct view word);

#endif
