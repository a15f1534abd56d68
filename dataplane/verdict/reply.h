/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The text of our reply. A template is one line; {domain}, {means},
 * {operator}, {ref} are replaced; `\n` in it makes a multi-line reply. Codes
 * (RFC 5321, RFC 3463) are put in front by us, never by the template.
 * Non-printing and non-ASCII octets of {domain} become '?'. No line exceeds
 * 512 octets with its CRLF (RFC 5321 section 4.5.3.1.5).
 */
#ifndef POSTERN_VERDICT_REPLY_H
#define POSTERN_VERDICT_REPLY_H

#include "base/bytes.h"
#include "verdict/rule.h"

struct reply_facts {
	enum action action;   /* REJECT or DEFER */
	unsigned field;       /* one FIELD_* */
	bool greeting;        /* FIELD_BANNER: the reply stands in the place of the greeting, else of that to EHLO */
	enum lang lang;       /* of the default text */
	const char *template; /* "" for the default */
	struct view domain;   /* canonical domain of the address */
	const char *means;    /* "" where unknown */
	const char *operator_name;
	const char *ref;
};

/*
 * Writes the whole reply, CRLF included, to out. Returns octets, at most cap; 0 where cap is too small. Pure.
 * The codes (RFC 5321 section 4.3.2): to a recipient or sender 550 or 451; for a server's name 554 as the greeting
 * (section 3.1) and 550 to EHLO or HELO, or 421 in either place, since no other 4yz is known there.
 */
size_t reply_text(const struct reply_facts *facts, uint8_t *out, size_t cap);

/*
 * Answers a command in a session that was refused for its server's name: 503 5.5.1 (RFC 5321 section 3.1), or 421
 * 4.3.2 where `action` is ACTION_DEFER. Same contract.
 */
size_t reply_refused(enum lang lang, enum action action, const char *operator_name, uint8_t *out, size_t cap);

/* Closing reply after too many refusals: 421 4.5.3. Same contract. */
size_t reply_quit(enum lang lang, const char *operator_name, const char *ref, uint8_t *out, size_t cap);

#endif
