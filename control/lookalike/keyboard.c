/* SPDX-License-Identifier: BSD-3-Clause */
#include "lookalike/keyboard.h"

/*
 * Rows as they stand above each other. Each row is shifted to the right by
 * about half a key: the key at i touches i and i + 1 of the row above, i - 1
 * and i of the row below. A blank is a key that names do not have.
 */
#define ROWS 4
static const struct {
	const char *name;
	const char *rows[ROWS];
} layouts_known[LAYOUT_COUNT] = {
	[LAYOUT_QWERTY] = { "qwerty", { "1234567890-", "qwertyuiop ", "asdfghjkl  ", "zxcvbnm    " } },
	[LAYOUT_QWERTZ] = { "qwertz", { "1234567890 ", "qwertzuiop ", "asdfghjkl  ", "yxcvbnm   -" } },
	[LAYOUT_AZERTY] = { "azerty", { "1234567890 ", "azertyuiop ", "qsdfghjklm ", "wxcvbn     " } },
};

enum layout
layout_of(struct view word)
{
	unsigned l = 0;

	while (l < LAYOUT_COUNT && !view_equal(word, view_of(layouts_known[l].name, strlen(layouts_known[l].name))))
		l++;
	return (enum layout)l;
}

static size_t
add(uint8_t *out, size_t n, char key)
{
	if (key == ' ' || memchr(out, key, n) != NULL)
		return n;
	out[n] = (uint8_t)key;
	return n + 1;
}

static size_t
add_at(const char *row, long i, uint8_t *out, size_t n)
{
	return i >= 0 && i < (long)strlen(row) ? add(out, n, row[i]) : n;
}

static size_t
add_around(const char *const rows[ROWS], int row, long i, uint8_t *out, size_t n)
{
	n = add_at(rows[row], i - 1, out, n);
	n = add_at(rows[row], i + 1, out, n);
	if (row > 0) {
		n = add_at(rows[row - 1], i, out, n);
		n = add_at(rows[row - 1], i + 1, out, n);
	}
	if (row + 1 < ROWS) {
		n = add_at(rows[row + 1], i - 1, out, n);
		n = add_at(rows[row + 1], i, out, n);
	}
	return n;
}

size_t
keyboard_neighbours(unsigned layouts, uint8_t key, uint8_t out[NEIGHBOURS_MAX])
{
	size_t n = 0;

	for (int l = 0; l < LAYOUT_COUNT; l++)
		for (int row = 0; row < ROWS && (layouts & LAYOUT_BIT(l)); row++) {
			const char *at = strchr(layouts_known[l].rows[row], key);
			if (at != NULL && key != ' ')
				n = add_around(layouts_known[l].rows, row, at - layouts_known[l].rows[row], out, n);
		}
	return n;
}

size_t
keypad_neighbours(uint8_t key, uint8_t out[NEIGHBOURS_MAX])
{
	static const char *const keys[] = { "abc", "def", "ghi", "jkl", "mno", "pqrs", "tuv", "wxyz" };
	size_t n = 0;

	for (int k = 0; k < 8; k++)
		for (const char *c = keys[k]; strchr(keys[k], key) != NULL && *c != '\0'; c++)
			n = *c != (char)key ? add(out, n, *c) : n;
	return n;
}
