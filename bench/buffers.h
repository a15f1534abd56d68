/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A front end without ports: buffers laid out like mbufs, a ring that packets
 * are received from, and a list of what was sent. The cost of a driver is not
 * in it; the loads and stores that io/front.c does are.
 */
#ifndef POSTERN_BENCH_BUFFERS_H
#define POSTERN_BENCH_BUFFERS_H

#include "base/packet.h"
#include "flow/table.h"

enum {
	BUFFER_HEADROOM = 128,
	BUFFER_ROOM = 2048 + PACKET_TAILROOM, /* behind the headroom */
};

/* What a driver writes on receiving and reads on sending. Two cache lines, as of an mbuf. */
struct descriptor {
	uint8_t *address;
	uint16_t offset;
	uint16_t length;
	uint16_t port; /* side */
	uint16_t segments;
	uint64_t flags; /* 1: the checksum is right */
	struct buffer *next;
} __attribute__((aligned(128)));

struct buffer {
	struct descriptor d;
	struct packet packet;
	_Alignas(64) uint8_t octets[BUFFER_HEADROOM + BUFFER_ROOM];
};

struct buffers {
	struct buffer *all;
	size_t count;
	struct buffer **spare; /* the last that came is the first that goes, as in a mempool's cache */
	size_t spare_count;
	/* Sent since the last buffers_sent(). */
	struct buffer **sent;
	size_t sent_count;
	struct buffer *outbox[2][FLOW_BURST];
	unsigned outbox_count[2];
};

bool buffers_init(struct buffers *b, size_t count);
void buffers_free(struct buffers *b);

/* Returns owned, with the descriptor of an empty frame; NULL: none is left. */
struct buffer *buffers_take(struct buffers *b);
void buffers_give(struct buffers *b, struct buffer *buffer);

/* The operations of a pipeline over b. */
struct packet_ops buffers_ops(struct buffers *b);

/* Packets of n received frames, as io/front.c makes them. */
void buffers_receive(struct buffer **frames, unsigned n, struct packet **burst, uint64_t now_ns);
/* What the outboxes hold is sent. */
void buffers_flush(struct buffers *b);

static inline struct buffer *
buffer_of(struct packet *p)
{
	return (struct buffer *)((char *)p - offsetof(struct buffer, packet));
}

#endif
