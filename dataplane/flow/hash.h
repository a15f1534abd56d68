/* SPDX-License-Identifier: BSD-3-Clause */
/* The keyed hash of a flow key. */
#ifndef POSTERN_FLOW_HASH_H
#define POSTERN_FLOW_HASH_H

#include "flow/flow.h"

/* 16 random octets, known to nobody outside the process. */
struct flow_secret {
	uint64_t a, b;
};

/* Both halves of a 64 x 64 bit product, folded into one. */
static inline uint64_t
flow_hash_mix(uint64_t x, uint64_t y)
{
	unsigned __int128 product = (unsigned __int128)x * y;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * Multiply and fold: two multiplications for IPv4, whose addresses leave most
 * octets zero, four for IPv6; a tenth of what a cryptographic hash costs.
 * Whoever wants two keys to meet must know the secret that both factors are
 * mixed with, and no hash ever leaves the box from which it could be learned.
 * Pure.
 */
static inline uint64_t
flow_hash(const struct flow_key *key, const struct flow_secret *secret)
{
	uint64_t w[5], h;
	uint32_t rest;

	memcpy(w, key, sizeof(w));
	memcpy(&rest, (const uint8_t *)key + sizeof(w), sizeof(rest));
	if (key->ip_version == 4) {
		h = flow_hash_mix(w[0] ^ (w[2] << 32 | w[2] >> 32) ^ secret->a, w[4] ^ secret->b);
	} else {
		h = flow_hash_mix(w[0] ^ secret->a, w[1] ^ secret->b);
		h = flow_hash_mix(w[2] ^ h, w[3] ^ secret->b) ^ secret->a;
		h = flow_hash_mix(w[4] ^ h, secret->a) ^ secret->b;
	}
	return flow_hash_mix(h ^ rest ^ secret->a, 0x9e3779b97f4a7c15U);
}

#endif
