/* SPDX-License-Identifier: BSD-3-Clause */
#include "splice/caps.h"

const char *const cap_words[CAP_BIT_COUNT] = {
#define X(name, word) word,
	CAPS(X)
#undef X
};

/* Parameters of MAIL and RCPT whose name is not that of their extension. */
static const struct {
	const char *word;
	uint32_t caps;
} parameters[] = {
	{ "BODY", CAP_8BITMIME },
	{ "RET", CAP_DSN },
	{ "ENVID", CAP_DSN },
	{ "NOTIFY", CAP_DSN },
	{ "ORCPT", CAP_DSN },
	{ "BY", CAP_DELIVERBY },
	{ "SIZE", CAP_SIZE },
	{ "AUTH", CAP_AUTH },
	{ "SMTPUTF8", CAP_SMTPUTF8 },
	{ "REQUIRETLS", CAP_REQUIRETLS },
	{ "MT-PRIORITY", CAP_MT_PRIORITY },
};

/* Equal but for case. */
static bool
is_word(struct view v, const char *word)
{
	size_t i = 0;

	while (i < v.len && word[i] != '\0' && ascii_lower(v.at[i]) == ascii_lower((uint8_t)word[i]))
		i++;
	return i == v.len && word[i] == '\0';
}

uint32_t
caps_of_keyword(struct view word)
{
	for (unsigned i = 0; i < CAP_BIT_COUNT; i++)
		if (is_word(word, cap_words[i]))
			return UINT32_C(1) << i;
	return 0;
}

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What stands behind the path: behind its '>', or behind the first blank after its first octet. */
static size_t
behind_path(struct view line)
{
	size_t at = 0;
	bool quoted = false;

	while (at < line.len && line.at[at] != ':')
		at++;
	at += at < line.len;
	while (at < line.len && is_space(line.at[at]))
		at++;
	bool angle = at < line.len && line.at[at] == '<';
	for (; at < line.len; at++) {
		uint8_t c = line.at[at];
		if (quoted && c == '\\')
			at++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (angle ? c == '>' : is_space(c)))
			return at + 1;
	}
	return line.len;
}

static uint32_t
caps_of_parameter(struct view parameter)
{
	size_t name = 0;

	while (name < parameter.len && parameter.at[name] != '=')
		name++;
	struct view word = view_of(parameter.at, name);
	if (is_word(word, "BODY") && parameter.len > name &&
	    is_word(view_of(parameter.at + name + 1, parameter.len - name - 1), "BINARYMIME"))
		return CAP_BINARYMIME | CAP_CHUNKING;
	for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++)
		if (is_word(word, parameters[i].word))
			return parameters[i].caps;
	return CAP_UNKNOWN;
}

uint32_t
caps_of_line(struct view line)
{
	size_t at = behind_path(line);
	uint32_t caps = 0;

	while (at < line.len) {
		size_t from;
		while (at < line.len && is_space(line.at[at]))
			at++;
		for (from = at; at < line.len && !is_space(line.at[at]); at++)
			;
		if (at > from)
			caps |= caps_of_parameter(view_of(line.at + from, at - from));
	}
	return caps;
}
