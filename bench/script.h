/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two ends of a session say to each other, line by line, and the rules that some of it meets. */
#ifndef POSTERN_BENCH_SCRIPT_H
#define POSTERN_BENCH_SCRIPT_H

#include "base/bytes.h"
#include "ruleset/ruleset.h"
#include "scenario.h"

/* What one end says before the other speaks. */
struct line {
	struct view octets;
	uint8_t dir; /* enum direction */
};

enum { SCRIPT_LINES = 24 };

struct script {
	struct line line[SCRIPT_LINES];
	unsigned lines;
};

/* Scripts of ordinary mails in front, as many with a recipient of a rule behind them. */
struct scripts {
	struct script *script;
	unsigned count; /* of each kind */
};

bool scripts_init(struct scripts *all, const struct scenario *s);
void scripts_free(struct scripts *all);

/* Writes domain `n` of the rule set as text; never longer than 40 octets. */
void rule_domain(unsigned n, char out[48]);

/* A rule set of `patterns` domains for `workers` threads, built by the real compiler; NULL after a sentence on stderr.
 */
struct ruleset *rules_make(unsigned patterns, unsigned workers, uint64_t generation);

/* Its blob; owned, or NULL after a sentence on stderr. *compile_s: seconds from the file to the blob. */
uint8_t *rules_blob(unsigned patterns, uint64_t generation, size_t *len, double *compile_s);

/*
 * What a start with a compiled rule set in the cache takes: its key (the rule file is read for it), the entry, and the
 * set out of it. False after a sentence on stderr.
 */
bool rules_cached(unsigned patterns, struct view blob, double *ms);

#endif
