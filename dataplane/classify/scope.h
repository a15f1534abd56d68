/* SPDX-License-Identifier: BSD-3-Clause */
/* What of the traffic is read: the mail ports, less the addresses that the operator has exempted. */
#ifndef POSTERN_CLASSIFY_SCOPE_H
#define POSTERN_CLASSIFY_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#define SCOPE_PORTS_MAX  32
#define SCOPE_EXEMPT_MAX 128

/* All addresses of a family that begin with the first `bits` bits of `addr`, network order; the others are 0. */
struct prefix {
	uint8_t addr[16]; /* IPv4: the first 4 octets */
	uint8_t bits;
	uint8_t ip_version; /* 4 or 6 */
};

struct scope {
	uint16_t port[SCOPE_PORTS_MAX]; /* host byte order */
	unsigned ports;                 /* 0: every port */
	struct prefix exempt[SCOPE_EXEMPT_MAX];
	unsigned exempts;
};

/* `addr` as in struct prefix. Pure. */
bool prefix_covers(const struct prefix *p, uint8_t ip_version, const uint8_t addr[16]);

/* The address is exempt. Looks at every prefix: for the first packet of a flow, not for each. Pure. */
bool scope_exempts(const struct scope *s, uint8_t ip_version, const uint8_t addr[16]);

/* The port carries mail. Pure. */
bool scope_has_port(const struct scope *s, uint16_t port);

#endif
