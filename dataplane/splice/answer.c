/* SPDX-License-Identifier: BSD-3-Clause */
#include "splice/answer.h"

#include "splice/caps.h"
#include "splice/present.h"

#define LINES_MAX 100 /* no server has so much to say */

/* A word of an EHLO reply ends: the keyword of its line, or what stands behind it. */
static void
end_word(struct answer *a)
{
	struct view word = view_of(a->word, a->word_len);
	bool whole = a->line > 0 && a->word_len > 0 && a->word_len < ANSWER_WORD;

	if (whole && !a->word_done)
		a->caps |= a->keyword = caps_of_keyword(word);
	else if (whole && a->keyword == CAP_XCLIENT)
		a->xclient |= present_attribute(word);
	else if (whole && a->keyword == CAP_XFORWARD)
		a->xforward |= present_attribute(word);
	a->word_done = true;
	a->word_len = 0;
}

/* One octet behind the code and its separator. */
static void
read_text(struct answer *a, uint8_t c)
{
	if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '=') {
		end_word(a);
	} else {
		if (a->word_len < ANSWER_WORD)
			a->word[a->word_len] = (char)c;
		a->word_len += a->word_len < ANSWER_WORD;
	}
}

/* False: no octet of a reply. */
static bool
read_octet(struct answer *a, uint8_t c)
{
	if (a->column < 3) {
		if (c < '0' || c > '9')
			return false;
		a->code = (uint16_t)(a->code * 10 + (c - '0'));
	} else if (a->column == 3) {
		a->more = c == '-';
		if (c != '-' && c != ' ' && c != '\r' && c != '\n')
			return false;
		if (a->line == 0)
			a->caps = a->xclient = a->xforward = 0;
		a->keyword = 0;
		a->word_len = 0;
		a->word_done = false;
	} else {
		read_text(a, c);
	}
	a->column += a->column < UINT8_MAX;
	return true;
}

int
answer_read(struct answer *a, struct view in, size_t *used)
{
	for (*used = 0; *used < in.len;) {
		uint8_t c = in.at[(*used)++];
		uint16_t code;

		if (!read_octet(a, c))
			return -1;
		if (c != '\n')
			continue;
		code = a->code;
		a->code = 0;
		a->column = 0;
		if (!a->more) {
			a->line = 0;
			return code;
		}
		if (++a->line > LINES_MAX)
			return -1;
	}
	return 0;
}
