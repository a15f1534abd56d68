/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <pthread.h>

#include "marks.h"

#define BUCKETS 8
#define SEED    42

static struct steer_bucket memory[BUCKETS];
static struct marks marks = { memory, BUCKETS, SEED };

static int
setup(void **state)
{
	memset(memory, 0, sizeof memory);
	return 0;
}

static struct steer_key
session(unsigned number)
{
	struct steer_key key = { .ip_version = 4, .port = { 25, 0 } };

	memcpy(key.addr[0], &number, sizeof number);
	return key;
}

/* The n-th session of bucket 0. */
static struct steer_key
in_first_bucket(unsigned n)
{
	for (unsigned number = 0;; number++) {
		struct steer_key key = session(number);

		if (steer_hash(&key, SEED) % BUCKETS == 0 && n-- == 0)
			return key;
	}
}

static bool
known(const struct steer_key *key)
{
	for (unsigned i = 0; i < BUCKETS * STEER_WAYS; i++) {
		const struct steer_mark *m = &memory[i / STEER_WAYS].mark[i % STEER_WAYS];

		if (m->state > STEER_BUSY && steer_same(&m->key, key))
			return true;
	}
	return false;
}

static void
test_a_session_is_marked_once_however_often_it_is_put(void **state)
{
	struct steer_key key = session(1);

	for (uint64_t t = 1; t <= 3; t++)
		assert_true(marks_put(&marks, &key, STEER_OPAQUE, t, UINT64_MAX));
	assert_int_equal(marks_count(&marks, 0), 1);
	assert_int_equal(marks_count(&marks, 3), 1);
	assert_int_equal(marks_count(&marks, 4), 0);
}

static void
test_in_a_full_bucket_the_session_that_was_silent_longest_gives_way(void **state)
{
	const uint64_t stamps[STEER_WAYS] = { 30, 10, 40, 20 };
	struct steer_key keys[STEER_WAYS + 1];

	for (unsigned i = 0; i <= STEER_WAYS; i++) {
		keys[i] = in_first_bucket(i);
		assert_true(marks_put(&marks, &keys[i], STEER_OPAQUE, i < STEER_WAYS ? stamps[i] : 50, UINT64_MAX));
	}
	for (unsigned i = 0; i <= STEER_WAYS; i++)
		assert_int_equal(known(&keys[i]), i != 1);
}

static void
test_sessions_of_this_run_never_give_way_and_those_of_others_do(void **state)
{
	struct steer_key keys[STEER_WAYS + 1];

	for (unsigned i = 0; i <= STEER_WAYS; i++)
		keys[i] = in_first_bucket(i);
	for (unsigned i = 0; i < STEER_WAYS; i++)
		assert_true(marks_put(&marks, &keys[i], STEER_EDITED, 7, 7));
	assert_false(marks_put(&marks, &keys[STEER_WAYS], STEER_EDITED, 7, 7));
	assert_int_equal(marks_count(&marks, 7), STEER_WAYS);
	assert_true(marks_put(&marks, &keys[STEER_WAYS], STEER_EDITED, 8, 8));
	assert_true(known(&keys[STEER_WAYS]));
}

static void
test_removal_wants_the_stamp_of_the_mark(void **state)
{
	struct steer_key key = session(1);

	marks_put(&marks, &key, STEER_EDITED, 7, 7);
	marks_remove(&marks, &key, 8);
	assert_true(known(&key));
	marks_remove(&marks, &key, 7);
	assert_false(known(&key));
	marks_remove(&marks, &key, 7);
}

enum { THREADS = 4, ROUNDS = 200000 };

static void *
hammer(void *number)
{
	unsigned base = *(unsigned *)number * 1000;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct steer_key key = session(base + i % 64);

		marks_put(&marks, &key, STEER_OPAQUE, i + 1, UINT64_MAX);
		if (i % 3 == 0)
			marks_remove(&marks, &key, i + 1);
	}
	return NULL;
}

static void
test_many_workers_at_once_leave_only_whole_marks(void **state)
{
	pthread_t thread[THREADS];
	unsigned number[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		number[i] = i;
		assert_int_equal(pthread_create(&thread[i], NULL, hammer, &number[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	for (unsigned i = 0; i < BUCKETS * STEER_WAYS; i++) {
		const struct steer_mark *m = &memory[i / STEER_WAYS].mark[i % STEER_WAYS];

		assert_int_not_equal(m->state, STEER_BUSY);
		if (m->state == STEER_FREE)
			continue;
		assert_int_equal(steer_hash(&m->key, SEED) % BUCKETS, i / STEER_WAYS);
		assert_int_equal(m->key.port[0], 25);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_session_is_marked_once_however_often_it_is_put, setup),
		cmocka_unit_test_setup(test_in_a_full_bucket_the_session_that_was_silent_longest_gives_way, setup),
		cmocka_unit_test_setup(test_sessions_of_this_run_never_give_way_and_those_of_others_do, setup),
		cmocka_unit_test_setup(test_removal_wants_the_stamp_of_the_mark, setup),
		cmocka_unit_test_setup(test_many_workers_at_once_leave_only_whole_marks, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
