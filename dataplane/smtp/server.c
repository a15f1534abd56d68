/* SPDX-License-Identifier: BSD-3-Clause */
/* The server's octets: replies (RFC 5321 section 4.2), each paired with the command it answers. */
#include "smtp/state.h"

/* EHLO keywords that matter, in the order of their SMTP_CAP_* bits, in lower case. */
static const char keywords[][11] = { "pipelining", "chunking", "starttls", "smtputf8" };
#define KEYWORDS     (sizeof(keywords) / sizeof(keywords[0]))
#define ALL_KEYWORDS ((1u << KEYWORDS) - 1)
/* In the place of keywords: the word being read is the server's name. */
#define NAME_WORD 0x80

static bool
ends_word(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind a code. */
static bool
is_separator(uint8_t c)
{
	return c == '-' || ends_word(c);
}

/* in[0..4) is a code and what may stand behind it. */
static bool
begins_with_code(struct view in)
{
	return in.len >= 4 && is_digit(in.at[0]) && is_digit(in.at[1]) && is_digit(in.at[2]) && is_separator(in.at[3]);
}

static unsigned
code_of(struct view in)
{
	return (in.at[0] - '0') * 100u + (in.at[1] - '0') * 10u + (in.at[2] - '0');
}

static bool
head_is_disguised(const struct smtp_session *s)
{
	return s->slot_count > 0 && (slot_head(s) & SLOT_DISGUISED);
}

static enum smtp_verb
head_verb(const struct smtp_session *s)
{
	return s->slot_count > 0 ? slot_head(s) & SLOT_VERB : VERB_NONE;
}

static bool
is_hello(enum smtp_verb verb)
{
	return verb == VERB_EHLO || verb == VERB_LHLO || verb == VERB_HELO;
}

/* The keywords that begin with c: few, so that most words need no further look. */
static uint8_t
keywords_from(uint8_t c)
{
	switch (ascii_lower(c)) {
	case 'p':
		return SMTP_CAP_PIPELINING;
	case 'c':
		return SMTP_CAP_CHUNKING;
	case 's':
		return SMTP_CAP_STARTTLS | SMTP_CAP_SMTPUTF8;
	default:
		return 0;
	}
}

/* Reads on in the first word of an EHLO reply line, and what follows it: is it one of those that it may still be? */
static void
read_keyword(struct smtp_session *s, struct view in)
{
	if (s->word_len == 0 && in.len > 0)
		s->word_mask &= keywords_from(in.at[0]);
	for (unsigned left = s->word_mask; left != 0; left &= left - 1) {
		unsigned k = (unsigned)__builtin_ctz(left);
		const char *want = keywords[k] + s->word_len;
		size_t i = 0;
		while (i < in.len && want[i] != 0 && ascii_lower(in.at[i]) == (uint8_t)want[i])
			i++;
		if (i == in.len)
			continue;
		if (want[i] == 0 && ends_word(in.at[i]))
			s->caps_read |= (uint8_t)(1u << k);
		s->word_mask &= (uint8_t) ~(1u << k);
	}
	s->word_len = (uint8_t)(s->word_len + in.len);
}

/* The oldest command is one whose answer says the server's name, and the name is asked for. */
static bool
head_is_asked(const struct smtp_session *s)
{
	bool asked = s->naming == NAME_ASKED || s->naming == NAME_REFUSED;

	return asked && s->slot_count > 0 && (head_verb(s) == VERB_NONE || is_hello(head_verb(s))) &&
	       !head_is_disguised(s);
}

/* Reads on in the server's name, the first word of the first line (RFC 5321 section 4.2). Returns the octets of `in` up
 * to its end, or all. A word longer than a domain is none. */
static size_t
read_name(struct smtp_session *s, struct view in, size_t i, struct smtp_reply *reply)
{
	for (; i < in.len; i++) {
		uint8_t c = in.at[i];
		if (ends_word(c) || s->word_len == UINT8_MAX) {
			s->word_mask = 0;
			reply->named = true;
			reply->name_len = s->word_len < UINT8_MAX ? s->word_len : 0;
			return i;
		}
		s->word_len++;
	}
	return i;
}

/* The first code of a reply is complete: which command does it answer? */
static void
begin_reply(struct smtp_session *s)
{
	s->in_reply = true;
	s->reply_lines = false;
	s->passes = false;
	s->caps_read = 0;
	if (s->client == CLIENT_DOT && s->slot_count == 0 && s->line_code != 421) {
		/* The server has taken the doubtful dot line as the end, unless it found another one behind it. */
		if (s->other_end)
			go_blind(s, CTR_blind_line_ends);
		slot_push(s, VERB_BODY_END);
		if (s->client == CLIENT_DOT) {
			s->client = CLIENT_GATE;
			s->gate = VERB_BODY_END;
		}
	}
	/* A session that began before us: its greeting may come after the first command that we saw. */
	bool greeting = s->midstream && !s->replied && s->line_code == 220 && head_verb(s) != VERB_STARTTLS;
	s->unsolicited = s->slot_count == 0 || greeting;
	if (s->unsolicited && !greeting && s->line_code != 421) {
		s->unpaired = true;
		if (s->doubt)
			go_blind(s, CTR_blind_line_ends);
		else if (s->client == CLIENT_BODY && !s->midstream && s->line_code / 100 == 2)
			go_blind(s, CTR_blind_replies); /* to an end of the message that we have not seen */
	}
	/* The server closes: its word reaches the client. */
	s->passes = s->line_code == 421 || s->line_code == 554;
}

/* The answer is one that the command can have. */
static bool
fits(enum smtp_verb verb, unsigned code)
{
	unsigned class = code / 100;
	if (class == 3)
		return verb == VERB_DATA || verb == VERB_AUTH || verb == VERB_AUTH_LINE;
	return class == 2 || class == 4 || class == 5;
}

/* BDAT was no command there, as it was not offered: what passed as its chunk were commands. */
static bool
is_chunk_refused(const struct smtp_session *s, uint8_t slot, unsigned code)
{
	return (slot & SLOT_VERB) == VERB_BDAT && (slot & SLOT_CHUNK) && !(s->caps & SMTP_CAP_CHUNKING) &&
	       code >= 500 && code <= 503;
}

/* What the answer to the oldest command changes. */
static void
answer(struct smtp_session *s, unsigned code, struct smtp_reply *reply)
{
	bool full = s->slot_count == SMTP_SLOTS;
	bool disguised = head_is_disguised(s);
	bool chunk_refused = is_chunk_refused(s, slot_head(s), code);
	slot_settle(s, code / 100 == 2, reply);
	if (is_hello(reply->verb) && code / 100 == 2) {
		s->caps_known = true;
		s->caps = reply->verb == VERB_HELO ? 0 : s->caps_read;
	}
	if (s->client == CLIENT_BLIND || s->client == CLIENT_OPAQUE)
		return;
	bool body_refused = reply->verb == VERB_DATA && code / 100 != 3 && s->client != CLIENT_GATE;
	if (!disguised && (!fits(reply->verb, code) || body_refused || chunk_refused)) {
		go_blind(s, CTR_blind_replies);
		return;
	}
	if (s->client == CLIENT_GATE && s->slot_count == 0) {
		gate_open(s, reply->verb, disguised ? 500 : code);
		reply->gate_opened = true;
	} else if (full) {
		reply->gate_opened = true;
	} else if (reply->verb == VERB_AUTH && code / 100 == 3 && s->client == CLIENT_LINE && s->slot_count == 0) {
		s->client = CLIENT_CREDENTIALS;
	}
}

/* An answer to something that we did not see. */
static void
answer_unseen(struct smtp_session *s, unsigned code)
{
	if (s->client != CLIENT_SYNC)
		return;
	s->evidence = true;
	if (code / 100 == 3) {
		s->client = code == 354 ? CLIENT_BODY : CLIENT_CREDENTIALS;
		s->match = MATCH_CRLF;
	}
}

static void
end_reply(struct smtp_session *s, struct smtp_reply *reply)
{
	reply->last = true;
	reply->code = s->reply_code;
	reply->overruled = s->passes && !s->unsolicited && head_is_disguised(s);
	if (s->unsolicited)
		answer_unseen(s, s->reply_code);
	else
		answer(s, s->reply_code, reply);
	if (s->reply_code == 421 && s->client != CLIENT_BLIND) {
		reply->gate_opened |= s->client == CLIENT_GATE || s->client == CLIENT_DOT;
		s->ended = true;
		s->client = CLIENT_OVER;
	}
	s->in_reply = false;
	s->overtaken = false;
	s->replied = true;
	s->server = SERVER_START;
}

/* What the piece belongs to, as far as is known behind it. */
static void
describe(const struct smtp_session *s, struct smtp_reply *reply)
{
	reply->unsolicited = s->in_reply ? s->unsolicited : s->slot_count == 0;
	if (!reply->unsolicited)
		reply->verb = head_verb(s);
	if (!s->in_reply)
		return;
	reply->disguised = !s->unsolicited && !s->passes && head_is_disguised(s);
	reply->code = s->reply_code;
}

/* A reply line is at its separator: what line is it? */
static void
begin_line(struct smtp_session *s, uint8_t separator)
{
	s->line_final = separator != '-';
	if (!s->in_reply)
		begin_reply(s);
	else
		s->reply_lines = true;
	s->reply_code = s->line_code;
	s->word_len = 0;
	s->word_mask = s->reply_lines && is_hello(head_verb(s)) && !s->unsolicited ? ALL_KEYWORDS : 0;
	if (s->naming != NAME_UNASKED && !s->reply_lines && !s->unsolicited && s->line_code / 100 == 2 &&
	    head_is_asked(s))
		s->word_mask = NAME_WORD;
}

/* Reads on in a code, up to its separator. Returns octets read. */
static size_t
read_code(struct smtp_session *s, struct view in)
{
	unsigned code = s->line_code, digits = s->reply_digits;
	size_t i = 0;
	for (; i < in.len && digits < 3 && is_digit(in.at[i]); i++, digits++)
		code = code * 10 + (in.at[i] - '0');
	s->line_code = (uint16_t)code;
	s->reply_digits = (uint8_t)digits;
	if (i == in.len)
		return i;
	s->line_text = digits < 3 || !is_separator(in.at[i]);
	s->server = SERVER_TEXT;
	if (!s->line_text)
		begin_line(s, in.at[i]);
	return i + 1;
}

static void
start_line(struct smtp_session *s)
{
	s->server = SERVER_CODE;
	s->reply_digits = 0;
	s->line_code = 0;
}

/* The greeting must be one: something else speaks here (RFC 5321 section 3.1). */
static bool
is_no_greeting(const struct smtp_session *s)
{
	return s->server == SERVER_TEXT && s->line_text && !s->replied && !s->in_reply && !s->midstream;
}

/* Reads up to the end of a line, or of the server's name, at most. Returns octets read. */
static size_t
read_reply_line(struct smtp_session *s, struct view in, struct smtp_reply *reply, bool *line_ended)
{
	size_t i = s->server == SERVER_CODE ? read_code(s, in) : 0;
	*line_ended = false;
	if (s->server != SERVER_TEXT)
		return i;
	if (i > 0 && in.at[i - 1] == '\n') {
		*line_ended = true;
		reply->named = s->word_mask == NAME_WORD;
		s->word_mask = 0;
		return i;
	}
	if (s->word_mask == NAME_WORD) {
		i = read_name(s, in, i, reply);
		if (reply->named || i == in.len)
			return i;
	}
	const uint8_t *lf = i < in.len ? memchr(in.at + i, '\n', in.len - i) : NULL;
	size_t end = lf != NULL ? (size_t)(lf - in.at) + 1 : in.len;
	if (s->word_mask != 0)
		read_keyword(s, view_of(in.at + i, end - i));
	*line_ended = lf != NULL;
	return end;
}

/*
 * The client went on before this reply was complete. It has ended where it
 * stands if what comes now begins like a reply: in the middle of a line, with
 * a code; between lines, with another code than its own (RFC 5321 section
 * 4.2.1), or with any, where the client always waits for answers.
 */
static bool
was_cut(const struct smtp_session *s, struct view in)
{
	if (!s->in_reply || !begins_with_code(in))
		return false;
	return s->server == SERVER_TEXT ||
	       (s->server == SERVER_CODE && s->reply_digits == 0 && (code_of(in) != s->reply_code || !s->pipelines));
}

/* The octets may become a code, but are too few to tell. */
static bool
may_begin_code(struct view in)
{
	size_t digits = 0;
	while (digits < in.len && digits < 3 && is_digit(in.at[digits]))
		digits++;
	return in.len < 4 && digits == in.len;
}

/* Two questions are decided on a whole code only: whose slot is ours, and was the reply before cut short? */
static bool
wants_code(const struct smtp_session *s, struct view in)
{
	if (s->server == SERVER_START)
		return head_is_disguised(s) && may_begin_code(in);
	bool between_lines = s->server == SERVER_CODE && s->reply_digits == 0;
	return s->overtaken && s->in_reply && (s->server == SERVER_TEXT || between_lines) && may_begin_code(in);
}

void
smtp_server(struct smtp_session *s, struct view in, struct smtp_reply *reply)
{
	*reply = (struct smtp_reply){ 0 };
	if (in.len == 0)
		return;
	s->server_spoke = true;
	if (s->client == CLIENT_BLIND || s->client == CLIENT_OPAQUE) {
		reply->used = in.len;
		reply->blind = s->client == CLIENT_BLIND;
		reply->cause = s->cause;
		return;
	}
	if (wants_code(s, in)) {
		describe(s, reply);
		reply->need_more = true;
		return;
	}
	if (s->overtaken && was_cut(s, in)) {
		describe(s, reply);
		s->unpaired = true;
		end_reply(s, reply);
		return;
	}
	s->overtaken = false;
	if (s->server == SERVER_START) {
		reply->first = !head_is_disguised(s) || begins_with_code(in);
		start_line(s);
	}
	bool line_ended;
	reply->used = read_reply_line(s, in, reply, &line_ended);
	if (s->naming != NAME_UNASKED)
		reply->unnamed =
			s->word_mask == NAME_WORD || (s->server == SERVER_CODE && !s->in_reply && head_is_asked(s));
	describe(s, reply);
	if (is_no_greeting(s))
		go_blind(s, CTR_blind_grammar);
	if (line_ended) {
		if (s->in_reply && s->line_final && !s->line_text)
			end_reply(s, reply);
		else if (s->in_reply)
			start_line(s);
		else
			s->server = SERVER_START;
	}
	reply->blind = s->client == CLIENT_BLIND;
	reply->cause = s->cause;
}
