/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the edit stage: numbers of a TCP header. */
#ifndef POSTERN_EDIT_TRANSLATE_H
#define POSTERN_EDIT_TRANSLATE_H

#include "edit/edit.h"
#include "headers/proto.h"

/* Folds what both peers have acknowledged. f->edit is not NULL. */
void edit_fold(struct flow *f);

/*
 * Stores `seq` (new number), flags, the old ack, old SACK edges and the mapped window
 * into the TCP header of p, and adjusts the checksum by the difference.
 * True where anything changed.
 */
bool edit_translate(const struct flow *f, struct packet *p, uint32_t seq, uint8_t flags);

#endif
