/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens to packets of an edited flow. The flow: one RCPT disguised, its answer at offset 0 of the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "session.h"

#define LINE   "RCPT TO:<joe@army.ml>\r\n" /* 23 */
#define NOOP   "NOOP                 \r\n"
#define ANSWER "250 ok\r\n"       /* 8 */
#define REPLY  "550 5.1.2 no\r\n" /* 14 */

/* A session whose server has just answered; the answer has not left. */
static struct session *
answered(void)
{
	static struct session s;

	session_init(&s);
	struct edit *e = edit_of(s.pool, &s.flow);
	assert_true(edit_disguise(e, DISGUISE_NOOP, CLIENT_ISN, 23, 2, view_of(REPLY, 14)));
	assert_true(edit_reply(e, SERVER_ISN, 8, true, true));
	return &s;
}

static void
a_flow_without_edits_leaves_untouched(void **state)
{
	struct session s;

	session_init(&s);
	struct packet *p = segment(&s, DIR_CLIENT, 0, 0, 0, LINE);
	uint8_t before[200];
	memcpy(before, p->data, p->len);
	p = through(&s, p);
	assert_memory_equal(before, p->data, p->len);
	assert_int_equal(s.front.side[0], SIDE_OUTSIDE);
	front_release(&s.front, p);
	session_done(&s);
}

static void
a_disguised_line_leaves_as_noop_in_every_cut_and_again(void **state)
{
	struct session *s = answered();

	for (unsigned again = 0; again < 2; again++) {
		struct packet *p = through(s, segment(s, DIR_CLIENT, 0, 0, 0, LINE));
		assert_true(checksum_tcp_ok(p));
		assert_true(p->flags & PACKET_JUDGED);
		assert_string_equal(octets_of(s, p), NOOP);
		p = through(s, segment(s, DIR_CLIENT, 5, 0, 0, LINE + 5));
		assert_true(checksum_tcp_ok(p));
		assert_string_equal(octets_of(s, p), NOOP + 5);
	}
	assert_int_equal(s->ctr.value[CTR_edited_packets], 4);
	session_done(s);
}

static void
numbers_are_translated_both_ways_behind_a_replaced_answer(void **state)
{
	struct session *s = answered();

	struct packet *p = through(s, segment(s, DIR_SERVER, 0, 23, PSH, ANSWER));
	assert_true(checksum_tcp_ok(p));
	assert_int_equal(p->h.seq, SERVER_ISN);
	assert_string_equal(octets_of(s, p), REPLY);

	p = segment(s, DIR_CLIENT, 23, 14, 0, "DATA\r\n");
	assert_int_equal(p->h.ack, SERVER_ISN + 8);
	p = through(s, p);
	assert_int_equal(p->h.ack, SERVER_ISN + 8);
	assert_true(checksum_tcp_ok(p));
	assert_string_equal(octets_of(s, p), "DATA\r\n");

	p = through(s, segment(s, DIR_SERVER, 8, 29, FIN, "354 go\r\n"));
	assert_int_equal(p->h.seq, SERVER_ISN + 14);
	assert_true(checksum_tcp_ok(p));
	assert_string_equal(octets_of(s, p), "354 go\r\n");
	assert_int_equal(s->ctr.value[CTR_translated_packets], 2);
	session_done(s);
}

static void
options_tags_and_extension_headers_are_kept_and_lengths_follow(void **state)
{
	static const struct frame likes[] = {
		{ .version = 4, .ip_options = 8, .padding = 6 },
		{ .version = 4, .vlan = 42 },
		{ .version = 6 },
		{ .version = 6, .ip_options = 8, .vlan = 7, .padding = 3 },
		{ .version = 4, .options = { (const uint8_t *)"\x01\x01\x08\x0a........", 12 } },
	};

	for (unsigned i = 0; i < sizeof likes / sizeof likes[0]; i++) {
		struct session *s = answered();
		s->like = likes[i];
		struct packet *p = segment(s, DIR_SERVER, 0, 23, PSH, ANSWER);
		uint32_t total = p->len - likes[i].padding + 6;
		p = through(s, p);
		assert_int_equal(p->len, total);
		assert_int_equal(p->h.vlan_outer, likes[i].vlan);
		assert_true(checksum_tcp_ok(p));
		assert_int_equal(p->h.payload_len, 14);
		assert_string_equal(octets_of(s, p), REPLY);
		session_done(s);
	}
}

static void
a_wrong_checksum_stays_wrong_and_damage_is_never_healed(void **state)
{
	struct session *s = answered();
	struct packet *p = segment(s, DIR_SERVER, 8, 23, 0, "354 go\r\n");

	p->data[p->len - 3] ^= 1;
	p = through(s, p);
	assert_int_equal(p->h.seq, SERVER_ISN + 14);
	assert_false(checksum_tcp_ok(p));
	p->data[p->len - 3] ^= 1;
	assert_true(checksum_tcp_ok(p));
	front_release(&s->front, p);

	p = segment(s, DIR_SERVER, 0, 23, 0, ANSWER "354 go\r\n");
	p->data[p->len - 3] ^= 1;
	assert_null(through(s, p));
	assert_int_equal(s->front.alive, 0);
	s->out.trust_checksums = true;
	p = segment(s, DIR_SERVER, 0, 23, 0, ANSWER "354 go\r\n");
	p->data[p->len - 3] ^= 1;
	p = through(s, p);
	assert_true(checksum_tcp_ok(p));
	front_release(&s->front, p);
	session_done(s);
}

static void
a_segment_that_outgrows_the_mss_leaves_as_several(void **state)
{
	struct session *s = answered();
	static char data[1457];
	memset(data, 'x', 1456);
	memcpy(data, ANSWER, 8);

	struct packet *p = through(s, segment(s, DIR_SERVER, 0, 23, PSH | FIN, data));
	struct packet *q = front_take(&s->front);
	assert_non_null(q);
	assert_null(s->front.sent);
	assert_int_equal(headers_decode(q), DECODE_TCP);
	assert_true(checksum_tcp_ok(p) && checksum_tcp_ok(q));
	assert_int_equal(p->h.payload_len, 1460);
	assert_int_equal(p->h.tcp_flags, ACK);
	assert_int_equal(q->h.seq, SERVER_ISN + 1460);
	assert_int_equal(q->h.payload_len, 2);
	assert_int_equal(q->h.tcp_flags, ACK | PSH | FIN);
	assert_int_equal(q->side, p->side);
	assert_int_not_equal(load_be16(p->data + p->h.l3 + 4), load_be16(q->data + q->h.l3 + 4));
	assert_int_equal(s->ctr.value[CTR_split_packets], 1);
	assert_string_equal(octets_of(s, q), "xx");
	assert_memory_equal(octets_of(s, p), REPLY "xxx", 17);
	session_done(s);
}

static void
a_segment_that_outgrows_its_buffer_leaves_as_several(void **state)
{
	struct session *s = answered();
	struct packet *p = segment(s, DIR_SERVER, 0, 23, 0, ANSWER);

	p->room = 2;
	p = through(s, p);
	assert_int_equal(p->room, 0);
	assert_string_equal(octets_of(s, p), "550 5.1.2 ");
	p = front_take(&s->front);
	assert_int_equal(headers_decode(p), DECODE_TCP);
	assert_int_equal(p->h.seq, SERVER_ISN + 10);
	assert_string_equal(octets_of(s, p), "no\r\n");
	session_done(s);
}

static void
without_a_buffer_nothing_of_the_segment_leaves_and_its_repetition_does(void **state)
{
	struct session *s = answered();
	struct packet *p = segment(s, DIR_SERVER, 0, 23, 0, ANSWER);

	p->room = 2;
	s->front.allocs_left = 0;
	assert_null(through(s, p));
	assert_int_equal(s->front.alive, 0);
	assert_int_equal(s->ctr.value[CTR_no_buffer], 1);
	s->front.allocs_left = 1;
	p = through(s, segment(s, DIR_SERVER, 0, 23, 0, ANSWER));
	assert_string_equal(octets_of(s, p), REPLY);
	session_done(s);
}

static void
an_emptied_segment_asks_for_an_ack_when_it_comes_again(void **state)
{
	struct session *s = answered();

	front_release(&s->front, through(s, segment(s, DIR_SERVER, 0, 23, 0, "250 ")));
	struct packet *p = through(s, segment(s, DIR_SERVER, 4, 23, 0, "ok\r\n"));
	assert_int_equal(p->h.payload_len, 0);
	assert_int_equal(p->h.seq, SERVER_ISN + 14);
	front_release(&s->front, p);
	p = through(s, segment(s, DIR_SERVER, 4, 23, 0, "ok\r\n"));
	assert_int_equal(p->h.payload_len, 0);
	assert_int_equal(p->h.seq, SERVER_ISN + 13);
	assert_true(checksum_tcp_ok(p));
	front_release(&s->front, p);
	p = through(s, segment(s, DIR_SERVER, 4, 23, FIN, "ok\r\n"));
	assert_int_equal(p->h.seq, SERVER_ISN + 14);
	assert_true(p->h.tcp_flags & FIN);
	front_release(&s->front, p);
	session_done(s);
}

static void
an_acknowledged_line_never_leaves_undisguised(void **state)
{
	struct session *s = answered();

	front_release(&s->front, through(s, segment(s, DIR_CLIENT, 0, 0, 0, LINE)));
	front_release(&s->front, through(s, segment(s, DIR_SERVER, 0, 23, 0, ANSWER)));
	front_release(&s->front, through(s, segment(s, DIR_CLIENT, 23, 14, 0, "DATA\r\n")));
	assert_int_equal(s->flow.edit->ledger[DIR_CLIENT].count + s->flow.edit->ledger[DIR_SERVER].count, 0);
	struct packet *p = through(s, segment(s, DIR_CLIENT, 0, 14, 0, LINE "DA"));
	assert_int_equal(p->h.seq, CLIENT_ISN + 21);
	assert_string_equal(octets_of(s, p), "\r\nDA");
	p = through(s, segment(s, DIR_SERVER, 0, 23, 0, ANSWER));
	assert_int_equal(p->h.seq, SERVER_ISN + 13);
	assert_string_equal(octets_of(s, p), "");
	session_done(s);
}

static void
an_ack_of_octets_that_have_not_left_folds_nothing(void **state)
{
	struct session *s = answered();

	s->flow.tcp.half[DIR_SERVER].nxt = s->flow.tcp.half[DIR_SERVER].acked = SERVER_ISN + 8;
	front_release(&s->front, through(s, segment(s, DIR_CLIENT, 23, 14, 0, "")));
	assert_string_equal(octets_of(s, through(s, segment(s, DIR_SERVER, 0, 23, 0, ANSWER))), REPLY);
	session_done(s);
}

static void
a_stray_segment_far_away_says_nothing_about_what_has_left(void **state)
{
	static const uint32_t far[] = { UINT32_C(1) << 31, UINT32_C(1) << 30, 5000, UINT32_C(3) << 30 };
	struct session *s = answered();
	uint32_t left = s->flow.edit->left[DIR_SERVER];

	for (unsigned i = 0; i < 4; i++) {
		struct packet *p = segment(s, DIR_SERVER, far[i], 23, 0, "");
		s->flow.tcp.half[DIR_SERVER].nxt = SERVER_ISN;
		front_release(&s->front, through(s, p));
		assert_int_equal(s->flow.edit->left[DIR_SERVER], left);
	}
	session_done(s);
}

static void
sack_blocks_report_only_what_the_client_has(void **state)
{
	struct session *s = answered();
	uint8_t option[20] = "\x01\x01\x05\x12";

	front_release(&s->front, through(s, segment(s, DIR_SERVER, 0, 23, 0, ANSWER "354 go\r\n")));
	store_be32(option + 4, SERVER_ISN + 3); /* inside the reply: nothing of the sender's */
	store_be32(option + 8, SERVER_ISN + 14);
	store_be32(option + 12, SERVER_ISN + 10);
	store_be32(option + 16, SERVER_ISN + 20);
	s->like.options = view_of(option, 20);
	struct packet *p = through(s, segment(s, DIR_CLIENT, 23, 0, 0, ""));
	const uint8_t *at = p->data + p->h.l4 + 20;
	assert_memory_equal(at, "\x01\x01\x05\x0a", 4);
	assert_int_equal(load_be32(at + 4), SERVER_ISN + 8);
	assert_int_equal(load_be32(at + 8), SERVER_ISN + 14);
	assert_memory_equal(at + 12, "\x01\x01\x01\x01\x01\x01\x01\x01", 8);
	assert_true(checksum_tcp_ok(p));
	assert_int_equal(p->h.ack, SERVER_ISN);
	front_release(&s->front, p);

	/* A duplicate of what is long folded says nothing any more. */
	option[3] = 10;
	memset(option + 12, 1, 8);
	s->like.options.len = 0;
	front_release(&s->front, through(s, segment(s, DIR_CLIENT, 23, 22, 0, "")));
	s->like.options = view_of(option, 20);
	p = through(s, segment(s, DIR_CLIENT, 23, 22, 0, ""));
	assert_memory_equal(p->data + p->h.l4 + 20, "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01", 12);
	assert_true(checksum_tcp_ok(p));
	front_release(&s->front, p);
	session_done(s);
}

static void
malformed_options_are_left_alone(void **state)
{
	static const char *const bad[] = { "\x05\x01\x01\x01", "\x05\x0c....", "\x05\x00..", "\x08\x0b........\x05",
					   "\x05" };

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct session *s = answered();
		size_t len = i == 2 ? 4 : strlen(bad[i]);
		s->like.options = view_of(bad[i], len);
		struct packet *p = through(s, segment(s, DIR_CLIENT, 23, 0, 0, ""));
		assert_memory_equal(p->data + p->h.l4 + 20, bad[i], len);
		assert_true(checksum_tcp_ok(p));
		front_release(&s->front, p);
		session_done(s);
	}
}

static void
the_window_never_lets_the_server_run_past_the_client(void **state)
{
	struct session *s = answered();

	/* 1000 octets of the client hold the reply of 14 for 8: 994 of the server's. */
	struct packet *p = through(s, segment(s, DIR_CLIENT, 23, 0, 0, ""));
	assert_int_equal(p->h.window, 994);
	front_release(&s->front, p);
	s->flow.tcp.half[DIR_CLIENT].wscale = 4;
	p = through(s, segment(s, DIR_CLIENT, 23, 0, 0, ""));
	assert_int_equal(p->h.window, 999); /* (16000 - 6) >> 4 */
	front_release(&s->front, p);
	/* A scale that no end may have announced does no harm. */
	s->flow.tcp.half[DIR_CLIENT].wscale = 15;
	p = through(s, segment(s, DIR_CLIENT, 23, 0, 0, ""));
	assert_true(p->h.window <= 1000);
	front_release(&s->front, p);
	session_done(s);
}

static void
urgent_data_loses_its_mark_where_octets_change_and_keeps_it_elsewhere(void **state)
{
	struct session *s = answered();
	struct packet *p = through(s, segment(s, DIR_SERVER, 0, 23, URG, ANSWER));

	assert_false(p->h.tcp_flags & URG);
	assert_int_equal(load_be16(p->data + p->h.l4 + 18), 0);
	front_release(&s->front, p);
	p = through(s, segment(s, DIR_SERVER, 8, 23, URG, "354 go\r\n"));
	assert_true(p->h.tcp_flags & URG);
	assert_int_equal(load_be16(p->data + p->h.l4 + 18), 3);
	assert_true(checksum_tcp_ok(p));
	front_release(&s->front, p);
	session_done(s);
}

static void
an_empty_pool_gives_no_edit_state_until_one_comes_back(void **state)
{
	struct session *s = answered();
	struct flow other = { 0 };

	assert_null(edit_of(s->pool, &other));
	assert_ptr_equal(edit_of(s->pool, &s->flow), s->flow.edit);
	edit_drop(s->pool, &s->flow);
	struct edit *e = edit_of(s->pool, &other);
	assert_non_null(e);
	for (unsigned dir = 0; dir < 2; dir++)
		assert_true(e->ledger[dir].count == 0 && e->ledger[dir].shift == 0);
	edit_drop(s->pool, &other);
	session_done(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_without_edits_leaves_untouched),
		cmocka_unit_test(a_disguised_line_leaves_as_noop_in_every_cut_and_again),
		cmocka_unit_test(numbers_are_translated_both_ways_behind_a_replaced_answer),
		cmocka_unit_test(options_tags_and_extension_headers_are_kept_and_lengths_follow),
		cmocka_unit_test(a_wrong_checksum_stays_wrong_and_damage_is_never_healed),
		cmocka_unit_test(a_segment_that_outgrows_the_mss_leaves_as_several),
		cmocka_unit_test(a_segment_that_outgrows_its_buffer_leaves_as_several),
		cmocka_unit_test(without_a_buffer_nothing_of_the_segment_leaves_and_its_repetition_does),
		cmocka_unit_test(an_emptied_segment_asks_for_an_ack_when_it_comes_again),
		cmocka_unit_test(an_acknowledged_line_never_leaves_undisguised),
		cmocka_unit_test(an_ack_of_octets_that_have_not_left_folds_nothing),
		cmocka_unit_test(a_stray_segment_far_away_says_nothing_about_what_has_left),
		cmocka_unit_test(sack_blocks_report_only_what_the_client_has),
		cmocka_unit_test(malformed_options_are_left_alone),
		cmocka_unit_test(the_window_never_lets_the_server_run_past_the_client),
		cmocka_unit_test(urgent_data_loses_its_mark_where_octets_change_and_keeps_it_elsewhere),
		cmocka_unit_test(an_empty_pool_gives_no_edit_state_until_one_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
