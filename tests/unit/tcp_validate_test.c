/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_world.h"

static struct world x;

#define CTR(name) ((unsigned)x.ctr.value[CTR_##name])

static int
open_world(void **state)
{
	world_open(&x);
	return 0;
}

static int
close_world(void **state)
{
	world_close(&x);
	return 0;
}

/* The next segments carry these options. */
#define OPTIONS(s) (x.options = (s), x.options_len = sizeof(s) - 1)

/* NOP NOP timestamps, TSval as its last octet. */
#define TS(n) "\1\1\10\12\0\0\0" n "\0\0\0\0"

static void
open_with_timestamps(void)
{
	world_init(&x);
	OPTIONS(TS("\12"));
	give(&x, DIR_CLIENT, 0, TCP_SYN, "", 0);
	give(&x, DIR_SERVER, 0, TCP_SYN | TCP_ACK, "", 0);
	expect_left(&x, "<S> <S>");
}

static void
a_wrong_checksum_passes_unread(void **state)
{
	struct packet *p = world_segment(&x, DIR_CLIENT, 0, TCP_ACK, "ab;", 0);

	x.w.trust_checksums = false;
	p->data[p->len - 1] ^= 1;
	tcp_input(&x.w, &x.flow, p);
	expect_left(&x, "ab:");
	expect_seen(&x, DIR_CLIENT, "");
	assert_int_equal(CTR(bad_checksum), 1);
	say(&x, DIR_CLIENT, 0, "ab;");
	expect_seen(&x, DIR_CLIENT, "ab;");
}

static void
a_checksum_that_the_nic_verified_is_taken(void **state)
{
	struct packet *p = world_segment(&x, DIR_CLIENT, 0, TCP_ACK, "ab;", 0);

	x.w.trust_checksums = false;
	p->data[p->len - 1] ^= 1;
	p->flags |= PACKET_CHECKSUM_OK;
	tcp_input(&x.w, &x.flow, p);
	expect_seen(&x, DIR_CLIENT, "ab:");
}

static void
data_without_ack_passes_unread(void **state)
{
	give(&x, DIR_CLIENT, 0, 0, "ab;", 0);
	give(&x, DIR_CLIENT, 0, TCP_FIN, "", 0);
	expect_left(&x, "ab; <F>");
	expect_seen(&x, DIR_CLIENT, "");
	assert_int_equal(CTR(bad_segment), 2);
}

static void
a_syn_that_ends_or_resets_is_nonsense(void **state)
{
	give(&x, DIR_CLIENT, 0, TCP_SYN | TCP_FIN, "", 0);
	give(&x, DIR_CLIENT, 0, TCP_SYN | TCP_RST, "", 0);
	assert_int_equal(CTR(bad_segment), 2);
	assert_false(x.flow.tcp.reset);
}

static void
a_segment_beyond_the_window_passes_unread(void **state)
{
	say(&x, DIR_CLIENT, 65536, "ab;");
	expect_left(&x, "ab;");
	assert_int_equal(CTR(bad_segment), 1);
	say(&x, DIR_CLIENT, 65535, "ab;");
	assert_int_equal(CTR(bad_segment), 1);
	expect_left(&x, "");
}

static void
a_segment_far_behind_passes_unread(void **state)
{
	say(&x, DIR_CLIENT, 0u - (1u << 20) - 4, "ab;");
	assert_int_equal(CTR(bad_segment), 1);
	say(&x, DIR_CLIENT, 0u - (1u << 20), "ab;");
	assert_int_equal(CTR(bad_segment), 1);
	expect_left(&x, "ab; ab;");
}

static void
a_window_scale_counts_when_both_offer_it(void **state)
{
	world_init(&x);
	OPTIONS("\3\3\5\0");
	give(&x, DIR_CLIENT, 0, TCP_SYN, "", 0);
	give(&x, DIR_SERVER, 0, TCP_SYN | TCP_ACK, "", 0);
	say(&x, DIR_CLIENT, 8192 << 5, "ab;");
	assert_int_equal(CTR(bad_segment), 0);
	say(&x, DIR_CLIENT, (8192 << 5) + 1, "ab;");
	assert_int_equal(CTR(bad_segment), 1);
}

static void
a_window_scale_that_one_end_offers_counts_for_neither(void **state)
{
	world_init(&x);
	OPTIONS("\3\3\5\0");
	give(&x, DIR_CLIENT, 0, TCP_SYN, "", 0);
	x.options_len = 0;
	give(&x, DIR_SERVER, 0, TCP_SYN | TCP_ACK, "", 0);
	assert_int_equal(x.flow.tcp.half[DIR_CLIENT].wscale, 0);
	assert_int_equal(x.flow.tcp.half[DIR_SERVER].wscale, 0);
}

static void
without_the_handshake_a_mebibyte_is_in_reach(void **state)
{
	world_init(&x);
	say(&x, DIR_CLIENT, 0, "ab;");
	say(&x, DIR_CLIENT, 3 + (1 << 20), "cd;");
	assert_int_equal(CTR(bad_segment), 0);
	say(&x, DIR_CLIENT, 4 + (1 << 20), "cd;");
	assert_int_equal(CTR(bad_segment), 1);
}

static void
an_mss_is_that_of_the_syn_or_of_the_rfc(void **state)
{
	assert_int_equal(x.flow.tcp.half[DIR_CLIENT].mss, 536);
	world_init(&x);
	OPTIONS("\2\4\5\264");
	give(&x, DIR_CLIENT, 0, TCP_SYN, "", 0);
	assert_int_equal(x.flow.tcp.half[DIR_CLIENT].mss, 1460);
}

static void
a_signed_flow_is_read_only(void **state)
{
	world_init(&x);
	OPTIONS("\23\22"
		"0123456789abcdef"
		"\0\0");
	give(&x, DIR_CLIENT, 0, TCP_SYN, "", 0);
	give(&x, DIR_SERVER, 0, TCP_SYN | TCP_ACK, "", 0);
	assert_true(x.flow.tcp.signed_ && x.flow.tcp.read_only);
	assert_int_equal(CTR(blind_signed), 1);
	expect_left(&x, "<S> <S>");
	say(&x, DIR_CLIENT, 0, "abc");
	expect_left(&x, "abc");
	expect_seen(&x, DIR_CLIENT, "abc");
}

static void
an_old_timestamp_passes_unread(void **state)
{
	open_with_timestamps();
	OPTIONS(TS("\14"));
	say(&x, DIR_CLIENT, 0, "ab;");
	OPTIONS(TS("\13"));
	say(&x, DIR_CLIENT, 3, "XX;");
	assert_int_equal(CTR(old_timestamp), 1);
	expect_seen(&x, DIR_CLIENT, "ab;");
	OPTIONS(TS("\14"));
	say(&x, DIR_CLIENT, 3, "cd;");
	expect_seen(&x, DIR_CLIENT, "ab;cd;");
}

/* Its receiver may have acknowledged it already; we would see that ack too late. */
static void
segments_in_order_set_the_clock_before_they_are_acknowledged(void **state)
{
	open_with_timestamps();
	OPTIONS(TS("\14"));
	say(&x, DIR_CLIENT, 0, "ab;");
	OPTIONS(TS("\15"));
	say(&x, DIR_CLIENT, 3, "cd;");
	assert_int_equal(x.flow.tcp.half[DIR_CLIENT].ts_recent, 13);
	OPTIONS(TS("\14"));
	say(&x, DIR_CLIENT, 6, "XX;");
	assert_int_equal(CTR(old_timestamp), 1);
	expect_seen(&x, DIR_CLIENT, "ab;cd;");
}

static void
a_newer_segment_that_overtakes_does_not_set_the_clock(void **state)
{
	open_with_timestamps();
	OPTIONS(TS("\15"));
	say(&x, DIR_CLIENT, 3, "cd;");
	OPTIONS(TS("\14"));
	say(&x, DIR_CLIENT, 0, "ab;");
	assert_int_equal(CTR(old_timestamp), 0);
	expect_seen(&x, DIR_CLIENT, "ab;cd;");
}

static void
timestamps_that_one_end_offers_do_not_count(void **state)
{
	world_init(&x);
	OPTIONS(TS("\12"));
	give(&x, DIR_CLIENT, 0, TCP_SYN, "", 0);
	x.options_len = 0;
	give(&x, DIR_SERVER, 0, TCP_SYN | TCP_ACK, "", 0);
	OPTIONS(TS("\1"));
	say(&x, DIR_CLIENT, 0, "ab;");
	assert_int_equal(CTR(old_timestamp), 0);
}

static void
a_reset_that_is_not_at_the_next_number_resets_nothing(void **state)
{
	say(&x, DIR_CLIENT, 0, "abc");
	give(&x, DIR_CLIENT, 0u - 1, TCP_RST, "", 0);
	give(&x, DIR_CLIENT, 4, TCP_RST, "", 0);
	give(&x, DIR_CLIENT, 3 + 65535, TCP_RST, "", 0);
	assert_false(x.flow.tcp.reset);
	assert_int_equal(CTR(bad_segment), 3);
	expect_left(&x, "<R> <R> <R>");
	give(&x, DIR_CLIENT, 3, TCP_RST, "", 0);
	assert_true(x.flow.tcp.reset);
}

static void
a_reset_ignores_timestamps(void **state)
{
	open_with_timestamps();
	OPTIONS(TS("\1"));
	give(&x, DIR_CLIENT, 0, TCP_RST, "", 0);
	assert_true(x.flow.tcp.reset);
}

static void
a_refused_connection_is_reset_by_its_acknowledgement(void **state)
{
	world_init(&x);
	give(&x, DIR_CLIENT, 0, TCP_SYN, "", 0);
	give(&x, DIR_SERVER, 777, TCP_RST | TCP_ACK, "", 9);
	give(&x, DIR_SERVER, 777, TCP_RST, "", 0);
	assert_false(x.flow.tcp.reset);
	give(&x, DIR_SERVER, 777, TCP_RST | TCP_ACK, "", 0);
	assert_true(x.flow.tcp.reset);
}

static void
a_syn_inside_a_connection_changes_nothing(void **state)
{
	say(&x, DIR_CLIENT, 0, "ab;");
	give(&x, DIR_CLIENT, 100, TCP_SYN, "XX;", 0);
	give(&x, DIR_SERVER, 100, TCP_SYN | TCP_ACK, "", 3);
	assert_int_equal(CTR(bad_segment), 2);
	say(&x, DIR_CLIENT, 3, "cd;");
	say(&x, DIR_SERVER, 0, "xy;");
	expect_seen(&x, DIR_CLIENT, "ab;cd;");
	expect_seen(&x, DIR_SERVER, "xy;");
}

static void
a_second_attempt_before_any_octet_starts_anew(void **state)
{
	world_init(&x);
	give(&x, DIR_CLIENT, 500, TCP_SYN, "", 0);
	give(&x, DIR_CLIENT, 0, TCP_SYN, "", 0);
	give(&x, DIR_SERVER, 0, TCP_SYN | TCP_ACK, "", 1);
	assert_int_equal(CTR(bad_segment), 1); /* acknowledges what nobody sent */
	give(&x, DIR_SERVER, 0, TCP_SYN | TCP_ACK, "", 0);
	assert_int_equal(CTR(bad_segment), 1);
	say(&x, DIR_CLIENT, 0, "ab;");
	expect_seen(&x, DIR_CLIENT, "ab;");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_wrong_checksum_passes_unread),
		TEST(a_checksum_that_the_nic_verified_is_taken),
		TEST(data_without_ack_passes_unread),
		TEST(a_syn_that_ends_or_resets_is_nonsense),
		TEST(a_segment_beyond_the_window_passes_unread),
		TEST(a_segment_far_behind_passes_unread),
		TEST(a_window_scale_counts_when_both_offer_it),
		TEST(a_window_scale_that_one_end_offers_counts_for_neither),
		TEST(without_the_handshake_a_mebibyte_is_in_reach),
		TEST(an_mss_is_that_of_the_syn_or_of_the_rfc),
		TEST(a_signed_flow_is_read_only),
		TEST(an_old_timestamp_passes_unread),
		TEST(segments_in_order_set_the_clock_before_they_are_acknowledged),
		TEST(a_newer_segment_that_overtakes_does_not_set_the_clock),
		TEST(timestamps_that_one_end_offers_do_not_count),
		TEST(a_reset_that_is_not_at_the_next_number_resets_nothing),
		TEST(a_reset_ignores_timestamps),
		TEST(a_refused_connection_is_reset_by_its_acknowledgement),
		TEST(a_syn_inside_a_connection_changes_nothing),
		TEST(a_second_attempt_before_any_octet_starts_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
