/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a rule set, in the order in which it happens:
 *
 *   read, parse, check, expand   rules/     \
 *   patterns, compile, serialise build/      > in a child with limits: compile_child.c, compile_job.c
 *   look up, keep                cache.c    /
 *   seal                         compile_child.c
 *   hand over                    handover.c
 *   verify, scratch              dataplane/ruleset/
 *   publish, quiesce, free       dataplane/live/publish.c
 *   remember, answer             here, reload_answer.c
 *
 * Whatever fails on the way, the rule set that judges is the one from before, and everybody who asked is told why.
 */
#include "reload.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/log.h"
#include "daemon/reload_answer.h"

#define HANDOVER_TIMEOUT_MS 2000

static void begin(struct reload *r);
static compile_done compiled;
static void hand_over(struct reload *r);
static handover_done handed_over;
static void end(struct reload *r, json_t *answer);

/* A child compiles, under the number that comes next. */
static void
begin(struct reload *r)
{
	struct compile_job job = {
		.rules = r->settings->rules,
		.operator_name = r->settings->operator_name,
		.cache = r->settings->control.cache,
		.cache_entries = r->settings->control.cache_entries,
		.generation = r->generation + 1,
		.live_key = r->forced || r->good.blob < 0 ? NULL : r->good.key,
		.cpu_seconds = r->settings->control.compile_seconds,
		.memory_mb = r->settings->control.compile_memory_mb,
	};
	int err;

	r->served = r->coming;
	r->coming = (struct reload_waiters){ 0 };
	r->running = true;
	r->asked = r->forced;
	r->again = r->forced = false;
	r->begun_ns = uv_hrtime();
	err = compile_child_start(&r->child, &job, compiled, r);
	if (err < 0)
		end(r, answer_failed(r, "the compiling process could not be started", strerror(-err)));
}

/* The child has ended. */
static void
compiled(void *ctx, struct compile_outcome *o)
{
	struct reload *r = ctx;

	r->prepared_ns = uv_hrtime() - r->begun_ns;
	reload_learn_files(r, o->report);
	if (o->error[0] != '\0') {
		end(r, answer_failed(r, o->error, o->messages));
	} else if (o->blob < 0) {
		end(r, answer_unchanged(r));
	} else {
		reload_take(r, o);
		hand_over(r);
	}
}

/* To the dataplane, unless `good` is on its way there: then when it has arrived. */
static void
hand_over(struct reload *r)
{
	if (!r->restoring)
		handover_load(&r->dataplane, r->next.blob, r->next.blob_len, handed_over);
}

/* The dataplane has verified and published, or not. */
static void
handed_over(void *ctx, const struct handover_answer *a)
{
	struct reload *r = ctx;
	json_t *answer;

	if (a->error[0] == '\0') {
		r->live = r->next.generation;
		reload_keep(r);
		answer = answer_live(r, a);
	} else if (a->refused) {
		reload_drop(&r->next);
		answer = answer_failed(r, a->error, r->messages);
	} else {
		reload_keep(r);
		answer = answer_waiting(r, a->error);
	}
	end(r, answer);
}

/* Everybody who asked before the run began is answered; who asked since then gets a run of their own. */
static void
end(struct reload *r, json_t *answer)
{
	struct reload_waiters served = r->served;

	r->served = (struct reload_waiters){ 0 };
	r->running = false;
	for (size_t i = 0; i < served.n; i++)
		r->answer(r->ctx, served.who[i], answer);
	free(served.who);
	json_decref(answer);
	if (r->again)
		begin(r);
}

/* ---- what starts a run ---- */

void
reload_notice(struct reload *r, bool force)
{
	r->forced = r->forced || force;
	if (r->running)
		r->again = true;
	else
		begin(r);
}

void
reload_ask(struct reload *r, uint64_t who)
{
	uint64_t *more = reallocarray(r->coming.who, r->coming.n + 1, sizeof(*more));

	if (more == NULL)
		return;
	r->coming.who = more;
	r->coming.who[r->coming.n++] = who;
	reload_notice(r, true);
}

/* ---- a dataplane that appears, or comes back ---- */

static void
restored(void *ctx, const struct handover_answer *a)
{
	struct reload *r = ctx;

	r->restoring = false;
	if (a->error[0] == '\0') {
		r->live = r->good.generation;
		free(r->last_error);
		r->last_error = NULL;
		log_line("generation %llu live: handed over to the dataplane that appeared",
			 (unsigned long long)r->live);
	} else {
		log_line("generation %llu could not be handed over to the dataplane that appeared: %s",
			 (unsigned long long)r->good.generation, a->error);
	}
	if (r->next.blob >= 0)
		hand_over(r);
}

static void
dataplane_present(void *ctx, uint64_t generation)
{
	struct reload *r = ctx;

	r->live = generation;
	if (generation > r->generation) {
		/* Numbers only rise: what another posternd handed over there is followed by our next. */
		r->generation = generation;
		reload_notice(r, true);
	} else if (r->good.blob >= 0 && generation != r->good.generation) {
		r->restoring = true;
		handover_load(&r->dataplane, r->good.blob, r->good.blob_len, restored);
	}
}

/* ---- start and end ---- */

static uint64_t
first_generation(const struct settings *s)
{
	struct timespec t;

	if (s->control.cache[0] != '\0')
		return cache_generation(s->control.cache);
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int
reload_init(struct reload *r, uv_loop_t *loop, const struct settings *settings, reload_answer *answer,
	    reload_files *files_known, void *ctx)
{
	memset(r, 0, sizeof(*r));
	r->settings = settings;
	r->good = r->next = (struct reload_set){ .blob = -1, .listing = -1 };
	r->generation = first_generation(settings);
	r->answer = answer;
	r->files_known = files_known;
	r->ctx = ctx;
	compile_child_init(&r->child, loop);
	return handover_init(&r->dataplane, loop, settings->dataplane.socket, HANDOVER_TIMEOUT_MS, dataplane_present,
			     r);
}

void
reload_close(struct reload *r)
{
	compile_child_close(&r->child);
	handover_close(&r->dataplane);
	reload_drop(&r->good);
	reload_drop(&r->next);
	json_decref(r->files);
	free(r->messages);
	free(r->last_error);
	free(r->coming.who);
	free(r->served.who);
}
