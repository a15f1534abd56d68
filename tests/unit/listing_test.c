/* SPDX-License-Identifier: BSD-3-Clause */
/* What `postern show rules` says of the rules and protected names of a rule set. */
#include "rules_fixture.h"

#include "daemon/listing.h"
#include "command/show.h"

static const char *
text(const json_t *rule, const char *key)
{
	const char *value = json_string_value(json_object_get(rule, key));

	return value != NULL ? value : "";
}

/* Builds and lists `rules`; owned by the caller. */
static json_t *
list(struct fixture *f, const char *rules)
{
	assert_true(fixture_build(f, rules));
	return listing_of("rules.conf", &f->result);
}

static void
a_protected_name_is_listed_with_what_was_said_of_it(void **state)
{
	json_t *all = list(*state, "group forces mode=sample:10 action=defer\n"
				   "protect army.mil group=forces id=army\n"
				   "protect gmail.com classes=all:off,vowel:observe,omission\n"
				   "rule r1 reject rcpt domain example.com\n");
	const json_t *army = json_array_get(all, 0), *gmail = json_array_get(all, 1), *rule = json_array_get(all, 2);

	assert_int_equal(json_array_size(all), 3);
	assert_string_equal(text(army, "id"), "army");
	assert_string_equal(text(army, "kind"), "protect");
	assert_string_equal(text(army, "pattern"), "army.mil");
	assert_string_equal(text(army, "action"), "defer");
	assert_string_equal(text(army, "mode"), "sample:10%");
	assert_string_equal(text(army, "group"), "forces");
	assert_string_equal(text(army, "classes"), "");
	assert_string_equal(text(army, "at"), "rules.conf:2");
	assert_string_equal(text(gmail, "id"), "protect:gmail.com");
	assert_string_equal(text(gmail, "mode"), "observe");
	assert_string_equal(text(gmail, "classes"), "all:off,omission:block,vowel:observe");
	assert_string_equal(text(rule, "id"), "r1");
	assert_null(json_object_get(rule, "lookalikes"));
	json_decref(all);
}

/* gmail.com: mail.com is its first letter lost, which is off; gail gmil gmal gmai are left, each once. */
static void
its_lookalikes_are_counted_each_once(void **state)
{
	json_t *all = list(*state, "protect gmail.com classes=all:off,omission\n"
				   "protect gmaill.com classes=all:off,omission\n");
	static const json_int_t expected[] = { 4, 3 }; /* the second: one of the two l lost is gmail.com, protected */

	for (size_t i = 0; i < 2; i++)
		assert_int_equal(json_integer_value(json_object_get(json_array_get(all, i), "lookalikes")),
				 expected[i]);
	json_decref(all);
}

static void
people_see_names_and_patterns_apart(void **state)
{
	json_t *answer = json_pack("{s:o, s:i, s:i, s:i, s:i}", "rules",
				   list(*state, "protect army.mil\nrule r1 reject rcpt domain example.com\n"),
				   "generation", 7, "live", 7, "patterns_total", 1, "files_total", 1);
	char *printed = NULL;
	size_t len;
	FILE *out = open_memstream(&printed, &len);

	show_rules(out, answer);
	fclose(out);
	assert_non_null(strstr(printed, "LOOKALIKES"));
	assert_non_null(strstr(printed, "1 of 1 patterns shown"));
	assert_non_null(strstr(printed, "1 protected names"));
	free(printed);
	json_decref(answer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_protected_name_is_listed_with_what_was_said_of_it, fixture_begin,
						fixture_end),
		cmocka_unit_test_setup_teardown(its_lookalikes_are_counted_each_once, fixture_begin, fixture_end),
		cmocka_unit_test_setup_teardown(people_see_names_and_patterns_apart, fixture_begin, fixture_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
