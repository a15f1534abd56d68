/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which worker a connection to a quarantine belongs to. Its answers come by
 * other addresses than the session's own packets, so the spread over the
 * workers may bring them to any of them, which asks here and hands them on.
 * The one thing of a splice that workers share: words of 64 bits, each
 * written by compare-and-swap where a session begins and ends to move.
 */
#ifndef POSTERN_SPLICE_OWNERS_H
#define POSTERN_SPLICE_OWNERS_H

#include "flow/flow.h"

struct owners;

/* For `connections` of all workers together. Returns owned, or NULL. At start only. */
struct owners *owners_new(unsigned connections);
void owners_free(struct owners *o);

/* False: another worker has a connection of that key, or there is no room. Any worker. */
bool owners_claim(struct owners *o, const struct flow_key *key, unsigned worker);

/* Takes back a claim that was granted to `worker`. */
void owners_drop(struct owners *o, const struct flow_key *key, unsigned worker);

/* The worker of the connection; -1: of none. Any worker. */
int owners_find(const struct owners *o, const struct flow_key *key);

#endif
