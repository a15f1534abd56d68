/* SPDX-License-Identifier: BSD-3-Clause */
/* What a test gives to a pipeline of its own: settings as by default but with small pools, and rules from a text. */
#ifndef POSTERN_TESTS_SMALL_H
#define POSTERN_TESTS_SMALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "build/build.h"
#include "pipeline.h"

/* The pools of a worker are 13 MB that it touches when it begins; a test that opens a thousand pipelines has a few. */
static inline struct pipeline_config
small_config(void)
{
	struct pipeline_config c;

	pipeline_config_default(&c);
	c.sample_every = 1;
	c.flows.flows = 64;
	c.fragments.datagrams = 16;
	c.line_buffers = 16;
	c.unacked = 512;
	c.edits = 16;
	return c;
}

/* The rules of a text; owned by the caller. */
static inline struct ruleset *
compile(const char *text)
{
	const struct build_options options = { .operator_name = "example carrier", .generation = 7 };
	char path[] = "/tmp/postern-rules-XXXXXX", err[256];
	struct build_result built;
	int fd = mkstemp(path);

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	assert_true(build_rules(path, &options, stderr, &built));
	unlink(path);
	struct ruleset *rules = ruleset_load(view_of(built.blob, built.blob_len), 1, err, sizeof err);
	assert_non_null(rules);
	build_result_free(&built);
	return rules;
}

#endif
