/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "frames.h"
#include "headers/checksum.h"
#include "headers/decode.h"
#include "headers/fragment.h"

/* A front end that remembers what left. */
#define SENT_MAX 300
static struct packet *sent[SENT_MAX];
static unsigned sent_count;
static int packets_alive;
static bool pool_empty;

static struct packet *
make_packet(uint32_t need)
{
	struct packet *p = calloc(1, sizeof(*p));
	assert_non_null(p);
	p->data = malloc(need > 0 ? need : 1);
	p->room = need;
	packets_alive++;
	return p;
}

static struct packet *
front_alloc(void *front, uint32_t need)
{
	return pool_empty ? NULL : make_packet(need);
}

static void
front_release(void *front, struct packet *p)
{
	free(p->data);
	free(p);
	packets_alive--;
}

static void
front_transmit(void *front, struct packet *p, enum side side)
{
	assert_int_equal(side, SIDE_OUTSIDE);
	assert_true(sent_count < SENT_MAX);
	sent[sent_count++] = p;
}

static const struct packet_ops ops = { .alloc = front_alloc, .release = front_release, .transmit = front_transmit };
static struct counters counters;

static void
forget_sent(void)
{
	for (unsigned i = 0; i < sent_count; i++)
		front_release(NULL, sent[i]);
	sent_count = 0;
}

static struct fragments *
table(uint32_t datagrams, uint32_t packets)
{
	const struct fragment_limits limits = { .datagrams = datagrams, .packets = packets, .timeout_ns = 1000 };
	struct fragments *t = fragments_new(&limits, &ops, &counters);

	assert_non_null(t);
	counters = (struct counters){ 0 };
	pool_empty = false;
	return t;
}

static void
finish(struct fragments *t)
{
	fragments_free(t);
	forget_sent();
	assert_int_equal(packets_alive, 0);
}

/* A datagram to be cut: a TCP segment of random octets behind Ethernet and a VLAN tag. */
struct datagram_text {
	bool ipv6;
	unsigned id;
	size_t len; /* TCP header included */
	uint8_t at[66000];
};

static struct datagram_text text;
static struct frame frame;

static void
make_text(bool ipv6, unsigned id, size_t len)
{
	struct frame f = { .len = 0 };

	frame_tcp(&f, 0x18, 0, "");
	text.ipv6 = ipv6;
	text.id = id;
	text.len = len;
	memcpy(text.at, f.at, 20);
	for (size_t i = 20; i < len; i++)
		text.at[i] = (uint8_t)random();
}

/* Octets [start, end) of the text as a fragment; `protocol` as next protocol. */
static struct packet *
cut_as(size_t start, size_t end, bool more, unsigned protocol)
{
	frame.len = 0;
	frame_ethernet(&frame, 0x8100);
	frame_vlan(&frame, 100, text.ipv6 ? 0x86dd : 0x0800);
	if (text.ipv6) {
		frame_ipv6(&frame, 60, 16 + end - start);
		frame_add(&frame, "\x2c\x00\x01\x04\x00\x00\x00\x00", 8); /* destination options */
		frame_add(&frame, &(uint8_t){ (uint8_t)protocol }, 1);
		frame_add(&frame, "", 1);
		frame_add16(&frame, (unsigned)start | more);
		frame_add16(&frame, 0);
		frame_add16(&frame, text.id);
	} else {
		uint8_t *ip = frame_ipv4(&frame, protocol, start == 0 ? 8 : 4,
					 (unsigned)(start / 8) | (more ? 0x2000 : 0), end - start);
		store_be16(ip + 4, (uint16_t)text.id);
		checksum_ipv4_header(ip);
	}
	frame_add(&frame, text.at + start, end - start);
	frame_add(&frame, "pad", 3);
	struct packet *p = make_packet((uint32_t)frame.len + 40);
	memcpy(p->data, frame.at, frame.len);
	p->len = (uint32_t)frame.len;
	p->room = 40;
	p->side = SIDE_INSIDE;
	assert_int_equal(headers_decode(p), DECODE_FRAGMENT);
	return p;
}

static struct packet *
cut(size_t start, size_t end)
{
	return cut_as(start, end, end < text.len, 6);
}

/* What sent packets [first, sent_count) make up, read by the simplest means: octets, and how often each came. */
static size_t
reassemble(unsigned first, uint8_t *out, uint8_t *times)
{
	size_t total = 0;

	memset(times, 0, 66000);
	for (unsigned i = first; i < sent_count; i++) {
		struct packet *p = sent[i];
		const uint8_t *ip = p->data + 18;
		assert_int_equal(headers_decode(p), DECODE_FRAGMENT);
		unsigned field = load_be16(text.ipv6 ? ip + 50 : ip + 6);
		size_t start = text.ipv6 ? field & 0xfff8 : (field & 0x1fff) * 8;
		bool more = (field & (text.ipv6 ? 1 : 0x2000)) != 0;
		memcpy(out + start, p->data + p->h.payload, p->h.payload_len);
		for (size_t k = 0; k < p->h.payload_len; k++)
			times[start + k]++;
		assert_true(!more || p->h.payload_len % 8 == 0);
		if (!more)
			total = start + p->h.payload_len;
		if (!text.ipv6) {
			uint8_t header[60];
			size_t len = (size_t)(ip[0] & 15) * 4;
			memcpy(header, ip, len);
			checksum_ipv4_header(header);
			assert_memory_equal(header, ip, len);
		}
	}
	return total;
}

static void
shuffle(struct packet **p, unsigned n)
{
	for (unsigned i = n; i > 1; i--) {
		unsigned k = (unsigned)random() % i;
		struct packet *keep = p[i - 1];
		p[i - 1] = p[k];
		p[k] = keep;
	}
}

/* Puts all; the whole that one of them completed. */
static struct packet *
put_all(struct fragments *t, struct packet **p, unsigned n)
{
	struct packet *whole = NULL;
	for (unsigned i = 0; i < n; i++) {
		struct packet *w = fragments_put(t, p[i], 1);
		assert_true(w == NULL || whole == NULL);
		whole = w != NULL ? w : whole;
	}
	return whole;
}

static void
assert_whole_is_text(struct packet *w)
{
	assert_non_null(w);
	assert_null(w->next);
	assert_int_equal(headers_decode(w), DECODE_TCP);
	assert_int_equal(w->h.vlan_outer, 100);
	assert_int_equal(w->h.payload_len, text.len - 20);
	assert_memory_equal(w->data + w->h.l4, text.at, text.len);
	if (!text.ipv6) {
		uint8_t header[28];
		memcpy(header, w->data + w->h.l3, 28);
		checksum_ipv4_header(header);
		assert_memory_equal(header, w->data + w->h.l3, 28);
	}
}

static void
fragments_in_any_order_make_the_datagram_and_leave_byte_for_byte(void **state)
{
	struct fragments *t = table(8, 100);

	srandom(6);
	for (unsigned round = 0; round < 2000; round++) {
		struct packet *piece[40];
		uint8_t *copy[40];
		unsigned n = 0;
		make_text(round & 1, round, 32 + (size_t)random() % 600);
		for (size_t at = 0; at < text.len && n < 39;) {
			size_t len = n == 38 ? text.len - at : 8 * (1 + (size_t)random() % 8);
			size_t end = at + len < text.len ? at + len : text.len;
			if (at == 0 && end == text.len)
				end = 24;
			piece[n++] = cut(at, end);
			at = end;
		}
		shuffle(piece, n);
		for (unsigned i = 0; i < n; i++) {
			copy[i] = malloc(piece[i]->len);
			memcpy(copy[i], piece[i]->data, piece[i]->len);
		}
		struct packet *w = put_all(t, piece, n);
		assert_whole_is_text(w);
		assert_int_equal(sent_count, 0);
		fragments_transmit(t, w, SIDE_OUTSIDE);
		assert_int_equal(sent_count, n);
		for (unsigned i = 0; i < n; i++) {
			assert_ptr_equal(sent[i], piece[i]);
			assert_memory_equal(sent[i]->data, copy[i], sent[i]->len);
			free(copy[i]);
		}
		forget_sent();
		assert_int_equal(packets_alive, 0);
	}
	finish(t);
}

static void
a_piece_that_reaches_the_end_keeps_its_more_fragments_mark(void **state)
{
	struct fragments *t = table(8, 100);

	for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
		make_text(ipv6, 7, 104);
		struct packet *piece[] = { cut_as(0, 104, true, 6), cut_as(56, 104, false, 6) };
		size_t len = piece[0]->len;
		uint8_t *copy = malloc(len);
		memcpy(copy, piece[0]->data, len);
		struct packet *w = put_all(t, piece, 2);
		assert_whole_is_text(w);
		fragments_transmit(t, w, SIDE_OUTSIDE);
		assert_int_equal(sent_count, 2);
		assert_int_equal(sent[0]->len, len);
		assert_memory_equal(sent[0]->data, copy, len);
		free(copy);
		forget_sent();
	}
	finish(t);
}

static void
octets_that_come_twice_count_as_they_came_first(void **state)
{
	static uint8_t naive[66000], times[66000], out[66000];
	struct fragments *t = table(8, 100);

	srandom(7);
	for (unsigned round = 0; round < 3000; round++) {
		make_text(round & 1, round, 32 + (size_t)random() % 300);
		bool had[400] = { false };
		size_t missing = text.len;
		struct packet *w = NULL;
		unsigned n = 0;
		/* Random pieces of ever-changing octets until all are there; the last one of them completes it. */
		for (; missing > 0 && n < 60; n++) {
			size_t start = 8 * ((size_t)random() % ((text.len + 7) / 8));
			size_t end = n == 59 ? text.len : start + 8 * (1 + (size_t)random() % 12);
			if (n == 59)
				start = 0;
			if (end > text.len)
				end = text.len;
			if (start == 0 && end == text.len)
				start = 8 * (n == 59 ? 0 : 1);
			if (start == 0 && end == text.len)
				break;
			for (size_t k = start < 20 ? 20 : start; k < end; k++)
				text.at[k] = (uint8_t)random();
			assert_null(w);
			for (size_t k = start; k < end; k++)
				if (!had[k]) {
					naive[k] = text.at[k];
					had[k] = true;
					missing--;
				}
			w = fragments_put(t, cut(start, end), 1);
		}
		if (missing > 0) {
			fragments_expire(t, UINT64_MAX, 1);
			forget_sent();
			continue;
		}
		memcpy(text.at, naive, text.len);
		assert_whole_is_text(w);
		fragments_transmit(t, w, SIDE_OUTSIDE);
		assert_int_equal(sent_count, n);
		assert_int_equal(reassemble(0, out, times), text.len);
		/* Whatever order an end prefers: every copy of an octet is the first one. */
		for (unsigned i = 0; i < sent_count; i++) {
			const uint8_t *ip = sent[i]->data + 18;
			size_t start = text.ipv6 ? load_be16(ip + 50) & 0xfff8u : (load_be16(ip + 6) & 0x1fffu) * 8;
			assert_memory_equal(sent[i]->data + sent[i]->h.payload, naive + start, sent[i]->h.payload_len);
		}
		forget_sent();
	}
	assert_true(counters.value[CTR_overlap_rewritten] > 0);
	finish(t);
}

static void
an_edited_datagram_leaves_as_well_formed_fragments(void **state)
{
	static uint8_t out[66000], times[66000];
	struct fragments *t = table(8, 100);

	srandom(8);
	for (unsigned round = 0; round < 3000; round++) {
		make_text(round & 1, round, 96 + (size_t)random() % 300);
		size_t unit = 8 * (1 + (size_t)random() % 10), at = 0;
		struct packet *piece[64];
		unsigned n = 0;
		for (; at < text.len; at += unit)
			piece[n++] = cut(at, at + unit < text.len ? at + unit : text.len);
		shuffle(piece, n);
		struct packet *w = put_all(t, piece, n);
		assert_whole_is_text(w);
		/* Somebody writes other octets, and more or fewer of them. */
		size_t len = round % 3 == 0 ? text.len : 21 + (size_t)random() % (text.len + 300);
		w->h.payload_len = (uint16_t)(len - 20);
		headers_resize(w);
		for (size_t k = 20; k < len; k++)
			w->data[w->h.l4 + k] = (uint8_t)random();
		checksum_rewrite(w);
		uint8_t *expected = malloc(len);
		memcpy(expected, w->data + w->h.l4, len);
		fragments_transmit(t, w, SIDE_OUTSIDE);
		if (len <= unit && sent_count == 1) {
			/* All of it fits into the first: offset 0 and nothing more is no fragment. */
			assert_int_equal(headers_decode(sent[0]), DECODE_TCP);
			assert_true(checksum_tcp_ok(sent[0]));
		} else {
			assert_int_equal(reassemble(0, out, times), len);
			assert_memory_equal(out, expected, len);
			for (size_t k = 0; k < len; k++)
				assert_int_equal(times[k], 1);
			for (unsigned i = 0; i < sent_count; i++)
				assert_true(sent[i]->h.payload_len <= unit);
		}
		free(expected);
		forget_sent();
		assert_int_equal(packets_alive, 0);
	}
	finish(t);
}

static void
fragments_of_other_protocols_leave_at_once(void **state)
{
	for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
		struct fragments *t = table(8, 100);
		make_text(ipv6, 1, 200);
		struct packet *p = cut_as(0, 64, true, 17);
		assert_null(fragments_put(t, p, 1));
		assert_ptr_equal(sent[0], p);
		finish(t);
	}
}

static void
fragments_with_another_id_or_vlan_do_not_meet(void **state)
{
	struct fragments *t = table(8, 100);

	make_text(false, 1, 100);
	assert_null(fragments_put(t, cut(0, 64), 1));
	text.id = 2;
	assert_null(fragments_put(t, cut(64, 100), 1));
	text.id = 1;
	struct packet *p = cut(64, 100);
	p->h.vlan_outer = 101;
	assert_null(fragments_put(t, p, 1));
	struct packet *w = fragments_put(t, cut(64, 100), 1);
	assert_whole_is_text(w);
	fragments_release(t, w);
	finish(t);
}

static void
an_incomplete_datagram_leaves_after_its_time_in_order(void **state)
{
	struct fragments *t = table(8, 100);

	make_text(true, 1, 200);
	struct packet *a = cut(64, 128), *b = cut(0, 64);
	assert_null(fragments_put(t, a, 100));
	assert_null(fragments_put(t, b, 500));
	fragments_expire(t, 1099, 10);
	assert_int_equal(sent_count, 0);
	fragments_expire(t, 1100, 10);
	assert_int_equal(sent_count, 2);
	assert_ptr_equal(sent[0], a);
	assert_ptr_equal(sent[1], b);
	assert_int_equal(counters.value[CTR_fragment_timeout], 2);
	finish(t);
}

static void
a_whole_that_is_held_outlives_the_timeout_and_its_id(void **state)
{
	struct fragments *t = table(8, 100);

	make_text(false, 1, 100);
	assert_null(fragments_put(t, cut(0, 64), 1));
	struct packet *w = fragments_put(t, cut(64, 100), 1);
	assert_whole_is_text(w);
	fragments_expire(t, 100000, 10);
	assert_int_equal(sent_count, 0);
	/* Another datagram bears the same id meanwhile. */
	make_text(false, 1, 100);
	assert_null(fragments_put(t, cut(0, 64), 1));
	struct packet *w2 = fragments_put(t, cut(64, 100), 1);
	assert_whole_is_text(w2);
	fragments_transmit(t, w2, SIDE_OUTSIDE);
	assert_int_equal(sent_count, 2);
	fragments_transmit(t, w, SIDE_OUTSIDE);
	assert_int_equal(sent_count, 4);
	finish(t);
}

static void
a_full_table_passes_what_comes_and_counts(void **state)
{
	struct fragments *t = table(2, 3);

	for (unsigned id = 1; id <= 3; id++) {
		make_text(false, id, 200);
		assert_null(fragments_put(t, cut(0, 64), 1));
	}
	assert_int_equal(sent_count, 1); /* no third datagram */
	text.id = 1;
	assert_null(fragments_put(t, cut(64, 128), 1));
	assert_int_equal(sent_count, 1);
	text.id = 2; /* no fourth packet: what was there of its datagram leaves first */
	assert_null(fragments_put(t, cut(64, 128), 1));
	assert_int_equal(sent_count, 3);
	assert_int_equal(counters.value[CTR_fragment_cap], 3);
	finish(t);
}

static void
fragments_that_contradict_each_other_are_passed_unread(void **state)
{
	static const struct {
		size_t start, end;
		bool more;
	} wrong[] = {
		{ 64, 128, false },  /* ends before octets that are there */
		{ 192, 260, false }, /* a second end */
		{ 192, 256, true },  /* octets behind the end */
		{ 64, 75, true },    /* more to come, but no multiple of 8 */
		{ 64, 64, true },    /* empty */
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct fragments *t = table(8, 100);
		make_text(false, 1, 200);
		assert_null(fragments_put(t, cut(128, 192), 1));
		assert_null(fragments_put(t, cut(192, 200), 1));
		assert_null(fragments_put(t, cut_as(wrong[i].start, wrong[i].end, wrong[i].more, 6), 1));
		assert_int_equal(sent_count, 3);
		assert_int_equal(counters.value[CTR_undecoded], 3);
		finish(t);
	}
}

static void
a_datagram_longer_than_ip_allows_is_passed_unread(void **state)
{
	struct fragments *t = table(8, 100);

	make_text(false, 1, 65528);
	for (size_t at = 0; at < 65528; at += 8184)
		assert_null(fragments_put(t, cut(at, at + 8184 < 65528 ? at + 8184 : 65528), 1));
	assert_int_equal(sent_count, 9);
	assert_int_equal(counters.value[CTR_undecoded], 9);
	finish(t);
}

static void
an_empty_pool_lets_the_fragments_pass(void **state)
{
	struct fragments *t = table(8, 100);

	make_text(true, 1, 100);
	assert_null(fragments_put(t, cut(0, 64), 1));
	pool_empty = true;
	assert_null(fragments_put(t, cut(64, 100), 1));
	assert_int_equal(sent_count, 2);
	assert_int_equal(counters.value[CTR_no_buffer], 1);
	finish(t);
}

static void
other_packets_and_copies_of_a_whole_take_the_plain_way(void **state)
{
	struct fragments *t = table(8, 100);

	make_text(false, 1, 100);
	assert_null(fragments_put(t, cut(0, 64), 1));
	struct packet *w = fragments_put(t, cut(64, 100), 1);
	struct packet *copy = make_packet(10);
	copy->datagram = w->datagram;
	fragments_release(t, copy);
	struct packet *other = make_packet(10);
	fragments_transmit(t, other, SIDE_OUTSIDE);
	assert_ptr_equal(sent[0], other);
	fragments_transmit(t, w, SIDE_OUTSIDE);
	assert_int_equal(sent_count, 3);
	finish(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fragments_in_any_order_make_the_datagram_and_leave_byte_for_byte),
		cmocka_unit_test(a_piece_that_reaches_the_end_keeps_its_more_fragments_mark),
		cmocka_unit_test(octets_that_come_twice_count_as_they_came_first),
		cmocka_unit_test(an_edited_datagram_leaves_as_well_formed_fragments),
		cmocka_unit_test(fragments_of_other_protocols_leave_at_once),
		cmocka_unit_test(fragments_with_another_id_or_vlan_do_not_meet),
		cmocka_unit_test(an_incomplete_datagram_leaves_after_its_time_in_order),
		cmocka_unit_test(a_whole_that_is_held_outlives_the_timeout_and_its_id),
		cmocka_unit_test(a_full_table_passes_what_comes_and_counts),
		cmocka_unit_test(fragments_that_contradict_each_other_are_passed_unread),
		cmocka_unit_test(a_datagram_longer_than_ip_allows_is_passed_unread),
		cmocka_unit_test(an_empty_pool_lets_the_fragments_pass),
		cmocka_unit_test(other_packets_and_copies_of_a_whole_take_the_plain_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
