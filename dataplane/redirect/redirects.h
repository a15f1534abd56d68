/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The verdict redirect: connects the stages with splice/. What the files of
 * this folder share; the others call what stands in internal.h.
 *
 *   verdict.c   a flagged recipient to a splice; what the servers answer
 *   turn.c      what becomes of its line, and of the session
 *   packets.c   which packets are the client's, the server's, the quarantine's
 *   time.c      limits
 */
#ifndef POSTERN_REDIRECT_REDIRECTS_H
#define POSTERN_REDIRECT_REDIRECTS_H

#include "internal.h"
#include "splice/splice.h"

struct redirects {
	struct splice_pool *pool;
	struct quarantine_table table;
	struct event *event; /* by splice: what is told at the hand-over, or when it is taken back */
	struct event queued; /* scratch */
	uint64_t looked_ns;
	unsigned closed;     /* splices whose session is over, at the last look: they serve late segments only */
	struct splice *next; /* to be looked at by redirect_tick() */
	unsigned turn;       /* the quarantine that was chosen last */
};

static inline struct splice *
splice_of(const struct flow *f)
{
	return f->envelope != NULL ? f->envelope->splice : NULL;
}

/* The client has acknowledged all that was said to it. */
static inline bool
redirect_is_told(const struct flow *f)
{
	return f->tcp.half[DIR_SERVER].acked == f->tcp.half[DIR_SERVER].nxt;
}

/* Does what `turn` asks for. */
void redirect_act(struct pipeline *pl, struct flow *f, struct splice *s, enum splice_turn turn);

/* The same, for whoever does not go on to read the client by himself. */
void redirect_act_alone(struct pipeline *pl, struct flow *f, struct splice *s, enum splice_turn turn);

/* The splice is over: whoever steers packets past the pipeline forgets its connection. Takes s. */
void redirect_forget(struct pipeline *pl, struct splice *s);

/* Both connections of s are over: what comes late is answered by s, until it is given back. Pure. */
bool redirect_is_over(const struct splice *s);

/* Gives back one splice that is over, the sooner. False: none is. */
bool redirect_make_room(struct pipeline *pl);

/* All is answered that stood before the flagged line: it goes to the quarantine now, or meets an answer. */
void redirect_decide(struct pipeline *pl, struct flow *f, struct splice *s);

/* The session of s ends with a mail that the quarantine may have: told without its answer. Once. */
void redirect_tell_open(struct pipeline *pl, struct splice *s);

/* The event of s, whose line meets `applied`. Once. */
void redirect_tell(struct pipeline *pl, struct splice *s, enum action applied);

/* What cannot go on is undone: nothing that is flagged slips through. Takes s. */
void redirect_give_up(struct pipeline *pl, struct flow *f, struct splice *s);

/* The reply that has a client bring a recipient in a mail of its own. */
extern const struct view redirect_later;

#endif
