/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session goes on at another server in the middle of its dialogue, and the
 * client does not notice. Knows TCP numbers and three ends of dialogues; what
 * is judged, held and let go is the pipeline's (redirect/).
 *
 *   client ------- box ------- server        until the flagged RCPT, which stays in the box
 *   client - (RCPT) box ------ server        the box greets the quarantine and repeats EHLO and MAIL: `far`
 *                    \-------- quarantine
 *   client ------- box         server        hand-over: the held RCPT goes on, translated (splice/shift.h);
 *                    \-------- quarantine    to the server the box says RSET and QUIT: `near`
 *
 * Nothing that the client said is acknowledged by the box before the
 * hand-over, so until then everything can be undone by dropping the second
 * connection. Afterwards the quarantine acknowledges and answers all of it,
 * so that no mail is accepted but by the server that has it.
 */
#ifndef POSTERN_SPLICE_SPLICE_H
#define POSTERN_SPLICE_SPLICE_H

#include "base/counters.h"
#include "edit/edit.h"
#include "flow/flow.h"
#include "splice/answer.h"
#include "splice/end.h"
#include "splice/quarantine.h"
#include "splice/route.h"
#include "splice/shift.h"

#define ENVELOPE_HELLO 320 /* octets of an EHLO line, line end included; a longer one cannot be repeated */
#define ENVELOPE_MAIL  640
#define SPLICE_REFUSAL 1024

struct splice;

/* What a flow said that may have to be repeated elsewhere. Exists only where quarantines are configured. */
struct envelope {
	struct envelope *next_free;
	struct splice *splice; /* NULL: the session is where it was */
	uint16_t hello_len;    /* 0: none, or too long */
	uint16_t mail_len;
	uint16_t accepted; /* recipients of the open transaction that the server has accepted */
	uint8_t hello[ENVELOPE_HELLO];
	uint8_t mail[ENVELOPE_MAIL];
};

/* See states.def for what leads from one to the other. */
enum splice_state {
	SPLICE_WAIT,     /* the server still owes answers to what stood before the flagged line */
	SPLICE_OPENING,  /* SYN to the quarantine */
	SPLICE_GREETING, /* its greeting is awaited */
	SPLICE_HELLO,    /* its answer to EHLO */
	SPLICE_XCLIENT,  /* its answer to XCLIENT, a second greeting */
	SPLICE_AGAIN,    /* its answer to the second EHLO */
	SPLICE_XFORWARD, /* its answer to XFORWARD */
	SPLICE_MAIL,     /* its answer to MAIL */
	SPLICE_LIVE,     /* handed over */
	SPLICE_ENDING,   /* the quarantine says no more; the client has not yet acknowledged all that it said */
	SPLICE_FAILED,   /* the quarantine is gone: the box ends the client's session */
	SPLICE_OVER,     /* nothing is left to do */
	SPLICE_STATES
};

enum splice_event {
	SPLICE_READY,       /* all answers are there, and the client has them */
	SPLICE_OPENED,      /* the quarantine has accepted the connection */
	SPLICE_YES,         /* it has answered as it must */
	SPLICE_BY_XCLIENT,  /* it has answered EHLO, and is to be told by XCLIENT who the client is */
	SPLICE_BY_XFORWARD, /* the same by XFORWARD */
	SPLICE_NO,          /* it has not answered as it must, or offers less than was promised */
	SPLICE_LATE,        /* time is up */
	SPLICE_GONE,        /* its connection is gone, or it says no more and owes an answer */
	SPLICE_EVENTS
};

/* What the caller has to do after an event. */
enum splice_turn {
	SPLICE_STAY,      /* nothing */
	SPLICE_CONNECT,   /* splice_open() */
	SPLICE_HAND_OVER, /* splice_hand_over(), then the held line goes on */
	SPLICE_FALL_BACK, /* the session stays where it is: splice_undo(), and the line gets the refusal */
	SPLICE_FAIL,      /* splice_fail() */
};

struct splice {
	struct splice *next, *prev; /* list of those in use, or free list */
	struct splice *chain;       /* of one hash bucket */
	struct flow *flow;
	const struct edit_exit *out;
	struct flow_key key; /* of the connection to the quarantine */
	struct quarantine to;
	uint32_t id;  /* index in the pool */
	uint32_t pos; /* old number of the flagged line's first octet */
	uint32_t line_len, eol_len;
	uint32_t needs; /* CAP_* that the client was promised or has used */
	uint64_t begun_ns;
	uint64_t heard_ns; /* last segment of the quarantine */
	uint64_t asked_ns; /* the client's first octets since then */
	uint64_t since_ns; /* when it was first seen in `seen` */
	uint64_t left_ns;  /* hand-over */
	uint64_t over_ns;  /* when it was seen that both its connections are over; 0: not yet */
	uint8_t seen;      /* state at the last tick */
	uint16_t cause;    /* enum counter: why it was undone or failed */
	uint8_t state;     /* enum splice_state */
	uint8_t leave;     /* what the server was told last: 0 RSET, 1 QUIT, 2 FIN */
	bool listed;       /* in the hash */
	uint8_t far_scale; /* window scale of the quarantine */
	bool far_has_scale;
	bool bye;      /* it has said 221 or 421: what follows is the end as it should be */
	bool in_doubt; /* a mail was said to its end; no answer has been read, no event told */
	bool paced;    /* the quarantine does not offer PIPELINING: it gets one command at a time */
	struct route_syn syn;
	struct route far_route, near_route;
	struct answer far_answer, near_answer;
	struct end far, near;
	struct shift shift;
	uint16_t refusal_len; /* reply for the flagged line where it is not redirected */
	uint8_t fallback;     /* enum action of that reply */
	uint8_t refusal[SPLICE_REFUSAL];
};

/* Splices and envelopes of one worker. */
struct splice_pool;
/* Returns owned, or NULL (no memory). At start only. `secret`: see flow_table_new(). */
struct splice_pool *splice_pool_new(unsigned splices, unsigned envelopes, const uint8_t secret[16]);
/* Connections of this pool, that of `worker`, are known to the others by `owners`, borrowed. */
struct owners;
void splice_pool_share(struct splice_pool *pool, struct owners *owners, unsigned worker);
void splice_pool_free(struct splice_pool *pool);

/* The envelope of f, made when missing; NULL: pool empty. */
struct envelope *envelope_of(struct splice_pool *pool, struct flow *f);
/* Gives back the envelope of f and its splice, if any. Sends nothing. */
void envelope_drop(struct splice_pool *pool, struct flow *f);

/* A new splice of f, in SPLICE_WAIT; f has an envelope without one. NULL: pool empty. */
struct splice *splice_new(struct splice_pool *pool, struct flow *f, const struct edit_exit *out, uint64_t now_ns);
/* Takes s away from its flow. Sends nothing. */
void splice_free(struct splice_pool *pool, struct splice *s);
/* Those in use, each once, in no order; NULL ends. `s` NULL: the first. */
struct splice *splice_next(const struct splice_pool *pool, const struct splice *s);
/* How many are in use. */
unsigned splice_count(const struct splice_pool *pool);
/* Makes splice_find() find s by s->key. False: another one has that key, or another worker. */
bool splice_list(struct splice_pool *pool, struct splice *s);
/* The splice to whose quarantine p belongs, a decoded segment that comes from there; else NULL. */
struct splice *splice_find(const struct splice_pool *pool, const struct packet *p);

/* The table of states: what an event leads to. Pure but for s->state. */
enum splice_turn splice_take(struct splice *s, enum splice_event event);

/* The same, and why: the first cause counts. */
enum splice_turn splice_take_for(struct splice *s, enum splice_event event, enum counter cause);

/*
 * Connects to s->to. `like`: a packet of the client to the server, borrowed.
 * False: its link header is too long or, where the quarantine has a port of its own, labelled; or the lines cannot be
 * repeated.
 */
bool splice_open(struct splice_pool *pool, struct splice *s, const struct packet *like, uint64_t now_ns);

/* A segment of the quarantine before the hand-over. Borrows p. */
enum splice_turn splice_far_input(struct splice *s, const struct packet *p, uint64_t now_ns);

/*
 * Time passes. `setup_ns`, `session_ns`: limits up to the hand-over, and of
 * SPLICE_LIVE. SPLICE_ENDING lasts 10 s and SPLICE_FAILED 60 s at most; the
 * farewell to the server 30 s from the hand-over on.
 */
enum splice_turn splice_tick(struct splice *s, uint64_t now_ns, uint64_t setup_ns, uint64_t session_ns);
/* The same for a splice whose session is over: the server's farewell goes on. */
void splice_tick_near(struct splice *s, uint64_t now_ns);
/* The farewell to the server is over. Pure. */
static inline bool
splice_has_left(const struct splice *s)
{
	return s->near.state != END_OPEN || end_done(&s->near);
}

/* Drops the connection to the quarantine. */
void splice_undo(struct splice *s);

/* Fixes the constants, and begins to take leave of the server. Segments of the client go to the quarantine from now. */
void splice_hand_over(struct splice *s, uint64_t now_ns);

/* Begins to take leave of the server; s->near is open. Part of splice_hand_over(). */
void splice_leave(struct splice *s, uint64_t now_ns);

/* A segment of the original server after the hand-over. Borrows p. */
void splice_near_input(struct splice *s, const struct packet *p, uint64_t now_ns);

/*
 * Ends the client's session with `text` and a FIN, and the quarantine's by
 * RST. False, and nothing was said to the client: it has not yet acknowledged
 * what was said before, so that a gap would stay; the caller resets.
 */
bool splice_fail(struct splice *s, struct view text, uint64_t now_ns);

/* Resets the client's connection, where splice_fail() is not possible. */
void splice_reset_client(struct splice *s);

/* A segment of the client after splice_fail(). Borrows p, whose numbers are those on the wire. */
void splice_client_input(struct splice *s, const struct packet *p, uint64_t now_ns);

/* Resets what is still open at the quarantine and at the server. */
void splice_abort(struct splice *s);

/* The session is, or was, on its way to a quarantine. Pure. */
static inline bool
splice_is_any(const struct flow *f)
{
	return f->envelope != NULL && f->envelope->splice != NULL;
}

/* The client's octets are kept back. Pure. */
static inline bool
splice_holds(const struct flow *f)
{
	return f->envelope != NULL && f->envelope->splice != NULL && f->envelope->splice->state < SPLICE_LIVE;
}

/* The client's commands go to the quarantine one at a time. Pure. */
static inline bool
splice_is_paced(const struct flow *f)
{
	return f->envelope != NULL && f->envelope->splice != NULL && f->envelope->splice->paced &&
	       f->envelope->splice->state == SPLICE_LIVE;
}

/* The next command waits for the answer to the one before it. Pure. */
static inline bool
splice_paces(const struct flow *f)
{
	return splice_is_paced(f) && f->smtp.slot_count > 0;
}

/* Segments of client and quarantine are translated. Pure. */
static inline bool
splice_joins(const struct splice *s)
{
	return s->state == SPLICE_LIVE || s->state == SPLICE_ENDING;
}

/* The session is at the quarantine. Pure. */
static inline bool
splice_is_live(const struct flow *f)
{
	return f->envelope != NULL && f->envelope->splice != NULL && splice_joins(f->envelope->splice);
}

#endif
