/* SPDX-License-Identifier: BSD-3-Clause */
/* Which keys lie beside each other. */
#ifndef POSTERN_CONTROL_LOOKALIKE_KEYBOARD_H
#define POSTERN_CONTROL_LOOKALIKE_KEYBOARD_H

#include "base/bytes.h"

enum layout { LAYOUT_QWERTY, LAYOUT_QWERTZ, LAYOUT_AZERTY, LAYOUT_COUNT };
#define LAYOUT_BIT(l) (1u << (l))

/* Most keys around one, over all layouts. */
#define NEIGHBOURS_MAX 24

/* LAYOUT_COUNT where the word names none. */
enum layout layout_of(struct view word);

/* The letters and digits beside `key` on the layouts of the mask, each once; returns how many. Pure. */
size_t keyboard_neighbours(unsigned layouts, uint8_t key, uint8_t out[NEIGHBOURS_MAX]);

/* The other letters of the same key of a telephone; returns how many. Pure. */
size_t keypad_neighbours(uint8_t key, uint8_t out[NEIGHBOURS_MAX]);

#endif
