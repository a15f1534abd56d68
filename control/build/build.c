/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <time.h>

#include "build/blob_write.h"
#include "build/build.h"
#include "build/compile.h"
#include "build/patterns.h"
#include "build/refusals.h"
#include "rules/check.h"
#include "rules/parser.h"

static uint64_t
clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void
read_rule_set(const char *path, struct ruleset_source *s, struct messages *m)
{
	rules_parse(path, s, m);
	rules_check(s, m);
	regexes_check(s, m);
}

/* Compiles and serialises; nothing of it where the files have errors. */
static void
make_blob(struct ruleset_source *s, const struct build_options *o, struct messages *m, struct build_result *r)
{
	struct lookalikes_built lookalikes;
	struct databases db = { 0 };

	if (m->errors > 0)
		return;
	if (lookalikes_build(s, &lookalikes, m) && databases_compile(s, lookalikes.id_of, o->jobs, &db, m)) {
		r->blob = blob_write(s, &db, &lookalikes, o->operator_name != NULL ? o->operator_name : "",
				     o->generation, &r->blob_len);
		if (r->blob == NULL)
			message_error(m, (struct place){ 0 }, "out of memory for the compiled rule set");
	}
	r->lookalikes = s->protect_count > 0 ? (unsigned)lookalikes.names.name_count : 0;
	r->lookalikes_of = lookalikes.names_of;
	r->lookalikes_of_count = lookalikes.names_of != NULL ? (unsigned)s->rule_count : 0;
	lookalikes.names_of = NULL;
	lookalikes_free(&lookalikes);
	databases_free(&db);
}

bool
build_rules(const char *path, const struct build_options *o, FILE *messages, struct build_result *r)
{
	struct ruleset_source s;
	struct messages m = { 0 };
	uint64_t begin = clock_ns();

	*r = (struct build_result){ 0 };
	source_init(&s);
	read_rule_set(path, &s, &m);
	uint64_t read = clock_ns();
	make_blob(&s, o, &m, r);
	if (o->refusals != NULL && m.errors == 0)
		refusals_print(&s, o->refusals);
	r->parse_ns = read - begin;
	r->compile_ns = clock_ns() - read;
	r->rules = (unsigned)s.rule_count;
	r->patterns = (unsigned)s.pattern_count;
	r->files = (unsigned)s.file_count;
	r->errors = m.errors;
	r->warnings = m.warnings;
	messages_sort(&m);
	messages_print(&m, &s, messages);
	messages_free(&m);
	source_free(&s);
	return r->blob != NULL;
}

void
build_result_free(struct build_result *r)
{
	free(r->blob);
	free(r->lookalikes_of);
	r->blob = NULL;
	r->lookalikes_of = NULL;
}

char **
build_rule_files(const char *path, size_t *n)
{
	struct ruleset_source s;
	struct messages m = { 0 };
	size_t cap = 0;
	char **files = NULL;

	source_init(&s);
	rules_parse(path, &s, &m);
	*n = 0;
	/* The names change owner: the source forgets them. */
	for (size_t i = 0; i < s.file_count; i++) {
		files = source_grow(files, &cap, *n, sizeof(*files));
		files[(*n)++] = s.files[i];
	}
	for (size_t i = 0; i < s.dir_count; i++) {
		files = source_grow(files, &cap, *n, sizeof(*files));
		files[(*n)++] = s.dirs[i];
	}
	s.file_count = s.dir_count = 0;
	messages_free(&m);
	source_free(&s);
	return files;
}

void
build_rule_files_free(char **files, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(files[i]);
	free(files);
}
