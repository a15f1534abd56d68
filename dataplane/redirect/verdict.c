/* SPDX-License-Identifier: BSD-3-Clause */
/* A flagged recipient to a splice; what of the dialogue a quarantine has to know; what it answers. */
#include <stdio.h>

#include "redirect/redirects.h"
#include "splice/caps.h"

#define LATER "452 4.5.3 Too many recipients: please send this one in a mail of its own\r\n"

const struct view redirect_later = { (const uint8_t *)LATER, sizeof LATER - 1 };

/* Keeps a line; one that does not fit is as if it had not been said. */
static uint16_t
keep(uint8_t *to, size_t size, struct view line)
{
	if (line.len > size)
		return 0;
	memcpy(to, line.at, line.len);
	return (uint16_t)line.len;
}

static void
keep_line(struct pipeline *pl, struct flow *f, const struct smtp_item *item)
{
	struct envelope *e = f->envelope;

	if (e == NULL && pl->redirects->table.count > 0 && !f->tcp.read_only)
		e = envelope_of(pl->redirects->pool, f);
	if (e == NULL)
		return;
	struct view line = item->line_len == item->line.len ? item->line : view_of(NULL, SIZE_MAX);
	if (item->verb == VERB_MAIL)
		e->mail_len = keep(e->mail, sizeof e->mail, line);
	else
		e->hello_len = keep(e->hello, sizeof e->hello, line);
}

bool
redirect_command(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item)
{
	switch (item->verb) {
	case VERB_BODY_END:
	case VERB_BDAT:
		if (splice_is_live(f))
			f->envelope->splice->in_doubt = true;
		return true;
	case VERB_MAIL:
	case VERB_HELO:
	case VERB_EHLO:
	case VERB_LHLO:
	case VERB_STARTTLS:
	case VERB_AUTH:
		break;
	default:
		return true;
	}
	if (pl->redirects == NULL)
		return true;
	if (!splice_is_live(f)) {
		if (item->verb != VERB_STARTTLS && item->verb != VERB_AUTH)
			keep_line(pl, f, item);
		return true;
	}
	/* What follows is for the server, which is no longer there: the client comes again. */
	pl->ctr->value[CTR_redirect_ended]++;
	if (!judge_quit(pl, f, pos, item, LANG_EN, ""))
		dialogue_end(pl, f, FLOW_RESET, 0);
	return false;
}

/* What the client may use at the quarantine: what it has used, and what the server has promised (but see `paced`). */
static uint32_t
needs_of(const struct flow *f, struct view rcpt)
{
	const struct envelope *e = f->envelope;
	uint32_t needs = caps_of_line(view_of(e->mail, e->mail_len)) | caps_of_line(rcpt);

	if (f->smtp.caps & SMTP_CAP_CHUNKING)
		needs |= CAP_CHUNKING;
	return needs;
}

/* The next quarantine in turn that can take the session. NULL: none; *cause says why. */
static const struct quarantine *
choose(struct redirects *r, const struct flow *f, uint32_t needs, enum counter *cause)
{
	*cause = CTR_redirect_none;
	for (unsigned i = 1; i <= r->table.count; i++) {
		unsigned at = (r->turn + i) % r->table.count;
		const struct quarantine *q = &r->table.entry[at];

		if (!q->healthy || q->ip_version != f->key.ip_version)
			continue;
		if ((needs & ~q->caps) != 0) {
			*cause = CTR_redirect_unfit;
			continue;
		}
		r->turn = at;
		return q;
	}
	return NULL;
}

/* True where the session can be moved, as far as the flow itself goes. */
static bool
is_movable(const struct pipeline *pl, const struct flow *f, uint32_t pos, const struct smtp_item *item)
{
	const struct envelope *e = f->envelope;

	return e != NULL && e->hello_len > 0 && e->mail_len > 0 && item->verb == VERB_RCPT && item->line.len > 0 &&
	       !f->tcp.read_only && !f->smtp.unpaired && !f->smtp.midstream && pl->late == NULL &&
	       !seq_lt(pos, f->tcp.half[DIR_CLIENT].sent) && (f->edit == NULL || !f->edit->quitting);
}

/* The recipient comes again in a mail of its own. */
static bool
answer_later(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item)
{
	if (!judge_replace(pl, f, pos, item, redirect_later))
		return false;
	pl->ctr->value[CTR_redirect_later]++;
	return true;
}

static enum redirected
give_back(struct pipeline *pl, enum counter cause)
{
	pl->ctr->value[cause]++;
	return REDIRECT_REFUSE;
}

enum redirected
redirect_judge(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item,
	       const struct reply_facts *facts, struct event *e)
{
	struct redirects *r = pl->redirects;
	enum counter cause;

	if (splice_is_live(f)) {
		pl->ctr->value[CTR_verdict_redirect]++;
		snprintf(e->quarantine, sizeof e->quarantine, "%s", f->envelope->splice->to.name);
		return REDIRECT_DONE;
	}
	if (r == NULL || r->table.count == 0)
		return give_back(pl, CTR_redirect_none);
	if (!is_movable(pl, f, pos, item))
		return give_back(pl, CTR_redirect_state);
	if (f->envelope->accepted > 0) {
		e->applied = ACTION_DEFER;
		return answer_later(pl, f, pos, item) ? REDIRECT_DONE : give_back(pl, CTR_redirect_state);
	}
	uint32_t needs = needs_of(f, item->line);
	const struct quarantine *to = choose(r, f, needs, &cause);
	if (to == NULL)
		return give_back(pl, cause);
	/* Whatever comes of it, the flow will have been edited: who watches edited flows learns it before. */
	if (edit_of(pl->edits, f) == NULL || splice_count(r->pool) >= r->closed + r->table.sessions)
		return give_back(pl, CTR_redirect_full);
	struct splice *s = splice_new(r->pool, f, &pl->exit, pl->now_ns);
	if (s == NULL && redirect_make_room(pl))
		s = splice_new(r->pool, f, &pl->exit, pl->now_ns);
	if (s == NULL)
		return give_back(pl, CTR_redirect_full);
	pl->ctr->value[CTR_redirect_begun]++;
	s->to = *to;
	s->needs = needs;
	s->pos = pos;
	s->line_len = (uint32_t)item->line_len;
	s->eol_len = (uint32_t)item->eol_len;
	s->fallback = (uint8_t)facts->action;
	s->refusal_len = (uint16_t)reply_text(facts, s->refusal, sizeof s->refusal);
	r->event[s->id] = *e;
	return REDIRECT_HELD;
}

enum action
redirect_fallback(const struct pipeline *pl)
{
	if (pl->redirects == NULL || pl->redirects->table.fallback != ACTION_DEFER)
		return ACTION_REJECT;
	return ACTION_DEFER;
}

bool
redirect_admits(struct pipeline *pl, struct flow *f, uint32_t pos, const struct smtp_item *item,
		const struct verdict *v, bool *goes_on)
{
	*goes_on = true;
	if (!splice_is_live(f) || item->verb != VERB_RCPT || (v->applied >= ACTION_DEFER && v->applied <= ACTION_DROP))
		return true;
	/* No legitimate recipient goes to a quarantine. */
	if (!answer_later(pl, f, pos, item) && !judge_quit(pl, f, pos, item, LANG_EN, "")) {
		dialogue_end(pl, f, FLOW_RESET, 0);
		*goes_on = false;
	}
	return false;
}

/* The text of a reply behind its code, without its line end. */
static void
copy_answer(char *to, size_t size, struct view octets)
{
	size_t len = 0;

	for (size_t i = 0; i < octets.len && octets.at[i] != '\r' && octets.at[i] != '\n' && len + 1 < size; i++)
		to[len++] = (char)octets.at[i];
	to[len] = '\0';
}

static void
tell_queued(struct pipeline *pl, struct splice *s, struct view octets)
{
	struct redirects *r = pl->redirects;
	struct event *e = &r->queued;

	*e = r->event[s->id];
	e->time_ns = pl->wall_ns;
	e->kind = EVENT_QUEUED;
	copy_answer(e->answer, sizeof e->answer, octets);
	s->in_doubt = false;
	pl->event(pl->event_ctx, e);
}

void
redirect_tell_open(struct pipeline *pl, struct splice *s)
{
	if (s->in_doubt)
		tell_queued(pl, s, view_of(NULL, 0));
}

void
redirect_unread(struct pipeline *pl, struct flow *f)
{
	struct splice *s = f->envelope->splice;

	s->in_doubt |= smtp_in_body(&f->smtp); /* its end may have left unread */
	redirect_tell_open(pl, s);
}

void
redirect_answered(struct pipeline *pl, struct flow *f, const struct smtp_reply *reply, struct view octets)
{
	struct envelope *e = f->envelope;
	bool yes = reply->code / 100 == 2 && !reply->disguised && !reply->unsolicited;

	if (e == NULL)
		return;
	if (splice_is_live(f) && (reply->code == 421 || reply->code == 221) && !reply->disguised)
		e->splice->bye = true;
	if ((reply->verb == VERB_BODY_END || reply->verb == VERB_BDAT) && splice_is_live(f)) {
		e->splice->in_doubt = false;
		if (yes && !f->smtp.now.open) {
			pl->ctr->value[CTR_redirect_queued]++;
			tell_queued(pl, e->splice, octets);
		}
	}
	if ((reply->verb == VERB_MAIL && yes) || !f->smtp.now.open)
		e->accepted = 0;
	else if (reply->verb == VERB_RCPT && yes)
		e->accepted++;
}
