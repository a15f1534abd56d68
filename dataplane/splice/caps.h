/* SPDX-License-Identifier: BSD-3-Clause */
/* Extensions of SMTP (EHLO keywords), and which of them a command line asks for by its parameters. Pure. */
#ifndef POSTERN_SPLICE_CAPS_H
#define POSTERN_SPLICE_CAPS_H

#include "base/bytes.h"

#define CAPS(X)                                                                                                        \
	X(PIPELINING, "PIPELINING")   /* RFC 2920 */                                                                   \
	X(CHUNKING, "CHUNKING")       /* RFC 3030 */                                                                   \
	X(BINARYMIME, "BINARYMIME")   /* RFC 3030 */                                                                   \
	X(8BITMIME, "8BITMIME")       /* RFC 6152 */                                                                   \
	X(SIZE, "SIZE")               /* RFC 1870 */                                                                   \
	X(DSN, "DSN")                 /* RFC 3461 */                                                                   \
	X(SMTPUTF8, "SMTPUTF8")       /* RFC 6531 */                                                                   \
	X(AUTH, "AUTH")               /* RFC 4954 */                                                                   \
	X(DELIVERBY, "DELIVERBY")     /* RFC 2852 */                                                                   \
	X(REQUIRETLS, "REQUIRETLS")   /* RFC 8689 */                                                                   \
	X(MT_PRIORITY, "MT-PRIORITY") /* RFC 6710 */                                                                   \
	X(STARTTLS, "STARTTLS")       /* RFC 3207 */                                                                   \
	X(XFORWARD, "XFORWARD")                                                                                        \
	X(XCLIENT, "XCLIENT")

enum cap_bit {
#define X(name, word) CAP_BIT_##name,
	CAPS(X)
#undef X
		CAP_BIT_COUNT
};

enum {
#define X(name, word) CAP_##name = 1 << CAP_BIT_##name,
	CAPS(X)
#undef X
		CAP_UNKNOWN = 1 << 30, /* a parameter of no extension that we know: no server can promise it */
};

/* The word of each, upper case, by bit. */
extern const char *const cap_words[CAP_BIT_COUNT];

/* The bit of an EHLO keyword, any case; 0: none of these. */
uint32_t caps_of_keyword(struct view word);

/* The extensions that the parameters of a MAIL or RCPT line need (line end allowed). */
uint32_t caps_of_line(struct view line);

#endif
