/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP sequence numbers: 32 bits that wrap (RFC 9293 section 3.4). Host byte order. */
#ifndef POSTERN_BASE_SEQ_H
#define POSTERN_BASE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

/* Distance from b to a; negative where a lies before b. Right while they are < 2^31 apart. */
static inline int32_t
seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static inline bool
seq_lt(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) < 0;
}

static inline bool
seq_leq(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) <= 0;
}

static inline uint32_t
seq_max(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? b : a;
}

static inline uint32_t
seq_min(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? a : b;
}

#endif
