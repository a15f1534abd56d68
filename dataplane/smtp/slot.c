/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands that await their answers, and the transactions that they make.
 * Counted twice by the same rules: settled, with the answers; and now, where
 * every command without an answer is taken as accepted.
 */
#include "smtp/state.h"

/* RFC 5321 sections 3.3, 4.1.1, 4.1.4; RFC 3030. True: a MAIL that opened nothing. */
static bool
count_command(struct smtp_count *c, uint8_t slot, bool accepted)
{
	enum smtp_verb verb = slot & SLOT_VERB;
	c->disturbed |= c->chunks && verb != VERB_BDAT && verb != VERB_RSET && verb != VERB_NOOP && verb != VERB_QUIT;
	switch (verb) {
	case VERB_MAIL:
		if (!accepted && ((c->open && c->sender_ok) || (slot & SLOT_NO_PATH)))
			return true;
		c->transaction++;
		c->open = true;
		c->sender_ok = accepted;
		break;
	case VERB_RCPT:
		if (c->open || (!accepted && (slot & SLOT_NO_PATH)))
			break;
		c->transaction++;
		c->open = true;
		c->sender_ok = false;
		break;
	case VERB_HELO:
	case VERB_EHLO:
	case VERB_LHLO:
	case VERB_RSET:
	case VERB_QUIT:
		if (accepted)
			c->open = c->chunks = c->disturbed = false;
		break;
	case VERB_BDAT:
		c->chunks = accepted && !(slot & SLOT_LAST);
		if ((slot & SLOT_LAST) && ((slot & SLOT_CHUNK) || accepted))
			c->open = false;
		break;
	case VERB_BODY_END:
		c->open = false;
		break;
	default:
		break;
	}
	return false;
}

static uint8_t
slot_at(const struct smtp_session *s, unsigned i)
{
	return s->slot[(s->slot_first + i) % SMTP_SLOTS];
}

static void
estimate(struct smtp_session *s)
{
	s->now = s->settled;
	for (unsigned i = 0; i < s->slot_count; i++)
		count_command(&s->now, slot_at(s, i), !(slot_at(s, i) & SLOT_DISGUISED));
}

void
slot_push(struct smtp_session *s, uint8_t slot)
{
	if (s->slot_count == SMTP_SLOTS) {
		struct smtp_reply forgotten;
		slot_settle(s, true, &forgotten);
		s->unpaired = true;
	}
	s->slot[(s->slot_first + s->slot_count) % SMTP_SLOTS] = slot;
	s->slot_count++;
	count_command(&s->now, slot, true);
}

uint8_t
slot_head(const struct smtp_session *s)
{
	return s->slot[s->slot_first];
}

void
slot_settle(struct smtp_session *s, bool accepted, struct smtp_reply *reply)
{
	uint8_t slot = slot_head(s);
	s->slot_first = (s->slot_first + 1) % SMTP_SLOTS;
	s->slot_count--;

	enum smtp_verb verb = slot & SLOT_VERB;
	reply->verb = verb;
	reply->void_ = count_command(&s->settled, slot, accepted && !(slot & SLOT_DISGUISED));
	reply->has_path = (verb == VERB_MAIL || verb == VERB_RCPT) && !(slot & SLOT_NO_PATH);
	reply->transaction = s->settled.transaction;
	estimate(s);
}

void
smtp_client_disguised(struct smtp_session *s)
{
	if (s->slot_count == 0)
		return;
	s->slot[(s->slot_first + s->slot_count - 1) % SMTP_SLOTS] |= SLOT_DISGUISED;
	s->refused++;
	estimate(s);
}

void
smtp_server_refused(struct smtp_session *s)
{
	if (s->slot_count == 0)
		return;
	s->slot[s->slot_first] |= SLOT_DISGUISED;
	estimate(s);
}

void
smtp_client_removed(struct smtp_session *s)
{
	if (s->slot_count == 0)
		return;
	s->slot[(s->slot_first + s->slot_count - 1) % SMTP_SLOTS] |= SLOT_REMOVED;
	smtp_client_disguised(s);
}

static bool
is_removed(uint8_t slot)
{
	unsigned verb = slot & SLOT_VERB;

	return (verb == VERB_MAIL || verb == VERB_RCPT) && (slot & SLOT_REMOVED);
}

bool
smtp_removed_next(struct smtp_session *s, struct smtp_reply *reply)
{
	if (s->slot_count == 0 || !is_removed(slot_head(s)))
		return false;
	*reply = (struct smtp_reply){ .disguised = true, .last = true };
	reply->gate_opened = s->slot_count == SMTP_SLOTS;
	slot_settle(s, false, reply);
	return true;
}

bool
smtp_last_alone(const struct smtp_session *s)
{
	return s->slot_count == 1 && !s->in_reply;
}

bool
smtp_flush(struct smtp_session *s, struct smtp_reply *reply)
{
	*reply = (struct smtp_reply){ 0 };
	if (s->slot_count == 0)
		return false;
	s->unpaired = true; /* an answer that comes all the same would meet another command */
	reply->disguised = slot_head(s) & SLOT_DISGUISED;
	reply->last = true;
	slot_settle(s, true, reply);
	return true;
}
