/* SPDX-License-Identifier: BSD-3-Clause */
/* The verbs of SMTP, exact words. */
#include "smtp/state.h"

static const char *const verb_names[VERB_COUNT] = {
	[VERB_NONE] = "",      [VERB_HELO] = "HELO",         [VERB_EHLO] = "EHLO",
	[VERB_LHLO] = "LHLO",  [VERB_MAIL] = "MAIL",         [VERB_RCPT] = "RCPT",
	[VERB_DATA] = "DATA",  [VERB_BDAT] = "BDAT",         [VERB_RSET] = "RSET",
	[VERB_NOOP] = "NOOP",  [VERB_QUIT] = "QUIT",         [VERB_VRFY] = "VRFY",
	[VERB_EXPN] = "EXPN",  [VERB_HELP] = "HELP",         [VERB_ETRN] = "ETRN",
	[VERB_AUTH] = "AUTH",  [VERB_STARTTLS] = "STARTTLS", [VERB_AUTH_LINE] = "(AUTH line)",
	[VERB_BODY_END] = ".", [VERB_UNKNOWN] = "?",
};

const char *
smtp_verb_name(enum smtp_verb verb)
{
	return verb < VERB_COUNT ? verb_names[verb] : "?";
}

/* Four octets as a number, letters in lower case. Of an octet that is no letter this may make another that is none. */
static uint32_t
fold_four(const uint8_t *p)
{
	return load_be32(p) | 0x20202020u;
}

#define FOUR(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

enum smtp_verb
smtp_verb_of(struct view word)
{
	if (word.len == 8 && fold_four(word.at) == FOUR('s', 't', 'a', 'r') &&
	    fold_four(word.at + 4) == FOUR('t', 't', 'l', 's'))
		return VERB_STARTTLS;
	if (word.len != 4)
		return VERB_UNKNOWN;
	switch (fold_four(word.at)) {
	case FOUR('h', 'e', 'l', 'o'):
		return VERB_HELO;
	case FOUR('e', 'h', 'l', 'o'):
		return VERB_EHLO;
	case FOUR('l', 'h', 'l', 'o'):
		return VERB_LHLO;
	case FOUR('m', 'a', 'i', 'l'):
		return VERB_MAIL;
	case FOUR('r', 'c', 'p', 't'):
		return VERB_RCPT;
	case FOUR('d', 'a', 't', 'a'):
		return VERB_DATA;
	case FOUR('b', 'd', 'a', 't'):
		return VERB_BDAT;
	case FOUR('r', 's', 'e', 't'):
		return VERB_RSET;
	case FOUR('n', 'o', 'o', 'p'):
		return VERB_NOOP;
	case FOUR('q', 'u', 'i', 't'):
		return VERB_QUIT;
	case FOUR('v', 'r', 'f', 'y'):
		return VERB_VRFY;
	case FOUR('e', 'x', 'p', 'n'):
		return VERB_EXPN;
	case FOUR('h', 'e', 'l', 'p'):
		return VERB_HELP;
	case FOUR('e', 't', 'r', 'n'):
		return VERB_ETRN;
	case FOUR('a', 'u', 't', 'h'):
		return VERB_AUTH;
	default:
		return VERB_UNKNOWN;
	}
}
