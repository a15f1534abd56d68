/* SPDX-License-Identifier: BSD-3-Clause */
#include <idn2.h>
#include <stdio.h>
#include <stdlib.h>

#include "rules/names.h"

static bool
label_octet(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* RFC 1035 section 2.3.1, with the underscore that is seen in practice. */
static const char *
label_fault(struct view label)
{
	if (label.len == 0)
		return "it has an empty label; expected one dot between labels";
	if (label.len > 63)
		return "it has a label of more than 63 octets";
	for (size_t i = 0; i < label.len; i++)
		if (!label_octet(label.at[i]))
			return "it has a character that no domain has; expected letters, digits, '-' and '.'";
	if (label.at[0] == '-' || label.at[label.len - 1] == '-')
		return "a label begins or ends with '-'";
	return NULL;
}

static bool
all_digits(struct view label)
{
	for (size_t i = 0; i < label.len; i++)
		if (label.at[i] < '0' || label.at[i] > '9')
			return false;
	return true;
}

static const char *
labels_fault(struct view domain)
{
	struct view label = view_of(domain.at, 0);

	for (size_t i = 0; i <= domain.len; i++) {
		if (i < domain.len && domain.at[i] != '.') {
			label.len++;
			continue;
		}
		const char *fault = label_fault(label);
		if (fault != NULL)
			return fault;
		if (i == domain.len && all_digits(label))
			return "its last label is a number; expected a domain, not an IP address";
		label = view_of(domain.at + i + 1, 0);
	}
	return NULL;
}

static const char *
writing_fault(struct view in)
{
	if (in.len == 0)
		return "it is empty";
	if (memchr(in.at, '@', in.len) != NULL)
		return "it is an address; expected a domain (kind address takes addresses)";
	if (memchr(in.at, '*', in.len) != NULL || in.at[0] == '.')
		return "a domain stands for its sub-domains already; expected it without \"*.\" and leading dot";
	if (memchr(in.at, '/', in.len) != NULL || memchr(in.at, ':', in.len) != NULL)
		return "it looks like a URL; expected the bare domain";
	return NULL;
}

static bool
is_ascii(struct view in)
{
	for (size_t i = 0; i < in.len; i++)
		if (in.at[i] >= 0x80)
			return false;
	return true;
}

/* A second opinion on non-ASCII names (IDNA2008, RFC 5891): the canonical form must be the one DNS knows. */
static bool
idna_agrees(struct view in, struct view canonical, char why[NAME_WHY_MAX])
{
	char text[4 * DOMAIN_MAX + 1];
	uint8_t *ace = NULL;

	if (in.len >= sizeof(text)) {
		snprintf(why, NAME_WHY_MAX, "it is too long");
		return false;
	}
	memcpy(text, in.at, in.len);
	text[in.len] = '\0';
	int e = idn2_lookup_u8((const uint8_t *)text, &ace, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	bool same = e == IDN2_OK && view_equal(view_of(ace, strlen((char *)ace)), canonical);
	if (e != IDN2_OK)
		snprintf(why, NAME_WHY_MAX, "it is not valid under IDNA2008: %s", idn2_strerror(e));
	else if (!same)
		snprintf(why, NAME_WHY_MAX, "it has more than one reading; expected its A-label form %.200s", ace);
	idn2_free(ace);
	return same;
}

/* A-labels must decode (RFC 3492, RFC 5891 section 5.4). */
static bool
alabels_decode(struct view canonical, char why[NAME_WHY_MAX])
{
	char text[DOMAIN_MAX + 1], *unicode = NULL;

	memcpy(text, canonical.at, canonical.len);
	text[canonical.len] = '\0';
	if (strstr(text, "xn--") == NULL)
		return true;
	int e = idn2_to_unicode_8z8z(text, &unicode, 0);
	idn2_free(unicode);
	if (e != IDN2_OK)
		snprintf(why, NAME_WHY_MAX, "an xn-- label does not decode: %s", idn2_strerror(e));
	return e == IDN2_OK;
}

size_t
name_domain(struct view in, uint8_t out[DOMAIN_MAX], char why[NAME_WHY_MAX])
{
	const char *fault = writing_fault(in);
	size_t len = fault == NULL ? domain_canonical(in, out) : 0;
	struct view canonical = view_of(out, len);

	if (fault == NULL && len == 0)
		fault = "it is not a domain name; expected at most 253 octets of letters, digits, '-' and '.'";
	if (fault == NULL)
		fault = labels_fault(canonical);
	if (fault != NULL) {
		snprintf(why, NAME_WHY_MAX, "%s", fault);
		return 0;
	}
	if (!is_ascii(in) && !idna_agrees(in, canonical, why))
		return 0;
	return alabels_decode(canonical, why) ? len : 0;
}

size_t
name_address(struct view in, uint8_t out[ADDRESS_MAX], char why[NAME_WHY_MAX])
{
	uint8_t domain[DOMAIN_MAX];
	struct subject s;
	size_t at = in.len;

	while (at > 0 && in.at[at - 1] != '@')
		at--;
	if (at < 2) {
		snprintf(why, NAME_WHY_MAX, "it is not an address; expected local-part@domain");
		return 0;
	}
	size_t len = name_domain(view_of(in.at + at, in.len - at), domain, why);
	if (len == 0)
		return 0;
	subject_build(view_of(in.at, at - 1), view_of(domain, len), &s);
	memcpy(out, s.address, s.address_len);
	return s.address_len;
}
