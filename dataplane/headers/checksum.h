/* SPDX-License-Identifier: BSD-3-Clause */
/* Internet checksums: RFC 1071 whole, RFC 1624 (eqn 3) incremental. Headers must have been decoded. */
#ifndef POSTERN_HEADERS_CHECKSUM_H
#define POSTERN_HEADERS_CHECKSUM_H

#include "base/packet.h"

/* True where the TCP checksum of p is right (pseudo header of RFC 9293 section 3.1, RFC 8200 section 8.1). Borrows p. */
bool checksum_tcp_ok(const struct packet *p);

/* Computes and stores the TCP checksum, and the IPv4 header checksum, of p. Borrows p. */
void checksum_rewrite(struct packet *p);

/*
 * Updates the 16-bit checksum at `sum` for a 32-bit word that changes from
 * `before` to `after` (host byte order; the word is 16-bit aligned within the
 * checksummed data). A checksum that was wrong stays wrong by the same amount.
 */
void checksum_adjust32(uint8_t *sum, uint32_t before, uint32_t after);

/* The same for a 16-bit word. */
void checksum_adjust16(uint8_t *sum, uint16_t before, uint16_t after);

#endif
