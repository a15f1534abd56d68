/* SPDX-License-Identifier: BSD-3-Clause */
#include "classify/scope.h"

#include <string.h>

bool
prefix_covers(const struct prefix *p, uint8_t ip_version, const uint8_t addr[16])
{
	unsigned whole = p->bits / 8, rest = p->bits % 8;

	if (p->ip_version != ip_version || memcmp(p->addr, addr, whole) != 0)
		return false;
	return rest == 0 || (p->addr[whole] ^ addr[whole]) >> (8 - rest) == 0;
}

bool
scope_exempts(const struct scope *s, uint8_t ip_version, const uint8_t addr[16])
{
	for (unsigned i = 0; i < s->exempts; i++)
		if (prefix_covers(&s->exempt[i], ip_version, addr))
			return true;
	return false;
}

bool
scope_has_port(const struct scope *s, uint16_t port)
{
	for (unsigned i = 0; i < s->ports; i++)
		if (s->port[i] == port)
			return true;
	return s->ports == 0;
}
