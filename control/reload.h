/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a rule set, from files to the dataplane. Loop thread only. */
#ifndef POSTERN_CONTROL_RELOAD_H
#define POSTERN_CONTROL_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#include "daemon/cache.h"
#include "daemon/compile_child.h"
#include "daemon/handover.h"
#include "settings/settings.h"

/* A rule set that compiled. */
struct reload_set {
	int blob; /* sealed memfd; -1: none */
	size_t blob_len;
	int listing; /* memfd, JSON array of its rules; -1: none */
	uint64_t generation;
	char key[CACHE_KEY_LEN];
	json_t *summary; /* rules, patterns, ..., see compile_job.h */
	bool cached;
};

/* Somebody who waits for the outcome: called once with the answer of protocol.h, which is borrowed. */
typedef void reload_answer(void *ctx, uint64_t who, const json_t *answer);
/* After each run: the files of the rule set, borrowed. */
typedef void reload_files(void *ctx, json_t *files);

struct reload_waiters {
	uint64_t *who;
	size_t n;
};

struct reload {
	const struct settings *settings;
	struct compile_child child;
	struct handover dataplane;
	struct reload_set good; /* compiled last without an error; goes to every dataplane that appears */
	struct reload_set next; /* compiled, not yet handed over */
	uint64_t generation;    /* last number given out */
	uint64_t live;          /* what the dataplane said it judges by, when it was last heard; 0: nothing */
	uint64_t begun_ns;      /* start of the running run */
	uint64_t prepared_ns;   /* from there to the sealed blob */
	bool running, again;    /* a run is under way; another one is asked for */
	bool forced;            /* the next run hands over even where the files did not change */
	bool asked;             /* the running run was forced: what it finds is news even where it was said before */
	bool restoring;         /* `good` is on its way to a dataplane that appeared */
	struct reload_waiters coming, served; /* waiting for the next run, for the running one */
	char *messages;                       /* of the compiler in the running run */
	json_t *files;                        /* array of names; NULL: not yet known */
	char *last_error;                     /* NULL: none */
	reload_answer *answer;
	reload_files *files_known;
	void *ctx;
};

/*
 * Borrows `settings`. Starts to look for the dataplane; the first run is the caller's to ask for. Generations go on
 * from the number kept in the cache directory; without one they are milliseconds since 1970, so that they rise
 * across restarts all the same (no more than one run starts in a millisecond). 0 or a negated errno.
 */
int reload_init(struct reload *r, uv_loop_t *loop, const struct settings *settings, reload_answer *answer,
		reload_files *files_known, void *ctx);

/*
 * Somebody asks for the rules as they are in the files now. The answer comes from a run that starts after this call;
 * all who ask while one is running share the next.
 */
void reload_ask(struct reload *r, uint64_t who);

/* The files may have changed (or a signal came, `force`): runs when it can; unforced, unchanged rules stay. */
void reload_notice(struct reload *r, bool force);

/* Kills a running compilation; nobody is answered any more. */
void reload_close(struct reload *r);

#endif
