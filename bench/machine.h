/* SPDX-License-Identifier: BSD-3-Clause */
/* The machine that is measured: facts for the report, and a core for ourselves. */
#ifndef POSTERN_BENCH_MACHINE_H
#define POSTERN_BENCH_MACHINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Binds the thread to a core and asks for precedence there. False after a sentence on stderr: no such core. */
bool machine_pin(unsigned core);

/*
 * Asks for precedence for this thread. One that works beside a pinned one needs it, too: the kernel shares out what a
 * session of processes may take by weight, also among cores.
 */
void machine_precede(void);

/* Cycles of the time stamp counter in a second, measured against the clock. */
double machine_hz(void);

/* Owned: CPU, caches, kernel, huge pages, compiler, what else runs. */
json_t *machine_facts(void);

#endif
