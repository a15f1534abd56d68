/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "live/publish.h"

/* A rule set knows here only whether it is alive. */
struct ruleset {
	atomic_uint alive;
};

enum { ALIVE = 0x600df00d, WORKERS = 3, SECOND = 1000000000 };

static atomic_uint made, freed;

static struct ruleset *
rules_new(void)
{
	struct ruleset *rs = malloc(sizeof(*rs));

	assert_non_null(rs);
	atomic_init(&rs->alive, ALIVE);
	atomic_fetch_add(&made, 1);
	return rs;
}

static void
rules_free(struct ruleset *rs)
{
	atomic_store(&rs->alive, 0); /* whoever still looks sees it */
	atomic_fetch_add(&freed, 1);
	free(rs);
}

struct reader {
	struct publication *pub;
	unsigned index;
	atomic_bool *stop;
	atomic_bool stuck;     /* keeps the set it has, reports nothing */
	atomic_bool keeps_it;  /* ... and has come to that */
	atomic_uint dead_seen; /* looks at a set that was freed */
	atomic_uint rounds;
};

static void *
read_rules(void *ctx)
{
	struct reader *r = ctx;

	publication_online(r->pub, r->index);
	while (!atomic_load(r->stop)) {
		const struct ruleset *rs = publication_current(r->pub);

		do {
			if (rs != NULL && atomic_load(&rs->alive) != ALIVE)
				atomic_fetch_add(&r->dead_seen, 1);
			atomic_store(&r->keeps_it, atomic_load(&r->stuck));
		} while (atomic_load(&r->stuck) && !atomic_load(r->stop));
		publication_quiescent(r->pub, r->index);
		atomic_fetch_add(&r->rounds, 1);
	}
	publication_offline(r->pub, r->index);
	return NULL;
}

/* A publication with running readers. */
struct stage {
	struct publication pub;
	struct reader reader[WORKERS];
	pthread_t thread[WORKERS];
	atomic_bool stop;
};

static struct stage *
stage_start(void)
{
	struct stage *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	atomic_store(&made, 0);
	atomic_store(&freed, 0);
	assert_true(publication_init(&s->pub, WORKERS, rules_free));
	for (unsigned i = 0; i < WORKERS; i++) {
		s->reader[i].pub = &s->pub;
		s->reader[i].index = i;
		s->reader[i].stop = &s->stop;
		assert_int_equal(pthread_create(&s->thread[i], NULL, read_rules, &s->reader[i]), 0);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		while (atomic_load(&s->reader[i].rounds) == 0)
			usleep(100);
	return s;
}

static void
stage_stop(struct stage *s)
{
	atomic_store(&s->stop, true);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(s->thread[i], NULL);
	publication_done(&s->pub);
	assert_int_equal(atomic_load(&made), atomic_load(&freed));
	free(s);
}

static void
a_set_is_freed_after_it_was_replaced_and_not_before(void **state)
{
	struct stage *s = stage_start();
	struct publish_result result;

	for (unsigned i = 0; i < 200; i++) {
		publish(&s->pub, rules_new(), SECOND, &result);
		assert_true(result.quiesced);
		assert_int_equal(atomic_load(&freed), i);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(atomic_load(&s->reader[i].dead_seen), 0);
	stage_stop(s);
}

static void
no_rules_can_be_published_too(void **state)
{
	struct stage *s = stage_start();
	struct publish_result result;

	publish(&s->pub, rules_new(), SECOND, &result);
	publish(&s->pub, NULL, SECOND, &result);
	assert_true(result.quiesced);
	assert_null(publication_current(&s->pub));
	assert_int_equal(atomic_load(&freed), 1);
	stage_stop(s);
}

static void
a_stuck_worker_costs_a_bounded_wait_and_keeps_its_set(void **state)
{
	struct stage *s = stage_start();
	struct publish_result result;

	publish(&s->pub, rules_new(), SECOND, &result);
	atomic_store(&s->reader[1].stuck, true);
	while (!atomic_load(&s->reader[1].keeps_it))
		usleep(100);

	publish(&s->pub, rules_new(), SECOND / 20, &result);
	assert_false(result.quiesced);
	assert_true(result.quiesce_ns >= SECOND / 20 && result.quiesce_ns < SECOND);
	assert_int_equal(atomic_load(&freed), 0);
	assert_int_equal(publication_collect(&s->pub), 1);

	atomic_store(&s->reader[1].stuck, false);
	for (unsigned ms = 0; publication_collect(&s->pub) > 0 && ms < 1000; ms++)
		usleep(1000);
	assert_int_equal(atomic_load(&freed), 1);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(atomic_load(&s->reader[i].dead_seen), 0);
	stage_stop(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_is_freed_after_it_was_replaced_and_not_before),
		cmocka_unit_test(no_rules_can_be_published_too),
		cmocka_unit_test(a_stuck_worker_costs_a_bounded_wait_and_keeps_its_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
