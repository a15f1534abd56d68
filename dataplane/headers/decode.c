/* SPDX-License-Identifier: BSD-3-Clause */
#include "headers/decode.h"

#include "base/bytes.h"
#include "headers/proto.h"

#define MPLS_LABELS_MAX  8
#define IPV6_HEADERS_MAX 8

/*
 * What is left to read goes from function to function as a view: every octet in it may be read, and it only ever
 * shrinks.
 */
static struct view
behind(struct view v, size_t octets)
{
	return view_of(v.at + octets, v.len - octets);
}

static uint16_t
offset_of(const struct packet *p, struct view v)
{
	return (uint16_t)(v.at - p->data);
}

/* RFC 9293 section 3.1. */
static enum decode_result
decode_tcp(struct packet *p, struct view segment)
{
	const uint8_t *tcp = segment.at;
	struct headers *h = &p->h;

	if (segment.len < TCP_HEADER_LEN || segment.len > UINT16_MAX)
		return DECODE_MALFORMED;
	size_t header = (size_t)(tcp[12] >> 4) * 4;
	if (header < TCP_HEADER_LEN || header > segment.len)
		return DECODE_MALFORMED;
	h->l4 = offset_of(p, segment);
	h->payload = (uint16_t)(h->l4 + header);
	h->payload_len = (uint16_t)(segment.len - header);
	h->src_port = load_be16(tcp);
	h->dst_port = load_be16(tcp + 2);
	h->seq = load_be32(tcp + 4);
	h->ack = load_be32(tcp + 8);
	h->tcp_flags = load_be16(tcp + 12) & 0x1ff;
	h->window = load_be16(tcp + 14);
	return DECODE_TCP;
}

/* `header` octets in front of those that the fragment carries. */
static enum decode_result
decode_fragment(struct packet *p, struct view v, size_t header)
{
	p->h.fragment = true;
	p->h.l4 = offset_of(p, v);
	p->h.payload = (uint16_t)(p->h.l4 + header);
	p->h.payload_len = (uint16_t)(v.len - header);
	return DECODE_FRAGMENT;
}

/* RFC 791 section 3.1. */
static enum decode_result
decode_ipv4(struct packet *p, struct view v)
{
	const uint8_t *ip = v.at;

	if (v.len < IPV4_HEADER_LEN)
		return DECODE_MALFORMED;
	size_t header = (size_t)(ip[0] & 0x0f) * 4;
	size_t total = load_be16(ip + IPV4_TOTAL);
	bool fragment = (load_be16(ip + IPV4_FRAGMENT) & (IPV4_MORE | IPV4_OFFSET)) != 0;
	if (total == 0 && ip[IPV4_PROTOCOL] == PROTO_TCP && !fragment)
		total = v.len;
	if (ip[0] >> 4 != 4 || header < IPV4_HEADER_LEN || total < header || total > v.len)
		return DECODE_MALFORMED;
	p->h.l3 = offset_of(p, v);
	p->h.ip_version = 4;
	v = view_of(ip + header, total - header);
	if (fragment)
		return decode_fragment(p, v, 0);
	return ip[IPV4_PROTOCOL] == PROTO_TCP ? decode_tcp(p, v) : DECODE_NOT_TCP;
}

/* The octets of the extension header in front of v, or 0 where it is cut short. */
static size_t
extension_len(struct view v, uint8_t kind)
{
	if (v.len < 8)
		return 0;
	/* RFC 4302 section 2.2: AH counts in units of 4 octets, less 2; the others in units of 8, less 1. */
	size_t len = kind == PROTO_AH ? ((size_t)v.at[1] + 2) * 4 : ((size_t)v.at[1] + 1) * 8;
	return len <= v.len ? len : 0;
}

/* RFC 8200 section 4: from the first octet behind the fixed header on. */
static enum decode_result
decode_ipv6_chain(struct packet *p, struct view v, uint8_t next)
{
	for (unsigned i = 0; i < IPV6_HEADERS_MAX; i++) {
		size_t len = 8;
		switch (next) {
		case PROTO_TCP:
			return decode_tcp(p, v);
		case PROTO_FRAGMENT:
			if (v.len < IPV6_FRAGMENT_LEN)
				return DECODE_MALFORMED;
			/* RFC 6946: offset 0 and nothing more to come is a whole packet. */
			if ((load_be16(v.at + 2) & (IPV6_OFFSET | IPV6_MORE)) != 0)
				return decode_fragment(p, v, IPV6_FRAGMENT_LEN);
			break;
		case PROTO_ROUTING:
		case PROTO_HOP_BY_HOP:
		case PROTO_DEST_OPTIONS:
		case PROTO_AH:
			len = extension_len(v, next);
			if (len == 0)
				return DECODE_MALFORMED;
			/* On the way to an intermediate node: the destination, and with it the checksum, is another. */
			if (next == PROTO_ROUTING && v.at[3] != 0)
				return DECODE_NOT_TCP;
			break;
		default:
			return DECODE_NOT_TCP;
		}
		next = v.at[0];
		v = behind(v, len);
	}
	return DECODE_MALFORMED;
}

/* RFC 8200 section 3. */
static enum decode_result
decode_ipv6(struct packet *p, struct view v)
{
	const uint8_t *ip = v.at;

	if (v.len < IPV6_HEADER_LEN || ip[0] >> 4 != 6)
		return DECODE_MALFORMED;
	size_t payload = load_be16(ip + IPV6_PAYLOAD);
	p->h.l3 = offset_of(p, v);
	p->h.ip_version = 6;
	v = behind(v, IPV6_HEADER_LEN);
	if (payload == 0 && ip[IPV6_NEXT] == PROTO_TCP)
		payload = v.len;
	if (payload > v.len)
		return DECODE_MALFORMED;
	return decode_ipv6_chain(p, view_of(v.at, payload), ip[IPV6_NEXT]);
}

/* Where nothing names the protocol, the version does. */
static enum decode_result
decode_ip(struct packet *p, struct view v)
{
	if (v.len < 1)
		return DECODE_MALFORMED;
	switch (v.at[0] >> 4) {
	case 4:
		return decode_ipv4(p, v);
	case 6:
		return decode_ipv6(p, v);
	default:
		return DECODE_NOT_TCP;
	}
}

/* RFC 3032 section 2.1: label (20 bits), class (3), bottom of stack (1), TTL (8). */
static enum decode_result
decode_mpls(struct packet *p, struct view v)
{
	for (unsigned i = 0; i < MPLS_LABELS_MAX; i++) {
		if (v.len < 4)
			return DECODE_MALFORMED;
		bool bottom = (v.at[2] & 1) != 0;
		v = behind(v, 4);
		if (bottom)
			return decode_ip(p, v);
	}
	return DECODE_MALFORMED;
}

/* RFC 2516 section 4: version and type, code, session, length; then the PPP protocol. */
static enum decode_result
decode_pppoe(struct packet *p, struct view v)
{
	const uint8_t *pppoe = v.at;

	if (v.len < PPPOE_HEADER_LEN + 2)
		return DECODE_MALFORMED;
	size_t len = load_be16(pppoe + PPPOE_LENGTH);
	uint16_t protocol = load_be16(pppoe + PPPOE_HEADER_LEN);
	if (pppoe[0] != 0x11 || pppoe[1] != 0)
		return DECODE_NOT_TCP;
	if (len < 2 || PPPOE_HEADER_LEN + len > v.len)
		return DECODE_MALFORMED;
	p->h.pppoe = offset_of(p, v);
	v = view_of(pppoe + PPPOE_HEADER_LEN + 2, len - 2);
	if (protocol == PPP_IPV4)
		return decode_ipv4(p, v);
	return protocol == PPP_IPV6 ? decode_ipv6(p, v) : DECODE_NOT_TCP;
}

/* What stands behind an Ethernet type, or behind up to two VLAN tags: the id, and the type of what follows. */
static enum decode_result
decode_type(struct packet *p, struct view v, uint16_t type)
{
	for (unsigned depth = 0;; depth++) {
		switch (__builtin_expect(type, TYPE_IPV4)) {
		case TYPE_IPV4:
			return decode_ipv4(p, v);
		case TYPE_IPV6:
			return decode_ipv6(p, v);
		case TYPE_MPLS:
		case TYPE_MPLS_MULTICAST:
			return decode_mpls(p, v);
		case TYPE_PPPOE:
			return decode_pppoe(p, v);
		case TYPE_VLAN:
		case TYPE_SVLAN:
		case TYPE_SVLAN_OLD:
			break;
		default:
			return DECODE_NOT_TCP;
		}
		if (v.len < 4 || depth == 2)
			return DECODE_MALFORMED;
		*(depth == 0 ? &p->h.vlan_outer : &p->h.vlan_inner) = load_be16(v.at) & 0x0fff;
		type = load_be16(v.at + 2);
		v = behind(v, 4);
	}
}

/* A link header of `len` octets with the Ethernet type at `type_at`. */
static enum decode_result
decode_link(struct packet *p, struct view v, size_t len, size_t type_at)
{
	if (v.len < len)
		return DECODE_MALFORMED;
	return decode_type(p, behind(v, len), load_be16(v.at + type_at));
}

/* DLT_NULL: the address family of the machine that captured, in its byte order; IPv6 has a number per system. */
static enum decode_result
decode_loopback(struct packet *p, struct view v)
{
	if (v.len < 4)
		return DECODE_MALFORMED;
	uint32_t family = load_be32(v.at);
	if ((family & 0x00ffffff) == 0)
		family >>= 24;
	v = behind(v, 4);
	switch (family) {
	case 2:
		return decode_ipv4(p, v);
	case 10: /* Linux */
	case 24: /* NetBSD, OpenBSD */
	case 28: /* FreeBSD */
	case 30: /* macOS */
	case 23: /* Windows */
		return decode_ipv6(p, v);
	default:
		return DECODE_NOT_TCP;
	}
}

enum decode_result
headers_decode(struct packet *p)
{
	struct view frame = view_of(p->data, p->len);

	p->h = (struct headers){ 0 };
	switch ((enum link_type)p->link) {
	case LINK_ETHERNET:
		return decode_link(p, frame, 14, 12);
	case LINK_RAW_IP:
		return decode_ip(p, frame);
	case LINK_LOOPBACK:
		return decode_loopback(p, frame);
	case LINK_COOKED:
		return decode_link(p, frame, 16, 14);
	case LINK_COOKED2:
		return decode_link(p, frame, 20, 0);
	}
	return DECODE_NOT_TCP;
}

/* The frame ends with its IP packet, `len` octets from its beginning. */
static void
set_len(struct packet *p, uint32_t len)
{
	if (p->h.pppoe != 0)
		store_be16(p->data + p->h.pppoe + PPPOE_LENGTH, (uint16_t)(len - p->h.l3 + 2));
	p->room = p->room + p->len - len;
	p->len = len;
}

void
headers_resize(struct packet *p)
{
	const struct headers *h = &p->h;
	uint8_t *ip = p->data + h->l3;
	uint32_t len = (uint32_t)h->payload + h->payload_len;
	uint32_t ip_len = len - h->l3;

	if (h->ip_version == 4)
		store_be16(ip + IPV4_TOTAL, (uint16_t)ip_len);
	else
		store_be16(ip + IPV6_PAYLOAD, (uint16_t)(ip_len - IPV6_HEADER_LEN));
	set_len(p, len);
}

bool
headers_relink(struct packet *p, const uint8_t *link, const struct headers *like)
{
	struct headers *h = &p->h;
	uint32_t ip_len = (uint32_t)h->payload + h->payload_len - h->l3, len = like->l3 + ip_len;
	uint16_t was = h->l3;

	if (len > p->len + p->room)
		return false;
	memmove(p->data + like->l3, p->data + was, ip_len);
	memcpy(p->data, link, like->l3);
	h->l3 = like->l3;
	h->l4 = (uint16_t)(h->l4 - was + like->l3);
	h->payload = (uint16_t)(h->payload - was + like->l3);
	h->vlan_outer = like->vlan_outer;
	h->vlan_inner = like->vlan_inner;
	h->pppoe = like->pppoe;
	set_len(p, len);
	return true;
}
