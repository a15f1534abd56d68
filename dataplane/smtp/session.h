/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An SMTP session seen from its middle: client octets to commands and body,
 * server octets to replies, replies paired with commands by order (RFC 5321,
 * RFC 2920 PIPELINING, RFC 3030 BDAT, RFC 4954 AUTH, RFC 3207 STARTTLS). What
 * the server answered decides what the next client octets are; until it has
 * answered, they are behind a gate.
 *
 * Both readers are incremental: they take any number of octets and keep what
 * they need. They never look back at octets already consumed. No allocation
 * but one line buffer from the worker's pool while an envelope line is split.
 */
#ifndef POSTERN_SMTP_SESSION_H
#define POSTERN_SMTP_SESSION_H

#include "base/bytes.h"
#include "smtp/path.h"

/* Octets of an envelope line that are read; a longer one is passed and counted. */
#define SMTP_LINE_MAX 4096
/* Commands without an answer that are remembered; then the gate closes until answers come. */
#define SMTP_SLOTS 32

enum smtp_verb {
	VERB_NONE = 0, /* the slot of the greeting */
	VERB_HELO,
	VERB_EHLO,
	VERB_LHLO,
	VERB_MAIL,
	VERB_RCPT,
	VERB_DATA,
	VERB_BDAT,
	VERB_RSET,
	VERB_NOOP,
	VERB_QUIT,
	VERB_VRFY,
	VERB_EXPN,
	VERB_HELP,
	VERB_ETRN,
	VERB_AUTH,
	VERB_STARTTLS,
	VERB_AUTH_LINE, /* a client line inside an AUTH exchange */
	VERB_BODY_END,  /* the dot line: it is answered like a command */
	VERB_UNKNOWN,
	VERB_COUNT
};

/* The exact word of a verb, upper case, for events and tests. */
const char *smtp_verb_name(enum smtp_verb verb);
/* The verb of a word (any case, whole word), or VERB_UNKNOWN. Pure. */
enum smtp_verb smtp_verb_of(struct view word);

/*
 * Octets somewhere behind a place in a message text, their first line perhaps without its beginning: true where they
 * neither stand behind the end of that text nor contain it. A line that is no command tells, for behind the end nothing
 * but commands may be said before it is answered (RFC 2920 section 3.1). Such as are in doubt: false. Pure.
 */
bool smtp_is_text(struct view octets);

/* Line buffers of one worker. */
struct smtp_pool;
/* Returns owned, or NULL. At start only: allocates `count` buffers. */
struct smtp_pool *smtp_pool_new(unsigned count);
void smtp_pool_free(struct smtp_pool *pool);

struct smtp_line; /* a line buffer */

/* Where a session stands in its transactions. */
struct smtp_count {
	uint16_t transaction; /* number of the current or last transaction, from 1; 0: none yet */
	bool open : 1;        /* a transaction is open */
	bool sender_ok : 1;   /* its MAIL was accepted */
	bool chunks : 1;      /* its message came in part, by BDAT without LAST */
	bool disturbed : 1;   /* and another command than the next BDAT came behind that part */
};

/* What is known of the server's own name, and asked of it. */
enum smtp_naming {
	NAME_UNASKED = 0,
	NAME_ASKED,   /* the name in the greeting and in the answer to EHLO or HELO is wanted */
	NAME_SETTLED, /* it is no longer */
	NAME_REFUSED, /* the session is refused for it: a further EHLO or HELO is answered by its name again */
};

/* Fields without the word private may be read by the caller; all but `naming` are written by smtp_*() alone. */
struct smtp_session {
	/* What message text needs: eight octets, that share a cache line with what stands before the session. */
	uint8_t client; /* state of the client reader; private */
	uint8_t match;  /* how much of CRLF . CRLF was seen; private */
	uint8_t slot_first, slot_count;
	bool server_spoke : 1; /* any server octet seen */
	bool client_spoke : 1;
	bool ended : 1;       /* QUIT or 421: nothing further counts */
	bool proven : 1;      /* a command that only SMTP has was read */
	bool unpaired : 1;    /* replies may have slipped against commands: read on, but disguise nothing any more */
	bool midstream : 1;   /* private, as all below */
	bool caps_known : 1;  /* an EHLO or HELO was accepted: caps tells */
	bool bdat_ok : 1;     /* the gated BDAT was well formed */
	bool bdat_last : 1;   /* the chunk is the last of its message */
	bool lf_lines : 1;    /* the last command line ended with a bare LF */
	bool evidence : 1;    /* midstream: a reply ended and the client has not spoken since */
	bool credentials : 1; /* AUTH, gate forced: the next line may be credentials */
	bool doubt : 1;       /* a dot line that lax servers take as the end was read as body */
	bool other_end : 1;   /* behind a doubtful end, another one was seen that some server may take */
	bool pipelines : 1;   /* the client has sent a command before the last one was answered */
	bool overtaken : 1;   /* the client went on although the reply was not complete */
	bool in_reply : 1;    /* between the first code of a reply and its end */
	bool reply_lines : 1; /* the reply has had a line already */
	bool line_final : 1;  /* the reply line ends the reply */
	bool line_text : 1;   /* the line has no code */
	bool unsolicited : 1; /* the reply being read answers nothing */
	bool passes : 1;      /* the reply being read is that of a disguised slot, but passes */
	bool replied : 1;     /* a whole reply was seen */
	uint8_t naming : 2;   /* enum smtp_naming; the caller's */

	struct smtp_line *line;    /* the split line; owned by the pool; private */
	uint64_t body_left;        /* octets of the BDAT chunk not yet seen; private */
	uint8_t server;            /* state of the server reader; private */
	uint8_t gate;              /* verb whose answer is awaited; private */
	uint8_t caps;              /* SMTP_CAP_* offered in the last EHLO reply */
	uint8_t caps_read;         /* those of the EHLO reply being read; private */
	uint8_t word_mask;         /* keywords that the word being read may still become; private */
	uint8_t word_len;          /* octets of that word; private */
	uint8_t reply_digits;      /* octets of the code seen on this reply line; private */
	uint32_t line_len;         /* octets of the current client line so far; private */
	uint16_t line_code;        /* code on the reply line being read; private */
	uint16_t reply_code;       /* of the reply being read; private */
	uint16_t refused;          /* recipients and senders we have refused in this session */
	uint16_t cause;            /* why the session is blind: enum counter; 0: it is not */
	struct smtp_count settled; /* behind the last command that was answered; private */
	struct smtp_count now;     /* behind the last command read, those without an answer taken as accepted */
	uint8_t slot[SMTP_SLOTS];  /* ring of enum smtp_verb | SLOT_*; private */
};

enum { SMTP_CAP_PIPELINING = 1, SMTP_CAP_CHUNKING = 2, SMTP_CAP_STARTTLS = 4, SMTP_CAP_SMTPUTF8 = 8 };

struct smtp_reply; /* below */

/* What smtp_client() found next. */
enum smtp_step {
	STEP_MORE,    /* all octets consumed: inside a line, or nothing to say */
	STEP_COMMAND, /* a command line is complete */
	STEP_BODY,    /* `used` octets of body (DATA or BDAT) */
	STEP_GATE,    /* nothing consumed: unreadable before the server's next answer; see gate_opened */
	STEP_OPAQUE,  /* TLS from here on */
	STEP_BLIND,   /* unreadable from here on; cause says why (enum counter) */
};

struct smtp_item {
	enum smtp_step step;
	size_t used;         /* octets of the input consumed by this item */
	enum smtp_verb verb; /* STEP_COMMAND */
	size_t line_len; /* STEP_COMMAND: octets of the whole line, line end included; it ends with `used`, and may have
			    begun in earlier input */
	size_t eol_len;  /* STEP_COMMAND: 2 for CRLF, 1 for LF */
	struct view line;      /* STEP_COMMAND: the whole line, line end included, where line_len <= SMTP_LINE_MAX; else
				* empty; valid as path is */
	bool may_be_envelope;  /* STEP_MORE: the unfinished line may still become MAIL or RCPT: hold it */
	struct smtp_path path; /* MAIL, RCPT: views into the input or the line buffer; valid until the next call */
	bool has_path;         /* false for MAIL and RCPT: no address, or a line longer than SMTP_LINE_MAX */
	uint16_t transaction;  /* STEP_COMMAND: its transaction as far as is known now; the reply tells the final one */
	uint16_t cause;        /* STEP_BLIND */
};

/* A new session (greeting awaited). `midstream`: begins anywhere; synchronises on the first line with a known verb. */
void smtp_session_init(struct smtp_session *s, bool midstream);
/* The server's greeting was seen before the session was begun (a dialogue on an unknown port, smtp/sniff.h). */
void smtp_session_greeted(struct smtp_session *s);
/* Gives back what s owns. */
void smtp_session_done(struct smtp_session *s, struct smtp_pool *pool);

/*
 * Reads the next item of the client's stream. Call again with the rest until
 * used == len, or STEP_GATE / STEP_OPAQUE / STEP_BLIND. A STEP_COMMAND has
 * already taken its reply slot. Borrows; path views in the item are valid until
 * the next call for any session of this pool.
 *
 * A dot line whose line ends are not CRLF on both sides closes the gate: lax
 * servers take it as the end, strict ones as text. If the server answers, it
 * was the end: then there is no STEP_COMMAND, only a reply to VERB_BODY_END.
 * Octets that arrive behind a closed gate should be shown once as they come:
 * where they hold a strict end too, the answer decides nothing, and the
 * session goes blind.
 */
void smtp_client(struct smtp_session *s, struct smtp_pool *pool, struct view in, struct smtp_item *item);

/*
 * The short way of message text: where smtp_client() would take all of `in` as a
 * part of a body in which nothing ends, takes it and returns true. Else false, and
 * s is as it was.
 */
bool smtp_client_text(struct smtp_session *s, struct view in);

/*
 * The command just returned by smtp_client() was replaced on its way (by NOOP
 * or QUIT): its reply will be replaced by ours, so the session takes it as
 * refused: a MAIL opens no transaction at the server, a RCPT adds nothing.
 */
void smtp_client_disguised(struct smtp_session *s);

/*
 * The command just returned by smtp_client() does not reach the server: it is
 * answered in its place by us. As smtp_client_disguised(); and no reply is
 * awaited for it: smtp_removed_next() tells when its turn has come.
 */
void smtp_client_removed(struct smtp_session *s);

/*
 * The oldest command without an answer is one that was removed: takes it as
 * refused, and fills verb, has_path, void_, transaction, disguised, last,
 * gate_opened. False: it is none. Ask after smtp_client_removed(), and after each `last`.
 */
bool smtp_removed_next(struct smtp_session *s, struct smtp_reply *reply);

/* True where the last command alone awaits an answer, and no reply is half read. Pure. */
bool smtp_last_alone(const struct smtp_session *s);

/* Client octets are message text now: they may leave at once. */
bool smtp_in_body(const struct smtp_session *s);
/* The same, and they end with a dot line. Pure. */
bool smtp_in_text(const struct smtp_session *s);

/*
 * No answer will come in time (end of capture, time limit, one way): opens the
 * gate as if the server had agreed. DATA: a body follows; BDAT: its chunk;
 * AUTH: one line of credentials, then commands; STARTTLS: opaque; QUIT: ended;
 * a doubtful dot line: the end where the command lines ended with a bare LF,
 * else text. Slots full: the oldest is forgotten and the session `unpaired`
 * (take the outstanding commands with smtp_flush() before).
 */
void smtp_gate_force(struct smtp_session *s);

/* What smtp_server() found next: at most one line of a reply, or a part of one. */
struct smtp_reply {
	size_t used; /* octets consumed; 0 with need_more: at least 4 octets of the line are wanted first; 0 with
		      * `last`: the reply ended earlier, without a line end (the client went on): call again */
	enum smtp_verb verb;  /* the command that this reply answers */
	bool disguised;       /* the slot is ours: these octets are to be taken out */
	bool overruled;       /* `last`: the slot was ours, and the server's word passed instead of our reply */
	bool first;           /* `used` starts with the first octet of the reply */
	bool last;            /* `used` ends with the last octet of the reply (final line's line end) */
	bool need_more;       /* the code is not complete; hold */
	bool unsolicited;     /* no command awaits an answer */
	bool has_path;        /* MAIL, RCPT: as the item had it */
	bool void_;           /* `last`, MAIL: refused inside an open transaction: opened nothing */
	uint16_t transaction; /* `last`, MAIL and RCPT: its final number */
	uint16_t code;
	bool blind;       /* not an SMTP reply; cause says why */
	bool gate_opened; /* the client's stream can be read on: tcp_resume(DIR_CLIENT) */
	bool unnamed;     /* `used` ends before or inside the server's name, which is asked for: hold the reply */
	bool named;       /* `used` ends behind that name */
	uint8_t name_len; /* its octets, the last of `used` and maybe of earlier input; 0: it said none */
	uint16_t cause;
};

/*
 * Reads the next piece of the server's stream. A 421, and a 554 in a disguised
 * slot, is never `disguised`: the server is closing, and its word passes. If it
 * goes on all the same, `overruled` tells that our reply to that slot is void.
 */
void smtp_server(struct smtp_session *s, struct view in, struct smtp_reply *reply);

/*
 * The reply whose name was just told will be replaced by ours: the rest of it is `disguised`, and its command counts as
 * refused.
 */
void smtp_server_refused(struct smtp_session *s);

/*
 * No answer will come any more: takes the oldest command without one as
 * accepted, and fills verb, has_path, void_, transaction, disguised, last.
 * The session is `unpaired` from then on. False: none is left.
 */
bool smtp_flush(struct smtp_session *s, struct smtp_reply *reply);

#endif
