/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.h"

#include "chance.h"
#include "headers/checksum.h"
#include "headers/decode.h"
#include "headers/proto.h"
#include "tcp/stream.h"

enum { MTU = 1500, FCS = 4, FIRST_PORT = 1024, WINDOW = 64240 };

size_t
frame_mss(bool ipv6, bool timestamps)
{
	return MTU - (ipv6 ? 60 : 40) - (timestamps ? 12 : 0);
}

/* Returns the first octet behind the link header. */
static uint8_t *
write_link(uint8_t *at, uint32_t session, bool tagged, bool ipv6)
{
	memcpy(at, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02", 12);
	at += 12;
	if (tagged) {
		store_be16(at, TYPE_SVLAN);
		store_be16(at + 2, (uint16_t)(100 + session % 16));
		store_be16(at + 4, TYPE_VLAN);
		store_be16(at + 6, (uint16_t)(200 + session % 64));
		at += 8;
	}
	store_be16(at, ipv6 ? TYPE_IPV6 : TYPE_IPV4);
	return at + 2;
}

/* 10.0.0.0/8 or 2001:db8::/96 for clients; servers are few. */
static void
write_address(uint8_t *at, uint32_t session, bool client, bool ipv6)
{
	if (ipv6) {
		memcpy(at, client ? "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0" : "\x20\x01\x0d\xb8\0\1\0\0\0\0\0\0", 12);
		store_be32(at + 12, client ? session : session % 8 + 1);
	} else {
		store_be32(at, client ? 10u << 24 | session : 0xc0000200u + session % 8 + 1);
	}
}

static uint8_t *
write_ip(uint8_t *at, uint32_t session, bool from_client, bool ipv6, size_t tcp_len)
{
	if (ipv6) {
		store_be32(at, 6u << 28);
		store_be16(at + IPV6_PAYLOAD, (uint16_t)tcp_len);
		at[IPV6_NEXT] = PROTO_TCP;
		at[7] = 61;
		write_address(at + IPV6_SOURCE, session, from_client, true);
		write_address(at + IPV6_SOURCE + 16, session, !from_client, true);
		return at + IPV6_HEADER_LEN;
	}
	memset(at, 0, IPV4_HEADER_LEN);
	at[0] = 0x45;
	store_be16(at + IPV4_TOTAL, (uint16_t)(IPV4_HEADER_LEN + tcp_len));
	store_be16(at + IPV4_FRAGMENT, 0x4000);
	at[8] = 61;
	at[IPV4_PROTOCOL] = PROTO_TCP;
	write_address(at + IPV4_SOURCE, session, from_client, false);
	write_address(at + IPV4_SOURCE + 4, session, !from_client, false);
	return at + IPV4_HEADER_LEN;
}

/* MSS and window scale with a SYN, timestamps where the session has them. Returns octets. */
static size_t
write_options(uint8_t *at, const struct frame *f)
{
	size_t len = 0;

	if (f->flags & TCP_SYN) {
		memcpy(at, "\x02\x04\x05\xb4\x01\x03\x03\x07", 8);
		len = 8;
	}
	if (f->timestamps) {
		memcpy(at + len, "\x01\x01\x08\x0a", 4);
		store_be32(at + len + 4, f->clock);
		store_be32(at + len + 8, f->flags & TCP_ACK ? f->echo : 0);
		len += 12;
	}
	return len;
}

static uint16_t
client_port(uint16_t life)
{
	return (uint16_t)(FIRST_PORT + life % FRAME_LIVES);
}

static void
finish(struct buffer *buffer, uint8_t *end, unsigned side, bool verified)
{
	struct packet *burst[1];

	buffer->d.length = (uint16_t)(end - buffer->d.address - buffer->d.offset);
	buffer->d.port = (uint16_t)side;
	buffer->d.flags = verified;
	buffers_receive(&buffer, 1, burst, 0);
	headers_decode(burst[0]);
	checksum_rewrite(burst[0]);
}

void
frame_write(const struct frame *f, struct buffer *buffer, bool verified)
{
	bool client = f->dir == DIR_CLIENT;
	size_t options = (f->flags & TCP_SYN ? 8 : 0) + (f->timestamps ? 12 : 0);
	uint8_t *at = buffer->d.address + buffer->d.offset;

	at = write_link(at, f->session, f->tagged, f->ipv6);
	at = write_ip(at, f->session, client, f->ipv6, TCP_HEADER_LEN + options + f->payload.len);
	store_be16(at, client ? client_port(f->life) : 25);
	store_be16(at + 2, client ? 25 : client_port(f->life));
	store_be32(at + 4, f->seq);
	store_be32(at + 8, f->ack);
	at[12] = (uint8_t)((TCP_HEADER_LEN + options) << 2);
	at[13] = f->flags;
	store_be16(at + 14, WINDOW);
	store_be32(at + 16, 0);
	write_options(at + TCP_HEADER_LEN, f);
	at += TCP_HEADER_LEN + options;
	if (f->payload.len > 0)
		memcpy(at, f->payload.at, f->payload.len);
	finish(buffer, at + f->payload.len, client ? SIDE_INSIDE : SIDE_OUTSIDE, verified);
}

void
frame_write_stray(uint32_t n, bool syn, unsigned size, struct buffer *buffer, bool verified)
{
	uint32_t id = (uint32_t)chance_of(n) & 0xffffff;
	uint8_t *begin = buffer->d.address + buffer->d.offset;
	uint8_t *at = write_link(begin, id, false, false);
	size_t frame = syn || size < 64 ? 64 - FCS : size - FCS;
	size_t tcp_len = syn ? TCP_HEADER_LEN : frame - (size_t)(at - begin) - IPV4_HEADER_LEN;

	at = write_ip(at, id, true, false, tcp_len);
	if (syn)
		at[-8] = 100; /* 100.x.y.z: no session's address */
	memset(at, 0, tcp_len);
	store_be16(at, (uint16_t)(1024 + n % 60000));
	store_be16(at + 2, syn ? 25 : 443);
	store_be32(at + 4, n * 2654435761u);
	at[12] = TCP_HEADER_LEN << 2;
	at[13] = syn ? TCP_SYN : TCP_ACK;
	store_be16(at + 14, WINDOW);
	finish(buffer, begin + frame, SIDE_INSIDE, verified);
}

uint32_t
frame_session(const struct packet *p, uint8_t dir, uint16_t *life)
{
	const uint8_t *ip = p->data + p->h.l3;
	bool client = dir == DIR_CLIENT;

	*life = (uint16_t)((client ? p->h.src_port : p->h.dst_port) - FIRST_PORT);
	if (p->h.ip_version == 6)
		return load_be32(ip + IPV6_SOURCE + (client ? 12 : 28));
	uint32_t address = load_be32(ip + IPV4_SOURCE + (client ? 0 : 4));
	return address >> 24 == 10 ? address & 0xffffff : UINT32_MAX;
}
