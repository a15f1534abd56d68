/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ordered octets to a dialogue: the client's to commands and body, the
 * server's to replies, and how far each may leave. The mark tcp.half[].clear
 * stays at the start of a line that may still become MAIL or RCPT.
 */
#include "internal.h"
#include "smtp/sniff.h"
#include "splice/splice.h"
#include "tcp/segment.h"
#include "tcp/unacked.h"

/* Whatever is being read, or given up, is still held: one of them lends its headers, where no edit has kept some. */
static void
reset_both(struct pipeline *pl, struct flow *f)
{
	const struct packet *like = f->tcp.half[DIR_CLIENT].held;

	if (like == NULL)
		like = f->tcp.half[DIR_SERVER].held;
	if (like != NULL || f->edit != NULL)
		edit_reset_both(&pl->exit, f, like);
}

void
dialogue_end(struct pipeline *pl, struct flow *f, enum flow_fate fate, unsigned cause)
{
	if (f->fate != FLOW_INSPECT)
		return;
	if (cause != 0 && fate == FLOW_PASS && pl->config.when_blind == POLICY_RESET && !f->tcp.read_only)
		fate = FLOW_RESET;
	/* All octets go on to the quarantine: unread, they might bring it a recipient who is not meant for it. */
	if (fate == FLOW_PASS && splice_is_live(f)) {
		redirect_unread(pl, f);
		pl->ctr->value[CTR_verdict_reset]++;
		fate = FLOW_RESET;
	}
	/* A command was disguised and its answer is still to come: unread, it would pass as that of the command. And
	 * nothing of a session that is refused passes unread. */
	bool refused = f->smtp.naming == NAME_REFUSED && !f->smtp.ended;
	if (fate == FLOW_PASS && (refused || (f->edit != NULL && edit_owes(f->edit)))) {
		pl->ctr->value[CTR_verdict_reset]++;
		fate = FLOW_RESET;
	}
	f->fate = (uint8_t)fate;
	if (cause != 0 && f->blind == 0)
		pl->ctr->value[cause]++;
	else if (cause == 0 && fate == FLOW_PASS)
		pl->ctr->value[CTR_sessions_tls]++;
	f->blind = (uint8_t)cause;
	if (fate == FLOW_RESET)
		reset_both(pl, f);
	if (fate == FLOW_PASS)
		f->tcp.half[DIR_CLIENT].mode = f->tcp.half[DIR_SERVER].mode = STREAM_IGNORED;
	if (fate == FLOW_PASS && f->edit == NULL && pl->config.watch != NULL)
		pl->config.watch->unread(pl->config.watch->ctx, f);
	judge_flush(pl, f);
}

static struct view
rest_of(struct view v, size_t from)
{
	return view_of(v.at + from, v.len - from);
}

/* Commands that no server saw, and whose turn it is: they are answered. Returns how many. */
static unsigned
take_removed(struct pipeline *pl, struct flow *f)
{
	struct smtp_reply reply;
	unsigned n = 0;

	for (; smtp_removed_next(&f->smtp, &reply); n++) {
		pl->gate_opened |= reply.gate_opened;
		judge_answered(pl, f, &reply);
	}
	return n;
}

/* A command line is complete. False: nothing behind it is read any more. */
static bool
command(struct pipeline *pl, struct flow *f, uint32_t end, const struct smtp_item *item)
{
	if (f->smtp.naming == NAME_REFUSED)
		return banner_command(pl, f, end - (uint32_t)item->line_len, item);
	if (!redirect_command(pl, f, end - (uint32_t)item->line_len, item))
		return true;
	switch (item->verb) {
	case VERB_MAIL:
	case VERB_RCPT:
		pl->ctr->value[item->verb == VERB_MAIL ? CTR_mails : CTR_recipients]++;
		pl->ctr->value[CTR_line_too_long] += item->line_len > SMTP_LINE_MAX;
		if (!judge_command(pl, f, end - (uint32_t)item->line_len, item))
			return false;
		take_removed(pl, f);
		return true;
	case VERB_UNKNOWN:
		pl->ctr->value[CTR_unknown_verb]++;
		return true;
	default:
		return true;
	}
}

/* No answer comes: the gate opens as if it had been yes, also where it is closed for want of slots. */
static void
force_gate(struct pipeline *pl, struct flow *f)
{
	if (f->smtp.slot_count == SMTP_SLOTS)
		judge_flush(pl, f);
	smtp_gate_force(&f->smtp);
}

/* No further line is judged while there is no room for an answer: the client's acks, or the server's, make it. */
static bool
must_wait(const struct pipeline *pl, const struct flow *f)
{
	return f->edit != NULL && pl->late == NULL && !f->edit->quitting && !smtp_in_body(&f->smtp) &&
	       !edit_room(f->edit);
}

/* Replies have left behind a gap. No line is judged before they are read, for its answer may have to stand before them.
 */
static bool
replies_ahead(const struct flow *f)
{
	const struct tcp_half *server = &f->tcp.half[DIR_SERVER];

	if (smtp_in_body(&f->smtp) || f->tcp.read_only)
		return false;
	for (const struct packet *q = server->held; q != NULL; q = q->next)
		if ((q->flags & PACKET_COPY) && seq_lt(server->nxt, segment_first(q)))
			return true;
	return false;
}

static void
wait_for_room(struct pipeline *pl, struct flow *f)
{
	if (!f->tcp.half[DIR_CLIENT].waits)
		f->edit->moved_ns = pl->now_ns;
	tcp_wait(f, DIR_CLIENT, pl->now_ns);
}

/* What was said first stays known until the server has it, for other octets may come in its place. */
static void
keep(struct pipeline *pl, struct flow *f, uint32_t end, struct view piece, const struct smtp_item *item)
{
	static const char dot_line[] = "\r\n.\r\n"; /* the text before it is not kept: its line end is */

	if (f->tcp.read_only || f->smtp.ended)
		return;
	if (item->step == STEP_COMMAND && item->verb == VERB_BODY_END)
		piece = view_of(dot_line, sizeof dot_line - 1);
	if (!unacked_keep(pl->tcp.unacked, f, end - (uint32_t)piece.len, piece))
		pl->ctr->value[CTR_unremembered]++;
}

static size_t
read_client(struct pipeline *pl, struct flow *f, uint32_t seq, struct view v)
{
	struct tcp_half *half = &f->tcp.half[DIR_CLIENT];
	struct smtp_item item;
	size_t at = 0;

	half->waits = false;
	while (at < v.len) {
		if (splice_holds(f) || (splice_paces(f) && !smtp_in_body(&f->smtp))) {
			tcp_wait(f, DIR_CLIENT, pl->now_ns);
			return at;
		}
		if (must_wait(pl, f)) {
			wait_for_room(pl, f);
			return at;
		}
		if (replies_ahead(f)) {
			half->mode = STREAM_ORDERED;
			half->waits = true;
			return at;
		}
		smtp_client(&f->smtp, pl->lines, rest_of(v, at), &item);
		at += item.used;
		if (item.step == STEP_MORE || item.step == STEP_COMMAND)
			keep(pl, f, seq + (uint32_t)at, view_of(v.at + at - item.used, item.used), &item);
		switch (item.step) {
		case STEP_MORE:
			half->mode = STREAM_ORDERED;
			if (!item.may_be_envelope && f->smtp.naming != NAME_REFUSED)
				half->clear = seq + (uint32_t)at;
			break;
		case STEP_COMMAND:
			half->mode = STREAM_ORDERED;
			if (!command(pl, f, seq + (uint32_t)at, &item))
				return at;
			if (splice_holds(f)) {
				tcp_wait(f, DIR_CLIENT, pl->now_ns);
				return at;
			}
			half->clear = seq + (uint32_t)at;
			break;
		case STEP_BODY:
			/* Who takes one command at a time must not get one right behind a mail whose gap fills: behind
			 * a gap only text leaves, see dialogue_jumps(). */
			half->mode = splice_is_paced(f) ? STREAM_ORDERED : STREAM_FLUENT;
			half->clear = seq + (uint32_t)at;
			break;
		case STEP_GATE:
			half->mode = STREAM_ORDERED;
			if (!f->tcp.one_way) {
				half->waits = true;
				return at;
			}
			force_gate(pl, f); /* answers do not pass here */
			break;
		case STEP_OPAQUE:
			dialogue_end(pl, f, FLOW_PASS, 0);
			return v.len;
		case STEP_BLIND:
			dialogue_end(pl, f, FLOW_PASS, item.cause);
			return v.len;
		}
	}
	return at;
}

/*
 * Octets of a reply at `seq`: those in a disguised slot go out, ours go in; and
 * answers to `removed` commands behind it ride on its last octet. Half a reply
 * cannot be taken back: then RST.
 */
static bool
replace_reply(struct pipeline *pl, struct flow *f, uint32_t seq, struct view octets, const struct smtp_reply *reply,
	      unsigned removed)
{
	uint32_t used = (uint32_t)octets.len;
	bool done = removed == 0 || used > 0; /* a reply cut short has no last octet */

	if (done && reply->disguised)
		done = edit_reply(f->edit, seq, used - (removed > 0), reply->first, reply->last);
	if (done && removed > 0)
		done = edit_ride(f->edit, seq + used - 1, reply->disguised ? NULL : &octets.at[used - 1], removed);
	if (!done)
		dialogue_end(pl, f, FLOW_RESET, 0);
	return done;
}

/* The server has said its name behind `at` octets of v; what is missing there is held. False: the flow's fate changed.
 */
static bool
name_said(struct pipeline *pl, struct flow *f, uint32_t seq, struct view v, size_t at, const struct smtp_reply *reply)
{
	size_t len = reply->name_len;
	uint8_t room[UINT8_MAX];
	struct view name = view_of(room, len);

	if (len <= at)
		name.at = v.at + at - len;
	else if (tcp_held_octets(f, DIR_SERVER, seq + (uint32_t)at - (uint32_t)len, room, len) < len)
		name.len = 0; /* some of it has left */
	return banner_judge(pl, f, seq + (uint32_t)at, name, reply);
}

static size_t
read_server(struct pipeline *pl, struct flow *f, uint32_t seq, struct view v)
{
	struct tcp_half *half = &f->tcp.half[DIR_SERVER];
	struct smtp_reply reply;
	size_t at = 0;

	half->waits = false;
	if (f->edit == NULL && !splice_is_any(f)) /* the client's lines may wait for the end of a gap */
		pl->gate_opened |= f->tcp.half[DIR_CLIENT].waits;
	banner_ask(pl, f);
	while (at < v.len) {
		smtp_server(&f->smtp, rest_of(v, at), &reply);
		at += reply.used;
		if (reply.blind) {
			if (reply.last) /* it has been paired with its command all the same */
				judge_answered(pl, f, &reply);
			dialogue_end(pl, f, FLOW_PASS, reply.cause);
			return v.len;
		}
		pl->gate_opened |= reply.gate_opened;
		if (reply.need_more) {
			tcp_wait(f, DIR_SERVER, pl->now_ns); /* half a code that has left cannot be called back */
			break;
		}
		if (reply.unnamed)
			continue; /* its octets stay until there is a verdict on the name */
		if (reply.named && !name_said(pl, f, seq, v, at, &reply))
			return at;
		unsigned removed = 0;
		if (reply.overruled)
			edit_skip(f->edit);
		if (reply.last) {
			judge_answered(pl, f, &reply);
			redirect_answered(pl, f, &reply, view_of(v.at + at - reply.used, reply.used));
			removed = take_removed(pl, f);
		}
		struct view octets = view_of(v.at + at - reply.used, reply.used);
		if (!replace_reply(pl, f, seq + (uint32_t)(at - reply.used), octets, &reply, removed))
			return at;
		half->clear = seq + (uint32_t)at;
	}
	return at;
}

/* The client opens an SMTP dialogue on a port that says nothing: the session begins with this chunk. */
static void
begin_mail(struct flow *f)
{
	f->mail = true;
	smtp_session_init(&f->smtp, f->tcp.midstream && !f->greeted);
	if (f->greeted)
		smtp_session_greeted(&f->smtp);
}

/* Asks whether these octets are SMTP. True: they are, or may be, and the session is to read them. */
static bool
sniff(struct pipeline *pl, struct flow *f, enum direction dir, struct view v)
{
	enum sniff found = dir == DIR_CLIENT ? smtp_sniff_client(v) : smtp_sniff_server(v);

	if (found == SNIFF_NO) {
		f->fate = FLOW_PASS;
		f->tcp.half[DIR_CLIENT].mode = f->tcp.half[DIR_SERVER].mode = STREAM_IGNORED;
	} else if (dir == DIR_SERVER) {
		f->greeted |= found == SNIFF_YES;
	} else if (found == SNIFF_YES || (found == SNIFF_MAYBE && f->greeted)) {
		begin_mail(f);
	}
	return f->mail;
}

size_t
dialogue_read(void *ctx, struct flow *f, enum direction dir, uint32_t seq, struct view v)
{
	struct pipeline *pl = ctx;

	if (f->fate != FLOW_INSPECT)
		return v.len;
	if (pl->config.port_count == 0 && !f->mail && !sniff(pl, f, dir, v)) {
		f->tcp.half[dir].clear = seq + (uint32_t)v.len;
		return v.len;
	}
	return dir == DIR_CLIENT ? read_client(pl, f, seq, v) : read_server(pl, f, seq, v);
}

void
dialogue_accepted(void *ctx, struct flow *f, const struct packet *p)
{
	(void)ctx;
	edit_accept(f, p);
}

/* Nothing is edited or judged in the server's direction, and nothing will be before the gap is filled. */
static bool
reply_jumps(const struct pipeline *pl, const struct flow *f)
{
	bool asked = pl->rules != NULL && (pl->rules->tables.fields & FIELD_BANNER);

	return f->edit == NULL && pl->late == NULL && !f->tcp.half[DIR_SERVER].waits && !splice_is_any(f) && !asked &&
	       f->smtp.naming == NAME_UNASKED && (pl->config.port_count != 0 || f->mail);
}

/*
 * Replies; and message text of which no octet was read yet, or of a paced mail: what may be a command behind its end
 * waits for the gap.
 */
bool
dialogue_jumps(void *ctx, const struct flow *f, const struct packet *p)
{
	if (segment_has(p, TCP_FIN) || f->fate != FLOW_INSPECT)
		return false;
	if (p->dir == DIR_SERVER)
		return reply_jumps(ctx, f);
	return smtp_in_text(&f->smtp) && smtp_is_text(view_of(p->data + p->h.payload, p->h.payload_len));
}

void
dialogue_exposed(void *ctx, struct flow *f, enum direction dir)
{
	struct pipeline *pl = ctx;

	(void)dir;
	if (f->blind == 0)
		return;
	/* For good: the tcp stage gave up on the stream, and has counted why. What is flagged and waits goes nowhere.
	 */
	bool flagged = splice_holds(f) && f->fate == FLOW_INSPECT;
	pl->ctr->value[CTR_verdict_reset] += flagged;
	dialogue_end(pl, f, flagged ? FLOW_RESET : FLOW_PASS, f->blind);
}

void
dialogue_force(struct pipeline *pl, struct flow *f)
{
	struct tcp_half *client = &f->tcp.half[DIR_CLIENT];
	uint32_t before;

	if (splice_holds(f) || splice_paces(f))
		return; /* redirect/time.c has its own limit */
	if (client->read == client->nxt)
		return; /* nothing waits: what is held is the server's, or behind a gap */
	/* An end does not take our answers, or the server does not answer what must not be taken as answered. */
	if (client->waits && f->edit != NULL && (must_wait(pl, f) || edit_owes(f->edit))) {
		pl->ctr->value[CTR_verdict_reset]++;
		dialogue_end(pl, f, FLOW_RESET, 0);
		return;
	}
	do {
		before = client->read;
		force_gate(pl, f);
		tcp_resume(&pl->tcp, f, DIR_CLIENT);
	} while (f->fate == FLOW_INSPECT && client->read != before && client->read != client->nxt);
	if (!must_wait(pl, f))
		client->waits = false; /* long enough */
}
