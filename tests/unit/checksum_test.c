/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "frames.h"
#include "guard.h"
#include "headers/checksum.h"
#include "headers/decode.h"

/* RFC 1071, word by word. */
static uint32_t
naive_add(uint32_t sum, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		sum += i % 2 == 0 ? (uint32_t)at[i] << 8 : at[i];
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return sum;
}

static uint16_t
naive_tcp(const uint8_t *ip, const uint8_t *tcp, size_t len)
{
	uint8_t tail[6] = { 0, (uint8_t)(len >> 16), 0, 0, 0, 6 };
	uint32_t sum = ip[0] >> 4 == 4 ? naive_add(0, ip + 12, 8) : naive_add(0, ip + 8, 32);

	store_be16(tail + 2, (uint16_t)len);
	return (uint16_t)~naive_add(naive_add(sum, tail, 6), tcp, len);
}

static struct frame frame;

/* A frame with `len` random octets of payload, decoded; its last octet stands at a guard page. */
static struct packet
random_packet(struct guard *g, bool ipv6, size_t len)
{
	frame.len = 0;
	frame_ethernet(&frame, ipv6 ? 0x86dd : 0x0800);
	if (ipv6)
		frame_ipv6(&frame, 6, 20 + len);
	else
		frame_ipv4(&frame, 6, 8, 0x4000, 20 + len);
	uint8_t *tcp = frame_tcp(&frame, 0x18, 0, "");
	store_be16(tcp + 16, (uint16_t)random()); /* not its checksum */
	uint8_t *payload = frame_add(&frame, NULL, len);
	for (size_t i = 0; i < len; i++)
		payload[i] = (uint8_t)(random() % 8 == 0 ? 0xff : random());
	struct packet p = { .data = guard_end(g, frame.at, frame.len), .len = (uint32_t)frame.len };
	assert_int_equal(headers_decode(&p), DECODE_TCP);
	return p;
}

static void
checksums_are_those_of_the_naive_sum_at_every_length(void **state)
{
	struct guard g = guard_new(70000);

	srandom(5);
	for (size_t len = 0; len < 3000; len++) {
		struct packet p = random_packet(&g, len & 1, len > 2000 ? len * 20 : len);
		uint8_t *ip = p.data + p.h.l3, *tcp = p.data + p.h.l4;
		size_t tcp_len = p.len - p.h.l4;
		checksum_rewrite(&p);
		uint16_t stored = load_be16(tcp + 16);
		assert_true(checksum_tcp_ok(&p));
		store_be16(tcp + 16, 0);
		assert_int_equal(stored, naive_tcp(ip, tcp, tcp_len));
		if (p.h.ip_version == 4)
			assert_int_equal(naive_add(0, ip, 28), 0xffff);
	}
	guard_free(&g);
}

static void
a_changed_octet_is_noticed(void **state)
{
	struct guard g = guard_new(2048);
	struct packet p = random_packet(&g, false, 100);

	checksum_rewrite(&p);
	for (size_t at = p.h.l3 + 12u; at < p.len; at++) {
		if (at >= p.h.l3 + 20u && at < p.h.l4)
			continue; /* IPv4 options are no part of it */
		p.data[at] ^= 0x10;
		assert_false(checksum_tcp_ok(&p));
		p.data[at] ^= 0x10;
	}
	assert_true(checksum_tcp_ok(&p));
	guard_free(&g);
}

static void
padding_is_no_part_of_the_sum(void **state)
{
	struct packet p;

	frame.len = 0;
	frame_ethernet(&frame, 0x0800);
	frame_ipv4(&frame, 6, 0, 0, 21);
	frame_tcp(&frame, 0x18, 0, "x");
	frame_add(&frame, "padding", 7);
	p = (struct packet){ .data = frame.at, .len = (uint32_t)frame.len };
	assert_int_equal(headers_decode(&p), DECODE_TCP);
	checksum_rewrite(&p);
	frame.at[frame.len - 1] ^= 1;
	assert_true(checksum_tcp_ok(&p));
}

static void
an_adjusted_checksum_is_the_one_that_a_whole_sum_gives(void **state)
{
	struct guard g = guard_new(2048);

	for (unsigned i = 0; i < 100000; i++) {
		struct packet p = random_packet(&g, i & 1, 40);
		uint8_t *tcp = p.data + p.h.l4;
		uint32_t before = (uint32_t)random() << 1, after = i % 3 == 0 ? before + 1 : (uint32_t)random() << 1;
		uint8_t header[20];
		if (i % 7 == 0)
			after = 0;
		store_be32(tcp + 4, before);
		checksum_rewrite(&p);
		store_be32(tcp + 4, after);
		checksum_adjust32(tcp + 16, before, after);
		assert_true(checksum_tcp_ok(&p));
		memcpy(header, tcp, sizeof header);
		store_be32(tcp + 8, (uint32_t)random());
		store_be16(tcp + 14, (uint16_t)after);
		store_be16(tcp + 18, (uint16_t)before);
		bool differs = memcmp(header, tcp, sizeof header) != 0;
		assert_int_equal(checksum_follow(tcp, header, sizeof header), differs);
		assert_true(checksum_tcp_ok(&p));
	}
	guard_free(&g);
}

static void
a_wrong_checksum_stays_wrong_when_adjusted(void **state)
{
	struct guard g = guard_new(2048);
	struct packet p = random_packet(&g, false, 40);
	uint8_t *tcp = p.data + p.h.l4;

	checksum_rewrite(&p);
	store_be16(tcp + 16, load_be16(tcp + 16) ^ 0x0100);
	store_be32(tcp + 4, 77);
	checksum_adjust32(tcp + 16, 1000, 77);
	assert_false(checksum_tcp_ok(&p));
	guard_free(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksums_are_those_of_the_naive_sum_at_every_length),
		cmocka_unit_test(a_changed_octet_is_noticed),
		cmocka_unit_test(padding_is_no_part_of_the_sum),
		cmocka_unit_test(an_adjusted_checksum_is_the_one_that_a_whole_sum_gives),
		cmocka_unit_test(a_wrong_checksum_stays_wrong_when_adjusted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
