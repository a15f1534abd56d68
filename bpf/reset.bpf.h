/* SPDX-License-Identifier: BSD-3-Clause */
/* A segment becomes a RST to its own sender, in the sender's own numbers. */
#ifndef POSTERN_BPF_RESET_H
#define POSTERN_BPF_RESET_H

#include "decode.bpf.h"

#define RESET_TTL 64

INLINE void
put16(__u8 *p, __u32 v)
{
	p[0] = (__u8)(v >> 8);
	p[1] = (__u8)v;
}

INLINE void
swap_octets(__u8 *a, __u8 *b, int n)
{
	for (int i = 0; i < n; i++) {
		__u8 octet = a[i];

		a[i] = b[i];
		b[i] = octet;
	}
}

/* RFC 1071: the sum of `n` octets, n even, not folded. */
INLINE __u32
sum_of(const __u8 *p, int n)
{
	__u32 sum = 0;

	for (int i = 0; i < n; i += 2)
		sum += be16(p + i);
	return sum;
}

INLINE __u16
folded(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/*
 * RFC 9293 section 3.10.7.1: seq of the RST is the ack of the segment, which is exactly what its sender expects next
 * (RFC 5961 section 3.2). Options and payload go. Nothing but what was proven by decode() is touched.
 */
INLINE void
turn_tcp(__u8 *tcp)
{
	swap_octets(tcp, tcp + 2, 2);
	for (int i = 0; i < 4; i++) {
		tcp[4 + i] = tcp[8 + i];
		tcp[8 + i] = 0;
	}
	tcp[12] = TCP_HEADER_LEN / 4 << 4;
	tcp[13] = TCP_RST;
	for (int i = 14; i < TCP_HEADER_LEN; i++)
		tcp[i] = 0;
}

INLINE void
turn_ipv4(__u8 *ip, __u8 *tcp)
{
	swap_octets(ip + IPV4_SOURCE, ip + IPV4_DESTINATION, 4);
	ip[1] &= 0xfc; /* no ECN on a RST (RFC 3168 section 6.1.1) */
	put16(ip + IPV4_TOTAL, IPV4_HEADER_LEN + TCP_HEADER_LEN);
	ip[8] = RESET_TTL;
	put16(ip + IPV4_CHECKSUM, 0);
	put16(ip + IPV4_CHECKSUM, folded(sum_of(ip, IPV4_HEADER_LEN)));
	put16(tcp + TCP_CHECKSUM,
	      folded(sum_of(ip + IPV4_SOURCE, 8) + PROTO_TCP + TCP_HEADER_LEN + sum_of(tcp, TCP_HEADER_LEN)));
}

INLINE void
turn_ipv6(__u8 *ip, __u8 *tcp)
{
	swap_octets(ip + IPV6_SOURCE, ip + IPV6_DESTINATION, 16);
	ip[1] &= 0xcf;
	put16(ip + IPV6_PAYLOAD, TCP_HEADER_LEN);
	ip[7] = RESET_TTL;
	put16(tcp + TCP_CHECKSUM,
	      folded(sum_of(ip + IPV6_SOURCE, 32) + PROTO_TCP + TCP_HEADER_LEN + sum_of(tcp, TCP_HEADER_LEN)));
}

/*
 * Turns the frame round. 0, and nothing changed: a RST, a segment without ack, or headers that are not simply
 * repeated on the way back (MPLS labels, IP options, extension headers).
 */
__attribute__((noinline)) int
reset_sender(struct xdp_md *ctx, const struct headers *h)
{
	__u8 *data = (__u8 *)(long)ctx->data, *end = (__u8 *)(long)ctx->data_end;
	__u32 ip_len, behind;
	__u8 *ip, *tcp;

	if (!h || h->labelled)
		return 0;
	ip_len = h->ip_version == 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
	ip = data + (h->ip & OFFSET_MASK);
	tcp = ip + ip_len;
	if (data + 14 > end || tcp + TCP_HEADER_LEN > end || (__u32)h->tcp != h->ip + ip_len)
		return 0;
	if ((tcp[13] & (TCP_RST | TCP_ACK)) != TCP_ACK)
		return 0;
	if (h->pppoe) {
		__u8 *pppoe = data + (h->pppoe & OFFSET_MASK);

		if (pppoe + PPPOE_HEADER_LEN > end)
			return 0;
		put16(pppoe + PPPOE_LENGTH, 2 + ip_len + TCP_HEADER_LEN);
	}
	swap_octets(data, data + 6, 6);
	turn_tcp(tcp);
	if (h->ip_version == 4)
		turn_ipv4(ip, tcp);
	else
		turn_ipv6(ip, tcp);
	behind = (__u32)(end - (tcp + TCP_HEADER_LEN));
	return behind == 0 || bpf_xdp_adjust_tail(ctx, -(int)behind) == 0;
}

#endif
