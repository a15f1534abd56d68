/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frame to headers, in the kernel: decides as dataplane/headers/decode.c does, so that nothing which the dataplane
 * would read goes by unseen. A test compares the two frame by frame.
 */
#ifndef POSTERN_BPF_DECODE_H
#define POSTERN_BPF_DECODE_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "headers/proto.h"

#define MPLS_LABELS_MAX  8
#define IPV6_HEADERS_MAX 8
#define OFFSET_MASK      0x7fff /* what the verifier is told of an offset */

enum found { FOUND_TCP, FOUND_TCP_FRAGMENT, FOUND_OTHER, FOUND_MALFORMED };

/* `left` octets from `at` on belong to what is being read; the verifier wants to see `end` compared as well. */
struct cursor {
	__u8 *at;
	__u8 *end;
	__u32 left;
	__u32 offset; /* of `at` */
};

/* Offsets from the first octet of the frame; good where FOUND_TCP. No pointers: the verifier forgets nothing else. */
struct headers {
	__u16 pppoe; /* 0: none */
	__u16 ip;
	__u16 tcp;
	__u16 vlan_outer;
	__u16 vlan_inner;
	__u8 ip_version;
	__u8 labelled; /* MPLS: the way back has other labels */
};

#define INLINE static inline __attribute__((always_inline))

INLINE __u16
be16(const __u8 *p)
{
	return (__u16)(p[0] << 8 | p[1]);
}

INLINE __u32
be32(const __u8 *p)
{
	return (__u32)be16(p) << 16 | be16(p + 2);
}

INLINE int
has(const struct cursor *c, __u32 n)
{
	return c->left >= n && c->at + n <= c->end;
}

INLINE void
skip(struct cursor *c, __u32 n)
{
	c->at += n;
	c->left -= n;
	c->offset += n;
}

/* RFC 9293 section 3.1. */
INLINE enum found
decode_tcp(struct cursor *c, struct headers *h)
{
	__u32 header;

	if (!has(c, TCP_HEADER_LEN))
		return FOUND_MALFORMED;
	header = (__u32)(c->at[12] >> 4) * 4;
	if (header < TCP_HEADER_LEN || c->left < header)
		return FOUND_MALFORMED;
	h->tcp = (__u16)c->offset;
	return FOUND_TCP;
}

/* RFC 791 section 3.1. */
INLINE enum found
decode_ipv4(struct cursor *c, struct headers *h)
{
	__u8 *ip = c->at;
	__u32 header, total;
	int fragment, tcp;

	if (!has(c, IPV4_HEADER_LEN))
		return FOUND_MALFORMED;
	header = (__u32)(ip[0] & 0x0f) * 4;
	total = be16(ip + IPV4_TOTAL);
	fragment = (be16(ip + IPV4_FRAGMENT) & (IPV4_MORE | IPV4_OFFSET)) != 0;
	tcp = ip[IPV4_PROTOCOL] == PROTO_TCP;
	if (total == 0 && tcp && !fragment)
		total = c->left;
	if (ip[0] >> 4 != 4 || header < IPV4_HEADER_LEN || total < header || c->left < total)
		return FOUND_MALFORMED;
	h->ip = (__u16)c->offset;
	h->ip_version = 4;
	c->left = total;
	skip(c, header);
	if (!tcp)
		return FOUND_OTHER;
	return fragment ? FOUND_TCP_FRAGMENT : decode_tcp(c, h);
}

/*
 * Octets of an extension header whose second octet is `units`; 0: not one that is stepped over. A function of its own
 * for the verifier, which otherwise would follow every combination of headers.
 */
__attribute__((noinline)) int
extension_len(__u32 kind, __u32 units)
{
	switch (kind) {
	case PROTO_FRAGMENT:
		return 8;
	case PROTO_AH: /* RFC 4302 section 2.2: in units of 4 octets, less 2 */
		return (int)(units + 2) * 4;
	case PROTO_ROUTING:
	case PROTO_HOP_BY_HOP:
	case PROTO_DEST_OPTIONS:
		return (int)(units + 1) * 8;
	default:
		return 0;
	}
}

/* What the fragmentable part of an IPv6 packet begins with: TCP, or something that may lead to it. */
INLINE enum found
fragment_of(__u8 next)
{
	return next == PROTO_TCP || extension_len(next, 0) != 0 ? FOUND_TCP_FRAGMENT : FOUND_OTHER;
}

/* RFC 8200 section 4: from the first octet behind the fixed header on. */
INLINE enum found
decode_ipv6_chain(struct cursor *c, struct headers *h, __u8 next)
{
	for (int i = 0; i < IPV6_HEADERS_MAX; i++) {
		__u32 len;

		if (next == PROTO_TCP)
			return decode_tcp(c, h);
		if (extension_len(next, 0) == 0)
			return FOUND_OTHER;
		if (!has(c, 8))
			return FOUND_MALFORMED;
		len = (__u32)extension_len(next, c->at[1]) & 0xfff;
		if (c->left < len)
			return FOUND_MALFORMED;
		/* RFC 6946: offset 0 and nothing more to come is a whole packet. */
		if (next == PROTO_FRAGMENT && (be16(c->at + 2) & (IPV6_OFFSET | IPV6_MORE)) != 0)
			return fragment_of(c->at[0]);
		/* On the way to an intermediate node. */
		if (next == PROTO_ROUTING && c->at[3] != 0)
			return FOUND_OTHER;
		next = c->at[0];
		skip(c, len);
	}
	return FOUND_MALFORMED;
}

/* RFC 8200 section 3. */
INLINE enum found
decode_ipv6(struct cursor *c, struct headers *h)
{
	__u8 *ip = c->at;
	__u32 payload;
	__u8 next;

	if (!has(c, IPV6_HEADER_LEN) || ip[0] >> 4 != 6)
		return FOUND_MALFORMED;
	payload = be16(ip + IPV6_PAYLOAD);
	next = ip[IPV6_NEXT];
	h->ip = (__u16)c->offset;
	h->ip_version = 6;
	skip(c, IPV6_HEADER_LEN);
	if (payload == 0 && next == PROTO_TCP)
		payload = c->left;
	if (c->left < payload)
		return FOUND_MALFORMED;
	c->left = payload;
	return decode_ipv6_chain(c, h, next);
}

/* RFC 2516 section 4. What follows is IP of the version returned in *version, 0: anything else. */
INLINE enum found
enter_pppoe(struct cursor *c, struct headers *h, __u8 *version)
{
	__u8 *pppoe = c->at;
	__u32 len;
	__u16 protocol;

	if (!has(c, PPPOE_HEADER_LEN + 2))
		return FOUND_MALFORMED;
	if (pppoe[0] != 0x11 || pppoe[1] != 0)
		return FOUND_OTHER;
	len = be16(pppoe + PPPOE_LENGTH);
	protocol = be16(pppoe + PPPOE_HEADER_LEN);
	if (len < 2 || c->left < PPPOE_HEADER_LEN + len)
		return FOUND_MALFORMED;
	h->pppoe = (__u16)c->offset;
	c->left = PPPOE_HEADER_LEN + len;
	skip(c, PPPOE_HEADER_LEN + 2);
	*version = protocol == PPP_IPV4 ? 4 : protocol == PPP_IPV6 ? 6 : 0;
	return FOUND_OTHER;
}

/* RFC 3032 section 2.1. Behind the last label nothing names the protocol: the version does. */
INLINE enum found
enter_mpls(struct cursor *c, struct headers *h, __u8 *version)
{
	h->labelled = 1;
	for (int i = 0; i < MPLS_LABELS_MAX; i++) {
		__u8 bottom;

		if (!has(c, 4))
			return FOUND_MALFORMED;
		bottom = c->at[2] & 1;
		skip(c, 4);
		if (!bottom)
			continue;
		if (!has(c, 1))
			return FOUND_MALFORMED;
		*version = c->at[0] >> 4;
		return FOUND_OTHER;
	}
	return FOUND_MALFORMED;
}

INLINE int
is_tag(__u16 type)
{
	return type == TYPE_VLAN || type == TYPE_SVLAN || type == TYPE_SVLAN_OLD;
}

/* Up to two tags. False: cut short, or a third one. */
INLINE int
take_tags(struct cursor *c, struct headers *h, __u16 *type)
{
	for (int depth = 0; depth < 2 && is_tag(*type); depth++) {
		if (!has(c, 4))
			return 0;
		if (depth == 0)
			h->vlan_outer = be16(c->at) & 0x0fff;
		else
			h->vlan_inner = be16(c->at) & 0x0fff;
		*type = be16(c->at + 2);
		skip(c, 4);
	}
	return !is_tag(*type);
}

/*
 * Decodes the frame of ctx into *h, which is all zero. A function of its own for the verifier, which otherwise would
 * follow every path through here to the end of the program.
 */
__attribute__((noinline)) int
decode(struct xdp_md *ctx, struct headers *h)
{
	__u8 *data = (__u8 *)(long)ctx->data, *end = (__u8 *)(long)ctx->data_end;
	struct cursor c = { .at = data, .end = end, .left = (__u32)(end - data) };
	enum found found = FOUND_OTHER;
	__u8 version = 0;
	__u16 type;

	if (!h || !has(&c, 14))
		return FOUND_MALFORMED;
	type = be16(data + 12);
	skip(&c, 14);
	if (!take_tags(&c, h, &type))
		return FOUND_MALFORMED;
	if (type == TYPE_IPV4)
		version = 4;
	else if (type == TYPE_IPV6)
		version = 6;
	else if (type == TYPE_MPLS || type == TYPE_MPLS_MULTICAST)
		found = enter_mpls(&c, h, &version);
	else if (type == TYPE_PPPOE)
		found = enter_pppoe(&c, h, &version);
	if (version == 4)
		return decode_ipv4(&c, h);
	if (version == 6)
		return decode_ipv6(&c, h);
	return found;
}

#endif
