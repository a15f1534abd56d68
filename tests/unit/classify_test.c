/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "classify/classify.h"
#include "classify/scope.h"

static void
each_end_on_a_mail_port_makes_a_segment_mail(void **state)
{
	static const uint16_t ports[] = { 25, 587, 65535 };
	struct mail_ports m;
	struct packet p = { .h = { .src_port = 40000, .dst_port = 25 } };

	mail_ports_set(&m, ports, 3);
	assert_true(classify_mail(&m, &p));
	p.h = (struct headers){ .src_port = 587, .dst_port = 40000 };
	assert_true(classify_mail(&m, &p));
	p.h = (struct headers){ .src_port = 40000, .dst_port = 443 };
	assert_false(classify_mail(&m, &p));
	for (unsigned port = 0; port < 65536; port++)
		assert_int_equal(mail_port(&m, (uint16_t)port), port == 25 || port == 587 || port == 65535);
}

static void
setting_ports_forgets_the_earlier_ones_and_none_means_all(void **state)
{
	static const uint16_t first[] = { 25 }, second[] = { 2525 };
	struct mail_ports m;

	mail_ports_set(&m, first, 1);
	mail_ports_set(&m, second, 1);
	assert_false(mail_port(&m, 25));
	assert_true(mail_port(&m, 2525));
	mail_ports_set(&m, NULL, 0);
	for (unsigned port = 0; port < 65536; port++)
		assert_true(mail_port(&m, (uint16_t)port));
}

static void
a_burst_is_split_in_order(void **state)
{
	static const uint16_t ports[] = { 25 };
	struct mail_ports m;
	struct packet p[8];
	struct packet *burst[8], *other[8];
	unsigned others;

	mail_ports_set(&m, ports, 1);
	for (unsigned i = 0; i < 8; i++) {
		p[i] = (struct packet){ .h = { .src_port = 40000, .dst_port = i % 3 == 0 ? 25 : 80 } };
		burst[i] = &p[i];
	}
	assert_int_equal(classify_burst(&m, burst, 8, other, &others), 3);
	assert_int_equal(others, 5);
	for (unsigned i = 0, mail = 0, rest = 0; i < 8; i++)
		assert_ptr_equal(i % 3 == 0 ? burst[mail++] : other[rest++], &p[i]);
	assert_int_equal(classify_burst(&m, burst, 0, other, &others), 0);
	assert_int_equal(others, 0);
}

static bool
covers(uint8_t version, const char *prefix, uint8_t bits, const char *address)
{
	struct prefix p = { .bits = bits, .ip_version = version };
	uint8_t addr[16] = { 0 };

	memcpy(p.addr, prefix, version == 4 ? 4 : 16);
	memcpy(addr, address, version == 4 ? 4 : 16);
	return prefix_covers(&p, version, addr);
}

static void
a_prefix_covers_what_begins_with_its_bits(void **state)
{
	static const char net6[] = "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0";
	static const char host6[] = "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\x01";

	assert_true(covers(4, "\x0a\x00\x00\x00", 8, "\x0a\xff\x01\x02"));
	assert_false(covers(4, "\x0a\x00\x00\x00", 8, "\x0b\x00\x00\x00"));
	assert_true(covers(4, "\x0a\x00\x00\x80", 25, "\x0a\x00\x00\xff"));
	assert_false(covers(4, "\x0a\x00\x00\x80", 25, "\x0a\x00\x00\x7f"));
	assert_true(covers(4, "\x0a\x00\x00\x01", 32, "\x0a\x00\x00\x01"));
	assert_false(covers(4, "\x0a\x00\x00\x01", 32, "\x0a\x00\x00\x00"));
	assert_true(covers(4, "\0\0\0\0", 0, "\x7f\x00\x00\x01"));
	assert_true(covers(6, net6, 32, host6));
	assert_false(covers(6, net6, 128, host6));
	assert_true(covers(6, host6, 128, host6));
}

static void
the_other_family_is_not_covered(void **state)
{
	const struct prefix all = { .ip_version = 4 };

	assert_false(prefix_covers(&all, 6, (const uint8_t[16]){ 0 }));
}

static void
a_scope_has_its_ports_and_exempts_what_any_prefix_covers(void **state)
{
	struct scope s = { .port = { 25, 587 },
			   .ports = 2,
			   .exempt = { { .addr = { 10 }, .bits = 8, .ip_version = 4 },
				       { .addr = { 192, 0, 2, 1 }, .bits = 32, .ip_version = 4 } },
			   .exempts = 2 };

	assert_true(scope_has_port(&s, 587));
	assert_false(scope_has_port(&s, 2525));
	assert_true(scope_exempts(&s, 4, (const uint8_t[16]){ 192, 0, 2, 1 }));
	assert_false(scope_exempts(&s, 4, (const uint8_t[16]){ 192, 0, 2, 2 }));
	s.ports = 0;
	assert_true(scope_has_port(&s, 2525));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_end_on_a_mail_port_makes_a_segment_mail),
		cmocka_unit_test(setting_ports_forgets_the_earlier_ones_and_none_means_all),
		cmocka_unit_test(a_burst_is_split_in_order),
		cmocka_unit_test(a_prefix_covers_what_begins_with_its_bits),
		cmocka_unit_test(the_other_family_is_not_covered),
		cmocka_unit_test(a_scope_has_its_ports_and_exempts_what_any_prefix_covers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
