/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a session, and its gate. */
#include "smtp/state.h"

void
smtp_session_init(struct smtp_session *s, bool midstream)
{
	memset(s, 0, sizeof(*s));
	s->midstream = midstream;
	if (midstream)
		s->client = CLIENT_SYNC;
	else
		slot_push(s, VERB_NONE);
}

void
smtp_session_greeted(struct smtp_session *s)
{
	struct smtp_reply greeting;
	if (s->slot_count > 0 && slot_head(s) == VERB_NONE)
		slot_settle(s, true, &greeting);
	s->server_spoke = true;
	s->replied = true;
}

void
smtp_session_done(struct smtp_session *s, struct smtp_pool *pool)
{
	if (s->line != NULL)
		line_give(pool, s->line);
	s->line = NULL;
}

bool
smtp_in_body(const struct smtp_session *s)
{
	return s->client == CLIENT_BODY || s->client == CLIENT_CHUNK;
}

bool
smtp_in_text(const struct smtp_session *s)
{
	return s->client == CLIENT_BODY;
}

static void
begin_body(struct smtp_session *s)
{
	s->client = CLIENT_BODY;
	s->match = MATCH_CRLF; /* a dot line may come first */
}

/*
 * RFC 3030: the octets behind a BDAT line, or commands where there are none. A
 * line that is refused for its syntax, or as no command at all, has no chunk;
 * refused for another reason (503) it has one for some servers.
 */
static void
begin_chunk(struct smtp_session *s, unsigned code)
{
	if (code / 100 == 2 && s->bdat_ok)
		s->client = s->body_left > 0 ? CLIENT_CHUNK : CLIENT_LINE;
	else if (code >= 500 && code <= 502)
		s->client = CLIENT_LINE;
	else
		go_blind(s, CTR_blind_grammar);
}

void
gate_open(struct smtp_session *s, enum smtp_verb verb, unsigned code)
{
	unsigned class = code / 100;
	s->client = CLIENT_LINE;
	switch (verb) {
	case VERB_DATA:
		if (class == 3)
			begin_body(s);
		break;
	case VERB_STARTTLS:
		if (class == 2)
			s->client = CLIENT_OPAQUE;
		break;
	case VERB_AUTH:
	case VERB_AUTH_LINE:
		if (class == 3)
			s->client = CLIENT_CREDENTIALS;
		break;
	case VERB_BDAT:
		begin_chunk(s, code);
		break;
	case VERB_QUIT:
		s->ended = class == 2;
		if (s->ended)
			s->client = CLIENT_OVER;
		break;
	default:
		break;
	}
}

/* No answer tells whether a doubtful dot line was the end: a server that takes bare LF in commands takes it here. */
static void
force_dot(struct smtp_session *s)
{
	if (s->lf_lines) {
		s->client = CLIENT_LINE;
		slot_push(s, VERB_BODY_END);
	} else {
		s->client = CLIENT_BODY;
		s->doubt = true;
	}
}

void
smtp_gate_force(struct smtp_session *s)
{
	enum smtp_verb gate = s->gate;
	if (s->client == CLIENT_DOT) {
		force_dot(s);
	} else if (s->client == CLIENT_GATE) {
		gate_open(s, gate, gate == VERB_DATA ? 354 : 250);
		s->credentials = gate == VERB_AUTH;
	} else if (s->slot_count == SMTP_SLOTS) {
		struct smtp_reply forgotten;
		slot_settle(s, true, &forgotten);
		s->unpaired = true;
	}
}
