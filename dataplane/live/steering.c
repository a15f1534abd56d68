/* SPDX-License-Identifier: BSD-3-Clause */
#include "live/steering.h"

#include <string.h>
#include <time.h>

#include "io/clock.h"
#include "live/say.h"
#include "steer/steer_setup.h"

enum {
	RETIRE_NS = 10000000, /* what was on its way to us when the heartbeat ended has arrived by then */
	STEP_NS = 1000000,
};

_Static_assert(offsetof(struct steer_key, zero) >= offsetof(struct flow_key, zero) &&
		       offsetof(struct steer_key, pair) == offsetof(struct flow_key, pair),
	       "a key of the flow table is the beginning of a key of the program");

static void
key_of(const struct flow_key *flow, struct steer_key *key)
{
	memset(key, 0, sizeof(*key));
	memcpy(key, flow, sizeof(*flow));
}

static void
watch_edited(void *ctx, const struct flow_key *flow)
{
	struct steering *st = ctx;
	struct steer_key key;

	key_of(flow, &key);
	if (!steer_edit(st->maps, &key))
		atomic_fetch_add(&st->unnoted, 1);
}

static void
watch_unread(void *ctx, const struct flow *f)
{
	struct steering *st = ctx;
	struct steer_key key;

	key_of(&f->key, &key);
	steer_pass(st->maps, &key, f->blind == 0 ? STEER_OPAQUE : STEER_UNREAD, f->seen_ns);
}

/* Where we end first, the program must still know the session, so that it can end it. */
static void
watch_gone(void *ctx, const struct flow_key *flow)
{
	struct steering *st = ctx;
	struct steer_key key;

	if (atomic_load_explicit(&st->retiring, memory_order_relaxed))
		return;
	key_of(flow, &key);
	steer_edit_done(st->maps, &key);
}

bool
steering_attach(struct steering *st, const struct settings *s)
{
	struct steer_setup setup;
	unsigned generic = 0;
	char err[512];

	if (!s->steering.enabled)
		return true;
	steer_setup(s, &setup);
	if (!steer_attach(&setup, &generic, err, sizeof(err)) ||
	    (st->maps = steer_open(setup.dir, err, sizeof(err))) == NULL) {
		say("steering: %s", err);
		return false;
	}
	for (unsigned slot = 0; slot < STEER_SLOTS; slot++)
		if (generic >> slot & 1)
			say("steering: the driver of \"%s\" has no XDP; the kernel behind it does it, slower",
			    steer_setup_name(&setup, slot));
	for (unsigned pair = 0; pair < setup.pairs; pair++)
		if (!steer_setup_covers(&setup, pair))
			say("steering: pair %u has a port that is no interface of the kernel: it is dark whenever we "
			    "are not "
			    "there",
			    pair);
	st->live = steer_live(st->maps);
	st->drain_ns = s->steering.drain_ms * UINT64_C(1000000);
	st->watch =
		(struct flow_watch){ .edited = watch_edited, .unread = watch_unread, .gone = watch_gone, .ctx = st };
	return true;
}

void
steering_begin(struct steering *st, unsigned workers)
{
	st->workers = workers;
	if (st->maps == NULL)
		return;
	__atomic_store_n(&st->live->beat, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&st->live->epoch, clock_monotonic(), __ATOMIC_RELEASE);
	atomic_store(&st->begun, true);
}

uint64_t
steering_alive(const struct steering *st)
{
	uint64_t oldest = st->workers > 0 ? UINT64_MAX : 0;

	for (unsigned i = 0; i < st->workers; i++) {
		uint64_t ns = atomic_load_explicit(&st->pulse[i].ns, memory_order_relaxed);

		oldest = ns < oldest ? ns : oldest;
	}
	return oldest;
}

void
steering_beat(struct steering *st, unsigned worker, uint64_t now_ns)
{
	atomic_store_explicit(&st->pulse[worker].ns, now_ns, memory_order_relaxed);
	if (worker != 0 || st->maps == NULL || atomic_load_explicit(&st->retiring, memory_order_relaxed))
		return;
	__atomic_store_n(&st->live->beat, steering_alive(st), __ATOMIC_RELAXED);
}

void
steering_retire(struct steering *st)
{
	const struct timespec step = { .tv_nsec = STEP_NS };
	uint64_t began = clock_monotonic();

	if (st->maps == NULL || !atomic_load(&st->begun))
		return;
	atomic_store(&st->retiring, true);
	for (;;) {
		uint64_t past = clock_monotonic() - began;

		/* Said again and again: a worker may have been about to beat when it was told not to. */
		__atomic_store_n(&st->live->beat, 0, __ATOMIC_RELAXED);
		if (past >= RETIRE_NS && (past >= st->drain_ns || steer_edited(st->maps) == 0))
			break;
		nanosleep(&step, NULL);
	}
	if (steer_edited(st->maps) > 0)
		say("steering: %u sessions with a verdict are left; they will be reset", steer_edited(st->maps));
}

void
steering_close(struct steering *st)
{
	steer_close(st->maps);
	st->maps = NULL;
}
