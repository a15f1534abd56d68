/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the pipeline itself share: pipeline.c, exit.c, dialogue.c, judge.c, banner.c, redirect/.
 * Nobody else includes it. */
#ifndef POSTERN_INTERNAL_H
#define POSTERN_INTERNAL_H

#include "classify/classify.h"
#include "edit/edit.h"
#include "headers/checksum.h"
#include "headers/decode.h"
#include "pipeline.h"
#include "ruleset/ruleset.h"
#include "verdict/reply.h"

struct late_events; /* judge.c */
struct redirects;   /* redirect/ */
struct splice;

struct pipeline {
	struct pipeline_config config;
	struct counters *ctr;
	struct mail_ports ports; /* looked up: those of the scope, and earlier ones */
	struct scope scope;
	bool express; /* segments may take the short way */
	bool narrow;  /* the scope leaves out some of what is looked up */
	struct fragments *fragments;
	struct flow_table *flows;
	struct tcp_worker tcp;
	struct smtp_pool *lines;
	struct edit_pool *edits;
	struct edit_exit exit;
	struct packet_ops front;     /* the front end's own operations */
	struct packet_ops ops;       /* the same for the stages: knows datagrams that came as fragments */
	const struct ruleset *rules; /* of the current burst */
	uint64_t now_ns, wall_ns;
	uint64_t next_ref;
	unsigned bursts;  /* since a segment was sampled */
	bool gate_opened; /* by the segment at hand: the client's stream can be read on */
	event_fn event;
	void *event_ctx;
	struct late_events *late;    /* by flow id; NULL unless config.late_events */
	struct redirects *redirects; /* NULL: config.splices is 0 */
	struct subject subject;      /* scratch of judge() */
};

/* dialogue.c: the octets of a flow, in order, to commands and replies. The tcp stage calls these. */
size_t dialogue_read(void *ctx, struct flow *f, enum direction dir, uint32_t seq, struct view v);
bool dialogue_jumps(void *ctx, const struct flow *f, const struct packet *p);
void dialogue_exposed(void *ctx, struct flow *f, enum direction dir);
void dialogue_accepted(void *ctx, struct flow *f, const struct packet *p);
/* No answer came in time for the client's octets that wait behind a gate: reads them as if the server had agreed. */
void dialogue_force(struct pipeline *pl, struct flow *f);
/* The flow is read no further; `cause` is an enum counter of group cause, or 0 for an opaque session. */
void dialogue_end(struct pipeline *pl, struct flow *f, enum flow_fate fate, unsigned cause);

/* judge.c: an envelope command to a verdict, an event and, where it must be, an edit. */
/* `pos`: old number of the line's first octet. False: the flow's fate changed, read no further. */
bool judge_command(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item);
/* The final word on the oldest MAIL or RCPT without an answer (late events). */
void judge_answered(struct pipeline *pl, struct flow *f, const struct smtp_reply *reply);
/* No answers will come for what is left (late events). */
void judge_flush(struct pipeline *pl, struct flow *f);
/*
 * Puts `text` in the place of the server's answer to the command of `item`, whose line begins at `pos`: the server does
 * not see the command. judge_quit(): the session can be used no further, the command becomes QUIT, answered 421.
 * False, and nothing happens: no way is left.
 */
bool judge_replace(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item, struct view text);
bool judge_quit(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item, enum lang lang,
		const char *ref);
/* The same with a text of its own. */
bool judge_quit_saying(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item,
		       struct view text);
struct late_events *late_events_new(uint32_t flows);
void late_events_free(struct late_events *late);

/* What every event of f has, and what a verdict adds to it. */
void judge_event(const struct pipeline *pl, const struct flow *f, enum event_kind kind, struct event *e);
void judge_event_verdict(struct pipeline *pl, const struct verdict *v, struct event *e);
/* What a refusal by `action` has to say: of the rule of v, and what e tells. Borrows all three. */
struct reply_facts judge_facts(const struct pipeline *pl, unsigned field, const struct verdict *v,
			       const struct event *e, enum action action);
/* What the rules (there are some) say of pl->subject as `field` (FIELD_*), and what their mode lets happen to f. */
void judge_subject(const struct pipeline *pl, const struct flow *f, unsigned field, struct verdict *v);

/* banner.c: the server's own name, in its greeting and its answers to EHLO and HELO. */
/* Before server octets are read: whether a rule asks for the name. */
static inline void
banner_ask(const struct pipeline *pl, struct flow *f)
{
	bool asked = pl->rules != NULL && (pl->rules->tables.fields & FIELD_BANNER);

	if (f->smtp.naming <= NAME_ASKED && asked != f->smtp.naming)
		f->smtp.naming = asked;
}
/* The name was read (empty: there is none); the reply that says it is held from half[].clear up to `end`. False: the
 * flow's fate changed. */
bool banner_judge(struct pipeline *pl, struct flow *f, uint32_t end, struct view name, const struct smtp_reply *reply);
/* A command of a session that is refused. False: the flow's fate changed. */
bool banner_command(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item);

/* redirect/: a flagged recipient, and the session with it, to a quarantine. */
struct redirects *redirects_new(const struct pipeline_config *c, const uint8_t secret[16]);
void redirects_free(struct redirects *r);
/* Every command. False: it is dealt with, and not to be judged. */
bool redirect_command(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item);
/* A recipient that is to be redirected. `facts`: of the refusal that takes its place where it cannot be. */
enum redirected {
	REDIRECT_DONE,   /* it goes to the quarantine, or was answered */
	REDIRECT_HELD,   /* its line waits: e is told later */
	REDIRECT_REFUSE, /* it is to be refused by the fallback */
};
enum redirected redirect_judge(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item,
			       const struct reply_facts *facts, struct event *e);
/* What happens to recipients that cannot be redirected: ACTION_REJECT or ACTION_DEFER. */
enum action redirect_fallback(const struct pipeline *pl);
/* A judged recipient of a session at a quarantine. False: it was answered there and then; *goes_on as judge_command().
 */
bool redirect_admits(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item,
		     const struct verdict *v, bool *goes_on);
/* Every whole reply; `octets`: its last piece. */
void redirect_answered(struct pipeline *pl, struct flow *f, const struct smtp_reply *reply, struct view octets);
/* A decoded segment, before its flow is looked up. True: it is a quarantine's word to us, and taken. */
bool redirect_arrives(struct pipeline *pl, struct packet *p);
/* A segment of f, before anything else looks at it. True: taken. */
bool redirect_segment(struct pipeline *pl, struct flow *f, struct packet *p);
/* A segment of f has been dealt with. */
void redirect_settle(struct pipeline *pl, struct flow *f);
/* A frame is about to leave by `side`: that of a client whose session has moved is turned to the quarantine. Returns by
 * which side of its pair, which may be another one then. */
enum side redirect_leaves(struct pipeline *pl, struct packet *p, enum side side);
void redirect_tick(struct pipeline *pl);
/* The session of f, which is at a quarantine, cannot be read any further, and is about to be reset. */
void redirect_unread(struct pipeline *pl, struct flow *f);
void redirect_gone(struct pipeline *pl, struct flow *f);

/* After whatever may have let f read on, or changed its fate from `fate`. */
void pipeline_settle(struct pipeline *pl, struct flow *f, uint8_t fate);

/* exit.c: how packets leave. */
/* A packet of no verdict leaves by the other side. Takes p. */
void pipeline_forward(struct pipeline *pl, struct packet *p);
/* Those of a burst that no further stage looks at do. Takes them. */
void pipeline_forward_burst(struct pipeline *pl, struct packet **burst, unsigned n);
/* A segment of f leaves, if the fate of f lets it, in the numbers of its receiver: leave() of tcp/stream.h. Takes p. */
void exit_segment(void *ctx, struct flow *f, struct packet *p);
/* Sets pl->front (copied from `front`), pl->ops and pl->exit; pl has its config and counters. */
void exit_init(struct pipeline *pl, const struct packet_ops *front);
/* The operations behind the stages' own: for fragments, which have passed those. */
struct packet_ops exit_last(struct pipeline *pl);

#endif
