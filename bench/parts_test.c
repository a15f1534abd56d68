/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of the benchmark that figures go through: histogram, spread, model, scenario. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "histogram.h"
#include "model.h"
#include "scenario.h"
#include "stats.h"

static void
every_value_is_in_a_bucket_that_ends_at_most_a_64th_above_it(void **state)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		for (int step = -1; step <= 1; step++) {
			uint64_t value = (1ULL << bit) + (uint64_t)step;
			uint64_t edge = histogram_edge(histogram_bucket(value));
			assert_true(histogram_bucket(value) < HISTOGRAM_BUCKETS);
			assert_true(edge >= value);
			assert_true(edge - value <= value / HISTOGRAM_STEPS);
		}
	}
}

static void
buckets_follow_each_other_without_a_gap(void **state)
{
	for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
		assert_int_equal(histogram_bucket(histogram_edge(i)), i);
		assert_int_equal(histogram_bucket(histogram_edge(i) + 1), i + 1);
	}
}

static void
percentiles_are_those_of_what_was_added(void **state)
{
	static struct histogram h;

	for (uint64_t i = 1; i <= 1000; i++)
		histogram_add(&h, i * 1000);
	for (unsigned share = 1; share <= 100; share++) {
		uint64_t at = histogram_at(&h, share / 100.0), exact = share * 10000;
		assert_true(at >= exact && at <= exact + exact / HISTOGRAM_STEPS);
	}
	assert_int_equal(histogram_at(&h, 1), 1000000);
	assert_int_equal(h.most, 1000000);
}

static void
an_empty_histogram_says_0(void **state)
{
	static const struct histogram h;

	assert_int_equal(histogram_at(&h, 0.5), 0);
}

static void
a_spread_has_quartiles_between_its_ends(void **state)
{
	double value[] = { 5, 1, 4, 2, 3 };
	struct spread s = spread_of(value, 5);

	assert_float_equal((float)s.least, 1, 1e-5);
	assert_float_equal((float)s.low, 2, 1e-5);
	assert_float_equal((float)s.median, 3, 1e-5);
	assert_float_equal((float)s.high, 4, 1e-5);
	assert_float_equal((float)s.most, 5, 1e-5);
}

static void
a_median_of_an_even_number_lies_between_the_middle_two(void **state)
{
	double value[] = { 4, 1, 2, 3 };

	assert_float_equal((float)spread_of(value, 4).median, 2.5, 1e-5);
}

static void
workers_that_cost_each_other_nothing_scale_linearly(void **state)
{
	struct model m = { .mpps = 5, .contention = model_contention(5, 10.2, 2), .memory_mpps = 1000 };

	assert_float_equal((float)model_mpps(&m, 16), 80, 1e-5);
}

static void
the_model_goes_through_what_was_measured(void **state)
{
	struct model m = { .mpps = 5, .contention = model_contention(5, 9, 2), .memory_mpps = 1000 };

	assert_float_equal((float)model_mpps(&m, 1), 5, 1e-5);
	assert_float_equal((float)model_mpps(&m, 2), 9, 1e-5);
	assert_true(model_mpps(&m, 4) < 18);
}

static void
memory_bounds_all_workers_together(void **state)
{
	struct model m = { .mpps = 5, .memory_mpps = model_memory(24, 2400) };

	assert_float_equal((float)m.memory_mpps, 10, 1e-5);
	assert_float_equal((float)model_mpps(&m, 8), 10, 1e-5);
}

/* Reads a scenario of these lines. */
static bool
read_lines(const char *lines, struct scenario *s)
{
	char path[] = "/tmp/postern-parts-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");

	assert_non_null(file);
	fputs(lines, file);
	fclose(file);
	bool good = scenario_read(s, path);
	unlink(path);
	return good;
}

static void
a_scenario_says_what_differs_from_the_ordinary(void **state)
{
	struct scenario s;

	assert_true(
		read_lines("# a comment\ntitle two words # and a comment\nmail 0\nflagged 0.01\npayload dram\n", &s));
	assert_string_equal(s.title, "two words");
	assert_int_equal(s.mail, 0);
	assert_float_equal((float)s.flagged, 0.01, 1e-5);
	assert_true(s.dram);
	assert_int_equal(s.flows, 100000);
	assert_int_equal(s.patterns, 10000);
}

static void
a_scenario_with_a_word_or_value_that_nobody_knows_is_refused(void **state)
{
	struct scenario s;

	assert_false(read_lines("mails 1\n", &s));
	assert_false(read_lines("mail many\n", &s));
	assert_false(read_lines("payload nowhere\n", &s));
	assert_false(read_lines("flagged 101\n", &s));
	assert_false(read_lines("flows 0\n", &s));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_is_in_a_bucket_that_ends_at_most_a_64th_above_it),
		cmocka_unit_test(buckets_follow_each_other_without_a_gap),
		cmocka_unit_test(percentiles_are_those_of_what_was_added),
		cmocka_unit_test(an_empty_histogram_says_0),
		cmocka_unit_test(a_spread_has_quartiles_between_its_ends),
		cmocka_unit_test(a_median_of_an_even_number_lies_between_the_middle_two),
		cmocka_unit_test(workers_that_cost_each_other_nothing_scale_linearly),
		cmocka_unit_test(the_model_goes_through_what_was_measured),
		cmocka_unit_test(memory_bounds_all_workers_together),
		cmocka_unit_test(a_scenario_says_what_differs_from_the_ordinary),
		cmocka_unit_test(a_scenario_with_a_word_or_value_that_nobody_knows_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
