/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IP fragments (RFC 791 section 3.2, RFC 8200 section 4.5).
 *
 * rte_ip_frag is not used: it chains the fragments into one datagram, so what
 * leaves would no longer be what came. Here the fragments are kept as they
 * came; once the datagram is complete it is read as one packet, and then the
 * original fragments leave, in the order they arrived, unless an edit touched
 * it: then the datagram leaves as freshly cut fragments of the same sizes.
 * Octets that arrive twice: the first copy counts, and is what leaves.
 * Only fragments that can belong to TCP are kept.
 */
#ifndef POSTERN_HEADERS_FRAGMENT_H
#define POSTERN_HEADERS_FRAGMENT_H

#include "base/counters.h"
#include "base/packet.h"

struct fragments; /* the table of one worker */

/* Limits of the table. */
struct fragment_limits {
	uint32_t datagrams;  /* datagrams at once: incomplete, or whole and still in the pipeline */
	uint32_t packets;    /* fragments held at once */
	uint64_t timeout_ns; /* an incomplete datagram is passed on, unread, after this */
};

/* Returns owned, or NULL (no memory). At start only: allocates. */
struct fragments *fragments_new(const struct fragment_limits *limits, const struct packet_ops *ops,
				struct counters *ctr);
/* Takes t; releases every held fragment. */
void fragments_free(struct fragments *t);

/*
 * Takes fragment p (DECODE_FRAGMENT). Returns owned: the whole datagram as one
 * packet, yet to be decoded (its `next` NULL), when p completed it, else NULL.
 * p itself stays in the table, is transmitted at once when it cannot be TCP or
 * the table is full (counted), or was a piece of the returned datagram. A
 * fragment that contradicts those before it gives its datagram up: all of them
 * leave, unread (counted).
 *
 * The whole may be kept as long as need be; it must go back to
 * fragments_transmit() or fragments_release(), never to packet_ops directly.
 * A copy of it is an ordinary packet and may take any way.
 */
struct packet *fragments_put(struct fragments *t, struct packet *p, uint64_t now_ns);

/*
 * Takes a datagram that fragments_put() returned and sends it to `side`: as
 * the original fragments, which take over its octets; where its length has
 * changed (headers_resize()) the last of them are cut anew.
 * Takes any other packet too and simply transmits it.
 */
void fragments_transmit(struct fragments *t, struct packet *whole, enum side side);

/* Takes a datagram that is not to leave: releases it and its fragments. Also takes any other packet. */
void fragments_release(struct fragments *t, struct packet *whole);

/* Passes on what is older than the timeout; at most `budget` datagrams a call. `~0` as now flushes all. */
void fragments_expire(struct fragments *t, uint64_t now_ns, unsigned budget);

#endif
