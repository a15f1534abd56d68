/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The verdict redirect: a flagged recipient to a splice, and what becomes of
 * the session. Connects the stages with splice/. Everything before the
 * hand-over can be taken back: then the recipient is refused as by `fallback`.
 */
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"
#include "splice/caps.h"
#include "splice/splice.h"
#include "tcp/part.h"
#include "tcp/segment.h"

#define LOOK_NS 10000000ULL /* how often the splices' timers are looked at */

static const char later_text[] = "452 4.5.3 Too many recipients: please send this one in a mail of its own\r\n";
static const char failed_text[] = "451 4.3.0 The mail could not be taken for now: please try again later\r\n";
static const char closed_text[] = "421 4.3.0 The session could not be kept up: please try again later\r\n";

struct redirects {
	struct splice_pool *pool;
	struct quarantine_table table;
	struct event *event; /* by splice: what is told at the hand-over, or when it is taken back */
	struct event queued; /* scratch */
	uint64_t looked_ns;
	unsigned closed; /* splices whose session is over, at the last look: they serve late segments only */
	unsigned turn;   /* the quarantine that was chosen last */
};

struct redirects *
redirects_new(unsigned splices, const uint8_t secret[16])
{
	struct redirects *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->table.fallback = ACTION_REJECT;
	r->pool = splice_pool_new(splices, splices * 8, secret);
	r->event = calloc(splices, sizeof *r->event);
	if (r->pool == NULL || r->event == NULL) {
		redirects_free(r);
		return NULL;
	}
	return r;
}

void
redirects_free(struct redirects *r)
{
	if (r == NULL)
		return;
	splice_pool_free(r->pool);
	free(r->event);
	free(r);
}

void
pipeline_quarantines(struct pipeline *pl, const struct quarantine_table *table)
{
	if (pl->redirects != NULL)
		pl->redirects->table = *table;
}

static struct splice *
splice_of(const struct flow *f)
{
	return f->envelope != NULL ? f->envelope->splice : NULL;
}

/* ---- what may have to be said again ---- */

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

/* ---- verdicts ---- */

static struct smtp_item
flagged_line(const struct splice *s)
{
	return (struct smtp_item){ .verb = VERB_RCPT, .line_len = s->line_len, .eol_len = s->eol_len };
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
	if (!judge_replace(pl, f, pos, item, view_of(later_text, sizeof later_text - 1)))
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
	if (s == NULL)
		return give_back(pl, CTR_redirect_full);
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

/* ---- what servers answer ---- */

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
tell_queued(struct pipeline *pl, struct flow *f, struct view octets)
{
	struct redirects *r = pl->redirects;
	struct event *e = &r->queued;

	*e = r->event[f->envelope->splice->id];
	e->time_ns = pl->wall_ns;
	e->kind = EVENT_QUEUED;
	copy_answer(e->answer, sizeof e->answer, octets);
	pl->ctr->value[CTR_redirect_queued]++;
	pl->event(pl->event_ctx, e);
}

void
redirect_answered(struct pipeline *pl, struct flow *f, const struct smtp_reply *reply, struct view octets)
{
	struct envelope *e = f->envelope;
	bool yes = reply->code / 100 == 2 && !reply->disguised && !reply->unsolicited;

	if (e == NULL)
		return;
	if ((reply->verb == VERB_BODY_END || reply->verb == VERB_BDAT) && yes && !f->smtp.now.open && splice_is_live(f))
		tell_queued(pl, f, octets);
	if ((reply->verb == VERB_MAIL && yes) || !f->smtp.now.open)
		e->accepted = 0;
	else if (reply->verb == VERB_RCPT && yes)
		e->accepted++;
}

/* ---- what becomes of the held line ---- */

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

static void
tell(struct pipeline *pl, struct splice *s, enum action applied)
{
	struct event *e = &pl->redirects->event[s->id];

	e->applied = (uint8_t)applied;
	if (applied == ACTION_REDIRECT)
		memcpy(e->quarantine, s->to.name, sizeof e->quarantine);
	pl->event(pl->event_ctx, e);
}

/* Nothing of the session has moved: the line is answered as if there were no quarantine. */
static void
refuse_line(struct pipeline *pl, struct flow *f, struct splice *s, struct view text, enum action applied)
{
	const struct smtp_item item = flagged_line(s);

	tell(pl, s, applied);
	if (judge_replace(pl, f, s->pos, &item, text) || judge_quit(pl, f, s->pos, &item, LANG_EN, ""))
		read_on(pl, f, s);
	else
		dialogue_end(pl, f, FLOW_RESET, 0);
	splice_free(pl->redirects->pool, s);
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
		pl->config.watch->edited(pl->config.watch->ctx, f);
	pl->ctr->value[CTR_verdict_redirect]++;
	splice_hand_over(s, pl->now_ns);
	tell(pl, s, ACTION_REDIRECT);
	f->tcp.half[DIR_CLIENT].sent = seq_max(f->tcp.half[DIR_CLIENT].sent, s->pos);
	read_on(pl, f, s);
}

/* One answer for each command that waits for one; the last closes the session. */
static void
fail(struct pipeline *pl, struct flow *f, struct splice *s)
{
	char text[END_TEXT];
	size_t len = 0, one = sizeof failed_text - 1;
	unsigned n = f->smtp.slot_count > 0 ? f->smtp.slot_count : smtp_in_body(&f->smtp);

	for (; n > 0 && len + one + sizeof closed_text <= sizeof text; n--, len += one)
		memcpy(text + len, failed_text, one);
	if (len == 0) {
		len = sizeof closed_text - 1;
		memcpy(text, closed_text, len);
	}
	pl->ctr->value[CTR_redirect_failed]++;
	tcp_discard_all(&pl->tcp, f);
	if (f->smtp.in_reply || !splice_fail(s, view_of(text, len), pl->now_ns))
		splice_reset_client(s);
}

/* Blind or reset in the middle of it: what is flagged must not slip through. */
static void
give_up(struct pipeline *pl, struct flow *f, struct splice *s)
{
	splice_undo(s);
	tell(pl, s, ACTION_RESET);
	splice_free(pl->redirects->pool, s);
	if (!f->tcp.reset && f->tcp.half[DIR_CLIENT].held != NULL)
		edit_reset_both(&pl->exit, f, f->tcp.half[DIR_CLIENT].held);
}

static void
act(struct pipeline *pl, struct flow *f, struct splice *s, enum splice_turn turn)
{
	/* The line may have left since (a gap that stays): nobody can answer it, or take it elsewhere. */
	if (f->fate != FLOW_INSPECT && turn != SPLICE_STAY && turn != SPLICE_FAIL) {
		give_up(pl, f, s);
		return;
	}
	switch (turn) {
	case SPLICE_STAY:
		break;
	case SPLICE_CONNECT:
		if (f->tcp.half[DIR_CLIENT].held == NULL ||
		    !splice_open(pl->redirects->pool, s, f->tcp.half[DIR_CLIENT].held, pl->now_ns))
			fall_back(pl, f, s, CTR_redirect_state);
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

/* act(), for whoever does not go on to read the client by himself. */
static void
act_alone(struct pipeline *pl, struct flow *f, struct splice *s, enum splice_turn turn)
{
	uint8_t fate = f->fate;

	act(pl, f, s, turn);
	pipeline_settle(pl, f, fate);
}

/* ---- packets ---- */

/* A segment of a quarantine in the dialogue with us, or in place of the server's. True: taken. */
bool
redirect_arrives(struct pipeline *pl, struct packet *p)
{
	struct splice *s = pl->redirects != NULL ? splice_find(pl->redirects->pool, p) : NULL;

	if (s == NULL)
		return false;
	struct flow *f = s->flow;
	const struct tcp_half *server = &f->tcp.half[DIR_SERVER];
	bool sound = pl->config.ignore_checksums || (p->flags & PACKET_CHECKSUM_OK) || checksum_tcp_ok(p);
	bool reset = sound && segment_has(p, TCP_RST) && seq_leq(server->acked, p->h.seq + s->shift.server_seq) &&
		     seq_leq(p->h.seq + s->shift.server_seq, server->nxt);

	if (s->state == SPLICE_LIVE && !reset) {
		s->heard_ns = pl->now_ns;
		shift_in(&s->shift, p);
		p->flags |= PACKET_SPLICED;
		return false;
	}
	if (s->state == SPLICE_LIVE)
		act_alone(pl, f, s, splice_take(s, SPLICE_GONE));
	else if (s->state < SPLICE_LIVE && s->state != SPLICE_WAIT && sound)
		act_alone(pl, f, s, splice_far_input(s, p, pl->now_ns));
	pl->ops.release(pl->ops.front, p);
	return true;
}

/* The client is told of the end by us, or has been: what is left of it is ours to take. */
static void
take_client(struct pipeline *pl, struct flow *f, struct splice *s, const struct packet *p)
{
	if (p->dir == DIR_CLIENT)
		splice_client_input(s, p, pl->now_ns);
	else if (!(p->flags & PACKET_SPLICED))
		splice_near_input(s, p, pl->now_ns);
	f->tcp.reset |= s->state == SPLICE_OVER;
}

bool
redirect_segment(struct pipeline *pl, struct flow *f, struct packet *p)
{
	struct splice *s = splice_of(f);

	if (s == NULL)
		return false;
	if (s->state >= SPLICE_FAILED) {
		take_client(pl, f, s, p);
		pl->ops.release(pl->ops.front, p);
		return true;
	}
	if (p->dir != DIR_SERVER || (p->flags & PACKET_SPLICED))
		return false;
	if (s->state == SPLICE_LIVE) {
		splice_near_input(s, p, pl->now_ns);
		pl->ops.release(pl->ops.front, p);
		return true;
	}
	/* The server says something that nobody asked for: the client is to get it, and stays. */
	if (s->state != SPLICE_WAIT && (p->h.payload_len > 0 || segment_has(p, TCP_FIN | TCP_RST)) &&
	    seq_lt(f->tcp.half[DIR_SERVER].nxt, segment_end(p) + segment_has(p, TCP_RST)))
		act_alone(pl, f, s, (s->state = SPLICE_OVER, s->cause = CTR_redirect_state, SPLICE_FALL_BACK));
	return false;
}

/* All that was said before the flagged line is answered, and the client has the answers. */
static bool
is_quiet(const struct flow *f)
{
	const struct tcp_half *server = &f->tcp.half[DIR_SERVER];
	const struct edit *e = f->edit;

	return smtp_last_alone(&f->smtp) && server->acked == server->nxt && server->held == NULL &&
	       (e == NULL || (e->queue_count == 0 && e->ledger[DIR_SERVER].text_len == 0));
}

/* The server's answers are there: what does the flagged line meet? */
static void
decide(struct pipeline *pl, struct flow *f, struct splice *s)
{
	if (f->envelope->accepted > 0) {
		pl->ctr->value[CTR_redirect_later]++;
		refuse_line(pl, f, s, view_of(later_text, sizeof later_text - 1), ACTION_DEFER);
	} else if (!f->smtp.now.sender_ok || f->tcp.half[0].fin_seen || f->tcp.half[1].fin_seen) {
		fall_back(pl, f, s, CTR_redirect_state);
	} else {
		act(pl, f, s, splice_take(s, SPLICE_READY));
	}
}

void
redirect_settle(struct pipeline *pl, struct flow *f)
{
	struct splice *s = splice_of(f);

	if (s == NULL || s->state >= SPLICE_FAILED)
		return;
	if (f->fate == FLOW_RESET || f->fate == FLOW_DROP) {
		splice_abort(s);
		s->state = SPLICE_OVER;
		return;
	}
	if (s->state == SPLICE_LIVE) {
		tcp_part(&pl->tcp, f, DIR_CLIENT);
		if (s->paced && f->tcp.half[DIR_CLIENT].waits && !splice_paces(f) && edit_room(f->edit)) {
			f->tcp.half[DIR_CLIENT].waits = false; /* once: the loop that calls us ends */
			pl->gate_opened = true;
		}
		return;
	}
	if (f->fate != FLOW_INSPECT || f->tcp.reset) {
		give_up(pl, f, s);
		return;
	}
	tcp_part(&pl->tcp, f, DIR_CLIENT);
	if (s->state == SPLICE_WAIT && is_quiet(f))
		decide(pl, f, s);
}

void
redirect_leaves(struct pipeline *pl, struct packet *p)
{
	struct splice *s = p->flow != NULL ? splice_of(p->flow) : NULL;

	if (s == NULL || s->state != SPLICE_LIVE || p->dir != DIR_CLIENT)
		return;
	if ((p->h.payload_len > 0 || segment_has(p, TCP_FIN)) && s->asked_ns <= s->heard_ns)
		s->asked_ns = pl->now_ns;
	shift_out(&s->shift, p);
}

/* ---- time ---- */

/* Somebody has waited for the quarantine for too long. */
static bool
is_silent(const struct pipeline *pl, const struct splice *s)
{
	uint64_t since = s->asked_ns > s->heard_ns ? s->asked_ns : s->heard_ns;
	const struct tcp_half *client = &s->flow->tcp.half[DIR_CLIENT];
	bool waits = s->flow->smtp.slot_count > 0 || seq_lt(client->acked, client->sent);

	return s->state == SPLICE_LIVE && waits && pl->now_ns > since &&
	       pl->now_ns - since >= pl->redirects->table.answer_ms * 1000000ULL;
}

void
redirect_tick(struct pipeline *pl)
{
	struct redirects *r = pl->redirects;
	struct splice *next;

	if (r == NULL || pl->now_ns - r->looked_ns < LOOK_NS)
		return;
	r->looked_ns = pl->now_ns;
	r->closed = 0;
	for (struct splice *s = splice_next(r->pool, NULL); s != NULL; s = next) {
		enum splice_turn turn =
			splice_tick(s, pl->now_ns, r->table.setup_ms * 1000000ULL, r->table.session_s * 1000000000ULL);

		next = splice_next(r->pool, s);
		r->closed += s->state == SPLICE_OVER || (s->state == SPLICE_LIVE && tcp_closed(&s->flow->tcp));
		if (turn == SPLICE_STAY && is_silent(pl, s))
			turn = splice_take(s, SPLICE_LATE);
		s->flow->tcp.reset |= s->state == SPLICE_OVER && turn == SPLICE_STAY;
		if (turn != SPLICE_STAY)
			act_alone(pl, s->flow, s, turn);
	}
}

void
redirect_gone(struct pipeline *pl, struct flow *f)
{
	struct splice *s = splice_of(f);

	if (s != NULL && !(s->state == SPLICE_LIVE && tcp_closed(&f->tcp)))
		splice_abort(s);
	if (f->envelope != NULL)
		envelope_drop(pl->redirects->pool, f);
}
