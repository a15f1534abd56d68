/* SPDX-License-Identifier: BSD-3-Clause */
#include "match/near.h"
#include "match/names.h"

/* An odd number, and its inverse modulo 2^64: letters behind one that is taken away move by one place. */
#define PLACE   0x9e3779b97f4a7c15ULL
#define UNPLACE 0xf1de83e19937733dULL

unsigned
near_rests(uint64_t state, struct view label, uint64_t out[NEAR_RESTS_MAX])
{
	size_t len = label.len < NEAR_PREFIX ? label.len : NEAR_PREFIX;
	uint64_t sum[NEAR_PREFIX + 1] = { 0 }, place = PLACE;
	unsigned n = 0;

	/* sum[i]: letters before i, each times a power of PLACE by where it stands. */
	for (size_t i = 0; i < len; i++, place *= PLACE)
		sum[i + 1] = sum[i] + label.at[i] * place;
	out[n++] = names_end(state ^ sum[len]);
	for (size_t i = 0; i < len; i++) {
		out[n++] = names_end(state ^ (sum[i] + (sum[len] - sum[i + 1]) * UNPLACE));
		for (size_t k = i + 1; k < len; k++) {
			uint64_t between = (sum[k] - sum[i + 1]) * UNPLACE;
			uint64_t behind = (sum[len] - sum[k + 1]) * (UNPLACE * UNPLACE);
			out[n++] = names_end(state ^ (sum[i] + between + behind));
		}
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
