/* SPDX-License-Identifier: BSD-3-Clause */
/* The server's reader alone: reply lines, keywords, slots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guard.h"
#include "smtp/state.h"

static struct guard guard;
static struct smtp_pool *pool;

static struct smtp_session
awaiting(const char *command)
{
	struct smtp_session s;
	struct smtp_item item;
	smtp_session_init(&s, false);
	smtp_session_greeted(&s);
	smtp_client(&s, pool, view_of(command, strlen(command)), &item);
	assert_int_equal(item.step, STEP_COMMAND);
	return s;
}

/* Feeds the text in pieces, up to the end of one reply. Returns octets consumed. */
static size_t
feed(struct smtp_session *s, const char *text, size_t piece, struct smtp_reply *r)
{
	size_t at = 0, len = strlen(text);
	do {
		size_t n = len - at < piece ? len - at : piece;
		smtp_server(s, view_of(guard_end(&guard, text + at, n), n), r);
		assert_true(r->used <= n);
		at += r->used;
	} while (at < len && !r->last && !r->blind && !r->need_more);
	return at;
}

static void
each_form_of_a_reply_line_is_read(void **state)
{
	static const char *const replies[] = { "250 ok\r\n",
					       "250\r\n",
					       "250\n",
					       "250-a\r\n250 b\r\n",
					       "250-a\n250-b\n250\n",
					       "250-a\r\nno code here\r\n\r\n25\r\n250x\r\n250 b\r\n",
					       "noise\r\n250 ok\r\n" };
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
		for (size_t piece = 1; piece < 60; piece++) {
			struct smtp_session s = awaiting("NOOP\r\n");
			struct smtp_reply r;
			assert_int_equal(feed(&s, replies[i], piece, &r), strlen(replies[i]));
			assert_true(r.last);
			assert_int_equal(r.verb, VERB_NOOP);
			assert_int_equal(r.code, 250);
			assert_int_equal(s.slot_count, 0);
		}
}

static void
keywords_count_in_an_accepted_ehlo_only(void **state)
{
	static const struct {
		const char *command, *reply;
		unsigned caps;
	} cases[] = {
		{ "EHLO a\r\n", "250-mx\r\n250-pipelining\r\n250-CHUNKING\r\n250-STARTTLS\r\n250 SMTPUTF8 x\r\n", 15 },
		{ "EHLO a\r\n", "250-mx\r\n250-STARTTLSX\r\n250-START\r\n250-X-CHUNKING\r\n250 CHUNKING-X\r\n", 0 },
		{ "EHLO a\r\n", "250-mx\r\n250-XPIPELININGANDMUCHMORE\r\n250 SIZE 1 STARTTLS\r\n", 0 },
		{ "EHLO a\r\n", "250 STARTTLS\r\n", 0 },
		{ "EHLO a\r\n", "550-mx\r\n550 STARTTLS\r\n", 0 },
		{ "HELO a\r\n", "250-mx\r\n250 STARTTLS\r\n", 0 },
		{ "NOOP\r\n", "250-mx\r\n250 STARTTLS\r\n", 0 },
		{ "LHLO a\r\n", "250-mx\n250 STARTTLS\n", SMTP_CAP_STARTTLS },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece < 99; piece++) {
			struct smtp_session s = awaiting(cases[i].command);
			struct smtp_reply r;
			feed(&s, cases[i].reply, piece, &r);
			assert_true(r.last);
			assert_int_equal(s.caps, cases[i].caps);
		}
}

static void
a_keyword_with_one_other_octet_is_none(void **state)
{
	static const char *const words[] = { "PIPELINING", "CHUNKING", "STARTTLS", "SMTPUTF8" };

	for (unsigned k = 0; k < 4; k++)
		for (size_t i = 0; i < strlen(words[k]); i++)
			for (unsigned c = 1; c < 256; c++) {
				bool same = ascii_lower((uint8_t)c) == ascii_lower((uint8_t)words[k][i]);
				char text[64];
				struct smtp_session s = awaiting("EHLO a\r\n");
				struct smtp_reply r;
				snprintf(text, sizeof text, "250-mx\r\n250-%s\r\n250 SIZE\r\n", words[k]);
				text[12 + i] = (char)c;
				feed(&s, text, c % 2 ? 99 : c % 7 + 1, &r);
				assert_true(r.last);
				assert_int_equal(s.caps, same ? 1u << k : 0);
			}
}

/* The name that `text` says to `s`, whatever pieces it comes in; "" where it says none. */
static const char *
name_in(struct smtp_session s, const char *text, size_t piece)
{
	static char name[256];
	size_t at = 0, len = strlen(text);
	struct smtp_reply r;

	name[0] = '\0';
	s.naming = NAME_ASKED;
	while (at < len) {
		size_t n = len - at < piece ? len - at : piece;
		smtp_server(&s, view_of(guard_end(&guard, text + at, n), n), &r);
		at += r.used;
		assert_false(r.unnamed && (r.named || r.last));
		if (r.named) {
			assert_string_equal(name, "");
			memcpy(name, text + at - r.name_len, r.name_len);
			name[r.name_len] = '\0';
		}
		if (r.last || r.blind)
			break;
	}
	return name;
}

static void
a_server_says_its_name_behind_the_first_code_of_a_greeting_or_an_answer_to_ehlo(void **state)
{
	static const struct {
		const char *command, *reply, *name; /* command NULL: the greeting */
	} cases[] = {
		{ NULL, "220 mx.example ESMTP\r\n", "mx.example" },
		{ NULL, "220 mx.example\r\n", "mx.example" },
		{ NULL, "220-mx.example\r\n220 not.this\r\n", "mx.example" },
		{ NULL, "220\tmx.example\n", "mx.example" },
		{ NULL, "220 \r\n", "" },
		{ NULL, "220\r\n", "" },
		{ NULL, "220-\r\n220 not.this\r\n", "" },
		{ NULL, "554 mx.example\r\n", "" },
		{ NULL, "421 mx.example\r\n", "" },
		{ "EHLO c\r\n", "250-mx.example hello c\r\n250 STARTTLS\r\n", "mx.example" },
		{ "HELO c\r\n", "250 mx.example\r\n", "mx.example" },
		{ "LHLO c\r\n", "250 mx.example\r\n", "mx.example" },
		{ "EHLO c\r\n", "550 mx.example\r\n", "" },
		{ "NOOP\r\n", "250 mx.example\r\n", "" },
		{ "MAIL FROM:<>\r\n", "250 mx.example\r\n", "" },
		{ "STARTTLS\r\n", "220 mx.example\r\n", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece < 60; piece++) {
			struct smtp_session greeting;
			smtp_session_init(&greeting, false);
			assert_string_equal(name_in(cases[i].command == NULL ? greeting : awaiting(cases[i].command),
						    cases[i].reply, piece),
					    cases[i].name);
		}
}

static void
a_word_longer_than_any_domain_is_no_name(void **state)
{
	char text[400];
	struct smtp_session s;

	smtp_session_init(&s, false);
	snprintf(text, sizeof text, "220 %0*u\r\n", 254, 0);
	assert_int_equal(strlen(name_in(s, text, 99)), 254);
	snprintf(text, sizeof text, "220 %0*u\r\n", 255, 0);
	assert_string_equal(name_in(s, text, 99), "");
}

static void
a_name_is_told_to_nobody_who_did_not_ask(void **state)
{
	struct smtp_session s;
	struct smtp_reply r;

	smtp_session_init(&s, false);
	assert_int_equal(feed(&s, "220 mx.example ESMTP\r\n", 99, &r), 22);
	assert_true(r.last);
	assert_false(r.unnamed || r.named);
}

static void
the_rest_of_a_refused_reply_is_ours(void **state)
{
	struct smtp_session s;
	struct smtp_reply r;

	smtp_session_init(&s, false);
	s.naming = NAME_ASKED;
	assert_int_equal(feed(&s, "220-mx", 99, &r), 6);
	assert_true(r.unnamed);
	smtp_server(&s, view_of("\r\n", 2), &r);
	assert_int_equal(r.used, 0);
	assert_true(r.named);
	assert_int_equal(r.name_len, 2);
	smtp_server_refused(&s);
	assert_int_equal(feed(&s, "\r\n220 x\r\n", 2, &r), 9);
	assert_true(r.last && r.disguised && !r.first);
}

static void
first_and_last_frame_a_reply(void **state)
{
	struct smtp_session s = awaiting("NOOP\r\n");
	struct smtp_reply r;
	feed(&s, "250-o", 9, &r);
	assert_true(r.first && !r.last);
	feed(&s, "ne\r\n", 9, &r);
	assert_true(!r.first && !r.last);
	feed(&s, "250 two\r\n250 ok", 99, &r);
	assert_true(!r.first && r.last);
	assert_int_equal(r.used, 9);
}

static void
a_disguised_slot_waits_for_a_whole_code(void **state)
{
	struct smtp_session s = awaiting("RCPT TO:<a@b.c>\r\n");
	struct smtp_reply r;
	smtp_client_disguised(&s);
	assert_int_equal(s.refused, 1);
	for (size_t n = 1; n < 4; n++) {
		smtp_server(&s, view_of("250 ok\r\n", n), &r);
		assert_true(r.need_more && r.used == 0);
	}
	smtp_server(&s, view_of("250 o", 5), &r);
	assert_true(r.disguised && r.first && !r.last && r.used == 5);
	smtp_server(&s, view_of("k\r\n", 3), &r);
	assert_true(r.disguised && !r.first && r.last);
}

static void
noise_before_a_disguised_reply_passes(void **state)
{
	struct smtp_session s = awaiting("RCPT TO:<a@b.c>\r\n");
	struct smtp_reply r;
	smtp_client_disguised(&s);
	smtp_server(&s, view_of("oops\r\n", 6), &r);
	assert_true(!r.disguised && !r.first && !r.last && r.used == 6);
	smtp_server(&s, view_of("250 ok\r\n", 8), &r);
	assert_true(r.disguised && r.first && r.last);
}

static void
what_is_no_smtp_server_blinds(void **state)
{
	static const struct {
		const char *octets;
		unsigned cause;
	} cases[] = { { "HTTP/1.1 400 Bad\r\n", CTR_blind_grammar },
		      { "\x16\x03\x01", CTR_blind_grammar },
		      { "354 go\r\n", CTR_blind_replies },
		      { "150 hm\r\n", CTR_blind_replies },
		      { "999 hm\r\n", CTR_blind_replies } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp_session s;
		struct smtp_item item;
		struct smtp_reply r;
		smtp_session_init(&s, false);
		feed(&s, cases[i].octets, 99, &r);
		assert_true(r.blind);
		assert_int_equal(r.cause, cases[i].cause);
		smtp_client(&s, pool, view_of("QUIT\r\n", 6), &item);
		assert_int_equal(item.step, STEP_BLIND);
		assert_int_equal(item.cause, cases[i].cause);
	}
}

static void
a_421_opens_the_gate_and_ends_the_session(void **state)
{
	struct smtp_session s = awaiting("DATA\r\n");
	struct smtp_reply r;
	feed(&s, "421 bye\r\n", 99, &r);
	assert_true(r.gate_opened);
	assert_true(s.ended);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_of_a_reply_line_is_read),
		cmocka_unit_test(keywords_count_in_an_accepted_ehlo_only),
		cmocka_unit_test(a_keyword_with_one_other_octet_is_none),
		cmocka_unit_test(a_server_says_its_name_behind_the_first_code_of_a_greeting_or_an_answer_to_ehlo),
		cmocka_unit_test(a_word_longer_than_any_domain_is_no_name),
		cmocka_unit_test(a_name_is_told_to_nobody_who_did_not_ask),
		cmocka_unit_test(the_rest_of_a_refused_reply_is_ours),
		cmocka_unit_test(first_and_last_frame_a_reply),
		cmocka_unit_test(a_disguised_slot_waits_for_a_whole_code),
		cmocka_unit_test(noise_before_a_disguised_reply_passes),
		cmocka_unit_test(what_is_no_smtp_server_blinds),
		cmocka_unit_test(a_421_opens_the_gate_and_ends_the_session),
	};
	guard = guard_new(4096);
	pool = smtp_pool_new(1);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	smtp_pool_free(pool);
	guard_free(&guard);
	return failed;
}
