/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of a splice share: its ends on their wires, and numbers as either side sees them. */
#ifndef POSTERN_SPLICE_ENDS_H
#define POSTERN_SPLICE_ENDS_H

#include "splice/splice.h"

/* To the quarantine; after splice_fail() to the client. */
struct end_wire splice_far_wire(struct splice *s);
/* To the original server. */
struct end_wire splice_near_wire(struct splice *s);

/* Octets of text that a segment of e may carry to a receiver that announced `mss`. Pure. */
uint16_t splice_mss(const struct end *e, uint16_t mss);

/* A decoded segment, as an end sees it. Borrows p. */
struct tcp_options;
struct end_segment splice_segment(const struct packet *p, const struct tcp_options *o);

static inline uint32_t
as_server_sees(const struct flow *f, uint32_t client_number)
{
	return f->edit != NULL ? ledger_seq(&f->edit->ledger[DIR_CLIENT], client_number) : client_number;
}

static inline uint32_t
as_client_sees(const struct flow *f, uint32_t server_number)
{
	return f->edit != NULL ? ledger_seq(&f->edit->ledger[DIR_SERVER], server_number) : server_number;
}

#endif
