/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "live/event_ring.h"

static struct event
numbered(uint64_t n)
{
	struct event e;

	memset(&e, 0, sizeof(e));
	e.time_ns = n;
	e.generation = ~n; /* far from time_ns within the event: a torn copy shows */
	return e;
}

static void
events_come_out_in_the_order_they_went_in(void **state)
{
	struct event_ring *ring = event_ring_new(16);
	struct event e;

	assert_non_null(ring);
	assert_false(event_ring_get(ring, &e));
	for (uint64_t round = 0; round < 100; round++) {
		for (uint64_t i = 0; i < 7; i++) {
			e = numbered(round * 7 + i);
			assert_true(event_ring_put(ring, &e));
		}
		for (uint64_t i = 0; i < 7; i++) {
			assert_true(event_ring_get(ring, &e));
			assert_int_equal(e.time_ns, round * 7 + i);
		}
		assert_false(event_ring_get(ring, &e));
	}
	event_ring_free(ring);
}

static void
a_full_ring_refuses_and_keeps_what_it_has(void **state)
{
	struct event_ring *ring = event_ring_new(10); /* 16 slots */
	struct event e;

	assert_non_null(ring);
	for (uint64_t i = 0; i < 16; i++) {
		e = numbered(i);
		assert_true(event_ring_put(ring, &e));
	}
	e = numbered(99);
	assert_false(event_ring_put(ring, &e));
	assert_true(event_ring_get(ring, &e));
	assert_int_equal(e.time_ns, 0);
	e = numbered(16);
	assert_true(event_ring_put(ring, &e));
	for (uint64_t i = 1; i <= 16; i++) {
		assert_true(event_ring_get(ring, &e));
		assert_int_equal(e.time_ns, i);
	}
	assert_false(event_ring_get(ring, &e));
	event_ring_free(ring);
}

enum { MANY = 200000 };

static void *
put_many(void *ring)
{
	for (uint64_t i = 0; i < MANY; i++) {
		struct event e = numbered(i);

		while (!event_ring_put(ring, &e))
			sched_yield();
	}
	return NULL;
}

static void
two_threads_lose_and_tear_nothing(void **state)
{
	struct event_ring *ring = event_ring_new(64);
	pthread_t writer;
	struct event e;

	assert_non_null(ring);
	assert_int_equal(pthread_create(&writer, NULL, put_many, ring), 0);
	for (uint64_t i = 0; i < MANY; i++) {
		while (!event_ring_get(ring, &e))
			sched_yield();
		if (e.time_ns != i || e.generation != ~i)
			fail_msg("event %llu came out as %llu", (unsigned long long)i, (unsigned long long)e.time_ns);
	}
	assert_false(event_ring_get(ring, &e));
	pthread_join(writer, NULL);
	event_ring_free(ring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_come_out_in_the_order_they_went_in),
		cmocka_unit_test(a_full_ring_refuses_and_keeps_what_it_has),
		cmocka_unit_test(two_threads_lose_and_tear_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
