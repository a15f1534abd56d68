/* SPDX-License-Identifier: BSD-3-Clause */
#include "settings/prefix.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/settings.h"

/* The number behind the slash; -1: none, or above `most`. */
static int
parse_bits(const char *text, int most)
{
	char *end;
	long bits;

	if (!isdigit((unsigned char)text[0]) || (text[0] == '0' && text[1] != '\0'))
		return -1;
	bits = strtol(text, &end, 10);
	return *end != '\0' || bits > most ? -1 : (int)bits;
}

/* Anything behind the first `bits` bits. */
static bool
has_rest(const struct prefix *p)
{
	struct prefix rest = *p;

	for (unsigned i = 0; i < p->bits; i++)
		rest.addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	for (unsigned i = 0; i < sizeof(rest.addr); i++)
		if (rest.addr[i] != 0)
			return true;
	return false;
}

const char *
prefix_parse(const char *text, struct prefix *p)
{
	const char *slash = strchr(text, '/');
	char address[INET6_ADDRSTRLEN];
	int most, bits;

	memset(p, 0, sizeof(*p));
	snprintf(address, sizeof(address), "%.*s", slash != NULL ? (int)(slash - text) : (int)sizeof(address) - 1,
		 text);
	if (inet_pton(AF_INET, address, p->addr) == 1)
		p->ip_version = 4;
	else if (inet_pton(AF_INET6, address, p->addr) == 1)
		p->ip_version = 6;
	else
		return "an address or a prefix (192.0.2.0/24, 2001:db8::/32) is wanted";
	most = p->ip_version == 4 ? 32 : 128;
	bits = slash != NULL ? parse_bits(slash + 1, most) : most;
	if (bits < 0)
		return p->ip_version == 4 ? "behind the slash a number from 0 to 32 is wanted"
					  : "behind the slash a number from 0 to 128 is wanted";
	p->bits = (uint8_t)bits;
	return has_rest(p) ? "the address has bits set behind the prefix; a single one stands without a slash" : NULL;
}

void
prefix_text(const struct prefix *p, char out[PREFIX_TEXT])
{
	char address[INET6_ADDRSTRLEN] = "?";

	inet_ntop(p->ip_version == 4 ? AF_INET : AF_INET6, p->addr, address, sizeof(address));
	snprintf(out, PREFIX_TEXT, "%s/%u", address, p->bits);
}

void
scope_of(const struct settings *s, struct scope *scope)
{
	*scope = (struct scope){ .ports = s->dataplane.mail_ports_count };
	memcpy(scope->port, s->dataplane.mail_ports, scope->ports * sizeof(scope->port[0]));
	for (unsigned i = 0; i < s->dataplane.exempt_count; i++)
		if (prefix_parse(s->dataplane.exempt[i], &scope->exempt[scope->exempts]) == NULL)
			scope->exempts++;
}
