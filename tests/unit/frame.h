/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP segments for tests: made from strings, in a front end that keeps what is transmitted. */
#ifndef POSTERN_TESTS_FRAME_H
#define POSTERN_TESTS_FRAME_H

#include <stdlib.h>

#include "base/bytes.h"
#include "base/packet.h"
#include "headers/checksum.h"
#include "headers/decode.h"

#define FRAME_ROOM 4096

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

enum carrier { CARRIER_NONE, CARRIER_QINQ, CARRIER_MPLS, CARRIER_PPPOE };

struct frame {
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window;
	uint8_t dir;          /* 0: 10.0.0.1:40000 to 10.0.0.2:25, from the inside */
	uint8_t version;      /* 4 or 6; 0: 4 */
	uint16_t vlan;        /* 0: untagged */
	enum carrier carrier; /* what is between Ethernet, a tag included, and IP */
	uint8_t ip_options;   /* octets of IPv4 options (NOPs), or of one IPv6 destination options header; of 8 */
	struct view options;  /* TCP options; padded with NOPs */
	struct view payload;
	uint8_t padding; /* octets behind the IP packet */
};

/* A front end: what was sent, in order, and whether its pool is empty. */
struct front {
	struct packet_ops ops;
	struct packet *sent, **tail;
	enum side side[64];
	unsigned sent_count;
	unsigned alive;       /* packets that nobody has given back */
	unsigned allocs_left; /* then alloc() says NULL */
	uint32_t room;        /* of allocated packets, 0: FRAME_ROOM */
};

/* Above 0 while the front end uses the heap: no_heap.c. */
__attribute__((weak)) volatile int front_at_work;

static inline struct packet *
front_alloc(void *at, uint32_t need)
{
	struct front *front = at;
	uint32_t room = need > FRAME_ROOM ? need : FRAME_ROOM;

	if (front->allocs_left == 0)
		return NULL;
	front->allocs_left--;
	front_at_work++;
	struct packet *p = calloc(1, sizeof *p + room);
	front_at_work--;
	p->data = (uint8_t *)(p + 1);
	p->room = room;
	front->alive++;
	return p;
}

static inline void
front_release(void *at, struct packet *p)
{
	struct front *front = at;

	front->alive--;
	front_at_work++;
	free(p);
	front_at_work--;
}

static inline void
front_transmit(void *at, struct packet *p, enum side side)
{
	struct front *front = at;

	front->side[front->sent_count++ % 64] = side;
	p->next = NULL;
	*front->tail = p;
	front->tail = &p->next;
}

static inline void
front_init(struct front *front)
{
	*front = (struct front){ .allocs_left = UINT32_MAX };
	front->tail = &front->sent;
	front->ops = (struct packet_ops){ front_alloc, front_release, front_transmit, front };
}

/* The oldest transmitted packet, decoded anew; owned. NULL: none. */
static inline struct packet *
front_take(struct front *front)
{
	struct packet *p = front->sent;

	if (p == NULL)
		return NULL;
	front->sent = p->next;
	if (front->sent == NULL)
		front->tail = &front->sent;
	p->next = NULL;
	return p;
}

static inline uint16_t
frame_ip(uint8_t *ip, const struct frame *f, uint16_t tcp_len)
{
	uint8_t a[16] = { 10, 0, 0, 1 }, b[16] = { 10, 0, 0, 2 };
	const uint8_t *from = f->dir == 0 ? a : b, *to = f->dir == 0 ? b : a;

	if (f->version == 6) {
		memset(ip, 0, 40);
		ip[0] = 0x60;
		store_be16(ip + 4, (uint16_t)(f->ip_options + tcp_len));
		ip[6] = f->ip_options > 0 ? 60 : 6;
		ip[7] = 61;
		memcpy(ip + 8, from, 16);
		memcpy(ip + 24, to, 16);
		if (f->ip_options > 0) {
			memset(ip + 40, 0, f->ip_options);
			ip[40] = 6;
			ip[41] = (uint8_t)(f->ip_options / 8 - 1);
			ip[42] = 1;
			ip[43] = (uint8_t)(f->ip_options - 4);
		}
		return (uint16_t)(40 + f->ip_options);
	}
	memset(ip, 1, (size_t)20 + f->ip_options);
	ip[0] = (uint8_t)(0x40 | (20 + f->ip_options) / 4);
	ip[1] = 2;
	store_be16(ip + 2, (uint16_t)(20 + f->ip_options + tcp_len));
	store_be16(ip + 4, 0x1234);
	store_be16(ip + 6, 0x4000);
	ip[8] = 61;
	ip[9] = 6;
	memcpy(ip + 12, from, 4);
	memcpy(ip + 16, to, 4);
	return (uint16_t)(20 + f->ip_options);
}

/* What carries an IP packet of `len` octets, the type before it included. */
static inline uint16_t
frame_carrier(uint8_t *at, const struct frame *f, size_t len)
{
	uint16_t type = f->version == 6 ? 0x86dd : 0x0800;

	switch (f->carrier) {
	case CARRIER_QINQ:
		store_be16(at, 0x88a8);
		store_be16(at + 2, 200);
		store_be16(at + 4, 0x8100);
		store_be16(at + 6, 300);
		store_be16(at + 8, type);
		return 10;
	case CARRIER_MPLS: /* two labels, the second at the bottom of the stack */
		store_be16(at, 0x8847);
		store_be32(at + 2, 0x00010040);
		store_be32(at + 6, 0x00020140);
		return 10;
	case CARRIER_PPPOE: /* session 7 */
		store_be16(at, 0x8864);
		store_be32(at + 2, 0x11000007);
		store_be16(at + 6, (uint16_t)(len + 2));
		store_be16(at + 8, f->version == 6 ? 0x0057 : 0x0021);
		return 10;
	case CARRIER_NONE:
		break;
	}
	store_be16(at, type);
	return 2;
}

/* A frame with right checksums, decoded; owned, from `front`. */
static inline struct packet *
frame_make(struct front *front, const struct frame *f)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	size_t options = (f->options.len + 3) / 4 * 4;
	uint32_t left = front->allocs_left;
	uint8_t *at;

	front->allocs_left = UINT32_MAX;
	struct packet *p = front_alloc(front, 200 + (uint32_t)f->payload.len + PACKET_TAILROOM);
	front->allocs_left = left;
	at = p->data;
	memcpy(at, f->dir == 0 ? macs : macs + 6, 6);
	memcpy(at + 6, f->dir == 0 ? macs + 6 : macs, 6);
	at += 12;
	if (f->vlan > 0) {
		store_be16(at, 0x8100);
		store_be16(at + 2, f->vlan);
		at += 4;
	}
	at += frame_carrier(at, f, (size_t)(f->version == 6 ? 40 : 20) + f->ip_options + 20 + options + f->payload.len);
	at += frame_ip(at, f, (uint16_t)(20 + options + f->payload.len));
	store_be16(at, f->dir == 0 ? 40000 : 25);
	store_be16(at + 2, f->dir == 0 ? 25 : 40000);
	store_be32(at + 4, f->seq);
	store_be32(at + 8, f->ack);
	at[12] = (uint8_t)((20 + options) / 4 << 4);
	at[13] = f->flags;
	store_be16(at + 14, f->window);
	store_be16(at + 18, f->flags & URG ? 3 : 0);
	memset(at + 20, 1, options);
	if (f->options.len > 0)
		memcpy(at + 20, f->options.at, f->options.len);
	at += 20 + options;
	if (f->payload.len > 0)
		memcpy(at, f->payload.at, f->payload.len);
	at += f->payload.len;
	p->len = (uint32_t)(at - p->data) + f->padding;
	p->room -= p->len;
	p->dir = f->dir;
	p->side = f->dir;
	if (headers_decode(p) != DECODE_TCP)
		abort();
	checksum_rewrite(p);
	return p;
}

/* Cuts a frame on plain Ethernet, without extension headers, into two fragments behind `at` octets of TCP (of 8). Takes
 * p. */
static inline void
frame_cut(struct front *front, struct packet *p, size_t at, struct packet *half[2])
{
	bool v4 = p->h.ip_version == 4;
	size_t l4 = p->h.l4, end = l4 + p->h.payload - p->h.l4 + p->h.payload_len;

	for (unsigned i = 0; i < 2; i++) {
		size_t from = i == 0 ? l4 : l4 + at, to = i == 0 ? l4 + at : end;
		struct packet *h = half[i] = front_alloc(front, FRAME_ROOM);
		uint8_t *ip = h->data + p->h.l3;
		memcpy(h->data, p->data, l4);
		h->len = (uint32_t)l4;
		if (v4) {
			store_be16(ip + 2, (uint16_t)(l4 - p->h.l3 + to - from));
			store_be16(ip + 6, (uint16_t)(i == 0 ? 0x2000 : at / 8));
			checksum_ipv4_header(ip);
		} else {
			store_be16(ip + 4, (uint16_t)(8 + to - from));
			ip[6] = 44;
			store_be16(h->data + l4, 0x0600);
			store_be16(h->data + l4 + 2, (uint16_t)(i == 0 ? 1 : at));
			store_be32(h->data + l4 + 4, 0x5678);
			h->len += 8;
		}
		memcpy(h->data + h->len, p->data + from, to - from);
		h->len += (uint32_t)(to - from);
		h->room -= h->len;
		h->side = p->side;
		if (headers_decode(h) != DECODE_FRAGMENT)
			abort();
	}
	front_release(front, p);
}

#endif
