/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Linked into tests of the pipeline, with --wrap for the functions here: while
 * a burst or a tick runs, no octet is taken from the heap or given back, and no
 * lock is taken (invariant 9). What the test's own front end does there
 * (front_at_work, frame.h) is its own matter.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "pipeline.h"

extern volatile int front_at_work;
static volatile int running; /* compilers think that malloc() looks at no variable */

static void
refuse(const char *what)
{
	if (!running || front_at_work)
		return;
	running = 0;
	fprintf(stderr, "%s on the packet path\n", what);
	abort();
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *at, size_t n);
int __real_posix_memalign(void **at, size_t align, size_t n);
void __real_free(void *at);
int __real_pthread_mutex_lock(pthread_mutex_t *lock);
void __real_pipeline_burst(struct pipeline *pl, const struct ruleset *rules, struct packet **burst, unsigned n,
			   uint64_t now_ns, uint64_t wall_ns);
void __real_pipeline_tick(struct pipeline *pl, const struct ruleset *rules, uint64_t now_ns, uint64_t wall_ns);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *at, size_t n);
int __wrap_posix_memalign(void **at, size_t align, size_t n);
void __wrap_free(void *at);
int __wrap_pthread_mutex_lock(pthread_mutex_t *lock);
void __wrap_pipeline_burst(struct pipeline *pl, const struct ruleset *rules, struct packet **burst, unsigned n,
			   uint64_t now_ns, uint64_t wall_ns);
void __wrap_pipeline_tick(struct pipeline *pl, const struct ruleset *rules, uint64_t now_ns, uint64_t wall_ns);

void *
__wrap_malloc(size_t n)
{
	refuse("malloc");
	return __real_malloc(n);
}

void *
__wrap_calloc(size_t count, size_t n)
{
	refuse("calloc");
	return __real_calloc(count, n);
}

void *
__wrap_realloc(void *at, size_t n)
{
	refuse("realloc");
	return __real_realloc(at, n);
}

int
__wrap_posix_memalign(void **at, size_t align, size_t n)
{
	refuse("posix_memalign");
	return __real_posix_memalign(at, align, n);
}

void
__wrap_free(void *at)
{
	refuse("free");
	__real_free(at);
}

int
__wrap_pthread_mutex_lock(pthread_mutex_t *lock)
{
	refuse("a lock");
	return __real_pthread_mutex_lock(lock);
}

void
__wrap_pipeline_burst(struct pipeline *pl, const struct ruleset *rules, struct packet **burst, unsigned n,
		      uint64_t now_ns, uint64_t wall_ns)
{
	running++;
	__real_pipeline_burst(pl, rules, burst, n, now_ns, wall_ns);
	running--;
}

void
__wrap_pipeline_tick(struct pipeline *pl, const struct ruleset *rules, uint64_t now_ns, uint64_t wall_ns)
{
	running++;
	__real_pipeline_tick(pl, rules, now_ns, wall_ns);
	running--;
}
