/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the pipeline itself share: pipeline.c, dialogue.c, judge.c. Nobody else includes it. */
#ifndef POSTERN_INTERNAL_H
#define POSTERN_INTERNAL_H

#include "classify/classify.h"
#include "edit/edit.h"
#include "headers/checksum.h"
#include "headers/decode.h"
#include "pipeline.h"
#include "verdict/reply.h"

struct late_events; /* judge.c */

struct pipeline {
	struct pipeline_config config;
	struct counters *ctr;
	struct mail_ports ports;
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
	bool gate_opened; /* by the segment at hand: the client's stream can be read on */
	event_fn event;
	void *event_ctx;
	struct late_events *late; /* by flow id; NULL unless config.late_events */
	struct subject subject;   /* scratch of judge() */
};

/* dialogue.c: the octets of a flow, in order, to commands and replies. The tcp stage calls these. */
size_t dialogue_read(void *ctx, struct flow *f, enum direction dir, uint32_t seq, struct view v);
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
struct late_events *late_events_new(uint32_t flows);
void late_events_free(struct late_events *late);

/* A packet of no verdict leaves by the other side. Takes p. */
void pipeline_forward(struct pipeline *pl, struct packet *p);

#endif
