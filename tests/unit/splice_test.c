/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of a splice: what servers offer and lines need, replies, our own TCP end, and the constants of a hand-over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "frame.h"
#include "splice/answer.h"
#include "splice/caps.h"
#include "splice/end.h"
#include "guard.h"
#include "splice/owners.h"
#include "splice/present.h"
#include "splice/shift.h"
#include "splice/splice.h"

static struct view
text(const char *s)
{
	return view_of(s, strlen(s));
}

static void
the_parameters_of_a_line_name_the_extensions_it_needs(void **state)
{
	assert_int_equal(caps_of_line(text("MAIL FROM:<a@b.example>\r\n")), 0);
	assert_int_equal(caps_of_line(text("mail from: <a@b> size=5 body=8bitmime\r\n")), CAP_SIZE | CAP_8BITMIME);
	assert_int_equal(caps_of_line(text("MAIL FROM:<\"x> SIZE=1\"@b> SMTPUTF8\r\n")), CAP_SMTPUTF8);
	assert_int_equal(caps_of_line(text("MAIL FROM:<a@b> BODY=BINARYMIME")), CAP_BINARYMIME | CAP_CHUNKING);
	assert_int_equal(caps_of_line(text("RCPT TO:<a@b> NOTIFY=NEVER ORCPT=rfc822;a@b\r\n")), CAP_DSN);
	assert_int_equal(caps_of_line(text("RCPT TO:a@b DSN\r\n")), (int)CAP_UNKNOWN);
	assert_int_equal(caps_of_line(text("RCPT")), 0);
}

static void
a_reply_is_read_in_any_pieces(void **state)
{
	const char *reply = "250-DSN mx\r\n250-PIPELINING\r\n250-size 1000\r\n250 AUTH=PLAIN\r\n";

	for (size_t cut = 1; cut < strlen(reply); cut++) {
		struct answer a = { 0 };
		size_t used;
		assert_int_equal(answer_read(&a, view_of(reply, cut), &used), 0);
		assert_int_equal(used, cut);
		assert_int_equal(answer_read(&a, text(reply + cut), &used), 250);
		assert_int_equal(a.caps, CAP_PIPELINING | CAP_SIZE | CAP_AUTH);
	}
}

static void
what_is_no_reply_is_none(void **state)
{
	struct answer a = { 0 };
	size_t used;

	assert_int_equal(answer_read(&a, text("hello\r\n"), &used), -1);
	a = (struct answer){ 0 };
	assert_int_equal(answer_read(&a, text("2500\r\n"), &used), -1);
	a = (struct answer){ 0 };
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(answer_read(&a, text("250-x\r\n"), &used), 0);
	assert_int_equal(answer_read(&a, text("250-x\r\n"), &used), -1);
}

static unsigned sent;
static struct end_segment last;

static void
count(void *ctx, const struct end *e, const struct end_segment *s)
{
	sent++;
	last = *s;
}

static const struct end_wire wire = { .send = count };

static void
an_end_repeats_what_is_not_acknowledged_ever_more_slowly_and_gives_up(void **state)
{
	struct end e = { .mss = 1000 };
	uint64_t now = 1, at[16];
	unsigned n = 0;

	end_adopt(&e, 0xfffffffeu, 7);
	sent = 0;
	assert_true(end_say(&e, &wire, text("RSET\r\n"), false, now));
	at[n++] = now;
	for (bool alive = true; alive; now += 10000000) {
		unsigned before = sent;
		alive = end_tick(&e, &wire, now);
		if (sent > before)
			at[n++] = now;
	}
	assert_int_equal(n, END_TRIES);
	assert_int_equal(e.state, END_GIVEN_UP);
	assert_int_equal(last.seq, 0xfffffffeu);
	for (unsigned i = 2; i < n; i++)
		assert_true(at[i] - at[i - 1] >= at[i - 1] - at[i - 2]);
	assert_true(at[n - 1] - at[n - 2] >= 8 * (at[1] - at[0]));
	assert_true(now < 60000000000ULL);
}

static void
an_end_takes_octets_once_and_in_order_across_the_wrap(void **state)
{
	struct end e = { .mss = 1000 };
	struct view data = { 0 };

	end_adopt(&e, 100, 0xfffffffcu);
	struct end_segment s = { .seq = 0xfffffffeu, .ack = 100, .flags = TCP_ACK, .payload = text("cdef") };
	assert_int_equal(end_input(&e, &wire, &s, &data, 1), 0);
	assert_int_equal(last.ack, 0xfffffffcu);
	s.seq = 0xfffffffcu;
	s.payload = text("abcd");
	assert_int_equal(end_input(&e, &wire, &s, &data, 1), END_DATA);
	s.seq = 0xfffffffeu;
	s.payload = text("cdef");
	s.flags |= TCP_FIN;
	assert_int_equal(end_input(&e, &wire, &s, &data, 1), END_DATA | END_FIN);
	assert_int_equal(data.len, 2);
	assert_memory_equal(data.at, "ef", 2);
	assert_int_equal(end_input(&e, &wire, &s, &data, 1), 0);
}

static void
a_reset_counts_at_the_exact_number_only(void **state)
{
	struct end e = { .mss = 1000 };
	struct view data;
	struct end_segment s = { .seq = 8, .flags = TCP_RST };

	end_adopt(&e, 100, 7);
	assert_int_equal(end_input(&e, &wire, &s, &data, 1), 0);
	s.seq = 7;
	assert_int_equal(end_input(&e, &wire, &s, &data, 1), END_RESET);
}

static void
no_event_leads_back_from_a_hand_over(void **state)
{
	for (unsigned event = 0; event < SPLICE_EVENTS; event++) {
		static struct splice s;
		s.state = SPLICE_LIVE;
		enum splice_turn turn = splice_take(&s, event);
		assert_true(turn == SPLICE_STAY || turn == SPLICE_FAIL);
		s.state = SPLICE_ENDING;
		turn = splice_take(&s, event);
		assert_true(turn == SPLICE_STAY || turn == SPLICE_FAIL);
		s.state = SPLICE_OVER;
		assert_int_equal(splice_take(&s, event), SPLICE_STAY);
		assert_int_equal(s.state, SPLICE_OVER);
	}
	for (unsigned state_of = SPLICE_WAIT; state_of < SPLICE_LIVE; state_of++)
		for (unsigned event = SPLICE_NO; event < SPLICE_EVENTS; event++) {
			static struct splice s;
			s.state = (uint8_t)state_of;
			assert_int_equal(splice_take(&s, event), SPLICE_FALL_BACK);
		}
}

static void
time_alone_ends_a_splice_in_any_state(void **state)
{
	for (unsigned from = 0; from < SPLICE_STATES; from++) {
		static struct splice s;
		s.state = (uint8_t)from;
		for (unsigned i = 0; i < 2; i++)
			splice_take(&s, SPLICE_LATE);
		assert_int_equal(s.state, SPLICE_OVER);
	}
}

static void
an_ehlo_reply_lists_the_attributes_that_the_server_takes(void **state)
{
	const char *reply =
		"250-mx NAME\r\n250-XCLIENT NAME addr DESTADDR LOGIN\r\n250-NAME\r\n250 XFORWARD PORT HELO\r\n";

	for (size_t cut = 1; cut < strlen(reply); cut++) {
		struct answer a = { 0 };
		size_t used;
		assert_int_equal(answer_read(&a, view_of(reply, cut), &used), 0);
		assert_int_equal(answer_read(&a, text(reply + cut), &used), 250);
		assert_int_equal(a.caps, CAP_XCLIENT | CAP_XFORWARD);
		assert_int_equal(a.xclient, 1 << PRESENT_NAME | 1 << PRESENT_ADDR | 1 << PRESENT_DESTADDR);
		assert_int_equal(a.xforward, 1 << PRESENT_PORT | 1 << PRESENT_HELO);
	}
}

static const uint8_t six[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };

static void
a_client_is_told_of_in_xtext_with_its_address_family(void **state)
{
	const struct present_ends ends = { .client = six,
					   .server = six,
					   .client_port = 1,
					   .server_port = 65535,
					   .ip_version = 6,
					   .hello = text("HELO a+b=\x7f\r\n") };
	const char *wanted = "XCLIENT ADDR=IPV6:2001:db8:0:0:0:0:0:1 PROTO=SMTP DESTPORT=65535 HELO=a+2Bb+3D+7F\r\n";
	uint32_t mask = 1 << PRESENT_ADDR | 1 << PRESENT_HELO | 1 << PRESENT_PROTO | 1 << PRESENT_DESTPORT;
	uint8_t line[PRESENT_LINE];

	size_t len = present_line(PRESENT_XCLIENT, mask, &ends, line);
	assert_int_equal(len, strlen(wanted));
	assert_memory_equal(line, wanted, len);
	assert_int_equal(present_line(PRESENT_XCLIENT, mask & ~1u, &ends, line), 0);
	assert_int_equal(present_line(PRESENT_OFF, mask, &ends, line), 0);
}

static void
a_name_that_does_not_fit_is_left_out_and_no_octet_written_behind_the_line(void **state)
{
	struct guard g = guard_new(1024), out = guard_new(PRESENT_LINE);
	uint8_t hello[1000] = "EHLO ";

	memset(hello + 5, 0xff, sizeof hello - 5);
	for (size_t len = 0; len <= sizeof hello; len++) {
		const struct present_ends ends = {
			.client = six, .server = six, .ip_version = 6, .hello = view_of(guard_end(&g, hello, len), len)
		};
		uint8_t blank[PRESENT_LINE] = { 0 };
		uint8_t *line = (uint8_t *)guard_end(&out, blank, sizeof blank);
		size_t got = present_line(PRESENT_XFORWARD, UINT32_MAX, &ends, line);
		assert_true(got > 0 && got <= PRESENT_LINE);
		assert_memory_equal(line + got - 2, "\r\n", 2);
		assert_non_null(memmem(line, got, " PROTO=", 7));
		assert_true(len < 200 || memmem(line, got, "HELO", 4) == NULL);
	}
	guard_free(&g);
	guard_free(&out);
}

static void
a_connection_has_one_owner_until_it_is_dropped(void **state)
{
	struct owners *o = owners_new(64);
	struct flow_key key = { .ip_version = 4 };

	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < 64; i++) {
			key.port[0] = (uint16_t)i;
			assert_int_equal(owners_find(o, &key), -1);
			assert_true(owners_claim(o, &key, i % 3));
			assert_false(owners_claim(o, &key, i % 3 + 1));
		}
		for (unsigned i = 0; i < 64; i++) {
			key.port[0] = (uint16_t)i;
			owners_drop(o, &key, i % 3 + 1); /* not its own */
			assert_int_equal(owners_find(o, &key), (int)(i % 3));
			owners_drop(o, &key, i % 3);
		}
	}
	owners_free(o);
}

static uint32_t seed = 1;

static uint32_t
rnd(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed ^ seed >> 13;
}

/* Random events from the beginning on: one way out of the table for each line, whatever comes in what order. */
static void
a_line_is_handed_over_or_taken_back_and_never_both(void **state)
{
	for (unsigned walk = 0; walk < 100000; walk++) {
		static struct splice s;
		unsigned turns[SPLICE_FAIL + 1] = { 0 }, answers = 0;
		s.state = SPLICE_WAIT;
		for (unsigned step = 0; step < 40; step++) {
			unsigned event = rnd() % 4 ? rnd() % SPLICE_NO : rnd() % SPLICE_EVENTS;
			answers += event == SPLICE_YES;
			enum splice_turn turn = splice_take(&s, event);
			turns[turn]++;
			assert_true(turn != SPLICE_HAND_OVER || (turns[SPLICE_CONNECT] == 1 && answers >= 3));
			assert_true(turn != SPLICE_FAIL || turns[SPLICE_HAND_OVER] == 1);
		}
		assert_true(turns[SPLICE_CONNECT] <= 1 && turns[SPLICE_FAIL] <= 1);
		assert_true(turns[SPLICE_HAND_OVER] + turns[SPLICE_FALL_BACK] <= 1);
	}
}

static void
windows_keep_their_size_in_another_scale(void **state)
{
	for (unsigned i = 0; i < 100000; i++) {
		uint16_t window = (uint16_t)rnd();
		uint8_t from = (uint8_t)(rnd() % 15), to = (uint8_t)(rnd() % 15);
		uint64_t before = (uint64_t)window << from, after = (uint64_t)shift_window(window, from, to) << to;

		assert_true((before == 0) == (after == 0));
		assert_true(after <= before ||
			    before < (1u << to)); /* never more than was offered, but for the last unit */
		assert_true(before - after < (1u << to) || after == (uint64_t)65535 << to || after > before);
	}
}

/* A segment goes to the quarantine and is answered: either way it is again what it was, and its checksum is right. */
static void
a_segment_there_and_back_is_what_it_was(void **state)
{
	for (unsigned i = 0; i < 20000; i++) {
		struct front front;
		uint8_t options[32] = { 1, 1, 8, 10 };
		struct shift s = { .server = { 10, 0, 0, 2 },
				   .far = { 198, 51, 100, 7 },
				   .server_port = 25,
				   .far_port = (uint16_t)rnd(),
				   .client_seq = rnd(),
				   .server_seq = rnd(),
				   .ts = rnd(),
				   .has_ts = true };
		uint32_t value = rnd(), echo = rnd();
		s.ts_first = echo - s.ts - rnd() % 1000;
		s.ts_last = value - rnd() % 1000;
		bool sack = rnd() % 2, v6 = rnd() % 2;

		store_be32(options + 4, value);
		store_be32(options + 8, echo);
		options[12] = options[13] = 1;
		options[14] = 5;
		options[15] = 10;
		store_be32(options + 16, rnd());
		store_be32(options + 20, rnd());
		front_init(&front);
		const struct frame f = { .seq = rnd(),
					 .ack = rnd(),
					 .flags = ACK,
					 .window = (uint16_t)rnd(),
					 .version = v6 ? 6 : 4,
					 .vlan = rnd() % 2 ? 9 : 0,
					 .options = view_of(options, sack ? 24 : 12),
					 .payload = text("RCPT TO:<x@army.ml>\r\n") };
		struct packet *p = frame_make(&front, &f);
		shift_out(&s, p);
		assert_int_equal(headers_decode(p), DECODE_TCP);
		assert_true(checksum_tcp_ok(p));
		assert_int_equal(p->h.dst_port, s.far_port);
		assert_int_equal(p->h.seq, f.seq + s.client_seq);
		assert_int_equal(p->h.ack, f.ack - s.server_seq);
		const uint8_t *at = p->data + p->h.l4 + 20;
		assert_int_equal(load_be32(at + 4), value);
		assert_int_equal(load_be32(at + 8), echo - s.ts);
		if (sack)
			assert_int_equal(load_be32(at + 16), load_be32(options + 16) - s.server_seq);
		front_release(&front, p);

		/* The quarantine's segment: its own clock, the client's octets acknowledged. */
		struct frame back = f;
		back.dir = 1;
		p = frame_make(&front, &back);
		memcpy(p->data + p->h.l3 + (v6 ? 8 : 12), s.far, v6 ? 16 : 4);
		store_be16(p->data + p->h.l4, s.far_port);
		checksum_rewrite(p);
		assert_int_equal(headers_decode(p), DECODE_TCP);
		shift_in(&s, p);
		struct headers told = p->h;
		assert_int_equal(headers_decode(p), DECODE_TCP);
		assert_true(checksum_tcp_ok(p));
		assert_memory_equal(&told, &p->h, sizeof told);
		assert_int_equal(p->h.src_port, 25);
		assert_int_equal(p->h.seq, f.seq + s.server_seq);
		assert_int_equal(p->h.ack, f.ack - s.client_seq);
		at = p->data + p->h.l4 + 20;
		assert_int_equal(load_be32(at + 4), value + s.ts);
		assert_int_equal(load_be32(at + 8), echo);
		front_release(&front, p);
	}
}

static void
a_time_stamp_of_the_server_is_not_echoed_to_the_quarantine(void **state)
{
	uint8_t options[12] = { 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0x10, 0 };
	struct shift s = {
		.far = { 1, 2, 3, 4 }, .far_port = 25, .ts = 0x1000 + 1000 - 50, .ts_first = 50, .has_ts = true
	};
	const struct frame f = { .flags = ACK, .options = view_of(options, 12) };
	struct front front;

	front_init(&front);
	struct packet *p = frame_make(&front, &f);
	shift_out(&s, p);
	assert_int_equal(load_be32(p->data + p->h.l4 + 28), 50);
	front_release(&front, p);
}

/* PAWS would discard it (RFC 7323 section 5.3). One that the tcp stage did not accept says nothing about the clock. */
static void
a_segment_that_was_held_looks_no_older_than_those_that_have_left(void **state)
{
	static const struct {
		uint32_t value, leaves_with;
		bool stray;
	} step[] = { { 0xfffffff0, 0xfffffff0, false },
		     { 5, 5, false },
		     { 0xfffffff8, 5, false },
		     { 5000, 5000, true },
		     { 0xfffffff8, 5, false } };
	struct shift s = { .far = { 1, 2, 3, 4 }, .far_port = 25, .ts_last = 0xffffffe0, .has_ts = true };
	uint8_t options[12] = { 1, 1, 8, 10 };
	struct front front;

	front_init(&front);
	for (unsigned i = 0; i < sizeof step / sizeof step[0]; i++) {
		store_be32(options + 4, step[i].value);
		const struct frame f = { .flags = ACK, .options = view_of(options, 12), .payload = text("DATA\r\n") };
		struct packet *p = frame_make(&front, &f);
		p->flags |= step[i].stray ? PACKET_STRAY : 0;
		shift_out(&s, p);
		assert_int_equal(load_be32(p->data + p->h.l4 + 24), step[i].leaves_with);
		assert_true(checksum_tcp_ok(p));
		front_release(&front, p);
	}
}

static void
a_wrong_checksum_stays_wrong(void **state)
{
	struct shift s = { .far = { 1, 2, 3, 4 }, .far_port = 2525, .client_seq = 5, .server_seq = 9 };
	const struct frame f = { .flags = ACK, .seq = 1, .ack = 2, .payload = text("x") };
	struct front front;

	front_init(&front);
	struct packet *p = frame_make(&front, &f);
	p->data[p->h.payload] ^= 1;
	shift_out(&s, p);
	assert_int_equal(headers_decode(p), DECODE_TCP);
	assert_false(checksum_tcp_ok(p));
	front_release(&front, p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_parameters_of_a_line_name_the_extensions_it_needs),
		cmocka_unit_test(a_reply_is_read_in_any_pieces),
		cmocka_unit_test(what_is_no_reply_is_none),
		cmocka_unit_test(an_end_repeats_what_is_not_acknowledged_ever_more_slowly_and_gives_up),
		cmocka_unit_test(an_end_takes_octets_once_and_in_order_across_the_wrap),
		cmocka_unit_test(a_reset_counts_at_the_exact_number_only),
		cmocka_unit_test(no_event_leads_back_from_a_hand_over),
		cmocka_unit_test(time_alone_ends_a_splice_in_any_state),
		cmocka_unit_test(an_ehlo_reply_lists_the_attributes_that_the_server_takes),
		cmocka_unit_test(a_client_is_told_of_in_xtext_with_its_address_family),
		cmocka_unit_test(a_name_that_does_not_fit_is_left_out_and_no_octet_written_behind_the_line),
		cmocka_unit_test(a_connection_has_one_owner_until_it_is_dropped),
		cmocka_unit_test(a_line_is_handed_over_or_taken_back_and_never_both),
		cmocka_unit_test(windows_keep_their_size_in_another_scale),
		cmocka_unit_test(a_segment_there_and_back_is_what_it_was),
		cmocka_unit_test(a_time_stamp_of_the_server_is_not_echoed_to_the_quarantine),
		cmocka_unit_test(a_segment_that_was_held_looks_no_older_than_those_that_have_left),
		cmocka_unit_test(a_wrong_checksum_stays_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
