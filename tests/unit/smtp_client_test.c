/* SPDX-License-Identifier: BSD-3-Clause */
/* The client's reader alone: lines, the end of a message, buffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guard.h"
#include "smtp/state.h"

static struct guard guard;

static struct view
at_the_edge(const void *text, size_t len)
{
	return view_of(guard_end(&guard, text, len), len);
}

/* A session that has been greeted, and reads. */
struct bench {
	struct smtp_session s;
	struct smtp_pool *pool;
	struct smtp_item item;
};

static struct bench
bench_new(unsigned buffers)
{
	struct bench b = { .pool = smtp_pool_new(buffers) };
	smtp_session_init(&b.s, false);
	smtp_session_greeted(&b.s);
	return b;
}

static void
bench_free(struct bench *b)
{
	smtp_session_done(&b->s, b->pool);
	smtp_pool_free(b->pool);
}

static enum smtp_step
read_text(struct bench *b, const char *text)
{
	smtp_client(&b->s, b->pool, at_the_edge(text, strlen(text)), &b->item);
	return b->item.step;
}

static void
a_line_that_may_become_an_envelope_is_to_be_held(void **state)
{
	static const struct {
		const char *begin;
		bool hold;
	} cases[] = {
		{ "M", true },      { "rc", true },  { "  RCP", true },   { "MAIL", true }, { "RCPT TO:<a@ar", true },
		{ "MAILX", false }, { "EH", false }, { "NOOP x", false }, { "MX", false },  { "rcpt\tto", true }
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b = bench_new(1);
		assert_int_equal(read_text(&b, cases[i].begin), STEP_MORE);
		assert_int_equal(b.item.used, strlen(cases[i].begin));
		assert_int_equal(b.item.may_be_envelope, cases[i].hold);
		bench_free(&b);
	}
}

static void
a_split_line_is_put_together(void **state)
{
	struct bench b = bench_new(1);
	static const char *const parts[] = { "R", "CPT TO:<bob@ar", "my.ml", ">", "\r" };
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(read_text(&b, parts[i]), STEP_MORE);
	assert_int_equal(read_text(&b, "\nNOOP\r\n"), STEP_COMMAND);
	assert_int_equal(b.item.used, 1);
	assert_int_equal(b.item.line_len, 23);
	assert_int_equal(b.item.eol_len, 2);
	assert_true(view_equal(b.item.path.domain, view_of("army.ml", 7)));
	assert_null(b.s.line);
	assert_int_equal(read_text(&b, "NOOP\n"), STEP_COMMAND);
	assert_int_equal(b.item.eol_len, 1);
	bench_free(&b);
}

static void
tolerated_spellings_are_read(void **state)
{
	static const char *const lines[] = { "RCPT TO:<a@b.c>\r\n", "rcpt to:a@b.c\r\n",
					     " \tRcPt \t tO \t: \t< a@b.c > X=1 \r\n", "RCPT TO :<a@b.c>\n",
					     "RCPT TO:<@x,@y:a@b.c>\n" };
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct bench b = bench_new(0);
		assert_int_equal(read_text(&b, lines[i]), STEP_COMMAND);
		assert_int_equal(b.item.verb, VERB_RCPT);
		assert_true(b.item.has_path);
		assert_true(view_equal(b.item.path.domain, view_of("b.c", 3)));
		bench_free(&b);
	}
}

static void
a_garbled_envelope_line_has_no_path_and_opens_nothing_when_refused(void **state)
{
	struct bench b = bench_new(0);
	struct smtp_reply r;
	assert_int_equal(read_text(&b, "MAIL <a@b.c>\r\n"), STEP_COMMAND);
	assert_false(b.item.has_path);
	smtp_server(&b.s, view_of("501 no\r\n", 8), &r);
	assert_true(r.last && !r.has_path);
	assert_int_equal(b.s.now.transaction, 0);
	bench_free(&b);
}

static void
a_recipient_in_a_line_too_long_blinds_whether_split_or_not(void **state)
{
	char line[SMTP_LINE_MAX + 100];
	memset(line, 'x', sizeof(line));
	memcpy(line, "RCPT TO:<", 9);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	for (size_t cut = 0; cut < 2; cut++) {
		struct bench b = bench_new(1);
		size_t at = 0;
		do {
			size_t n = cut && sizeof(line) - at > 1000 ? 1000 : sizeof(line) - at;
			smtp_client(&b.s, b.pool, at_the_edge(line + at, n), &b.item);
			at += b.item.used;
			assert_false(b.item.may_be_envelope && at >= SMTP_LINE_MAX);
		} while (b.item.step == STEP_MORE);
		assert_int_equal(at, sizeof(line));
		assert_int_equal(b.item.step, STEP_BLIND);
		assert_int_equal(b.item.cause, CTR_blind_grammar);
		bench_free(&b);
	}
}

static void
an_empty_pool_blinds_and_is_filled_again(void **state)
{
	struct bench a = bench_new(1), b = bench_new(0);
	struct smtp_pool *own = b.pool;
	b.pool = a.pool;
	assert_int_equal(read_text(&a, "RCPT"), STEP_MORE);
	assert_int_equal(read_text(&b, "RCPT"), STEP_BLIND);
	assert_int_equal(b.item.cause, CTR_blind_memory);
	smtp_session_done(&a.s, a.pool);
	smtp_session_init(&b.s, false);
	assert_int_equal(read_text(&b, "RCPT"), STEP_MORE);
	smtp_session_done(&b.s, a.pool);
	b.pool = own;
	bench_free(&a);
	bench_free(&b);
}

/* As slow as can be: the whole text is at hand, every position is looked at. */
static size_t
naive_scan(const char *text, size_t len, enum dot *found)
{
	*found = DOT_NONE;
	for (size_t i = 0; i < len; i++) {
		bool strict = i == 0 || (i >= 2 && text[i - 2] == '\r' && text[i - 1] == '\n');
		bool lax = strict || text[i - 1] == '\n' || text[i - 1] == '\r';
		if (text[i] != '.' || !lax || i + 1 >= len)
			continue;
		if (text[i + 1] == '\n') {
			*found = DOT_DOUBT;
			return i + 2;
		}
		if (text[i + 1] != '\r' || i + 2 >= len)
			continue;
		*found = strict && text[i + 2] == '\n' ? DOT_END : DOT_DOUBT;
		return text[i + 2] == '\n' ? i + 3 : i + 2;
	}
	return len;
}

static void
find_ends_in_any_cut(void)
{
	unsigned seed = 1;
	for (int round = 0; round < 60000; round++) {
		static const char alphabet[] = "\r\n.aaaa";
		char text[700]; /* some longer than several blocks of the widest registers */
		bool is_long = round % 16 == 0;
		size_t len = 1 + (size_t)rand_r(&seed) % (is_long ? sizeof(text) : 200);
		for (size_t i = 0; i < len; i++)
			text[i] = round % 2                             ? alphabet[(size_t)rand_r(&seed) % 7]
				  : rand_r(&seed) % (is_long ? 50 : 12) ? 'a'
									: alphabet[(size_t)rand_r(&seed) % 3];
		enum dot want, found = DOT_NONE;
		size_t end = naive_scan(text, len, &want);
		uint8_t match = MATCH_CRLF;
		size_t at = 0;
		while (at < len && found == DOT_NONE) {
			size_t n = 1 + (size_t)rand_r(&seed) % (is_long ? sizeof(text) : 150);
			at += dot_scan(&match, at_the_edge(text + at, n < len - at ? n : len - at), &found);
		}
		assert_int_equal(found, want);
		assert_int_equal(at, end);
	}
}

/* Alone in a text of several blocks, whatever border of memory that begins at. */
static void
find_end_at_any_place(const char *end)
{
	const size_t n = strlen(end);

	for (size_t len = 400; len < 464; len++) {
		char text[464];
		memset(text, 'a', len);
		char *at = (char *)guard_end(&guard, text, len);
		for (size_t i = 1; i + n <= len; i++) {
			enum dot found;
			uint8_t match = MATCH_TEXT;
			memcpy(at + i, end, n);
			assert_int_equal(dot_scan(&match, view_of(at, len), &found), i + n);
			assert_int_equal(found, DOT_DOUBT);
			memset(at + i, 'a', n);
		}
	}
}

static void
the_end_of_a_message_is_found_in_any_cut_by_any_register(void **state)
{
	unsigned best = DOT_BY_16;

	for (enum dot_way way = DOT_BY_16; way < DOT_WAYS; way++) {
		if (!dot_scan_by(way))
			continue;
		find_ends_in_any_cut();
		find_end_at_any_place("\n.\r\n");
		find_end_at_any_place("\r.\n");
		best = way;
	}
	assert_true(dot_scan_by(best));
}

/* All of a text without an end is taken the short way, as smtp_client() takes it; nothing else is. */
static void
the_short_way_of_text_reads_what_the_long_way_reads(void **state)
{
	unsigned seed = 1, taken = 0;
	for (int round = 0; round < 20000; round++) {
		static const char alphabet[] = "\r\n.aaaaaaaa";
		struct bench b = bench_new(1);
		char text[90];
		size_t len = (size_t)rand_r(&seed) % sizeof(text);
		for (size_t i = 0; i < len; i++)
			text[i] = alphabet[(size_t)rand_r(&seed) % 11];
		assert_int_equal(read_text(&b, round % 2 ? "BDAT 60\r\n" : "DATA\r\n"), STEP_COMMAND);
		if (round % 2 == 0)
			gate_open(&b.s, VERB_DATA, 354);
		struct smtp_session before = b.s, after = b.s;
		struct smtp_item item = { .step = STEP_MORE };
		bool all = smtp_client_text(&after, at_the_edge(text, len));
		smtp_client(&b.s, b.pool, at_the_edge(text, len), &item);
		bool same = memcmp(&after, &b.s, sizeof(after)) == 0;
		if (all)
			assert_true(len > 0 && item.step == STEP_BODY && item.used == len && same &&
				    smtp_in_body(&b.s));
		else
			assert_memory_equal(&after, &before, sizeof(after));
		taken += all;
		bench_free(&b);
	}
	assert_in_range(taken, 5000, 19000);
}

static void
a_chunk_is_counted_to_the_octet(void **state)
{
	struct bench b = bench_new(1);
	assert_int_equal(read_text(&b, "BDAT 10\r\n\r\n.\r\nMA"), STEP_COMMAND);
	assert_int_equal(b.item.used, 9);
	assert_int_equal(read_text(&b, "\r\n.\r\nMA"), STEP_BODY);
	assert_int_equal(b.item.used, 7);
	assert_true(smtp_in_body(&b.s));
	assert_int_equal(read_text(&b, "IL RSET\r\n"), STEP_BODY);
	assert_int_equal(b.item.used, 3);
	assert_false(smtp_in_body(&b.s));
	assert_int_equal(read_text(&b, "RSET\r\n"), STEP_COMMAND);
	bench_free(&b);
}

static void
a_forced_gate_opens_as_if_the_server_had_agreed(void **state)
{
	static const struct {
		const char *line;
		enum smtp_step next;
	} cases[] = { { "DATA\r\n", STEP_BODY },
		      { "AUTH PLAIN\r\n", STEP_COMMAND },
		      { "STARTTLS\r\n", STEP_OPAQUE },
		      { "QUIT\r\n", STEP_MORE } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b = bench_new(1);
		assert_int_equal(read_text(&b, cases[i].line), STEP_COMMAND);
		assert_int_equal(read_text(&b, "aGVsbG8=\r\n"), STEP_GATE);
		assert_int_equal(b.item.used, 0);
		smtp_gate_force(&b.s);
		assert_int_equal(read_text(&b, "aGVsbG8=\r\n"), cases[i].next);
		assert_int_equal(b.item.verb, cases[i].next == STEP_COMMAND ? VERB_AUTH_LINE : VERB_NONE);
		bench_free(&b);
	}
}

static void
behind_a_forced_auth_an_envelope_is_no_credentials(void **state)
{
	struct bench b = bench_new(1);
	read_text(&b, "AUTH PLAIN AGEAYg==\r\n");
	smtp_gate_force(&b.s);
	assert_int_equal(read_text(&b, "MAIL FROM:<a@b.c>\r\n"), STEP_COMMAND);
	assert_int_equal(b.item.verb, VERB_MAIL);
	bench_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_that_may_become_an_envelope_is_to_be_held),
		cmocka_unit_test(a_split_line_is_put_together),
		cmocka_unit_test(tolerated_spellings_are_read),
		cmocka_unit_test(a_garbled_envelope_line_has_no_path_and_opens_nothing_when_refused),
		cmocka_unit_test(a_recipient_in_a_line_too_long_blinds_whether_split_or_not),
		cmocka_unit_test(an_empty_pool_blinds_and_is_filled_again),
		cmocka_unit_test(the_end_of_a_message_is_found_in_any_cut_by_any_register),
		cmocka_unit_test(the_short_way_of_text_reads_what_the_long_way_reads),
		cmocka_unit_test(a_chunk_is_counted_to_the_octet),
		cmocka_unit_test(a_forced_gate_opens_as_if_the_server_had_agreed),
		cmocka_unit_test(behind_a_forced_auth_an_envelope_is_no_credentials),
	};
	guard = guard_new(8192);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	guard_free(&guard);
	return failed;
}
