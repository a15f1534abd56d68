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
 * SYNs, both directions read. Then what its header says has been noted, as by
 * tcp_track(). False: nothing has happened. p stays with the caller.
 * Not to be called where the limits allow no packet to be held.
 */
bool tcp_express_accept(struct tcp_worker *w, struct flow *f, const struct packet *p);

/* What can follow for the octets of a p that tcp_express_accept() took; one without any just leaves: */

/* They have been read, and may leave: moves the marks. p stays with the caller. */
void tcp_express_pass(struct flow *f, const struct packet *p);

/* They are to be read: by the reader, as by tcp_input() behind its checks. Takes p. */
void tcp_express_read(struct tcp_worker *w, struct flow *f, struct packet *p);

#endif
