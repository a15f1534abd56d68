/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <unistd.h>

#include "io/clock.h"
#include "live/publish.h"

enum { POLL_US = 20 };

/* A replaced set, and the moment after which nobody can have it any more. */
struct parked {
	struct parked *next;
	struct ruleset *rules;
	uint64_t token;
};

bool
publication_init(struct publication *pub, unsigned workers, void (*free_rules)(struct ruleset *rs))
{
	size_t size = rte_rcu_qsbr_get_memsize(workers);

	*pub = (struct publication){ .free_rules = free_rules };
	pub->qsbr = aligned_alloc(64, (size + 63) / 64 * 64);
	return pub->qsbr != NULL && rte_rcu_qsbr_init(pub->qsbr, workers) == 0;
}

static bool
quiesced(struct publication *pub, uint64_t token)
{
	return rte_rcu_qsbr_check(pub->qsbr, token, false) == 1;
}

static bool
wait_quiesced(struct publication *pub, uint64_t token, uint64_t until)
{
	while (!quiesced(pub, token)) {
		if (clock_monotonic() >= until)
			return false;
		usleep(POLL_US);
	}
	return true;
}

/* Keeps rs until its token is due. Without memory for the note it stays allocated: too much kept beats freed in use. */
static void
park(struct publication *pub, struct ruleset *rs, uint64_t token)
{
	struct parked *p = malloc(sizeof(*p));

	if (p == NULL)
		return;
	*p = (struct parked){ .next = pub->parked, .rules = rs, .token = token };
	pub->parked = p;
}

unsigned
publication_collect(struct publication *pub)
{
	struct parked **link = &pub->parked;
	unsigned left = 0;

	while (*link != NULL) {
		struct parked *p = *link;

		if (!quiesced(pub, p->token)) {
			link = &p->next;
			left++;
			continue;
		}
		*link = p->next;
		pub->free_rules(p->rules);
		free(p);
	}
	return left;
}

void
publish(struct publication *pub, struct ruleset *rs, uint64_t wait_ns, struct publish_result *result)
{
	/* The control thread is the only writer; the set is immutable, freeing it is what takes the const away. */
	struct ruleset *old = (struct ruleset *)(uintptr_t)atomic_load_explicit(&pub->live, memory_order_relaxed);
	uint64_t begin = clock_monotonic(), stored, token;

	atomic_store_explicit(&pub->live, rs, memory_order_release);
	stored = clock_monotonic();
	token = rte_rcu_qsbr_start(pub->qsbr);
	result->swap_ns = stored - begin;
	result->quiesced = wait_quiesced(pub, token, stored + wait_ns);
	result->quiesce_ns = clock_monotonic() - stored;
	if (old == NULL)
		return;
	if (result->quiesced)
		pub->free_rules(old);
	else
		park(pub, old, token);
	publication_collect(pub);
}

void
publication_done(struct publication *pub)
{
	struct ruleset *live = (struct ruleset *)(uintptr_t)atomic_load(&pub->live);

	while (pub->parked != NULL) {
		struct parked *p = pub->parked;

		pub->parked = p->next;
		pub->free_rules(p->rules);
		free(p);
	}
	if (live != NULL)
		pub->free_rules(live);
	free(pub->qsbr);
	*pub = (struct publication){ 0 };
}
