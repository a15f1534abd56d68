/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers and offsets of the protocols below TCP, and the flags of TCP. Offsets from the start of their header. */
#ifndef POSTERN_HEADERS_PROTO_H
#define POSTERN_HEADERS_PROTO_H

/* Ethernet types. */
enum {
	TYPE_IPV4 = 0x0800,
	TYPE_VLAN = 0x8100,      /* 802.1Q */
	TYPE_SVLAN = 0x88a8,     /* 802.1ad */
	TYPE_SVLAN_OLD = 0x9100, /* stacked tags before 802.1ad */
	TYPE_IPV6 = 0x86dd,
	TYPE_MPLS = 0x8847,
	TYPE_MPLS_MULTICAST = 0x8848,
	TYPE_PPPOE = 0x8864,
};

/* RFC 2516, RFC 1661. */
enum { PPPOE_HEADER_LEN = 6, PPPOE_LENGTH = 4, PPP_IPV4 = 0x0021, PPP_IPV6 = 0x0057 };

/* IP protocol and next header numbers. */
enum {
	PROTO_HOP_BY_HOP = 0,
	PROTO_TCP = 6,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_AH = 51,
	PROTO_DEST_OPTIONS = 60,
};

/* RFC 791. */
enum {
	IPV4_HEADER_LEN = 20,
	IPV4_TOTAL = 2,
	IPV4_ID = 4,
	IPV4_FRAGMENT = 6,
	IPV4_PROTOCOL = 9,
	IPV4_CHECKSUM = 10,
	IPV4_SOURCE = 12,
	IPV4_DESTINATION = 16,
	IPV4_MORE = 0x2000, /* of the 16 bits at IPV4_FRAGMENT */
	IPV4_OFFSET = 0x1fff,
};

/* RFC 8200. */
enum {
	IPV6_HEADER_LEN = 40,
	IPV6_PAYLOAD = 4,
	IPV6_NEXT = 6,
	IPV6_SOURCE = 8,
	IPV6_DESTINATION = 24,
	IPV6_FRAGMENT_LEN = 8,
	IPV6_MORE = 0x0001, /* of the 16 bits at offset 2 of the fragment header */
	IPV6_OFFSET = 0xfff8,
};

/* RFC 9293. */
enum { TCP_HEADER_LEN = 20, TCP_SEQ = 4, TCP_FLAGS = 13, TCP_CHECKSUM = 16 };
enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
	TCP_CWR = 0x80, /* RFC 3168 section 6.1 */
};

#endif
