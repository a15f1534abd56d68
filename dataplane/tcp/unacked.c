/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/unacked.h"

#include <assert.h>
#include <stdlib.h>

#include "headers/checksum.h"
#include "tcp/segment.h"

enum { NO_BLOCK = UINT16_MAX, LOOK_FOR_FREE = 8 };

/* A run of octets. The blocks of a flow make a list in ascending order; all in use are on a ring for unacked_sweep().
 */
struct block {
	const struct flow *flow;
	uint32_t seq;
	uint16_t len;
	uint16_t next;         /* of the flow, or of the free list */
	uint16_t last, count;  /* of the flow: valid in its first block */
	uint16_t older, newer; /* ring */
	uint8_t octets[UNACKED_OCTETS];
};
static_assert(sizeof(struct block) <= 512, "a block is half a KiB");

struct unacked_pool {
	struct block *block;
	uint16_t *first; /* by flow id */
	uint16_t free;
	uint16_t hand; /* next one that unacked_sweep() looks at */
	unsigned used;
};

struct unacked_pool *
unacked_pool_new(uint32_t flows, unsigned blocks)
{
	struct unacked_pool *pool = calloc(1, sizeof *pool);

	if (pool == NULL)
		return NULL;
	blocks = blocks < NO_BLOCK ? blocks : NO_BLOCK;
	pool->block = calloc(blocks > 0 ? blocks : 1, sizeof *pool->block);
	pool->first = malloc((flows > 0 ? flows : 1) * sizeof *pool->first);
	if (pool->block == NULL || pool->first == NULL) {
		unacked_pool_free(pool);
		return NULL;
	}
	memset(pool->first, 0xff, flows * sizeof *pool->first);
	pool->free = pool->hand = NO_BLOCK;
	for (unsigned i = blocks; i-- > 0; pool->free = (uint16_t)i)
		pool->block[i].next = pool->free;
	return pool;
}

void
unacked_pool_free(struct unacked_pool *pool)
{
	if (pool == NULL)
		return;
	free(pool->block);
	free(pool->first);
	free(pool);
}

static uint32_t
end_of(const struct block *b)
{
	return b->seq + b->len;
}

/* The first block of f goes back. */
static void
pop(struct unacked_pool *pool, const struct flow *f)
{
	uint16_t at = pool->first[f->id];
	struct block *b = &pool->block[at];

	pool->first[f->id] = b->next;
	if (b->next != NO_BLOCK) {
		pool->block[b->next].last = b->last;
		pool->block[b->next].count = (uint16_t)(b->count - 1);
	}
	pool->block[b->older].newer = b->newer;
	pool->block[b->newer].older = b->older;
	if (pool->hand == at)
		pool->hand = b->newer != at ? b->newer : NO_BLOCK;
	b->next = pool->free;
	pool->free = at;
	pool->used--;
}

/* What the server has acknowledged needs no keeping. */
static void
trim(struct unacked_pool *pool, const struct flow *f)
{
	uint32_t acked = f->tcp.half[DIR_CLIENT].acked;

	while (pool->first[f->id] != NO_BLOCK && seq_leq(end_of(&pool->block[pool->first[f->id]]), acked))
		pop(pool, f);
}

/* A further block for f, behind those that it has. NULL: none. */
static struct block *
push(struct unacked_pool *pool, const struct flow *f, uint32_t seq)
{
	uint16_t first = pool->first[f->id], at;
	struct block *b;

	if (first != NO_BLOCK && pool->block[first].count >= UNACKED_BLOCKS)
		return NULL;
	if (pool->free == NO_BLOCK)
		unacked_sweep(pool, LOOK_FOR_FREE);
	at = pool->free;
	if (at == NO_BLOCK)
		return NULL;
	b = &pool->block[at];
	pool->free = b->next;
	pool->used++;
	b->flow = f;
	b->seq = seq;
	b->len = 0;
	b->next = NO_BLOCK;
	b->last = at;
	b->count = 1;
	if (pool->hand == NO_BLOCK)
		pool->hand = at;
	b->newer = pool->hand;
	b->older = pool->hand != at ? pool->block[pool->hand].older : at;
	pool->block[b->older].newer = at;
	pool->block[b->newer].older = at;
	first = pool->first[f->id]; /* the sweep may have emptied it */
	if (first == NO_BLOCK) {
		pool->first[f->id] = at;
		return b;
	}
	pool->block[pool->block[first].last].next = at;
	pool->block[first].last = at;
	pool->block[first].count++;
	return b;
}

bool
unacked_keep(struct unacked_pool *pool, const struct flow *f, uint32_t seq, struct view v)
{
	uint16_t first = pool->first[f->id];
	struct block *b = first != NO_BLOCK ? &pool->block[first] : NULL;

	/* In lock-step all that was said is acknowledged: the block stays, and begins anew. */
	if (b != NULL && b->count == 1 && seq_leq(end_of(b), f->tcp.half[DIR_CLIENT].acked)) {
		b->seq = seq;
		b->len = 0;
	} else if (b != NULL) {
		trim(pool, f);
		first = pool->first[f->id];
		b = first != NO_BLOCK ? &pool->block[pool->block[first].last] : NULL;
	}
	while (v.len > 0) {
		uint32_t known = b != NULL && seq_lt(seq, end_of(b)) ? end_of(b) - seq : 0;
		known = known < v.len ? known : (uint32_t)v.len;
		seq += known;
		v = view_of(v.at + known, v.len - known);
		if (v.len == 0)
			break;
		if (b == NULL || end_of(b) != seq || b->len == UNACKED_OCTETS)
			b = push(pool, f, seq);
		if (b == NULL)
			return false;
		size_t n = UNACKED_OCTETS - (size_t)b->len;
		n = n < v.len ? n : v.len;
		memcpy(b->octets + b->len, v.at, n);
		b->len = (uint16_t)(b->len + n);
		seq += (uint32_t)n;
		v = view_of(v.at + n, v.len - n);
	}
	return true;
}

bool
unacked_full(struct unacked_pool *pool, const struct flow *f)
{
	uint16_t first = pool->first[f->id];

	if (first == NO_BLOCK || pool->block[first].count < UNACKED_BLOCKS)
		return false;
	trim(pool, f);
	first = pool->first[f->id];
	return first != NO_BLOCK && pool->block[first].count >= UNACKED_BLOCKS;
}

/* Octets of b over those of p, where both have them and no ack covers them. Returns how many differed. */
static unsigned
restore(const struct block *b, uint32_t acked, struct packet *p)
{
	uint32_t from = seq_max(acked, seq_max(b->seq, segment_first(p)));
	uint32_t to = seq_min(end_of(b), segment_last(p));
	unsigned differed = 0;

	if (!seq_lt(from, to))
		return 0;
	uint8_t *mine = segment_octets(p) + (from - segment_first(p));
	const uint8_t *first = b->octets + (from - b->seq);
	for (uint32_t i = 0; i < to - from; i++)
		differed += mine[i] != first[i];
	if (differed > 0)
		memcpy(mine, first, to - from);
	return differed;
}

unsigned
unacked_restore(const struct unacked_pool *pool, const struct flow *f, struct packet *p)
{
	unsigned differed = 0;

	for (uint16_t at = pool->first[f->id]; at != NO_BLOCK; at = pool->block[at].next)
		differed += restore(&pool->block[at], f->tcp.half[DIR_CLIENT].acked, p);
	if (differed > 0) {
		p->flags |= PACKET_JUDGED;
		checksum_rewrite(p);
	}
	return differed;
}

void
unacked_drop(struct unacked_pool *pool, const struct flow *f)
{
	while (pool->first[f->id] != NO_BLOCK)
		pop(pool, f);
}

void
unacked_sweep(struct unacked_pool *pool, unsigned budget)
{
	while (budget-- > 0 && pool->hand != NO_BLOCK) {
		const struct flow *f = pool->block[pool->hand].flow;
		unsigned before = pool->used;

		trim(pool, f);
		if (pool->used == before)
			pool->hand = pool->block[pool->hand].newer;
	}
}

unsigned
unacked_used(const struct unacked_pool *pool)
{
	return pool->used;
}
