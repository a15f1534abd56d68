/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/bytes.h"
#include "io/spread.h"

enum {
	TYPE_AT = 12, /* of the Ethernet type, behind the two addresses */
	TAG_LEN = 4,
	TAGS_MAX = 3,
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TYPE_VLAN = 0x8100,
	TYPE_QINQ = 0x88a8,
	TYPE_QINQ_OLD = 0x9100,
};

static bool
is_tag(uint16_t type)
{
	return type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_QINQ_OLD;
}

/* The finaliser of splitmix64: every bit of the input reaches the upper half. */
static uint32_t
mix(uint64_t v)
{
	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9ULL;
	v = (v ^ v >> 27) * 0x94d049bb133111ebULL;
	return (uint32_t)(v >> 32);
}

/* Sum and exclusive or change nothing when the addresses change places, and together tell most pairs apart. */
static uint32_t
hash_pair(uint64_t a, uint64_t b)
{
	return mix((a + b) * 0x9e3779b97f4a7c15ULL ^ (a ^ b));
}

static uint64_t
load_be64(const uint8_t *p)
{
	return (uint64_t)load_be32(p) << 32 | load_be32(p + 4);
}

uint32_t
spread_hash(const uint8_t *frame, uint32_t len)
{
	uint32_t at = TYPE_AT;
	unsigned tags = 0;
	uint16_t type;

	if (len < at + 2)
		return 0;
	type = load_be16(frame + at);
	while (is_tag(type) && tags++ < TAGS_MAX) {
		at += TAG_LEN;
		if (len < at + 2)
			return 0;
		type = load_be16(frame + at);
	}
	at += 2;
	if (type == TYPE_IPV4 && len >= at + 20)
		return hash_pair(load_be32(frame + at + 12), load_be32(frame + at + 16));
	if (type == TYPE_IPV6 && len >= at + 40)
		return hash_pair(load_be64(frame + at + 8) * 3 + load_be64(frame + at + 16),
				 load_be64(frame + at + 24) * 3 + load_be64(frame + at + 32));
	return 0;
}
