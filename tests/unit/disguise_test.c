/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines overwritten, replies queued for their slots, the way out behind a QUIT, and resets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "session.h"

#define LINE "RCPT TO:<joe@army.ml>\r\n" /* 23 */

static struct view
words(const char *s)
{
	return view_of(s, strlen(s));
}

static const char *
client_octets(struct session *s, uint32_t at, const char *payload)
{
	return octets_of(s, through(s, segment(s, DIR_CLIENT, at, 0, 0, payload)));
}

static void
replies_come_in_the_order_of_their_commands(void **state)
{
	struct session s;

	session_init(&s);
	struct edit *e = edit_of(s.pool, &s.flow);
	assert_true(edit_disguise(e, DISGUISE_NOOP, CLIENT_ISN, 23, 2, words("550 a\r\n")));
	assert_true(edit_disguise(e, DISGUISE_NOOP, CLIENT_ISN + 23, 22, 1, words("451 bbbb\r\n")));
	assert_true(edit_reply(e, SERVER_ISN, 8, true, true));
	assert_true(edit_reply(e, SERVER_ISN + 16, 8, true, true));
	assert_string_equal(octets_of(&s, through(&s, segment(&s, DIR_SERVER, 0, 45, 0,
							      "250 ok\r\n250 22\r\n250 ok\r\n250 44\r\n"))),
			    "550 a\r\n250 22\r\n451 bbbb\r\n250 44\r\n");
	assert_false(edit_reply(e, SERVER_ISN + 32, 8, true, true));
	session_done(&s);
}

static void
a_multi_line_answer_goes_out_piece_by_piece(void **state)
{
	struct session s;

	session_init(&s);
	struct edit *e = edit_of(s.pool, &s.flow);
	assert_true(edit_disguise(e, DISGUISE_NOOP, CLIENT_ISN, 23, 2, words("550 a\r\n")));
	assert_false(edit_reply(e, SERVER_ISN, 5, false, false));
	assert_true(edit_reply(e, SERVER_ISN, 8, true, false));
	assert_false(edit_reply(e, SERVER_ISN + 8, 8, true, false));
	assert_true(edit_reply(e, SERVER_ISN + 8, 8, false, true));
	assert_int_equal(e->ledger[DIR_SERVER].count, 1);
	assert_string_equal(
		octets_of(&s, through(&s, segment(&s, DIR_SERVER, 0, 23, 0, "250-ok\r\n250 ok\r\n221 x\r\n"))),
		"550 a\r\n221 x\r\n");
	session_done(&s);
}

static void
a_reply_that_lost_its_slot_leaves_the_others_in_theirs(void **state)
{
	struct session s;

	session_init(&s);
	struct edit *e = edit_of(s.pool, &s.flow);
	edit_skip(e);
	assert_true(edit_disguise(e, DISGUISE_NOOP, CLIENT_ISN, 23, 2, words("550 a\r\n")));
	assert_true(edit_reply(e, SERVER_ISN, 8, true, true));
	assert_true(edit_disguise(e, DISGUISE_NOOP, CLIENT_ISN + 23, 23, 2, words("550 lost\r\n")));
	assert_true(edit_disguise(e, DISGUISE_NOOP, CLIENT_ISN + 46, 23, 2, words("550 ccc\r\n")));
	edit_skip(e);
	assert_true(edit_reply(e, SERVER_ISN + 16, 8, true, true));
	assert_string_equal(
		octets_of(&s, through(&s, segment(&s, DIR_SERVER, 0, 69, 0, "250 ok\r\n554 no\r\n250 ok\r\n"))),
		"550 a\r\n554 no\r\n550 ccc\r\n");
	assert_false(edit_owes(e));
	session_done(&s);
}

static void
a_reply_that_nobody_expected_to_replace_goes_out_from_its_first_octet(void **state)
{
	struct session s;

	session_init(&s);
	struct edit *e = edit_of(s.pool, &s.flow);
	assert_true(edit_refuse(e, SERVER_ISN, 16, words("554 no\r\n")));
	assert_true(edit_owes(e));
	assert_false(edit_refuse(e, SERVER_ISN + 16, 8, words("554 again\r\n")));
	assert_true(edit_reply(e, SERVER_ISN + 16, 8, false, true));
	assert_false(edit_owes(e));
	assert_string_equal(
		octets_of(&s, through(&s, segment(&s, DIR_SERVER, 0, 0, 0, "220-mail.army.ml 220 ok\n221 x\r\n"))),
		"554 no\r\n221 x\r\n");
	assert_false(edit_refuse(e, SERVER_ISN + 8, 8, words("554 late\r\n")));
	assert_true(edit_disguise(e, DISGUISE_NOOP, CLIENT_ISN, 23, 2, words("550 a\r\n")));
	assert_false(edit_refuse(e, SERVER_ISN + 31, 8, words("554 not before the one that is owed\r\n")));
	session_done(&s);
}

static void
at_least_eight_refusals_of_170_octets_fit_and_then_the_answer_is_no(void **state)
{
	struct session s;
	char reply[170];
	unsigned fitted = 0;

	session_init(&s);
	memset(reply, 'r', sizeof reply);
	struct edit *e = edit_of(s.pool, &s.flow);
	while (edit_disguise(e, DISGUISE_NOOP, CLIENT_ISN + 23 * fitted, 23, 2, view_of(reply, sizeof reply)))
		fitted++;
	assert_true(fitted >= 8);
	assert_true(sizeof *e <= 4096);
	unsigned entries = e->ledger[DIR_CLIENT].count;
	assert_int_equal(entries, fitted);

	/* What the client has acknowledged makes room again. */
	assert_true(edit_reply(e, SERVER_ISN, 8, true, true));
	front_release(&s.front, through(&s, segment(&s, DIR_SERVER, 0, 0, 0, "250 ok\r\n")));
	front_release(&s.front, through(&s, segment(&s, DIR_CLIENT, 0, 170, 0, LINE)));
	assert_true(edit_disguise(e, DISGUISE_NOOP, CLIENT_ISN + 23 * fitted, 23, 2, view_of(reply, sizeof reply)));
	session_done(&s);
}

static void
octets_that_have_left_cannot_be_disguised_but_spoiled(void **state)
{
	struct session s;

	session_init(&s);
	struct edit *e = edit_of(s.pool, &s.flow);
	assert_string_equal(client_octets(&s, 0, "RCPT TO:<joe@arm"), "RCPT TO:<joe@arm");
	assert_false(edit_disguise(e, DISGUISE_NOOP, CLIENT_ISN, 23, 2, words("550 a\r\n")));
	assert_true(edit_spoil(e, CLIENT_ISN, 23, CLIENT_ISN + 16, words("550 a\r\n")));
	assert_string_equal(client_octets(&s, 16, "y.ml>\r\n"), "@@ @@\r\n");
	assert_string_equal(client_octets(&s, 0, LINE), "RCPT TO:<joe@arm@@ @@\r\n");
	assert_string_equal(client_octets(&s, 23, LINE), LINE);
	session_done(&s);
}

static void
a_line_is_spoiled_as_long_as_its_last_octet_has_not_left(void **state)
{
	for (uint32_t sent = 1; sent < 23; sent++) {
		struct session s;
		char wanted[64], begin[64];

		session_init(&s);
		struct edit *e = edit_of(s.pool, &s.flow);
		snprintf(begin, sizeof begin, "%.*s", (int)sent, LINE);
		snprintf(wanted, sizeof wanted, "%.*s@@ @@\r\n", (int)sent, LINE);
		assert_string_equal(client_octets(&s, 0, begin), begin);
		assert_true(edit_spoil(e, CLIENT_ISN, 23, CLIENT_ISN + sent, words("550 a\r\n")));
		assert_string_equal(client_octets(&s, 0, LINE), wanted);
		session_done(&s);
	}
}

static void
a_line_that_has_left_is_not_spoiled(void **state)
{
	struct session s;

	session_init(&s);
	struct edit *e = edit_of(s.pool, &s.flow);
	assert_false(edit_spoil(e, CLIENT_ISN, 23, CLIENT_ISN + 23, words("550 a\r\n")));
	assert_false(edit_spoil(e, CLIENT_ISN, 23, CLIENT_ISN + 24, words("550 a\r\n")));
	assert_int_equal(e->queue_count, 0);
	session_done(&s);
}

static void
a_line_shorter_than_the_word_is_not_disguised(void **state)
{
	struct session s;

	session_init(&s);
	struct edit *e = edit_of(s.pool, &s.flow);
	assert_false(edit_disguise(e, DISGUISE_NOOP, CLIENT_ISN, 5, 2, words("550 a\r\n")));
	assert_true(edit_disguise(e, DISGUISE_QUIT, CLIENT_ISN, 6, 2, words("550 a\r\n")));
	session_done(&s);
}

/* A session whose client line at 0 became QUIT and whose server has answered, in text only. */
static struct session *
quitting(void)
{
	static struct session s;

	session_init(&s);
	struct edit *e = edit_of(s.pool, &s.flow);
	assert_true(edit_disguise(e, DISGUISE_QUIT, CLIENT_ISN, 23, 2, words("421 4.5.3 x\r\n")));
	assert_string_equal(client_octets(&s, 0, LINE "DATA\r\n"), "QUIT                 \r\n");
	return &s;
}

/* The server's 221 and FIN, replaced, have left. */
static void
server_closes(struct session *s)
{
	assert_true(edit_reply(s->flow.edit, SERVER_ISN, 9, true, true));
	struct packet *p = through(s, segment(s, DIR_SERVER, 0, 23, FIN, "221 bye\r\n"));
	assert_true(p->h.tcp_flags & FIN);
	assert_string_equal(octets_of(s, p), "421 4.5.3 x\r\n");
}

static unsigned
resets_sent(struct session *s, enum side side)
{
	unsigned n = 0, i = 0;

	for (const struct packet *p = s->front.sent; p != NULL; p = p->next, i++)
		n += (p->data[p->h.l4 + 13] & RST) && other_side(p->side) == side;
	return n;
}

static void
behind_the_quit_line_nothing_of_the_client_leaves(void **state)
{
	struct session *s = quitting();
	struct packet *p = through(s, segment(s, DIR_CLIENT, 29, 0, FIN, "MAIL\r\n"));

	assert_int_equal(p->h.seq, CLIENT_ISN + 23);
	assert_int_equal(p->h.payload_len, 0);
	assert_false(p->h.tcp_flags & FIN);
	assert_true(checksum_tcp_ok(p));
	front_release(&s->front, p);
	p = through(s, segment(s, DIR_CLIENT, 35, 0, 0, ""));
	assert_int_equal(p->h.seq, CLIENT_ISN + 23);
	front_release(&s->front, p);
	session_done(s);
}

static void
a_client_that_has_not_seen_its_421_is_not_reset(void **state)
{
	struct session *s = quitting();

	front_release(&s->front, through(s, segment(s, DIR_CLIENT, 29, 0, FIN, "")));
	server_closes(s);
	front_release(&s->front, through(s, segment(s, DIR_CLIENT, 29, 0, FIN, "")));
	assert_false(s->flow.tcp.reset);
	assert_int_equal(s->front.alive, 0);
	session_done(s);
}

static void
a_fin_that_cannot_be_delivered_resets_both_ends_once_the_421_is_acknowledged(void **state)
{
	struct session *s = quitting();

	server_closes(s);
	/* Acknowledged, but what the client then sends may be a QUIT on its way: it only vanishes. */
	front_release(&s->front, through(s, segment(s, DIR_CLIENT, 29, 13, 0, "QUIT\r\n")));
	assert_false(s->flow.tcp.reset);
	edit_leave(&s->out, &s->flow, segment(s, DIR_CLIENT, 35, 14, FIN, ""));
	assert_true(s->flow.tcp.reset);
	assert_int_equal(s->flow.fate, FLOW_RESET);
	assert_true(resets_sent(s, SIDE_INSIDE) > 0 && resets_sent(s, SIDE_OUTSIDE) > 0);
	session_done(s);
}

static void
octets_that_come_after_the_servers_fin_was_acknowledged_reset_both_ends(void **state)
{
	struct session *s = quitting();

	server_closes(s);
	struct packet *p = through(s, segment(s, DIR_CLIENT, 29, 14, 0, ""));
	assert_int_equal(p->h.ack, SERVER_ISN + 10);
	front_release(&s->front, p);
	assert_false(s->flow.tcp.reset);
	edit_leave(&s->out, &s->flow, segment(s, DIR_CLIENT, 23, 14, 0, "DATA\r\n"));
	assert_true(s->flow.tcp.reset);
	session_done(s);
}

static void
a_fin_right_behind_the_quit_line_passes(void **state)
{
	struct session *s = quitting();
	struct packet *p = through(s, segment(s, DIR_CLIENT, 23, 0, FIN, ""));

	assert_true(p->h.tcp_flags & FIN);
	assert_int_equal(p->h.seq, CLIENT_ISN + 23);
	front_release(&s->front, p);
	session_done(s);
}

/* A RST at exactly `seq` leaves at `side`, well formed, between the right ends. */
static void
assert_reset(const struct session *s, enum side side, uint32_t seq, const struct frame *like)
{
	for (struct packet *p = s->front.sent; p != NULL; p = p->next) {
		if (other_side(p->side) != side || p->h.seq != seq)
			continue;
		bool v4 = like->version == 4;
		const uint8_t *ip = p->data + p->h.l3;
		assert_int_equal(headers_decode(p), DECODE_TCP);
		assert_true(checksum_tcp_ok(p));
		assert_int_equal(p->h.tcp_flags, RST | ACK);
		assert_int_equal(p->h.vlan_outer, like->vlan);
		assert_int_equal(p->h.src_port, side == SIDE_INSIDE ? 25 : 40000);
		assert_int_equal(ip[v4 ? 15 : 11], v4 ? (side == SIDE_INSIDE ? 2 : 1) : (side == SIDE_INSIDE ? 2 : 1));
		assert_int_equal(p->data[5], side == SIDE_INSIDE ? 1 : 2);
		assert_int_equal(p->len, p->h.payload);
		return;
	}
	fail_msg("no RST at %u", seq);
}

static void
a_reset_reaches_both_ends_in_their_own_numbers(void **state)
{
	static const struct frame likes[] = {
		{ .version = 4, .vlan = 9, .ip_options = 8 },
		{ .version = 6, .ip_options = 8 },
	};

	for (unsigned i = 0; i < 4; i++) {
		struct session s;
		session_init(&s);
		s.like = likes[i / 2];
		struct edit *e = edit_of(s.pool, &s.flow);
		assert_true(edit_disguise(e, DISGUISE_NOOP, CLIENT_ISN, 23, 2, words("550 aaaaaaa\r\n")));
		assert_true(edit_reply(e, SERVER_ISN, 8, true, true));
		front_release(&s.front, through(&s, segment(&s, DIR_CLIENT, 0, 0, 0, LINE)));
		front_release(&s.front, through(&s, segment(&s, DIR_SERVER, 0, 23, 0, "250 ok\r\n")));
		struct packet *like = segment(&s, i % 2, i % 2 ? 8 : 23, i % 2 ? 23 : 0, 0, "held");
		edit_reset_both(&s.out, &s.flow, like);
		front_release(&s.front, like);
		assert_reset(&s, SIDE_OUTSIDE, CLIENT_ISN + 23, &s.like);
		assert_reset(&s, SIDE_INSIDE, SERVER_ISN, &s.like);
		assert_reset(&s, SIDE_INSIDE, SERVER_ISN + 13, &s.like);
		assert_int_equal(s.front.alive, 3);
		session_done(&s);
	}
}

static void
a_reset_without_buffers_is_counted(void **state)
{
	struct session s;

	session_init(&s);
	struct packet *like = segment(&s, DIR_CLIENT, 0, 0, 0, "held");
	s.front.allocs_left = 0;
	edit_reset_both(&s.out, &s.flow, like);
	assert_int_equal(s.ctr.value[CTR_no_buffer], 2);
	assert_true(s.flow.tcp.reset);
	front_release(&s.front, like);
	session_done(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_come_in_the_order_of_their_commands),
		cmocka_unit_test(a_multi_line_answer_goes_out_piece_by_piece),
		cmocka_unit_test(a_reply_that_lost_its_slot_leaves_the_others_in_theirs),
		cmocka_unit_test(a_reply_that_nobody_expected_to_replace_goes_out_from_its_first_octet),
		cmocka_unit_test(at_least_eight_refusals_of_170_octets_fit_and_then_the_answer_is_no),
		cmocka_unit_test(octets_that_have_left_cannot_be_disguised_but_spoiled),
		cmocka_unit_test(a_line_is_spoiled_as_long_as_its_last_octet_has_not_left),
		cmocka_unit_test(a_line_that_has_left_is_not_spoiled),
		cmocka_unit_test(a_line_shorter_than_the_word_is_not_disguised),
		cmocka_unit_test(behind_the_quit_line_nothing_of_the_client_leaves),
		cmocka_unit_test(a_client_that_has_not_seen_its_421_is_not_reset),
		cmocka_unit_test(a_fin_that_cannot_be_delivered_resets_both_ends_once_the_421_is_acknowledged),
		cmocka_unit_test(octets_that_come_after_the_servers_fin_was_acknowledged_reset_both_ends),
		cmocka_unit_test(a_fin_right_behind_the_quit_line_passes),
		cmocka_unit_test(a_reset_reaches_both_ends_in_their_own_numbers),
		cmocka_unit_test(a_reset_without_buffers_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
