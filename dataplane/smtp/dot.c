/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of a message (RFC 5321 section 4.1.1.4). Bodies are most of all
 * octets: those far from any dot line are passed 128 or 64 at a time where the
 * processor has registers of 32 or 64 octets (chosen at start), else 16.
 */
#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "smtp/state.h"

/* Index of the first dot in in[from..] that has CR or LF before it, from >= 1; in.len: none. */
static size_t
find_octetwise(struct view in, size_t from)
{
	for (size_t i = from; i < in.len; i++)
		if (in.at[i] == '.' && (in.at[i - 1] == '\n' || in.at[i - 1] == '\r'))
			return i;
	return in.len;
}

#ifdef __SSE2__
/* Bits of the octets at p that are a dot behind CR or LF; p[-1] is readable. */
static unsigned
dots_of_16(const uint8_t *p)
{
	__m128i here = _mm_loadu_si128((const __m128i *)p);
	__m128i before = _mm_loadu_si128((const __m128i *)(p - 1));
	__m128i line_end =
		_mm_or_si128(_mm_cmpeq_epi8(before, _mm_set1_epi8('\n')), _mm_cmpeq_epi8(before, _mm_set1_epi8('\r')));
	return (unsigned)_mm_movemask_epi8(_mm_and_si128(line_end, _mm_cmpeq_epi8(here, _mm_set1_epi8('.'))));
}

static size_t
find_16(struct view in, size_t from)
{
	size_t i = from;

	for (; i + 16 <= in.len; i += 16) {
		unsigned dots = dots_of_16(in.at + i);
		if (dots != 0)
			return i + (size_t)__builtin_ctz(dots);
	}
	return find_octetwise(in, i);
}

/* The first step of blocks of octets from p on: the next begins at a border of `line` octets, a power of 2, for a load
 * that straddles one costs two. */
static inline size_t
first_step(const uint8_t *p, size_t block, size_t line)
{
	return block - ((uintptr_t)p & (line - 1));
}

/* Octets at p that are a dot behind CR or LF are all ones; p[-1] is readable. */
__attribute__((target("avx2"))) static inline __m256i
dots_of_32(const uint8_t *p)
{
	/* Chosen by the low half of an octet, CR and LF alone are equal to what they choose. */
	const __m128i line_ends = _mm_setr_epi8(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, '\n', 0, 0, '\r', 0, 0);
	__m256i here = _mm256_loadu_si256((const __m256i *)p);
	__m256i before = _mm256_loadu_si256((const __m256i *)(p - 1));
	__m256i chosen = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(line_ends), before);
	return _mm256_and_si256(_mm256_cmpeq_epi8(before, chosen), _mm256_cmpeq_epi8(here, _mm256_set1_epi8('.')));
}

/* Blocks may overlap: what was passed holds no dot that counts. */
__attribute__((target("avx2"))) static size_t
find_128(struct view in, size_t from)
{
	size_t i = from, step = first_step(in.at + from, 128, 32);

	if (in.len - from < 32)
		return find_16(in, from);
	for (; i + 128 <= in.len; i += step, step = 128) {
		const uint8_t *p = in.at + i;
		__m256i low = _mm256_or_si256(dots_of_32(p), dots_of_32(p + 32));
		__m256i high = _mm256_or_si256(dots_of_32(p + 64), dots_of_32(p + 96));
		__m256i any = _mm256_or_si256(low, high);
		if (!_mm256_testz_si256(any, any))
			break; /* where, is seen below */
	}
	while (i < in.len) {
		size_t at = i + 32 <= in.len ? i : in.len - 32;
		uint32_t bits = (uint32_t)_mm256_movemask_epi8(dots_of_32(in.at + at));
		if (bits != 0)
			return at + (size_t)__builtin_ctz(bits);
		i = at + 32;
	}
	return in.len;
}

/* Of the `wanted` octets at p, those that are a dot behind CR or LF; p[-1] is readable. No other octet is read. */
__attribute__((target("avx512bw"))) static inline uint64_t
dots_of_64(const uint8_t *p, uint64_t wanted)
{
	__m512i here = _mm512_maskz_loadu_epi8(wanted, p);
	__m512i before = _mm512_maskz_loadu_epi8(wanted, p - 1);
	uint64_t line_end = _mm512_cmpeq_epi8_mask(before, _mm512_set1_epi8('\n')) |
			    _mm512_cmpeq_epi8_mask(before, _mm512_set1_epi8('\r'));
	return line_end & _mm512_cmpeq_epi8_mask(here, _mm512_set1_epi8('.'));
}

__attribute__((target("avx512bw"))) static size_t
find_64(struct view in, size_t from)
{
	size_t i = from, step = first_step(in.at + from, 64, 64);
	uint64_t dots = 0;

	for (; i + 64 <= in.len; i += step, step = 64) {
		dots = dots_of_64(in.at + i, UINT64_MAX);
		if (dots != 0)
			return i + (size_t)__builtin_ctzll(dots);
	}
	if (i < in.len)
		dots = dots_of_64(in.at + i, (UINT64_C(1) << (in.len - i)) - 1);
	return dots != 0 ? i + (size_t)__builtin_ctzll(dots) : in.len;
}

static size_t (*find_line_dot)(struct view in, size_t from) = find_16;

bool
dot_scan_by(enum dot_way way)
{
	__builtin_cpu_init();
	if (way == DOT_BY_64 && __builtin_cpu_supports("avx512bw"))
		find_line_dot = find_64;
	else if (way == DOT_BY_32 && __builtin_cpu_supports("avx2"))
		find_line_dot = find_128;
	else if (way == DOT_BY_16)
		find_line_dot = find_16;
	else
		return false;
	return true;
}

__attribute__((constructor)) static void
choose(void)
{
	if (!dot_scan_by(DOT_BY_64))
		dot_scan_by(DOT_BY_32);
}
#else
static size_t (*const find_line_dot)(struct view in, size_t from) = find_octetwise;

bool
dot_scan_by(enum dot_way way)
{
	return way == DOT_BY_16;
}
#endif

/* The state behind in[0..n), where the state before was MATCH_TEXT. */
static uint8_t
match_of_tail(const uint8_t *at, size_t n)
{
	if (n == 0)
		return MATCH_TEXT;
	if (at[n - 1] == '\r')
		return MATCH_CR;
	if (at[n - 1] == '\n')
		return n >= 2 && at[n - 2] == '\r' ? MATCH_CRLF : MATCH_LF;
	return MATCH_TEXT;
}

/* The state behind `c`, outside a dot line. */
static uint8_t
match_text(uint8_t match, uint8_t c)
{
	switch (c) {
	case '\r':
		return MATCH_CR;
	case '\n':
		return match == MATCH_CR ? MATCH_CRLF : MATCH_LF;
	case '.':
		return match == MATCH_CRLF ? MATCH_DOT : match == MATCH_TEXT ? MATCH_TEXT : MATCH_LAX_DOT;
	default:
		return MATCH_TEXT;
	}
}

/* One octet. *taken: c belongs to what was found. */
static enum dot
match_octet(uint8_t *match, uint8_t c, bool *taken)
{
	*taken = true;
	switch (*match) {
	case MATCH_DOT:
	case MATCH_LAX_DOT:
		if (c == '\r') {
			*match = *match == MATCH_DOT ? MATCH_DOT_CR : MATCH_LAX_DOT_CR;
			return DOT_NONE;
		}
		*match = c == '\n' ? MATCH_LF : MATCH_TEXT;
		return c == '\n' ? DOT_DOUBT : c == 0 ? DOT_NUL : DOT_NONE;
	case MATCH_DOT_CR:
	case MATCH_LAX_DOT_CR:
		if (c == '\n') {
			enum dot found = *match == MATCH_DOT_CR ? DOT_END : DOT_DOUBT;
			*match = MATCH_CRLF;
			return found;
		}
		*taken = false;
		*match = MATCH_CR;
		return DOT_DOUBT;
	default:
		*match = match_text(*match, c);
		return DOT_NONE;
	}
}

size_t
dot_scan(uint8_t *match, struct view in, enum dot *found)
{
	uint8_t state = *match; /* of its own: for all the compiler knows, *match may be one of the octets read */
	enum dot end = DOT_NONE;
	size_t i = 0;
	while (i < in.len && end == DOT_NONE) {
		if (state == MATCH_TEXT) {
			size_t dot = find_line_dot(in, i + 1);
			state = match_of_tail(in.at + i, dot - i);
			i = dot;
			if (i == in.len)
				break;
		}
		bool taken;
		end = match_octet(&state, in.at[i], &taken);
		i += taken;
	}
	*match = state;
	*found = end;
	return i;
}
