/* SPDX-License-Identifier: BSD-3-Clause */
/* The two clocks of the process, in nanoseconds. Both are vdso reads: no system call. Any thread. */
#ifndef POSTERN_IO_CLOCK_H
#define POSTERN_IO_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t
clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/* Never goes backwards; what flows and holds are timed with. */
static inline uint64_t
clock_monotonic(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* Since 1970; what events show. */
static inline uint64_t
clock_wall(void)
{
	return clock_ns(CLOCK_REALTIME);
}

#endif
