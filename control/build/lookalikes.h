/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists, protected names and exemptions of a rule set to the tables of match/lookalike.h. */
#ifndef POSTERN_CONTROL_BUILD_LOOKALIKES_H
#define POSTERN_CONTROL_BUILD_LOOKALIKES_H

#include "build/names.h"
#include "rules/messages.h"
#include "rules/source.h"

struct lookalikes_built {
	struct pattern *patterns; /* owned: all of the rule set, those of rules first */
	uint32_t *id_of;          /* owned: index into patterns for each source pattern */
	struct suffix_slip_record *suffix_slips;
	struct confusable *confusables;
	size_t pattern_count, suffix_slip_count, confusable_count;
	struct names_built names, index;
	uint32_t *
		names_of; /* owned: names in the table that are lookalikes, for each rule; NULL: nothing is protected */
	uint64_t *rests;  /* filter of the rests of labels in `index` */
	size_t rest_words;
};

/* False: what is wrong is in `m`. lookalikes_free() takes *out either way. `s` gains strings. */
bool lookalikes_build(struct ruleset_source *s, struct lookalikes_built *out, struct messages *m);
void lookalikes_free(struct lookalikes_built *l);

#endif
