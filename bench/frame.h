/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames of sessions: Ethernet, two VLAN tags where wanted, IPv4 or IPv6, TCP, right checksums. */
#ifndef POSTERN_BENCH_FRAME_H
#define POSTERN_BENCH_FRAME_H

#include "base/bytes.h"
#include "buffers.h"

enum { FRAME_LIVES = 64000 /* client ports that a session slot takes in turn */ };

struct frame {
	uint32_t session; /* makes the client's address; below 2^24 */
	uint16_t life;    /* makes its port */
	uint8_t dir;      /* enum direction */
	uint8_t flags;
	bool ipv6, tagged, timestamps;
	uint32_t seq, ack;
	uint32_t clock, echo; /* timestamps: the sender's, and what it got last */
	struct view payload;
};

/* Octets of payload that a full segment has. */
size_t frame_mss(bool ipv6, bool timestamps);

/* Writes the frame into a taken buffer. `verified`: the NIC has found the checksum right. */
void frame_write(const struct frame *f, struct buffer *buffer, bool verified);

/* A frame of `size` octets, FCS included, that belongs to no session; `syn`: a SYN to port 25, else no mail. */
void frame_write_stray(uint32_t n, bool syn, unsigned size, struct buffer *buffer, bool verified);

/* The session of a decoded frame, and its life modulo FRAME_LIVES; UINT32_MAX: of none. */
uint32_t frame_session(const struct packet *p, uint8_t dir, uint16_t *life);

#endif
