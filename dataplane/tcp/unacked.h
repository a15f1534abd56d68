/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What clients said in commands that have been read and that no server has
 * acknowledged yet: octets that may have left, and may come again with others
 * in their place. Blocks of one pool of the worker, beside the flows: a flow
 * without such octets has none. What an ack gives back is taken first by the
 * next command of any flow, so that few blocks are in use and those are near.
 * All numbers are old ones, of the client's direction. Nothing here allocates
 * but unacked_pool_new(); worker's thread only.
 */
#ifndef POSTERN_TCP_UNACKED_H
#define POSTERN_TCP_UNACKED_H

#include "flow/flow.h"

/* Blocks of one flow: with UNACKED_OCTETS each, more than a window of 64 KiB. */
#define UNACKED_BLOCKS 240
#define UNACKED_OCTETS 308
/* Most blocks of a pool. */
#define UNACKED_POOL_MAX 65535

struct unacked_pool;

/* Returns owned, or NULL. At start only. At most UNACKED_POOL_MAX blocks; memory is taken when one is first used. */
struct unacked_pool *unacked_pool_new(unsigned blocks);
/* Takes pool. NULL: nothing happens. */
void unacked_pool_free(struct unacked_pool *pool);

/*
 * Keeps v (copied), which begins at `seq`, until it is acknowledged. Calls for one
 * flow come in the order of the stream; octets kept already are left out.
 * False: no block is free, or the flow has too many; nothing of v is kept then, or a part.
 */
bool unacked_keep(struct unacked_pool *pool, struct flow *f, uint32_t seq, struct view v);

/* True where f has as many blocks as one flow may: nothing more is to be read of it before the server acknowledges. */
static inline bool
unacked_full(const struct flow *f)
{
	return f->tcp.kept >= UNACKED_BLOCKS;
}

/* The server has acknowledged: what it has goes back. To be called after each ack, where f->tcp.kept is not 0. */
void unacked_trim(struct unacked_pool *pool, struct flow *f);

/*
 * Octets of p, a segment of the client of f, that are kept become what was said
 * first. Returns how many differed; the checksum is then computed, so p came with
 * a right one. Borrows p.
 */
unsigned unacked_restore(const struct unacked_pool *pool, const struct flow *f, struct packet *p);

/* Gives back what f has: it leaves the table, or is read no further. */
void unacked_drop(struct unacked_pool *pool, struct flow *f);

/* Blocks in use. */
unsigned unacked_used(const struct unacked_pool *pool);

#endif
