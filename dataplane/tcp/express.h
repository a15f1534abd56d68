/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The short way of the segments that most octets come in: the next ones of a
 * flow that holds nothing, or an ack alone. Everything else takes tcp_input(),
 * and what both can take has the same outcome.
 */
#ifndef POSTERN_TCP_EXPRESS_H
#define POSTERN_TCP_EXPRESS_H

#include "flow/flow.h"

/*
 * True where tcp_input() would find p acceptable and in its place, with nothing
 * held before or behind it: no flag but ACK and PSH, both ends known from their SYNs.
 * For octets, their direction is fluent, too. Pure.
 */
bool tcp_express_ok(const struct tcp_worker *w, const struct flow *f, const struct packet *p);

/* p passed tcp_express_ok(), and its octets have been read and may leave: moves the marks. p stays with the caller. */
void tcp_express(struct flow *f, const struct packet *p);

#endif
