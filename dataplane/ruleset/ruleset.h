/* SPDX-License-Identifier: BSD-3-Clause */
/* A loaded rule set: verified blob, deserialised databases, one scratch per worker. Immutable once published. */
#ifndef POSTERN_RULESET_RULESET_H
#define POSTERN_RULESET_RULESET_H

#include "base/bytes.h"
#include "match/lookalike.h"
#include "verdict/rule.h"

struct ruleset {
	struct rule_tables tables;
	struct lookalike_tables lookalikes; /* lists and lookalikes; into the blob */
	struct hs_database *domain_db;      /* NULL: no domain patterns */
	struct hs_database *address_db;     /* NULL: no exact addresses */
	struct hs_database *regex_db;       /* NULL: no regular expressions */
	struct hs_scratch **scratch;        /* one per worker; the only part that is written to, each by its worker */
	unsigned workers;
	void *blob; /* owned copy */
	size_t blob_len;
};

/*
 * Loads a blob for `workers` threads. Copies what it needs. Returns owned;
 * NULL with a sentence in err (errlen octets) naming what is wrong.
 * Control thread only: allocates, takes milliseconds.
 */
struct ruleset *ruleset_load(struct view blob, unsigned workers, char *err, size_t errlen);

/* Takes rs. Only after every worker has passed a quiescent state. NULL is fine. */
void ruleset_free(struct ruleset *rs);

#endif
