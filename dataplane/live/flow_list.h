/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A list of flows for `show flows`. The flow table belongs to its worker, so
 * the control thread only asks, and the worker copies a few slots at every
 * tick. The memory stays with the worker: a request that was given up does no
 * harm, its answer is thrown away by the next one.
 */
#ifndef POSTERN_LIVE_FLOW_LIST_H
#define POSTERN_LIVE_FLOW_LIST_H

#include <stdatomic.h>
#include <stdbool.h>

#include "flow/table.h"

#define FLOW_LIST_MAX 4096

/* What is told of a flow. */
struct flow_note {
	struct flow_key key;
	uint64_t seen_ns;
	uint16_t transaction;
	uint16_t refused;
	uint16_t held;  /* packets, both directions */
	uint8_t client; /* which end of key */
	uint8_t fate;   /* enum flow_fate */
	uint8_t blind;  /* enum counter, 0: not blind */
	bool edited;
};

enum flow_list_state { FLOW_LIST_FREE, FLOW_LIST_ASKED, FLOW_LIST_READY };

struct flow_list {
	atomic_int state;       /* enum flow_list_state: FREE -> ASKED by control, ASKED -> READY by the worker */
	struct flow_note *note; /* FLOW_LIST_MAX of them; the worker's while ASKED, else the control thread's */
	unsigned count;
	unsigned limit;
	uint32_t cursor;
};

/* False: no memory. */
bool flow_list_init(struct flow_list *list);
void flow_list_done(struct flow_list *list);

/* Control thread: asks for at most `limit` flows; false: an earlier request is still under way. */
bool flow_list_ask(struct flow_list *list, unsigned limit);
/* Control thread: true once the answer stands in note[0] to note[count - 1]; they are good until the next request. */
bool flow_list_ready(struct flow_list *list);

/* A request is pending. Any thread. */
static inline bool
flow_list_asked(const struct flow_list *list)
{
	return atomic_load_explicit(&list->state, memory_order_relaxed) == FLOW_LIST_ASKED;
}

/* Worker's thread: a little work for a pending request, else nothing. */
void flow_list_serve(struct flow_list *list, struct flow_table *flows);

#endif
