/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "frames.h"
#include "guard.h"
#include "headers/decode.h"

#define TEXT     "RCPT TO:<a@example.org>\r\n"
#define TEXT_LEN (sizeof(TEXT) - 1)
#define TCP_LEN  (20 + TEXT_LEN)

static void
plain_ipv4(struct frame *f)
{
	frame_ethernet(f, 0x0800);
	frame_ipv4(f, 6, 0, 0x4000, TCP_LEN);
	frame_tcp(f, 0x18, 0, TEXT);
}

static void
ipv4_with_options(struct frame *f)
{
	frame_ethernet(f, 0x0800);
	frame_ipv4(f, 6, 40, 0, TCP_LEN + 12);
	frame_tcp(f, 0x18, 12, TEXT);
}

static void
padded_ipv4(struct frame *f)
{
	frame_ethernet(f, 0x0800);
	frame_ipv4(f, 6, 0, 0, TCP_LEN);
	frame_tcp(f, 0x18, 0, TEXT);
	frame_add(f, "paddingpadding", 14);
}

static void
one_tag(struct frame *f)
{
	frame_ethernet(f, 0x8100);
	frame_vlan(f, 0xe064, 0x0800); /* priority 7, id 100 */
	frame_ipv4(f, 6, 0, 0, TCP_LEN);
	frame_tcp(f, 0x18, 0, TEXT);
}

static void
two_tags(struct frame *f)
{
	frame_ethernet(f, 0x88a8);
	frame_vlan(f, 100, 0x8100);
	frame_vlan(f, 200, 0x86dd);
	frame_ipv6(f, 6, TCP_LEN);
	frame_tcp(f, 0x18, 0, TEXT);
}

static void
two_tags_of_old(struct frame *f)
{
	frame_ethernet(f, 0x9100);
	frame_vlan(f, 100, 0x9100);
	frame_vlan(f, 200, 0x0800);
	frame_ipv4(f, 6, 0, 0, TCP_LEN);
	frame_tcp(f, 0x18, 0, TEXT);
}

static void
two_labels(struct frame *f)
{
	frame_ethernet(f, 0x8847);
	frame_add(f, "\x00\x01\x00\x40\x00\x02\x01\x40", 8);
	frame_ipv4(f, 6, 0, 0, TCP_LEN);
	frame_tcp(f, 0x18, 0, TEXT);
}

static void
pppoe_ipv6(struct frame *f)
{
	frame_ethernet(f, 0x8864);
	frame_add(f, "\x11\x00\x00\x07", 4);
	frame_add16(f, 2 + 40 + TCP_LEN);
	frame_add16(f, 0x0057);
	frame_ipv6(f, 6, TCP_LEN);
	frame_tcp(f, 0x18, 0, TEXT);
	frame_add(f, "tail", 4);
}

static void
ipv6_with_every_extension(struct frame *f)
{
	frame_ethernet(f, 0x86dd);
	frame_ipv6(f, 0, 8 + 16 + 24 + 12 + 8 + TCP_LEN);
	frame_add(f, "\x2b\x00\x01\x04\x00\x00\x00\x00", 8);         /* hop by hop, then routing */
	frame_add(f, "\x3c\x01\x00\x00", 4), frame_add(f, NULL, 12); /* no segment left, then destination options */
	frame_add(f, "\x33\x02", 2), frame_add(f, NULL, 22);         /* then AH */
	frame_add(f, "\x2c\x01", 2), frame_add(f, NULL, 10);         /* 3 words, then fragment */
	frame_add(f, "\x06\x00\x00\x00\x00\x00\x00\x09", 8);         /* atomic */
	frame_tcp(f, 0x18, 0, TEXT);
}

static void
raw_ipv6(struct frame *f)
{
	frame_ipv6(f, 6, TCP_LEN);
	frame_tcp(f, 0x18, 0, TEXT);
}

static void
loopback_little_endian(struct frame *f)
{
	frame_add(f, "\x02\x00\x00\x00", 4);
	frame_ipv4(f, 6, 0, 0, TCP_LEN);
	frame_tcp(f, 0x18, 0, TEXT);
}

static void
loopback_big_endian(struct frame *f)
{
	frame_add(f, "\x00\x00\x00\x1e", 4);
	frame_ipv6(f, 6, TCP_LEN);
	frame_tcp(f, 0x18, 0, TEXT);
}

static void
cooked(struct frame *f)
{
	frame_add(f, NULL, 14);
	frame_add16(f, 0x8100);
	frame_vlan(f, 100, 0x0800);
	frame_ipv4(f, 6, 0, 0, TCP_LEN);
	frame_tcp(f, 0x18, 0, TEXT);
}

static void
cooked2(struct frame *f)
{
	frame_add16(f, 0x86dd);
	frame_add(f, NULL, 18);
	frame_ipv6(f, 6, TCP_LEN);
	frame_tcp(f, 0x18, 0, TEXT);
}

struct sample {
	const char *name;
	void (*build)(struct frame *f);
	enum link_type link;
	unsigned ip_version, vlan_outer, vlan_inner;
	size_t padding;
};

static const struct sample samples[] = {
	{ "IPv4", plain_ipv4, LINK_ETHERNET, 4, 0, 0, 0 },
	{ "IPv4 and TCP with options", ipv4_with_options, LINK_ETHERNET, 4, 0, 0, 0 },
	{ "IPv4 with padding", padded_ipv4, LINK_ETHERNET, 4, 0, 0, 14 },
	{ "802.1Q", one_tag, LINK_ETHERNET, 4, 100, 0, 0 },
	{ "802.1ad", two_tags, LINK_ETHERNET, 6, 100, 200, 0 },
	{ "0x9100 twice", two_tags_of_old, LINK_ETHERNET, 4, 100, 200, 0 },
	{ "MPLS", two_labels, LINK_ETHERNET, 4, 0, 0, 0 },
	{ "PPPoE", pppoe_ipv6, LINK_ETHERNET, 6, 0, 0, 4 },
	{ "IPv6 with every extension header", ipv6_with_every_extension, LINK_ETHERNET, 6, 0, 0, 0 },
	{ "raw IPv6", raw_ipv6, LINK_RAW_IP, 6, 0, 0, 0 },
	{ "loopback, little endian", loopback_little_endian, LINK_LOOPBACK, 4, 0, 0, 0 },
	{ "loopback, big endian", loopback_big_endian, LINK_LOOPBACK, 6, 0, 0, 0 },
	{ "cooked with a tag", cooked, LINK_COOKED, 4, 100, 0, 0 },
	{ "cooked 2", cooked2, LINK_COOKED2, 6, 0, 0, 0 },
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static struct frame frame;

static void
build(const struct sample *s)
{
	frame.len = 0;
	s->build(&frame);
}

static enum decode_result
decode(struct packet *p, uint8_t *data, size_t len, enum link_type link)
{
	*p = (struct packet){ .data = data, .len = (uint32_t)len, .link = (uint8_t)link };
	return headers_decode(p);
}

/* Decodes what `make` writes into an Ethernet frame. */
static enum decode_result
decode_frame(struct packet *p)
{
	return decode(p, frame.at, frame.len, LINK_ETHERNET);
}

static void
every_kind_of_frame_is_read_to_its_payload(void **state)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct sample *s = &samples[i];
		struct packet p;
		print_message("  %s\n", s->name);
		build(s);
		assert_int_equal(decode(&p, frame.at, frame.len, s->link), DECODE_TCP);
		assert_int_equal(p.h.ip_version, s->ip_version);
		assert_int_equal(p.h.vlan_outer, s->vlan_outer);
		assert_int_equal(p.h.vlan_inner, s->vlan_inner);
		assert_int_equal(p.h.src_port, 40000);
		assert_int_equal(p.h.dst_port, 25);
		assert_int_equal(p.h.seq, 1000);
		assert_int_equal(p.h.ack, 2000);
		assert_int_equal(p.h.tcp_flags, 0x18);
		assert_int_equal(p.h.window, 8192);
		assert_int_equal(p.h.payload_len, TEXT_LEN);
		assert_memory_equal(frame.at + p.h.payload, TEXT, TEXT_LEN);
		assert_int_equal(frame.len, p.h.payload + p.h.payload_len + s->padding);
	}
}

static void
no_prefix_of_a_frame_is_read_beyond_its_end(void **state)
{
	struct guard g = guard_new(2048);

	for (size_t i = 0; i < SAMPLES; i++) {
		build(&samples[i]);
		for (size_t len = 0; len <= frame.len; len++) {
			struct packet p;
			enum decode_result r = decode(&p, guard_end(&g, frame.at, len), len, samples[i].link);
			if (len + samples[i].padding < frame.len)
				assert_int_not_equal(r, DECODE_TCP);
			else
				assert_int_equal(r, DECODE_TCP);
			if (r == DECODE_TCP)
				assert_true((size_t)p.h.payload + p.h.payload_len <= len);
		}
	}
	guard_free(&g);
}

static void
no_changed_octet_leads_beyond_the_frame(void **state)
{
	struct guard g = guard_new(2048);

	for (size_t i = 0; i < SAMPLES; i++) {
		build(&samples[i]);
		uint8_t *data = guard_end(&g, frame.at, frame.len);
		for (size_t at = 0; at < frame.len - TEXT_LEN; at++) {
			for (unsigned v = 0; v < 256; v++) {
				struct packet p;
				data[at] = (uint8_t)v;
				enum decode_result r = decode(&p, data, frame.len, samples[i].link);
				if (r == DECODE_TCP || r == DECODE_FRAGMENT)
					assert_true((size_t)p.h.payload + p.h.payload_len <= frame.len);
				if (r == DECODE_TCP)
					assert_true(p.h.l3 + 40 <= p.h.payload && p.h.l4 + 20 <= p.h.payload);
			}
			data[at] = frame.at[at];
		}
	}
	guard_free(&g);
}

static void
random_octets_never_lead_beyond_the_frame(void **state)
{
	struct guard g = guard_new(256);
	uint8_t noise[256];

	srandom(1);
	for (unsigned round = 0; round < 200000; round++) {
		struct packet p;
		size_t len = (size_t)random() % sizeof(noise);
		for (size_t i = 0; i < len; i++)
			noise[i] = (uint8_t)random();
		if (len > 14 && (round & 1))
			memcpy(noise + 12, round & 2 ? "\x08\x00\x45" : "\x86\xdd\x60", 3);
		enum decode_result r = decode(&p, guard_end(&g, noise, len), len, (enum link_type)(round % 5));
		if (r == DECODE_TCP || r == DECODE_FRAGMENT)
			assert_true((size_t)p.h.payload + p.h.payload_len <= len);
	}
	guard_free(&g);
}

static void
other_protocols_are_not_tcp(void **state)
{
	struct packet p;

	frame.len = 0;
	frame_ethernet(&frame, 0x0806);
	frame_add(&frame, NULL, 46);
	assert_int_equal(decode_frame(&p), DECODE_NOT_TCP);

	frame.len = 0;
	frame_ethernet(&frame, 0x0800);
	frame_ipv4(&frame, 17, 0, 0, 8);
	frame_add(&frame, NULL, 8);
	assert_int_equal(decode_frame(&p), DECODE_NOT_TCP);

	frame.len = 0;
	frame_ethernet(&frame, 0x86dd);
	frame_ipv6(&frame, 58, 8);
	frame_add(&frame, NULL, 8);
	assert_int_equal(decode_frame(&p), DECODE_NOT_TCP);

	frame.len = 0;
	frame_ethernet(&frame, 0x8847);
	frame_add(&frame, "\x00\x01\x01\x40", 4);
	frame_add(&frame, NULL, 40); /* a pseudo wire: neither version */
	assert_int_equal(decode_frame(&p), DECODE_NOT_TCP);
}

static void
lengths_that_contradict_each_other_are_malformed(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *what;
	} changes[] = {
		{ 14, 0x44, "IPv4 header below 20 octets" },
		{ 14, 0x4f, "IPv4 header longer than the packet leaves for TCP" },
		{ 14, 0x65, "IPv6 where the type says IPv4" },
		{ 16, 0xff, "IPv4 total length beyond the frame" },
		{ 17, 19, "IPv4 total length below its header" },
		{ 17, 39, "IPv4 total length without a TCP header" },
		{ 46, 0x40, "TCP header below 20 octets" },
		{ 46, 0xf0, "TCP header beyond the packet" },
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct packet p;
		print_message("  %s\n", changes[i].what);
		frame.len = 0;
		plain_ipv4(&frame);
		frame.at[changes[i].at] = changes[i].value;
		assert_int_equal(decode_frame(&p), DECODE_MALFORMED);
	}
}

static void
a_length_of_0_means_the_whole_frame(void **state)
{
	struct packet p;

	frame.len = 0;
	plain_ipv4(&frame);
	store_be16(frame.at + 16, 0);
	assert_int_equal(decode_frame(&p), DECODE_TCP);
	assert_int_equal(p.h.payload_len, TEXT_LEN);

	frame.len = 0;
	raw_ipv6(&frame);
	store_be16(frame.at + 4, 0);
	assert_int_equal(decode(&p, frame.at, frame.len, LINK_RAW_IP), DECODE_TCP);
	assert_int_equal(p.h.payload_len, TEXT_LEN);

	/* More than 16 bits can say. */
	frame_add(&frame, NULL, 66000);
	assert_int_equal(decode(&p, frame.at, frame.len, LINK_RAW_IP), DECODE_MALFORMED);
}

static void
nesting_has_an_end(void **state)
{
	struct packet p;

	frame.len = 0;
	frame_ethernet(&frame, 0x8100);
	frame_vlan(&frame, 1, 0x8100);
	frame_vlan(&frame, 2, 0x8100);
	frame_vlan(&frame, 3, 0x0800);
	frame_ipv4(&frame, 6, 0, 0, TCP_LEN);
	frame_tcp(&frame, 0x18, 0, TEXT);
	assert_int_equal(decode_frame(&p), DECODE_MALFORMED);

	frame.len = 0;
	frame_ethernet(&frame, 0x86dd);
	frame_ipv6(&frame, 60, 100 * 8 + TCP_LEN);
	for (unsigned i = 0; i < 100; i++)
		frame_add(&frame, i < 99 ? "\x3c\x00\x01\x04\x00\x00\x00\x00" : "\x06\x00\x01\x04\x00\x00\x00\x00", 8);
	frame_tcp(&frame, 0x18, 0, TEXT);
	assert_int_equal(decode_frame(&p), DECODE_MALFORMED);

	frame.len = 0;
	frame_ethernet(&frame, 0x8847);
	frame_add(&frame, NULL, 400);
	assert_int_equal(decode_frame(&p), DECODE_MALFORMED);
}

static void
a_segment_on_its_way_to_an_intermediate_node_is_not_read(void **state)
{
	struct packet p;

	frame.len = 0;
	frame_ethernet(&frame, 0x86dd);
	frame_ipv6(&frame, 43, 24 + TCP_LEN);
	frame_add(&frame, "\x06\x02\x00\x01", 4);
	frame_add(&frame, NULL, 20);
	frame_tcp(&frame, 0x18, 0, TEXT);
	assert_int_equal(decode_frame(&p), DECODE_NOT_TCP);
}

static void
fragments_are_told_by_offset_or_more(void **state)
{
	static const unsigned fields[] = { 0x2000, 0x0001, 0x2001, 0x1fff };

	for (size_t i = 0; i < 4; i++) {
		struct packet p;
		frame.len = 0;
		frame_ethernet(&frame, 0x0800);
		frame_ipv4(&frame, 6, 4, fields[i], 16);
		frame_add(&frame, "fragment payload", 16);
		assert_int_equal(decode_frame(&p), DECODE_FRAGMENT);
		assert_true(p.h.fragment);
		assert_int_equal(p.h.payload, 14 + 24);
		assert_int_equal(p.h.payload_len, 16);
	}
	for (unsigned more = 0; more < 2; more++) {
		struct packet p;
		frame.len = 0;
		frame_ethernet(&frame, 0x86dd);
		frame_ipv6(&frame, 44, 8 + 16);
		frame_add(&frame, more ? "\x06\x00\x00\x01\x00\x00\x00\x09" : "\x06\x00\x00\x08\x00\x00\x00\x09", 8);
		frame_add(&frame, "fragment payload", 16);
		assert_int_equal(decode_frame(&p), DECODE_FRAGMENT);
		assert_int_equal(p.h.l4, 14 + 40);
		assert_int_equal(p.h.payload, 14 + 48);
		assert_int_equal(p.h.payload_len, 16);
	}
}

static void
a_payload_that_grew_fits_all_its_length_fields(void **state)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		struct packet p, again;
		build(&samples[i]);
		assert_int_equal(decode(&p, frame.at, frame.len, samples[i].link), DECODE_TCP);
		p.room = 100;
		memcpy(p.data + p.h.payload + TEXT_LEN, "QUIT\r\n", 6);
		p.h.payload_len = (uint16_t)(p.h.payload_len + 6);
		headers_resize(&p);
		assert_int_equal(p.len + p.room, frame.len + 100);
		assert_int_equal(decode(&again, p.data, p.len, samples[i].link), DECODE_TCP);
		assert_int_equal(again.h.payload_len, TEXT_LEN + 6);
		assert_memory_equal(again.data + again.h.payload, TEXT "QUIT\r\n", TEXT_LEN + 6);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_frame_is_read_to_its_payload),
		cmocka_unit_test(no_prefix_of_a_frame_is_read_beyond_its_end),
		cmocka_unit_test(no_changed_octet_leads_beyond_the_frame),
		cmocka_unit_test(random_octets_never_lead_beyond_the_frame),
		cmocka_unit_test(other_protocols_are_not_tcp),
		cmocka_unit_test(lengths_that_contradict_each_other_are_malformed),
		cmocka_unit_test(a_length_of_0_means_the_whole_frame),
		cmocka_unit_test(nesting_has_an_end),
		cmocka_unit_test(a_segment_on_its_way_to_an_intermediate_node_is_not_read),
		cmocka_unit_test(fragments_are_told_by_offset_or_more),
		cmocka_unit_test(a_payload_that_grew_fits_all_its_length_fields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
