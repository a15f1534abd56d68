/* SPDX-License-Identifier: BSD-3-Clause */
#include <emmintrin.h>

#include "match/names.h"

/* All six at once; nearly every look-up ends here with none. */
static uint32_t
find_in(const struct names_line *line, uint32_t low, uint16_t high)
{
	__m128i wanted = _mm_set1_epi32((int)low);
	__m128i front = _mm_loadu_si128((const void *)&line->low[0]),
		back = _mm_loadu_si128((const void *)&line->low[2]);
	unsigned hit = (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(front, wanted))) |
		       (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(back, wanted))) << 2;

	for (; hit != 0; hit &= hit - 1) {
		int i = __builtin_ctz(hit);
		if (line->high[i] == high && line->id[i] != NAMES_NONE)
			return line->id[i];
	}
	return NAMES_NONE;
}

uint32_t
names_find(const struct names *n, uint64_t fingerprint)
{
	if (n->count == 0)
		return NAMES_NONE;
	uint32_t at = names_bucket(fingerprint, n->count), low = (uint32_t)fingerprint;
	uint16_t high = (uint16_t)(fingerprint >> 32);

	for (int reach = 0; reach < NAMES_REACH; reach++) {
		const struct names_line *line = &n->lines[at];
		uint32_t id = find_in(line, low, high);
		if (id != NAMES_NONE || line->more == 0)
			return id;
		at = at + 1 < n->count ? at + 1 : 0;
	}
	return NAMES_NONE;
}
