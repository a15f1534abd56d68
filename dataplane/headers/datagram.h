/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One datagram that comes in pieces: what has arrived, the whole made of it,
 * and the way back. Who finds it, times it and caps it: fragment.c.
 */
#ifndef POSTERN_HEADERS_DATAGRAM_H
#define POSTERN_HEADERS_DATAGRAM_H

#include "base/bytes.h"
#include "base/counters.h"
#include "base/packet.h"

/* Pieces of one datagram: 64 KiB in pieces of 1,480 octets are 45. */
#define DATAGRAM_PIECES 64

/* What the pieces of a datagram have in common: RFC 791 section 3.2, RFC 8200 section 4.5, and where it was seen. */
struct datagram_key {
	uint8_t addr[2][16]; /* source, destination; IPv4 in the first 4 octets */
	uint32_t id;
	uint16_t vlan_outer, vlan_inner;
	uint8_t ip_version, pair, side, zero;
};

struct piece {
	struct packet *packet; /* owned */
	uint32_t start, end;   /* octets of the datagram's payload */
};

struct datagram {
	struct datagram_key key;
	struct datagram *chain;         /* same hash bucket, or free list */
	struct datagram *older, *newer; /* incomplete datagrams by age */
	uint64_t since_ns;              /* first piece */
	uint32_t total;                 /* octets of payload; 0: its last piece is not there yet */
	uint32_t octets;                /* sum over pieces, octets that came twice counted twice */
	struct packet *whole;           /* on its way through the pipeline; NULL: incomplete */
	unsigned count;
	struct piece piece[DATAGRAM_PIECES]; /* in the order of arrival */
};

/* The key of fragment p. Pure. */
void datagram_key_of(const struct packet *p, struct datagram_key *key);

/* True where fragment p can be one of TCP. Pure. */
bool datagram_may_be_tcp(const struct packet *p);

/*
 * Takes fragment p as a piece. Octets that an earlier piece holds as well are
 * overwritten with the earlier ones. False, and p stays with the caller: no
 * place left, or p contradicts the pieces that are there.
 */
bool datagram_add(struct datagram *d, struct packet *p, struct counters *ctr);

/* True where every octet is there. Pure. */
bool datagram_complete(const struct datagram *d);

/* Makes d->whole, owned by the caller from then on. False: no buffer, or longer than an IP packet may be. */
bool datagram_join(struct datagram *d, const struct packet_ops *ops, struct counters *ctr);

/*
 * d->whole leaves to `side` by its pieces, which take over its octets; where
 * it has grown or shrunk the last ones are cut anew. Takes the pieces, not the whole.
 */
void datagram_send(struct datagram *d, const struct packet_ops *ops, struct counters *ctr, enum side side);

#endif
