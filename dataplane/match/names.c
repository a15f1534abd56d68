/* SPDX-License-Identifier: BSD-3-Clause */
#include "match/names.h"

static uint32_t
find_in(const struct names_line *line, uint32_t low, uint16_t high)
{
	for (int i = 0; i < NAMES_SLOTS; i++)
		if (line->low[i] == low && line->high[i] == high && line->id[i] != NAMES_NONE)
			return line->id[i];
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
