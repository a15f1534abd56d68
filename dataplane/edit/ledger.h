/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ledger of one direction of a flow: what was taken out of the stream and
 * what stands there instead. One place maps seq, ack and SACK edges either way
 * and gives the octets of any retransmission. Pure arithmetic over sequence
 * numbers; knows neither packets nor SMTP.
 *
 * "Old" numbers are those of the end that sends this direction, "new" ones
 * those that the receiving end sees. Entries are ordered and do not overlap.
 *
 *   old   ......[ removed ]..........
 *   new   ......[ inserted     ]..........
 *
 * Rules for a segment that covers part of an entry:
 *  - removed == inserted: octet for octet.
 *  - else all inserted octets ride on the first removed octet; the other
 *    removed octets yield nothing. The receiver's ack is mapped to the start
 *    of the entry until it has all inserted octets, so the sender comes back
 *    for them with a segment that starts there.
 */
#ifndef POSTERN_EDIT_LEDGER_H
#define POSTERN_EDIT_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_ENTRIES 16
#define LEDGER_TEXT 1536 /* octets of inserted text that are not yet acknowledged */

struct ledger_entry {
	uint32_t pos;      /* old number of the first removed octet */
	uint32_t removed;  /* octets; may still grow for the last entry */
	uint16_t inserted; /* octets */
	uint16_t text;     /* offset in ledger.text, or LEDGER_STATIC */
	const uint8_t *fixed; /* octets of static storage, where text == LEDGER_STATIC */
};
#define LEDGER_STATIC UINT16_MAX

struct ledger {
	uint32_t shift;    /* constant of all folded entries: new = old + shift before the first entry */
	uint16_t count;
	uint16_t text_len;
	struct ledger_entry entry[LEDGER_ENTRIES];
	uint8_t text[LEDGER_TEXT];
};

void ledger_init(struct ledger *l);

/*
 * Adds an entry behind all others (pos at or behind the end of the last one).
 * ledger_add copies `len` octets of text; ledger_add_fixed keeps the pointer,
 * which must be of static storage. False, and no change: the ledger is full.
 */
bool ledger_add(struct ledger *l, uint32_t pos, uint32_t removed, const uint8_t *text, uint16_t len);
bool ledger_add_fixed(struct ledger *l, uint32_t pos, uint32_t removed, const uint8_t *text, uint16_t len);

/* The last entry takes `more` further octets out, those right behind it. Only where it has not been folded. */
void ledger_grow(struct ledger *l, uint32_t more);

/* Old number to new: for seq. Inside an entry: the rules above (first octet -> start, later ones -> end). */
uint32_t ledger_seq(const struct ledger *l, uint32_t old);

/* New number to old: for ack, and for the right edge of a SACK block or a window (rounds down). */
uint32_t ledger_ack(const struct ledger *l, uint32_t new_ack);

/* New number to old for the left edge of a SACK block: inside an entry, its end (rounds up). */
uint32_t ledger_ack_up(const struct ledger *l, uint32_t new_ack);

/* True where the octets [old, old + len) meet any entry, so that ledger_rewrite() would change them. */
bool ledger_touches(const struct ledger *l, uint32_t old, uint32_t len);

/*
 * The octets that leave for a segment `in` of `len` octets at `old`: written to
 * `out` (capacity `cap`). Returns their number; the segment's new seq is
 * ledger_seq(l, old). SIZE_MAX: they do not fit.
 */
size_t ledger_rewrite(const struct ledger *l, uint32_t old, const uint8_t *in, size_t len, uint8_t *out, size_t cap);

/*
 * The receiver has acknowledged everything below `new_ack`: entries that lie
 * wholly below become part of the constant and give their text back.
 */
void ledger_fold(struct ledger *l, uint32_t new_ack);

/* True where nothing is left that could change a segment: no entry and no shift. */
bool ledger_idle(const struct ledger *l);

#endif
