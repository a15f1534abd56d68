/* SPDX-License-Identifier: BSD-3-Clause */
#include "edit/edit.h"

#include <assert.h>
#include <stdlib.h>

#include "edit/translate.h"

static_assert(sizeof(struct edit) <= 2048, "an edited flow costs at most 2 KiB");

struct edit_pool {
	struct edit *all;
	struct edit *free;
};

struct edit_pool *
edit_pool_new(unsigned count)
{
	struct edit_pool *pool = calloc(1, sizeof *pool);

	if (pool == NULL)
		return NULL;
	pool->all = calloc(count > 0 ? count : 1, sizeof *pool->all);
	if (pool->all == NULL) {
		free(pool);
		return NULL;
	}
	for (unsigned i = count; i-- > 0;) {
		pool->all[i].next_free = pool->free;
		pool->free = &pool->all[i];
	}
	return pool;
}

void
edit_pool_free(struct edit_pool *pool)
{
	if (pool == NULL)
		return;
	free(pool->all);
	free(pool);
}

struct edit *
edit_of(struct edit_pool *pool, struct flow *f)
{
	struct edit *e = f->edit;

	if (e != NULL || (e = pool->free) == NULL)
		return e;
	pool->free = e->next_free;
	/* The text is written before it is read: no need to clear it. */
	memset(e, 0, offsetof(struct edit, text));
	for (unsigned dir = DIR_CLIENT; dir <= DIR_SERVER; dir++) {
		ledger_init(&e->ledger[dir], f->tcp.half[dir].acked);
		e->left[dir] = f->tcp.half[dir].sent;
	}
	f->edit = e;
	return e;
}

void
edit_drop(struct edit_pool *pool, struct flow *f)
{
	if (f->edit == NULL)
		return;
	f->edit->next_free = pool->free;
	pool->free = f->edit;
	f->edit = NULL;
}

/* Octets that have not left cannot be acknowledged: an ack that runs ahead folds nothing early. */
void
edit_fold(struct flow *f)
{
	struct edit *e = f->edit;

	for (unsigned dir = DIR_CLIENT; dir <= DIR_SERVER; dir++) {
		uint32_t acked = seq_min(f->tcp.half[dir].acked, e->left[dir]);
		uint16_t freed = ledger_fold(&e->ledger[dir], acked);
		if (freed > 0)
			memmove(e->text, e->text + freed, e->ledger[dir].text_len + e->queue_text);
	}
}

void
edit_arrive(struct flow *f, struct packet *p)
{
	if (f->edit == NULL || !(p->h.tcp_flags & TCP_ACK))
		return;
	p->h.ack = ledger_ack(&f->edit->ledger[!p->dir], p->h.ack);
	edit_fold(f);
}
