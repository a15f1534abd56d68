/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guard.h"
#include "tcp/options.h"

/* Reads `len` octets of options that end at an unmapped page. */
static struct tcp_options
options_of(const char *octets, size_t len)
{
	struct guard g = guard_new(64);
	uint8_t header[60] = { 0 };

	memcpy(header + 20, octets, len);
	struct packet p = { .data = guard_end(&g, header, 20 + len), .len = (uint32_t)(20 + len) };
	p.h.payload = (uint16_t)(20 + len);
	struct tcp_options o = tcp_options_read(&p);
	guard_free(&g);
	return o;
}

#define OPTIONS(s) options_of(s, sizeof(s) - 1)

static void
the_options_of_a_usual_syn_are_read(void **state)
{
	struct tcp_options o = OPTIONS("\2\4\5\264"
				       "\4\2"
				       "\10\12\1\2\3\4\0\0\0\0"
				       "\1"
				       "\3\3\7");

	assert_int_equal(o.mss, 1460);
	assert_true(o.has_ts);
	assert_int_equal(o.ts_value, 0x01020304);
	assert_true(o.has_wscale);
	assert_int_equal(o.wscale, 7);
	assert_false(o.is_signed);
}

static void
a_header_without_options_says_nothing(void **state)
{
	struct tcp_options o = OPTIONS("");

	assert_int_equal(o.mss, 0);
	assert_false(o.has_ts || o.has_wscale || o.is_signed);
}

static void
md5_and_tcp_ao_are_signatures(void **state)
{
	assert_true(OPTIONS("\23\22"
			    "0123456789abcdef"
			    "\0\0")
			    .is_signed);
	assert_true(OPTIONS("\35\20"
			    "0123456789abcd")
			    .is_signed);
}

static void
a_window_scale_above_14_is_14(void **state)
{
	assert_int_equal(OPTIONS("\3\3\377\0").wscale, 14);
}

static void
nothing_counts_behind_the_end_of_the_list(void **state)
{
	assert_false(OPTIONS("\0\3\3\7").has_wscale);
}

static void
an_impossible_length_ends_the_list(void **state)
{
	assert_false(OPTIONS("\5\0\3\3\7\0\0\0").has_wscale);
	assert_false(OPTIONS("\5\1\3\3\7\0\0\0").has_wscale);
	assert_false(OPTIONS("\1\1\3\10").has_wscale);
	assert_false(OPTIONS("\1\1\1\3").has_wscale);
	assert_true(OPTIONS("\3\3\7\2\4").has_wscale);
}

static void
an_option_of_the_wrong_length_is_skipped(void **state)
{
	struct tcp_options o = OPTIONS("\2\3\5"
				       "\3\4\7\7"
				       "\10\4\0\0"
				       "\2\4\2\0"
				       "\0");

	assert_int_equal(o.mss, 512);
	assert_false(o.has_ts || o.has_wscale);
}

/* Every string of four octets out of the interesting ones: only the guard page judges. */
static void
no_octets_lead_beyond_the_header(void **state)
{
	static const char kinds[] = { 0, 1, 2, 3, 4, 8, 10, 19, 29, '\377' };
	struct guard g = guard_new(64);
	uint8_t header[24] = { 0 };

	for (unsigned i = 0; i < 10000; i++) {
		for (unsigned k = 0, n = i; k < 4; k++, n /= 10)
			header[20 + k] = (uint8_t)kinds[n % 10];
		struct packet p = { .data = guard_end(&g, header, sizeof header), .len = sizeof header };
		p.h.payload = sizeof header;
		struct tcp_options o = tcp_options_read(&p);
		assert_false(o.has_ts);
	}
	guard_free(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_options_of_a_usual_syn_are_read),
		cmocka_unit_test(a_header_without_options_says_nothing),
		cmocka_unit_test(md5_and_tcp_ao_are_signatures),
		cmocka_unit_test(a_window_scale_above_14_is_14),
		cmocka_unit_test(nothing_counts_behind_the_end_of_the_list),
		cmocka_unit_test(an_impossible_length_ends_the_list),
		cmocka_unit_test(an_option_of_the_wrong_length_is_skipped),
		cmocka_unit_test(no_octets_lead_beyond_the_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
