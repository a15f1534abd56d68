/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the session share. Private to smtp/. */
#ifndef POSTERN_SMTP_STATE_H
#define POSTERN_SMTP_STATE_H

#include "base/counters.h"
#include "smtp/session.h"

/* What the next client octet is. */
enum client_state {
	CLIENT_LINE = 0,    /* part of a command line */
	CLIENT_SYNC,        /* unknown: the session began before us */
	CLIENT_CREDENTIALS, /* part of a line inside an AUTH exchange */
	CLIENT_GATE,        /* unknown before the answer to session.gate */
	CLIENT_BODY,        /* message text up to the dot line */
	CLIENT_DOT,         /* behind a dot line that only lax servers take as the end */
	CLIENT_CHUNK,       /* octets of a BDAT chunk */
	CLIENT_OPAQUE,      /* TLS */
	CLIENT_BLIND,       /* unreadable, session.cause */
	CLIENT_OVER,        /* behind QUIT or 421 */
};

/* What the next server octet is. */
enum server_state {
	SERVER_START = 0, /* first of a reply */
	SERVER_CODE,      /* in the code of a reply line or its separator */
	SERVER_TEXT,      /* behind it, up to the line end */
};

/* A slot: 5 bits of enum smtp_verb and marks. */
enum {
	SLOT_VERB = 0x1f,
	SLOT_NO_PATH = 0x20,   /* MAIL, RCPT: no address could be read */
	SLOT_LAST = 0x20,      /* BDAT: the last chunk */
	SLOT_CHUNK = 0x40,     /* BDAT: its octets follow, whatever the answer */
	SLOT_REMOVED = 0x40,   /* MAIL, RCPT: the server does not see it at all */
	SLOT_DISGUISED = 0x80, /* the server sees our command in its place */
};
_Static_assert(VERB_COUNT <= SLOT_VERB + 1, "a verb fits its bits");

/* White space inside a command line, as the most tolerant server takes it. Asked of most octets, and most are none. */
static inline bool
is_blank(uint8_t c)
{
	return c <= ' ' && (c == ' ' || (c >= '\t' && c <= '\r' && c != '\n'));
}

static inline bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* An ASCII letter. */
static inline bool
is_letter(uint8_t c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* The session is read no further. */
static inline void
go_blind(struct smtp_session *s, uint16_t cause)
{
	s->client = CLIENT_BLIND;
	s->cause = cause;
}

/* v without its first n octets, n <= v.len. */
static inline struct view
view_from(struct view v, size_t n)
{
	return view_of(v.at + n, v.len - n);
}

static inline struct view
skip_blanks(struct view v)
{
	while (v.len > 0 && is_blank(v.at[0]))
		v = view_from(v, 1);
	return v;
}

/* True where v starts with the upper-case word, in any case. Here, so that a word that is a literal costs no loop. */
static inline bool
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

/* Adds a command behind the others; a full ring forgets its oldest. */
void slot_push(struct smtp_session *s, uint8_t slot);
/* The command that the next reply answers; slot_count > 0. */
uint8_t slot_head(const struct smtp_session *s);
/* Takes the oldest command away, settled by its answer; fills verb, has_path, void_, transaction of reply. */
void slot_settle(struct smtp_session *s, bool accepted, struct smtp_reply *reply);

/* The answer `code` to `verb` opens the gate and says what follows. */
void gate_open(struct smtp_session *s, enum smtp_verb verb, unsigned code);

/* The octets of a message, judged octet for octet. */
enum dot {
	DOT_NONE,  /* no end */
	DOT_END,   /* CRLF . CRLF */
	DOT_DOUBT, /* a dot line with other line ends */
	DOT_NUL,   /* a line that begins with a dot and a NUL: for a server that reads C strings, a dot line */
};
enum { MATCH_TEXT = 0, MATCH_CR, MATCH_LF, MATCH_CRLF, MATCH_DOT, MATCH_LAX_DOT, MATCH_DOT_CR, MATCH_LAX_DOT_CR };

/* Reads `in` up to the end of the first dot line. *match carries the state over borders. Returns octets read. */
size_t dot_scan(uint8_t *match, struct view in, enum dot *found);

/* By registers of how many octets: the widest that there are, unless a test wants another. False: there are none. */
enum dot_way { DOT_BY_16, DOT_BY_32, DOT_BY_64, DOT_WAYS };
bool dot_scan_by(enum dot_way way);

/* The line buffers. A buffer given back keeps its octets until the next is taken. */
struct smtp_line {
	struct smtp_line *next; /* free list */
	uint8_t octets[SMTP_LINE_MAX];
};
struct smtp_line *line_take(struct smtp_pool *pool); /* NULL: empty */
void line_give(struct smtp_pool *pool, struct smtp_line *line);

/* True where the first octets of a segment look like a command line (a session that began before us). */
bool command_plausible(struct view in);

/* A complete line, line end excluded, as a command: verb, its slot marks, and in *path the path. Pure. */
struct command {
	enum smtp_verb verb;
	bool has_path; /* *path was written */
	bool chunk_ok; /* BDAT: well formed */
	bool chunk_last;
	uint64_t chunk_len;
};
void command_parse(struct view line, struct command *c, struct smtp_path *path);
/* True where a line that begins so may become MAIL or RCPT. */
bool command_may_be_envelope(struct view begin);

#endif
