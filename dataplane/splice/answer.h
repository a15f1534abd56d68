/* SPDX-License-Identifier: BSD-3-Clause */
/* The replies to what our own ends say (RFC 5321 section 4.2), octet for octet. Pure. */
#ifndef POSTERN_SPLICE_ANSWER_H
#define POSTERN_SPLICE_ANSWER_H

#include "base/bytes.h"

#define ANSWER_WORD                                                                                                    \
	24 /* octets of an EHLO keyword that are kept; RFC 5321 section 4.1.1.1 sets no limit, practice does */

struct answer {
	uint32_t caps;              /* CAP_* of an EHLO reply (splice/caps.h) */
	uint32_t xclient, xforward; /* attributes that its keywords of these names list (splice/present.h) */
	uint32_t keyword;           /* CAP_* of the line being read */
	uint16_t code;              /* of the line being read */
	uint8_t column;             /* octets of the line, at most 255 */
	uint8_t line;               /* lines read of this reply, at most 255 */
	uint8_t word_len;
	bool more; /* the line has a hyphen behind its code */
	bool word_done;
	char word[ANSWER_WORD];
};

/*
 * Reads up to the end of one reply. *used: octets read. Returns its code, 0:
 * it is not complete, -1: this is no reply. a->caps, xclient and xforward hold
 * what the lines behind the first one offer, until the next reply begins.
 */
int answer_read(struct answer *a, struct view in, size_t *used);

#endif
