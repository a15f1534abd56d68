/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "verdict/reply.h"

static struct reply_facts
facts(void)
{
	return (struct reply_facts){
		.action = ACTION_REJECT,
		.field = FIELD_RCPT,
		.template = "",
		.domain = view_of("army.ml", 7),
		.means = "army.mil",
		.operator_name = "Example Net",
		.ref = "abcdefghij234",
	};
}

static const char *
text_of(const struct reply_facts *f)
{
	static char out[4097];

	out[reply_text(f, (uint8_t *)out, sizeof out - 1)] = '\0';
	return out;
}

static void
a_refused_recipient_reads_which_domain_was_probably_meant(void **state)
{
	struct reply_facts f = facts();

	assert_string_equal(text_of(&f),
			    "550 5.1.2 army.ml looks like a mistyped army.mil: please check the recipient. "
			    "(Example Net; ref abcdefghij234)\r\n");
	f.means = "army.mil,army.nl,armi.mil";
	assert_string_equal(text_of(&f),
			    "550 5.1.2 army.ml looks like a mistyped army.mil or army.nl: please check the "
			    "recipient. (Example Net; ref abcdefghij234)\r\n");
}

static void
without_a_meaning_or_an_operator_the_text_does_without(void **state)
{
	struct reply_facts f = facts();

	f.means = "";
	f.operator_name = "";
	assert_string_equal(text_of(&f), "550 5.1.2 army.ml is refused here: please check the recipient. "
					 "(ref abcdefghij234)\r\n");
}

static void
sender_and_deferral_have_codes_of_their_own(void **state)
{
	struct reply_facts f = facts();

	f.field = FIELD_FROM;
	assert_non_null(strstr(text_of(&f), "550 5.1.8 army.ml looks"));
	assert_non_null(strstr(text_of(&f), "please check the sender."));
	f.action = ACTION_DEFER;
	assert_memory_equal(text_of(&f), "451 4.1.8 ", 10);
	f.field = FIELD_RCPT;
	assert_memory_equal(text_of(&f), "451 4.1.2 ", 10);
}

static void
a_template_of_several_lines_becomes_a_multi_line_reply(void **state)
{
	struct reply_facts f = facts();

	f.template = "{domain}? No: {means}.\\nSecond {unknown} line\nref {ref}";
	assert_string_equal(text_of(&f), "550-5.1.2 army.ml? No: army.mil.\r\n"
					 "550-5.1.2 Second {unknown} line\r\n"
					 "550 5.1.2 ref abcdefghij234\r\n");
	f.template = "one\\n";
	assert_string_equal(text_of(&f), "550 5.1.2 one\r\n");
}

static void
octets_that_could_break_the_line_become_question_marks(void **state)
{
	struct reply_facts f = facts();

	f.domain = view_of("a\r\n250 \0\xc3\xa4.ml", 13);
	f.template = "{domain}\r|";
	assert_string_equal(text_of(&f), "550 5.1.2 a??250 ???.ml?|\r\n");
}

static void
no_line_exceeds_512_octets_and_the_reference_survives_the_cut(void **state)
{
	struct reply_facts f = facts();
	char domain[253], operator_name[300];

	memset(domain, 'd', sizeof domain);
	memset(operator_name, 'o', sizeof operator_name - 1);
	operator_name[sizeof operator_name - 1] = '\0';
	f.domain = view_of(domain, sizeof domain);
	f.operator_name = operator_name;
	const char *text = text_of(&f);
	assert_int_equal(strlen(text), 512);
	assert_string_equal(text + 512 - 25, "... (ref abcdefghij234)\r\n");

	f.template = "{domain}{domain}{domain}";
	text = text_of(&f);
	assert_int_equal(strlen(text), 512);
	assert_string_equal(text + 509, "d\r\n");
}

static void
a_buffer_too_small_gives_nothing_and_is_never_overrun(void **state)
{
	struct reply_facts f = facts();
	struct guard g = guard_new(1024);
	size_t whole = strlen(text_of(&f));
	char none[1024] = { 0 };

	for (size_t cap = 0; cap <= whole; cap++) {
		uint8_t *out = guard_end(&g, none, cap);
		assert_int_equal(reply_text(&f, out, cap), cap < whole ? 0 : whole);
	}
	guard_free(&g);
}

static void
too_many_refusals_close_the_session_politely(void **state)
{
	char out[513];

	out[reply_quit(LANG_EN, "Example Net", "abc", (uint8_t *)out, 512)] = '\0';
	assert_string_equal(out, "421 4.5.3 Too many refused recipients in this session, please send the rest again. "
				 "(Example Net; ref abc)\r\n");
}

static void
a_rule_speaks_its_language_and_no_other(void **state)
{
	static const char *const wanted[LANG_COUNT] = {
		[LANG_EN] = "550 5.1.2 army.ml looks like a mistyped army.mil or army.nl: please check the recipient. "
			    "(Net; ref r)\r\n",
		[LANG_DE] = "550 5.1.2 army.ml ist wohl ein Tippfehler, gemeint war army.mil oder army.nl: bitte den "
			    "Empfaenger pruefen. (Net; ref r)\r\n",
		[LANG_FR] = "550 5.1.2 army.ml semble une faute de frappe pour army.mil ou army.nl : veuillez verifier "
			    "le destinataire. (Net; ref r)\r\n",
		[LANG_NL] = "550 5.1.2 army.ml lijkt een tikfout voor army.mil of army.nl: controleer de "
			    "geadresseerde. (Net; ref r)\r\n",
	};
	char out[513];

	for (unsigned l = 0; l < LANG_COUNT; l++) {
		struct reply_facts f = { .action = ACTION_REJECT,
					 .field = FIELD_RCPT,
					 .lang = l,
					 .template = "",
					 .domain = view_of("army.ml", 7),
					 .means = "army.mil,army.nl",
					 .operator_name = "Net",
					 .ref = "r" };
		out[reply_text(&f, (uint8_t *)out, 512)] = '\0';
		assert_string_equal(out, wanted[l]);
		assert_true(reply_quit(l, "Net", "r", (uint8_t *)out, 512) > 0);
		f.field = FIELD_FROM;
		f.means = "";
		assert_true(reply_text(&f, (uint8_t *)out, 512) > 0);
	}
	assert_int_equal(lang_of(view_of("nl", 2)), LANG_NL);
	assert_int_equal(lang_of(view_of("xx", 2)), LANG_COUNT);
	assert_int_equal(lang_of(view_of("en-gb", 5)), LANG_COUNT);
}

static void
a_server_refused_by_its_name_has_the_codes_of_its_place(void **state)
{
	struct reply_facts f = facts();

	f.field = FIELD_BANNER;
	f.domain = view_of("mx.army.ml", 10);
	assert_string_equal(text_of(&f),
			    "550 5.1.2 mx.army.ml looks like a mistyped army.mil: please check the recipient. "
			    "(Example Net; ref abcdefghij234)\r\n");
	f.greeting = true;
	f.template = "a\nb";
	assert_string_equal(text_of(&f), "554-5.1.2 a\r\n554 5.1.2 b\r\n");
	f.action = ACTION_DEFER;
	assert_string_equal(text_of(&f), "421-4.1.2 a\r\n421 4.1.2 b\r\n");
	f.greeting = false;
	assert_string_equal(text_of(&f), "421-4.1.2 a\r\n421 4.1.2 b\r\n");
}

static void
a_command_of_a_refused_session_is_out_of_sequence_or_comes_too_soon(void **state)
{
	char out[256];

	out[reply_refused(LANG_EN, ACTION_REJECT, "Example Net", (uint8_t *)out, sizeof out - 1)] = '\0';
	assert_string_equal(out,
			    "503 5.5.1 Mail to this server is refused here, see the answer before. (Example Net)\r\n");
	out[reply_refused(LANG_DE, ACTION_DEFER, "", (uint8_t *)out, sizeof out - 1)] = '\0';
	assert_string_equal(out, "421 4.3.2 Post an diesen Server wird hier abgelehnt, siehe die Antwort davor.\r\n");
	assert_int_equal(reply_refused(LANG_EN, ACTION_REJECT, "", (uint8_t *)out, 20), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refused_recipient_reads_which_domain_was_probably_meant),
		cmocka_unit_test(without_a_meaning_or_an_operator_the_text_does_without),
		cmocka_unit_test(sender_and_deferral_have_codes_of_their_own),
		cmocka_unit_test(a_template_of_several_lines_becomes_a_multi_line_reply),
		cmocka_unit_test(octets_that_could_break_the_line_become_question_marks),
		cmocka_unit_test(no_line_exceeds_512_octets_and_the_reference_survives_the_cut),
		cmocka_unit_test(a_buffer_too_small_gives_nothing_and_is_never_overrun),
		cmocka_unit_test(too_many_refusals_close_the_session_politely),
		cmocka_unit_test(a_server_refused_by_its_name_has_the_codes_of_its_place),
		cmocka_unit_test(a_command_of_a_refused_session_is_out_of_sequence_or_comes_too_soon),
		cmocka_unit_test(a_rule_speaks_its_language_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
