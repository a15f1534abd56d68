/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MAIL and RCPT arguments to address (RFC 5321 section 4.1.2, RFC 6531), read
 * as tolerantly as the most tolerant server: any white space around the colon
 * and the brackets, missing brackets, source routes, quoted local parts (also
 * with > @ and blanks inside), address literals, a trailing dot, percent and
 * bang forms (the domain that would be routed to last), parameters left aside.
 */
#ifndef POSTERN_SMTP_PATH_H
#define POSTERN_SMTP_PATH_H

#include "base/bytes.h"

/* All views point into the line that was parsed. */
struct smtp_path {
	struct view address; /* as sent, without angle brackets, source route and parameters; empty: <> */
	struct view local;   /* local part as sent, quotes included */
	struct view domain;  /* where it would be routed: behind the last @, or by % or !; empty: none */
	struct view params;  /* ESMTP parameters, may be empty */
	bool bracketed;      /* stood in < > */
	bool doubtful;       /* servers would read another domain here, or none */
};

/*
 * Parses what follows the colon of MAIL FROM: or RCPT TO: up to the line end
 * (line end excluded). False: no path could be read at all. What only some
 * servers take, each in its own way (comments, quotes and blanks in a domain,
 * words before or behind an address without brackets), is `doubtful`. Pure.
 */
bool smtp_path_parse(struct view arg, struct smtp_path *path);

#endif
