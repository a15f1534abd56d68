/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The live rule set: one pointer, replaced by one release store. The old set
 * is freed after every worker has passed a quiescent state. Workers never
 * wait; the publisher waits for a bounded time, and parks what may still be in
 * use until a later call finds it free.
 */
#ifndef POSTERN_LIVE_PUBLISH_H
#define POSTERN_LIVE_PUBLISH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_rcu_qsbr.h>

struct ruleset;

struct publication {
	_Atomic(const struct ruleset *) live;
	struct rte_rcu_qsbr *qsbr;
	void (*free_rules)(struct ruleset *rs);
	struct parked *parked; /* replaced sets that a worker may still use; control thread only */
};

struct publish_result {
	uint64_t swap_ns;    /* the store itself */
	uint64_t quiesce_ns; /* until every worker had seen it, or until the wait was given up */
	bool quiesced;       /* false: some worker is stuck, the old set is parked */
};

/* For workers 0 to workers - 1. `free_rules` is called on the publisher's thread. False: no memory. */
bool publication_init(struct publication *pub, unsigned workers, void (*free_rules)(struct ruleset *rs));

/* After the workers have ended: frees the live set and all parked ones. */
void publication_done(struct publication *pub);

/* Takes rs (NULL: no rules), makes it live, waits at most `wait_ns` for the workers. Control thread only. */
void publish(struct publication *pub, struct ruleset *rs, uint64_t wait_ns, struct publish_result *result);

/* Frees parked sets that nobody uses any more; returns how many stay. Control thread only. */
unsigned publication_collect(struct publication *pub);

/* What follows is for workers. The set is good until the worker's next publication_quiescent(). */
static inline const struct ruleset *
publication_current(struct publication *pub)
{
	return atomic_load_explicit(&pub->live, memory_order_acquire);
}

static inline void
publication_quiescent(struct publication *pub, unsigned worker)
{
	rte_rcu_qsbr_quiescent(pub->qsbr, worker);
}

static inline void
publication_online(struct publication *pub, unsigned worker)
{
	rte_rcu_qsbr_thread_register(pub->qsbr, worker);
	rte_rcu_qsbr_thread_online(pub->qsbr, worker);
}

/* The worker uses no set until it is back, and nobody waits for it. */
static inline void
publication_away(struct publication *pub, unsigned worker)
{
	rte_rcu_qsbr_thread_offline(pub->qsbr, worker);
}

static inline void
publication_back(struct publication *pub, unsigned worker)
{
	rte_rcu_qsbr_thread_online(pub->qsbr, worker);
}

static inline void
publication_offline(struct publication *pub, unsigned worker)
{
	rte_rcu_qsbr_thread_offline(pub->qsbr, worker);
	rte_rcu_qsbr_thread_unregister(pub->qsbr, worker);
}

#endif
