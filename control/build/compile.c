/* SPDX-License-Identifier: BSD-3-Clause */
#include <hs.h>
#include <pthread.h>
#include <stdlib.h>

#include "build/compile.h"
#include "build/patterns.h"

/* One database on its way; a job touches nothing that another one does. */
struct job {
	const struct ruleset_source *source;
	const uint32_t *id_of;
	enum pattern_kind kind;
	const hs_platform_info_t *platform;
	char *octets;
	size_t len;
	char *fault;   /* owned: what the engine said */
	long fault_at; /* pattern index; -1: none in particular */
	bool failed;
	pthread_t thread;
	bool started;
};

static void
job_fault(struct job *job, const struct expressions *e, hs_compile_error_t *error)
{
	job->failed = true;
	job->fault = strdup(error->message);
	job->fault_at = error->expression >= 0 ? (long)e->from[error->expression] : -1;
	hs_free_compile_error(error);
}

static void *
job_run(void *arg)
{
	struct job *job = arg;
	struct expressions e;
	hs_database_t *db = NULL;
	hs_compile_error_t *error = NULL;

	expressions_make(job->source, job->kind, job->id_of, &e);
	if (e.count > 0) {
		if (hs_compile_multi(e.text, e.flags, e.ids, e.count, HS_MODE_BLOCK, job->platform, &db, &error) !=
		    HS_SUCCESS)
			job_fault(job, &e, error);
		else
			job->failed = hs_serialize_database(db, &job->octets, &job->len) != HS_SUCCESS;
		hs_free_database(db);
	}
	expressions_free(&e);
	return NULL;
}

static void
job_report(const struct job *job, struct messages *m)
{
	const struct ruleset_source *s = job->source;
	const char *what = job->fault != NULL ? job->fault : "out of memory";

	if (job->fault_at < 0)
		message_error(m, (struct place){ 0 }, "the engine refused the rule set: %s", what);
	else
		message_error(m, s->patterns[job->fault_at].place, "\"%s\" does not compile: %s",
			      source_text(s, &s->patterns[job->fault_at]).at, what);
}

bool
databases_compile(const struct ruleset_source *s, const uint32_t *id_of, unsigned jobs, struct databases *db,
		  struct messages *m)
{
	struct job job[KIND_COUNT] = { 0 };
	hs_platform_info_t platform;
	bool good = true;

	*db = (struct databases){ 0 };
	if (hs_populate_platform(&platform) != HS_SUCCESS) {
		message_error(m, (struct place){ 0 }, "the pattern engine does not run on this CPU");
		return false;
	}
	db->features = platform.cpu_features;
	for (int k = 0; k < KIND_COUNT; k++) {
		job[k] = (struct job){
			.source = s, .id_of = id_of, .kind = (enum pattern_kind)k, .platform = &platform
		};
		job[k].started = jobs > 1 && k > 0 && pthread_create(&job[k].thread, NULL, job_run, &job[k]) == 0;
	}
	for (int k = 0; k < KIND_COUNT; k++) {
		if (job[k].started)
			pthread_join(job[k].thread, NULL);
		else
			job_run(&job[k]);
		db->kind[k].octets = job[k].octets;
		db->kind[k].len = job[k].len;
		if (job[k].failed)
			job_report(&job[k], m);
		good = good && !job[k].failed;
		free(job[k].fault);
	}
	return good;
}

void
databases_free(struct databases *db)
{
	for (int k = 0; k < KIND_COUNT; k++)
		free(db->kind[k].octets);
}
