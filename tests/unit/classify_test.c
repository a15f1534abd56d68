/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "classify/classify.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_end_on_a_mail_port_makes_a_segment_mail),
		cmocka_unit_test(setting_ports_forgets_the_earlier_ones_and_none_means_all),
		cmocka_unit_test(a_burst_is_split_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
