/* SPDX-License-Identifier: BSD-3-Clause */
#include "match/skeleton.h"

/* RFC 3492 section 5. */
#define BASE         36
#define TMIN         1
#define TMAX         26
#define SKEW         38
#define DAMP         700
#define INITIAL_BIAS 72
#define INITIAL_N    0x80
#define CODES_MAX    64

static uint32_t
adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / DAMP : delta / 2;
	delta += delta / points;
	for (; delta > (BASE - TMIN) * TMAX / 2; k += BASE)
		delta /= BASE - TMIN;
	return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

static int
digit(uint8_t c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	return c >= '0' && c <= '9' ? c - '0' + 26 : -1;
}

/* One generalised variable-length integer, added to *i. False: it is none, or too large. */
static bool
take_delta(struct view in, size_t *at, uint32_t bias, uint32_t *i)
{
	uint64_t value = *i, weight = 1;

	for (uint32_t k = BASE;; k += BASE) {
		int d = *at < in.len ? digit(in.at[(*at)++]) : -1;
		if (d < 0)
			return false;
		value += (uint64_t)d * weight;
		uint32_t t = k <= bias ? TMIN : k >= bias + TMAX ? TMAX : k - bias;
		if (value > UINT32_MAX)
			return false;
		if ((uint32_t)d < t)
			break;
		weight *= BASE - t;
		if (weight > UINT32_MAX)
			return false;
	}
	*i = (uint32_t)value;
	return true;
}

size_t
punycode_decode(struct view in, uint32_t out[CODES_MAX])
{
	uint32_t n = INITIAL_N, i = 0, bias = INITIAL_BIAS;
	size_t count = 0, at = 0;

	for (size_t k = in.len; k > 0 && at == 0; k--)
		at = in.at[k - 1] == '-' ? k : 0;
	for (size_t k = 0; k + 1 < at; k++) {
		if (count == CODES_MAX)
			return 0;
		out[count++] = in.at[k];
	}
	while (at < in.len) {
		uint32_t before = i, points = (uint32_t)count + 1;
		if (count == CODES_MAX || !take_delta(in, &at, bias, &i))
			return 0;
		bias = adapt(i - before, points, before == 0);
		if (i / points > 0x10ffff - n)
			return 0;
		n += i / points;
		i %= points;
		memmove(out + i + 1, out + i, (count - i) * sizeof(*out));
		out[i++] = n;
		count++;
	}
	return count;
}

static const struct confusable *
find(const struct confusable *table, uint32_t count, uint32_t code)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (table[mid].code < code)
			low = mid + 1;
		else
			high = mid;
	}
	return low < count && table[low].code == code ? &table[low] : NULL;
}

/* Appends the look of one character. False: it has none, or there is no room. */
static bool
put_look(const struct confusable *table, uint32_t count, uint32_t code, uint8_t *out, size_t *len)
{
	const struct confusable *c = find(table, count, code);

	if (c == NULL || *len + c->len > SKELETON_MAX)
		return false;
	memcpy(out + *len, c->look, c->len);
	*len += c->len;
	return true;
}

static bool
is_alabel(struct view label)
{
	return label.len > 4 && memcmp(label.at, "xn--", 4) == 0;
}

static bool
put_label(const struct confusable *table, uint32_t count, struct view label, uint8_t *out, size_t *len)
{
	uint32_t codes[CODES_MAX];
	bool good = true;

	if (is_alabel(label)) {
		size_t n = punycode_decode(view_of(label.at + 4, label.len - 4), codes);
		good = n > 0;
		for (size_t i = 0; i < n && good; i++)
			good = put_look(table, count, codes[i], out, len);
		return good;
	}
	for (size_t i = 0; i < label.len && good; i++)
		good = put_look(table, count, label.at[i], out, len);
	return good;
}

static bool
has_alabel(struct view domain)
{
	for (size_t i = 0; i + 4 < domain.len; i++)
		if ((i == 0 || domain.at[i - 1] == '.') && memcmp(domain.at + i, "xn--", 4) == 0)
			return true;
	return false;
}

size_t
skeleton_of(const struct confusable *table, uint32_t count, struct view domain, uint8_t out[SKELETON_MAX])
{
	size_t len = 0, from = 0;

	if (!has_alabel(domain))
		return 0;
	for (size_t i = 0; i <= domain.len; i++) {
		if (i < domain.len && domain.at[i] != '.')
			continue;
		if (!put_label(table, count, view_of(domain.at + from, i - from), out, &len))
			return 0;
		if (i < domain.len && len < SKELETON_MAX)
			out[len++] = '.';
		from = i + 1;
	}
	return len;
}
