/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules_fixture.h"

#include "guard.h"
#include "rules/lexer.h"

static void
a_line_is_split_at_blanks_and_a_comment_ends_it(void **state)
{
	static struct line l;
	struct lex_error err;
	const char *text = "rule  a#b\tflag # the rest\r";

	assert_true(lex_line(view_of(text, strlen(text)), &l, &err));
	assert_int_equal(l.count, 3);
	assert_string_equal((const char *)l.words[1].text.at, "a#b");
	assert_int_equal(l.words[1].column, 7);
	assert_string_equal((const char *)l.words[2].text.at, "flag");
}

static void
quotes_keep_blanks_and_know_three_escapes(void **state)
{
	static struct line l;
	struct lex_error err;
	const char *text = "template=\"a \\\"b\\\"\\n\\\\ \\.\" \"x y\"";

	assert_true(lex_line(view_of(text, strlen(text)), &l, &err));
	assert_int_equal(l.count, 2);
	assert_string_equal((const char *)l.words[0].value.at, "a \"b\"\n\\ \\.");
	assert_int_equal(l.words[0].key.len, 8);
	assert_string_equal((const char *)l.words[1].text.at, "x y");
	assert_int_equal(l.words[1].key.len, 0);
}

static void
every_cut_of_a_line_is_read_within_its_bounds(void **state)
{
	static struct line l;
	const char *text = "rule r1 reject rcpt regex \"a\\\\b\" template=\"x\\n\\\"\" means=army.mil # c\r";
	struct guard g = guard_new(256);
	struct lex_error err;

	for (size_t len = 0; len <= strlen(text); len++)
		lex_line(view_of(guard_end(&g, text, len), len), &l, &err);
	guard_free(&g);
}

static void
a_line_of_the_greatest_length_and_number_of_words_is_read(void **state)
{
	static struct line l;
	static char text[LINE_MAX_OCTETS + 1];
	struct lex_error err;

	memset(text, 'x', sizeof(text));
	assert_true(lex_line(view_of(text, LINE_MAX_OCTETS), &l, &err));
	assert_false(lex_line(view_of(text, LINE_MAX_OCTETS + 1), &l, &err));
	for (unsigned i = 1; i < sizeof(text); i += 2)
		text[i] = ' ';
	assert_true(lex_line(view_of(text, 2 * LINE_MAX_WORDS), &l, &err));
	assert_false(lex_line(view_of(text, 2 * LINE_MAX_WORDS + 1), &l, &err));
}

static void
the_forms_of_the_contract_are_read(void **state)
{
	assert_builds(*state, "# id      action   field  kind    pattern                     options\n"
			      "rule r1   reject   rcpt   domain  army.ml                     means=army.mil   # why\n"
			      "rule r2   flag     from   regex   @([a-z0-9-]+\\.)*navy\\.ml$   means=navy.mil\n"
			      "allow     rcpt     domain gouv.ml\n"
			      "include   feeds*.list\n"
			      "\n"
			      "rule r3 any address Bob@army.ml\r\n"
			      "rule r4 defer any domain b.ml mode=sample:5 class=c confidence=80 "
			      "template=\"{domain}? ask {operator}, \\\"{ref}\\\"\"");
	struct fixture *f = *state;
	assert_int_equal(f->result.rules, 5);
	assert_int_equal(f->result.patterns, 5);
	assert_string_equal(f->messages, "");
}

static void
all_errors_of_all_files_come_in_one_go_by_place(void **state)
{
	fixture_write("b.conf", "rule x flag rcpt domain 1.2.3.4\nhello\n");
	assert_refused(
		*state,
		"rule r1 rejekt rcpt domaim army.ml\n"
		"include b.conf\n"
		"rule r1 reject rcpt domain army.ml foo=1\n"
		"rule r2 reject\n",
		"rules.conf:1:9: error: \"rejekt\" is no action; expected flag, defer, reject, redirect, reset or "
		"drop\n"
		"rules.conf:1:21: error: \"domaim\" is no kind of pattern; expected domain, address or regex\n"
		"rules.conf:3:6: error: rule id \"r1\" is taken: it was first used at rules.conf:1:6; "
		"expected another id\n"
		"rules.conf:3:36: error: \"foo=1\" is no option here; expected means=, mode=, template=, lang=, "
		"class=, confidence= or force=\n"
		"rules.conf:4:15: error: the statement is incomplete; expected rule ID ACTION FIELD KIND PATTERN "
		"[key=value...]\n"
		"b.conf:1:25: error: \"1.2.3.4\" is no domain: its last label is a number; expected a domain, "
		"not an IP address\n"
		"b.conf:2:1: error: \"hello\" is no statement; expected rule, allow, include, protect, exempt or "
		"group\n");
}

static void
a_redirect_is_for_recipients_alone(void **state)
{
	assert_builds(*state, "rule r redirect rcpt domain army.ml\n");
	assert_refused(*state, "rule r redirect from domain army.ml\n",
		       "rules.conf:1:17: error: redirect is for recipients; expected the field rcpt, or the action "
		       "reject\n");
	assert_refused(*state, "rule r redirect any domain army.ml\n",
		       "rules.conf:1:17: error: redirect is for recipients; expected the field rcpt, or the action "
		       "reject\n");
}

static void
a_banner_is_the_name_of_a_server_and_ends_a_session(void **state)
{
	assert_builds(*state, "rule r1 reject banner domain army.ml lang=de template=\"a\\nb\"\n"
			      "rule r2 defer banner regex ^@mx\n"
			      "rule r3 reset banner domain navy.ml\n"
			      "rule r4 drop banner domain af.ml mode=sample:5\n"
			      "rule r5 banner domain flag.ml\n"
			      "allow banner domain ok.army.ml\n");
	assert_string_equal(((struct fixture *)*state)->messages, "");
	fixture_write("a.list", "army.ml\nbob@army.ml\n");
	assert_refused(*state,
		       "rule r1 redirect banner domain army.ml\n"
		       "rule r2 reject banner address bob@army.ml\n"
		       "rule r3 reject baner domain army.ml\n"
		       "allow banner address bob@army.ml\n"
		       "include a.list field=banner\n"
		       "protect army.mil field=banner action=redirect\n"
		       "include a.list field=from action=redirect\n",
		       "rules.conf:1:18: error: redirect is for recipients; expected the field rcpt, or the action "
		       "reject\n"
		       "rules.conf:2:23: error: a banner has the name of a server, not an address; expected domain or "
		       "regex\n"
		       "rules.conf:3:16: error: \"baner\" is no field; expected rcpt, from, any or banner\n"
		       "rules.conf:4:14: error: a banner has the name of a server, not an address; expected domain or "
		       "regex\n"
		       "rules.conf:6:9: error: redirect is for recipients; expected the field rcpt, or the action "
		       "reject\n"
		       "rules.conf:7:9: error: redirect is for recipients; expected the field rcpt, or the action "
		       "reject\n"
		       "a.list:2:1: error: a banner has the name of a server, not an address; expected domain or "
		       "regex\n");
}

static void
a_public_suffix_is_refused_unless_it_is_forced(void **state)
{
	assert_refused(*state, "rule r flag rcpt domain ml\n",
		       "rules.conf:1:25: error: \"ml\" is a public suffix: the rule would judge every domain below it; "
		       "expected a longer domain, or force=yes\n");
	assert_false(fixture_build(*state, "rule r flag rcpt domain co.uk\n"));
	assert_builds(*state, "rule r flag rcpt domain ml force=yes\n");
	assert_builds(*state, "allow rcpt domain ml\n");
	assert_builds(*state, "rule r flag rcpt domain armymil\n");
}

static void
a_regular_expression_is_refused_at_its_column_with_the_engines_words(void **state)
{
	assert_refused(*state, "rule r flag rcpt regex ab(c\n",
		       "rules.conf:1:24: error: \"ab(c\" is no regular expression: Missing close parenthesis for group "
		       "started at index 2.; expected Hyperscan syntax\n");
	assert_refused(
		*state, "rule r flag rcpt regex a*\n",
		"rules.conf:1:24: error: \"a*\" matches the empty string, hence every address; expected at least "
		"one character that must be there\n");
}

static void
a_rule_that_an_allow_covers_is_a_warning(void **state)
{
	struct fixture *f = *state;

	assert_builds(f, "allow rcpt domain army.ml\n"
			 "rule r1 reject rcpt domain x.army.ml\n"
			 "rule r2 reject any domain x.army.ml\n"
			 "rule r3 reject rcpt address a@army.ml\n"
			 "rule r4 reject rcpt domain xarmy.ml\n");
	assert_string_equal(f->messages, "rules.conf:2:28: warning: \"x.army.ml\" never matches: army.ml is allowed at "
					 "rules.conf:1:19\n"
					 "rules.conf:4:29: warning: \"a@army.ml\" never matches: army.ml is allowed at "
					 "rules.conf:1:19\n");
}

static void
names_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char *name, *why;
	} bad[] = {
		{ "*.army.ml", "a domain stands for its sub-domains already" },
		{ "http://a.ml", "it looks like a URL" },
		{ "a@b.ml", "it is an address" },
		{ "-a.ml", "begins or ends with '-'" },
		{ "a..ml", "empty label" },
		{ "a!b.ml", "character that no domain has" },
		{ "xn--99999999.ml", "xn-- label does not decode" },
		{ "\xc3\x28.ml", "is no domain" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[128];
		snprintf(text, sizeof(text), "rule r flag rcpt domain %s\n", bad[i].name);
		assert_false(fixture_build(f, text));
		if (strstr(f->messages, bad[i].why) == NULL)
			fail_msg("%s: %s", bad[i].name, f->messages);
	}
}

static void
options_are_checked(void **state)
{
	static const char *const bad[] = {
		"mode=sample:0",
		"mode=sample:101",
		"mode=on",
		"confidence=0",
		"means=",
		"means=a.ml,",
		"template=\"{oops}\"",
		"class=\"a b\"",
		"force=maybe",
		"id=x",
		"class=a class=b",
		"word",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[128];
		snprintf(text, sizeof(text), "rule r reject rcpt domain a.ml %s\n", bad[i]);
		if (fixture_build(*state, text))
			fail_msg("%s was taken", bad[i]);
	}
}

static void
includes_are_relative_sorted_and_may_be_absent_only_as_globs(void **state)
{
	struct fixture *f = *state;

	fixture_write("z2.conf", "rule z2 flag rcpt domain z2.ml\n");
	fixture_write("z1.conf", "rule z1 flag rcpt domain z1.ml\n");
	assert_builds(f, "include z*.conf\ninclude none*.conf\n");
	assert_int_equal(f->result.files, 3);
	assert_refused(f, "include none.conf\n",
		       "rules.conf:1:9: error: none.conf cannot be read: No such file or directory; expected a rule "
		       "file or list\n");
}

static void
a_circle_of_includes_is_named(void **state)
{
	fixture_write("a.conf", "include rules.conf\n");
	assert_refused(*state, "include a.conf\n",
		       "a.conf:1:9: error: a circle of includes: rules.conf includes a.conf includes rules.conf; "
		       "expected each file to come once\n");
}

static void
includes_go_only_so_deep(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 20; i++) {
		char name[32], text[32];
		snprintf(name, sizeof(name), "d%d.conf", i);
		snprintf(text, sizeof(text), "include d%d.conf\n", i + 1);
		fixture_write(name, text);
	}
	assert_false(fixture_build(f, "include d0.conf\n"));
	assert_non_null(strstr(f->messages, "d15.conf is included too deeply; expected at most 16 levels"));
}

static void
the_files_of_a_rule_set_can_be_listed(void **state)
{
	static const char *const expected[] = { "rules.conf", "sub/a.list", "missing.conf", "./", "sub/" };
	size_t n;

	assert_int_equal(system("mkdir sub"), 0);
	fixture_write("sub/a.list", "a.ml\n");
	fixture_build(*state, "include sub/*.list\ninclude missing.conf\n");
	char **files = build_rule_files("rules.conf", &n);
	assert_int_equal(n, 5);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(files[i], expected[i]);
	build_rule_files_free(files, n);
	assert_int_equal(system("rm -r sub"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_is_split_at_blanks_and_a_comment_ends_it),
		TEST(quotes_keep_blanks_and_know_three_escapes),
		TEST(every_cut_of_a_line_is_read_within_its_bounds),
		TEST(a_line_of_the_greatest_length_and_number_of_words_is_read),
		TEST(the_forms_of_the_contract_are_read),
		TEST(all_errors_of_all_files_come_in_one_go_by_place),
		TEST(a_redirect_is_for_recipients_alone),
		TEST(a_banner_is_the_name_of_a_server_and_ends_a_session),
		TEST(a_public_suffix_is_refused_unless_it_is_forced),
		TEST(a_regular_expression_is_refused_at_its_column_with_the_engines_words),
		TEST(a_rule_that_an_allow_covers_is_a_warning),
		TEST(names_are_refused_with_a_reason),
		TEST(options_are_checked),
		TEST(includes_are_relative_sorted_and_may_be_absent_only_as_globs),
		TEST(a_circle_of_includes_is_named),
		TEST(includes_go_only_so_deep),
		TEST(the_files_of_a_rule_set_can_be_listed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
