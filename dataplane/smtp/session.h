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
	VERB_HELO, VERB_EHLO, VERB_LHLO, VERB_MAIL, VERB_RCPT, VERB_DATA, VERB_BDAT,
	VERB_RSET, VERB_NOOP, VERB_QUIT, VERB_VRFY, VERB_EXPN, VERB_HELP, VERB_ETRN,
	VERB_AUTH, VERB_STARTTLS,
	VERB_AUTH_LINE,  /* a client line inside an AUTH exchange */
	VERB_BODY_END,   /* the dot line: it is answered like a command */
	VERB_UNKNOWN,
	VERB_COUNT
};

/* The exact word of a verb, upper case, for events and tests. */
const char *smtp_verb_name(enum smtp_verb verb);
/* The verb of a word (any case, whole word), or VERB_UNKNOWN. Pure. */
enum smtp_verb smtp_verb_of(struct view word);

/* Why a session is read no further; enum counter values of group `cause`. */
struct smtp_line; /* a line buffer */

/* Line buffers of one worker. */
struct smtp_pool;
/* Returns owned, or NULL. At start only: allocates `count` buffers. */
struct smtp_pool *smtp_pool_new(unsigned count);
void smtp_pool_free(struct smtp_pool *pool);

struct smtp_session {
	struct smtp_line *line;        /* the split envelope line; owned by the pool */
	uint64_t body_left;            /* octets of the BDAT chunk not yet seen */
	uint8_t slot[SMTP_SLOTS];      /* ring of enum smtp_verb | SLOT_* */
	uint8_t slot_first, slot_count;
	uint8_t client;                /* state of the client reader; private */
	uint8_t server;                /* state of the server reader; private */
	uint8_t match;                 /* how much of CRLF . CRLF, or of a line end, was seen; private */
	uint8_t gate;                  /* verb whose answer is awaited; private */
	uint16_t line_len;             /* octets of the current client line so far */
	uint16_t reply_code;           /* of the reply being read */
	uint8_t reply_digits;          /* octets of the code seen on this reply line */
	uint8_t caps;                  /* SMTP_CAP_* offered in the last EHLO reply */
	uint16_t transaction;          /* number of the current or last transaction, from 1; 0: none yet */
	uint16_t refused;              /* recipients and senders we have refused in this session */
	bool open : 1;                 /* a transaction is open */
	bool sender_ok : 1;            /* its MAIL was accepted, or not answered yet */
	bool server_spoke : 1;         /* any server octet seen */
	bool client_spoke : 1;
	bool ended : 1;                /* QUIT or 421: nothing further counts */
};

enum { SMTP_CAP_PIPELINING = 1, SMTP_CAP_CHUNKING = 2, SMTP_CAP_STARTTLS = 4, SMTP_CAP_SMTPUTF8 = 8 };

/* What smtp_client() found next. */
enum smtp_step {
	STEP_MORE,    /* all octets consumed: inside a line, or nothing to say */
	STEP_COMMAND, /* a command line is complete */
	STEP_BODY,    /* `used` octets of body (DATA or BDAT) */
	STEP_GATE,    /* nothing consumed: unreadable before the server's next answer */
	STEP_OPAQUE,  /* TLS from here on */
	STEP_BLIND,   /* unreadable from here on; cause says why (enum counter) */
};

struct smtp_item {
	enum smtp_step step;
	size_t used;           /* octets of the input consumed by this item */
	enum smtp_verb verb;   /* STEP_COMMAND */
	size_t line_len;       /* STEP_COMMAND: octets of the whole line, line end included; may have begun in earlier input */
	size_t eol_len;        /* STEP_COMMAND: 2 for CRLF, 1 for LF */
	bool may_be_envelope;  /* STEP_MORE: the unfinished line may still become MAIL or RCPT: hold it */
	struct smtp_path path; /* MAIL, RCPT: views into the input or the line buffer; valid until the next call */
	bool has_path;
	uint16_t cause;        /* STEP_BLIND */
};

/* A new session (greeting awaited). `midstream`: begins anywhere; synchronises on the first line with a known verb. */
void smtp_session_init(struct smtp_session *s, bool midstream);
/* Gives back what s owns. */
void smtp_session_done(struct smtp_session *s, struct smtp_pool *pool);

/*
 * Reads the next item of the client's stream. Call again with the rest until
 * used == len, or STEP_GATE / STEP_OPAQUE / STEP_BLIND. A STEP_COMMAND has
 * already taken its reply slot. Borrows.
 */
void smtp_client(struct smtp_session *s, struct smtp_pool *pool, struct view in, struct smtp_item *item);

/*
 * The command just returned by smtp_client() was replaced on its way (by NOOP
 * or QUIT): its reply will be replaced by ours, so the session takes it as
 * refused: a MAIL opens no transaction at the server, a RCPT adds nothing.
 */
void smtp_client_disguised(struct smtp_session *s);

/* No answer will come any more (end of capture, time limit): opens the gate as if the server had agreed. */
void smtp_gate_force(struct smtp_session *s);

/* What smtp_server() found next: at most one line of a reply, or a part of one. */
struct smtp_reply {
	size_t used;           /* octets consumed; 0 with need_more: at least 4 octets of the line are wanted first */
	enum smtp_verb verb;   /* the command that this reply answers */
	bool disguised;        /* the slot is ours: these octets are to be taken out */
	bool first;            /* `used` starts with the first octet of the reply */
	bool last;             /* `used` ends with the last octet of the reply (final line's line end) */
	bool need_more;        /* the code is not complete; hold */
	bool unsolicited;      /* no command awaits an answer */
	uint16_t code;
	bool blind;            /* not an SMTP reply; cause says why */
	bool gate_opened;      /* the client's stream can be read on: tcp_resume(DIR_CLIENT) */
	uint16_t cause;
};

/*
 * Reads the next piece of the server's stream. A 421, and a 554 in a disguised
 * slot, is never `disguised`: the server is closing, and its word passes.
 */
void smtp_server(struct smtp_session *s, struct view in, struct smtp_reply *reply);

#endif
