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

void
pipeline_quarantines(struct pipeline *pl, const struct quarantine_table *table)
{
	if (pl->redirects != NULL)
		pl->redirects->table = *table;
}
