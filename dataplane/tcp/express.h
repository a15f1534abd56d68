/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The short way of what most segments are: the next octets of a flow that
 * holds nothing, or an ack alone. Everything else takes tcp_input(), and what
 * both can take has the same outcome.
 */
#ifndef POSTERN_TCP_EXPRESS_H
#define POSTERN_TCP_EXPRESS_H

#include "flow/flow.h"

/*
 * True where tcp_input() would find p acceptable and in its place, with nothing
 * held before or behind it: no flag but ACK and PSH, both ends known from their
 * SYNs, its direction read. Pure.
 */
bool tcp_express_ok(const struct tcp_worker *w, const struct flow *f, const struct packet *p);

/* The three ways on of a p that passed tcp_express_ok(): */

/* It has no octets: notes what it says. p stays with the caller. */
void tcp_express_ack(struct tcp_worker *w, struct flow *f, const struct packet *p);

/* Its octets have been read, and may leave: moves the marks as well. p stays with the caller. */
void tcp_express_octets(struct tcp_worker *w, struct flow *f, const struct packet *p);

/* Its octets are to be read: by the reader, as by tcp_input() behind its checks. Takes p. */
void tcp_express_read(struct tcp_worker *w, struct flow *f, struct packet *p);

#endif
