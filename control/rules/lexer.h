/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A line of a rule file to words. Words are separated by blanks; # at the
 * start of a word begins a comment. "..." around a word, or around the value
 * of key="...", keeps blanks; in it \" is a quote, \\ a backslash, \n a line
 * feed, and any other backslash stands for itself (as regular expressions
 * want it). Pure.
 */
#ifndef POSTERN_CONTROL_RULES_LEXER_H
#define POSTERN_CONTROL_RULES_LEXER_H

#include "base/bytes.h"

#define LINE_MAX_OCTETS 8192
#define LINE_MAX_WORDS  64

struct word {
	struct view text; /* unquoted; a NUL stands behind it */
	struct view key;  /* of key=value; empty where it has no such form */
	struct view value;
	uint16_t column; /* from 1 */
	uint16_t value_column;
};

struct line {
	struct word words[LINE_MAX_WORDS];
	unsigned count;
	char octets[LINE_MAX_OCTETS + LINE_MAX_WORDS]; /* what the words point into */
};

struct lex_error {
	uint16_t column;
	const char *what; /* what is wrong and what is expected */
};

/* Reads `in` (no line end; a CR at its end is ignored). False: *err says why, `out` is not valid. */
bool lex_line(struct view in, struct line *out, struct lex_error *err);

#endif
