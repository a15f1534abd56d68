/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A frame on its way through the pipeline.
 *
 * The core never sees an mbuf: a front end keeps a struct packet beside each
 * buffer (the mbuf's private area, or a slot of the replay pool) and gives the
 * core four operations. Whoever holds a packet pointer owns the frame until it
 * passes it to transmit() or release().
 */
#ifndef POSTERN_BASE_PACKET_H
#define POSTERN_BASE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room that a front end leaves behind the longest received frame, for a reply that outgrows its disguise. */
#define PACKET_TAILROOM 512

/* The two ports of a pair. A frame that came in at one side leaves at the other. */
enum side {
	SIDE_INSIDE = 0,
	SIDE_OUTSIDE = 1,
};

#define PAIR_NONE UINT8_MAX /* no pair of ports */

/* How the first octets of a frame are to be read; live ports are always Ethernet. */
enum link_type {
	LINK_ETHERNET = 0,
	LINK_RAW_IP,   /* DLT_RAW, DLT_IPV4, DLT_IPV6: no link header */
	LINK_LOOPBACK, /* DLT_NULL, DLT_LOOP: 4 octets of address family, either byte order */
	LINK_COOKED,   /* DLT_LINUX_SLL: 16 octets */
	LINK_COOKED2,  /* DLT_LINUX_SLL2: 20 octets */
};

/* What headers_decode() found; offsets from packet.data, lengths reconciled with the frame. */
struct headers {
	uint16_t l3;          /* offset of the IP header */
	uint16_t l4;          /* offset of the TCP header */
	uint16_t payload;     /* offset of the TCP payload */
	uint16_t payload_len; /* octets of TCP payload; link-layer padding excluded */
	uint16_t tcp_flags;   /* low 9 bits, as in RFC 9293 plus NS */
	uint16_t vlan_outer;  /* VLAN ids, 0 where untagged */
	uint16_t vlan_inner;
	uint8_t ip_version; /* 4 or 6; 0: not IP */
	bool fragment;      /* an IP fragment: see headers/decode.h for what is set */
	uint16_t pppoe;     /* offset of the PPPoE session header, 0: none */
	uint16_t window;    /* as on the wire, unscaled; host byte order */
	uint16_t src_port;  /* host byte order */
	uint16_t dst_port;  /* host byte order */
	uint32_t seq;       /* host byte order, as on the wire */
	uint32_t ack;       /* host byte order, as on the wire */
};

struct flow;
struct datagram;

/* Flags of a packet. */
enum {
	PACKET_COPY = 1 << 0,        /* a copy kept for reading only: never transmitted */
	PACKET_CHECKSUM_OK = 1 << 1, /* the NIC has verified the TCP checksum */
	PACKET_JUDGED = 1 << 2,      /* carries octets of a verdict: may differ from what came in */
	PACKET_SPLICED = 1 << 3,     /* comes from a quarantine, and looks as if it came from the server */
	PACKET_STRAY = 1 << 4,       /* not acceptable to the tcp stage: its octets are nobody's */
	PACKET_SAMPLE = 1 << 5,      /* its payload is compared with `sum` when it leaves */
	PACKET_HANDED = 1 << 6,      /* another worker has found that it is ours */
};

struct packet {
	uint8_t *data;             /* first octet of the frame; contiguous, writable */
	uint32_t len;              /* octets of the frame */
	uint32_t room;             /* octets writable behind data + len */
	struct packet *next;       /* link of whatever list the packet is on */
	struct flow *flow;         /* set by the flow stage; NULL: not a mail flow */
	struct datagram *datagram; /* private to headers/fragment.c; front ends set NULL: not made of fragments */
	uint64_t time_ns;          /* arrival, monotonic (replay: capture time) */
	struct headers h;
	uint32_t sum; /* PACKET_SAMPLE: checksum_payload() on arrival */
	uint8_t pair; /* port pair */
	uint8_t side; /* enum side: where it came in */
	uint8_t dir;  /* enum direction in its flow, set by the flow stage */
	uint8_t link; /* enum link_type */
	uint8_t flags;
};

/* What a front end provides. All calls come from the worker's own thread. */
struct packet_ops {
	/* Returns owned: a packet with len 0 and at least `need` octets of room, or NULL when the pool is empty. */
	struct packet *(*alloc)(void *front, uint32_t need);
	/* Takes p. */
	void (*release)(void *front, struct packet *p);
	/* Takes p: sends it out of `side` of p->pair. Order of calls is order on the wire. */
	void (*transmit)(void *front, struct packet *p, enum side side);
	void *front;
};

/* `to` travels as p does: its flow, time, headers and place. Octets, lengths and flags are the caller's. */
static inline void
packet_like(struct packet *to, const struct packet *p)
{
	to->next = NULL;
	to->datagram = NULL;
	to->flow = p->flow;
	to->time_ns = p->time_ns;
	to->h = p->h;
	to->pair = p->pair;
	to->side = p->side;
	to->dir = p->dir;
	to->link = p->link;
}

static inline enum side
other_side(uint8_t side)
{
	return side == SIDE_INSIDE ? SIDE_OUTSIDE : SIDE_INSIDE;
}

#endif
