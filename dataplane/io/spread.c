/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_ring.h>

#include "io/spread.h"
#include "live/say.h"
#include "settings/settings.h"
#include "splice/owners.h"

enum { RING_FRAMES = 2048 };

static struct rte_ring *
ring_new(const char *name, unsigned worker)
{
	char full[RTE_RING_NAMESIZE];

	snprintf(full, sizeof(full), "%s%u", name, worker);
	return rte_ring_create(full, RING_FRAMES, (int)rte_socket_id(), RING_F_SP_ENQ | RING_F_SC_DEQ);
}

unsigned
spread_splices(const struct settings *s)
{
	return s->quarantine.servers_count > 0 ? 2 * s->quarantine.sessions : 0;
}

bool
spread_init(struct spread *spread, const struct settings *s)
{
	unsigned workers = s->dataplane.workers, splices = workers * spread_splices(s);

	*spread = (struct spread){ .workers = workers };
	for (unsigned i = 1; i < workers; i++) {
		spread->in[i] = ring_new("in", i);
		spread->out[i] = ring_new("out", i);
		if (spread->in[i] == NULL || spread->out[i] == NULL) {
			say("no memory for the rings between workers: %s", rte_strerror(rte_errno));
			return false;
		}
	}
	if (splices > 0 && (spread->owners = owners_new(splices)) == NULL) {
		say("no memory for %u sessions at quarantines; lower quarantine: sessions", splices);
		return false;
	}
	return true;
}

void
spread_free(struct spread *spread)
{
	owners_free(spread->owners);
}
