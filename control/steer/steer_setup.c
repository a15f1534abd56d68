/* SPDX-License-Identifier: BSD-3-Clause */
#include "steer/steer_setup.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "settings/prefix.h"

/* As long as the dataplane keeps a session that says nothing. */
#define IDLE_NS (1800 * UINT64_C(1000000000))

void
steer_interface_of(const char *device, char name[16])
{
	device_interface(device, "net_af_xdp", name);
}

static void
set_exempt(const struct settings *s, struct steer_setup *setup)
{
	struct scope scope;

	scope_of(s, &scope);
	for (unsigned i = 0; i < scope.exempts; i++) {
		const struct prefix *p = &scope.exempt[i];

		if (p->ip_version == 4) {
			struct steer_prefix4 *to = &setup->exempt4[setup->exempt4_count++];

			to->bits = p->bits;
			memcpy(to->addr, p->addr, sizeof(to->addr));
		} else {
			struct steer_prefix6 *to = &setup->exempt6[setup->exempt6_count++];

			to->bits = p->bits;
			memcpy(to->addr, p->addr, sizeof(to->addr));
		}
	}
}

/* The interface that quarantines have to themselves. */
static void
set_apart(const struct settings *s, struct steer_setup *setup)
{
	if (s->quarantine.interface[0] == '\0')
		return;
	snprintf(setup->apart, sizeof(setup->apart), "%s", s->quarantine.interface);
	for (unsigned i = 0; i < s->quarantine.servers_count && i < STEER_QUARANTINES; i++) {
		const struct settings_quarantine *server = &s->quarantine.servers[i];
		struct steer_quarantine *q = &setup->quarantine[i];

		q->port = (uint16_t)server->port;
		q->ip_version = inet_pton(AF_INET, server->address, q->addr) == 1 ? 4 : 6;
		if (q->ip_version == 6 && inet_pton(AF_INET6, server->address, q->addr) != 1)
			q->ip_version = 0;
	}
}

void
steer_setup(const struct settings *s, struct steer_setup *setup)
{
	*setup = (struct steer_setup){
		.dir = s->steering.directory,
		.pairs = s->dataplane.pairs_count < STEER_PAIRS ? s->dataplane.pairs_count : STEER_PAIRS,
		.mail_ports = s->dataplane.mail_ports,
		.mail_ports_count = s->dataplane.mail_ports_count,
		.hung_ns = s->steering.heartbeat_ms * UINT64_C(1000000),
		.idle_ns = IDLE_NS,
	};
	set_exempt(s, setup);
	set_apart(s, setup);
	for (unsigned i = 0; i < setup->pairs; i++) {
		const struct settings_pair *pair = &s->dataplane.pairs[i];

		steer_interface_of(pair->inside, setup->pair[i].interface[0]);
		steer_interface_of(pair->outside, setup->pair[i].interface[1]);
		setup->pair[i].closed = pair->fail != NULL && strcmp(pair->fail, "closed") == 0;
	}
}
