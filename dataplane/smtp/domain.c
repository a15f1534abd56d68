/* SPDX-License-Identifier: BSD-3-Clause */
/* Domains in one form, and the subjects of a scan. */
#include "smtp/domain.h"

#define LABEL_MAX 63 /* octets, RFC 1035 section 2.3.4 */

/* Capitals: first, last, the step between them, the way to the small letter. Unicode 14, ascending. */
struct fold {
	uint16_t first, last;
	uint8_t step;
	int16_t way;
};
/* Latin, Greek, Cyrillic, Armenian, Latin Extended Additional. */
static const struct fold folds[] = {
	{ 0x00c0, 0x00d6, 1, 32 },   { 0x00d8, 0x00de, 1, 32 },    { 0x0100, 0x012e, 2, 1 },
	{ 0x0132, 0x0136, 2, 1 },    { 0x0139, 0x0147, 2, 1 },     { 0x014a, 0x0176, 2, 1 },
	{ 0x0178, 0x0178, 1, -121 }, { 0x0179, 0x017d, 2, 1 },     { 0x0181, 0x0181, 1, 210 },
	{ 0x0182, 0x0184, 2, 1 },    { 0x0186, 0x0186, 1, 206 },   { 0x0187, 0x0187, 1, 1 },
	{ 0x0189, 0x018a, 1, 205 },  { 0x018b, 0x018b, 1, 1 },     { 0x018e, 0x018e, 1, 79 },
	{ 0x018f, 0x018f, 1, 202 },  { 0x0190, 0x0190, 1, 203 },   { 0x0191, 0x0191, 1, 1 },
	{ 0x0193, 0x0193, 1, 205 },  { 0x0194, 0x0194, 1, 207 },   { 0x0196, 0x0196, 1, 211 },
	{ 0x0197, 0x0197, 1, 209 },  { 0x0198, 0x0198, 1, 1 },     { 0x019c, 0x019c, 1, 211 },
	{ 0x019d, 0x019d, 1, 213 },  { 0x019f, 0x019f, 1, 214 },   { 0x01a0, 0x01a4, 2, 1 },
	{ 0x01a6, 0x01a6, 1, 218 },  { 0x01a7, 0x01a7, 1, 1 },     { 0x01a9, 0x01a9, 1, 218 },
	{ 0x01ac, 0x01ac, 1, 1 },    { 0x01ae, 0x01ae, 1, 218 },   { 0x01af, 0x01af, 1, 1 },
	{ 0x01b1, 0x01b2, 1, 217 },  { 0x01b3, 0x01b5, 2, 1 },     { 0x01b7, 0x01b7, 1, 219 },
	{ 0x01b8, 0x01b8, 1, 1 },    { 0x01bc, 0x01bc, 1, 1 },     { 0x01c4, 0x01c4, 1, 2 },
	{ 0x01c5, 0x01c5, 1, 1 },    { 0x01c7, 0x01c7, 1, 2 },     { 0x01c8, 0x01c8, 1, 1 },
	{ 0x01ca, 0x01ca, 1, 2 },    { 0x01cb, 0x01db, 2, 1 },     { 0x01de, 0x01ee, 2, 1 },
	{ 0x01f1, 0x01f1, 1, 2 },    { 0x01f2, 0x01f4, 2, 1 },     { 0x01f6, 0x01f6, 1, -97 },
	{ 0x01f7, 0x01f7, 1, -56 },  { 0x01f8, 0x021e, 2, 1 },     { 0x0220, 0x0220, 1, -130 },
	{ 0x0222, 0x0232, 2, 1 },    { 0x023a, 0x023a, 1, 10795 }, { 0x023b, 0x023b, 1, 1 },
	{ 0x023d, 0x023d, 1, -163 }, { 0x023e, 0x023e, 1, 10792 }, { 0x0241, 0x0241, 1, 1 },
	{ 0x0243, 0x0243, 1, -195 }, { 0x0244, 0x0244, 1, 69 },    { 0x0245, 0x0245, 1, 71 },
	{ 0x0246, 0x024e, 2, 1 },    { 0x0370, 0x0372, 2, 1 },     { 0x0376, 0x0376, 1, 1 },
	{ 0x037f, 0x037f, 1, 116 },  { 0x0386, 0x0386, 1, 38 },    { 0x0388, 0x038a, 1, 37 },
	{ 0x038c, 0x038c, 1, 64 },   { 0x038e, 0x038f, 1, 63 },    { 0x0391, 0x03a1, 1, 32 },
	{ 0x03a3, 0x03ab, 1, 32 },   { 0x03cf, 0x03cf, 1, 8 },     { 0x03d8, 0x03ee, 2, 1 },
	{ 0x03f4, 0x03f4, 1, -60 },  { 0x03f7, 0x03f7, 1, 1 },     { 0x03f9, 0x03f9, 1, -7 },
	{ 0x03fa, 0x03fa, 1, 1 },    { 0x03fd, 0x03ff, 1, -130 },  { 0x0400, 0x040f, 1, 80 },
	{ 0x0410, 0x042f, 1, 32 },   { 0x0460, 0x0480, 2, 1 },     { 0x048a, 0x04be, 2, 1 },
	{ 0x04c0, 0x04c0, 1, 15 },   { 0x04c1, 0x04cd, 2, 1 },     { 0x04d0, 0x052e, 2, 1 },
	{ 0x0531, 0x0556, 1, 48 },   { 0x1e00, 0x1e94, 2, 1 },     { 0x1e9e, 0x1e9e, 1, -7615 },
	{ 0x1ea0, 0x1efe, 2, 1 },
};

static uint32_t
fold_case(uint32_t c)
{
	if (c < 0x80)
		return ascii_lower((uint8_t)c);
	for (size_t i = 0; i < sizeof(folds) / sizeof(folds[0]) && c >= folds[i].first; i++)
		if (c <= folds[i].last && (c - folds[i].first) % folds[i].step == 0)
			return (uint32_t)((int32_t)c + folds[i].way);
	return c;
}

#define NOTHING UINT32_MAX

/* What UTS #46 makes of c, as far as this goes; it may be NOTHING. */
static uint32_t
map_code_point(uint32_t c)
{
	switch (c) {
	case 0x3002: /* ideographic full stops */
	case 0xff0e:
	case 0xff61:
		return '.';
	case 0x00ad: /* soft hyphen, zero width space, word joiner, byte order mark */
	case 0x200b:
	case 0x2060:
	case 0xfeff:
		return NOTHING;
	default:
		break;
	}
	if (c > 0xff00 && c < 0xff5f) /* full-width ASCII */
		c -= 0xfee0;
	return fold_case(c);
}

/* Takes a code point off the front of *v (RFC 3629). NOTHING: not UTF-8. */
static uint32_t
take_code_point(struct view *v)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint8_t lead = v->at[0];
	unsigned more = lead < 0x80 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
	if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || v->len <= more)
		return NOTHING;
	uint32_t c = more == 0 ? lead : lead & (0x3fu >> more);
	for (unsigned i = 1; i <= more; i++) {
		if ((v->at[i] & 0xc0) != 0x80)
			return NOTHING;
		c = c << 6 | (v->at[i] & 0x3f);
	}
	*v = view_of(v->at + more + 1, v->len - more - 1);
	return c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? NOTHING : c;
}

/* A label on its way: code points, mapped. */
struct label {
	uint32_t at[DOMAIN_MAX];
	unsigned len;
	bool ascii;
};

/* The form being written. */
struct output {
	uint8_t *at;
	size_t len;
	unsigned dots; /* before the next label; those at the end are never written */
	bool full;
};

static void
put(struct output *out, uint8_t c)
{
	if (out->len == DOMAIN_MAX)
		out->full = true;
	else
		out->at[out->len++] = c;
}

/* RFC 3492 section 5: parameters of Punycode. */
enum { BASE = 36, T_MIN = 1, T_MAX = 26, SKEW = 38, DAMP = 700, INITIAL_BIAS = 72, INITIAL_N = 128 };

/* RFC 3492 section 6.1. */
static uint32_t
adapt(uint32_t delta, uint32_t points, bool first)
{
	delta = first ? delta / DAMP : delta / 2;
	delta += delta / points;
	uint32_t k = 0;
	for (; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE)
		delta /= BASE - T_MIN;
	return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static void
put_digit(struct output *out, uint32_t d)
{
	put(out, (uint8_t)(d < 26 ? 'a' + d : '0' + d - 26));
}

/* A variable-length integer, RFC 3492 section 6.3. */
static void
put_delta(struct output *out, uint32_t q, uint32_t bias)
{
	for (uint32_t k = BASE;; k += BASE) {
		uint32_t t = k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;
		if (q < t)
			break;
		put_digit(out, t + (q - t) % (BASE - t));
		q = (q - t) / (BASE - t);
	}
	put_digit(out, q);
}

static uint32_t
least_from(const struct label *l, uint32_t n)
{
	uint32_t least = UINT32_MAX;
	for (unsigned i = 0; i < l->len; i++)
		if (l->at[i] >= n && l->at[i] < least)
			least = l->at[i];
	return least;
}

/* RFC 3492 section 6.3. A label has at most LABEL_MAX code points here, so 32 bits do not overflow. */
static void
put_punycode(struct output *out, const struct label *l)
{
	uint32_t basic = 0, delta = 0, bias = INITIAL_BIAS;
	for (unsigned i = 0; i < l->len; i++)
		if (l->at[i] < 0x80) {
			put(out, (uint8_t)l->at[i]);
			basic++;
		}
	if (basic > 0)
		put(out, '-');
	uint32_t done = basic;
	for (uint32_t n = INITIAL_N; done < l->len; n++, delta++) {
		uint32_t next = least_from(l, n);
		delta += (next - n) * (done + 1);
		n = next;
		for (unsigned i = 0; i < l->len; i++) {
			if (l->at[i] < n)
				delta++;
			if (l->at[i] != n)
				continue;
			put_delta(out, delta, bias);
			bias = adapt(delta, done + 1, done == basic);
			delta = 0;
			done++;
		}
	}
}

/* Ends the label: writes it as A-label or as it is. False: no DNS name has it. */
static bool
end_label(struct output *out, struct label *l)
{
	if (l->len == 0)
		return true;
	for (; out->dots > 0; out->dots--)
		put(out, '.');
	size_t begin = out->len;
	if (l->ascii) {
		for (unsigned i = 0; i < l->len; i++)
			put(out, (uint8_t)l->at[i]);
	} else {
		if (l->len > LABEL_MAX)
			return false;
		for (const char *p = "xn--"; *p != 0; p++)
			put(out, (uint8_t)*p);
		put_punycode(out, l);
	}
	bool fits = l->ascii || out->len - begin <= LABEL_MAX;
	l->len = 0;
	l->ascii = true;
	return fits;
}

/* Labels of any kind, code point by code point. */
static size_t
canonical_labels(struct view in, uint8_t out[DOMAIN_MAX])
{
	struct output o = { .at = out };
	struct label label;
	label.len = 0;
	label.ascii = true;
	while (in.len > 0) {
		uint32_t c = take_code_point(&in);
		if (c == NOTHING)
			return 0;
		c = map_code_point(c);
		if (c == NOTHING)
			continue;
		if (c == '.') {
			if (!end_label(&o, &label))
				return 0;
			o.dots++;
			continue;
		}
		if (label.len == DOMAIN_MAX)
			return 0;
		label.at[label.len++] = c;
		label.ascii = label.ascii && c < 0x80;
	}
	return end_label(&o, &label) && !o.full ? o.len : 0;
}

/* Writes `from` in ASCII lower case. Returns all its octets, ORed: below 0x80 where every one is ASCII. */
static uint8_t
copy_lower(uint8_t *to, struct view from)
{
	uint8_t all = 0;
	for (size_t i = 0; i < from.len; i++) {
		all |= from.at[i];
		to[i] = ascii_lower(from.at[i]);
	}
	return all;
}

size_t
domain_canonical(struct view in, uint8_t out[DOMAIN_MAX])
{
	if (in.len > 0 && in.at[0] == '[')
		return 0;
	while (in.len > 0 && in.at[in.len - 1] == '.')
		in.len--;
	if (in.len <= DOMAIN_MAX && copy_lower(out, in) < 0x80) /* ASCII alone, as most are, has its form already */
		return in.len;
	return canonical_labels(in, out);
}

void
subject_build(struct view local, struct view domain, struct subject *s)
{
	uint8_t *name = s->domain + 1;
	size_t len = domain_canonical(domain, name);
	s->domain[0] = '.';
	name[len] = '\n';
	s->domain_len = len > 0 ? (uint16_t)(len + 2) : 0;

	/* An address literal, or no name at all: a pattern sees it as it was sent. */
	struct view sent = view_of(domain.at, domain.len < DOMAIN_MAX ? domain.len : DOMAIN_MAX);
	size_t behind = len > 0 ? len : sent.len, room = ADDRESS_MAX - 1 - behind;
	if (local.len > room)
		local = view_of(local.at + (local.len - room), room);
	uint8_t *at = s->address + local.len;
	copy_lower(s->address, local);
	*at++ = '@';
	if (len > 0)
		memcpy(at, name, len);
	else
		copy_lower(at, sent);
	s->address_len = (uint16_t)(local.len + 1 + behind);
}
