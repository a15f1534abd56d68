/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/index.h"

#include "flow/pages.h"

bool
flow_index_init(struct flow_index *ix, uint32_t capacity)
{
	/* Half full at most: one bucket in fifty overflows. A chain of k buckets holds more than 8 (k - 1) entries. */
	uint64_t buckets = 1;
	while (buckets * (FLOW_WAYS / 2) < capacity)
		buckets *= 2;
	uint64_t overflow = capacity / FLOW_WAYS + 1;

	ix->octets = (buckets + overflow) * sizeof(struct flow_bucket);
	ix->bucket = pages_new(ix->octets);
	if (ix->bucket == NULL)
		return false;
	ix->mask = buckets - 1;
	ix->spare = FLOW_NONE;
	for (uint64_t i = 0; i < buckets; i++)
		ix->bucket[i].next = FLOW_NONE;
	for (uint64_t i = buckets; i < buckets + overflow; i++) {
		ix->bucket[i].next = ix->spare;
		ix->spare = (uint32_t)i;
	}
	return true;
}

void
flow_index_free(struct flow_index *ix)
{
	pages_free(ix->bucket, ix->octets);
}

static struct flow_bucket *
chain_more(struct flow_index *ix, struct flow_bucket *last)
{
	struct flow_bucket *b = &ix->bucket[ix->spare];
	last->next = ix->spare;
	ix->spare = b->next;
	b->next = FLOW_NONE;
	return b;
}

void
flow_index_add(struct flow_index *ix, uint64_t hash, uint32_t slot)
{
	struct flow_bucket *b = flow_index_bucket(ix, hash);
	while (b->next != FLOW_NONE)
		b = &ix->bucket[b->next];
	unsigned free_ways = flow_bucket_match(b, 0);
	if (free_ways == 0) {
		b = chain_more(ix, b);
		free_ways = 1;
	}
	unsigned way = (unsigned)__builtin_ctz(free_ways);
	b->signature[way] = flow_index_signature(hash);
	b->slot[way] = slot;
}

/* The way of `slot` in *b or further down its chain; *b moves there. */
static unsigned
locate(const struct flow_index *ix, struct flow_bucket **b, uint16_t signature, uint32_t slot)
{
	for (;;) {
		for (unsigned m = flow_bucket_match(*b, signature); m != 0; m &= m - 1) {
			unsigned way = (unsigned)__builtin_ctz(m);
			if ((*b)->slot[way] == slot)
				return way;
		}
		*b = &ix->bucket[(*b)->next];
	}
}

void
flow_index_remove(struct flow_index *ix, uint64_t hash, uint32_t slot)
{
	struct flow_bucket *hole = flow_index_bucket(ix, hash);
	struct flow_bucket *last = hole, *before = NULL;
	unsigned way = locate(ix, &hole, flow_index_signature(hash), slot);

	/* The last entry of the chain fills the hole, so that an emptied overflow bucket can be given back. */
	while (last->next != FLOW_NONE) {
		before = last;
		last = &ix->bucket[last->next];
	}
	unsigned used = FLOW_WAYS - (unsigned)__builtin_popcount(flow_bucket_match(last, 0));
	hole->signature[way] = last->signature[used - 1];
	hole->slot[way] = last->slot[used - 1];
	last->signature[used - 1] = 0;
	if (used == 1 && before != NULL) {
		uint32_t emptied = before->next;
		before->next = FLOW_NONE;
		last->next = ix->spare;
		ix->spare = emptied;
	}
}
