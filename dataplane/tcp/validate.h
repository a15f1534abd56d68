/* SPDX-License-Identifier: BSD-3-Clause */
/* Is a segment what the other end would take? Judges only; tcp/track.h acts. */
#ifndef POSTERN_TCP_VALIDATE_H
#define POSTERN_TCP_VALIDATE_H

#include "tcp/options.h"
#include "tcp/stream.h"

/* How far a segment may lie from what is expected while the window is not known, octets. */
#define TCP_REACH_UNKNOWN (1u << 20)

/*
 * Octets ahead of half[dir].nxt that the end at the other side may take: its
 * window, never less than 64 KiB (a capture may lack its latest update);
 * TCP_REACH_UNKNOWN where its SYN was not seen. Pure.
 */
uint32_t tcp_reach(const struct tcp *t, enum direction dir);

/* 0 where segment p of travelling direction p->dir is acceptable; else bad_checksum, bad_segment or old_timestamp.
 * Pure. */
enum counter tcp_check(const struct tcp_worker *w, const struct tcp *t, const struct packet *p,
		       const struct tcp_options *o);

#endif
