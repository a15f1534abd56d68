/* SPDX-License-Identifier: BSD-3-Clause */
/* SMTP by its dialogue, on whatever port. */
#include "smtp/sniff.h"

#include "smtp/state.h"

/* Openings of other protocols; SSH and TLS speak first on both sides. */
static const char *const client_others[] = {
	"GET ",  "POST ", "PUT ",  "HEAD ", "OPTIONS ", "DELETE ", "PATCH ", "TRACE ",   "PRI * ",
	"USER ", "PASS ", "NICK ", "CAPA",  "CAP ",     "JOIN ",   "SSH-",   "\x16\x03",
};
static const char *const server_others[] = {
	"+OK", "-ERR",     "* OK", "* BYE",   "* PREAUTH",  "SSH-",
	":",   "\x16\x03", "RFB ", "NOTICE ", "HTTP/1.0 4", "HTTP/1.1 4",
};

static bool
starts_with_any(struct view v, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (starts_with(v, words[i]))
			return true;
	return false;
}

/* v is a beginning of the word, shorter than it. */
static bool
is_beginning(struct view v, const char *word)
{
	size_t n = strlen(word);
	if (v.len == 0 || v.len >= n)
		return false;
	for (size_t i = 0; i < v.len; i++)
		if (ascii_lower(v.at[i]) != ascii_lower((uint8_t)word[i]))
			return false;
	return true;
}

/* HELO, EHLO or LHLO as a whole word. */
static bool
is_hello_line(struct view v)
{
	if (!starts_with(v, "HELO") && !starts_with(v, "EHLO") && !starts_with(v, "LHLO"))
		return false;
	return v.len > 4 && (is_blank(v.at[4]) || v.at[4] == '\r' || v.at[4] == '\n');
}

static bool
is_mail_line(struct view v)
{
	if (!starts_with(v, "MAIL") || v.len == 4 || !is_blank(v.at[4]))
		return false;
	v = skip_blanks(view_from(v, 4));
	if (!starts_with(v, "FROM"))
		return false;
	v = skip_blanks(view_from(v, 4));
	return v.len > 0 && v.at[0] == ':';
}

enum sniff
smtp_sniff_client(struct view chunk)
{
	static const char *const openings[] = { "EHLO ", "HELO ", "LHLO ", "MAIL FROM:" };
	if (is_hello_line(chunk) || is_mail_line(chunk))
		return SNIFF_YES;
	for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++)
		if (is_beginning(chunk, openings[i]))
			return SNIFF_MAYBE;
	if (starts_with_any(chunk, client_others, sizeof(client_others) / sizeof(client_others[0])))
		return SNIFF_NO;
	return SNIFF_MORE;
}

/* The greeting may ride behind the answer of an HTTP proxy. */
static struct view
skip_proxy_answer(struct view v)
{
	if (!starts_with(v, "HTTP/1."))
		return v;
	for (size_t i = 0; i + 4 <= v.len; i++)
		if (memcmp(v.at + i, "\r\n\r\n", 4) == 0)
			return view_from(v, i + 4);
	return v;
}

enum sniff
smtp_sniff_server(struct view chunk)
{
	chunk = skip_proxy_answer(chunk);
	if (chunk.len >= 4 && memcmp(chunk.at, "220", 3) == 0 &&
	    (is_blank(chunk.at[3]) || chunk.at[3] == '-' || chunk.at[3] == '\r' || chunk.at[3] == '\n'))
		return SNIFF_YES;
	if (starts_with_any(chunk, server_others, sizeof(server_others) / sizeof(server_others[0])))
		return SNIFF_NO;
	return SNIFF_MORE;
}
