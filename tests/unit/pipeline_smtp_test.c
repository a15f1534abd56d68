/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole dialogues of clients and servers with habits of their own: what each end gets to read, and what is judged. */
#include "world.h"

static const char rules[] = "rule r1 reject rcpt domain army.ml means=army.mil\n"
			    "rule r2 reject from domain navy.ml means=navy.mil\n"
			    "rule r4 reset rcpt domain reset.example\n"
			    "rule r5 drop rcpt domain drop.example\n";

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

/* A session with CHUNKING inside a transaction, nothing read yet. */
static void
begin_mail(void)
{
	greet("250-mx\r\n250-SIZE\r\n250 CHUNKING\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	forget_read();
}

/* The next recipient is a typo, and is refused. */
static void
refused(void)
{
	client("RCPT TO:<x@army.ml>\r\n");
	server_read("NOOP               \r\n");
	server("250 2.0.0 Ok\r\n");
	client_read_refusal("550 5.1.2 army.ml looks like a mistyped army.mil", "");
}

/* From here on nothing is read, and nothing changed. */
static void
untouched(void)
{
	unsigned edited = CTR(edited_packets);

	client("RCPT TO:<y@army.ml>\r\n");
	server_read("RCPT TO:<y@army.ml>\r\n");
	server("250 taken\r\n");
	client_read("250 taken\r\n");
	assert_int_equal(CTR(edited_packets), edited);
}

static void
a_reply_that_no_command_can_have_blinds_and_passes(void **state)
{
	static const char *const odd[] = { "150 wait\r\n", "354 go\r\n", "099 low\r\n", "650 high\r\n" };

	for (unsigned i = 0; i < 4; i++) {
		close_world(NULL);
		open_world(NULL);
		begin_mail();
		client("RCPT TO:<x@army.mil>\r\n");
		server(odd[i]);
		client_read(odd[i]);
		forget_read();
		untouched();
		assert_int_equal(CTR(blind_replies), 1);
	}
}

static void
an_answer_of_many_lines_in_our_slot_is_taken_whole(void **state)
{
	begin_mail();
	client("RCPT TO:<x@army.ml>\r\nRCPT TO:<y@army.mil>\r\n");
	forget_read();
	server("250-2.0.0 one\r\n250-");
	server("2.0.0 two\r");
	server("\n250 2.0.0 three\r\n250-yes\r\n250 yes\r\n");
	client_read_refusal("550 5.1.2 army.ml", "250-yes\r\n250 yes\r\n");
}

static void
a_greeting_without_a_line_end_is_one_when_the_client_goes_on(void **state)
{
	handshake();
	server("220 mx ESMTP");
	client("EHLO c\r\n");
	server("250 mx\r\n");
	client_read("220 mx ESMTP250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	client_read("250 ok\r\n");
	server_read("EHLO c\r\nMAIL FROM:<a@example.com>\r\n");
	client("RCPT TO:<x@army.ml>\r\n");
	assert_int_equal(w.event_count, 1);
}

static void
a_reply_without_its_last_line_end_does_not_shift_the_next(void **state)
{
	begin_mail();
	client("RCPT TO:<x@army.mil>\r\n");
	server("250 ok");
	client_read("250 ok");
	server_read("RCPT TO:<x@army.mil>\r\n");
	client("RCPT TO:<y@army.mil>\r\n");
	server("550 no\r\n");
	client_read("550 no\r\n");
	server_read("RCPT TO:<y@army.mil>\r\n");
	assert_int_equal(CTR(blind_replies), 0);
}

static void
an_early_421_reaches_the_client_and_ends_the_session(void **state)
{
	begin_mail();
	server("421 4.3.2 shutting down\r\n");
	client_read("421 4.3.2 shutting down\r\n");
	client("QUIT\r\n");
	server_read("QUIT\r\n");
	assert_int_equal(w.event_count, 0);
}

static void
hyphened_and_unknown_keywords_reach_the_client_and_disturb_nothing(void **state)
{
	static const char keywords[] =
		"250-mx\r\n250-X-STARTTLS-NOT\r\n250-SIZE 10240000\r\n250-X-ANONYMOUSTLS\r\n250-AUTH=LOGIN\r\n"
		"250-XCLIENT NAME ADDR\r\n250-\r\n250--\r\n250-LIMITS RCPTMAX=100\r\n250 PIPELINING-2\r\n";

	handshake();
	server("220 mx\r\n");
	client("EHLO c\r\n");
	server(keywords);
	w.end[DIR_CLIENT].read[w.end[DIR_CLIENT].read_len] = '\0';
	assert_string_equal(w.end[DIR_CLIENT].read,
			    "220 mx\r\n250-mx\r\n250-X-STARTTLS-NOT\r\n250-SIZE "
			    "10240000\r\n250-X-ANONYMOUSTLS\r\n250-AUTH=LOGIN\r\n"
			    "250-XCLIENT NAME ADDR\r\n250-\r\n250--\r\n250-LIMITS RCPTMAX=100\r\n250 PIPELINING-2\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	forget_read();
	refused();
}

static void
a_nested_mail_and_a_reset_begin_transactions_as_the_server_says(void **state)
{
	begin_mail();
	client("MAIL FROM:<b@example.com>\r\n");
	server("503 nested\r\n");
	client("RCPT TO:<x@army.ml>\r\n");
	server("250 ok\r\n");
	assert_int_equal(w.events[0].transaction, 1);
	client("RSET\r\nMAIL FROM:<b@example.com>\r\nRCPT TO:<x@army.ml>\r\n");
	server("250 ok\r\n250 ok\r\n250 ok\r\n");
	assert_int_equal(w.events[1].transaction, 2);
	client("EHLO again\r\n");
	server("250 mx\r\n");
	client("MAIL FROM:<b@example.com>\r\n");
	server("250 ok\r\n");
	forget_read();
	refused();
	assert_int_equal(w.events[2].transaction, 3);
}

/* What the server says to a NOOP, 250 or 500, says nothing of the sender in whose place that stood. */
static void
a_sender_that_we_refuse_opens_no_transaction(void **state)
{
	greet("250 mx\r\n");
	client("MAIL FROM:<a@navy.ml>\r\n");
	server("250 ok\r\n");
	client("MAIL FROM:<b@navy.ml>\r\n");
	server("500 what\r\n");
	forget_read();
	refused();
	assert_int_equal(w.events[0].transaction, 1);
	assert_int_equal(w.events[2].transaction, 2);
	assert_int_equal(CTR(verdict_reject), 3);
}

/* Text goes at once, and what follows it behind a gap does, too: a line in it has left whole when it can be judged. */
static void
a_flagged_line_that_has_left_whole_ends_the_session(void **state)
{
	struct end *c = &w.end[DIR_CLIENT];
	static const char text[] = "in the gap\r\n",
			  *rest = ".\r\nMAIL FROM:<b@example.com>\r\nRCPT TO:<x@army.ml>\r\n";

	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.mil>\r\nDATA\r\n");
	server("250 ok\r\n250 ok\r\n354 go\r\n");
	client("Subject: none\r\n");
	unsigned heard = w.end[DIR_SERVER].segments;
	send_at(DIR_CLIENT, c->nxt + sizeof text - 1, rest, strlen(rest), ACK | PSH);
	assert_int_equal(w.end[DIR_SERVER].segments, heard + 1);
	client(text);
	assert_true(c->reset && w.end[DIR_SERVER].reset);
	assert_int_equal(w.events[0].applied, ACTION_RESET);
	assert_int_equal(CTR(verdict_reset), 1);
}

/* The text has begun, but the segment that begins it is lost: its receiver asks for it by SACK, if it gets the others.
 */
static void
text_behind_its_lost_beginning_leaves_at_once(void **state)
{
	struct end *c = &w.end[DIR_CLIENT], *s = &w.end[DIR_SERVER];
	static const char lost[] = "Subject: none\r\n", *more = "text\r\nof some lines\r\n";

	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.mil>\r\nDATA\r\n");
	server("250 ok\r\n250 ok\r\n354 go\r\n");
	forget_read();
	unsigned heard = s->segments;
	say_behind(DIR_CLIENT, lost, more);
	assert_int_equal(s->segments, heard + 1);
	assert_int_equal(s->seq, c->nxt + sizeof lost - 1);
	client(lost);
	client(more);
	client(".\r\nMAIL FROM:<b@example.com>\r\nRCPT TO:<x@army.ml>\r\n");
	server_read(
		"Subject: none\r\ntext\r\nof some lines\r\n.\r\nMAIL FROM:<b@example.com>\r\nNOOP               \r\n");
	assert_int_equal(CTR(exposed_lines), 0);
}

/* What stands behind the end of a text is no text: it waits for all before it, and a typo in it is refused. */
static void
commands_behind_a_text_that_is_lost_whole_are_judged(void **state)
{
	struct end *c = &w.end[DIR_CLIENT], *s = &w.end[DIR_SERVER];
	static const char lost[] = "Subject: none\r\n",
			  *rest = "end\r\n.\r\nMAIL FROM:<b@example.com>\r\nRCPT TO:<x@army.ml>\r\n";

	for (size_t cut = 0; cut <= strlen("end\r\n.\r\n"); cut++) {
		close_world(NULL);
		open_world(NULL);
		greet("250 mx\r\n");
		client("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.mil>\r\nDATA\r\n");
		server("250 ok\r\n250 ok\r\n354 go\r\n");
		forget_read();
		unsigned heard = s->segments;
		send_at(DIR_CLIENT, c->nxt + (uint32_t)(sizeof lost - 1 + cut), rest + cut, strlen(rest) - cut, ACK);
		assert_int_equal(s->segments, heard);
		char first[64];
		snprintf(first, sizeof first, "%s%.*s", lost, (int)cut, rest);
		client(first);
		c->nxt += (uint32_t)(strlen(rest) - cut);
		server_read("Subject: none\r\nend\r\n.\r\nMAIL FROM:<b@example.com>\r\nNOOP               \r\n");
		assert_int_equal(CTR(exposed_lines), 0);
		assert_false(c->reset);
	}
}

/* What the client says again in the numbers of its text is not compared: the server's word gives it away. */
static void
a_server_that_sees_an_end_where_we_read_text_blinds_the_session(void **state)
{
	struct end *c = &w.end[DIR_CLIENT], *s = &w.end[DIR_SERVER];
	static const char other[] = ".\r\nMAIL FROM:<b@example.com>\r\nRCPT TO:<x@army.ml>\r\n";
	char text[sizeof other];

	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.mil>\r\nDATA\r\n");
	server("250 ok\r\n250 ok\r\n354 go\r\n");
	client("Subject: none\r\n");
	memset(text, 'a', sizeof text);
	struct end before = *s;
	send_at(DIR_CLIENT, c->nxt, text, sizeof other - 1, ACK | PSH);
	*s = before; /* it was lost behind us */
	send_at(DIR_CLIENT, c->nxt, other, sizeof other - 1, ACK | PSH);
	c->nxt += sizeof other - 1;
	assert_int_equal(s->want, c->nxt);
	forget_read();
	assert_int_equal(CTR(blind_replies), 0);
	server("250 queued\r\n250 ok\r\n250 ok\r\n");
	client_read("250 queued\r\n250 ok\r\n250 ok\r\n");
	assert_int_equal(CTR(blind_replies), 1);
	assert_int_equal(CTR(verdict_reject), 0);
}

static void
behind_a_refused_data_a_typo_is_refused(void **state)
{
	begin_mail();
	client("RCPT TO:<x@army.mil>\r\n");
	server("250 ok\r\n");
	client("DATA\r\n");
	server("554 no\r\n");
	client_read("250 ok\r\n554 no\r\n");
	server_read("RCPT TO:<x@army.mil>\r\nDATA\r\n");
	refused();
}

static void
a_typo_straight_behind_a_dot_line_is_refused(void **state)
{
	begin_mail();
	client("RCPT TO:<x@army.mil>\r\nDATA\r\n");
	server("250 ok\r\n354 go\r\n");
	forget_read();
	client("text\r\n.\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.ml>\r\n");
	server_read("text\r\n.\r\nMAIL FROM:<a@example.com>\r\nNOOP               \r\n");
	server("250 queued\r\n250 ok\r\n250 noop\r\n");
	client_read_begins("250 queued\r\n250 ok\r\n550 5.1.2 army.ml");
}

static void
a_typo_straight_behind_a_chunk_is_refused(void **state)
{
	static const char *const chunk[] = { "BDAT 0 LAST\r\n", "BDAT 4 LAST\r\ntext", "BDAT 2\r\nteBDAT 2 LAST\r\nxt",
					     "BDAT 4\r\ntextBDAT 0 LAST\r\n" };
	char text[200];

	for (unsigned i = 0; i < 4; i++) {
		close_world(NULL);
		open_world(NULL);
		begin_mail();
		snprintf(text, sizeof text, "%sMAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.ml>\r\n", chunk[i]);
		client(text);
		snprintf(text, sizeof text, "%sMAIL FROM:<a@example.com>\r\nNOOP               \r\n", chunk[i]);
		server_read(text);
		assert_int_equal(CTR(verdict_reject), 1);
	}
}

static void
behind_a_chunk_of_bad_syntax_or_size_that_was_refused_a_typo_is_refused(void **state)
{
	static const char *const bdat[] = { "BDAT x\r\n", "BDAT 4 LATS\r\n", "BDAT -1 LAST\r\n",
					    "BDAT 99999999999999999999 LAST\r\n" };

	for (unsigned i = 0; i < 4; i++) {
		close_world(NULL);
		open_world(NULL);
		begin_mail();
		client(bdat[i]);
		server("501 syntax\r\n");
		forget_read();
		refused();
	}
}

/* Every word that means something elsewhere. */
static const char words[] =
	"EHLO c\r\nMAIL FROM:<x@navy.ml>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\nRSET\r\nQUIT\r\nSTARTTLS\r\nBDAT 3 LAST\r\n"
	"..\r\nRCPT TO:<x@reset.example>\r\n.RCPT TO:<x@drop.example>\r\n550 5.1.2 no\r\n";

static void
no_word_in_a_body_causes_a_verdict(void **state)
{
	begin_mail();
	client("RCPT TO:<x@army.mil>\r\nDATA\r\n");
	server("250 ok\r\n354 go\r\n");
	forget_read();
	client(words);
	server_read(words);
	for (size_t i = 0; i < sizeof words - 1; i++) { /* and octet by octet */
		const char one[2] = { words[i], '\0' };
		client(one);
		server_read(one);
	}
	client(".\r\n");
	server("250 queued\r\n");
	server_read(".\r\n");
	client_read("250 queued\r\n");
	assert_int_equal(w.event_count, 0);
	assert_int_equal(CTR(edited_packets), 0);
}

static void
no_word_in_a_chunk_causes_a_verdict(void **state)
{
	char line[32];

	begin_mail();
	client("RCPT TO:<x@army.mil>\r\n");
	server("250 ok\r\n");
	forget_read();
	snprintf(line, sizeof line, "BDAT %zu\r\n", sizeof words - 1);
	for (unsigned i = 0; i < 2; i++) {
		client(line);
		server_read(line);
		client(words);
		server_read(words);
		server("250 taken\r\n");
		client_read("250 taken\r\n");
	}
	client("BDAT 5 LAST\r\n.\r\n\r\n");
	server_read("BDAT 5 LAST\r\n.\r\n\r\n");
	server("250 queued\r\n");
	assert_int_equal(w.event_count, 0);
	assert_int_equal(CTR(edited_packets), 0);
	forget_read();
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	forget_read();
	refused();
}

/* What smugglers put behind an end of data that is one for some servers only. */
static void
behind_a_dot_line_with_bare_ends_the_server_decides_or_the_flow_goes_blind(void **state)
{
	static const char *const bare[] = { "text\n.\n", "text\n.\r\n", "text\r\n.\n" };

	for (unsigned i = 0; i < 6; i++) {
		bool lax = i % 2;
		close_world(NULL);
		open_world(NULL);
		begin_mail();
		client("RCPT TO:<x@army.mil>\r\nDATA\r\n");
		server("250 ok\r\n354 go\r\n");
		forget_read();
		client(bare[i / 2]);
		server_read(bare[i / 2]);
		if (lax) { /* it has taken the mail */
			server("250 queued\r\n");
			client("MAIL FROM:<b@example.com>\r\n");
			server("250 ok\r\n");
			forget_read();
			refused();
		} else { /* all of it was text */
			client("RCPT TO:<x@army.ml>\r\n.\r\n");
			w.now += 600000000000u;
			pipeline_tick(w.pl, w.rules, w.now, w.now);
			deliver();
			assert_int_equal(w.event_count, 0);
			assert_int_equal(CTR(edited_packets), 0);
		}
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		TEST(a_reply_that_no_command_can_have_blinds_and_passes),
		TEST(an_answer_of_many_lines_in_our_slot_is_taken_whole),
		TEST(a_greeting_without_a_line_end_is_one_when_the_client_goes_on),
		TEST(a_reply_without_its_last_line_end_does_not_shift_the_next),
		TEST(an_early_421_reaches_the_client_and_ends_the_session),
		TEST(hyphened_and_unknown_keywords_reach_the_client_and_disturb_nothing),
		TEST(a_nested_mail_and_a_reset_begin_transactions_as_the_server_says),
		TEST(a_sender_that_we_refuse_opens_no_transaction),
		TEST(a_flagged_line_that_has_left_whole_ends_the_session),
		TEST(text_behind_its_lost_beginning_leaves_at_once),
		TEST(commands_behind_a_text_that_is_lost_whole_are_judged),
		TEST(a_server_that_sees_an_end_where_we_read_text_blinds_the_session),
		TEST(behind_a_refused_data_a_typo_is_refused),
		TEST(a_typo_straight_behind_a_dot_line_is_refused),
		TEST(a_typo_straight_behind_a_chunk_is_refused),
		TEST(behind_a_chunk_of_bad_syntax_or_size_that_was_refused_a_typo_is_refused),
		TEST(no_word_in_a_body_causes_a_verdict),
		TEST(no_word_in_a_chunk_causes_a_verdict),
		TEST(behind_a_dot_line_with_bare_ends_the_server_decides_or_the_flow_goes_blind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
