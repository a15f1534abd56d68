/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frame to headers: Ethernet, 802.1Q and 802.1ad (up to two tags), an MPLS
 * label stack, a PPPoE session (RFC 2516), IPv4 with options, IPv6 with
 * extension headers (RFC 8200 section 4), TCP. One function proves every
 * length; whoever reads struct headers afterwards trusts it.
 */
#ifndef POSTERN_HEADERS_DECODE_H
#define POSTERN_HEADERS_DECODE_H

#include "base/packet.h"

enum decode_result {
	DECODE_TCP,       /* h complete: a whole TCP segment */
	DECODE_FRAGMENT,  /* an IP fragment; h.l3, ip_version, vlan_*, pppoe, and:
			   * l4: offset of the octets behind the IPv4 header, or of the IPv6 fragment header;
			   * payload, payload_len: the octets of the datagram that this fragment carries */
	DECODE_NOT_TCP,   /* well formed as far as read, something else */
	DECODE_MALFORMED, /* truncated, lengths that contradict each other, or nested deeper than is read */
};

/*
 * Decodes the frame of p by p->link into p->h.
 * Borrows p. Pure: reads p->data[0 .. p->len) only. Any octets are safe.
 * A frame longer than its IP packet has padding, which is not payload.
 * A frame shorter than its IP packet says (a snapped capture) is malformed.
 * A TCP segment whose IP length field is 0 (captured before the NIC cut it)
 * reaches to the end of the frame.
 */
enum decode_result headers_decode(struct packet *p);

/*
 * After the TCP payload of p has grown or shrunk and h.payload_len says so:
 * sets the IP length, the PPPoE length and p->len (link-layer padding is cut
 * off; drivers pad again). Checksums are the caller's: checksum_rewrite().
 * Borrows p, decoded as DECODE_TCP. h.payload - h.l3 + h.payload_len must not
 * exceed 65,535 octets. p->room stays right.
 */
void headers_resize(struct packet *p);

/*
 * Another link header in front of the IP header of p: the first like->l3 octets of `link`, whose tags and PPPoE header
 * `like` tells. Padding is cut off; p->h, p->len and p->room follow. Borrows p, decoded as DECODE_TCP or
 * DECODE_FRAGMENT. False, and nothing happens: there is no room.
 */
bool headers_relink(struct packet *p, const uint8_t *link, const struct headers *like);

#endif
