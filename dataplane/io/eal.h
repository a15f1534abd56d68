/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's environment, started from the settings. Main thread, once. */
#ifndef POSTERN_IO_EAL_H
#define POSTERN_IO_EAL_H

#include <stdbool.h>

#include "settings/settings.h"

/*
 * Composes the arguments and starts the EAL. Takes huge pages where they are
 * there; where they are not, goes without and says what that costs, unless
 * the settings insist. False after a sentence on stderr.
 */
bool eal_start(const struct settings *s);

/* The lcore that worker `index` runs on. */
unsigned eal_lcore(unsigned index);

/*
 * What follows on closing is as it should be: with steering, the AF_XDP driver tries in vain to take the program off
 * its ports, and would complain.
 */
void eal_quiet(void);

void eal_stop(void);

#endif
