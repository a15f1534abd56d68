/* SPDX-License-Identifier: BSD-3-Clause */
#include "edit/edit.h"

#include <assert.h>
#include <stdlib.h>

#include "edit/own.h"
#include "edit/translate.h"

static_assert(sizeof(struct edit) + sizeof(struct flow) <= 2048, "an edited flow costs at most 2 KiB");

/* The octets of a text while one has it. */
union text {
	union text *next;
	uint8_t octets[EDIT_TEXT];
};

struct edit_pool {
	struct edit *all;
	struct edit *free;
	union text
		*texts; /* as many as edits; which ones are in use is another matter, and memory is touched for those */
	union text *free_text;
	unsigned text_count; /* of texts, that were ever used */
};

struct edit_pool *
edit_pool_new(unsigned count)
{
	struct edit_pool *pool = calloc(1, sizeof *pool);

	if (pool == NULL)
		return NULL;
	pool->all = calloc(count > 0 ? count : 1, sizeof *pool->all);
	pool->texts = calloc(count > 0 ? count : 1, sizeof *pool->texts);
	if (pool->all == NULL || pool->texts == NULL) {
		edit_pool_free(pool);
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
	free(pool->texts);
	free(pool);
}

void
edit_text_take(struct edit *e)
{
	union text *text = e->pool->free_text;

	if (e->text != NULL)
		return;
	if (text != NULL)
		e->pool->free_text = text->next;
	else
		text = &e->pool->texts[e->pool->text_count++];
	e->text = text->octets;
}

static void
text_give(struct edit *e)
{
	union text *text = (union text *)(void *)e->text;

	if (text == NULL)
		return;
	text->next = e->pool->free_text;
	e->pool->free_text = text;
	e->text = NULL;
}

struct edit *
edit_of(struct edit_pool *pool, struct flow *f)
{
	struct edit *e = f->edit;

	if (e != NULL || (e = pool->free) == NULL)
		return e;
	pool->free = e->next_free;
	*e = (struct edit){ .pool = pool };
	for (unsigned dir = DIR_CLIENT; dir <= DIR_SERVER; dir++) {
		ledger_init(&e->ledger[dir], f->tcp.half[dir].acked);
		e->left[dir] = f->tcp.half[dir].sent;
	}
	e->told = f->tcp.half[DIR_CLIENT].acked;
	f->edit = e;
	return e;
}

void
edit_drop(struct edit_pool *pool, struct flow *f)
{
	if (f->edit == NULL)
		return;
	text_give(f->edit);
	f->edit->next_free = pool->free;
	pool->free = f->edit;
	f->edit = NULL;
}

/* The client has the whole answer to what it sent: the server's acks pass again, and one may have been kept from it. */
static void
fold_standing(struct flow *f, bool stood)
{
	struct edit *e = f->edit;

	if (!stood || ledger_standing(&e->ledger[DIR_SERVER]) != NULL)
		return;
	e->due = false;
	e->owed = seq_lt(e->told, f->tcp.half[DIR_CLIENT].acked);
}

/* Octets that have not left cannot be acknowledged: an ack that runs ahead folds nothing early. */
void
edit_fold(struct flow *f)
{
	struct edit *e = f->edit;
	bool stood = ledger_standing(&e->ledger[DIR_SERVER]) != NULL;

	for (unsigned dir = DIR_CLIENT; dir <= DIR_SERVER; dir++) {
		uint32_t acked = seq_min(f->tcp.half[dir].acked, e->left[dir]);
		uint16_t freed = ledger_fold(&e->ledger[dir], acked);
		if (freed > 0)
			memmove(e->text, e->text + freed, e->ledger[dir].text_len + e->queue_text);
	}
	if (e->ledger[DIR_SERVER].text_len + e->queue_text == 0)
		text_give(e);
	fold_standing(f, stood);
}

void
edit_note(struct flow *f, const struct packet *p)
{
	struct edit *e = f->edit;

	if (e == NULL)
		return;
	own_head_of(&e->head[p->dir], p);
	if (e->head[!p->dir].ip_version == 0 && !own_head_is_labelled(&e->head[p->dir]))
		own_head_turn(&e->head[!p->dir], &e->head[p->dir]);
}

void
edit_arrive(struct flow *f, struct packet *p)
{
	if (f->edit == NULL || !(p->h.tcp_flags & TCP_ACK))
		return;
	edit_note(f, p);
	f->edit->arrived = p->h.ack;
	p->h.ack = ledger_ack(&f->edit->ledger[!p->dir], p->h.ack);
	edit_fold(f);
}

/* Entries and octets that no end has acknowledged yet. */
static unsigned
outstanding(const struct edit *e)
{
	return e->ledger[DIR_CLIENT].count + e->ledger[DIR_SERVER].count + e->ledger[DIR_SERVER].text_len;
}

void
edit_accept(struct flow *f, const struct packet *p)
{
	struct edit *e = f->edit;

	if (e == NULL || !(p->h.tcp_flags & TCP_ACK))
		return;
	struct ledger *l = &e->ledger[DIR_SERVER];
	unsigned before = outstanding(e);
	if (p->dir == DIR_CLIENT)
		ledger_hear(l, seq_min(e->arrived, ledger_seq(l, e->left[DIR_SERVER])));
	edit_fold(f);
	bool moved = outstanding(e) < before;
	bool again = p->dir == DIR_CLIENT && p->h.payload_len > 0 && seq_lt(p->h.seq, e->line_end);
	if (moved)
		e->moved_ns = p->time_ns;
	if (ledger_standing(l) != NULL && (again || (moved && p->dir == DIR_CLIENT)))
		e->due = true;
}
