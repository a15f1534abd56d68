/* SPDX-License-Identifier: BSD-3-Clause */
#include "match/near.h"
#include "match/names.h"

/* The fingerprint of the first `len` octets without those at `skip` and `skip2`. */
static uint64_t
rest(uint64_t state, struct view label, size_t len, size_t skip, size_t skip2)
{
	for (size_t i = len; i > 0; i--)
		if (i - 1 != skip && i - 1 != skip2)
			state = names_step(state, label.at[i - 1]);
	return names_end(state);
}

unsigned
near_rests(uint64_t state, struct view label, uint64_t out[NEAR_RESTS_MAX])
{
	size_t len = label.len < NEAR_PREFIX ? label.len : NEAR_PREFIX;
	unsigned n = 0;

	out[n++] = rest(state, label, len, len, len);
	for (size_t i = 0; i < len; i++) {
		out[n++] = rest(state, label, len, i, len);
		for (size_t k = i + 1; k < len; k++)
			out[n++] = rest(state, label, len, i, k);
	}
	return n;
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned
near_distance(struct view a, struct view b, unsigned max)
{
	uint8_t rows[3][NEAR_LABEL_MAX + 1];
	uint8_t *before = rows[0], *above = rows[1], *row = rows[2];

	if (a.len > NEAR_LABEL_MAX || b.len > NEAR_LABEL_MAX || a.len > b.len + max || b.len > a.len + max)
		return max + 1;
	for (size_t k = 0; k <= b.len; k++)
		above[k] = (uint8_t)k;
	for (size_t i = 1; i <= a.len; i++) {
		row[0] = (uint8_t)i;
		for (size_t k = 1; k <= b.len; k++) {
			unsigned d = least(above[k] + 1u, row[k - 1] + 1u);
			d = least(d, above[k - 1] + (a.at[i - 1] != b.at[k - 1]));
			if (i > 1 && k > 1 && a.at[i - 1] == b.at[k - 2] && a.at[i - 2] == b.at[k - 1])
				d = least(d, before[k - 2] + 1u);
			row[k] = (uint8_t)d;
		}
		uint8_t *spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return least(above[b.len], max + 1);
}
