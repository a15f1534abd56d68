/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Skeletons of internationalised names (Unicode TR39): A-labels are decoded
 * (RFC 3492), and each character becomes the ASCII text it looks like, by a
 * table that the compiler of rules took from ICU. Pure, no heap.
 */
#ifndef POSTERN_MATCH_SKELETON_H
#define POSTERN_MATCH_SKELETON_H

#include "base/bytes.h"

/* One character and its look: a record of the blob, ascending by code point. */
struct confusable {
	uint32_t code;
	uint8_t len; /* 0: a mark that adds nothing to the look */
	uint8_t look[3];
};

#define SKELETON_MAX 512

/*
 * Writes the skeleton of a canonical domain that has an A-label. Returns its
 * octets; 0: there is no A-label, one does not decode, or a character looks
 * like no ASCII text.
 */
size_t skeleton_of(const struct confusable *table, uint32_t count, struct view domain, uint8_t out[SKELETON_MAX]);

/* Decodes the part of an A-label behind "xn--". Returns the number of code points, 0 where it is none (RFC 3492, 6.2).
 */
size_t punycode_decode(struct view in, uint32_t out[64]);

#endif
