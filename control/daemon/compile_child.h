/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The compilation in a process of its own, so that neither a crash of the compiler nor a rule set that wants more
 * time or memory than allowed costs more than an error message. One child at a time. Loop thread only.
 */
#ifndef POSTERN_CONTROL_COMPILE_CHILD_H
#define POSTERN_CONTROL_COMPILE_CHILD_H

#include <stddef.h>

#include <jansson.h>
#include <uv.h>

#include "daemon/compile_job.h"

struct compile_outcome {
	int blob; /* sealed memfd, -1 where there is none; owned by the receiver of the outcome */
	size_t blob_len;
	int listing;          /* memfd with the JSON array of the rules, -1 likewise; owned by the receiver */
	json_t *report;       /* as of compile_run(); borrowed; NULL where the child never got that far */
	const char *messages; /* of the compiler, NUL-terminated, cut at COMPILE_MESSAGES_MAX; borrowed */
	char error[256];      /* "" where the report says done; else a sentence */
};

#define COMPILE_MESSAGES_MAX (256 * 1024)

typedef void compile_done(void *ctx, struct compile_outcome *o);

struct compile_child {
	uv_poll_t exit;   /* the child's pidfd becomes readable when it ends */
	uv_timer_t limit; /* wall clock: a child may also wait for ever */
	int pid, pidfd;   /* 0, -1: no child */
	struct compile_files files;
	unsigned cpu_seconds, memory_mb;
	bool overdue;
	compile_done *done;
	void *ctx;
};

void compile_child_init(struct compile_child *c, uv_loop_t *loop);

/*
 * Starts a child that does `job` (borrowed until the call returns); `done` is called later, from the loop, once.
 * 0, or a negated errno and `done` is never called.
 */
int compile_child_start(struct compile_child *c, const struct compile_job *job, compile_done *done, void *ctx);

/* Kills a running child without calling `done`, and closes the handles. */
void compile_child_close(struct compile_child *c);

#endif
