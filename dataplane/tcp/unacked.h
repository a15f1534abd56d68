/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What clients said in commands that have been read and that no server has
 * acknowledged yet: octets that may have left, and may come again with others
 * in their place. Blocks of one pool of the worker, beside the flows: a flow
 * without such octets has none, or one that is taken from it when another flow
 * wants it. All numbers are old ones, of the client's direction. Nothing here
 * allocates but unacked_pool_new(); worker's thread only.
 */
#ifndef POSTERN_TCP_UNACKED_H
#define POSTERN_TCP_UNACKED_H

#include "flow/flow.h"

/* Blocks of one flow: with UNACKED_OCTETS each, more than a window of 64 KiB. */
#define UNACKED_BLOCKS 160
#define UNACKED_OCTETS 472

struct unacked_pool;

/* Returns owned, or NULL. At start only. Flow ids are below `flows`; at most 65,535 blocks. */
struct unacked_pool *unacked_pool_new(uint32_t flows, unsigned blocks);
/* Takes pool. NULL: nothing happens. */
void unacked_pool_free(struct unacked_pool *pool);

/*
 * Keeps v (copied), which begins at `seq`, until it is acknowledged. Calls for one
 * flow come in the order of the stream; octets kept already are left out.
 * False: no block is free, or the flow has too many; nothing of v is kept then, or a part.
 */
bool unacked_keep(struct unacked_pool *pool, const struct flow *f, uint32_t seq, struct view v);

/* True where f has as many blocks as one flow may: nothing more is to be read of it before the server acknowledges. */
bool unacked_full(struct unacked_pool *pool, const struct flow *f);

/*
 * Octets of p, a segment of the client of f, that are kept become what was said
 * first. Returns how many differed; the checksum is then computed, so p came with
 * a right one. Borrows p.
 */
unsigned unacked_restore(const struct unacked_pool *pool, const struct flow *f, struct packet *p);

/* Gives back what f has: it leaves the table. */
void unacked_drop(struct unacked_pool *pool, const struct flow *f);

/*
 * Takes acknowledged blocks from their flows, looking at `budget` of all in use. To be
 * called often enough that a flow does not send 2 GiB in the time that all take.
 */
void unacked_sweep(struct unacked_pool *pool, unsigned budget);

/* Blocks in use. */
unsigned unacked_used(const struct unacked_pool *pool);

#endif
