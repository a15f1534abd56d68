/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules_fixture.h"

#include "rules/parser.h"

/* Reads rules.conf and gives its patterns as "kind:action:text" with blanks between. */
static char *
patterns_of(const char *rules)
{
	static char text[4096];
	struct ruleset_source s;
	struct messages m = { 0 };

	fixture_write("rules.conf", rules);
	source_init(&s);
	rules_parse("rules.conf", &s, &m);
	text[0] = '\0';
	for (size_t i = 0; i < s.pattern_count; i++) {
		const struct source_pattern *p = &s.patterns[i];
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s:%s:%s", i > 0 ? " " : "",
			 source_string(&s, s.rules[p->rule].id), action_name(p->action),
			 (const char *)source_text(&s, p).at);
	}
	assert_int_equal(m.errors, 0);
	messages_free(&m);
	source_free(&s);
	return text;
}

static void
a_list_is_one_flagging_rule_named_after_its_file(void **state)
{
	fixture_write("bad.list", "a.ml\nB.ml.\n\n# comment\nc.ml # why\n");
	assert_string_equal(patterns_of("include bad.list\n"), "bad:flag:a.ml bad:flag:b.ml bad:flag:c.ml");
}

static void
a_hosts_file_is_read_without_the_names_of_the_host(void **state)
{
	fixture_write("x.hosts", "127.0.0.1 localhost localhost.localdomain\r\n"
				 "::1\tip6-localhost\r\n"
				 "0.0.0.0 a.ml b.ml # both\r\n"
				 "0.0.0.0\r\n");
	assert_string_equal(patterns_of("include x.hosts\n"), "x:flag:a.ml x:flag:b.ml");
}

static void
wildcards_byte_order_marks_addresses_and_a_missing_line_end_are_tolerated(void **state)
{
	fixture_write("l.txt", "\xef\xbb\xbf*.a.ml\n.b.ml\nBob@c.ml\nd.ml");
	assert_string_equal(patterns_of("include l.txt\n"), "l:flag:a.ml l:flag:b.ml l:flag:bob@c.ml l:flag:d.ml");
}

static void
the_options_of_the_include_are_those_of_its_lists(void **state)
{
	fixture_write("a.list", "a.ml\n");
	fixture_write("b.list", "b.ml\n");
	assert_string_equal(patterns_of("include ?.list id=slips action=reject means=army.mil mode=observe\n"),
			    "slips:reject:a.ml slips:reject:b.ml");
	assert_string_equal(patterns_of("include ?.list action=allow\n"), "a:allow:a.ml b:allow:b.ml");
}

static void
any_file_is_a_list_where_the_include_says_so(void **state)
{
	fixture_write("feed.conf", "a.ml\n");
	fixture_write("rules.txt", "rule r flag rcpt domain b.ml\n");
	assert_string_equal(patterns_of("include feed.conf format=list\ninclude rules.txt format=rules\n"),
			    "feed:flag:a.ml r:flag:b.ml");
}

static void
errors_of_a_list_name_line_and_column(void **state)
{
	fixture_write("l.list", "a.ml\n  b..ml\na.ml b.ml\n0.0.0.0 c.ml co.uk\n");
	assert_refused(*state, "include l.list\n",
		       "l.list:2:3: error: \"b..ml\" is no domain: it has an empty label; expected one dot between "
		       "labels\n"
		       "l.list:3:6: error: \"b.ml\" follows a domain; expected one domain a line\n"
		       "l.list:4:14: error: \"co.uk\" is a public suffix: the rule would judge every domain below it; "
		       "expected a longer domain, or force=yes\n");
}

static void
two_lists_of_one_name_are_told_apart_by_id(void **state)
{
	fixture_write("l.list", "a.ml\n");
	fixture_write("l.txt", "b.ml\n");
	assert_refused(*state, "include l.list\ninclude l.txt\n",
		       "l.txt:1:1: error: rule id \"l\" is taken: it was first used at l.list:1:1; expected another "
		       "id\n");
	assert_builds(*state, "include l.list\ninclude l.txt id=m\n");
}

static void
an_empty_list_and_options_for_a_rule_file_are_warnings(void **state)
{
	struct fixture *f = *state;

	fixture_write("empty.list", "# nothing yet\n");
	fixture_write("more.conf", "rule r flag rcpt domain a.ml\n");
	assert_builds(f, "include empty.list\ninclude more.conf action=reject\n");
	assert_string_equal(f->messages,
			    "rules.conf:2:9: warning: more.conf is read as a rule file, to which the options of this "
			    "include do not apply; a list is *.list, *.txt, *.hosts, or has format=list\n"
			    "empty.list: warning: the list holds no domain: its rule matches nothing\n");
}

static void
ten_thousand_domains_compile_within_two_seconds(void **state)
{
	struct fixture *f = *state;
	FILE *list = fopen("big.list", "w");

	for (unsigned i = 0; i < 10000; i++)
		fprintf(list, "host%u.typo%x.ml\n", i, i * 2654435761u);
	fclose(list);
	assert_builds(f, "include big.list\n");
	assert_int_equal(f->result.patterns, 10000);
#ifndef __SANITIZE_ADDRESS__
	assert_true(f->result.parse_ns + f->result.compile_ns < 2000000000);
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_list_is_one_flagging_rule_named_after_its_file),
		TEST(a_hosts_file_is_read_without_the_names_of_the_host),
		TEST(wildcards_byte_order_marks_addresses_and_a_missing_line_end_are_tolerated),
		TEST(the_options_of_the_include_are_those_of_its_lists),
		TEST(any_file_is_a_list_where_the_include_says_so),
		TEST(errors_of_a_list_name_line_and_column),
		TEST(two_lists_of_one_name_are_told_apart_by_id),
		TEST(an_empty_list_and_options_for_a_rule_file_are_warnings),
		TEST(ten_thousand_domains_compile_within_two_seconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
