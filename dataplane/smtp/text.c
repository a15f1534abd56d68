/* SPDX-License-Identifier: BSD-3-Clause */
/* What octets are that a gap separates from a message text. */
#include "smtp/state.h"

/* A line that no command begins with; one whose first word is not whole may be one. */
static bool
is_text_line(struct view line)
{
	size_t n = 0;

	while (n < line.len && is_letter(line.at[n]))
		n++;
	return n < line.len && smtp_verb_of(view_of(line.at, n)) == VERB_UNKNOWN;
}

bool
smtp_is_text(struct view v)
{
	bool text = false;

	for (size_t at = 1; at < v.len; at++) {
		struct view line = view_of(v.at + at, v.len - at);

		if (v.at[at - 1] != '\n')
			continue;
		if (line.at[0] == '.' && (line.len == 1 || line.at[1] == '\r' || line.at[1] == '\n'))
			return false;
		text = text || is_text_line(line);
	}
	return text;
}
