/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the edit stage: numbers of a TCP header, and the names of its flags. */
#ifndef POSTERN_EDIT_TRANSLATE_H
#define POSTERN_EDIT_TRANSLATE_H

#include "edit/edit.h"

/* RFC 9293 section 3.1, RFC 3168 section 6.1. */
enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
	TCP_CWR = 0x80,
};

/* Folds what both peers have acknowledged. f->edit is not NULL. */
void edit_fold(struct flow *f);

/*
 * Stores `seq` (new number), flags, the old ack, old SACK edges and the mapped window
 * into the TCP header of p, and adjusts the checksum by the difference.
 * True where anything changed.
 */
bool edit_translate(const struct flow *f, struct packet *p, uint32_t seq, uint8_t flags);

#endif
