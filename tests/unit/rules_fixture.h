/* SPDX-License-Identifier: BSD-3-Clause */
/* Rule files in a directory of their own, built, with what was said about them. */
#ifndef POSTERN_TESTS_RULES_FIXTURE_H
#define POSTERN_TESTS_RULES_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build/build.h"

struct fixture {
	char home[4096]; /* where the test began */
	char dir[64];    /* the working directory, so that messages name files without a path */
	struct build_result result;
	bool good;
	char *messages; /* of the last build; owned */
};

static int
fixture_begin(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/postern-rules-XXXXXX");
	if (getcwd(f->home, sizeof(f->home)) == NULL || mkdtemp(f->dir) == NULL || chdir(f->dir) != 0)
		return -1;
	*state = f;
	return 0;
}

static int
fixture_end(void **state)
{
	struct fixture *f = *state;
	DIR *dir = opendir(".");

	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
		if (e->d_name[0] != '.')
			unlink(e->d_name);
	closedir(dir);
	if (chdir(f->home) != 0)
		return -1;
	rmdir(f->dir);
	build_result_free(&f->result);
	free(f->messages);
	free(f);
	return 0;
}

static inline void
fixture_write(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* Builds `text` as rules.conf. */
static inline bool
fixture_build(struct fixture *f, const char *text)
{
	const struct build_options options = { .operator_name = "Example Net", .generation = 7, .jobs = 2 };
	size_t len;

	build_result_free(&f->result);
	free(f->messages);
	f->messages = NULL;
	FILE *memory = open_memstream(&f->messages, &len);
	fixture_write("rules.conf", text);
	f->good = build_rules("rules.conf", &options, memory, &f->result);
	fclose(memory);
	return f->good;
}

/* `text` is wrong, and exactly this is said about it. */
static inline void
assert_refused(struct fixture *f, const char *text, const char *messages)
{
	assert_false(fixture_build(f, text));
	assert_null(f->result.blob);
	assert_string_equal(f->messages, messages);
}

static inline void
assert_builds(struct fixture *f, const char *text)
{
	if (!fixture_build(f, text))
		fail_msg("%s", f->messages);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)

#endif
