/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/clock.h"
#include "io/doze.h"

#define MS   1000000ULL
#define LONG (900 * MS) /* far beyond what waking takes on a busy machine */

/* ns of one sleep. */
static uint64_t
sleep_for(struct doze *d, uint64_t limit)
{
	uint64_t began = clock_monotonic();

	doze_begin(d);
	doze_sleep(d, limit);
	doze_end(d);
	return clock_monotonic() - began;
}

static void *
wake_soon(void *d)
{
	const struct timespec soon = { .tv_nsec = 20 * MS };

	nanosleep(&soon, NULL);
	doze_wake(d);
	return NULL;
}

static void
test_a_sleep_ends_when_its_time_is_over(void **state)
{
	struct doze d;

	doze_init(&d, true);
	assert_true(d.possible);
	assert_true(sleep_for(&d, 30 * MS) >= 30 * MS);
	doze_done(&d);
}

static void
test_another_worker_ends_it(void **state)
{
	struct doze d;
	pthread_t other;

	doze_init(&d, true);
	pthread_create(&other, NULL, wake_soon, &d);
	assert_true(sleep_for(&d, LONG) < LONG / 2);
	pthread_join(other, NULL);
	assert_true(sleep_for(&d, 30 * MS) >= 30 * MS); /* a wake is used up */
	doze_done(&d);
}

static void
test_what_comes_between_the_last_look_and_the_sleep_is_not_slept_over(void **state)
{
	uint64_t began = clock_monotonic();
	struct doze d;

	doze_init(&d, true);
	doze_begin(&d);
	doze_wake(&d);
	doze_sleep(&d, LONG);
	doze_end(&d);
	assert_true(clock_monotonic() - began < LONG / 2);
	doze_done(&d);
}

static void
test_waking_who_is_awake_costs_and_leaves_nothing(void **state)
{
	struct doze d;

	doze_init(&d, true);
	doze_wake(&d);
	assert_true(sleep_for(&d, 30 * MS) >= 30 * MS);
	doze_done(&d);
}

static void
test_a_frame_at_a_socket_ends_it(void **state)
{
	struct doze d;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	doze_init(&d, false);
	d.sock[d.socks++] = pair[0];
	assert_true(sleep_for(&d, 30 * MS) >= 30 * MS);
	assert_int_equal(send(pair[1], "", 1, 0), 1);
	assert_true(sleep_for(&d, LONG) < LONG / 2);
	close(pair[0]);
	close(pair[1]);
	doze_done(&d);
}

static void
test_ports_that_wake_nobody_allow_no_sleep(void **state)
{
	struct ports ports = { .pairs = 1, .count = 2, .port = { { .af_xdp = true }, { .af_xdp = false } } };
	struct doze d;

	doze_init(&d, false);
	assert_true(d.possible);
	doze_ports(&d, &ports);
	assert_false(d.possible);
	doze_init(&d, false);
	ports.port[1].af_xdp = true; /* but the process has no such socket */
	doze_ports(&d, &ports);
	assert_false(d.possible);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sleep_ends_when_its_time_is_over),
		cmocka_unit_test(test_another_worker_ends_it),
		cmocka_unit_test(test_what_comes_between_the_last_look_and_the_sleep_is_not_slept_over),
		cmocka_unit_test(test_waking_who_is_awake_costs_and_leaves_nothing),
		cmocka_unit_test(test_a_frame_at_a_socket_ends_it),
		cmocka_unit_test(test_ports_that_wake_nobody_allow_no_sleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
