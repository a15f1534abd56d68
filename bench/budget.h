/* SPDX-License-Identifier: BSD-3-Clause */
/* What was to be reached, and whether it was: lines of a result that the report collects. */
#ifndef POSTERN_BENCH_BUDGET_H
#define POSTERN_BENCH_BUDGET_H

#include <jansson.h>
#include <stdbool.h>

enum budget_side { BUDGET_AT_MOST, BUDGET_AT_LEAST };

/* Adds {"what", "limit", "figure", "reached"} to `limits`. A figure that is no number (NAN): it was not measured. */
void budget_add(json_t *limits, const char *what, enum budget_side side, double bound, double figure);

/* One line each on stdout. */
void budget_print(const json_t *limits);

#endif
