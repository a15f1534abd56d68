/* SPDX-License-Identifier: BSD-3-Clause */
/* The client's octets: command lines, message text, chunks; never a look back. */
#include "smtp/state.h"

/* The command closes the gate: what follows depends on its answer. */
static void
close_gate(struct smtp_session *s, enum smtp_verb verb)
{
	s->client = CLIENT_GATE;
	s->gate = verb;
}

/* RFC 3030: the octets of a chunk follow its line at once, where server and client have agreed on chunks. */
static uint8_t
begin_bdat(struct smtp_session *s, const struct command *c)
{
	uint8_t marks = c->chunk_last ? SLOT_LAST : 0;
	s->body_left = c->chunk_len;
	s->bdat_ok = c->chunk_ok;
	s->bdat_last = c->chunk_last;
	if (!c->chunk_ok || (s->caps_known && !(s->caps & SMTP_CAP_CHUNKING))) {
		close_gate(s, VERB_BDAT);
		return marks;
	}
	if (s->body_left > 0)
		s->client = CLIENT_CHUNK;
	return marks | SLOT_CHUNK;
}

/* Exim 4.96: behind a part of a message any command but BDAT, RSET, NOOP and QUIT ends that message, and from then on
 * only RSET is taken; a BDAT is refused, and what follows it is commands. */
static bool
is_chunk_doubtful(const struct smtp_session *s, const struct command *c)
{
	return c->verb == VERB_BDAT && s->now.disturbed;
}

/* What the command makes of the octets behind it, and the marks of its slot. */
static uint8_t
begin_command(struct smtp_session *s, const struct command *c)
{
	switch (c->verb) {
	case VERB_DATA:
	case VERB_STARTTLS:
	case VERB_AUTH:
	case VERB_AUTH_LINE:
	case VERB_QUIT:
		close_gate(s, c->verb);
		return 0;
	case VERB_BDAT:
		return begin_bdat(s, c);
	case VERB_MAIL:
	case VERB_RCPT:
		return c->has_path ? 0 : SLOT_NO_PATH;
	case VERB_HELO: /* offers nothing, whatever the answer */
		s->caps_known = true;
		s->caps = 0;
		return 0;
	default:
		return 0;
	}
}

/* A client that waits for answers goes on before this one is complete: it takes the reply as ended. */
static void
watch_pace(struct smtp_session *s)
{
	if (s->slot_count == 0)
		return;
	if (s->slot_count == 1 && s->in_reply && (slot_head(s) & SLOT_DISGUISED))
		return; /* the client has had its reply whole: it is ours */
	if (s->slot_count == 1 && s->in_reply && !s->unsolicited)
		s->overtaken = true;
	else
		s->pipelines = true;
}

static void
finish_command(struct smtp_session *s, const struct command *c, struct smtp_item *item)
{
	watch_pace(s);
	slot_push(s, (uint8_t)(c->verb | begin_command(s, c)));
	item->step = STEP_COMMAND;
	item->verb = c->verb;
	item->has_path = c->has_path;
	item->transaction = s->now.transaction;
	if (c->verb == VERB_HELO || c->verb == VERB_EHLO || c->verb == VERB_LHLO ||
	    (c->verb == VERB_MAIL && c->has_path))
		s->proven = true;
}

/* Inside an AUTH exchange; or behind an AUTH whose answer nobody saw, where a line with a blank is no credentials
 * (RFC 4954: base64). */
static bool
take_credentials(struct smtp_session *s, struct view line)
{
	bool surely = s->client == CLIENT_CREDENTIALS;
	bool maybe = s->credentials && memchr(line.at, ' ', line.len) == NULL && memchr(line.at, ':', line.len) == NULL;
	s->credentials = false;
	s->client = CLIENT_LINE;
	if (surely)
		close_gate(s, VERB_AUTH_LINE);
	return surely || maybe;
}

/* Servers would take another command for it, or another address: a NUL ends the line for some, and Postfix cuts lines
 * (line_length_limit). `text` has no more than SMTP_LINE_MAX octets of the line. */
static bool
is_doubtful(const struct command *c, const struct smtp_path *path, struct view text)
{
	const size_t cut = 2048;
	bool envelope = c->verb == VERB_MAIL || c->verb == VERB_RCPT;
	return memchr(text.at, 0, text.len) != NULL || (text.len > cut && (envelope || c->verb == VERB_UNKNOWN)) ||
	       (envelope && c->has_path && path->doubtful);
}

/* The line is complete; `line` has its first SMTP_LINE_MAX octets at least. */
static void
finish_line(struct smtp_session *s, struct view line, struct smtp_item *item)
{
	bool whole = s->line_len <= SMTP_LINE_MAX;
	item->line_len = s->line_len;
	item->eol_len = s->match == MATCH_CRLF ? 2 : 1;
	struct view text = whole ? view_of(line.at, line.len - item->eol_len) : view_of(line.at, SMTP_LINE_MAX);
	item->line = view_of(line.at, whole ? line.len : 0);
	s->lf_lines = item->eol_len == 1;
	s->line_len = 0;

	struct command c = { .verb = VERB_AUTH_LINE };
	if (!take_credentials(s, text)) {
		command_parse(text, &c, &item->path);
		if (is_doubtful(&c, &item->path, text) || is_chunk_doubtful(s, &c)) {
			go_blind(s, CTR_blind_grammar);
			item->step = STEP_BLIND;
			item->cause = s->cause;
			return;
		}
		if (!whole)
			c.chunk_ok = false;
	}
	finish_command(s, &c, item);
}

/* Keeps a part of a line. False: no buffer. */
static bool
keep_part(struct smtp_session *s, struct smtp_pool *pool, struct view part)
{
	if (s->line == NULL)
		s->line = line_take(pool);
	if (s->line == NULL)
		return false;
	size_t at = s->line_len < SMTP_LINE_MAX ? s->line_len : SMTP_LINE_MAX;
	size_t n = part.len < SMTP_LINE_MAX - at ? part.len : SMTP_LINE_MAX - at;
	memcpy(s->line->octets + at, part.at, n);
	return true;
}

/* The octets so far of an unfinished line may become an address. */
static bool
may_be_envelope(const struct smtp_session *s)
{
	return s->client == CLIENT_LINE && s->line_len < SMTP_LINE_MAX &&
	       command_may_be_envelope(view_of(s->line->octets, s->line_len));
}

/* How the line ends so far: MATCH_CRLF, MATCH_LF, MATCH_CR or MATCH_TEXT. */
static uint8_t
line_end(const struct smtp_session *s, struct view part)
{
	bool cr_before = part.len >= 2 ? part.at[part.len - 2] == '\r' : s->line_len > 0 && s->match == MATCH_CR;
	switch (part.at[part.len - 1]) {
	case '\n':
		return cr_before ? MATCH_CRLF : MATCH_LF;
	case '\r':
		return MATCH_CR;
	default:
		return MATCH_TEXT;
	}
}

/* Command lines end with CRLF; a bare LF ends them too, as it does for every server that takes it at all. */
static void
read_line(struct smtp_session *s, struct smtp_pool *pool, struct view in, struct smtp_item *item)
{
	if (s->line_len == 0 && s->slot_count == SMTP_SLOTS) {
		item->step = STEP_GATE;
		return;
	}
	if (s->line_len == 0 && s->match == MATCH_CR && ascii_lower(in.at[0]) != 'b') { /* see read_chunk() */
		go_blind(s, CTR_blind_line_ends);
		item->step = STEP_BLIND;
		item->cause = s->cause;
		return;
	}
	const uint8_t *lf = memchr(in.at, '\n', in.len);
	struct view part = view_of(in.at, lf != NULL ? (size_t)(lf - in.at) + 1 : in.len);
	bool split = lf == NULL || s->line != NULL;
	if (split && !keep_part(s, pool, part)) {
		go_blind(s, CTR_blind_memory);
		item->step = STEP_BLIND;
		item->cause = s->cause;
		return;
	}
	s->match = line_end(s, part);
	s->line_len += part.len < UINT32_MAX - s->line_len ? (uint32_t)part.len : 0;
	item->used = part.len;
	if (lf == NULL) {
		item->may_be_envelope = may_be_envelope(s);
		return;
	}
	finish_line(s, split ? view_of(s->line->octets, s->line_len) : part, item);
	smtp_session_done(s, pool);
}

/* The dot line alone is a command; the text before it, in the same input, is told first. */
static void
finish_body(struct smtp_session *s, size_t used, struct smtp_item *item)
{
	const size_t dot_line = 3;
	if (used > dot_line) {
		s->match = MATCH_CRLF;
		item->step = STEP_BODY;
		item->used = used - dot_line;
		return;
	}
	s->client = CLIENT_LINE;
	s->doubt = false;
	item->used = used;
	item->line_len = dot_line;
	item->eol_len = 2;
	finish_command(s, &(struct command){ .verb = VERB_BODY_END }, item);
}

/* Behind a doubtful end: looks whether another server would find an end there as well. */
static void
look_behind_dot(struct smtp_session *s, struct view in, struct smtp_item *item)
{
	uint8_t match = s->match;
	enum dot found = DOT_NONE;
	for (size_t at = 0; at < in.len && !s->other_end; s->other_end = found != DOT_NONE)
		at += dot_scan(&match, view_from(in, at), &found);
	item->step = STEP_GATE;
}

static void
read_body(struct smtp_session *s, struct view in, struct smtp_item *item)
{
	enum dot found;
	size_t used = dot_scan(&s->match, in, &found);
	if (found == DOT_END) {
		finish_body(s, used, item);
		return;
	}
	if (found == DOT_NUL)
		go_blind(s, CTR_blind_line_ends);
	if (found == DOT_DOUBT && s->client == CLIENT_BODY) {
		s->client = CLIENT_DOT;
		s->other_end = s->match == MATCH_CR; /* it may go on up to the LF */
	}
	item->step = STEP_BODY;
	item->used = used;
	if (s->client == CLIENT_DOT && used == 0)
		look_behind_dot(s, in, item);
}

/*
 * Where a chunk ends with CR, servers look at the next octet before they know
 * what the CR is: an LF still belongs to the chunk for some, and Exim 4.96
 * loses the command behind it. Only the next chunk is sure.
 */
static void
read_chunk(struct smtp_session *s, struct view in, struct smtp_item *item)
{
	item->step = STEP_BODY;
	item->used = in.len < s->body_left ? in.len : (size_t)s->body_left;
	s->body_left -= item->used;
	s->match = in.at[item->used - 1] == '\r' ? MATCH_CR : MATCH_TEXT;
	if (s->body_left > 0)
		return;
	s->client = CLIENT_LINE;
	if (s->bdat_last && s->match == MATCH_CR)
		go_blind(s, CTR_blind_line_ends);
}

bool
smtp_client_text(struct smtp_session *s, struct view in)
{
	uint8_t match = s->match;
	enum dot found;

	if (!s->client_spoke || in.len == 0)
		return false;
	if (s->client == CLIENT_CHUNK && in.len < s->body_left) {
		struct smtp_item item;
		read_chunk(s, in, &item);
		return true;
	}
	if (s->client != CLIENT_BODY)
		return false;
	dot_scan(&match, in, &found);
	if (found != DOT_NONE)
		return false;
	s->match = match;
	return true;
}

/*
 * Nothing is known of what came before: a command is taken as one where it
 * stands first of all, or first behind an answer. All else is message text
 * until its dot line.
 */
static bool
synchronise(struct smtp_session *s, bool first, struct view in)
{
	bool trusted = first || s->evidence;
	s->evidence = false;
	if (!trusted || !command_plausible(in))
		return false;
	s->client = CLIENT_LINE;
	return true;
}

void
smtp_client(struct smtp_session *s, struct smtp_pool *pool, struct view in, struct smtp_item *item)
{
	*item = (struct smtp_item){ .step = STEP_MORE };
	if (in.len == 0)
		return;
	bool first = !s->client_spoke;
	s->client_spoke = true;
	if (first && !s->server_spoke && in.at[0] == 0x16) /* a TLS handshake record, RFC 8446 section 5.1 */
		s->client = CLIENT_OPAQUE;

	switch ((enum client_state)s->client) {
	case CLIENT_SYNC:
		if (synchronise(s, first, in))
			read_line(s, pool, in, item);
		else
			read_body(s, in, item);
		break;
	case CLIENT_LINE:
	case CLIENT_CREDENTIALS:
		read_line(s, pool, in, item);
		break;
	case CLIENT_GATE:
		item->step = STEP_GATE;
		break;
	case CLIENT_BODY:
		read_body(s, in, item);
		break;
	case CLIENT_DOT:
		look_behind_dot(s, in, item);
		break;
	case CLIENT_CHUNK:
		read_chunk(s, in, item);
		break;
	case CLIENT_OPAQUE:
		item->step = STEP_OPAQUE;
		break;
	case CLIENT_BLIND:
		item->step = STEP_BLIND;
		item->cause = s->cause;
		break;
	case CLIENT_OVER:
		item->used = in.len;
		break;
	}
}
