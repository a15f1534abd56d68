/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "io/spread.h"

/* A frame with `tags` VLAN tags, from host a to host b of 10.0.0.0/8 or fd00::/64. Returns its length. */
static uint32_t
make_frame(uint8_t *out, unsigned tags, unsigned version, uint32_t a, uint32_t b)
{
	uint8_t *p = out + 12;
	uint32_t ends[2] = { a, b };

	memset(out, 0, 128);
	for (; tags > 0; tags--, p += 4)
		memcpy(p, "\x81\x00\x00\x07", 4);
	memcpy(p, version == 4 ? "\x08\x00" : "\x86\xdd", 2);
	p += 2;
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *address = version == 4 ? p + 12 + 4 * i : p + 8 + 16 * i;

		address[0] = version == 4 ? 10 : 0xfd;
		if (version == 6)
			address += 12;
		address[1] = (uint8_t)(ends[i] >> 16);
		address[2] = (uint8_t)(ends[i] >> 8);
		address[3] = (uint8_t)ends[i];
	}
	return (uint32_t)(p - out) + (version == 4 ? 20 : 40);
}

static void
both_directions_meet_the_same_worker(void **state)
{
	uint8_t there[128], back[128];

	for (unsigned tags = 0; tags <= 3; tags++)
		for (unsigned version = 4; version <= 6; version += 2)
			for (uint32_t a = 1; a < 60; a++)
				for (uint32_t b = 1; b < 60; b++) {
					uint32_t len = make_frame(there, tags, version, a, b);

					make_frame(back, tags, version, b, a);
					assert_int_equal(spread_hash(there, len), spread_hash(back, len));
					assert_true(spread_worker(there, len, 5) < 5);
				}
}

static void
pairs_of_hosts_are_spread_evenly(void **state)
{
	uint8_t frame[128];

	for (unsigned version = 4; version <= 6; version += 2) {
		unsigned count[4] = { 0 };

		for (uint32_t a = 1; a <= 100; a++)
			for (uint32_t b = 1000; b < 1100; b++)
				count[spread_worker(frame, make_frame(frame, 0, version, a, b), 4)]++;
		for (unsigned i = 0; i < 4; i++)
			if (count[i] < 2000 || count[i] > 3000)
				fail_msg("IPv%u: worker %u of 4 got %u of 10000", version, i, count[i]);
	}
}

static void
frames_cut_anywhere_are_read_within_their_bounds(void **state)
{
	struct guard g = guard_new(256);
	uint8_t frame[128];

	for (unsigned tags = 0; tags <= 4; tags++)
		for (unsigned version = 4; version <= 6; version += 2) {
			uint32_t len = make_frame(frame, tags, version, 1, 2);

			for (uint32_t cut = 0; cut <= len; cut++)
				assert_int_equal(spread_hash(guard_end(&g, frame, cut), cut) != 0,
						 cut == len && tags <= 3);
		}
	guard_free(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_meet_the_same_worker),
		cmocka_unit_test(pairs_of_hosts_are_spread_evenly),
		cmocka_unit_test(frames_cut_anywhere_are_read_within_their_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
