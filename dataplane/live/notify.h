/* SPDX-License-Identifier: BSD-3-Clause */
/* To the service manager, where one started us: sd_notify(3) and sd_watchdog_enabled(3), without their library. Any
 * thread. */
#ifndef POSTERN_LIVE_NOTIFY_H
#define POSTERN_LIVE_NOTIFY_H

#include <stdint.h>

/* Sends "READY=1", "WATCHDOG=1" and the like. Nobody listens: nothing happens. */
void notify(const char *state);

/* How long the manager waits for "WATCHDOG=1" before it kills us; 0: it does not wait. */
uint64_t notify_watchdog_ns(void);

#endif
