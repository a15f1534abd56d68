/* SPDX-License-Identifier: BSD-3-Clause */
/* What of a held packet may leave, leaves alone. */
#ifndef POSTERN_TCP_PART_H
#define POSTERN_TCP_PART_H

#include "flow/flow.h"

/*
 * The oldest held packet of `dir` straddles half[dir].clear: what lies below
 * leaves as a segment of its own, the rest stays held. Nothing happens where
 * it does not straddle, or where no buffer is left (counted). Not from within
 * the reader.
 */
void tcp_part(struct tcp_worker *w, struct flow *f, enum direction dir);

#endif
