/* SPDX-License-Identifier: BSD-3-Clause */
#include "splice/route.h"

#include "headers/checksum.h"
#include "headers/decode.h"

enum { HOPS = 64, DONT_FRAGMENT = 0x4000, ADDRESSES = 12 };
enum { KIND_NOP = 1, KIND_MSS = 2, KIND_WSCALE = 3, KIND_SACK_OK = 4, KIND_TIMESTAMPS = 8 };

#define OPTIONS_MAX 40

static size_t
address_len(const struct route *r)
{
	return r->ip_version == 4 ? 4 : 16;
}

static size_t
source_at(uint8_t ip_version)
{
	return ip_version == 4 ? IPV4_SOURCE : IPV6_SOURCE;
}

bool
route_of(struct route *r, const struct packet *like)
{
	const uint8_t *ip = like->data + like->h.l3;

	if (like->h.l3 > ROUTE_LINK)
		return false;
	*r = (struct route){
		.from_port = like->h.src_port,
		.to_port = like->h.dst_port,
		.pppoe = like->h.pppoe,
		.vlan_outer = like->h.vlan_outer,
		.vlan_inner = like->h.vlan_inner,
		.link_len = (uint8_t)like->h.l3,
		.link_type = like->link,
		.ip_version = like->h.ip_version,
		.pair = like->pair,
		.side = other_side(like->side),
	};
	memcpy(r->link, like->data, like->h.l3);
	memcpy(r->from, ip + source_at(r->ip_version), address_len(r));
	memcpy(r->to, ip + source_at(r->ip_version) + address_len(r), address_len(r));
	return true;
}

static void
swap(uint8_t *a, uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t octet = a[i];
		a[i] = b[i];
		b[i] = octet;
	}
}

void
route_turn(struct route *r)
{
	uint16_t port = r->from_port;

	if (r->link_type == LINK_ETHERNET && r->link_len >= ADDRESSES)
		swap(r->link, r->link + ADDRESSES / 2, ADDRESSES / 2);
	swap(r->from, r->to, sizeof r->from);
	r->from_port = r->to_port;
	r->to_port = port;
	r->side = other_side(r->side);
}

void
route_rejoin(struct route *r, const uint8_t link[12])
{
	memcpy(r->link, link, ADDRESSES);
}

void
route_apart(struct route *r, uint8_t pair, const uint8_t link[12])
{
	route_rejoin(r, link);
	store_be16(r->link + ADDRESSES, r->ip_version == 4 ? TYPE_IPV4 : TYPE_IPV6);
	r->link_len = ADDRESSES + 2;
	r->link_type = LINK_ETHERNET;
	r->vlan_outer = r->vlan_inner = r->pppoe = 0;
	r->pair = pair;
	r->side = SIDE_INSIDE;
}

bool
route_turns(const struct route *r)
{
	uint16_t type = r->link_len > ADDRESSES ? load_be16(r->link + r->link_len - 2) : 0;

	return r->link_type == LINK_ETHERNET && (r->pppoe != 0 || type == TYPE_IPV4 || type == TYPE_IPV6);
}

bool
route_put(const struct route *r, struct packet *p, bool back)
{
	const struct headers like = {
		.l3 = r->link_len, .vlan_outer = r->vlan_outer, .vlan_inner = r->vlan_inner, .pppoe = r->pppoe
	};

	if (!headers_relink(p, r->link, &like))
		return false;
	if (back)
		swap(p->data, p->data + ADDRESSES / 2, ADDRESSES / 2);
	p->pair = r->pair;
	p->side = back ? r->side : other_side(r->side);
	return true;
}

/* Returns the length of the IP header; lengths and checksums follow later. */
static uint16_t
write_ip(const struct route *r, uint8_t *ip)
{
	if (r->ip_version == 4) {
		memset(ip, 0, IPV4_HEADER_LEN);
		ip[0] = 0x45;
		store_be16(ip + IPV4_FRAGMENT, DONT_FRAGMENT);
		ip[8] = HOPS;
		ip[IPV4_PROTOCOL] = PROTO_TCP;
		memcpy(ip + IPV4_SOURCE, r->from, 4);
		memcpy(ip + IPV4_DESTINATION, r->to, 4);
		return IPV4_HEADER_LEN;
	}
	memset(ip, 0, IPV6_HEADER_LEN);
	ip[0] = 0x60;
	ip[IPV6_NEXT] = PROTO_TCP;
	ip[7] = HOPS;
	memcpy(ip + IPV6_SOURCE, r->from, 16);
	memcpy(ip + IPV6_DESTINATION, r->to, 16);
	return IPV6_HEADER_LEN;
}

/* Returns the octets written, a multiple of 4. */
static size_t
write_options(uint8_t *at, const struct end_segment *s, uint32_t ts_echo, const struct route_syn *syn)
{
	uint8_t *begin = at;

	if (syn != NULL) {
		*at++ = KIND_MSS;
		*at++ = 4;
		store_be16(at, syn->mss);
		at += 2;
	}
	if (syn != NULL && syn->has_sack) {
		static const uint8_t sack_ok[4] = { KIND_NOP, KIND_NOP, KIND_SACK_OK, 2 };
		memcpy(at, sack_ok, sizeof sack_ok);
		at += 4;
	}
	if (s->has_ts) {
		static const uint8_t timestamps[4] = { KIND_NOP, KIND_NOP, KIND_TIMESTAMPS, 10 };
		memcpy(at, timestamps, sizeof timestamps);
		store_be32(at + 4, s->ts_value);
		store_be32(at + 8, s->flags & TCP_ACK ? ts_echo : 0);
		at += 12;
	}
	if (syn != NULL && syn->has_wscale) {
		*at++ = KIND_NOP;
		*at++ = KIND_WSCALE;
		*at++ = 3;
		*at++ = syn->wscale;
	}
	return (size_t)(at - begin);
}

/* The TCP header of s at `tcp`. Returns its length. */
static uint16_t
write_tcp(const struct route *r, uint8_t *tcp, const struct end_segment *s, uint32_t ts_echo, uint16_t window,
	  const struct route_syn *syn)
{
	size_t len;

	memset(tcp, 0, TCP_HEADER_LEN);
	store_be16(tcp, r->from_port);
	store_be16(tcp + 2, r->to_port);
	store_be32(tcp + 4, s->seq);
	store_be32(tcp + 8, s->flags & TCP_ACK ? s->ack : 0);
	len = TCP_HEADER_LEN + write_options(tcp + TCP_HEADER_LEN, s, ts_echo, syn);
	tcp[12] = (uint8_t)(len / 4 << 4);
	tcp[13] = s->flags;
	store_be16(tcp + 14, window);
	return (uint16_t)len;
}

struct packet *
route_frame(const struct route *r, const struct packet_ops *ops, const struct end_segment *s, uint32_t ts_echo,
	    uint16_t window, const struct route_syn *syn)
{
	uint32_t most = ROUTE_LINK + IPV6_HEADER_LEN + TCP_HEADER_LEN + OPTIONS_MAX + (uint32_t)s->payload.len;
	struct packet *p = ops->alloc(ops->front, most);

	if (p == NULL)
		return NULL;
	memcpy(p->data, r->link, r->link_len);
	p->h = (struct headers){
		.l3 = r->link_len,
		.vlan_outer = r->vlan_outer,
		.vlan_inner = r->vlan_inner,
		.ip_version = r->ip_version,
		.pppoe = r->pppoe,
		.tcp_flags = s->flags,
		.window = window,
		.src_port = r->from_port,
		.dst_port = r->to_port,
		.seq = s->seq,
		.ack = s->ack,
	};
	p->h.l4 = p->h.l3 + write_ip(r, p->data + p->h.l3);
	p->h.payload = p->h.l4 + write_tcp(r, p->data + p->h.l4, s, ts_echo, window, syn);
	if (s->payload.len > 0)
		memcpy(p->data + p->h.payload, s->payload.at, s->payload.len);
	p->h.payload_len = (uint16_t)s->payload.len;
	headers_resize(p);
	p->next = NULL;
	p->flow = NULL;
	p->datagram = NULL;
	p->pair = r->pair;
	p->side = other_side(r->side);
	p->link = r->link_type;
	p->flags = PACKET_JUDGED;
	checksum_rewrite(p);
	return p;
}
