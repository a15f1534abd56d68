/* SPDX-License-Identifier: BSD-3-Clause */
#include "headers/decode.h"

#include "base/bytes.h"
#include "headers/proto.h"

#define MPLS_LABELS_MAX  8
#define IPV6_HEADERS_MAX 8

/* How far the frame has been read. Every octet below `end` may be read; `end` only ever shrinks. */
struct cursor {
	const uint8_t *data;
	size_t pos;
	size_t end;
};

static bool
has(const struct cursor *c, size_t n)
{
	return c->end - c->pos >= n;
}

static const uint8_t *
here(const struct cursor *c)
{
	return c->data + c->pos;
}

/* RFC 9293 section 3.1. */
static enum decode_result
decode_tcp(struct cursor *c, struct headers *h)
{
	if (!has(c, TCP_HEADER_LEN) || c->end - c->pos > UINT16_MAX)
		return DECODE_MALFORMED;
	const uint8_t *tcp = here(c);
	size_t header = (size_t)(tcp[12] >> 4) * 4;
	if (header < TCP_HEADER_LEN || !has(c, header))
		return DECODE_MALFORMED;
	h->l4 = (uint16_t)c->pos;
	h->payload = (uint16_t)(c->pos + header);
	h->payload_len = (uint16_t)(c->end - c->pos - header);
	h->src_port = load_be16(tcp);
	h->dst_port = load_be16(tcp + 2);
	h->seq = load_be32(tcp + 4);
	h->ack = load_be32(tcp + 8);
	h->tcp_flags = load_be16(tcp + 12) & 0x1ff;
	h->window = load_be16(tcp + 14);
	return DECODE_TCP;
}

static enum decode_result
decode_fragment(struct headers *h, size_t l4, size_t payload, size_t end)
{
	h->fragment = true;
	h->l4 = (uint16_t)l4;
	h->payload = (uint16_t)payload;
	h->payload_len = (uint16_t)(end - payload);
	return DECODE_FRAGMENT;
}

/* RFC 791 section 3.1. */
static enum decode_result
decode_ipv4(struct cursor *c, struct headers *h)
{
	if (!has(c, IPV4_HEADER_LEN))
		return DECODE_MALFORMED;
	const uint8_t *ip = here(c);
	size_t header = (size_t)(ip[0] & 0x0f) * 4;
	size_t total = load_be16(ip + IPV4_TOTAL);
	bool fragment = (load_be16(ip + IPV4_FRAGMENT) & (IPV4_MORE | IPV4_OFFSET)) != 0;
	if (total == 0 && ip[IPV4_PROTOCOL] == PROTO_TCP && !fragment)
		total = c->end - c->pos;
	if (ip[0] >> 4 != 4 || header < IPV4_HEADER_LEN || total < header || !has(c, total))
		return DECODE_MALFORMED;
	h->l3 = (uint16_t)c->pos;
	h->ip_version = 4;
	c->end = c->pos + total;
	c->pos += header;
	if (fragment)
		return decode_fragment(h, c->pos, c->pos, c->end);
	return ip[IPV4_PROTOCOL] == PROTO_TCP ? decode_tcp(c, h) : DECODE_NOT_TCP;
}

/* The octets of the extension header at c, or 0 where it is cut short. */
static size_t
extension_len(const struct cursor *c, uint8_t kind)
{
	if (!has(c, 8))
		return 0;
	/* RFC 4302 section 2.2: AH counts in units of 4 octets, less 2; the others in units of 8, less 1. */
	size_t len = kind == PROTO_AH ? ((size_t)here(c)[1] + 2) * 4 : ((size_t)here(c)[1] + 1) * 8;
	return has(c, len) ? len : 0;
}

/* RFC 8200 section 4: from the first octet behind the fixed header on. */
static enum decode_result
decode_ipv6_chain(struct cursor *c, struct headers *h, uint8_t next)
{
	for (unsigned i = 0; i < IPV6_HEADERS_MAX; i++) {
		size_t len = 8;
		switch (next) {
		case PROTO_TCP:
			return decode_tcp(c, h);
		case PROTO_FRAGMENT:
			if (!has(c, IPV6_FRAGMENT_LEN))
				return DECODE_MALFORMED;
			/* RFC 6946: offset 0 and nothing more to come is a whole packet. */
			if ((load_be16(here(c) + 2) & (IPV6_OFFSET | IPV6_MORE)) != 0)
				return decode_fragment(h, c->pos, c->pos + IPV6_FRAGMENT_LEN, c->end);
			break;
		case PROTO_ROUTING:
		case PROTO_HOP_BY_HOP:
		case PROTO_DEST_OPTIONS:
		case PROTO_AH:
			len = extension_len(c, next);
			if (len == 0)
				return DECODE_MALFORMED;
			/* On the way to an intermediate node: the destination, and with it the checksum, is another. */
			if (next == PROTO_ROUTING && here(c)[3] != 0)
				return DECODE_NOT_TCP;
			break;
		default:
			return DECODE_NOT_TCP;
		}
		next = here(c)[0];
		c->pos += len;
	}
	return DECODE_MALFORMED;
}

/* RFC 8200 section 3. */
static enum decode_result
decode_ipv6(struct cursor *c, struct headers *h)
{
	if (!has(c, IPV6_HEADER_LEN) || here(c)[0] >> 4 != 6)
		return DECODE_MALFORMED;
	const uint8_t *ip = here(c);
	size_t payload = load_be16(ip + IPV6_PAYLOAD);
	h->l3 = (uint16_t)c->pos;
	h->ip_version = 6;
	c->pos += IPV6_HEADER_LEN;
	if (payload == 0 && ip[IPV6_NEXT] == PROTO_TCP)
		payload = c->end - c->pos;
	if (!has(c, payload))
		return DECODE_MALFORMED;
	c->end = c->pos + payload;
	return decode_ipv6_chain(c, h, ip[IPV6_NEXT]);
}

/* Where nothing names the protocol, the version does. */
static enum decode_result
decode_ip(struct cursor *c, struct headers *h)
{
	if (!has(c, 1))
		return DECODE_MALFORMED;
	switch (here(c)[0] >> 4) {
	case 4:
		return decode_ipv4(c, h);
	case 6:
		return decode_ipv6(c, h);
	default:
		return DECODE_NOT_TCP;
	}
}

/* RFC 3032 section 2.1: label (20 bits), class (3), bottom of stack (1), TTL (8). */
static enum decode_result
decode_mpls(struct cursor *c, struct headers *h)
{
	for (unsigned i = 0; i < MPLS_LABELS_MAX; i++) {
		if (!has(c, 4))
			return DECODE_MALFORMED;
		bool bottom = (here(c)[2] & 1) != 0;
		c->pos += 4;
		if (bottom)
			return decode_ip(c, h);
	}
	return DECODE_MALFORMED;
}

/* RFC 2516 section 4: version and type, code, session, length; then the PPP protocol. */
static enum decode_result
decode_pppoe(struct cursor *c, struct headers *h)
{
	if (!has(c, PPPOE_HEADER_LEN + 2))
		return DECODE_MALFORMED;
	const uint8_t *pppoe = here(c);
	size_t len = load_be16(pppoe + PPPOE_LENGTH);
	uint16_t protocol = load_be16(pppoe + PPPOE_HEADER_LEN);
	if (pppoe[0] != 0x11 || pppoe[1] != 0)
		return DECODE_NOT_TCP;
	if (len < 2 || !has(c, PPPOE_HEADER_LEN + len))
		return DECODE_MALFORMED;
	h->pppoe = (uint16_t)c->pos;
	c->end = c->pos + PPPOE_HEADER_LEN + len;
	c->pos += PPPOE_HEADER_LEN + 2;
	if (protocol == PPP_IPV4)
		return decode_ipv4(c, h);
	return protocol == PPP_IPV6 ? decode_ipv6(c, h) : DECODE_NOT_TCP;
}

/* Takes one VLAN tag: its id, and the type behind it. False: cut short, or a third tag. */
static bool
take_tag(struct cursor *c, struct headers *h, unsigned depth, uint16_t *type)
{
	if (!has(c, 4) || depth >= 2)
		return false;
	uint16_t id = load_be16(here(c)) & 0x0fff;
	if (depth == 0)
		h->vlan_outer = id;
	else
		h->vlan_inner = id;
	*type = load_be16(here(c) + 2);
	c->pos += 4;
	return true;
}

/* What stands behind an Ethernet type. */
static enum decode_result
decode_type(struct cursor *c, struct headers *h, uint16_t type)
{
	for (unsigned depth = 0; type == TYPE_VLAN || type == TYPE_SVLAN || type == TYPE_SVLAN_OLD; depth++)
		if (!take_tag(c, h, depth, &type))
			return DECODE_MALFORMED;
	switch (type) {
	case TYPE_IPV4:
		return decode_ipv4(c, h);
	case TYPE_IPV6:
		return decode_ipv6(c, h);
	case TYPE_MPLS:
	case TYPE_MPLS_MULTICAST:
		return decode_mpls(c, h);
	case TYPE_PPPOE:
		return decode_pppoe(c, h);
	default:
		return DECODE_NOT_TCP;
	}
}

/* A link header of `len` octets with the Ethernet type at `type_at`. */
static enum decode_result
decode_link(struct cursor *c, struct headers *h, size_t len, size_t type_at)
{
	if (!has(c, len))
		return DECODE_MALFORMED;
	uint16_t type = load_be16(c->data + type_at);
	c->pos = len;
	return decode_type(c, h, type);
}

/* DLT_NULL: the address family of the machine that captured, in its byte order; IPv6 has a number per system. */
static enum decode_result
decode_loopback(struct cursor *c, struct headers *h)
{
	if (!has(c, 4))
		return DECODE_MALFORMED;
	uint32_t family = load_be32(c->data);
	if ((family & 0x00ffffff) == 0)
		family >>= 24;
	c->pos = 4;
	switch (family) {
	case 2:
		return decode_ipv4(c, h);
	case 10: /* Linux */
	case 24: /* NetBSD, OpenBSD */
	case 28: /* FreeBSD */
	case 30: /* macOS */
	case 23: /* Windows */
		return decode_ipv6(c, h);
	default:
		return DECODE_NOT_TCP;
	}
}

enum decode_result
headers_decode(struct packet *p)
{
	struct cursor c = { .data = p->data, .end = p->len };
	p->h = (struct headers){ 0 };
	switch ((enum link_type)p->link) {
	case LINK_ETHERNET:
		return decode_link(&c, &p->h, 14, 12);
	case LINK_RAW_IP:
		return decode_ip(&c, &p->h);
	case LINK_LOOPBACK:
		return decode_loopback(&c, &p->h);
	case LINK_COOKED:
		return decode_link(&c, &p->h, 16, 14);
	case LINK_COOKED2:
		return decode_link(&c, &p->h, 20, 0);
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
