/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An envelope command to its verdict: canonical address, match, verdict, and
 * what it leads to: an event, an edit, a reset, a drop. Invariant: a verdict
 * that cannot be applied is an event and a counter, never half an edit.
 */
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"
#include "splice/splice.h"

/* Events of one flow that wait for their reply, oldest first. Replay only: it may use the heap. */
struct late_event {
	struct late_event *next;
	struct event event;
};

struct late_events {
	uint32_t flows;
	struct late_queue {
		struct late_event *first, **last;
	} queue[];
};

struct late_events *
late_events_new(uint32_t flows)
{
	struct late_events *late = calloc(1, sizeof *late + flows * sizeof late->queue[0]);

	if (late == NULL)
		return NULL;
	late->flows = flows;
	for (uint32_t i = 0; i < flows; i++)
		late->queue[i].last = &late->queue[i].first;
	return late;
}

void
late_events_free(struct late_events *late)
{
	free(late);
}

static void
late_put(struct pipeline *pl, struct flow *f, const struct event *e)
{
	struct late_queue *q = &pl->late->queue[f->id];
	struct late_event *node = malloc(sizeof *node);

	if (node == NULL) { /* better early than never */
		pl->event(pl->event_ctx, e);
		return;
	}
	node->next = NULL;
	node->event = *e;
	*q->last = node;
	q->last = &node->next;
}

/* The oldest waiting event leaves the queue: told with its final number, or not at all. */
static void
late_take(struct pipeline *pl, struct flow *f, uint16_t transaction, bool tell)
{
	struct late_queue *q = &pl->late->queue[f->id];
	struct late_event *node = q->first;

	if (node == NULL)
		return;
	q->first = node->next;
	if (q->first == NULL)
		q->last = &q->first;
	node->event.transaction = transaction;
	if (tell)
		pl->event(pl->event_ctx, &node->event);
	free(node);
}

void
judge_answered(struct pipeline *pl, struct flow *f, const struct smtp_reply *reply)
{
	if (pl->late == NULL || reply->unsolicited || !reply->has_path)
		return;
	/* On a port that says nothing, a dialogue that never proved to be SMTP has no envelopes. */
	if (reply->verb == VERB_MAIL || reply->verb == VERB_RCPT)
		late_take(pl, f, reply->transaction, !reply->void_ && (pl->config.port_count > 0 || f->smtp.proven));
}

void
judge_flush(struct pipeline *pl, struct flow *f)
{
	struct smtp_reply reply;

	if (pl->late == NULL)
		return;
	while (smtp_flush(&f->smtp, &reply))
		judge_answered(pl, f, &reply);
}

static void
copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

/* The last octets of `from` that fit. */
static uint16_t
copy_tail(uint8_t *to, size_t size, struct view from)
{
	size_t len = from.len < size ? from.len : size;

	if (len > 0)
		memcpy(to, from.at + (from.len - len), len);
	return (uint16_t)len;
}

void
judge_event(const struct pipeline *pl, const struct flow *f, enum event_kind kind, struct event *e)
{
	const struct flow_key *k = &f->key;
	unsigned client = f->client, server = 1u - client;

	memset(e, 0, offsetof(struct event, ref));
	e->ref[0] = e->rule[0] = e->class_name[0] = e->means[0] = e->quarantine[0] = e->answer[0] = '\0';
	e->time_ns = pl->wall_ns;
	memcpy(e->client_addr, k->addr[client], 16);
	memcpy(e->server_addr, k->addr[server], 16);
	e->client_port = k->port[client];
	e->server_port = k->port[server];
	e->ip_version = k->ip_version;
	e->kind = (uint8_t)kind;
	e->worker = (uint8_t)pl->config.worker;
	if (pl->subject.domain_len >= 2)
		e->domain_len = copy_tail(e->domain, sizeof e->domain,
					  view_of(pl->subject.domain + 1, pl->subject.domain_len - 2u));
}

void
judge_event_verdict(struct pipeline *pl, const struct verdict *v, struct event *e)
{
	const struct rule_tables *t = &pl->rules->tables;

	e->generation = t->generation;
	if (v->rule == NULL)
		return;
	e->action = (uint8_t)v->action;
	e->applied = (uint8_t)v->applied;
	copy_text(e->rule, sizeof e->rule, t->strings + v->rule->id);
	copy_text(e->class_name, sizeof e->class_name, verdict_class(v, t));
	copy_text(e->means, sizeof e->means, verdict_means(v, t));
	event_ref(pl->next_ref++, e->ref);
}

struct reply_facts
judge_facts(const struct pipeline *pl, unsigned field, const struct verdict *v, const struct event *e,
	    enum action action)
{
	return (struct reply_facts){
		.action = action,
		.field = field,
		.lang = v->rule->lang,
		.template = pl->rules->tables.strings + v->rule->template,
		.domain = view_of(e->domain, e->domain_len),
		.means = e->means,
		.operator_name = pl->rules->tables.operator_name,
		.ref = e->ref,
	};
}

/* FNV-1a over the key: which per cent of the flows a sampled rule takes. Not for tables. */
static uint32_t
sample_of(const struct flow *f)
{
	const uint8_t *k = (const uint8_t *)&f->key;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < sizeof f->key; i++)
		h = (h ^ k[i]) * 16777619u;
	return h;
}

void
judge_subject(const struct pipeline *pl, const struct flow *f, unsigned field, struct verdict *v)
{
	match_address(pl->rules, pl->config.worker, &pl->subject, field, v);
	verdict_settle(v, verdict_is_sampled(v) ? sample_of(f) : 0);
}

/*
 * Refuses one command without the server: its line is taken out. Our answer rides on that to the command
 * before it; or it stands behind all answers, where none is outstanding.
 */
static bool
answer_alone(struct flow *f, uint32_t pos, const struct smtp_item *item, struct view text)
{
	const struct tcp_half *server = &f->tcp.half[DIR_SERVER];
	struct edit *edit = f->edit;
	bool alone = smtp_last_alone(&f->smtp);

	if (alone && (server->fin_seen || server->read != server->nxt || !edit_can_stand(edit, server->nxt)))
		return false;
	if (!edit_remove(edit, pos, (uint32_t)item->line_len, text))
		return false;
	smtp_client_removed(&f->smtp);
	return !alone || edit_stand(edit, server->nxt, pos, (uint32_t)item->line_len);
}

/*
 * The server may answer in our place, as to a NOOP. Not where its client may pipeline: of a group NOOP can
 * only be the last (RFC 2920 section 3.1), and strict servers refuse the message or end the session for it,
 * good recipients included. A session that is refused as a whole has none.
 */
static bool
by_server(const struct pipeline *pl, const struct flow *f)
{
	if (pl->late != NULL) /* a capture's client takes no answers of ours */
		return true;
	if (f->smtp.refused >= pl->config.noop_limit)
		return false;
	return !(f->smtp.caps & SMTP_CAP_PIPELINING) || f->smtp.naming == NAME_REFUSED;
}

/* Puts `text` in the place of the server's answer to one command, by the gentlest way that is left. */
static bool
disguise(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item, struct view text)
{
	uint32_t len = (uint32_t)item->line_len, eol = (uint32_t)item->eol_len;
	uint32_t sent = f->tcp.half[DIR_CLIENT].sent;

	if (seq_lt(pos, sent)) {
		if (!edit_spoil(f->edit, pos, len, sent, text))
			return false;
	} else if (!by_server(pl, f)) {
		return answer_alone(f, pos, item, text);
	} else if (!edit_disguise(f->edit, DISGUISE_NOOP, pos, len, eol, text)) {
		return false;
	}
	smtp_client_disguised(&f->smtp);
	return true;
}

bool
judge_quit(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item, enum lang lang,
	   const char *ref)
{
	uint8_t text[EDIT_REPLY];
	size_t len = reply_quit(lang, pl->rules->tables.operator_name, ref, text, sizeof text);

	return judge_quit_saying(pl, f, pos, item, view_of(text, len));
}

bool
judge_quit_saying(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item, struct view text)
{
	if (text.len == 0 || pl->late != NULL || seq_lt(pos, f->tcp.half[DIR_CLIENT].sent))
		return false;
	if (!edit_disguise(f->edit, DISGUISE_QUIT, pos, (uint32_t)item->line_len, (uint32_t)item->eol_len, text))
		return false;
	smtp_client_disguised(&f->smtp);
	pl->ctr->value[CTR_verdict_quit]++;
	return true;
}

bool
judge_replace(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item, struct view text)
{
	const struct packet *held = f->tcp.half[DIR_CLIENT].held; /* NULL: it has left */

	if (f->tcp.read_only || f->smtp.unpaired || held == NULL || edit_of(pl->edits, f) == NULL || text.len == 0)
		return false;
	if (f->edit->quitting)
		return true; /* it goes nowhere */
	edit_note(f, held);
	if (pl->config.watch != NULL)
		pl->config.watch->edited(pl->config.watch->ctx, &f->key);
	return disguise(pl, f, pos, item, text);
}

/* Refuses one command: the server does not see it, and its reply is ours. */
static bool
refuse(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item, const struct reply_facts *facts)
{
	uint8_t text[EDIT_REPLY];
	size_t len = reply_text(facts, text, sizeof text);

	if (!judge_replace(pl, f, pos, item, view_of(text, len)))
		return f->edit != NULL && !f->tcp.read_only && !f->smtp.unpaired &&
		       judge_quit(pl, f, pos, item, facts->lang, facts->ref);
	pl->ctr->value[facts->action == ACTION_DEFER ? CTR_verdict_defer : CTR_verdict_reject]++;
	return true;
}

/* Refuses, or hands over to redirect/. False: no way is left. */
static bool
answer(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item, const struct verdict *v,
       struct event *e)
{
	bool redirect = v->applied == ACTION_REDIRECT;
	unsigned field = item->verb == VERB_MAIL ? FIELD_FROM : FIELD_RCPT;
	struct reply_facts facts = judge_facts(pl, field, v, e, redirect ? redirect_fallback(pl) : v->applied);

	if (redirect && redirect_judge(pl, f, pos, item, &facts, e) != REDIRECT_REFUSE)
		return true;
	if (pl->redirects != NULL)
		e->applied = (uint8_t)facts.action;
	return refuse(pl, f, pos, item, &facts);
}

/* Does what the verdict says. False: the flow's fate changed. e->applied tells what took place in the end. */
static bool
apply(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item, const struct verdict *v,
      struct event *e)
{
	bool editable = !f->tcp.read_only;

	switch (v->applied) {
	case ACTION_PASS:
	case ACTION_COUNT:
		return true;
	case ACTION_ALLOW:
		return true;
	case ACTION_FLAG:
		pl->ctr->value[CTR_verdict_flag]++;
		return true;
	case ACTION_DEFER:
	case ACTION_REJECT:
	case ACTION_REDIRECT:
		if (answer(pl, f, pos, item, v, e))
			return true;
		/* No way left to refuse this one alone; what is flagged must not slip through half sent. */
		if (editable && seq_lt(pos, f->tcp.half[DIR_CLIENT].sent))
			break;
		e->applied = ACTION_FLAG;
		pl->ctr->value[CTR_verdict_not_applied]++;
		return true;
	case ACTION_RESET:
		if (editable)
			break;
		e->applied = ACTION_FLAG;
		pl->ctr->value[CTR_verdict_not_applied]++;
		return true;
	case ACTION_DROP:
		pl->ctr->value[CTR_verdict_drop]++;
		dialogue_end(pl, f, FLOW_DROP, 0);
		return false;
	}
	e->applied = ACTION_RESET;
	pl->ctr->value[CTR_verdict_reset]++;
	dialogue_end(pl, f, FLOW_RESET, 0);
	return false;
}

bool
judge_command(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item)
{
	unsigned field = item->verb == VERB_MAIL ? FIELD_FROM : FIELD_RCPT;
	struct verdict v;
	struct event e;
	bool goes_on;

	if (!item->has_path)
		return true;
	verdict_begin(&v);
	subject_build(item->path.local, item->path.domain, &pl->subject);
	if (pl->rules != NULL)
		judge_subject(pl, f, field, &v);
	if (!redirect_admits(pl, f, pos, item, &v, &goes_on))
		return goes_on;
	/* Exempt mail is ordinary mail: it is counted, and its addresses go into no log. */
	pl->ctr->value[CTR_allowed] += v.action == ACTION_ALLOW;
	if ((v.rule == NULL || v.action == ACTION_ALLOW) && !pl->config.every_address)
		return true;
	judge_event(pl, f, item->verb == VERB_MAIL ? EVENT_MAIL : EVENT_RCPT, &e);
	e.transaction = item->transaction;
	e.address_len = copy_tail(e.address, sizeof e.address, item->path.address);
	if (pl->rules != NULL)
		judge_event_verdict(pl, &v, &e);
	pl->ctr->value[CTR_flagged] += v.rule != NULL && v.action != ACTION_ALLOW;
	goes_on = apply(pl, f, pos, item, &v, &e);
	if (splice_holds(f))
		return true; /* its event is redirect/'s */
	/* At the end of a dialogue, what awaited answers has been told already, and none comes for this one. */
	if (pl->late != NULL && goes_on)
		late_put(pl, f, &e);
	else
		pl->event(pl->event_ctx, &e);
	return goes_on;
}
