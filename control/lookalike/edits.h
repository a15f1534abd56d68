/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slips within one piece of text, a label or a suffix: one function a kind.
 * Each calls `sink` with every text that its one-line definition yields,
 * never with the text itself; a text may come more than once. Dots of a
 * suffix are not edited. Pure.
 */
#ifndef POSTERN_CONTROL_LOOKALIKE_EDITS_H
#define POSTERN_CONTROL_LOOKALIKE_EDITS_H

#include "base/bytes.h"

/* Octets of the longest text that is edited, and of what comes of it. */
#define EDIT_TEXT_MAX 253
#define EDIT_ROOM     (EDIT_TEXT_MAX + 16)

typedef void edit_sink(void *ctx, struct view text);
/* `layouts`: keyboards, for the kinds that ask them. */
typedef void edit(struct view in, unsigned layouts, edit_sink *sink, void *ctx);

edit edit_omission;      /* one character lost */
edit edit_omission_rest; /* one character lost, not the first */
edit edit_first_lost;    /* the first character lost */
edit edit_transposition; /* two different neighbours swapped */
edit edit_doubling;      /* one character twice */
edit edit_key_replaced;  /* a neighbouring key instead */
edit edit_key_added;     /* a neighbouring key before or after */
edit edit_moved;         /* one character moved by two places */
edit edit_any;           /* any letter or digit in, or instead of one */
edit edit_any_inside;    /* the same, but not at either end, nor instead of the first */
edit edit_any_edge;      /* the same, and only there */
edit edit_held;          /* one character three to eight times, or two characters twice */
edit edit_double;   /* two of omission (not the first), transposition, doubling and vowel; not what edit_moved yields */
edit edit_two_keys; /* two of omission, transposition, doubling and neighbouring key replaced */
edit edit_vowel;    /* one of aeiou for another */
edit edit_homoglyph;  /* a group of ASCII characters for one that looks alike */
edit edit_hyphen;     /* a hyphen between characters, or one lost */
edit edit_bit_flip;   /* one bit of a character, where a letter, digit or hyphen comes of it */
edit edit_keypad;     /* another letter of the same telephone key */
edit edit_plural;     /* s or es after the third character or a later one */
edit edit_dictionary; /* a word of the built-in list in front or behind, with and without hyphen */

#endif
