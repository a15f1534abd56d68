/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "live/flow_list.h"

/* Slots looked at per call: a table of 262,144 flows takes 64 ticks, a tick some microseconds more. */
enum { SERVE_BUDGET = 4096 };

bool
flow_list_init(struct flow_list *list)
{
	*list = (struct flow_list){ 0 };
	list->note = calloc(FLOW_LIST_MAX, sizeof(*list->note));
	return list->note != NULL;
}

void
flow_list_done(struct flow_list *list)
{
	free(list->note);
	list->note = NULL;
}

bool
flow_list_ask(struct flow_list *list, unsigned limit)
{
	if (atomic_load_explicit(&list->state, memory_order_acquire) == FLOW_LIST_ASKED)
		return false;
	list->limit = limit < FLOW_LIST_MAX ? limit : FLOW_LIST_MAX;
	list->count = 0;
	list->cursor = 0;
	atomic_store_explicit(&list->state, FLOW_LIST_ASKED, memory_order_release);
	return true;
}

bool
flow_list_ready(struct flow_list *list)
{
	return atomic_load_explicit(&list->state, memory_order_acquire) == FLOW_LIST_READY;
}

static bool
take_note(void *ctx, const struct flow *f)
{
	struct flow_list *list = ctx;

	if (list->count == list->limit)
		return false;
	list->note[list->count++] = (struct flow_note){
		.key = f->key,
		.seen_ns = f->seen_ns,
		.transaction = f->smtp.now.transaction,
		.refused = f->smtp.refused,
		.held = (uint16_t)(f->tcp.half[0].held_count + f->tcp.half[1].held_count),
		.client = f->client,
		.fate = f->fate,
		.blind = f->blind,
		.edited = f->edit != NULL,
	};
	return list->count < list->limit;
}

void
flow_list_serve(struct flow_list *list, struct flow_table *flows)
{
	if (atomic_load_explicit(&list->state, memory_order_acquire) != FLOW_LIST_ASKED)
		return;
	if (list->count < list->limit && flow_table_visit(flows, &list->cursor, SERVE_BUDGET, take_note, list) &&
	    list->count < list->limit)
		return;
	atomic_store_explicit(&list->state, FLOW_LIST_READY, memory_order_release);
}
