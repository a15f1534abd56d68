/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <unicode/uchar.h>
#include <unicode/uspoof.h>
#include <unicode/utf16.h>

#include "lookalike/skeleton.h"

/* Characters of ideographs and syllables have no ASCII look; they are most of Unicode. */
static const struct {
	UChar32 first, last;
} ranges[] = { { '-', 0x2fff }, { 0xa000, 0xabff }, { 0xfb00, 0xffef }, { 0x10000, 0x1ffff } };

static bool
is_mark(UChar32 c)
{
	int8_t type = u_charType(c);

	return type == U_NON_SPACING_MARK || type == U_ENCLOSING_MARK || type == U_COMBINING_SPACING_MARK;
}

static bool
name_character(UChar32 c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* The ASCII look of a skeleton, marks dropped. False: it has none. */
static bool
reduce(const UChar *skeleton, int32_t len, struct confusable *out)
{
	for (int32_t i = 0; i < len;) {
		UChar32 c;
		U16_NEXT(skeleton, i, len, c);
		if (is_mark(c))
			continue;
		c = u_tolower(c);
		if (!name_character(c) || out->len == sizeof(out->look))
			return false;
		out->look[out->len++] = (uint8_t)c;
	}
	return true;
}

static bool
look_of(USpoofChecker *checker, UChar32 code, struct confusable *out)
{
	UChar text[2], skeleton[32];
	int32_t len = 0;
	UErrorCode e = U_ZERO_ERROR;

	*out = (struct confusable){ .code = (uint32_t)code };
	U16_APPEND_UNSAFE(text, len, code);
	len = uspoof_getSkeleton(checker, 0, text, len, skeleton, 32, &e);
	return U_SUCCESS(e) && len > 0 && reduce(skeleton, len, out) && (out->len > 0 || is_mark(code));
}

struct confusable *
confusables_make(size_t *count)
{
	UErrorCode e = U_ZERO_ERROR;
	USpoofChecker *checker = uspoof_open(&e);
	struct confusable *table = NULL, one;
	size_t cap = 0;

	*count = 0;
	for (size_t r = 0; r < sizeof(ranges) / sizeof(ranges[0]) && U_SUCCESS(e); r++)
		for (UChar32 c = ranges[r].first; c <= ranges[r].last; c++) {
			if (!(u_isalnum(c) || is_mark(c) || c == '-') || !look_of(checker, c, &one))
				continue;
			if (*count == cap) {
				cap = cap == 0 ? 4096 : cap * 2;
				table = reallocarray(table, cap, sizeof(*table));
				if (table == NULL)
					abort();
			}
			table[(*count)++] = one;
		}
	if (checker != NULL)
		uspoof_close(checker);
	return table;
}

static const struct confusable *
find(const struct confusable *table, size_t count, uint32_t code)
{
	for (size_t i = 0; i < count && table[i].code <= code; i++)
		if (table[i].code == code)
			return &table[i];
	return NULL;
}

size_t
skeleton_ascii(const struct confusable *table, size_t count, struct view name, uint8_t out[SKELETON_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < name.len; i++) {
		const struct confusable *c = find(table, count, name.at[i]);
		if (i + 4 <= name.len && memcmp(name.at + i, "xn--", 4) == 0)
			return 0;
		if (name.at[i] == '.')
			out[len++] = '.';
		else if (c == NULL || len + sizeof(c->look) + 1 > SKELETON_MAX)
			return 0;
		else {
			memcpy(out + len, c->look, c->len);
			len += c->len;
		}
	}
	return len;
}
