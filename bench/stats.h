/* SPDX-License-Identifier: BSD-3-Clause */
/* Medians, and how far values lie apart. */
#ifndef POSTERN_BENCH_STATS_H
#define POSTERN_BENCH_STATS_H

#include <stddef.h>
#include <stdint.h>

/* Quartiles and ends. */
struct spread {
	double least, low, median, high, most;
};

/* Sorts `value`; n > 0. */
struct spread spread_of(double *value, size_t n);

#endif
