/* SPDX-License-Identifier: BSD-3-Clause */
/* A decoded TCP segment in sequence numbers (RFC 9293 section 3.4): SYN and FIN take one number each. Pure. */
#ifndef POSTERN_TCP_SEGMENT_H
#define POSTERN_TCP_SEGMENT_H

#include "base/packet.h"
#include "headers/proto.h"

/* True where any of `flags` is set. */
static inline bool
segment_has(const struct packet *p, unsigned flags)
{
	return (p->h.tcp_flags & flags) != 0;
}

/* Number of the first octet of payload; the octets of a SYN stand behind it. */
static inline uint32_t
segment_first(const struct packet *p)
{
	return p->h.seq + (segment_has(p, TCP_SYN) ? 1 : 0);
}

/* Number behind the last octet of payload: that of the FIN, where there is one. */
static inline uint32_t
segment_last(const struct packet *p)
{
	return segment_first(p) + p->h.payload_len;
}

/* Number behind everything that the segment takes. */
static inline uint32_t
segment_end(const struct packet *p)
{
	return segment_last(p) + (segment_has(p, TCP_FIN) ? 1 : 0);
}

/* Its payload; borrowed. */
static inline uint8_t *
segment_octets(const struct packet *p)
{
	return p->data + p->h.payload;
}

#endif
