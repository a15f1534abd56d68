/* SPDX-License-Identifier: BSD-3-Clause */
/* What is wrong with rule files: collected while reading, printed once, sorted by place. */
#ifndef POSTERN_CONTROL_RULES_MESSAGES_H
#define POSTERN_CONTROL_RULES_MESSAGES_H

#include <stdio.h>

#include "rules/source.h"

enum severity { SEVERITY_ERROR, SEVERITY_WARNING };

struct message {
	struct place place;
	enum severity severity;
	char *text; /* owned: what is wrong, with the value, and what would be accepted */
};

struct messages {
	struct message *at;
	size_t count, cap;
	unsigned errors, warnings;
};

/* Most messages of a run that are kept and printed; further ones are only counted. */
#define MESSAGES_MAX 10000

void message_error(struct messages *m, struct place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void message_warning(struct messages *m, struct place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* In the order of reading, then by line and column. */
void messages_sort(struct messages *m);
/* One line each, "file:line:column: error: text". */
void messages_print(const struct messages *m, const struct ruleset_source *s, FILE *out);
void messages_free(struct messages *m);

#endif
