/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the parts of the parser: who is reading what. Private to control/rules. */
#ifndef POSTERN_CONTROL_RULES_READER_H
#define POSTERN_CONTROL_RULES_READER_H

#include <sys/stat.h>

#include "rules/lexer.h"
#include "rules/messages.h"
#include "rules/source.h"

/* Groups of protected names, at most. */
#define GROUPS_MAX 256

/* Files that include each other, at most. */
#define INCLUDE_DEPTH_MAX 16

/* What an included file holds; FORMAT_BY_NAME: .list, .txt and .hosts are lists, others rules. */
enum format { FORMAT_BY_NAME, FORMAT_RULES, FORMAT_LIST };

/* key=value options of a statement, in the order of the table in options.c. */
enum option {
	OPTION_MEANS,
	OPTION_MODE,
	OPTION_TEMPLATE,
	OPTION_LANG,
	OPTION_CLASS,
	OPTION_CONFIDENCE,
	OPTION_FORCE,
	OPTION_ID,
	OPTION_ACTION,
	OPTION_FIELD,
	OPTION_FORMAT,
	OPTION_LAYOUTS,
	OPTION_CLASSES,
	OPTION_GROUP,
	OPTION_COUNT
};
#define OPTION_BIT(o) (1u << (o))
#define OPTIONS_RULE                                                                                                   \
	(OPTION_BIT(OPTION_MEANS) | OPTION_BIT(OPTION_MODE) | OPTION_BIT(OPTION_TEMPLATE) | OPTION_BIT(OPTION_LANG) |  \
	 OPTION_BIT(OPTION_CLASS) | OPTION_BIT(OPTION_CONFIDENCE) | OPTION_BIT(OPTION_FORCE))
#define OPTIONS_ALLOW   OPTION_BIT(OPTION_ID)
#define OPTIONS_INCLUDE (OPTION_BIT(OPTION_LAYOUTS) - 1)
#define OPTIONS_GROUP                                                                                                  \
	(OPTION_BIT(OPTION_MODE) | OPTION_BIT(OPTION_TEMPLATE) | OPTION_BIT(OPTION_LANG) | OPTION_BIT(OPTION_ACTION) | \
	 OPTION_BIT(OPTION_FIELD) | OPTION_BIT(OPTION_LAYOUTS) | OPTION_BIT(OPTION_CLASSES))
#define OPTIONS_PROTECT (OPTIONS_GROUP | OPTION_BIT(OPTION_GROUP) | OPTION_BIT(OPTION_ID))

struct reader;
struct options {
	unsigned given;                           /* mask of OPTION_BIT */
	uint16_t column[OPTION_COUNT];            /* of the value, where given */
	uint32_t means, template, class_name, id; /* interned */
	enum action action;
	unsigned fields;
	enum mode mode;
	enum lang lang;
	uint8_t sample, confidence;
	bool force;
	enum format format;
	struct protection protection; /* POLICY_GUARD where a class is not named; no layouts: not given */
	const struct group *group;    /* NULL: none */
	/* What becomes of a name of a list; NULL: a pattern. `owner` is for its use. */
	void (*take)(struct reader *r, const struct options *o, struct view name, struct place place);
	uint32_t owner;
};

/* Options that several protected names share. */
struct group {
	uint32_t name; /* interned */
	struct options options;
};

/* Options of an include are what its lists go by: action flag and field rcpt where not said. */
void options_default(struct options *o);
/*
 * Reads the options in l->words[first...]; `allowed`: mask. Reports what is
 * wrong and returns false.
 */
bool options_read(struct reader *r, const struct line *l, unsigned first, unsigned allowed, struct options *o);

/* Octets of a rule id. */
#define RULE_ID_MAX 63
bool read_rule_id(struct reader *r, const struct word *w, uint32_t *id);

/* An open file, in the chain of those that include each other. */
struct reader_file {
	const char *path;
	dev_t dev;
	ino_t ino;
};

struct reader {
	struct ruleset_source *source;
	struct messages *messages;
	struct place place; /* of the line being read; column 1 */
	struct reader_file open[INCLUDE_DEPTH_MAX];
	unsigned depth;                   /* files in open[] */
	uint32_t list_rule;               /* rule of all lists of an include with id=; NO_RULE: each list has its own */
	struct group *groups[GROUPS_MAX]; /* owned */
	unsigned group_count;
	bool shipped_read; /* the exempt lists that come with Postern */
	struct line line;
};
#define NO_RULE UINT32_MAX

/* The place of `column` in the line being read. */
struct place reader_at(const struct reader *r, uint16_t column);

/* Words of the language. False, with a report, where the word is none. */
bool read_action(struct reader *r, struct view word, uint16_t column, enum action *action);
bool read_fields(struct reader *r, struct view word, uint16_t column, unsigned *fields);
bool read_kind(struct reader *r, struct view word, uint16_t column, enum pattern_kind *kind);
bool is_field(struct view word);
/* What goes together. False, with a report at `place`, where it does not. */
bool check_banner_kind(struct reader *r, unsigned fields, enum pattern_kind kind, struct place place);
bool check_redirect(struct reader *r, enum action action, unsigned fields, struct place place);

/* Adds the pattern `text` of `kind`, made canonical; *p gives the rest. Reports what is wrong with it. */
void reader_add_pattern(struct reader *r, struct source_pattern *p, struct view text);
/* Interns an id made of the last part of `path` and, where not 0, a line number. */
uint32_t reader_make_id(struct reader *r, const char *path, uint32_t line);

/* Statements: a line each. */
void statement_rule(struct reader *r);
void statement_allow(struct reader *r);
void statement_include(struct reader *r);
void statement_protect(struct reader *r);
void statement_exempt(struct reader *r);
void statement_group(struct reader *r);

/* The group of this name; NULL: there is none. */
const struct group *reader_group(const struct reader *r, struct view name);

/* The name of a file that `name`, written in the file being read, means. Returns owned. */
char *reader_resolve(const struct reader *r, struct view name);
/* The same for a file or directory that comes with Postern: where it is installed, else in the source tree. */
char *reader_shipped(const char *name);
/* Reads each file that `pattern` names, in the order of their names. */
void reader_include(struct reader *r, const char *pattern, const struct options *o, struct place from);

/* Whole files, their octets in memory. */
void read_rules(struct reader *r, struct view octets);
void read_list(struct reader *r, struct view octets, const struct options *o);
/* Takes the next line (line end taken off) out of `octets`. False at their end. */
bool next_line(struct view *octets, struct view *line);

/* Reads the file at `path`, by its format. `from`: where it was named. */
void read_file(struct reader *r, const char *path, const struct options *o, struct place from);

#endif
