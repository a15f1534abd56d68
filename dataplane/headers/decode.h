/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frame to headers: Ethernet, 802.1Q, 802.1ad (two tags), IPv4 with options,
 * IPv6 with extension headers (RFC 8200 section 4), TCP. One function proves
 * every length; whoever reads struct headers afterwards trusts it.
 */
#ifndef POSTERN_HEADERS_DECODE_H
#define POSTERN_HEADERS_DECODE_H

#include "base/packet.h"

enum decode_result {
	DECODE_TCP,       /* h complete: a whole TCP segment */
	DECODE_FRAGMENT,  /* an IP fragment: h.l3, ip_version, vlan_* set */
	DECODE_NOT_TCP,   /* well formed as far as read, something else */
	DECODE_MALFORMED, /* truncated or lengths that contradict each other */
};

/*
 * Decodes the frame of p by p->link into p->h.
 * Borrows p. Pure: reads p->data[0 .. p->len) only. Any octets are safe.
 * A frame longer than its IP packet has padding, which is not payload.
 * A frame shorter than its IP packet says (a snapped capture) is malformed.
 */
enum decode_result headers_decode(struct packet *p);

#endif
