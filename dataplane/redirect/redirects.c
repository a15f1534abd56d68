/* SPDX-License-Identifier: BSD-3-Clause */
#include "redirect/redirects.h"

#include <stdlib.h>

struct redirects *
redirects_new(const struct pipeline_config *c, const uint8_t secret[16])
{
	struct redirects *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->table.fallback = ACTION_REJECT;
	r->pool = splice_pool_new(c->splices, c->splices * 8, secret);
	r->event = calloc(c->splices, sizeof *r->event);
	if (r->pool == NULL || r->event == NULL) {
		redirects_free(r);
		return NULL;
	}
	splice_pool_share(r->pool, c->owners, c->worker);
	return r;
}

void
redirects_free(struct redirects *r)
{
	if (r == NULL)
		return;
	splice_pool_free(r->pool);
	free(r->event);
	free(r);
}

/* A session that is there already goes on by the next hop of now. */
static void
follow(const struct quarantine_table *table, struct splice *s)
{
	for (unsigned i = 0; i < table->count && s->to.apart; i++) {
		const struct quarantine *q = &table->entry[i];
		if (q->healthy && q->apart && strcmp(q->name, s->to.name) == 0)
			route_rejoin(&s->far_route, q->link);
	}
}

void
pipeline_quarantines(struct pipeline *pl, const struct quarantine_table *table)
{
	struct redirects *r = pl->redirects;

	if (r == NULL)
		return;
	r->table = *table;
	for (struct splice *s = splice_next(r->pool, NULL); s != NULL; s = splice_next(r->pool, s))
		follow(table, s);
}
