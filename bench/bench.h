/* SPDX-License-Identifier: BSD-3-Clause */
/* What the subcommands of postern-bench share. */
#ifndef POSTERN_BENCH_BENCH_H
#define POSTERN_BENCH_BENCH_H

#include <jansson.h>

#include "scenario.h"

/* Each takes its own arguments; returns an exit status. */
int bench_engine(int argc, char **argv);
int bench_capture(int argc, char **argv);
int bench_reload(int argc, char **argv);
int bench_domains(int argc, char **argv);
int bench_scale(int argc, char **argv);
int bench_generator(int argc, char **argv);

/* The finished result on stdout as JSON. Takes it. Returns an exit status. */
int bench_print_json(json_t *result);

#endif
