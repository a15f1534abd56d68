/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Patterns as the engine wants them, one set a database:
 *
 *   domain   army.ml        \.army\.ml\n      a literal between the sentinels of subject.domain
 *   address  bob@army.ml    \nbob@army\.ml\n  a literal between line feeds, see match/match.h
 *   regex    @army\.ml$     as it is, any case, one report a scan
 *
 * Never ^literal$: the engine scans those far slower in numbers.
 */
#ifndef POSTERN_CONTROL_BUILD_PATTERNS_H
#define POSTERN_CONTROL_BUILD_PATTERNS_H

#include "rules/messages.h"
#include "rules/source.h"

struct expressions {
	const char **text; /* into `area` */
	unsigned *flags;   /* of the engine */
	unsigned *ids;     /* of the blob's patterns */
	uint32_t *from;    /* index into ruleset_source.patterns */
	unsigned count;
	char *area; /* owned */
};

/*
 * Collects the patterns of one kind, without the domains of lists: those are looked up (match/lookalike.h).
 * `id_of`: the blob's pattern of each one. expressions_free() takes *e.
 */
void expressions_make(const struct ruleset_source *s, enum pattern_kind kind, const uint32_t *id_of,
		      struct expressions *e);
void expressions_free(struct expressions *e);

/* Every regular expression the engine refuses, or that matches the empty string, is reported at its place. */
void regexes_check(const struct ruleset_source *s, struct messages *m);

#endif
