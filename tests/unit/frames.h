/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames for tests, put together header by header. Independent of the code under test. */
#ifndef POSTERN_TESTS_FRAMES_H
#define POSTERN_TESTS_FRAMES_H

#include "base/bytes.h"
#include "base/packet.h"

/* A frame that grows at its end. */
struct frame {
	uint8_t at[70000];
	size_t len;
};

static inline uint8_t *
frame_add(struct frame *f, const void *octets, size_t len)
{
	uint8_t *at = f->at + f->len;
	if (octets != NULL && len > 0)
		memcpy(at, octets, len);
	else
		memset(at, 0, len);
	f->len += len;
	return at;
}

static inline void
frame_add16(struct frame *f, unsigned v)
{
	store_be16(frame_add(f, NULL, 2), (uint16_t)v);
}

static inline void
frame_ethernet(struct frame *f, unsigned type)
{
	frame_add(f, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02", 12);
	frame_add16(f, type);
}

/* A tag behind a type of 0x8100 and the like. */
static inline void
frame_vlan(struct frame *f, unsigned id, unsigned type)
{
	frame_add16(f, id);
	frame_add16(f, type);
}

/* IPv4 from 192.0.2.1 to 198.51.100.2; `options`: octets, a multiple of 4; `fragment`: flags and offset. */
static inline uint8_t *
frame_ipv4(struct frame *f, unsigned protocol, unsigned options, unsigned fragment, size_t payload)
{
	uint8_t *ip = frame_add(f, NULL, 20 + options);
	ip[0] = (uint8_t)(0x45 + options / 4);
	memset(ip + 20, 1, options); /* no-operation */
	store_be16(ip + 2, (uint16_t)(20 + options + payload));
	store_be16(ip + 4, 0x1234);
	store_be16(ip + 6, (uint16_t)fragment);
	ip[8] = 64;
	ip[9] = (uint8_t)protocol;
	memcpy(ip + 12, "\xc0\x00\x02\x01\xc6\x33\x64\x02", 8);
	return ip;
}

/* IPv6 from 2001:db8::1 to 2001:db8::2. */
static inline uint8_t *
frame_ipv6(struct frame *f, unsigned next, size_t payload)
{
	uint8_t *ip = frame_add(f, NULL, 40);
	ip[0] = 0x60;
	store_be16(ip + 4, (uint16_t)payload);
	ip[6] = (uint8_t)next;
	ip[7] = 64;
	memcpy(ip + 8, "\x20\x01\x0d\xb8", 4);
	memcpy(ip + 24, "\x20\x01\x0d\xb8", 4);
	ip[23] = 1;
	ip[39] = 2;
	return ip;
}

/* TCP from port 40000 to 25, seq 1000, ack 2000; `options`: octets, a multiple of 4. */
static inline uint8_t *
frame_tcp(struct frame *f, unsigned flags, unsigned options, const char *payload)
{
	uint8_t *tcp = frame_add(f, NULL, 20 + options);
	memset(tcp + 20, 1, options);
	store_be16(tcp, 40000);
	store_be16(tcp + 2, 25);
	store_be32(tcp + 4, 1000);
	store_be32(tcp + 8, 2000);
	store_be16(tcp + 12, (uint16_t)((5 + options / 4) << 12 | flags));
	store_be16(tcp + 14, 8192);
	frame_add(f, payload, strlen(payload));
	return tcp;
}

#endif
