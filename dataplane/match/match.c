/* SPDX-License-Identifier: BSD-3-Clause */
#include <hs.h>

#include "match/match.h"
#include "ruleset/ruleset.h"

struct scan {
	struct verdict *verdict;
	const struct rule_tables *tables;
	unsigned field;
};

static int
on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
	struct scan *scan = ctx;
	verdict_consider(scan->verdict, scan->tables, id, scan->field);
	return 0;
}

static void
scan_octets(const struct hs_database *db, const void *at, size_t len, struct hs_scratch *scratch, struct scan *scan)
{
	if (db != NULL && len > 0)
		hs_scan(db, at, (unsigned)len, 0, scratch, on_match, scan);
}

static void
on_listed(void *ctx, uint32_t id, uint16_t octets)
{
	struct scan *scan = ctx;
	verdict_consider_name(scan->verdict, scan->tables, id, scan->field, octets);
}

/* Lists and lookalikes: exact names, in any number. */
static void
look_up(const struct ruleset *rs, const struct subject *s, struct scan *scan)
{
	struct lookalike_found found;

	if (s->domain_len < 3 || rs->lookalikes.names.count == 0)
		return;
	lookalike_find(&rs->lookalikes, &rs->tables, view_of(s->domain + 1, s->domain_len - 2u), scan->field, on_listed,
		       scan, &found);
	scan->verdict->exempt = found.exempt;
	if (found.candidates > 0)
		verdict_consider_candidates(scan->verdict, scan->tables, found.candidate, found.candidates, scan->field,
					    found.octets[0]);
}

/* Exact addresses stand between line feeds, as in their patterns. */
static void
scan_exact(const struct ruleset *rs, const struct subject *s, struct hs_scratch *scratch, struct scan *scan)
{
	uint8_t line[1 + ADDRESS_MAX + 1];

	if (rs->address_db == NULL || s->address_len == 0)
		return;
	line[0] = '\n';
	memcpy(line + 1, s->address, s->address_len);
	line[1 + s->address_len] = '\n';
	scan_octets(rs->address_db, line, 2 + (size_t)s->address_len, scratch, scan);
}

void
match_address(const struct ruleset *rs, unsigned worker, const struct subject *s, unsigned field, struct verdict *v)
{
	struct scan scan = { .verdict = v, .tables = &rs->tables, .field = field };
	struct hs_scratch *scratch = rs->scratch[worker];

	verdict_begin(v);
	scan_octets(rs->domain_db, s->domain, s->domain_len, scratch, &scan);
	look_up(rs, s, &scan);
	scan_exact(rs, s, scratch, &scan);
	scan_octets(rs->regex_db, s->address, s->address_len, scratch, &scan);
}
