/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "verdict/verdict.h"

/* Offsets of the strings below. */
enum { NONE = 0, MIL = 1, NL = 10, TYPO = 18 };
static const char strings[] = "\0army.mil\0army.nl\0typo";

static struct rule rules[] = {
	{ .means = MIL, .action = ACTION_REJECT, .fields = FIELD_RCPT, .mode = MODE_ENFORCE },
	{ .means = NONE, .action = ACTION_FLAG, .fields = FIELD_RCPT | FIELD_FROM, .mode = MODE_ENFORCE },
	{ .means = MIL, .action = ACTION_ALLOW, .fields = FIELD_RCPT, .mode = MODE_ENFORCE },
};
static const struct pattern patterns[] = {
	{ .rule = 0, .specificity = 10, .action = ACTION_REJECT, .class_name = TYPO },
	{ .rule = 1, .specificity = 20, .action = ACTION_FLAG },
	{ .rule = 2, .specificity = 1, .action = ACTION_ALLOW },
	{ .rule = 1, .specificity = 10, .action = ACTION_DEFER, .means = NL },
	{ .rule = 1, .specificity = 10, .action = ACTION_REJECT },
	{ .rule = 99, .specificity = 99, .action = ACTION_DROP },
};
static const struct rule_tables tables = {
	.rules = rules,
	.patterns = patterns,
	.strings = strings,
	.rule_count = 3,
	.pattern_count = 6,
	.string_len = sizeof strings,
};

static struct verdict
verdict_of(unsigned field, const uint32_t *ids, unsigned n)
{
	struct verdict v;

	verdict_begin(&v);
	for (unsigned i = 0; i < n; i++)
		verdict_consider(&v, &tables, ids[i], field);
	verdict_settle(&v, 41);
	return v;
}
#define VERDICT(field, ...)                                                                                            \
	verdict_of(field, (const uint32_t[]){ __VA_ARGS__ },                                                           \
		   sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

/* The same winner in whatever order the engine reports. */
static void
assert_winner(uint32_t winner, uint32_t loser)
{
	assert_ptr_equal(VERDICT(FIELD_RCPT, winner, loser).pattern, &patterns[winner]);
	assert_ptr_equal(VERDICT(FIELD_RCPT, loser, winner).pattern, &patterns[winner]);
}

static void
without_a_match_an_address_passes(void **state)
{
	struct verdict v = VERDICT(FIELD_RCPT, 77);

	assert_null(v.rule);
	assert_int_equal(v.action, ACTION_PASS);
	assert_int_equal(v.applied, ACTION_PASS);
	assert_string_equal(verdict_means(&v, &tables), "");
	assert_string_equal(verdict_class(&v, &tables), "");
}

static void
allow_beats_everything_however_vague_it_is(void **state)
{
	assert_winner(2, 1);
	assert_winner(2, 0);
	assert_int_equal(VERDICT(FIELD_RCPT, 0, 2).applied, ACTION_ALLOW);
}

static void
the_more_specific_pattern_beats_the_graver_one(void **state)
{
	assert_winner(1, 0);
}

static void
among_equally_specific_patterns_the_graver_one_wins(void **state)
{
	assert_winner(0, 3);
	assert_winner(4, 3);
}

static void
among_equals_the_earlier_rule_wins(void **state)
{
	assert_winner(0, 4);
}

static void
a_rule_for_other_fields_or_out_of_range_says_nothing(void **state)
{
	assert_int_equal(VERDICT(FIELD_FROM, 0).action, ACTION_PASS);
	assert_int_equal(VERDICT(FIELD_FROM, 1).action, ACTION_FLAG);
	assert_int_equal(VERDICT(FIELD_RCPT, 5, 6, UINT32_MAX).action, ACTION_PASS);
}

static void
a_pattern_names_its_own_meaning_before_that_of_its_rule(void **state)
{
	struct verdict v = VERDICT(FIELD_RCPT, 3);
	assert_string_equal(verdict_means(&v, &tables), "army.nl");
	v = VERDICT(FIELD_RCPT, 0);
	assert_string_equal(verdict_means(&v, &tables), "army.mil");
	assert_string_equal(verdict_class(&v, &tables), "typo");
}

static void
an_observed_rule_only_flags_and_a_sampled_one_acts_on_its_share_of_flows(void **state)
{
	struct verdict v = VERDICT(FIELD_RCPT, 0);
	unsigned acted = 0;

	assert_int_equal(v.applied, ACTION_REJECT);
	rules[0].mode = MODE_OBSERVE;
	verdict_settle(&v, 0);
	assert_int_equal(v.applied, ACTION_FLAG);
	assert_int_equal(v.action, ACTION_REJECT);

	rules[0].mode = MODE_SAMPLE;
	rules[0].sample = 30;
	for (uint32_t flow = 0; flow < 1000; flow++) {
		verdict_settle(&v, flow);
		acted += v.applied == ACTION_REJECT;
	}
	assert_int_equal(acted, 300);
	rules[0].mode = MODE_ENFORCE;

	rules[2].mode = MODE_OBSERVE;
	v = VERDICT(FIELD_RCPT, 2);
	assert_int_equal(v.applied, ACTION_ALLOW);
	rules[2].mode = MODE_ENFORCE;
}

static void
every_action_has_a_word_that_leads_back_to_it(void **state)
{
	for (enum action a = ACTION_PASS; a < ACTION_COUNT; a++)
		assert_int_equal(action_of(view_of(action_name(a), strlen(action_name(a)))), a);
	assert_int_equal(action_of(view_of("rejected", 8)), ACTION_COUNT);
	assert_int_equal(action_of(view_of("", 0)), ACTION_COUNT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_match_an_address_passes),
		cmocka_unit_test(allow_beats_everything_however_vague_it_is),
		cmocka_unit_test(the_more_specific_pattern_beats_the_graver_one),
		cmocka_unit_test(among_equally_specific_patterns_the_graver_one_wins),
		cmocka_unit_test(among_equals_the_earlier_rule_wins),
		cmocka_unit_test(a_rule_for_other_fields_or_out_of_range_says_nothing),
		cmocka_unit_test(a_pattern_names_its_own_meaning_before_that_of_its_rule),
		cmocka_unit_test(an_observed_rule_only_flags_and_a_sampled_one_acts_on_its_share_of_flows),
		cmocka_unit_test(every_action_has_a_word_that_leads_back_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
