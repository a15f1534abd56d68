/* SPDX-License-Identifier: BSD-3-Clause */
#include "classify/classify.h"

#include <string.h>

void
mail_ports_set(struct mail_ports *m, const uint16_t *ports, unsigned n)
{
	memset(m->bit, 0, sizeof(m->bit));
	mail_ports_add(m, ports, n);
}

void
mail_ports_add(struct mail_ports *m, const uint16_t *ports, unsigned n)
{
	if (n == 0)
		memset(m->bit, 0xff, sizeof(m->bit));
	for (unsigned i = 0; i < n; i++)
		m->bit[ports[i] / 64] |= UINT64_C(1) << (ports[i] % 64);
}

unsigned
classify_burst(const struct mail_ports *m, struct packet **burst, unsigned n, struct packet **other, unsigned *others)
{
	unsigned mail = 0, rest = 0;

	for (unsigned i = 0; i < n; i++) {
		struct packet *p = burst[i];
		if (classify_mail(m, p))
			burst[mail++] = p;
		else
			other[rest++] = p;
	}
	*others = rest;
	return mail;
}
