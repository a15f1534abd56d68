/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Octets: views into memory that somebody else owns, and big-endian access.
 *
 * A view is never a C string: it may hold NUL and octets above 127.
 * The loads and stores trust their caller: bounds are proven before.
 */
#ifndef POSTERN_BASE_BYTES_H
#define POSTERN_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed octets. `at` may be NULL only where `len` is 0. */
struct view {
	const uint8_t *at;
	size_t len;
};

/* A view of `len` octets at `at`. Borrows. */
static inline struct view
view_of(const void *at, size_t len)
{
	return (struct view){ .at = at, .len = len };
}

/* Equal, octet for octet. */
static inline bool
view_equal(struct view a, struct view b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Network byte order to host, no alignment needed. */
static inline uint16_t
load_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Host to network byte order, no alignment needed. */
static inline void
store_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void
store_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* ASCII lower case; octets outside A-Z stay. Never asks the locale. */
static inline uint8_t
ascii_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

#endif
