/* SPDX-License-Identifier: BSD-3-Clause */
/* Both directions of a session together: answers decide what octets are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "smtp_script.h"

#define HELLO     "S: 220 mx\r\n", "C: EHLO c\r\n", "S: 250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
#define HELLO_LOG "S  220\nC EHLO\nS EHLO 250\n"

static void
check_cut(bool midstream, const char *const *lines, const char *want, size_t piece, unsigned seed)
{
	struct play *p = play_new(midstream);
	p->piece = piece;
	p->seed = seed;
	play_lines(p, lines);
	assert_string_equal(p->log, want);
	play_free(p);
}

/* Whatever the cut, the session reads the same. */
static void
check(const char *const *lines, const char *want)
{
	check_cut(false, lines, want, 0, 0);
	for (size_t piece = 1; piece < 8; piece++)
		check_cut(false, lines, want, piece, 0);
	for (unsigned seed = 1; seed < 60; seed++)
		check_cut(false, lines, want, 0, seed);
}

#define CHECK(want, ...) check((const char *const[]){ __VA_ARGS__, NULL }, want)

static void
a_mail_in_lock_step_is_read(void **state)
{
	CHECK(HELLO_LOG "C MAIL a@b.c #1\nS MAIL 250 #1\nC RCPT d@e.f #1\nS RCPT 250 #1\nC DATA\nS DATA 354\n"
			"C text 8\nC .\nS . 250\nC QUIT\nS QUIT 221\n",
	      HELLO, "C: MAIL FROM:<a@b.c>\r\n", "S: 250 ok\r\n", "C: RCPT TO:<d@e.f>\r\n", "S: 250 ok\r\n",
	      "C: DATA\r\n", "S: 354 go\r\n", "C: hi\r\n..\r\n.\r\n", "S: 250 queued\r\n", "C: QUIT\r\n",
	      "S: 221 bye\r\n");
}

static void
a_pipelined_mail_waits_for_the_answer_to_data(void **state)
{
	CHECK("C EHLO\nC MAIL a@b.c #1\nC RCPT d@e.f #1\nC DATA\nS  220\nS EHLO 250\nS MAIL 250 #1\nS RCPT 250 #1\n"
	      "S DATA 354\nC text 4\nC .\nC MAIL <> #2\nC RCPT g@h.i #2\nS . 250\nS MAIL 250 #2\nS RCPT 250 #2\n",
	      "C: EHLO c\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\nhi\r\n.\r\nMAIL FROM:<>\r\nRCPT "
	      "TO:<g@h.i>\r\n",
	      "S: 220 mx\r\n250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n250 ok\r\n250 ok\r\n");
}

static void
behind_a_refused_data_lines_are_commands(void **state)
{
	CHECK(HELLO_LOG "C DATA\nS DATA 503\nC ?\nC ?\nC MAIL a@b.c #1\nS ? 500\nS ? 500\nS MAIL 250 #1\n", HELLO,
	      "C: DATA\r\n", "S: 503 no\r\n", "C: hello\r\n.\r\nMAIL FROM:<a@b.c>\r\n",
	      "S: 500 ?\r\n500 ?\r\n250 ok\r\n");
}

static void
a_mail_refused_inside_a_transaction_opens_nothing(void **state)
{
	CHECK(HELLO_LOG "C MAIL a@b.c #1\nC MAIL x@y.z #2\nC RCPT d@e.f #2\nS MAIL 250 #1\nS MAIL 503 #1 void\n"
			"S RCPT 250 #1\n",
	      HELLO, "C: MAIL FROM:<a@b.c>\r\nMAIL FROM:<x@y.z>\r\nRCPT TO:<d@e.f>\r\n",
	      "S: 250 ok\r\n503 nested\r\n250 ok\r\n");
}

static void
a_rcpt_without_mail_opens_a_transaction_up_to_the_next_mail(void **state)
{
	CHECK(HELLO_LOG
	      "C RCPT d@e.f #1\nS RCPT 503 #1\nC MAIL a@b.c #2\nS MAIL 250 #2\nC RCPT d@e.f #2\nS RCPT 250 #2\n",
	      HELLO, "C: RCPT TO:<d@e.f>\r\n", "S: 503 no\r\n", "C: MAIL FROM:<a@b.c>\r\n", "S: 250 ok\r\n",
	      "C: RCPT TO:<d@e.f>\r\n", "S: 250 ok\r\n");
}

static void
a_refused_sender_counts_and_its_recipients_join_it(void **state)
{
	CHECK(HELLO_LOG "C MAIL a@b.c #1\nC RCPT d@e.f #1\nS MAIL 553 #1\nS RCPT 503 #1\nC RSET\nC MAIL a@b.c #2\n"
			"S RSET 250\nS MAIL 250 #2\n",
	      HELLO, "C: MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n", "S: 553 no\r\n503 no\r\n",
	      "C: RSET\r\nMAIL FROM:<a@b.c>\r\n", "S: 250 ok\r\n250 ok\r\n");
}

static void
each_refused_sender_outside_a_transaction_counts(void **state)
{
	CHECK(HELLO_LOG "C MAIL a@b.c #1\nS MAIL 553 #1\nC MAIL a@b.c #2\nS MAIL 553 #2\n", HELLO,
	      "C: MAIL FROM:<a@b.c>\r\n", "S: 553 no\r\n", "C: MAIL FROM:<a@b.c>\r\n", "S: 553 no\r\n");
}

static void
an_empty_message_ends_at_its_first_line(void **state)
{
	CHECK(HELLO_LOG "C DATA\nS DATA 354\nC .\nC NOOP\nS . 250\n", HELLO, "C: DATA\r\n", "S: 354 go\r\n",
	      "C: .\r\nNOOP\r\n", "S: 250 ok\r\n");
}

static void
only_an_accepted_ehlo_ends_a_transaction(void **state)
{
	CHECK(HELLO_LOG "C MAIL a@b.c #1\nS MAIL 250 #1\nC EHLO\nS EHLO 501\nC RCPT d@e.f #1\nS RCPT 250 #1\n"
			"C EHLO\nS EHLO 250\nC RCPT d@e.f #2\nS RCPT 503 #2\n",
	      HELLO, "C: MAIL FROM:<a@b.c>\r\n", "S: 250 ok\r\n", "C: EHLO\r\n", "S: 501 no\r\n",
	      "C: RCPT TO:<d@e.f>\r\n", "S: 250 ok\r\n", "C: EHLO c\r\n", "S: 250 mx\r\n", "C: RCPT TO:<d@e.f>\r\n",
	      "S: 503 no\r\n");
}

static void
chunks_follow_their_line_at_once(void **state)
{
	CHECK(HELLO_LOG "C MAIL a@b.c #1\nC RCPT d@e.f #1\nC BDAT\nC text 19\nC BDAT\nC text 3\nC MAIL x@y.z #2\n"
			"S MAIL 250 #1\nS RCPT 250 #1\nS BDAT 250\nS BDAT 250\nS MAIL 250 #2\n",
	      HELLO,
	      "C: MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nBDAT 19\r\nRCPT TO:<g@h.i>\r\n\r\nBDAT 3 last\r\nabcMAIL "
	      "FROM:<x@y.z>\r\n",
	      "S: 250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n");
}

static void
behind_a_bad_bdat_that_was_refused_lines_are_commands(void **state)
{
	CHECK(HELLO_LOG "C BDAT\nS BDAT 501\nC MAIL a@b.c #1\nS MAIL 250 #1\n", HELLO,
	      "C: BDAT 5 X\r\nMAIL FROM:<a@b.c>\r\n", "S: 501 syntax\r\n250 ok\r\n");
	CHECK(HELLO_LOG "C BDAT\nS BDAT 501\nC MAIL a@b.c #1\n", HELLO, "C: BDAT -1\r\nMAIL FROM:<a@b.c>\r\n",
	      "S: 501 syntax\r\n");
	CHECK(HELLO_LOG "C BDAT\nS BDAT 501\nC MAIL a@b.c #1\n", HELLO,
	      "C: BDAT 18446744073709551617\r\nMAIL FROM:<a@b.c>\r\n", "S: 501 syntax\r\n");
}

static void
without_chunking_the_answer_decides_what_follows_bdat(void **state)
{
	CHECK("S  220\nC EHLO\nS EHLO 250\nC BDAT\nS BDAT 502\nC MAIL a@b.c #1\n", "S: 220 mx\r\n", "C: EHLO c\r\n",
	      "S: 250 mx\r\n", "C: BDAT 4\r\nMAIL FROM:<a@b.c>\r\n", "S: 502 what\r\n");
	CHECK("S  220\nC EHLO\nS EHLO 250\nC BDAT\nS BDAT 250\nC text 4\nC NOOP\n", "S: 220 mx\r\n", "C: EHLO c\r\n",
	      "S: 250 mx\r\n", "C: BDAT 4 LAST\r\nMAILNOOP\r\n", "S: 250 ok\r\n");
}

static void
auth_lines_are_never_commands(void **state)
{
	CHECK(HELLO_LOG "C AUTH\nS AUTH 334\nC (AUTH line)\nS (AUTH line) 334\nC (AUTH line)\nS (AUTH line) 235\n"
			"C MAIL a@b.c #1\n",
	      HELLO, "C: AUTH LOGIN\r\n", "S: 334 VXNlcg==\r\n", "C: RCPT TO:<a@b.c>\r\n", "S: 334 UGFzcw==\r\n",
	      "C: MAIL FROM:<a@b.c>\r\nMAIL FROM:<a@b.c>\r\n", "S: 235 ok\r\n");
}

static void
an_accepted_starttls_makes_the_session_opaque(void **state)
{
	CHECK(HELLO_LOG "C RSET\nC STARTTLS\nS RSET 250\nS STARTTLS 220\nopaque\n", HELLO, "C: rset\nstaRttLs\n",
	      "S: 250\n220\n", "C: \x16\x03\x01");
	CHECK(HELLO_LOG "C STARTTLS\nS STARTTLS 454\nC MAIL a@b.c #1\n", HELLO, "C: STARTTLS\r\n", "S: 454 no\r\n",
	      "C: MAIL FROM:<a@b.c>\r\n");
}

static void
a_session_that_opens_with_tls_is_opaque(void **state)
{
	CHECK("opaque\n", "C: \x16\x03\x01");
}

static void
a_lax_end_counts_where_the_server_answers_it(void **state)
{
	CHECK(HELLO_LOG "C DATA\nS DATA 354\nC text 5\nS . 250\nC MAIL a@b.c #1\nS MAIL 250 #1\n", HELLO, "C: DATA\n",
	      "S: 354 go\r\n", "C: hi\n.\n", "S: 250 ok\r\n", "C: MAIL FROM:<a@b.c>\n", "S: 250 ok\r\n");
	CHECK(HELLO_LOG "C DATA\nS DATA 354\nC text 5\nS . 250\nC QUIT\n", HELLO, "C: DATA\r\n", "S: 354 go\r\n",
	      "C: hi\n.\nQUIT\r\n", "S: 250 ok\r\n");
}

static void
where_a_strict_end_follows_a_lax_one_the_session_goes_blind(void **state)
{
	CHECK(HELLO_LOG "C DATA\nS DATA 354\nC text 5\nblind: blind_line_ends\n", HELLO, "C: DATA\r\n", "S: 354 go\r\n",
	      "C: hi\n.\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@army.ml>\r\nDATA\r\nevil\r\n.\r\n", "S: 250 ok\r\n");
}

static void
a_lax_end_that_nobody_answers_is_text_in_a_crlf_session(void **state)
{
	CHECK(HELLO_LOG "C DATA\nS DATA 354\nC text 27\nC .\nS . 250\nC NOOP\nS NOOP 250\n", HELLO, "C: DATA\r\n",
	      "S: 354 go\r\n", "C: hi\r\n.\nRCPT TO:<d@e.f>\r\nab\r\n", "F", "C: .\r\n", "S: 250 ok\r\n", "C: NOOP\r\n",
	      "S: 250 ok\r\n");
	/* one answer too many: the server did take it as the end */
	CHECK(HELLO_LOG "C DATA\nS DATA 354\nC text 11\nblind: blind_line_ends\n", HELLO, "C: DATA\r\n",
	      "S: 354 go\r\n", "C: hi\r\n.\nmore\n", "F", "S: 250 ok\r\n");
}

static void
a_lax_end_that_nobody_answers_is_one_in_an_lf_session(void **state)
{
	CHECK("C HELO\nC MAIL a@b.c #1\nC DATA\nC text 5\nC RCPT d@e.f #2\n", "C: HELO c\nMAIL FROM:<a@b.c>\nDATA\n",
	      "F", "C: hi\n.\nRCPT TO:<d@e.f>\n", "F");
}

static void
a_dot_line_cut_by_bare_cr_blinds_where_the_server_takes_it_as_the_end(void **state)
{
	/* Postfix takes .CRCRLF whole, and nobody knows who takes .CR alone. */
	CHECK(HELLO_LOG "C DATA\nS DATA 354\nC text 6\nblind: blind_line_ends\n", HELLO, "C: DATA\r\n", "S: 354 go\r\n",
	      "C: hi\r\n.\rNOOP\r\n", "S: 250 ok\r\n");
	CHECK(HELLO_LOG "C DATA\nS DATA 354\nC text 6\nblind: blind_line_ends\n", HELLO, "C: DATA\r\n", "S: 354 go\r\n",
	      "C: hi\r\n.\r\r\nNOOP\r\n", "S: 250 ok\r\n");
}

static void
two_doubtful_ends_before_an_answer_blind(void **state)
{
	/* Which of them was it? */
	CHECK(HELLO_LOG "C DATA\nS DATA 354\nC text 3\nblind: blind_line_ends\n", HELLO, "C: DATA\r\n", "S: 354 go\r\n",
	      "C: \n.\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n\n.\nNOOP\r\n", "S: 250 ok\r\n");
}

static void
a_nul_in_a_command_blinds(void **state)
{
	struct play *p = play_new(false);
	play_octets(p, 'S', "220 mx\r\n", 8);
	play_octets(p, 'C', "DATA\0 \r\nRCPT TO:<a@b.c>\r\n", 25);
	assert_string_equal(p->log, "S  220\nblind: blind_grammar\n");
	play_free(p);
}

static void
a_line_feed_behind_a_chunk_that_ends_with_cr_blinds(void **state)
{
	/* Exim 4.96 takes it as the chunk's, where the message was refused. */
	CHECK(HELLO_LOG "C MAIL a@b.c #1\nC BDAT\nC text 2\nblind: blind_line_ends\n", HELLO,
	      "C: MAIL FROM:<a@b.c>\r\nBDAT 2 LAST\r\nx\r\nMAIL FROM:<d@e.f>\r\n", "S: 250 ok\r\n250 ok\r\n");
}

static void
a_gated_bdat_that_is_refused_for_another_reason_than_its_syntax_blinds(void **state)
{
	/* Exim 4.96 reads "BDAT 5 X" as a chunk, and skips it where no recipient was given. */
	CHECK(HELLO_LOG "C BDAT\nblind: blind_grammar\n", HELLO, "C: BDAT 5 X\r\nMAIL FROM:<a@b.c>\r\n",
	      "S: 503 no recipient\r\n");
	CHECK("S  220\nC HELO\nC BDAT\nS HELO 250\nblind: blind_grammar\n", "S: 220 mx\r\n",
	      "C: HELO c\r\nBDAT 5\r\nQUIT\r\n", "S: 250 mx\r\n503 not advertised\r\n");
	CHECK("S  220\nC HELO\nS HELO 250\nC BDAT\nblind: blind_grammar\n", "S: 220 mx\r\n", "C: HELO c\r\n",
	      "S: 250 mx\r\n", "C: BDAT 5\r\nQUIT\r\n", "S: 503 no recipient\r\n");
	CHECK(HELLO_LOG "C BDAT\nblind: blind_grammar\n", HELLO, "C: BDAT 4294967296\r\nMAIL FROM:<a@b.c>\r\n",
	      "S: 250 ok\r\n");
	CHECK(HELLO_LOG "C BDAT\nS BDAT 500\nC NOOP\n", HELLO, "C: BDAT\t2\tLAST\r\nNOOP\r\n", "S: 500 what\r\n");
	CHECK(HELLO_LOG "C BDAT\nS BDAT 500\nC NOOP\n", HELLO, "C:  BDAT 2 LAST\r\nNOOP\r\n", "S: 500 what\r\n");
}

/* Exim 4.96 reads on for the LF, and the command behind the chunk is lost in the message. */
static void
a_last_chunk_that_ends_with_cr_blinds(void **state)
{
	CHECK(HELLO_LOG "C BDAT\nC text 4\nblind: blind_line_ends\n", HELLO,
	      "C: BDAT 4 LAST\r\nabc\rMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n");
}

/* A sender that cuts its message into chunks of one size cuts CRLF, too. */
static void
a_chunk_that_ends_with_cr_is_followed_by_a_chunk_or_blinds(void **state)
{
	CHECK(HELLO_LOG "C BDAT\nC text 4\nC BDAT\nC text 4\nC NOOP\n", HELLO,
	      "C: BDAT 4\r\nabc\rbdat 4 LAST\r\n\nab\nNOOP\r\n");
	CHECK(HELLO_LOG "C BDAT\nC text 4\nblind: blind_line_ends\n", HELLO, "C: BDAT 4\r\nabc\rRSET\r\nNOOP\r\n");
}

/* OpenSMTPD compares the line with "." as a C string, and takes it as the end. */
static void
a_dot_line_with_a_nul_behind_the_dot_blinds(void **state)
{
	const struct {
		const char *octets;
		size_t len;
	} text = { "hi\r\n.\0x\r\nMAIL FROM:<a@b.c>\r\n", 28 };

	for (size_t piece = 0; piece < 8; piece++) {
		struct play *p = play_new(false);
		p->piece = piece;
		play_lines(p, (const char *const[]){ HELLO, "C: DATA\r\n", "S: 354 go\r\n", NULL });
		play_octets(p, 'C', text.octets, text.len);
		play_text(p);
		assert_non_null(strstr(p->log, "blind: blind_line_ends\n"));
		assert_null(strstr(p->log, "MAIL"));
		play_free(p);
	}
}

/*
 * Exim 4.96 refuses all but RSET from then on, BDAT too, and reads the octets
 * of its chunk as commands: a large one would hide recipients from us.
 */
static void
a_chunk_behind_a_message_that_another_command_broke_off_blinds(void **state)
{
	CHECK(HELLO_LOG "C BDAT\nC text 4\nS BDAT 250\nC MAIL a@b.c #1\nS MAIL 503 #1\nblind: blind_grammar\n", HELLO,
	      "C: BDAT 4\r\nab\r\n", "S: 250 ok\r\n", "C: MAIL FROM:<a@b.c>\r\n", "S: 503 only BDAT\r\n",
	      "C: BDAT 1000 LAST\r\nRSET\r\nRCPT TO:<d@e.f>\r\n");
	CHECK(HELLO_LOG "C BDAT\nC text 4\nC MAIL a@b.c #1\nblind: blind_grammar\n", HELLO,
	      "C: BDAT 4\r\nab\r\nMAIL FROM:<a@b.c>\r\nBDAT 1000 LAST\r\n");
}

static void
chunks_go_on_behind_noop_and_rset_and_where_the_first_was_refused(void **state)
{
	CHECK(HELLO_LOG
	      "C BDAT\nC text 4\nC NOOP\nC BDAT\nC text 4\nC RSET\nC MAIL a@b.c #1\nC BDAT\nC text 4\nC NOOP\n",
	      HELLO,
	      "C: BDAT 4\r\nab\r\nNOOP\r\nBDAT 4\r\nab\r\nRSET\r\nMAIL FROM:<a@b.c>\r\nBDAT 4 LAST\r\nab\r\nNOOP\r\n");
	CHECK(HELLO_LOG "C BDAT\nC text 4\nS BDAT 503\nC MAIL a@b.c #1\nS MAIL 250 #1\nC BDAT\nC text 4\nC NOOP\n",
	      HELLO, "C: BDAT 4\r\nab\r\n", "S: 503 no recipient\r\n", "C: MAIL FROM:<a@b.c>\r\n", "S: 250 ok\r\n",
	      "C: BDAT 4 LAST\r\nab\r\nNOOP\r\n");
}

static void
a_recipient_in_doubtful_words_blinds_before_it_passes(void **state)
{
	CHECK(HELLO_LOG "C MAIL a@b.c #1\nblind: blind_grammar\n", HELLO,
	      "C: MAIL FROM:<a@b.c>\r\nRCPT TO:<d@(x)army.ml>\r\n");
	CHECK(HELLO_LOG "C MAIL a@b.c #1\nC RCPT d@army.ml #1\nC RCPT e@army.ml #1\n", HELLO,
	      "C: MAIL FROM:<a@b.c>\r\n\rRCPT\vTO:<d@army.ml>\r\nRCPT\rTO:\f<e@army.ml>\r\n");
}

static void
a_reply_without_an_end_is_over_when_the_client_goes_on(void **state)
{
	CHECK("C EHLO\nS  220\nC AUTH\nS EHLO 250\nS AUTH 334\nC (AUTH line)\nS (AUTH line) 235\nC MAIL a@b.c #1\nS "
	      "MAIL 250 "
	      "#1\n",
	      "S: 220 mx AAAAAAAAAA", "C: EHLO c\r\n", "S: 250-mx\r\n", "C: AUTH LOGIN\r\n", "S: 334 x\r\n",
	      "C: eA==\r\n", "S: 235 ok\r\n", "C: MAIL FROM:<a@b.c>\r\n", "S: 250 ok\r\n");
}

static void
a_reply_without_a_last_line_ends_by_the_pace_or_by_another_code(void **state)
{
	/* the client always waits for answers: so it has taken this one as whole */
	CHECK("S  220\nC EHLO\nC MAIL a@b.c #1\nS EHLO 250\nS MAIL 250 #1\n", "S: 220 mx\r\n", "C: EHLO c\r\n",
	      "S: 250-mx\r\n", "C: MAIL FROM:<a@b.c>\r\n", "S: 250 ok\r\n");
	/* it does not: only another code tells */
	CHECK("S  220\nC NOOP\nC EHLO\nS NOOP 250\nC MAIL a@b.c #1\nS EHLO 250\nS MAIL 550 #1\n", "S: 220 mx\r\n",
	      "C: NOOP\r\nEHLO c\r\n", "S: 250 ok\r\n250-mx\r\n", "C: MAIL FROM:<a@b.c>\r\n", "S: 550 no\r\n");
	CHECK("S  220\nC NOOP\nC EHLO\nS NOOP 250\nC MAIL a@b.c #1\nS EHLO 250\nS MAIL 250 #1\n", "S: 220 mx\r\n",
	      "C: NOOP\r\nEHLO c\r\n", "S: 250 ok\r\n250-mx\r\n", "C: MAIL FROM:<a@b.c>\r\n",
	      "S: 250 HELP\r\n250 ok\r\n");
}

static void
a_reply_in_two_parts_stays_one_although_the_client_pipelines(void **state)
{
	CHECK("S  220\nC HELO\nC MAIL a@b.c #1\nC RCPT d@e.f #1\nS HELO 250\nC NOOP\nS MAIL 250 #1\nS RCPT 250 #1\nS "
	      "NOOP "
	      "250\n",
	      "S: 220 mx\r\n", "C: HELO c\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n", "S: 250 mx\r\n250 o",
	      "C: NOOP\r\n", "S: k\r\n250 ok\r\n250 ok\r\n");
}

static void
an_answer_to_nothing_does_not_shift_the_others(void **state)
{
	CHECK(HELLO_LOG "S unsolicited 451\nC MAIL a@b.c #1\nS MAIL 250 #1\n", HELLO, "S: 451 timeout\r\n",
	      "C: MAIL FROM:<a@b.c>\r\n", "S: 250 ok\r\n");
}

static void
after_421_nothing_counts(void **state)
{
	CHECK(HELLO_LOG "C MAIL a@b.c #1\nS MAIL 421 #1\n", HELLO, "C: MAIL FROM:<a@b.c>\r\n", "S: 421 bye\r\n",
	      "C: RCPT TO:<d@e.f>\r\n");
}

static void
a_3xx_answer_to_an_unknown_verb_blinds(void **state)
{
	CHECK(HELLO_LOG "C ?\nblind: blind_replies\n", HELLO, "C: XEXCH50 4 2\r\n", "S: 354 send\r\n");
}

static void
a_disguised_recipient_has_its_reply_taken_whole(void **state)
{
	CHECK(HELLO_LOG
	      "C MAIL a@b.c #1\nC RCPT d@e.f #1\nC RCPT g@h.i #1\nS MAIL 250 #1\nS RCPT 250 #1 ours\nS RCPT 250 #1\n",
	      HELLO, "D", "C: MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nRCPT TO:<g@h.i>\r\n",
	      "S: 250 ok\r\n250-two\r\n250 lines\r\n250 ok\r\n");
}

static void
a_server_that_closes_in_a_disguised_slot_is_heard(void **state)
{
	CHECK(HELLO_LOG "C RCPT d@e.f #1\nS RCPT 554 #1\n", HELLO, "D", "C: RCPT TO:<d@e.f>\r\n",
	      "S: 554 too many\r\n");
	CHECK(HELLO_LOG "C RCPT d@e.f #1\nS RCPT 421 #1\n", HELLO, "D", "C: RCPT TO:<d@e.f>\r\n", "S: 421 bye\r\n");
}

static void
more_commands_than_slots_wait(void **state)
{
	struct play *p = play_new(false);
	play_lines(p, (const char *const[]){ "S: 220 mx\r\n", NULL });
	for (int i = 0; i < 40; i++)
		play_lines(p, (const char *const[]){ "C: NOOP\r\n", NULL });
	assert_int_equal(p->session.slot_count, SMTP_SLOTS);
	assert_int_equal(p->waiting_len, 8 * 6);
	for (int i = 0; i < 40; i++)
		play_lines(p, (const char *const[]){ "S: 250 ok\r\n", NULL });
	assert_int_equal(p->session.slot_count, 0);
	assert_int_equal(p->waiting_len, 0);
	assert_false(p->session.unpaired);
	play_free(p);
}

static void
what_was_never_answered_is_flushed_in_order(void **state)
{
	struct play *p = play_new(false);
	play_lines(p, (const char *const[]){
			      "C: HELO c\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nRSET\r\nRCPT TO:<>\r\n", NULL });
	static const struct {
		enum smtp_verb verb;
		unsigned transaction;
	} want[] = { { VERB_NONE, 0 }, { VERB_HELO, 0 }, { VERB_MAIL, 1 },
		     { VERB_RCPT, 1 }, { VERB_RSET, 1 }, { VERB_RCPT, 2 } };
	struct smtp_reply r;
	for (size_t i = 0; i < 6; i++) {
		assert_true(smtp_flush(&p->session, &r));
		assert_int_equal(r.verb, want[i].verb);
		assert_int_equal(r.transaction, want[i].transaction);
	}
	assert_false(smtp_flush(&p->session, &r));
	play_free(p);
}

static void
a_midstream_session_begins_at_a_sure_command(void **state)
{
	check_cut(true,
		  (const char *const[]){ "C: MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n",
					 "S: 220 late\r\n250 a\r\n250 b\r\n", NULL },
		  "C MAIL a@b.c #1\nC RCPT d@e.f #1\nS unsolicited 220\nS MAIL 250 #1\nS RCPT 250 #1\n", 0, 0);
	check_cut(true,
		  (const char *const[]){ "C: some text\r\n", "C: MAIL FROM:<a@b.c>\r\n",
					 "C: bye\r\n.\r\nMAIL FROM:<x@y.z>\r\n", "S: 250 queued\r\n250 ok\r\n", NULL },
		  "C text 35\nC .\nC MAIL x@y.z #1\nS . 250\nS MAIL 250 #1\n", 0, 0);
	check_cut(true,
		  (const char *const[]){ "S: e rest\r\n", "S: 354 go\r\n", "C: MAIL FROM:<a@b.c>\r\n.\r\n",
					 "S: 250 ok\r\n", NULL },
		  "S unsolicited 354\nC text 19\nC .\nS . 250\n", 0, 0);
}

static void
random_octets_in_any_cut_do_no_harm(void **state)
{
	static const char *const bits[] = { "MAIL FROM:<a@b.c>\r\n",
					    "DATA\r\n",
					    "250 ok\r\n",
					    "354 go\r\n",
					    "\r\n.\r\n",
					    "\n.\n",
					    "BDAT 7\r\n",
					    "AUTH x\r\n",
					    "334 \r\n",
					    "250-",
					    "22",
					    "\r",
					    "\n",
					    ".",
					    "EHLO a\r\n",
					    "RCPT TO:<",
					    "QUIT\r\n",
					    "250-CHUNKING\r\n",
					    "\xff\xfe",
					    "STARTTLS\r\n" };
	unsigned seed = 7;
	for (int round = 0; round < 3000; round++) {
		struct play *p = play_new(round % 5 == 0);
		for (int i = 0; i < 60 && !p->over; i++) {
			const char *bit = bits[(size_t)rand_r(&seed) % (sizeof(bits) / sizeof(bits[0]))];
			p->disguise_next = rand_r(&seed) % 4 == 0;
			p->seed = (unsigned)rand_r(&seed) | 1;
			play_octets(p, rand_r(&seed) % 2 ? 'C' : 'S', bit, strlen(bit));
			if (rand_r(&seed) % 8 == 0) {
				smtp_gate_force(&p->session);
				play_client(p);
			}
		}
		assert_true(p->session.slot_count <= SMTP_SLOTS);
		play_free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mail_in_lock_step_is_read),
		cmocka_unit_test(a_pipelined_mail_waits_for_the_answer_to_data),
		cmocka_unit_test(behind_a_refused_data_lines_are_commands),
		cmocka_unit_test(a_mail_refused_inside_a_transaction_opens_nothing),
		cmocka_unit_test(a_rcpt_without_mail_opens_a_transaction_up_to_the_next_mail),
		cmocka_unit_test(a_refused_sender_counts_and_its_recipients_join_it),
		cmocka_unit_test(each_refused_sender_outside_a_transaction_counts),
		cmocka_unit_test(an_empty_message_ends_at_its_first_line),
		cmocka_unit_test(only_an_accepted_ehlo_ends_a_transaction),
		cmocka_unit_test(chunks_follow_their_line_at_once),
		cmocka_unit_test(behind_a_bad_bdat_that_was_refused_lines_are_commands),
		cmocka_unit_test(without_chunking_the_answer_decides_what_follows_bdat),
		cmocka_unit_test(auth_lines_are_never_commands),
		cmocka_unit_test(an_accepted_starttls_makes_the_session_opaque),
		cmocka_unit_test(a_session_that_opens_with_tls_is_opaque),
		cmocka_unit_test(a_lax_end_counts_where_the_server_answers_it),
		cmocka_unit_test(where_a_strict_end_follows_a_lax_one_the_session_goes_blind),
		cmocka_unit_test(a_lax_end_that_nobody_answers_is_text_in_a_crlf_session),
		cmocka_unit_test(a_lax_end_that_nobody_answers_is_one_in_an_lf_session),
		cmocka_unit_test(a_dot_line_cut_by_bare_cr_blinds_where_the_server_takes_it_as_the_end),
		cmocka_unit_test(two_doubtful_ends_before_an_answer_blind),
		cmocka_unit_test(a_nul_in_a_command_blinds),
		cmocka_unit_test(a_line_feed_behind_a_chunk_that_ends_with_cr_blinds),
		cmocka_unit_test(a_gated_bdat_that_is_refused_for_another_reason_than_its_syntax_blinds),
		cmocka_unit_test(a_last_chunk_that_ends_with_cr_blinds),
		cmocka_unit_test(a_chunk_that_ends_with_cr_is_followed_by_a_chunk_or_blinds),
		cmocka_unit_test(a_dot_line_with_a_nul_behind_the_dot_blinds),
		cmocka_unit_test(a_chunk_behind_a_message_that_another_command_broke_off_blinds),
		cmocka_unit_test(chunks_go_on_behind_noop_and_rset_and_where_the_first_was_refused),
		cmocka_unit_test(a_recipient_in_doubtful_words_blinds_before_it_passes),
		cmocka_unit_test(a_reply_without_an_end_is_over_when_the_client_goes_on),
		cmocka_unit_test(a_reply_without_a_last_line_ends_by_the_pace_or_by_another_code),
		cmocka_unit_test(a_reply_in_two_parts_stays_one_although_the_client_pipelines),
		cmocka_unit_test(an_answer_to_nothing_does_not_shift_the_others),
		cmocka_unit_test(after_421_nothing_counts),
		cmocka_unit_test(a_3xx_answer_to_an_unknown_verb_blinds),
		cmocka_unit_test(a_disguised_recipient_has_its_reply_taken_whole),
		cmocka_unit_test(a_server_that_closes_in_a_disguised_slot_is_heard),
		cmocka_unit_test(more_commands_than_slots_wait),
		cmocka_unit_test(what_was_never_answered_is_flushed_in_order),
		cmocka_unit_test(a_midstream_session_begins_at_a_sure_command),
		cmocka_unit_test(random_octets_in_any_cut_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
