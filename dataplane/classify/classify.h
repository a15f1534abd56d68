/* SPDX-License-Identifier: BSD-3-Clause */
/* Mail or not: by the ports of a decoded TCP segment. What is none leaves before any flow lookup. */
#ifndef POSTERN_CLASSIFY_CLASSIFY_H
#define POSTERN_CLASSIFY_CLASSIFY_H

#include "base/packet.h"

/* One bit a port: a test costs one load, however many ports there are. */
struct mail_ports {
	uint64_t bit[65536 / 64];
};

/* The `n` ports (host byte order) and no others; n == 0: every port. */
void mail_ports_set(struct mail_ports *m, const uint16_t *ports, unsigned n);

/* These as well. n == 0: every port. */
void mail_ports_add(struct mail_ports *m, const uint16_t *ports, unsigned n);

static inline bool
mail_port(const struct mail_ports *m, uint16_t port)
{
	return m->bit[port / 64] >> (port % 64) & 1;
}

/* True where either end of p, decoded as DECODE_TCP, is a mail port. Pure. */
static inline bool
classify_mail(const struct mail_ports *m, const struct packet *p)
{
	return mail_port(m, p->h.src_port) || mail_port(m, p->h.dst_port);
}

/*
 * Splits a burst of `n` decoded TCP packets, order kept: mail stays in front
 * of `burst` (the return value says how many), the rest goes to `other` (room
 * for n), *others says how many. Owns nothing.
 */
unsigned classify_burst(const struct mail_ports *m, struct packet **burst, unsigned n, struct packet **other,
			unsigned *others);

#endif
