/* SPDX-License-Identifier: BSD-3-Clause */
/* From root to a user of no privileges, once the ports are open. */
#ifndef POSTERN_LIVE_PRIVILEGES_H
#define POSTERN_LIVE_PRIVILEGES_H

#include <stdbool.h>
#include <stdint.h>

struct identity {
	int32_t uid, gid; /* -1: stay */
};

/* Finds the user of that name; "" means stay. False after a sentence on stderr. */
bool identity_find(const char *user, struct identity *id);

/*
 * All threads of the process become `id`, which takes all capabilities from
 * them. False after a sentence on stderr: the caller must end.
 */
bool identity_become(const struct identity *id);

#endif
