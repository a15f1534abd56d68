/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads recorded dialogues from stdin and prints what the session of the box made of each.
 *
 *   dialogue_feed [PIECE]     feeds pieces of PIECE octets; 0 (default): as they were recorded
 *
 * A dialogue is lines up to a line ".":
 *   C TEXT      octets of the client; \r \n \t \\ \xNN are escapes
 *   S TEXT      octets of the server
 * other lines are left aside. The answer is lines up to a line ".":
 *   rcpt CODE DOMAIN ADDRESS     a recipient seen, the code of its reply (0: none), its canonical domain
 *   blind OCTET CAUSE            read no further behind this octet of the client
 *   opaque OCTET                 the same: TLS
 *   unpaired                     nothing can be refused in this session any more
 *   open N                       N commands without an answer at the end
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/counters.h"
#include "smtp/domain.h"
#include "smtp/session.h"

#define RCPTS 256

struct stream {
	uint8_t *at;
	size_t len, room;
};

struct seen {
	uint8_t domain[DOMAIN_MAX + 2];
	uint8_t address[ADDRESS_MAX];
	uint16_t domain_len, address_len;
	unsigned code;
};

struct feed {
	struct smtp_session session;
	struct smtp_pool *pool;
	struct stream client, server; /* octets not yet taken */
	size_t taken;                 /* client octets taken so far */
	size_t line;                  /* client octets taken before the line that is being read */
	struct seen seen[RCPTS];
	unsigned count, answered;
	bool over;
};

static void
append(struct stream *s, const uint8_t *octets, size_t len)
{
	if (s->len + len > s->room) {
		s->room = 2 * (s->len + len);
		s->at = realloc(s->at, s->room);
		if (s->at == NULL)
			abort();
	}
	memcpy(s->at + s->len, octets, len);
	s->len += len;
}

static void
drop_front(struct stream *s, size_t n)
{
	memmove(s->at, s->at + n, s->len - n);
	s->len -= n;
}

static void
print_octets(const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf(at[i] > ' ' && at[i] < 0x7f && at[i] != '\\' ? "%c" : "\\x%02x", at[i]);
	if (len == 0)
		putchar('-');
}

static void
see_recipient(struct feed *f, const struct smtp_item *item)
{
	static struct subject subject;
	if (f->count == RCPTS)
		return;
	struct seen *r = &f->seen[f->count++];
	subject_build(item->path.local, item->path.domain, &subject);
	r->code = 0;
	r->domain_len = subject.domain_len >= 2 ? subject.domain_len - 2 : 0;
	memcpy(r->domain, subject.domain + 1, r->domain_len);
	r->address_len = (uint16_t)(item->path.address.len < ADDRESS_MAX ? item->path.address.len : ADDRESS_MAX);
	if (r->address_len > 0)
		memcpy(r->address, item->path.address.at, r->address_len);
}

static void
give_up(struct feed *f, const char *word, unsigned cause)
{
	f->over = true;
	printf("%s %zu %s\n", word, f->line, cause != 0 ? counter_info[cause].name : "");
}

static void
read_client(struct feed *f)
{
	struct smtp_item item;
	size_t at = 0;
	while (at < f->client.len && !f->over) {
		smtp_client(&f->session, f->pool, view_of(f->client.at + at, f->client.len - at), &item);
		at += item.used;
		f->taken += item.used;
		if (item.step == STEP_COMMAND && item.verb == VERB_RCPT && item.has_path)
			see_recipient(f, &item);
		else if (item.step == STEP_BLIND)
			give_up(f, "blind", item.cause);
		else if (item.step == STEP_OPAQUE)
			give_up(f, "opaque", 0);
		else if (item.step == STEP_GATE)
			break;
		if (item.step != STEP_MORE)
			f->line = f->taken;
	}
	drop_front(&f->client, at);
}

static void
take_reply(struct feed *f, const struct smtp_reply *reply)
{
	if (reply->blind)
		give_up(f, "blind", reply->cause);
	else if (reply->last && !reply->unsolicited && reply->verb == VERB_RCPT && reply->has_path &&
		 f->answered < f->count)
		f->seen[f->answered++].code = reply->code;
}

static void
read_server(struct feed *f)
{
	struct smtp_reply reply;
	size_t at = 0;
	while (at < f->server.len && !f->over) {
		smtp_server(&f->session, view_of(f->server.at + at, f->server.len - at), &reply);
		at += reply.used;
		take_reply(f, &reply);
		if (reply.need_more)
			break;
		if (reply.gate_opened)
			read_client(f);
	}
	drop_front(&f->server, at);
}

/* The piece of the dialogue arrives at the box. */
static void
arrive(struct feed *f, char who, const uint8_t *octets, size_t len, size_t piece)
{
	for (size_t at = 0, n; at < len && !f->over; at += n) {
		n = piece != 0 && piece < len - at ? piece : len - at;
		append(who == 'C' ? &f->client : &f->server, octets + at, n);
		if (who == 'C')
			read_client(f);
		else
			read_server(f);
	}
}

/* Nothing more comes: what waits for answers is read as the box does at its time limit. */
static void
finish(struct feed *f)
{
	size_t before;
	if (!f->over)
		printf("open %u\n", f->session.slot_count);
	if (f->session.unpaired)
		puts("unpaired");
	do {
		before = f->client.len;
		smtp_gate_force(&f->session);
		read_client(f);
	} while (!f->over && f->client.len != 0 && f->client.len != before);
	for (unsigned i = 0; i < f->count; i++) {
		printf("rcpt %u ", f->seen[i].code);
		print_octets(f->seen[i].domain, f->seen[i].domain_len);
		putchar(' ');
		print_octets(f->seen[i].address, f->seen[i].address_len);
		putchar('\n');
	}
	puts(".");
	fflush(stdout);
	smtp_session_done(&f->session, f->pool);
}

static void
begin(struct feed *f)
{
	smtp_session_init(&f->session, false);
	f->client.len = f->server.len = f->taken = f->line = 0;
	f->count = f->answered = 0;
	f->over = false;
}

static uint8_t
hex_digit(char c)
{
	return (uint8_t)(c >= '0' && c <= '9' ? c - '0' : ascii_lower((uint8_t)c) - 'a' + 10);
}

/* In place. Returns the octets' number. */
static size_t
unescape(char *text)
{
	char *to = text;
	for (const char *p = text; *p != '\0' && *p != '\n'; p++) {
		if (*p != '\\') {
			*to++ = *p;
			continue;
		}
		p++;
		if (*p == 'x' && p[1] != '\0' && p[2] != '\0') {
			*to++ = (char)(hex_digit(p[1]) << 4 | hex_digit(p[2]));
			p += 2;
		} else if (*p == 'r' || *p == 'n' || *p == 't') {
			*to++ = *p == 'r' ? '\r' : *p == 'n' ? '\n' : '\t';
		} else {
			*to++ = *p;
		}
	}
	return (size_t)(to - text);
}

int
main(int argc, char **argv)
{
	static struct feed feed;
	size_t piece = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, room = 0;
	char *line = NULL;

	feed.pool = smtp_pool_new(4);
	if (feed.pool == NULL)
		return 1;
	begin(&feed);
	while (getline(&line, &room, stdin) > 0) {
		if (line[0] == '.') {
			finish(&feed);
			begin(&feed);
		} else if ((line[0] == 'C' || line[0] == 'S') && line[1] == ' ') {
			arrive(&feed, line[0], (const uint8_t *)line + 2, unescape(line + 2), piece);
		}
	}
	free(line);
	free(feed.client.at);
	free(feed.server.at);
	smtp_pool_free(feed.pool);
	return 0;
}
