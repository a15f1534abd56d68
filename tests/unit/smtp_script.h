/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plays a written dialogue through a session and writes down what it reads,
 * in words that do not depend on how the stream was cut into pieces:
 *
 *   C MAIL a@b.c #1     a command, its address, its transaction as known then
 *   C text 12           octets of message text or chunk
 *   S RCPT 250 #1       a complete reply and what it answers
 *   S name 10           octets of the server's name, where it is asked for
 *
 * Lines of a script: "C: " or "S: " and the octets; "F" forces the gate; "D"
 * disguises the next RCPT.
 */
#ifndef POSTERN_TESTS_SMTP_SCRIPT_H
#define POSTERN_TESTS_SMTP_SCRIPT_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/counters.h"
#include "smtp/session.h"

struct play {
	struct smtp_session session;
	struct smtp_pool *pool;
	char waiting[1 << 16]; /* client octets behind a gate */
	size_t waiting_len;
	char held[1 << 16]; /* server octets until a code is whole */
	size_t held_len;
	size_t text;        /* octets of text not yet written down */
	bool over;          /* opaque or blind */
	bool disguise_next; /* the next RCPT becomes ours */
	char log[1 << 16];
	size_t log_len;
	unsigned seed; /* of the random cuts; 0: every piece has `piece` octets */
	size_t piece;  /* 0: whole */
};

static inline void
play_log(struct play *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	p->log_len += (size_t)vsnprintf(p->log + p->log_len, sizeof(p->log) - p->log_len, format, args);
	va_end(args);
	if (p->log_len >= sizeof(p->log))
		abort();
}

static inline void
play_text(struct play *p)
{
	if (p->text > 0)
		play_log(p, "C text %zu\n", p->text);
	p->text = 0;
}

static inline void
play_item(struct play *p, const struct smtp_item *item)
{
	if (item->step == STEP_BODY) {
		p->text += item->used;
	} else if (item->step == STEP_COMMAND) {
		if (item->verb == VERB_BODY_END)
			p->text -= item->line_len - item->used; /* the beginning of the dot line went as text */
		play_text(p);
		play_log(p, "C %s", smtp_verb_name(item->verb));
		if (item->has_path)
			play_log(p, " %.*s", item->path.address.len ? (int)item->path.address.len : 2,
				 item->path.address.len ? (const char *)item->path.address.at : "<>");
		if (item->verb == VERB_MAIL || item->verb == VERB_RCPT)
			play_log(p, " #%u", item->transaction);
		play_log(p, "\n");
		if (p->disguise_next && item->verb == VERB_RCPT) {
			smtp_client_disguised(&p->session);
			p->disguise_next = false;
		}
	} else if (item->step == STEP_OPAQUE || item->step == STEP_BLIND) {
		play_text(p);
		play_log(p, item->step == STEP_OPAQUE ? "opaque\n" : "blind: %s\n", counter_info[item->cause].name);
		p->over = true;
	}
}

/* Reads what the client has said, as far as the gate lets it. */
static inline void
play_client(struct play *p)
{
	struct smtp_item item;
	size_t at = 0;
	while (at < p->waiting_len && !p->over) {
		smtp_client(&p->session, p->pool, view_of(p->waiting + at, p->waiting_len - at), &item);
		at += item.used;
		play_item(p, &item);
		if (item.step == STEP_GATE)
			break;
	}
	memmove(p->waiting, p->waiting + at, p->waiting_len - at);
	p->waiting_len -= at;
}

static inline void
play_reply(struct play *p, const struct smtp_reply *r)
{
	if (r->blind) {
		play_text(p);
		play_log(p, "blind: %s\n", counter_info[r->cause].name);
		p->over = true;
		return;
	}
	if (r->named)
		play_log(p, "S name %u\n", r->name_len);
	if (r->last) {
		play_text(p);
		play_log(p, "S %s %u", r->unsolicited ? "unsolicited" : smtp_verb_name(r->verb), r->code);
		if (!r->unsolicited && (r->verb == VERB_MAIL || r->verb == VERB_RCPT))
			play_log(p, " #%u%s", r->transaction, r->void_ ? " void" : "");
		play_log(p, "%s\n", r->disguised ? " ours" : "");
	}
	if (r->gate_opened)
		play_client(p);
}

static inline void
play_server(struct play *p)
{
	struct smtp_reply reply;
	size_t at = 0;
	while (at < p->held_len && !p->over) {
		smtp_server(&p->session, view_of(p->held + at, p->held_len - at), &reply);
		at += reply.used;
		play_reply(p, &reply);
		if (reply.need_more)
			break;
	}
	memmove(p->held, p->held + at, p->held_len - at);
	p->held_len -= at;
}

static inline size_t
play_cut(struct play *p, size_t left)
{
	size_t n = p->seed != 0 ? 1 + (size_t)rand_r(&p->seed) % 9 : p->piece != 0 ? p->piece : left;
	return n < left ? n : left;
}

static inline void
play_octets(struct play *p, char who, const char *octets, size_t len)
{
	for (size_t at = 0, n; at < len && !p->over; at += n) {
		n = play_cut(p, len - at);
		char *to = who == 'C' ? p->waiting : p->held;
		size_t *to_len = who == 'C' ? &p->waiting_len : &p->held_len;
		memcpy(to + *to_len, octets + at, n);
		*to_len += n;
		if (who == 'C')
			play_client(p);
		else
			play_server(p);
	}
}

static inline struct play *
play_new(bool midstream)
{
	struct play *p = calloc(1, sizeof(*p));
	p->pool = smtp_pool_new(2);
	smtp_session_init(&p->session, midstream);
	return p;
}

static inline void
play_free(struct play *p)
{
	smtp_session_done(&p->session, p->pool);
	smtp_pool_free(p->pool);
	free(p);
}

/* Plays lines up to NULL. */
static inline void
play_lines(struct play *p, const char *const *lines)
{
	for (; *lines != NULL; lines++) {
		const char *l = *lines;
		if (l[0] == 'F') {
			smtp_gate_force(&p->session);
			play_client(p);
		} else if (l[0] == 'D') {
			p->disguise_next = true;
		} else {
			play_octets(p, l[0], l + 3, strlen(l) - 3);
		}
	}
	play_text(p);
}

#endif
