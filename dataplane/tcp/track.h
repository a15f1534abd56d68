/* SPDX-License-Identifier: BSD-3-Clause */
/* What an acceptable segment tells of its connection: where numbers start, options, windows, acknowledgements. */
#ifndef POSTERN_TCP_TRACK_H
#define POSTERN_TCP_TRACK_H

#include "tcp/options.h"
#include "tcp/stream.h"

/*
 * Takes note of p, which tcp_check() has accepted and which is no RST. Afterwards a
 * segment with payload or FIN finds its direction started. May make the flow
 * read-only (midstream, one way, signed); each cause is counted once a flow.
 */
void tcp_track(struct tcp_worker *w, struct tcp *t, const struct packet *p, const struct tcp_options *o);

#endif
