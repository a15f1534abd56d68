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

bool
starts_with(struct view v, const char *word)
{
	size_t n = strlen(word);
	if (v.len < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (ascii_lower(v.at[i]) != ascii_lower((uint8_t)word[i]))
			return false;
	return true;
}

enum smtp_verb
smtp_verb_of(struct view word)
{
	for (enum smtp_verb v = VERB_HELO; v <= VERB_STARTTLS; v++)
		if (strlen(verb_names[v]) == word.len && starts_with(word, verb_names[v]))
			return v;
	return VERB_UNKNOWN;
}
