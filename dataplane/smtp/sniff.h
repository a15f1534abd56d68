/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Is a flow on an unknown port an SMTP dialogue? Asked of each chunk of
 * ordered octets, from its first octet on, until the client says so; what came
 * before (an HTTP CONNECT, a SOCKS handshake) is thereby left aside. Then the
 * session begins with that chunk: smtp_session_init(s, false), and
 * smtp_session_greeted() where the server was SNIFF_YES before.
 */
#ifndef POSTERN_SMTP_SNIFF_H
#define POSTERN_SMTP_SNIFF_H

#include "base/bytes.h"

enum sniff {
	SNIFF_MORE,  /* nothing to be said: ask again with the next chunk */
	SNIFF_YES,   /* client: opens an SMTP dialogue. Server: greets like SMTP (FTP greets so too) */
	SNIFF_MAYBE, /* client: too short, may open one (typed by hand): begin where the server was SNIFF_YES, and take
			no address for certain before smtp_session.proven */
	SNIFF_NO,    /* another protocol: ask no more */
};

/* Judges a chunk of the client's. Pure. */
enum sniff smtp_sniff_client(struct view chunk);
/* Judges a chunk of the server's. Pure. */
enum sniff smtp_sniff_server(struct view chunk);

#endif
