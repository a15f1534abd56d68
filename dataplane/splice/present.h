/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who the client is, and where it wanted to go, in the words of Postfix:
 * XCLIENT and XFORWARD (XCLIENT_README, XFORWARD_README). Both list in the EHLO
 * reply the attributes that they take; values are xtext (RFC 3461 section 4),
 * "[UNAVAILABLE]" where there is none. Pure.
 */
#ifndef POSTERN_SPLICE_PRESENT_H
#define POSTERN_SPLICE_PRESENT_H

#include "base/bytes.h"

#define PRESENT_LINE 512 /* octets of a command line, line end included (RFC 5321 section 4.5.3.1.4) */

enum present { PRESENT_OFF, PRESENT_XCLIENT, PRESENT_XFORWARD };

#define PRESENT_ATTRIBUTES(X)                                                                                          \
	X(ADDR) /* of the client */                                                                                    \
	X(PORT)                                                                                                        \
	X(NAME)                                                                                                        \
	X(PROTO)                                                                                                       \
	X(DESTADDR) /* where the client wanted to go: XCLIENT only */                                                  \
	X(DESTPORT)                                                                                                    \
	X(HELO) /* last: it may be too long for the line */

enum present_attribute {
#define X(name) PRESENT_##name,
	PRESENT_ATTRIBUTES(X)
#undef X
		PRESENT_ATTRIBUTE_COUNT
};

/* XFORWARD knows no destination. */
#define PRESENT_BY_XFORWARD (~(1u << PRESENT_DESTADDR | 1u << PRESENT_DESTPORT))

/* The two ends of the session. Borrows. */
struct present_ends {
	const uint8_t *client, *server; /* addresses; IPv4: 4 octets */
	uint16_t client_port, server_port;
	uint8_t ip_version;
	struct view hello; /* the client's EHLO or HELO line */
};

/* The bit (1 << PRESENT_*) of an attribute, any case; 0: none that we know. */
uint32_t present_attribute(struct view word);

/*
 * The command, line end included, with those of `attributes` that the server
 * takes and that fit. Returns its length, at most PRESENT_LINE; 0: ADDR is not
 * among them, so that there is nothing to tell. `out` has PRESENT_LINE octets.
 */
size_t present_line(enum present how, uint32_t attributes, const struct present_ends *ends, uint8_t *out);

#endif
