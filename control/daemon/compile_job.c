/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon/compile_job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "build/build.h"
#include "daemon/cache.h"
#include "daemon/listing.h"
#include "ruleset/blob.h"
#include "socket/wire.h"

static bool
write_all(int fd, struct view data)
{
	while (data.len > 0) {
		ssize_t n = write(fd, data.at, data.len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			data.at += n;
			data.len -= (size_t)n;
		}
	}
	return true;
}

static bool
write_json(int fd, const json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);
	bool done = text != NULL && write_all(fd, view_of(text, strlen(text)));

	free(text);
	return done;
}

static bool
empty(int fd)
{
	return ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0;
}

/* Replaces the report by what is known now. */
static bool
tell(int fd, const json_t *report)
{
	return empty(fd) && write_json(fd, report);
}

static void
set_bool(json_t *report, const char *name, bool value)
{
	json_object_set_new(report, name, json_boolean(value));
}

/* A blob carries its generation inside: a cached one gets the new number, and the digest that goes with it. */
static void
renumber(uint8_t *blob, size_t len, uint64_t generation)
{
	struct blob_header *h = (struct blob_header *)(void *)blob;

	h->generation = generation;
	blob_digest(view_of(blob, len), h->digest);
}

/* Beside the blob, an entry keeps {"summary":{...}, "messages":S, "rules":[...]}. */
static bool
use_cached(const struct compile_job *job, struct cache_entry *e, const struct compile_files *out, json_t *report)
{
	json_t *notes = json_loadb((const char *)e->listing.at, e->listing.len, 0, NULL);
	json_t *summary = json_object_get(notes, "summary"), *rules = json_object_get(notes, "rules");
	const char *messages = json_string_value(json_object_get(notes, "messages"));
	bool done = false;

	if (summary != NULL && rules != NULL && messages != NULL && e->blob.len >= sizeof(struct blob_header)) {
		uint8_t *blob = (uint8_t *)e->map + (e->blob.at - (const uint8_t *)e->map);

		renumber(blob, e->blob.len, job->generation);
		done = write_all(out->blob, e->blob) && write_json(out->listing, rules) &&
		       write_all(out->messages, view_of(messages, strlen(messages)));
	}
	if (done) {
		json_object_set(report, "summary", summary);
		set_bool(report, "cached", true);
		set_bool(report, "done", true);
	}
	json_decref(notes);
	return done;
}

static bool
from_cache(const struct compile_job *job, const char *key, const struct compile_files *out, json_t *report)
{
	struct cache_entry e;
	bool done;

	if (job->cache[0] == '\0' || !cache_get(job->cache, key, &e))
		return false;
	done = use_cached(job, &e, out, report);
	cache_release(&e);
	return done;
}

static void
to_cache(const struct compile_job *job, const char *key, const json_t *notes, const struct build_result *r,
	 FILE *messages)
{
	char *text = json_dumps(notes, JSON_COMPACT);
	int err = text == NULL ? -ENOMEM
			       : cache_put(job->cache, key, view_of(text, strlen(text)), view_of(r->blob, r->blob_len),
					   job->cache_entries);

	if (err < 0)
		fprintf(messages, "%s: warning: the compiled rules could not be cached: %s\n", job->cache,
			strerror(-err));
	free(text);
}

static json_t *
summary_of(const struct build_result *r)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:I, s:I}", "rules", (int)r->rules, "patterns", (int)r->patterns,
			 "errors", (int)r->errors, "warnings", (int)r->warnings, "parse_ns", (json_int_t)r->parse_ns,
			 "compile_ns", (json_int_t)r->compile_ns);
}

/* The key of the rules as they stand in the files now; the names of the files go to *files where it is not NULL. */
static void
key_now(const struct compile_job *job, char key[CACHE_KEY_LEN], json_t **files)
{
	size_t n;
	char **names = build_rule_files(job->rules, &n);

	cache_key(names, n, job->operator_name, key);
	if (files != NULL)
		*files = json_array();
	for (size_t i = 0; files != NULL && i < n; i++)
		json_array_append_new(*files, wire_text(names[i], strlen(names[i])));
	build_rule_files_free(names, n);
}

static bool
build(const struct compile_job *job, const char *key, const struct compile_files *out, json_t *report)
{
	char *text = NULL, key_after[CACHE_KEY_LEN];
	size_t len = 0;
	FILE *messages = open_memstream(&text, &len);
	struct build_options options = { .operator_name = job->operator_name,
					 .generation = job->generation,
					 .jobs = 1 };
	struct build_result r = { 0 };
	bool done = empty(out->blob) && empty(out->listing) && empty(out->messages) &&
		    build_rules(job->rules, &options, messages, &r);

	json_object_set_new(report, "summary", summary_of(&r));
	if (done) {
		fflush(messages);
		json_t *notes = json_pack("{s:O, s:o, s:o}", "summary", json_object_get(report, "summary"), "messages",
					  wire_text(text, len), "rules", listing_of(job->rules, &r));

		/* Files that changed under the compiler's hands must not be remembered under their old key. */
		key_now(job, key_after, NULL);
		if (job->cache[0] != '\0' && strcmp(key, key_after) == 0)
			to_cache(job, key, notes, &r, messages);
		done = write_all(out->blob, view_of(r.blob, r.blob_len)) &&
		       write_json(out->listing, json_object_get(notes, "rules"));
		json_decref(notes);
	}
	fclose(messages);
	done = write_all(out->messages, view_of(text, len)) && done;
	free(text);
	build_result_free(&r);
	set_bool(report, "done", done);
	return done;
}

bool
compile_run(const struct compile_job *job, const struct compile_files *out)
{
	char key[CACHE_KEY_LEN];
	json_t *files, *report = json_object();
	bool done;

	key_now(job, key, &files);
	json_object_set_new(report, "files", files);
	json_object_set_new(report, "key", json_string(key));
	tell(out->report, report);
	done = job->live_key != NULL && strcmp(job->live_key, key) == 0;
	set_bool(report, "unchanged", done);
	set_bool(report, "done", done);
	if (!done)
		done = from_cache(job, key, out, report) || build(job, key, out, report);
	done = tell(out->report, report) && done;
	json_decref(report);
	return done;
}
