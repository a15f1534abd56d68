/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "edit/ledger.h"
#include "guard.h"

/* The stream of all tests starts so that numbers wrap in its middle. */
#define ISN (UINT32_MAX - 10)
static const char stream[] = "250 one\r\n250 two\r\n250 three\r\n"; /* 9 + 9 + 11 */
static const uint8_t text[] = "550 no\r\n451 late\r\n";

/* "250 two\r\n" replaced by "550 no\r\n". */
static struct ledger
one_reply(void)
{
	struct ledger l;

	ledger_init(&l, ISN);
	assert_true(ledger_insert(&l, ISN + 9, 9, 8));
	return l;
}

/* What leaves for stream octets [from, to), as a string; *seq: where, as an offset. */
static const char *
leaves(const struct ledger *l, uint32_t from, uint32_t to, uint32_t *seq)
{
	static struct guard in, out;
	static char result[128];
	uint8_t none[128] = { 0 };

	if (in.map == NULL) {
		in = guard_new(128);
		out = guard_new(128);
	}
	uint8_t *segment = guard_end(&in, stream + from, to - from);
	size_t len = ledger_rewrite(l, text, ISN + from, segment, to - from, (uint8_t *)result, sizeof result);
	/* Exactly enough room suffices, one octet less does not. */
	assert_int_equal(ledger_rewrite(l, text, ISN + from, segment, to - from, guard_end(&out, none, len), len), len);
	if (len > 0)
		assert_int_equal(ledger_rewrite(l, text, ISN + from, segment, to - from, guard_end(&out, none, len - 1),
						len - 1),
				 SIZE_MAX);
	result[len] = '\0';
	*seq = ledger_start(l, ISN + from) - ISN;
	return result;
}

static void
an_insertion_rides_whole_on_its_first_removed_octet(void **state)
{
	struct ledger l = one_reply();
	uint32_t seq;

	assert_string_equal(leaves(&l, 0, 29, &seq), "250 one\r\n550 no\r\n250 three\r\n");
	assert_int_equal(seq, 0);
	assert_string_equal(leaves(&l, 0, 10, &seq), "250 one\r\n550 no\r\n");
	assert_string_equal(leaves(&l, 9, 10, &seq), "550 no\r\n");
	assert_int_equal(seq, 9);
	assert_string_equal(leaves(&l, 10, 18, &seq), "");
	assert_int_equal(seq, 17);
	assert_string_equal(leaves(&l, 12, 23, &seq), "250 t");
	assert_int_equal(seq, 17);
	assert_string_equal(leaves(&l, 18, 29, &seq), "250 three\r\n");
	assert_int_equal(seq, 17);
}

static void
an_ack_inside_an_insertion_asks_for_all_of_it_again(void **state)
{
	struct ledger l = one_reply();

	assert_int_equal(ledger_ack(&l, ISN + 9) - ISN, 9);
	assert_int_equal(ledger_ack(&l, ISN + 16) - ISN, 9);
	assert_int_equal(ledger_ack(&l, ISN + 17) - ISN, 18);
	assert_int_equal(ledger_ack(&l, ISN + 28) - ISN, 29);
	/* The left edge of a block is rounded the other way. */
	assert_int_equal(ledger_ack_up(&l, ISN + 9) - ISN, 9);
	assert_int_equal(ledger_ack_up(&l, ISN + 10) - ISN, 18);
	assert_int_equal(ledger_ack_up(&l, ISN + 17) - ISN, 18);
}

static void
an_overlay_maps_octet_for_octet_and_is_the_same_in_any_cut(void **state)
{
	struct ledger l;
	uint32_t seq;

	ledger_init(&l, ISN);
	assert_true(ledger_overlay(&l, ISN + 9, 7, OVERLAY_NOOP));
	assert_string_equal(leaves(&l, 0, 29, &seq), "250 one\r\nNOOP   \r\n250 three\r\n");
	assert_string_equal(leaves(&l, 11, 15, &seq), "OP  ");
	assert_int_equal(seq, 11);
	for (uint32_t at = 0; at < 29; at++) {
		assert_int_equal(ledger_seq(&l, ISN + at), ISN + at);
		assert_int_equal(ledger_ack(&l, ISN + at), ISN + at);
		assert_int_equal(ledger_ack_up(&l, ISN + at), ISN + at);
	}
	assert_false(ledger_touches(&l, ISN, 9));
	assert_true(ledger_touches(&l, ISN, 10));
	assert_true(ledger_touches(&l, ISN + 15, 1));
	assert_false(ledger_touches(&l, ISN + 16, 13));
}

static void
an_insertion_may_grow_while_it_is_open(void **state)
{
	struct ledger l;
	uint32_t seq;

	ledger_init(&l, ISN);
	assert_true(ledger_insert(&l, ISN + 9, 8, 8)); /* as long as its text: still no overlay */
	assert_int_equal(ledger_ack(&l, ISN + 12) - ISN, 9);
	assert_true(ledger_grow(&l, ISN + 17, 1));
	assert_int_equal(l.count, 1);
	assert_string_equal(leaves(&l, 9, 10, &seq), "550 no\r\n");
	assert_string_equal(leaves(&l, 17, 18, &seq), "");
	assert_int_equal(ledger_ack(&l, ISN + 17) - ISN, 18);
	assert_false(ledger_grow(&l, ISN + 18, LEDGER_PAST));
	/* Not right behind it: an entry of its own, and what lies between stays. */
	assert_true(ledger_grow(&l, ISN + 20, 9));
	assert_string_equal(leaves(&l, 9, 29, &seq), "550 no\r\n25");
}

static void
what_comes_behind_a_folded_insertion_is_removed_as_well(void **state)
{
	struct ledger l;
	uint32_t seq;

	ledger_init(&l, ISN);
	assert_true(ledger_insert(&l, ISN + 9, 4, 8));
	assert_int_equal(ledger_fold(&l, ISN + 13), 8);
	assert_true(ledger_grow(&l, ISN + 13, 5));
	assert_string_equal(leaves(&l, 13, 29, &seq), "250 three\r\n");
	assert_int_equal(seq, 17);
	assert_int_equal(ledger_ack(&l, ISN + 17) - ISN, 18);
}

static void
a_folded_edit_shifts_what_follows_and_never_shows_what_it_hid(void **state)
{
	struct ledger l = one_reply();
	uint32_t seq;

	assert_true(ledger_insert(&l, ISN + 18, 11, 10));
	assert_int_equal(ledger_fold(&l, ISN + 17), 0);
	assert_int_equal(l.count, 2);
	assert_int_equal(ledger_fold(&l, ISN + 18), 8);
	assert_int_equal(l.count, 1);
	assert_int_equal(l.entry[0].text, 0);
	assert_int_equal(ledger_seq(&l, ISN + 18) - ISN, 17);
	assert_int_equal(ledger_ack(&l, ISN + 17) - ISN, 18);
	assert_true(ledger_touches(&l, ISN + 9, 9));
	assert_string_equal(leaves(&l, 0, 18, &seq), "");
	assert_int_equal(seq, 17);
	assert_int_equal(ledger_fold(&l, ISN + 29), 10);
	assert_true(l.count == 0 && l.shift != 0);
}

static void
the_floor_follows_a_stream_of_many_gigabytes(void **state)
{
	struct ledger l;
	uint32_t acked = ISN;

	ledger_init(&l, acked);
	assert_true(ledger_overlay(&l, ISN + 9, 7, OVERLAY_NOOP));
	for (unsigned i = 0; i < 20; i++) {
		acked += UINT32_C(1) << 29;
		ledger_fold(&l, acked);
		assert_false(ledger_touches(&l, acked, 1000));
		assert_int_equal(ledger_seq(&l, acked), acked);
	}
	assert_true(l.count == 0 && l.shift == 0);
}

static void
a_full_ledger_and_entries_out_of_order_are_refused(void **state)
{
	struct ledger l;

	ledger_init(&l, ISN);
	assert_false(ledger_insert(&l, ISN, 0, 5));
	assert_false(ledger_insert(&l, ISN, LEDGER_PAST + 1, 5));
	for (uint32_t i = 0; i < LEDGER_ENTRIES; i++)
		assert_true(ledger_insert(&l, ISN + 2 * i, 1, 2));
	struct ledger before = l;
	assert_false(ledger_insert(&l, ISN + 100, 1, 2));
	assert_false(ledger_overlay(&l, ISN + 100, 1, OVERLAY_QUIT));
	assert_memory_equal(&before, &l, sizeof l);
	ledger_fold(&l, ISN + 29);
	assert_int_equal(l.count, 1);
	assert_false(ledger_insert(&l, ISN + 30, 1, 2));
	assert_false(ledger_overlay(&l, ISN + 20, 4, OVERLAY_QUIT));
	assert_true(ledger_overlay(&l, ISN + 31, 4, OVERLAY_QUIT));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_insertion_rides_whole_on_its_first_removed_octet),
		cmocka_unit_test(an_ack_inside_an_insertion_asks_for_all_of_it_again),
		cmocka_unit_test(an_overlay_maps_octet_for_octet_and_is_the_same_in_any_cut),
		cmocka_unit_test(an_insertion_may_grow_while_it_is_open),
		cmocka_unit_test(what_comes_behind_a_folded_insertion_is_removed_as_well),
		cmocka_unit_test(a_folded_edit_shifts_what_follows_and_never_shows_what_it_hid),
		cmocka_unit_test(the_floor_follows_a_stream_of_many_gigabytes),
		cmocka_unit_test(a_full_ledger_and_entries_out_of_order_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
