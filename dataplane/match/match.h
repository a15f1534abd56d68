/* SPDX-License-Identifier: BSD-3-Clause */
/* The pattern engine: one canonical address per scan, block mode, scratch of the worker. */
#ifndef POSTERN_MATCH_MATCH_H
#define POSTERN_MATCH_MATCH_H

#include "smtp/domain.h"
#include "verdict/verdict.h"

struct hs_database;
struct hs_scratch;

/* A rule set ready to judge: tables, the databases and one scratch per worker. See ruleset/ruleset.h. */
struct ruleset;

/*
 * Three databases, three subjects: domains of rules are literals ".army.ml\n" in the
 * domain subject; exact addresses are literals "\nlocal@domain\n" in the
 * address between line feeds (an envelope line cannot hold one); regular
 * expressions see the bare address, so that ^ and $ mean what they say. A
 * database without patterns costs nothing. Names of lists and lookalikes stand
 * in tables of their own, see lookalike.h.
 *
 * Scans the subjects with the rule set: *v is what it says of `field` (a FIELD_*
 * mask), for verdict_settle(). `worker` picks the scratch: each index is used by one
 * thread at a time. Cost: about 0.1 to 0.6 us for up to 250,000 literals.
 */
void match_address(const struct ruleset *rs, unsigned worker, const struct subject *s, unsigned field,
		   struct verdict *v);

#endif
