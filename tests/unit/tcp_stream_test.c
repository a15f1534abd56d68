/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_world.h"

static struct world x;

#define CTR(name) ((unsigned)x.ctr.value[CTR_##name])
#define HALF(dir) (&x.flow.tcp.half[DIR_##dir])
#define SENT(dir) (HALF(dir)->sent - x.first[DIR_##dir])

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
	assert_int_equal(CTR(changed_unjudged), 0);
	return 0;
}

static void
a_judged_line_leaves_at_once(void **state)
{
	say(&x, DIR_CLIENT, 0, "ab;");
	expect_seen(&x, DIR_CLIENT, "ab;");
	expect_left(&x, "ab;");
	assert_int_equal(CTR(held_packets), 0);
}

static void
an_unfinished_line_waits_for_its_end(void **state)
{
	say(&x, DIR_CLIENT, 0, "abc");
	expect_seen(&x, DIR_CLIENT, "abc");
	expect_left(&x, "");
	assert_true(x.flow.on_hold);
	assert_int_equal(CTR(held_packets), 1);
	say(&x, DIR_CLIENT, 3, "de;");
	expect_left(&x, "abc de;");
	assert_false(x.flow.on_hold);
	assert_int_equal(CTR(exposed_lines), 0);
}

static void
a_packet_with_a_line_and_a_half_waits_whole(void **state)
{
	say(&x, DIR_CLIENT, 0, "a;b");
	expect_left(&x, "");
	say(&x, DIR_CLIENT, 3, "c;d");
	expect_left(&x, "a;b");
	assert_int_equal(SENT(CLIENT), 3);
}

static void
a_segment_behind_a_gap_waits_until_the_gap_fills(void **state)
{
	say(&x, DIR_CLIENT, 3, "de;");
	expect_seen(&x, DIR_CLIENT, "");
	expect_left(&x, "");
	say(&x, DIR_CLIENT, 0, "ab;");
	expect_seen(&x, DIR_CLIENT, "ab;de;");
	expect_left(&x, "ab; de;");
}

static void
order_is_kept_where_clear_runs_ahead(void **state)
{
	HALF(CLIENT)->clear = CLIENT_FIRST + 100;
	say(&x, DIR_CLIENT, 6, "ghi");
	say(&x, DIR_CLIENT, 0, "abc");
	expect_left(&x, "abc");
	say(&x, DIR_CLIENT, 3, "def");
	expect_left(&x, "def ghi");
}

static void
in_fluent_mode_a_segment_behind_a_gap_leaves_and_is_read_later(void **state)
{
	HALF(CLIENT)->mode = STREAM_FLUENT;
	say(&x, DIR_CLIENT, 3, "def");
	expect_left(&x, "def");
	expect_seen(&x, DIR_CLIENT, "");
	say(&x, DIR_CLIENT, 3, "def");
	expect_left(&x, "def");
	assert_int_equal(HALF(CLIENT)->held_count, 1);
	say(&x, DIR_CLIENT, 0, "abc");
	expect_left(&x, "abc");
	expect_seen(&x, DIR_CLIENT, "abcdef");
	assert_int_equal(x.in_use, 0);
}

static void
in_ignored_mode_everything_leaves_unread(void **state)
{
	HALF(CLIENT)->mode = STREAM_IGNORED;
	say(&x, DIR_CLIENT, 3, "def");
	say(&x, DIR_CLIENT, 0, "abc");
	expect_left(&x, "def abc");
	expect_seen(&x, DIR_CLIENT, "");
	assert_int_equal(x.in_use, 0);
}

static void
old_octets_leave_again_unread(void **state)
{
	say(&x, DIR_CLIENT, 0, "ab;");
	say(&x, DIR_CLIENT, 0, "ab;");
	expect_left(&x, "ab; ab;");
	expect_seen(&x, DIR_CLIENT, "ab;");
}

static void
an_overlap_is_read_once(void **state)
{
	say(&x, DIR_CLIENT, 0, "ab;");
	say(&x, DIR_CLIENT, 2, ";c;");
	expect_left(&x, "ab; ;c;");
	expect_seen(&x, DIR_CLIENT, "ab;c;");
}

static void
the_first_copy_of_held_octets_wins(void **state)
{
	say(&x, DIR_CLIENT, 3, "de;");
	say(&x, DIR_CLIENT, 0, "abcXX;");
	expect_seen(&x, DIR_CLIENT, "abcde;");
	expect_left(&x, "abcde; de;");
	assert_int_equal(CTR(overlap_rewritten), 2);
}

static void
a_rewritten_overlap_has_a_right_checksum(void **state)
{
	x.w.trust_checksums = false;
	say(&x, DIR_CLIENT, 0, "abc");
	say(&x, DIR_CLIENT, 0, "aXcd;");
	expect_left(&x, "abc abcd;");
	assert_true(checksum_tcp_ok(x.last));
	assert_true(x.last->flags & PACKET_JUDGED);
	assert_int_equal(CTR(overlap_rewritten), 1);
}

static void
the_first_copy_wins_over_a_copy_that_has_left(void **state)
{
	HALF(CLIENT)->mode = STREAM_FLUENT;
	say(&x, DIR_CLIENT, 3, "def");
	say(&x, DIR_CLIENT, 0, "abcdXf");
	expect_left(&x, "def abcdef");
	expect_seen(&x, DIR_CLIENT, "abcdef");
}

static void
a_held_segment_that_is_sent_again_goes_and_is_exposed(void **state)
{
	say(&x, DIR_CLIENT, 0, "a");
	say(&x, DIR_CLIENT, 1, "b");
	say(&x, DIR_CLIENT, 2, "c");
	expect_left(&x, "");
	say(&x, DIR_CLIENT, 1, "b");
	expect_left(&x, "a b b");
	assert_int_equal(x.exposed[DIR_CLIENT], 1);
	assert_int_equal(CTR(exposed_lines), 1);
	assert_true(HALF(CLIENT)->exposed);
	assert_int_equal(SENT(CLIENT), 2);
	say(&x, DIR_CLIENT, 3, ";");
	expect_left(&x, "c ;");
	assert_false(HALF(CLIENT)->exposed);
	expect_seen(&x, DIR_CLIENT, "abc;");
}

static void
one_octet_a_segment_makes_progress_by_sending_again(void **state)
{
	const char *line = "abcdefgh;";
	char octet[2] = "";

	for (unsigned i = 0; i < 9; i++) {
		octet[0] = line[i];
		say(&x, DIR_CLIENT, i, octet);
		say(&x, DIR_CLIENT, i, octet);
	}
	expect_left(&x, "a a b b c c d d e e f f g g h h ; ;");
	expect_seen(&x, DIR_CLIENT, line);
	assert_int_equal(CTR(exposed_lines), 1);
}

static void
held_octets_sent_again_with_new_ones_go_and_the_new_ones_wait(void **state)
{
	say(&x, DIR_CLIENT, 0, "abc");
	say(&x, DIR_CLIENT, 0, "abcd");
	expect_left(&x, "abc");
	say(&x, DIR_CLIENT, 4, ";");
	expect_left(&x, "abcd ;");
	expect_seen(&x, DIR_CLIENT, "abcd;");
}

static void
a_plain_ack_passes_held_octets(void **state)
{
	say(&x, DIR_CLIENT, 0, "abc");
	give(&x, DIR_CLIENT, 3, TCP_ACK, "", 0);
	expect_left(&x, "<.>");
	give(&x, DIR_SERVER, 0, TCP_ACK, "", 0);
	expect_left(&x, "<.>");
}

static void
keep_alives_leave_at_once(void **state)
{
	say(&x, DIR_CLIENT, 0, "ab;");
	give(&x, DIR_CLIENT, 2, TCP_ACK, "", 0);
	give(&x, DIR_CLIENT, 2, TCP_ACK, "?", 0);
	expect_left(&x, "ab; <.> ?");
	assert_int_equal(CTR(bad_segment), 0);
	expect_seen(&x, DIR_CLIENT, "ab;");
}

static void
a_fin_waits_for_what_is_held_before_it(void **state)
{
	x.gate[DIR_CLIENT] = 0;
	say(&x, DIR_CLIENT, 0, "ab;");
	give(&x, DIR_CLIENT, 3, TCP_ACK | TCP_FIN, "", 0);
	expect_left(&x, "");
	x.gate[DIR_CLIENT] = 99;
	tcp_resume(&x.w, &x.flow, DIR_CLIENT);
	expect_left(&x, "ab; <F>");
	assert_true(HALF(CLIENT)->fin_seen);
	assert_int_equal(HALF(CLIENT)->nxt, CLIENT_FIRST + 4);
}

static void
a_line_that_a_fin_cuts_off_goes_with_it(void **state)
{
	say(&x, DIR_CLIENT, 0, "abc");
	give(&x, DIR_CLIENT, 3, TCP_ACK | TCP_FIN, "", 0);
	expect_left(&x, "abc <F>");
	assert_int_equal(x.exposed[DIR_CLIENT], 1);
}

static void
a_fin_is_not_an_octet_that_left_unjudged(void **state)
{
	give(&x, DIR_SERVER, 0, TCP_ACK | TCP_FIN, "ab;", 0);
	expect_left(&x, "ab;<F>");
	assert_int_equal(CTR(exposed_lines), 0);
	assert_false(HALF(SERVER)->exposed);
}

static void
a_fin_behind_a_gap_waits_too(void **state)
{
	give(&x, DIR_CLIENT, 3, TCP_ACK | TCP_FIN, "de;", 0);
	assert_false(HALF(CLIENT)->fin_seen);
	say(&x, DIR_CLIENT, 0, "ab;");
	expect_left(&x, "ab; de;<F>");
	assert_true(HALF(CLIENT)->fin_seen);
	say(&x, DIR_CLIENT, 7, "gh;");
	assert_int_equal(CTR(bad_segment), 1); /* nothing follows a FIN */
	expect_left(&x, "gh;");
}

static void
a_flow_is_closed_when_both_fins_are_acknowledged(void **state)
{
	give(&x, DIR_CLIENT, 0, TCP_ACK | TCP_FIN, "", 0);
	give(&x, DIR_SERVER, 0, TCP_ACK | TCP_FIN, "", 1);
	assert_false(tcp_closed(&x.flow.tcp));
	give(&x, DIR_CLIENT, 1, TCP_ACK, "", 1);
	assert_true(tcp_closed(&x.flow.tcp));
}

static void
a_reset_lets_everything_go_before_it(void **state)
{
	say(&x, DIR_CLIENT, 0, "abc");
	say(&x, DIR_SERVER, 0, "xyz");
	give(&x, DIR_CLIENT, 3, TCP_RST, "", 0);
	expect_left(&x, "abc xyz <R>");
	assert_true(tcp_closed(&x.flow.tcp));
}

static void
a_reader_that_waits_is_asked_again(void **state)
{
	x.gate[DIR_CLIENT] = 2;
	say(&x, DIR_CLIENT, 0, "a;b;");
	expect_seen(&x, DIR_CLIENT, "a;");
	expect_left(&x, "");
	tcp_resume(&x.w, &x.flow, DIR_CLIENT);
	expect_left(&x, "");
	x.gate[DIR_CLIENT] = 4;
	tcp_resume(&x.w, &x.flow, DIR_CLIENT);
	expect_seen(&x, DIR_CLIENT, "a;b;");
	expect_left(&x, "a;b;");
}

static void
octets_that_leave_unread_are_read_later(void **state)
{
	x.gate[DIR_CLIENT] = 0;
	say(&x, DIR_CLIENT, 0, "ab;");
	say(&x, DIR_CLIENT, 0, "ab;");
	expect_left(&x, "ab; ab;");
	assert_int_equal(x.exposed[DIR_CLIENT], 1);
	assert_int_equal(SENT(CLIENT), 3);
	x.gate[DIR_CLIENT] = 99;
	tcp_resume(&x.w, &x.flow, DIR_CLIENT);
	expect_seen(&x, DIR_CLIENT, "ab;");
	expect_left(&x, "");
	assert_int_equal(x.in_use, 0);
}

static void
turn_ordered(struct world *y, enum direction dir)
{
	HALF(CLIENT)->mode = STREAM_ORDERED;
	HALF(CLIENT)->clear = x.first[DIR_CLIENT] + 1;
}

/* The mode changes in the middle of "abc"; "def" has left already when it is read. */
static void
what_stands_before_octets_that_have_left_is_not_held(void **state)
{
	HALF(CLIENT)->mode = STREAM_FLUENT;
	say(&x, DIR_CLIENT, 3, "def");
	x.on_read = turn_ordered;
	say(&x, DIR_CLIENT, 0, "abc");
	expect_left(&x, "def abc");
	expect_seen(&x, DIR_CLIENT, "abcdef");
	assert_int_equal(SENT(CLIENT), 6);
	assert_true(HALF(CLIENT)->exposed);
	assert_true(x.exposed[DIR_CLIENT] > 0);
}

static unsigned pieces;

static void
count_pieces(struct world *y, enum direction dir)
{
	pieces++;
}

/* One packet at a time could never give 4 octets together. */
static void
short_rests_are_joined_for_the_reader(void **state)
{
	x.gate[DIR_SERVER] = 0;
	say(&x, DIR_SERVER, 0, "2");
	say(&x, DIR_SERVER, 1, "5");
	say(&x, DIR_SERVER, 2, "0;");
	x.gate[DIR_SERVER] = 99;
	pieces = 0;
	x.on_read = count_pieces;
	tcp_resume(&x.w, &x.flow, DIR_SERVER);
	assert_int_equal(pieces, 1);
	expect_seen(&x, DIR_SERVER, "250;");
	expect_left(&x, "2 5 0;");
}

static void
the_time_limit_lets_held_octets_go(void **state)
{
	say(&x, DIR_CLIENT, 0, "abc");
	tcp_expire(&x.w, 1000, 10);
	expect_left(&x, "");
	tcp_expire(&x.w, 1001, 10);
	expect_left(&x, "abc");
	assert_int_equal(x.exposed[DIR_CLIENT], 1);
	assert_int_equal(CTR(hold_timeouts), 1);
	assert_int_equal(x.flow.blind, 0);
	say(&x, DIR_CLIENT, 3, "d;");
	expect_left(&x, "d;");
	expect_seen(&x, DIR_CLIENT, "abcd;");
}

static void
the_time_limit_is_that_of_each_packet(void **state)
{
	say(&x, DIR_CLIENT, 0, "abc");
	x.now = 600;
	say(&x, DIR_CLIENT, 3, "def");
	tcp_expire(&x.w, 1001, 10);
	expect_left(&x, "abc");
	tcp_expire(&x.w, 1599, 10);
	expect_left(&x, "");
	tcp_expire(&x.w, 1600, 10);
	expect_left(&x, "def");
}

/* Its octets went another way. */
static void
a_gap_that_was_acknowledged_makes_the_direction_blind(void **state)
{
	say(&x, DIR_CLIENT, 3, "def");
	give(&x, DIR_SERVER, 0, TCP_ACK, "", 3);
	expect_left(&x, "<.>");
	tcp_expire(&x.w, 1001, 10);
	expect_left(&x, "def");
	assert_int_equal(x.flow.blind, CTR_blind_gap);
	assert_int_equal(CTR(blind_gap), 1);
	say(&x, DIR_CLIENT, 0, "abc");
	expect_left(&x, "abc");
	expect_seen(&x, DIR_CLIENT, "");
}

static void
a_gap_that_nobody_acknowledged_has_more_time(void **state)
{
	say(&x, DIR_CLIENT, 3, "def");
	tcp_expire(&x.w, 9000, 10);
	expect_left(&x, "");
	assert_int_equal(x.flow.blind, 0);
	tcp_expire(&x.w, 10001, 10);
	expect_left(&x, "def");
	assert_int_equal(x.flow.blind, CTR_blind_gap);
}

static void
a_gap_has_more_time_where_the_direction_waits(void **state)
{
	x.flow.tcp.half[DIR_SERVER].waits = true;
	say(&x, DIR_SERVER, 4, "ef");
	give(&x, DIR_CLIENT, 0, TCP_ACK, "", 4);
	expect_left(&x, "<.>");
	x.now = 9000;
	tcp_expire(&x.w, x.now, 10);
	expect_left(&x, "");
	assert_int_equal(x.flow.blind, 0);
	x.now = 10001;
	tcp_expire(&x.w, x.now, 10);
	expect_left(&x, "ef");
	assert_int_equal(x.flow.blind, CTR_blind_gap);
}

/* Its sender is at work below the gap, one round trip after the other. */
static void
a_gap_has_more_time_while_octets_before_it_are_acknowledged(void **state)
{
	x.w.limits.hold_ns = 1000000;
	say(&x, DIR_CLIENT, 0, "ab;");
	say(&x, DIR_CLIENT, 4, "ef");
	expect_left(&x, "ab;");
	x.now = 900000;
	give(&x, DIR_SERVER, 0, TCP_ACK, "", 2);
	tcp_expire(&x.w, 1000002, 10);
	assert_int_equal(x.flow.blind, 0);
	tcp_expire(&x.w, 10000002, 10);
	assert_int_equal(x.flow.blind, 0);
	tcp_expire(&x.w, 11000003, 10);
	assert_int_equal(x.flow.blind, CTR_blind_gap);
}

static void
a_copy_waits_for_its_gap_until_the_gap_is_acknowledged(void **state)
{
	HALF(CLIENT)->mode = STREAM_FLUENT;
	say(&x, DIR_CLIENT, 3, "def");
	tcp_expire(&x.w, 5000, 10);
	assert_int_equal(x.flow.blind, 0);
	assert_true(x.flow.on_hold);
	give(&x, DIR_SERVER, 0, TCP_ACK, "", 6);
	tcp_expire(&x.w, 9000, 10);
	assert_int_equal(x.flow.blind, CTR_blind_gap);
	assert_int_equal(x.in_use, 0);
}

static void
a_flush_lets_everything_go(void **state)
{
	x.gate[DIR_SERVER] = 0;
	say(&x, DIR_CLIENT, 0, "abc");
	say(&x, DIR_CLIENT, 6, "ghi");
	say(&x, DIR_SERVER, 0, "xyz");
	tcp_expire(&x.w, UINT64_MAX, 100);
	expect_left(&x, "abc ghi xyz");
	assert_int_equal(x.in_use, 0);
	assert_int_equal(CTR(hold_timeouts), 0);
}

static void
the_cap_of_a_flow_lets_everything_go(void **state)
{
	x.w.limits.held_per_flow = 2;
	say(&x, DIR_CLIENT, 0, "a");
	say(&x, DIR_CLIENT, 1, "b");
	expect_left(&x, "");
	say(&x, DIR_CLIENT, 2, "c");
	expect_left(&x, "a b c");
	assert_int_equal(x.flow.blind, CTR_blind_hold_cap);
	assert_int_equal(CTR(blind_hold_cap), 1);
	assert_int_equal(x.exposed[DIR_CLIENT], 1);
}

/* The client's packets fill the cap of the flow; what its server says to them is what empties it. */
static void
a_full_flow_takes_what_it_waits_for(void **state)
{
	x.w.limits.held_per_flow = 3;
	x.w.limits.refuse = true;
	x.gate[DIR_CLIENT] = 0;
	x.flow.tcp.half[DIR_CLIENT].waits = true;
	say(&x, DIR_CLIENT, 0, "a");
	say(&x, DIR_CLIENT, 2, "c");
	say(&x, DIR_CLIENT, 3, "d");
	say(&x, DIR_CLIENT, 4, "e");
	assert_int_equal(x.ctr.value[CTR_held_refused], 1);
	say(&x, DIR_CLIENT, 1, "b"); /* closes the gap */
	assert_int_equal(x.ctr.value[CTR_held_refused], 1);
	say(&x, DIR_CLIENT, 4, "e"); /* only makes it longer */
	assert_int_equal(x.ctr.value[CTR_held_refused], 2);
	x.gate[DIR_SERVER] = 0;
	x.flow.tcp.half[DIR_SERVER].waits = true;
	say(&x, DIR_SERVER, 0, "2");
	say(&x, DIR_SERVER, 1, "5");
	assert_int_equal(x.ctr.value[CTR_held_refused], 2);
	assert_int_equal(x.flow.tcp.half[DIR_SERVER].held_count, 2);
}

static void
the_cap_of_a_worker_lets_everything_go(void **state)
{
	x.w.limits.held_per_worker = 1;
	say(&x, DIR_CLIENT, 0, "a");
	say(&x, DIR_SERVER, 0, "x");
	expect_left(&x, "a x");
	assert_int_equal(CTR(blind_hold_cap), 1);
}

/* Many flows with gaps fill the worker: what widens them is sent again, and no line is given up for it. */
static void
a_worker_near_its_cap_takes_what_comes_in_order_alone(void **state)
{
	x.w.limits.held_per_worker = 4;
	x.w.limits.refuse = true;
	x.gate[DIR_CLIENT] = 0;
	say(&x, DIR_CLIENT, 0, "a");
	say(&x, DIR_CLIENT, 2, "c");
	say(&x, DIR_CLIENT, 3, "d");
	assert_int_equal(x.ctr.value[CTR_held_refused], 0);
	say(&x, DIR_CLIENT, 4, "e");
	assert_int_equal(x.ctr.value[CTR_held_refused], 1);
	say(&x, DIR_CLIENT, 1, "b");
	assert_int_equal(x.ctr.value[CTR_held_refused], 1);
	assert_int_equal(x.w.held, 4);
	assert_int_equal(x.flow.blind, 0);
	assert_int_equal(x.exposed[DIR_CLIENT], 0);
}

static void
an_empty_pool_ends_reading_and_loses_no_packet(void **state)
{
	struct packet *p = world_segment(&x, DIR_CLIENT, 3, TCP_ACK, "def", 0);

	HALF(CLIENT)->mode = STREAM_FLUENT;
	x.pool_empty = true;
	tcp_input(&x.w, &x.flow, p);
	expect_left(&x, "def");
	assert_int_equal(x.flow.blind, CTR_blind_memory);
	assert_int_equal(CTR(no_buffer), 1);
	assert_int_equal(HALF(CLIENT)->mode, STREAM_IGNORED);
}

static void
an_empty_pool_at_a_release_loses_no_packet(void **state)
{
	x.gate[DIR_CLIENT] = 0;
	say(&x, DIR_CLIENT, 0, "ab;");
	struct packet *p = world_segment(&x, DIR_CLIENT, 0, TCP_ACK, "ab;", 0);
	x.pool_empty = true;
	tcp_input(&x.w, &x.flow, p);
	expect_left(&x, "ab; ab;");
	assert_int_equal(x.flow.blind, CTR_blind_memory);
}

static void
discarded_packets_never_leave(void **state)
{
	say(&x, DIR_CLIENT, 0, "abc");
	say(&x, DIR_SERVER, 3, "xyz");
	tcp_discard_all(&x.w, &x.flow);
	expect_left(&x, "");
	assert_int_equal(x.in_use, 0);
	assert_false(x.flow.on_hold);
}

static void
discard_now(struct world *y, enum direction dir)
{
	tcp_discard_all(&y->w, &y->flow);
}

static void
a_reader_may_discard_what_it_reads(void **state)
{
	x.on_read = discard_now;
	say(&x, DIR_CLIENT, 3, "de;");
	say(&x, DIR_CLIENT, 0, "ab;");
	expect_left(&x, "");
	assert_int_equal(x.in_use, 0);
}

static void
ignore_both(struct world *y, enum direction dir)
{
	HALF(CLIENT)->mode = HALF(SERVER)->mode = STREAM_IGNORED;
}

static void
a_reader_that_ignores_both_directions_lets_both_go(void **state)
{
	say(&x, DIR_CLIENT, 0, "abc");
	expect_left(&x, "");
	x.on_read = ignore_both;
	say(&x, DIR_SERVER, 0, "xyz");
	expect_left(&x, "xyz abc");
	assert_false(x.flow.on_hold);
}

static void
open_the_gate(struct world *y, enum direction dir)
{
	if (dir != DIR_SERVER)
		return;
	y->gate[DIR_CLIENT] = 99;
	tcp_resume(&y->w, &y->flow, DIR_CLIENT);
	tcp_resume(&y->w, &y->flow, DIR_SERVER);
}

static void
a_reader_may_resume_the_other_direction(void **state)
{
	x.gate[DIR_CLIENT] = 0;
	say(&x, DIR_CLIENT, 0, "ab;");
	x.on_read = open_the_gate;
	say(&x, DIR_SERVER, 0, "xy;");
	expect_left(&x, "ab; xy;");
}

static void
numbers_wrap(void **state)
{
	world_init(&x);
	x.first[DIR_CLIENT] = UINT32_MAX - 1;
	give(&x, DIR_CLIENT, 0, TCP_SYN, "", 0);
	give(&x, DIR_SERVER, 0, TCP_SYN | TCP_ACK, "", 0);
	say(&x, DIR_CLIENT, 4, "ef;");
	say(&x, DIR_CLIENT, 1, "bcd");
	say(&x, DIR_CLIENT, 0, "a");
	expect_seen(&x, DIR_CLIENT, "abcdef;");
	expect_left(&x, "<S> <S> a bcd ef;");
}

static void
octets_of_a_syn_are_read(void **state)
{
	world_init(&x);
	give(&x, DIR_CLIENT, 0, TCP_SYN, "ab;", 0);
	expect_left(&x, "ab;<S>");
	give(&x, DIR_SERVER, 0, TCP_SYN | TCP_ACK, "", 3);
	give(&x, DIR_CLIENT, 0, TCP_SYN, "ab;", 0);
	say(&x, DIR_CLIENT, 3, "cd;");
	expect_seen(&x, DIR_CLIENT, "ab;cd;");
	expect_left(&x, "<S> ab;<S> cd;");
	assert_false(x.flow.tcp.read_only);
}

static void
a_flow_that_began_before_us_is_read_and_never_held(void **state)
{
	world_init(&x);
	say(&x, DIR_CLIENT, 0, "abc");
	say(&x, DIR_SERVER, 0, "xyz");
	expect_left(&x, "abc xyz");
	expect_seen(&x, DIR_CLIENT, "abc");
	expect_seen(&x, DIR_SERVER, "xyz");
	assert_true(x.flow.tcp.midstream && x.flow.tcp.read_only);
	assert_int_equal(CTR(blind_midstream), 1);
	assert_int_equal(CTR(blind_one_way), 0);
}

static void
a_read_only_flow_waits_at_a_gate_without_holding(void **state)
{
	world_init(&x);
	x.gate[DIR_CLIENT] = 1;
	say(&x, DIR_CLIENT, 0, "abc");
	say(&x, DIR_CLIENT, 3, "def");
	expect_left(&x, "abc def");
	x.gate[DIR_CLIENT] = 99;
	tcp_resume(&x.w, &x.flow, DIR_CLIENT);
	expect_seen(&x, DIR_CLIENT, "abcdef");
	assert_int_equal(x.in_use, 0);
}

static void
a_flow_of_which_one_direction_is_seen_is_read_only(void **state)
{
	world_init(&x);
	give(&x, DIR_CLIENT, 0, TCP_SYN, "", 0);
	give(&x, DIR_CLIENT, 0, TCP_ACK, "", 0);
	assert_int_equal(CTR(blind_one_way), 0);
	say(&x, DIR_CLIENT, 0, "abc");
	say(&x, DIR_CLIENT, 3, "def");
	expect_left(&x, "<S> <.> abc def");
	expect_seen(&x, DIR_CLIENT, "abcdef");
	assert_true(x.flow.tcp.read_only);
	assert_int_equal(CTR(blind_one_way), 1);
}

static void
acks_far_beyond_what_was_seen_tell_of_another_way(void **state)
{
	give(&x, DIR_CLIENT, 0, TCP_ACK, "", 65535);
	assert_false(x.flow.tcp.one_way);
	give(&x, DIR_CLIENT, 0, TCP_ACK, "", 65536);
	assert_true(x.flow.tcp.one_way && x.flow.tcp.read_only);
	assert_int_equal(CTR(blind_one_way), 1);
}

static void
held_octets_go_when_the_flow_turns_read_only(void **state)
{
	say(&x, DIR_SERVER, 0, "xyz");
	expect_left(&x, "");
	give(&x, DIR_CLIENT, 0, TCP_ACK, "", 70000);
	expect_left(&x, "<.> xyz");
}

static void
a_late_syn_ack_is_the_start_that_was_guessed(void **state)
{
	world_init(&x);
	give(&x, DIR_CLIENT, 0, TCP_SYN, "", 0);
	give(&x, DIR_CLIENT, 0, TCP_ACK, "", 0);
	give(&x, DIR_SERVER, 0, TCP_SYN | TCP_ACK, "", 0);
	say(&x, DIR_SERVER, 3, "de;");
	say(&x, DIR_SERVER, 0, "ab;");
	expect_seen(&x, DIR_SERVER, "ab;de;");
	assert_false(x.flow.tcp.read_only);
}

static void
an_ack_before_the_octets_that_it_acknowledges_hides_nothing(void **state)
{
	world_init(&x);
	give(&x, DIR_CLIENT, 0, TCP_SYN, "", 0);
	give(&x, DIR_CLIENT, 0, TCP_ACK, "", 3);
	say(&x, DIR_SERVER, 0, "ab;");
	say(&x, DIR_SERVER, 3, "cd;");
	expect_seen(&x, DIR_SERVER, "ab;cd;");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_judged_line_leaves_at_once),
		TEST(an_unfinished_line_waits_for_its_end),
		TEST(a_packet_with_a_line_and_a_half_waits_whole),
		TEST(a_segment_behind_a_gap_waits_until_the_gap_fills),
		TEST(order_is_kept_where_clear_runs_ahead),
		TEST(in_fluent_mode_a_segment_behind_a_gap_leaves_and_is_read_later),
		TEST(in_ignored_mode_everything_leaves_unread),
		TEST(old_octets_leave_again_unread),
		TEST(an_overlap_is_read_once),
		TEST(the_first_copy_of_held_octets_wins),
		TEST(a_rewritten_overlap_has_a_right_checksum),
		TEST(the_first_copy_wins_over_a_copy_that_has_left),
		TEST(a_held_segment_that_is_sent_again_goes_and_is_exposed),
		TEST(one_octet_a_segment_makes_progress_by_sending_again),
		TEST(held_octets_sent_again_with_new_ones_go_and_the_new_ones_wait),
		TEST(a_plain_ack_passes_held_octets),
		TEST(keep_alives_leave_at_once),
		TEST(a_fin_waits_for_what_is_held_before_it),
		TEST(a_line_that_a_fin_cuts_off_goes_with_it),
		TEST(a_fin_is_not_an_octet_that_left_unjudged),
		TEST(a_fin_behind_a_gap_waits_too),
		TEST(a_flow_is_closed_when_both_fins_are_acknowledged),
		TEST(a_reset_lets_everything_go_before_it),
		TEST(a_reader_that_waits_is_asked_again),
		TEST(octets_that_leave_unread_are_read_later),
		TEST(what_stands_before_octets_that_have_left_is_not_held),
		TEST(short_rests_are_joined_for_the_reader),
		TEST(the_time_limit_lets_held_octets_go),
		TEST(the_time_limit_is_that_of_each_packet),
		TEST(a_gap_that_was_acknowledged_makes_the_direction_blind),
		TEST(a_gap_that_nobody_acknowledged_has_more_time),
		TEST(a_gap_has_more_time_where_the_direction_waits),
		TEST(a_gap_has_more_time_while_octets_before_it_are_acknowledged),
		TEST(a_copy_waits_for_its_gap_until_the_gap_is_acknowledged),
		TEST(a_flush_lets_everything_go),
		TEST(the_cap_of_a_flow_lets_everything_go),
		TEST(a_full_flow_takes_what_it_waits_for),
		TEST(the_cap_of_a_worker_lets_everything_go),
		TEST(a_worker_near_its_cap_takes_what_comes_in_order_alone),
		TEST(an_empty_pool_ends_reading_and_loses_no_packet),
		TEST(an_empty_pool_at_a_release_loses_no_packet),
		TEST(discarded_packets_never_leave),
		TEST(a_reader_may_discard_what_it_reads),
		TEST(a_reader_that_ignores_both_directions_lets_both_go),
		TEST(a_reader_may_resume_the_other_direction),
		TEST(numbers_wrap),
		TEST(octets_of_a_syn_are_read),
		TEST(a_flow_that_began_before_us_is_read_and_never_held),
		TEST(a_read_only_flow_waits_at_a_gate_without_holding),
		TEST(a_flow_of_which_one_direction_is_seen_is_read_only),
		TEST(acks_far_beyond_what_was_seen_tell_of_another_way),
		TEST(held_octets_go_when_the_flow_turns_read_only),
		TEST(a_late_syn_ack_is_the_start_that_was_guessed),
		TEST(an_ack_before_the_octets_that_it_acknowledges_hides_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
