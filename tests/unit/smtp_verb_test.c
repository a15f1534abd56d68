/* SPDX-License-Identifier: BSD-3-Clause */
/* Verbs are whole words; command lines and the openings of dialogues. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "guard.h"
#include "smtp/sniff.h"
#include "smtp/state.h"

static struct guard guard;

/* A view whose end is the end of the world. */
static struct view
at_the_edge(const char *text)
{
	return view_of(guard_end(&guard, text, strlen(text)), strlen(text));
}

static void
every_verb_is_known_in_any_case(void **state)
{
	for (enum smtp_verb v = VERB_HELO; v <= VERB_STARTTLS; v++) {
		char word[16] = "";
		strcpy(word, smtp_verb_name(v));
		assert_int_equal(smtp_verb_of(at_the_edge(word)), v);
		for (char *c = word; *c != 0; c += 2)
			*c |= 0x20;
		assert_int_equal(smtp_verb_of(at_the_edge(word)), v);
	}
}

static void
a_verb_is_a_whole_word(void **state)
{
	static const char *const words[] = { "", "DAT", "database", "MAILX", "MAI", "STARTTL", "RCPT:", "@AIL" };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_int_equal(smtp_verb_of(at_the_edge(words[i])), VERB_UNKNOWN);
}

/* The verb of a word, letter by letter. */
static enum smtp_verb
spelled(const uint8_t *word, size_t len)
{
	for (enum smtp_verb v = VERB_HELO; v <= VERB_STARTTLS; v++) {
		const char *name = smtp_verb_name(v);
		size_t i = 0;
		while (i < len && name[i] != 0 && ascii_lower(word[i]) == ascii_lower((uint8_t)name[i]))
			i++;
		if (i == len && name[i] == 0)
			return v;
	}
	return VERB_UNKNOWN;
}

static void
a_verb_with_one_other_octet_is_what_it_spells(void **state)
{
	for (enum smtp_verb v = VERB_HELO; v <= VERB_STARTTLS; v++)
		for (size_t i = 0; i < strlen(smtp_verb_name(v)); i++)
			for (unsigned c = 0; c < 256; c++) {
				uint8_t word[16];
				size_t len = strlen(smtp_verb_name(v));
				memcpy(word, smtp_verb_name(v), len);
				word[i] = (uint8_t)c;
				assert_int_equal(smtp_verb_of(view_of(guard_end(&guard, word, len), len)),
						 spelled(word, len));
			}
}

static void
each_octet_is_of_its_kind(void **state)
{
	for (unsigned c = 0; c < 256; c++) {
		assert_int_equal(is_blank((uint8_t)c), c != 0 && strchr(" \t\v\f\r", (int)c) != NULL);
		assert_int_equal(is_digit((uint8_t)c), c != 0 && strchr("0123456789", (int)c) != NULL);
		assert_int_equal(is_letter((uint8_t)c),
				 c != 0 && strchr("abcdefghijklmnopqrstuvwxyz", ascii_lower((uint8_t)c)) != NULL);
	}
}

static void
octets_behind_a_gap_are_text_where_a_line_is_no_command(void **state)
{
	static const char *const yes[] = { "is lost\r\nmore of it",   "QUIT\r\nand more",        "\r\n\r\nMAIL",
					   ".\r\nno command\r\nQUIT", "a\r\n..\r\n.stuffed\r\n", "a\nMAILX FROM" };
	/* Nothing but commands, or what may become one; the end of the text, or what may be. */
	static const char *const no[] = { "",
					  "no line begins here",
					  "no line begins here\r\n",
					  "ext\r\n.\r\nQUIT\r\n",
					  ".\r\nQUIT\r\n",
					  "\r\nQUIT\r\n",
					  "\nRSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
					  "and more\r\nlines\r\n.\r\n",
					  "and more\r\nlines\r\n.\n",
					  "and more\r\nlines\r\n.\r",
					  "and more\r\nlines\r\n.",
					  "\r\nQUI",
					  "\r\nquit" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(smtp_is_text(at_the_edge(yes[i])));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(smtp_is_text(at_the_edge(no[i])));
}

static void
an_smtp_client_is_known_by_its_opening(void **state)
{
	static const char *const yes[] = { "EHLO a\r\n", "helo a",          "LHLO x",
					   "EHLO\n",     "MAIL FROM:<a@b>", "mail\tfrom :x" };
	static const char *const maybe[] = { "E", "eh", "HELO", "M", "MAIL", "MAIL FROM" };
	static const char *const no[] = { "GET / HTTP/1.1\r\n", "USER anonymous\r\n", "NICK x", "CAPA\r\n",
					  "\x16\x03\x01" };
	static const char *const more[] = { "RSET\r\n",      "CONNECT a:25 HTTP/1.0\r\n\r\n",
					    "\x05\x01",      "a1 LOGIN x y\r\n",
					    "From: a@b\r\n", "EHLOX a",
					    "MAILER",        "" };
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_int_equal(smtp_sniff_client(at_the_edge(yes[i])), SNIFF_YES);
	for (size_t i = 0; i < sizeof(maybe) / sizeof(maybe[0]); i++)
		assert_int_equal(smtp_sniff_client(at_the_edge(maybe[i])), SNIFF_MAYBE);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_int_equal(smtp_sniff_client(at_the_edge(no[i])), SNIFF_NO);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		assert_int_equal(smtp_sniff_client(at_the_edge(more[i])), SNIFF_MORE);
}

static void
a_server_that_greets_like_smtp_is_noted(void **state)
{
	static const char *const yes[] = { "220 mx\r\n", "220-mx", "220\r\n", "HTTP/1.0 200 OK\r\n\r\n220 mx" };
	static const char *const no[] = { "+OK pop\r\n", "* OK imap\r\n", "SSH-2.0", ":irc 001",
					  "HTTP/1.1 404 no\r\n" };
	static const char *const more[] = { "2", "2200", "HTTP/1.0 200 OK\r\n\r\n", "\x05\x00", "421 no\r\n" };
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_int_equal(smtp_sniff_server(at_the_edge(yes[i])), SNIFF_YES);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_int_equal(smtp_sniff_server(at_the_edge(no[i])), SNIFF_NO);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		assert_int_equal(smtp_sniff_server(at_the_edge(more[i])), SNIFF_MORE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verb_is_known_in_any_case),
		cmocka_unit_test(a_verb_is_a_whole_word),
		cmocka_unit_test(a_verb_with_one_other_octet_is_what_it_spells),
		cmocka_unit_test(each_octet_is_of_its_kind),
		cmocka_unit_test(octets_behind_a_gap_are_text_where_a_line_is_no_command),
		cmocka_unit_test(an_smtp_client_is_known_by_its_opening),
		cmocka_unit_test(a_server_that_greets_like_smtp_is_noted),
	};
	guard = guard_new(4096);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	guard_free(&guard);
	return failed;
}
