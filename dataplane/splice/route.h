/* SPDX-License-Identifier: BSD-3-Clause */
/* From segments of our own ends to frames: link header, addresses and ports of a packet that was seen. */
#ifndef POSTERN_SPLICE_ROUTE_H
#define POSTERN_SPLICE_ROUTE_H

#include "base/packet.h"
#include "splice/end.h"

#define ROUTE_LINK 64 /* octets of link header and encapsulation */

/* One direction between two ends. */
struct route {
	uint8_t link[ROUTE_LINK];
	uint8_t from[16], to[16]; /* IPv4: first 4 octets */
	uint16_t from_port, to_port;
	uint16_t pppoe; /* offset in link, 0: none */
	uint16_t vlan_outer, vlan_inner;
	uint8_t link_len;
	uint8_t link_type; /* enum link_type */
	uint8_t ip_version;
	uint8_t pair;
	uint8_t side; /* enum side where its frames leave */
};

/* What a SYN offers (RFC 9293 section 3.7.1, RFC 2018, RFC 7323). */
struct route_syn {
	uint16_t mss;
	uint8_t wscale;
	bool has_wscale, has_sack;
};

/* The route on which `like`, a decoded packet, travels. Borrows. False: its link header is longer than ROUTE_LINK. */
bool route_of(struct route *r, const struct packet *like);

/* The way back: link addresses (Ethernet), addresses, ports and side change places. */
void route_turn(struct route *r);

/* The same by another port: the first one of `pair`, untagged; `link`: Ethernet addresses of the next hop, and of it.
 */
void route_apart(struct route *r, uint8_t pair, const uint8_t link[12]);

/* Other next hop, as in route_apart(). */
void route_rejoin(struct route *r, const uint8_t link[12]);

/* The link header can be turned round: it has no labels (MPLS), of which the way back has others. Pure. */
bool route_turns(const struct route *r);

/*
 * p, decoded, came by another port: from here on its link header is that of r (`back`: turned round, p travels against
 * r), and its pair. Borrows p. False, and nothing happens: there is no room.
 */
bool route_put(const struct route *r, struct packet *p, bool back);

/*
 * A frame of segment `s`, with right lengths and checksums, decoded, of no flow. `window`: as it stands on the wire.
 * `syn`: options of a SYN, else NULL. Returns owned, or NULL: no buffer.
 */
struct packet *route_frame(const struct route *r, const struct packet_ops *ops, const struct end_segment *s,
			   uint32_t ts_echo, uint16_t window, const struct route_syn *syn);

#endif
