/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server's own name to its verdict. What a rule on it refuses is the session: the client reads our answer in the
 * place of the greeting, or of that to EHLO or HELO, and from then on the server gets no command but these and QUIT.
 */
#include "internal.h"

static bool
is_greeting(const struct smtp_reply *reply)
{
	return reply->verb == VERB_NONE;
}

/* Our text in the place of the reply that is held up to `end`. False: it cannot be. */
static bool
replace(struct pipeline *pl, struct flow *f, uint32_t end, struct view text)
{
	const struct tcp_half *server = &f->tcp.half[DIR_SERVER];

	if (server->held == NULL || edit_of(pl->edits, f) == NULL)
		return false;
	edit_note(f, server->held);
	if (!edit_refuse(f->edit, server->clear, end - server->clear, text))
		return false;
	if (pl->config.watch != NULL)
		pl->config.watch->edited(pl->config.watch->ctx, &f->key);
	smtp_server_refused(&f->smtp);
	f->smtp.naming = NAME_REFUSED;
	return true;
}

static bool
refuse(struct pipeline *pl, struct flow *f, uint32_t end, const struct verdict *v, const struct event *e, bool greeting)
{
	struct reply_facts facts = judge_facts(pl, FIELD_BANNER, v, e, v->applied);
	uint8_t text[EDIT_REPLY];

	facts.greeting = greeting;
	if (!replace(pl, f, end, view_of(text, reply_text(&facts, text, sizeof text))))
		return false;
	f->edit->refused_as = (uint8_t)v->applied;
	f->edit->refused_lang = v->rule->lang;
	pl->ctr->value[v->applied == ACTION_DEFER ? CTR_verdict_defer : CTR_verdict_reject]++;
	return true;
}

/* A session that is refused has no way on but its end. */
static bool
give_up(struct pipeline *pl, struct flow *f)
{
	pl->ctr->value[CTR_verdict_reset]++;
	dialogue_end(pl, f, FLOW_RESET, 0);
	return false;
}

/* The verdict stays on paper. */
static bool
only_told(struct pipeline *pl, struct flow *f, struct event *e)
{
	f->smtp.naming = NAME_SETTLED;
	e->applied = ACTION_FLAG;
	pl->ctr->value[CTR_verdict_not_applied]++;
	return true;
}

/* Does what the verdict says; e->applied tells what took place. False: the flow's fate changed. */
static bool
apply(struct pipeline *pl, struct flow *f, uint32_t end, const struct verdict *v, bool greeting, struct event *e)
{
	bool editable = !f->tcp.read_only && !f->smtp.unpaired;

	switch (v->applied) {
	case ACTION_PASS:
	case ACTION_ALLOW:
	case ACTION_FLAG:
		f->smtp.naming = NAME_SETTLED;
		pl->ctr->value[CTR_verdict_flag] += v->applied == ACTION_FLAG;
		return true;
	case ACTION_DEFER:
	case ACTION_REJECT:
	case ACTION_REDIRECT:
		if (pl->late != NULL) { /* a capture goes on, whatever we say */
			f->smtp.naming = NAME_SETTLED;
			return true;
		}
		if (!editable)
			return only_told(pl, f, e);
		/* A client that did not wait has sent commands that can no longer be called back. */
		if (f->smtp.slot_count == 1 && refuse(pl, f, end, v, e, greeting))
			return true;
		if (f->smtp.slot_count == 1 && f->edit == NULL)
			return only_told(pl, f, e);
		break;
	case ACTION_RESET:
		if (!editable)
			return only_told(pl, f, e);
		break;
	case ACTION_DROP:
		pl->ctr->value[CTR_verdict_drop]++;
		dialogue_end(pl, f, FLOW_DROP, 0);
		return false;
	case ACTION_COUNT:
		return true;
	}
	e->applied = ACTION_RESET;
	return give_up(pl, f);
}

/* The answer to a command of a session that is refused. */
static size_t
write_answer(const struct pipeline *pl, const struct flow *f, uint8_t text[EDIT_REPLY])
{
	const struct edit *e = f->edit;

	return reply_refused((enum lang)e->refused_lang, (enum action)e->refused_as,
			     pl->rules != NULL ? pl->rules->tables.operator_name : "", text, EDIT_REPLY);
}

/* A further EHLO or HELO, and no rule refuses the name that it was answered with. */
static bool
refuse_again(struct pipeline *pl, struct flow *f, uint32_t end)
{
	uint8_t text[EDIT_REPLY];
	size_t len = write_answer(pl, f, text);

	return (f->smtp.slot_count == 1 && replace(pl, f, end, view_of(text, len))) || give_up(pl, f);
}

static bool
refuses(const struct verdict *v)
{
	return v->applied != ACTION_PASS && v->applied != ACTION_ALLOW && v->applied != ACTION_FLAG;
}

bool
banner_judge(struct pipeline *pl, struct flow *f, uint32_t end, struct view name, const struct smtp_reply *reply)
{
	const struct tcp_half *server = &f->tcp.half[DIR_SERVER];
	bool again = f->smtp.naming == NAME_REFUSED;
	struct verdict v;
	struct event e;

	/* What has left, or is over already, cannot be replaced. */
	if (reply->last || (!f->tcp.read_only && seq_lt(server->clear, server->sent)))
		return !again || give_up(pl, f);
	verdict_begin(&v);
	subject_build(view_of(NULL, 0), name, &pl->subject);
	if (pl->rules != NULL && name.len > 0 && pl->subject.domain_len > 0) {
		judge_subject(pl, f, FIELD_BANNER, &v);
		pl->ctr->value[CTR_banners]++;
	}
	if (again && !refuses(&v))
		return refuse_again(pl, f, end);
	if (v.rule == NULL)
		return true;
	pl->ctr->value[v.action == ACTION_ALLOW ? CTR_allowed : CTR_flagged]++;
	judge_event(pl, f, EVENT_BANNER, &e);
	judge_event_verdict(pl, &v, &e);
	bool goes_on = apply(pl, f, end, &v, is_greeting(reply), &e);
	if (v.action != ACTION_ALLOW)
		pl->event(pl->event_ctx, &e);
	return goes_on;
}

/* Short of any command's word: the server says so itself. */
static bool
is_word(const struct smtp_item *item)
{
	return item->line_len - item->eol_len >= 4;
}

bool
banner_command(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item)
{
	uint8_t text[EDIT_REPLY];

	switch (item->verb) {
	case VERB_HELO:
	case VERB_EHLO:
	case VERB_LHLO:
	case VERB_QUIT:
		return true;
	default:
		break;
	}
	if (f->edit == NULL || f->tcp.read_only || f->smtp.unpaired)
		return give_up(pl, f);
	if (f->edit->quitting || (!is_word(item) && !seq_lt(pos, f->tcp.half[DIR_CLIENT].sent)))
		return true;
	struct view answer = view_of(text, write_answer(pl, f, text));
	/* Behind a BDAT stands its chunk, which no server must read as commands. */
	bool noop = item->verb != VERB_BDAT && f->smtp.refused < pl->config.noop_limit;
	if (noop && judge_replace(pl, f, pos, item, answer))
		return true;
	return judge_quit_saying(pl, f, pos, item, answer) || give_up(pl, f);
}
