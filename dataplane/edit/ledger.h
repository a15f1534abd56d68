/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ledger of one direction of a flow: what was taken out of the stream and
 * what stands there instead. One place maps seq, ack and SACK edges either way
 * and gives the octets of any retransmission. Pure arithmetic over sequence
 * numbers; knows neither packets nor replies.
 *
 * "Old" numbers are those of the end that sends this direction, "new" ones
 * those that the receiving end sees. Entries are ordered and do not overlap.
 *
 *   old   ......[ removed ]..........
 *   new   ......[ inserted     ]..........
 *
 * An entry is of one of four kinds, fixed when it is made (if the kind hung on
 * the lengths, an entry that grows could change it under way, and octets whose
 * carrier is acknowledged would be lost):
 *  - an overlay has as many octets as it hides and maps octet for octet;
 *  - an insertion rides whole on its first removed octet, the others yield
 *    nothing. The receiver's ack is mapped to the start of the entry until it
 *    has all inserted octets, so the sender comes back for them with a segment
 *    that starts there;
 *  - a spoiler is an insertion whose text is fixed (LEDGER_SPOILER): the end of
 *    a line whose beginning has left;
 *  - text that stands between two octets hides none: our answer to a command
 *    that the other end never saw. It goes in front of the octet at its place
 *    whenever that leaves; until there is one, nobody but we can send it.
 *
 * The text of insertions is the caller's: entries hold offsets into it, in
 * order, so the text of all entries is one run of `text_len` octets from 0.
 *
 * Below `floor` the receiver has everything and the edits are forgotten: such
 * octets never leave again, for they would leave as they were before.
 */
#ifndef POSTERN_EDIT_LEDGER_H
#define POSTERN_EDIT_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_ENTRIES 16

/* No number further back than this behind an acknowledged one is of use: the largest window (RFC 7323 section 2.3). */
#define LEDGER_PAST (UINT32_C(1) << 30)

/* What an overlay shows: a word of four letters, then filling. */
enum overlay {
	OVERLAY_NOOP, /* "NOOP" and blanks */
	OVERLAY_QUIT, /* "QUIT" and blanks */
	OVERLAY_COUNT
};

struct ledger_entry {
	uint32_t pos;      /* old number of the first removed octet */
	uint32_t removed;  /* octets; 0: it stands in front of pos */
	uint16_t inserted; /* octets; an overlay: removed */
	uint16_t text;     /* offset into the text, or LEDGER_OVERLAY + enum overlay, or LEDGER_FIXED */
};
#define LEDGER_OVERLAY 0xff00
#define LEDGER_FIXED   0xffff

/*
 * What a spoiler shows. Wherever a RCPT or MAIL line was broken off (in a word, an
 * address, a quoted string, behind the '>', in a parameter, behind a CR), no server
 * takes for good what ends so: a second "@" in an address, a parameter of no known name.
 */
#define LEDGER_SPOILER "@@ @@\r\n"

struct ledger {
	uint32_t shift; /* of all folded entries: new = old + shift before the first entry */
	uint32_t floor; /* old number behind the last folded entry, or LEDGER_PAST behind the ack if that is later */
	uint32_t heard; /* highest ack of the receiver, new number: tells how much of what stands has arrived */
	uint16_t count;
	uint16_t text_len; /* octets of text in use by entries */
	struct ledger_entry entry[LEDGER_ENTRIES];
};

/* An empty ledger of a direction of which everything below old number `acked` is acknowledged. */
void ledger_init(struct ledger *l, uint32_t acked);

/*
 * Adds an entry behind all others (pos at or behind the end of the last one,
 * and nothing from pos on may have left). ledger_insert: the next `len` octets
 * of the text, from offset text_len, stand in place of `removed` octets.
 * False, and no change: the ledger is full, nothing is removed, or out of order.
 */
bool ledger_insert(struct ledger *l, uint32_t pos, uint32_t removed, uint16_t len);
bool ledger_overlay(struct ledger *l, uint32_t pos, uint16_t len, enum overlay what);

/* LEDGER_SPOILER stands in place of `removed` octets. False: as above. */
bool ledger_spoil(struct ledger *l, uint32_t pos, uint32_t removed);

/* Adds `len` octets of text that stand in front of pos, behind whatever stands there already. False: as above. */
bool ledger_stand(struct ledger *l, uint32_t pos, uint16_t len);

/* The first entry that stands; NULL: none. Its text: `inserted` octets, the receiver's ack lies at or before them. */
const struct ledger_entry *ledger_standing(const struct ledger *l);

/*
 * Takes [pos, pos + more) out as well: the last insertion grows where it ends
 * at pos, else (it is folded already) an empty one is added. False: as above,
 * or the entry would outgrow every window.
 */
bool ledger_grow(struct ledger *l, uint32_t pos, uint32_t more);

/* Old number to new: for seq. Inside an insertion: first octet to its start, later ones to its end; behind what stands.
 */
uint32_t ledger_seq(const struct ledger *l, uint32_t old);

/* The new seq of what ledger_rewrite() gives for a segment at `old`. */
uint32_t ledger_start(const struct ledger *l, uint32_t old);

/* New number to old: for ack, and for the right edge of a SACK block or a window (rounds down). */
uint32_t ledger_ack(const struct ledger *l, uint32_t new_ack);

/* New number to old for the left edge of a SACK block: inside an insertion, its end (rounds up). */
uint32_t ledger_ack_up(const struct ledger *l, uint32_t new_ack);

/* True where the octets [old, old + len) meet an entry or the floor: ledger_rewrite() would change them. */
bool ledger_touches(const struct ledger *l, uint32_t old, uint32_t len);

/*
 * The octets that leave for a segment `in` of `len` octets at `old`: written to
 * `out` (capacity `cap`, never overlapping `in`), their seq is ledger_start(l, old).
 * `text`: the text of the insertions. Returns their number; SIZE_MAX: they do not fit.
 */
size_t ledger_rewrite(const struct ledger *l, const uint8_t *text, uint32_t old, const uint8_t *in, size_t len,
		      uint8_t *out, size_t cap);

/* The receiver's ack, new number: asked by ledger_fold(), where the old one cannot tell (what stands has none). */
void ledger_hear(struct ledger *l, uint32_t new_ack);

/*
 * The receiver has acknowledged everything below old number `acked`: entries
 * that lie wholly below become part of the constant. Returns the octets of text
 * given back: the caller takes them off the front of the text.
 */
uint16_t ledger_fold(struct ledger *l, uint32_t acked);

#endif
