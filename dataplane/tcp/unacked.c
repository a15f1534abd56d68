/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/unacked.h"

#include <assert.h>
#include <stdlib.h>

#include "flow/pages.h"
#include "headers/checksum.h"
#include "tcp/segment.h"

/* A run of octets. The blocks of a flow make a list in ascending order, which begins at tcp.kept_first. */
struct block {
	uint32_t seq;
	uint16_t len;
	uint16_t next; /* of the flow; of its last one this means nothing */
	uint16_t last; /* of the flow: valid in its first block */
	uint8_t octets[UNACKED_OCTETS];
};
static_assert(sizeof(struct block) == 320, "a block is five cache lines");
static_assert(UNACKED_BLOCKS <= UINT8_MAX, "tcp.kept counts them");

struct unacked_pool {
	struct block *block;
	uint16_t *free; /* a stack beside the blocks: who takes one or gives one back need not look into it */
	unsigned blocks, free_count;
};

struct unacked_pool *
unacked_pool_new(unsigned blocks)
{
	struct unacked_pool *pool = calloc(1, sizeof *pool);

	if (pool == NULL)
		return NULL;
	pool->blocks = blocks < UNACKED_POOL_MAX ? blocks : UNACKED_POOL_MAX;
	pool->block = pages_new((pool->blocks + 1) * sizeof *pool->block);
	pool->free = calloc(pool->blocks + 1, sizeof *pool->free);
	if (pool->block == NULL || pool->free == NULL) {
		unacked_pool_free(pool);
		return NULL;
	}
	for (unsigned i = pool->blocks; i-- > 0;)
		pool->free[pool->free_count++] = (uint16_t)i;
	return pool;
}

void
unacked_pool_free(struct unacked_pool *pool)
{
	if (pool == NULL)
		return;
	pages_free(pool->block, (pool->blocks + 1) * sizeof *pool->block);
	free(pool->free);
	free(pool);
}

static uint32_t
end_of(const struct block *b)
{
	return b->seq + b->len;
}

/* The first block of f goes back. One alone is not looked into: it is far, but asked for, as it is the next one taken.
 */
static void
pop(struct unacked_pool *pool, struct flow *f)
{
	uint16_t at = f->tcp.kept_first;

	pool->free[pool->free_count++] = at;
	if (--f->tcp.kept == 0) {
		__builtin_prefetch(&pool->block[at], 1);
		return;
	}
	f->tcp.kept_first = pool->block[at].next;
	pool->block[f->tcp.kept_first].last = pool->block[at].last;
}

void
unacked_trim(struct unacked_pool *pool, struct flow *f)
{
	const struct tcp_half *client = &f->tcp.half[DIR_CLIENT];
	bool all = seq_leq(client->nxt, client->acked);

	while (f->tcp.kept > 0 && (all || seq_leq(end_of(&pool->block[f->tcp.kept_first]), client->acked)))
		pop(pool, f);
}

/* A further block for f, behind those that it has. NULL: none. */
static struct block *
push(struct unacked_pool *pool, struct flow *f, uint32_t seq)
{
	if (unacked_full(f) || pool->free_count == 0)
		return NULL;
	uint16_t at = pool->free[--pool->free_count];
	struct block *b = &pool->block[at];
	b->seq = seq;
	b->len = 0;
	if (f->tcp.kept++ == 0) {
		f->tcp.kept_first = at;
	} else {
		struct block *first = &pool->block[f->tcp.kept_first];
		pool->block[first->last].next = at;
	}
	pool->block[f->tcp.kept_first].last = at;
	return b;
}

bool
unacked_keep(struct unacked_pool *pool, struct flow *f, uint32_t seq, struct view v)
{
	struct block *b = f->tcp.kept > 0 ? &pool->block[pool->block[f->tcp.kept_first].last] : NULL;

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
	uint16_t at = f->tcp.kept_first;
	unsigned differed = 0;

	for (unsigned i = 0; i < f->tcp.kept; i++, at = pool->block[at].next)
		differed += restore(&pool->block[at], f->tcp.half[DIR_CLIENT].acked, p);
	if (differed > 0) {
		p->flags |= PACKET_JUDGED;
		checksum_rewrite(p);
	}
	return differed;
}

void
unacked_drop(struct unacked_pool *pool, struct flow *f)
{
	while (f->tcp.kept > 0)
		pop(pool, f);
}

unsigned
unacked_used(const struct unacked_pool *pool)
{
	return pool->blocks - pool->free_count;
}
