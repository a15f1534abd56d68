/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What becomes of the held line, and of the session. Everything before the
 * hand-over can be taken back: then the recipient is refused as by `fallback`.
 */
#include "redirect/redirects.h"

static const char failed_text[] = "451 4.3.0 The mail could not be taken for now: please try again later\r\n";
static const char closed_text[] = "421 4.3.0 The session could not be kept up: please try again later\r\n";

void
redirect_forget(struct pipeline *pl, struct splice *s)
{
	if (s->listed && pl->config.watch != NULL)
		pl->config.watch->gone(pl->config.watch->ctx, &s->key);
	if (pl->redirects->next == s)
		pl->redirects->next = splice_next(pl->redirects->pool, s);
	pl->ctr->value[CTR_redirect_over]++;
	splice_free(pl->redirects->pool, s);
}

/* The client's octets go on where they were stopped. */
static void
read_on(struct pipeline *pl, struct flow *f, const struct splice *s)
{
	struct tcp_half *client = &f->tcp.half[DIR_CLIENT];
	struct smtp_reply reply;

	client->waits = false;
	client->clear = s->pos + s->line_len;
	while (smtp_removed_next(&f->smtp, &reply))
		judge_answered(pl, f, &reply);
	pl->gate_opened = true;
}

void
redirect_tell(struct pipeline *pl, struct splice *s, enum action applied)
{
	struct event *e = &pl->redirects->event[s->id];

	e->applied = (uint8_t)applied;
	if (applied == ACTION_REDIRECT)
		memcpy(e->quarantine, s->to.name, sizeof e->quarantine);
	pl->event(pl->event_ctx, e);
}

static struct smtp_item
flagged_line(const struct splice *s)
{
	return (struct smtp_item){ .verb = VERB_RCPT, .line_len = s->line_len, .eol_len = s->eol_len };
}

/* Nothing of the session has moved: the line is answered as if there were no quarantine. */
static void
refuse_line(struct pipeline *pl, struct flow *f, struct splice *s, struct view text, enum action applied)
{
	const struct smtp_item item = flagged_line(s);

	redirect_tell(pl, s, applied);
	if (judge_replace(pl, f, s->pos, &item, text) || judge_quit(pl, f, s->pos, &item, LANG_EN, ""))
		read_on(pl, f, s);
	else
		dialogue_end(pl, f, FLOW_RESET, 0);
	redirect_forget(pl, s);
}

static void
fall_back(struct pipeline *pl, struct flow *f, struct splice *s, enum counter cause)
{
	splice_undo(s);
	pl->ctr->value[cause]++;
	pl->ctr->value[s->fallback == ACTION_DEFER ? CTR_verdict_defer : CTR_verdict_reject]++;
	refuse_line(pl, f, s, view_of(s->refusal, s->refusal_len), s->fallback);
}

static void
hand_over(struct pipeline *pl, struct flow *f, struct splice *s)
{
	if (pl->config.watch != NULL)
		pl->config.watch->edited(pl->config.watch->ctx, &f->key);
	pl->ctr->value[CTR_verdict_redirect]++;
	splice_hand_over(s, pl->now_ns);
	f->tcp.patient = s->paced; /* unread, its commands would go as the client says them */
	redirect_tell(pl, s, ACTION_REDIRECT);
	f->tcp.half[DIR_CLIENT].sent = seq_max(f->tcp.half[DIR_CLIENT].sent, s->pos);
	read_on(pl, f, s);
}

/* Commands, or a mail, that wait for an answer. After a 421 none does. One that has become QUIT has been told 421, and
 * so is what follows. */
static unsigned
unanswered(const struct flow *f, const struct splice *s)
{
	if (s->bye || (f->edit != NULL && f->edit->quitting))
		return 0;
	return f->smtp.slot_count > 0 ? f->smtp.slot_count : smtp_in_body(&f->smtp);
}

/* One answer for each command that waits for one; the last closes the session. */
static void
fail(struct pipeline *pl, struct flow *f, struct splice *s)
{
	char text[END_TEXT];
	size_t len = 0, one = sizeof failed_text - 1;

	for (unsigned n = unanswered(f, s); n > 0 && len + one + sizeof closed_text <= sizeof text; n--, len += one)
		memcpy(text + len, failed_text, one);
	if (len == 0 && !s->bye) {
		len = sizeof closed_text - 1;
		memcpy(text, closed_text, len);
	}
	if (f->edit == NULL || !f->edit->quitting)
		pl->ctr->value[CTR_redirect_failed]++;
	s->in_doubt = false; /* as far as the client is told, nobody has it */
	tcp_discard_all(&pl->tcp, f);
	if (f->smtp.in_reply || !splice_fail(s, view_of(text, len), pl->now_ns))
		splice_reset_client(s);
}

void
redirect_give_up(struct pipeline *pl, struct flow *f, struct splice *s)
{
	splice_undo(s);
	redirect_tell(pl, s, ACTION_RESET);
	redirect_forget(pl, s);
	if (!f->tcp.reset && f->tcp.half[DIR_CLIENT].held != NULL)
		edit_reset_both(&pl->exit, f, f->tcp.half[DIR_CLIENT].held);
}

void
redirect_act(struct pipeline *pl, struct flow *f, struct splice *s, enum splice_turn turn)
{
	/* The line may have left since (a gap that stays): nobody can answer it, or take it elsewhere. */
	if (f->fate != FLOW_INSPECT && turn != SPLICE_STAY && turn != SPLICE_FAIL) {
		redirect_give_up(pl, f, s);
		return;
	}
	switch (turn) {
	case SPLICE_STAY:
		break;
	case SPLICE_CONNECT:
		if (f->tcp.half[DIR_CLIENT].held == NULL ||
		    !splice_open(pl->redirects->pool, s, f->tcp.half[DIR_CLIENT].held, pl->now_ns))
			fall_back(pl, f, s, CTR_redirect_state);
		else if (pl->config.watch != NULL) /* nobody but us can answer it, nor is it the client's */
			pl->config.watch->edited(pl->config.watch->ctx, &s->key);
		break;
	case SPLICE_HAND_OVER:
		hand_over(pl, f, s);
		break;
	case SPLICE_FALL_BACK:
		fall_back(pl, f, s, s->cause);
		break;
	case SPLICE_FAIL:
		fail(pl, f, s);
		break;
	}
}

void
redirect_act_alone(struct pipeline *pl, struct flow *f, struct splice *s, enum splice_turn turn)
{
	uint8_t fate = f->fate;

	redirect_act(pl, f, s, turn);
	pipeline_settle(pl, f, fate);
}

void
redirect_decide(struct pipeline *pl, struct flow *f, struct splice *s)
{
	if (f->envelope->accepted > 0) {
		pl->ctr->value[CTR_redirect_later]++;
		refuse_line(pl, f, s, redirect_later, ACTION_DEFER);
	} else if (!f->smtp.now.sender_ok || f->tcp.half[0].fin_seen || f->tcp.half[1].fin_seen) {
		fall_back(pl, f, s, CTR_redirect_state);
	} else {
		redirect_act(pl, f, s, splice_take(s, SPLICE_READY));
	}
}
