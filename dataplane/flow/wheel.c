/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/wheel.h"

void
flow_list_append(struct flow_list *l, struct flow *f)
{
	f->wheel_next = NULL;
	f->wheel_prev = l->last;
	if (l->last != NULL)
		l->last->wheel_next = f;
	else
		l->first = f;
	l->last = f;
}

void
flow_list_remove(struct flow_list *l, struct flow *f)
{
	if (f->wheel_prev != NULL)
		f->wheel_prev->wheel_next = f->wheel_next;
	else
		l->first = f->wheel_next;
	if (f->wheel_next != NULL)
		f->wheel_next->wheel_prev = f->wheel_prev;
	else
		l->last = f->wheel_prev;
	f->wheel_next = f->wheel_prev = NULL;
}

void
wheel_arm(struct wheel *w, struct flow *f, uint64_t due_ns)
{
	uint64_t due = (due_ns >> WHEEL_TICK_SHIFT) + 1;
	if (due <= w->tick)
		due = w->tick + 1;
	if (due >= w->tick + WHEEL_SLOTS)
		due = w->tick + WHEEL_SLOTS - 1;
	f->wheel_slot = (uint16_t)(due % WHEEL_SLOTS);
	flow_list_append(&w->slot[f->wheel_slot], f);
}

void
wheel_disarm(struct wheel *w, struct flow *f)
{
	flow_list_remove(&w->slot[f->wheel_slot], f);
}

struct flow *
wheel_next(struct wheel *w, uint64_t now_ns)
{
	uint64_t now = now_ns >> WHEEL_TICK_SHIFT;

	/* After a long silence one turn sees every slot. */
	if (now > w->tick + WHEEL_SLOTS)
		w->tick = now - WHEEL_SLOTS;
	for (; w->tick <= now; w->tick++) {
		struct flow *f = w->slot[w->tick % WHEEL_SLOTS].first;
		if (f != NULL) {
			wheel_disarm(w, f);
			return f;
		}
		if (w->tick == now)
			break;
	}
	return NULL;
}
