/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Per-worker counters. Written by the worker alone, read by others with plain
 * aligned 64-bit loads: a reader may be a burst behind, never torn.
 */
#ifndef POSTERN_BASE_COUNTERS_H
#define POSTERN_BASE_COUNTERS_H

#include <stdint.h>

enum counter {
#define COUNTER(name, group, text) CTR_##name,
#include "base/counters.def"
#undef COUNTER
	CTR_COUNT
};

struct counters {
	uint64_t value[CTR_COUNT];
};

struct counter_info {
	const char *name;  /* word in JSON and on the command line */
	const char *group; /* traffic, cause, verdict, edit, health */
	const char *text;  /* one line for people */
};

/* Static description of each counter, in enum order. */
extern const struct counter_info counter_info[CTR_COUNT];

#endif
