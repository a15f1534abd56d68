/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats.h"

#include <stdlib.h>

static int
order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
at(const double *value, size_t n, double share)
{
	double place = share * (double)(n - 1);
	size_t i = (size_t)place;

	return i + 1 < n ? value[i] + (place - (double)i) * (value[i + 1] - value[i]) : value[n - 1];
}

struct spread
spread_of(double *value, size_t n)
{
	qsort(value, n, sizeof(*value), order);
	return (struct spread){
		.least = value[0],
		.low = at(value, n, 0.25),
		.median = at(value, n, 0.5),
		.high = at(value, n, 0.75),
		.most = value[n - 1],
	};
}
