/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The capture front end: the same pipeline as postern-dp, fed from pcap and
 * pcapng files instead of ports. One thread.
 */
#ifndef POSTERN_REPLAY_FRONT_H
#define POSTERN_REPLAY_FRONT_H

#include <pcap/pcap.h>

#include "base/packet.h"

/* Packets of a replay, recycled by size, and where leaving ones are written. */
struct replay_front {
	struct packet *spare; /* small buffers */
	struct packet *spare_big;
	pcap_dumper_t *out; /* NULL: leaving packets are only counted */
	uint64_t now_ns;    /* capture time of the packet at hand: stamps what leaves */
	uint64_t left;      /* packets that left */
	uint64_t live;      /* packets handed out and not yet back: 0 at the end */
};

/* The four operations over `front`. Borrows. */
struct packet_ops replay_front_ops(struct replay_front *front);

/* A packet that holds a copy of `len` captured octets. Returns owned, or NULL (no memory). */
struct packet *replay_front_packet(struct replay_front *front, const uint8_t *octets, uint32_t len);

/* Gives all spare buffers back. */
void replay_front_done(struct replay_front *front);

/* The link type of a capture, or -1 where it is not one of enum link_type. */
int replay_link_type(int dlt);

#endif
