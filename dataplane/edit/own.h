/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments that no peer has sent: what they need of the frames before them, and how they leave. */
#ifndef POSTERN_EDIT_OWN_H
#define POSTERN_EDIT_OWN_H

#include "edit/edit.h"

/* Remembers the headers of p, decoded; with a link header too long ip_version is 0: nothing is known. */
void own_head_of(struct edit_head *head, const struct packet *p);

/* The head of the opposite direction: link addresses change places. An MPLS label stack stays, and may be wrong there.
 */
void own_head_turn(struct edit_head *to, const struct edit_head *from);

/* True where the frame has MPLS labels. Pure. */
bool own_head_is_labelled(const struct edit_head *head);

/* A segment of ours, in the numbers of the end that gets it. */
struct own_segment {
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window; /* as on the wire */
	struct view payload;
};

/*
 * Sends s in direction `dir` of f with the link header of `head`, an IP header
 * without options, and TCP timestamps (RFC 7323) where the flow has them and s is
 * no RST. False: no buffer, counted.
 */
bool own_send(const struct edit_exit *out, const struct flow *f, const struct edit_head *head, enum direction dir,
	      const struct own_segment *s);

#endif
