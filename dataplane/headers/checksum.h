/* SPDX-License-Identifier: BSD-3-Clause */
/* Internet checksums: RFC 1071 whole, RFC 1624 (eqn 3) incremental. Headers must have been decoded. */
#ifndef POSTERN_HEADERS_CHECKSUM_H
#define POSTERN_HEADERS_CHECKSUM_H

#include "base/packet.h"

/* True where the TCP checksum of p is right (RFC 9293 section 3.1; pseudo header of IPv6: RFC 8200 section 8.1). */
bool checksum_tcp_ok(const struct packet *p);

/*
 * Computes and stores the TCP checksum, and the IPv4 header checksum, of p.
 * The segment is what p->h says (l4, payload, payload_len), whatever the
 * length field of the IP header holds. Borrows p.
 */
void checksum_rewrite(struct packet *p);

/* A sum over the payload of p: another one says that octets changed. Says nothing of headers. */
uint32_t checksum_payload(const struct packet *p);

/* Computes and stores the checksum of the IPv4 header at `ip`, whose length was proven. */
void checksum_ipv4_header(uint8_t *ip);

/*
 * Updates the 16-bit checksum at `sum` for a 32-bit word that changes from
 * `before` to `after` (host byte order; the word is 16-bit aligned within the
 * checksummed data). A checksum that was wrong stays wrong by the same amount.
 */
void checksum_adjust32(uint8_t *sum, uint32_t before, uint32_t after);

/*
 * The same for all words that differ between the TCP header at `tcp`, now, and `before`, which it was: `len` octets
 * each, a multiple of 4. The checksum itself must not have been touched. True where any differs.
 */
bool checksum_follow(uint8_t *tcp, const uint8_t *before, size_t len);

#endif
