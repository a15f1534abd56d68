/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The canonical form of a domain, one piece of code for the wire and for the
 * rules: lower case, no trailing dot, U-labels as A-labels (RFC 5891, RFC
 * 3492), ideographic full stops as dots. No heap, no locale. Full UTS #46
 * mapping needs tables that do not belong in the packet path: simple case
 * folding (Latin, Greek, Cyrillic, Armenian, full-width ASCII) is done, NFC
 * composition is not.
 */
#ifndef POSTERN_SMTP_DOMAIN_H
#define POSTERN_SMTP_DOMAIN_H

#include "base/bytes.h"

#define DOMAIN_MAX  253 /* octets of a canonical domain, RFC 1035 */
#define ADDRESS_MAX 640 /* octets of a canonical address: a long local part, @, a domain */

/* What is handed to the pattern engine. */
struct subject {
	/* '.' domain '\n': a literal ".army.ml\n" matches the domain and each sub-domain, and nothing else. */
	uint8_t domain[1 + DOMAIN_MAX + 1];
	uint16_t domain_len; /* sentinels included; 0: no domain */
	/* local '@' domain, all ASCII lower case: for regular expressions. */
	uint8_t address[ADDRESS_MAX];
	uint16_t address_len;
};

/*
 * Writes the canonical form of `in` to out (DOMAIN_MAX octets). Returns its
 * length, 0 where `in` is empty, longer than allowed, an address literal or
 * not valid UTF-8 where it is not ASCII. Pure.
 */
size_t domain_canonical(struct view in, uint8_t out[DOMAIN_MAX]);

/* Builds both subjects of local part and domain. A local part too long is cut at the front. Pure. */
void subject_build(struct view local, struct view domain, struct subject *s);

#endif
