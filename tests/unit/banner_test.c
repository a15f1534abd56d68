/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules on the server's own name, through the whole pipeline. */
#include "world.h"

static const char rules[] =
	"rule b1 reject banner domain army.ml means=army.mil\n"
	"rule b2 defer banner domain later.example\n"
	"rule b3 flag banner domain af.ml means=af.mil\n"
	"rule b4 reset banner domain reset.example\n"
	"rule b5 drop banner domain drop.example\n"
	"rule b6 reject banner domain fout.example means=goed.example lang=nl template=\"{domain}?\\nZie {ref}\"\n"
	"rule b7 reject banner domain tik.example means=goed.example lang=nl\n"
	"rule b8 reject banner regex ^@mx[0-9]+\\.navy\\.ml$ means=navy.mil\n"
	"rule b9 reject banner domain sampled.example mode=observe\n"
	"allow banner domain good.army.ml\n"
	"rule r1 reject rcpt domain navy.ml means=navy.mil\n";

#define REFUSED                                                                                                        \
	"554 5.1.2 mail.army.ml looks like a mistyped army.mil: please check the recipient. (example carrier; ref "

static int
open_world(void **state)
{
	return world_open(rules);
}

static int
close_world(void **state)
{
	return world_close();
}

static void
quit(void)
{
	client("QUIT\r\n");
	server_read("QUIT\r\n");
	server("221 bye\r\n");
	client_read("221 bye\r\n");
	assert_false(w.end[DIR_CLIENT].reset || w.end[DIR_SERVER].reset);
}

static void
expect_event(const char *rule, const char *domain, enum action applied)
{
	const struct event *e = &w.events[w.event_count - 1];

	assert_true(w.event_count > 0);
	assert_int_equal(e->kind, EVENT_BANNER);
	assert_string_equal(e->rule, rule);
	assert_int_equal(e->applied, applied);
	assert_int_equal(e->domain_len, strlen(domain));
	assert_memory_equal(e->domain, domain, e->domain_len);
	assert_int_equal(e->address_len, 0);
}

static void
the_greeting_of_a_refused_server_is_replaced_and_quit_ends_both_sides(void **state)
{
	handshake();
	server("220 mail.army.ml ESMTP Postfix\r\n");
	client_read_refusal(REFUSED, "");
	expect_event("b1", "mail.army.ml", ACTION_REJECT);
	assert_string_equal(w.events[0].means, "army.mil");
	quit();
	assert_int_equal(CTR(verdict_reject), 1);
	assert_int_equal(w.event_count, 1);
}

static void
a_deferred_server_greets_with_421(void **state)
{
	handshake();
	server("220 later.example\r\n");
	client_read_refusal("421 4.1.2 later.example is refused here: please check the recipient. (", "");
	expect_event("b2", "later.example", ACTION_DEFER);
	client("NOOP\r\n");
	server_read("NOOP\r\n");
	server("250 ok\r\n");
	client_read("421 4.3.2 Mail to this server is refused here, see the answer before. (example carrier)\r\n");
	quit();
}

static void
a_greeting_of_many_lines_is_replaced_whole_wherever_it_is_cut(void **state)
{
	static const char greeting[] = "220-mail.army.ml ESMTP\r\n220-no spam\r\n220 here\r\n";

	for (size_t cut = 0; cut < sizeof greeting - 1; cut++) {
		char text[sizeof greeting];
		if (cut > 0) {
			close_world(state);
			open_world(state);
		}
		handshake();
		memcpy(text, greeting, cut);
		text[cut] = '\0';
		if (cut > 0)
			server(text);
		server(greeting + cut);
		client_read_refusal(REFUSED, "");
		quit();
	}
}

static void
a_greeting_octet_by_octet_is_held_until_its_name_is_read(void **state)
{
	handshake();
	for (const char *at = "220 mail.army.ml ESMTP\r\n"; *at != '\0'; at++) {
		char octet[] = { *at, '\0' };
		server(octet);
		if (*at != ' ' && w.event_count == 0)
			client_read("");
	}
	client_read_refusal(REFUSED, "");
	quit();
}

static void
a_greeting_sent_again_is_the_same_refusal(void **state)
{
	static const char greeting[] = "220 mail.army.ml ESMTP\r\n";
	char first[1024];
	struct end *c = &w.end[DIR_CLIENT];

	handshake();
	send_at(DIR_SERVER, w.end[DIR_SERVER].nxt, greeting, strlen(greeting), ACK);
	c->read[c->read_len] = '\0';
	strcpy(first, c->read);
	c->want -= (uint32_t)c->read_len; /* it was lost */
	c->read_len = 0;
	send_at(DIR_SERVER, w.end[DIR_SERVER].nxt, greeting, strlen(greeting), ACK);
	w.end[DIR_SERVER].nxt += (uint32_t)strlen(greeting);
	client_read(first);
	assert_int_equal(w.event_count, 1);
	quit();
}

static void
half_a_greeting_that_does_not_go_on_passes_and_the_answer_to_ehlo_is_judged(void **state)
{
	handshake();
	send_at(DIR_SERVER, w.end[DIR_SERVER].nxt, "220 mail.ar", 11, ACK);
	client_read("");
	send_at(DIR_SERVER, w.end[DIR_SERVER].nxt, "220 mail.ar", 11, ACK); /* nobody has acknowledged it */
	w.end[DIR_SERVER].nxt += 11;
	client_read("220 mail.ar");
	server("my.ml\r\n");
	client_read("my.ml\r\n");
	client("EHLO c\r\n");
	server_read("EHLO c\r\n");
	server("250-mail.army.ml\r\n250 PIPELINING\r\n");
	client_read_refusal("550 5.1.2 mail.army.ml looks like a mistyped army.mil", "");
	quit();
}

static void
a_greeting_without_an_end_leaves_after_the_time_limit(void **state)
{
	handshake();
	server("220 mail.army.ml");
	client_read("");
	w.now += 4000000000u;
	pipeline_tick(w.pl, w.rules, w.now, w.now);
	deliver();
	client_read("220 mail.army.ml");
	client("EHLO c\r\n");
	server_read("EHLO c\r\n");
	server("250 mail.army.ml\r\n"); /* which reply is whose is no longer sure */
	client_read("250 mail.army.ml\r\n");
	expect_event("b1", "mail.army.ml", ACTION_FLAG);
	assert_int_equal(CTR(verdict_not_applied), 1);
}

static void
a_refused_greeting_without_a_line_end_leads_to_an_orderly_end(void **state)
{
	handshake();
	server("220 mail.army.ml ESMTP");
	client_read_refusal(REFUSED, "");
	client("QUIT\r\n");
	server_read("QUIT\r\n");
	server("221 bye\r\n"); /* the rest of the greeting, for all that we can tell */
	client_read("");
	send_at(DIR_SERVER, w.end[DIR_SERVER].nxt++, NULL, 0, FIN | ACK);
	assert_true(w.end[DIR_CLIENT].fin);
	assert_false(w.end[DIR_CLIENT].reset || w.end[DIR_SERVER].reset);
}

static void
a_server_that_greets_with_something_else_is_left_alone(void **state)
{
	static const char *const greetings[] = {
		"554 mail.army.ml\r\n",
		"421 mail.army.ml busy\r\n",
		"220 \r\n",
		"220\r\n",
		"220-\r\n220 mail.army.ml\r\n",
		"220 mail.army.ml.example ESMTP\r\n",
		"220 [192.0.2.1]\r\n",
		"220 ESMTP mail.army.ml\r\n",
		"220 army.mlx\r\n",
		"220 good.army.ml\r\n",
	};

	for (size_t i = 0; i < sizeof greetings / sizeof greetings[0]; i++) {
		if (i > 0) {
			close_world(state);
			open_world(state);
		}
		handshake();
		server(greetings[i]);
		client_read(greetings[i]);
		assert_int_equal(w.event_count, 0);
		assert_int_equal(CTR(edited_packets), 0);
	}
	assert_int_equal(CTR(allowed), 1);
}

static void
nothing_that_a_client_says_behind_a_refusal_reaches_a_transaction(void **state)
{
	handshake();
	server("220 mail.army.ml ESMTP\r\n");
	client_read_refusal(REFUSED, "");
	static const char *const lines[] = { "MAIL FROM:<a@example.com>\r\n", "RSET\r\n", "STARTTLS\r\n", "DATA\r\n",
					     "AUTH LOGIN\r\n" };
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		char seen[64];
		snprintf(seen, sizeof seen, "NOOP%*s\r\n", (int)strlen(lines[i]) - 6, "");
		client(lines[i]);
		server_read(seen);
		server("250 ok\r\n");
		client_read("503 5.5.1 Mail to this server is refused here, see the answer before. "
			    "(example carrier)\r\n");
	}
	client("\r\n");
	server_read("\r\n");
	server("500 what\r\n");
	client_read("500 what\r\n");
	quit();
	assert_int_equal(w.event_count, 1);
}

static void
a_line_in_pieces_behind_a_refusal_is_held_until_it_is_whole(void **state)
{
	handshake();
	server("220 mail.army.ml ESMTP\r\n");
	client_read_refusal(REFUSED, "");
	client("DA");
	server_read("");
	client("TA\r\n");
	server_read("NOOP\r\n");
}

static void
behind_a_chunk_or_the_last_noop_the_session_is_closed(void **state)
{
	handshake();
	server("220 mail.army.ml ESMTP\r\n");
	client_read_refusal(REFUSED, "");
	client("BDAT 28 LAST\r\nMAIL FROM:<a@example.com>\r\nQUIT\r\n");
	server_read("QUIT        \r\n");
	server("221 bye\r\n");
	client_read("503 5.5.1 Mail to this server is refused here, see the answer before. (example carrier)\r\n");
	assert_int_equal(CTR(verdict_quit), 1);
}

static void
the_ninth_command_behind_a_refusal_closes_the_session(void **state)
{
	handshake();
	server("220 mail.army.ml ESMTP\r\n");
	for (unsigned i = 0; i < 8; i++) {
		client("RSET\r\n");
		server("250 ok\r\n");
	}
	forget_read();
	client("RSET\r\n");
	server_read("QUIT\r\n");
	server("221 bye\r\n");
	client_read("503 5.5.1 Mail to this server is refused here, see the answer before. (example carrier)\r\n");
}

static void
an_answer_to_ehlo_is_refused_and_so_is_the_one_to_helo(void **state)
{
	handshake();
	server("220 ESMTP\r\n");
	client_read("220 ESMTP\r\n");
	client("EHLO c\r\n");
	server("250-mail.army.ml Hello c\r\n250-PIPELINING\r\n250 STARTTLS\r\n");
	client_read_refusal("550 5.1.2 mail.army.ml looks like a mistyped army.mil: please check the recipient. (", "");
	client("HELO c\r\n");
	server("250 mail.army.ml\r\n");
	client_read_refusal("550 5.1.2 mail.army.ml looks like a mistyped army.mil: please check the recipient. (", "");
	server_read("EHLO c\r\nHELO c\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server_read("NOOP                     \r\n");
	server("250 ok\r\n");
	client_read("503 5.5.1 Mail to this server is refused here, see the answer before. (example carrier)\r\n");
	quit();
	assert_int_equal(w.event_count, 2);
	expect_event("b1", "mail.army.ml", ACTION_REJECT);
}

static void
an_answer_to_ehlo_is_deferred_with_421(void **state)
{
	greet("250-later.example\r\n250 PIPELINING\r\n");
	assert_int_equal(w.event_count, 1);
	expect_event("b2", "later.example", ACTION_DEFER);
	assert_int_equal(CTR(verdict_defer), 1);
	quit();
}

static void
ehlo_behind_a_refused_greeting_is_refused_whatever_name_answers_it(void **state)
{
	handshake();
	server("220 mail.army.ml ESMTP\r\n");
	client_read_refusal(REFUSED, "");
	client("EHLO c\r\n");
	server_read("EHLO c\r\n");
	server("250-mx.good.army.ml\r\n250 STARTTLS\r\n");
	client_read("503 5.5.1 Mail to this server is refused here, see the answer before. (example carrier)\r\n");
	client("EHLO c\r\n");
	server("250 mx7.navy.ml\r\n");
	client_read_refusal("550 5.1.2 mx7.navy.ml looks like a mistyped navy.mil", "");
	expect_event("b8", "mx7.navy.ml", ACTION_REJECT);
}

static void
an_answer_to_helo_behind_a_refusal_is_refused_though_it_says_no_name(void **state)
{
	handshake();
	server("220 mail.army.ml ESMTP\r\n");
	client_read_refusal(REFUSED, "");
	client("HELO c\r\n");
	server_read("HELO c\r\n");
	server("250\r\n");
	client_read("503 5.5.1 Mail to this server is refused here, see the answer before. (example carrier)\r\n");
	client("HELO c\r\n");
	server("250-\r\n250 mail.army.ml\r\n");
	client_read("503 5.5.1 Mail to this server is refused here, see the answer before. (example carrier)\r\n");
	client("HELO c\r\n");
	server("550 no\r\n");
	client_read("550 no\r\n");
	client("HELO c\r\n");
	server("250\n"); /* over before it could be ours */
	client_read("");
	assert_true(w.end[DIR_CLIENT].reset && w.end[DIR_SERVER].reset);
}

static void
half_an_answer_to_helo_behind_a_refusal_is_reset(void **state)
{
	handshake();
	server("220 mail.army.ml ESMTP\r\n");
	client("HELO c\r\n");
	w.end[DIR_CLIENT].read_len = 0;
	send_at(DIR_SERVER, w.end[DIR_SERVER].nxt, "250 mail.", 9, ACK);
	send_at(DIR_SERVER, w.end[DIR_SERVER].nxt, "250 mail.", 9, ACK);
	w.end[DIR_SERVER].nxt += 9;
	server("army.ml\r\n");
	client_read("250 mail.");
	assert_true(w.end[DIR_CLIENT].reset && w.end[DIR_SERVER].reset);
}

static void
a_flagged_server_is_told_once_and_nothing_changes(void **state)
{
	handshake();
	server("220 mx.af.ml\r\n");
	client("EHLO c\r\n");
	server("250-mx.af.ml\r\n250 STARTTLS\r\n");
	client_read("220 mx.af.ml\r\n250-mx.af.ml\r\n250 STARTTLS\r\n");
	assert_int_equal(w.event_count, 1);
	expect_event("b3", "mx.af.ml", ACTION_FLAG);
	assert_int_equal(CTR(edited_packets) + CTR(translated_packets), 0);
}

static void
a_rule_that_observes_refuses_no_server(void **state)
{
	handshake();
	server("220 sampled.example\r\n");
	client_read("220 sampled.example\r\n");
	expect_event("b9", "sampled.example", ACTION_FLAG);
	assert_int_equal(w.events[0].action, ACTION_REJECT);
}

static void
an_allowed_server_is_not_judged_again(void **state)
{
	handshake();
	server("220 good.army.ml\r\n");
	client("EHLO c\r\n");
	server("250 mail.army.ml\r\n");
	client_read("220 good.army.ml\r\n250 mail.army.ml\r\n");
	assert_int_equal(w.event_count, 0);
}

static void
a_reset_at_the_greeting_reaches_both_ends(void **state)
{
	handshake();
	server("220 reset.example\r\n");
	client_read("");
	assert_true(w.end[DIR_CLIENT].reset && w.end[DIR_SERVER].reset);
	expect_event("b4", "reset.example", ACTION_RESET);
	w.end[DIR_SERVER].reset = false;
	server("220 reset.example\r\n");
	assert_true(w.end[DIR_SERVER].reset);
	client_read("");
}

static void
a_drop_at_the_greeting_lets_the_flow_vanish(void **state)
{
	handshake();
	server("220 drop.example\r\n");
	client("EHLO c\r\n");
	client_read("");
	server_read("");
	expect_event("b5", "drop.example", ACTION_DROP);
}

static void
a_template_and_a_language_of_the_rule_count_for_a_greeting_too(void **state)
{
	handshake();
	server("220 mx.fout.example\r\n");
	struct end *c = &w.end[DIR_CLIENT];
	client_read_begins("554-5.1.2 mx.fout.example?\r\n554 5.1.2 Zie ");
	c->read_len = 0;
	client("RSET\r\n");
	server("250 ok\r\n");
	client_read("503 5.5.1 Post naar deze server wordt hier geweigerd, zie het antwoord hiervoor. "
		    "(example carrier)\r\n");
	close_world(state);
	open_world(state);
	handshake();
	server("220 tik.example\r\n");
	client_read_refusal("554 5.1.2 tik.example lijkt een tikfout voor goed.example: controleer de geadresseerde. (",
			    "");
}

static void
a_client_that_did_not_wait_is_reset(void **state)
{
	handshake();
	client("EHLO c\r\n");
	server("220 mail.army.ml\r\n");
	client_read("");
	assert_true(w.end[DIR_CLIENT].reset && w.end[DIR_SERVER].reset);
	expect_event("b1", "mail.army.ml", ACTION_RESET);
}

static void
what_cannot_be_read_behind_a_refusal_is_reset(void **state)
{
	static const char odd[] = "MA\0IL FROM:<a@example.com>\r\n";

	handshake();
	server("220 mail.army.ml\r\n");
	client_read_refusal(REFUSED, "");
	send_at(DIR_CLIENT, w.end[DIR_CLIENT].nxt, odd, sizeof odd - 1, ACK);
	server_read("");
	assert_true(w.end[DIR_CLIENT].reset && w.end[DIR_SERVER].reset);
	assert_int_equal(CTR(blind_grammar), 1);
}

static void
a_line_behind_a_refusal_that_has_left_in_part_is_spoilt(void **state)
{
	static const char begin[] = "MAIL FROM:<a@e";

	handshake();
	server("220 mail.army.ml\r\n");
	client_read_refusal(REFUSED, "");
	send_at(DIR_CLIENT, w.end[DIR_CLIENT].nxt, begin, strlen(begin), ACK);
	server_read("");
	send_at(DIR_CLIENT, w.end[DIR_CLIENT].nxt, begin, strlen(begin), ACK); /* again, for nobody answers */
	w.end[DIR_CLIENT].nxt += (uint32_t)strlen(begin);
	server_read(begin);
	client("xample.com>\r\n");
	server_read("@@ @@\r\n");
	server("501 what\r\n");
	client_read("503 5.5.1 Mail to this server is refused here, see the answer before. (example carrier)\r\n");
	send_at(DIR_CLIENT, w.end[DIR_CLIENT].nxt, "DATA\r", 5, ACK);
	send_at(DIR_CLIENT, w.end[DIR_CLIENT].nxt, "DATA\r", 5, ACK);
	w.end[DIR_CLIENT].nxt += 5;
	server_read("DATA\r");
	client("\n");
	server_read("@@ @@\r\n");
	server("501 what\r\n");
	client_read("503 5.5.1 Mail to this server is refused here, see the answer before. (example carrier)\r\n");
	assert_false(w.end[DIR_CLIENT].reset || w.end[DIR_SERVER].reset);
}

static void
a_session_that_began_before_us_is_only_told(void **state)
{
	w.end[DIR_CLIENT].nxt = 1000;
	w.end[DIR_SERVER].nxt = 2000;
	w.end[DIR_CLIENT].want = 2000;
	w.end[DIR_SERVER].want = 1000;
	client("EHLO c\r\n");
	server("250-mail.army.ml\r\n250 PIPELINING\r\n");
	client_read("250-mail.army.ml\r\n250 PIPELINING\r\n");
	expect_event("b1", "mail.army.ml", ACTION_FLAG);
	assert_int_equal(w.events[0].action, ACTION_REJECT);
	assert_int_equal(CTR(verdict_not_applied), 1);
}

static void
behind_starttls_no_name_is_read(void **state)
{
	greet("250-mx\r\n250 STARTTLS\r\n");
	client("STARTTLS\r\n");
	server("220 go\r\n");
	client("EHLO c\r\n");
	server("250 mail.army.ml\r\n");
	assert_int_equal(w.event_count, 0);
	assert_int_equal(CTR(edited_packets), 0);
}

static void
without_a_rule_on_banners_no_greeting_is_held(void **state)
{
	close_world(state);
	world_open("rule r1 reject rcpt domain army.ml means=army.mil\nallow banner domain army.ml\n");
	handshake();
	server("220 mail.ar");
	client_read("220 mail.ar");
	server("my.ml\r\n");
	client_read("my.ml\r\n");
	assert_int_equal(CTR(banners), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_greeting_of_a_refused_server_is_replaced_and_quit_ends_both_sides),
		TEST(a_deferred_server_greets_with_421),
		TEST(a_greeting_of_many_lines_is_replaced_whole_wherever_it_is_cut),
		TEST(a_greeting_octet_by_octet_is_held_until_its_name_is_read),
		TEST(a_greeting_sent_again_is_the_same_refusal),
		TEST(half_a_greeting_that_does_not_go_on_passes_and_the_answer_to_ehlo_is_judged),
		TEST(a_greeting_without_an_end_leaves_after_the_time_limit),
		TEST(a_refused_greeting_without_a_line_end_leads_to_an_orderly_end),
		TEST(a_server_that_greets_with_something_else_is_left_alone),
		TEST(nothing_that_a_client_says_behind_a_refusal_reaches_a_transaction),
		TEST(a_line_in_pieces_behind_a_refusal_is_held_until_it_is_whole),
		TEST(behind_a_chunk_or_the_last_noop_the_session_is_closed),
		TEST(the_ninth_command_behind_a_refusal_closes_the_session),
		TEST(an_answer_to_ehlo_is_refused_and_so_is_the_one_to_helo),
		TEST(an_answer_to_ehlo_is_deferred_with_421),
		TEST(ehlo_behind_a_refused_greeting_is_refused_whatever_name_answers_it),
		TEST(an_answer_to_helo_behind_a_refusal_is_refused_though_it_says_no_name),
		TEST(half_an_answer_to_helo_behind_a_refusal_is_reset),
		TEST(a_flagged_server_is_told_once_and_nothing_changes),
		TEST(a_rule_that_observes_refuses_no_server),
		TEST(an_allowed_server_is_not_judged_again),
		TEST(a_reset_at_the_greeting_reaches_both_ends),
		TEST(a_drop_at_the_greeting_lets_the_flow_vanish),
		TEST(a_template_and_a_language_of_the_rule_count_for_a_greeting_too),
		TEST(a_client_that_did_not_wait_is_reset),
		TEST(what_cannot_be_read_behind_a_refusal_is_reset),
		TEST(a_line_behind_a_refusal_that_has_left_in_part_is_spoilt),
		TEST(a_session_that_began_before_us_is_only_told),
		TEST(behind_starttls_no_name_is_read),
		TEST(without_a_rule_on_banners_no_greeting_is_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
