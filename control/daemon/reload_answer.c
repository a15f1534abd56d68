/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon/reload_answer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/log.h"
#include "protocol.h"
#include "socket/wire.h"

/* An octet may take six in JSON (\u0001): so much always fits into a datagram with what stands around it. */
#define ANSWER_MESSAGES_MAX ((PROTOCOL_DATAGRAM_MAX - 4096) / 6)
#define LOG_MESSAGES_MAX    ANSWER_MESSAGES_MAX

void
reload_drop(struct reload_set *s)
{
	if (s->blob >= 0)
		close(s->blob);
	if (s->listing >= 0)
		close(s->listing);
	json_decref(s->summary);
	*s = (struct reload_set){ .blob = -1, .listing = -1 };
}

void
reload_keep(struct reload *r)
{
	reload_drop(&r->good);
	r->good = r->next;
	r->next = (struct reload_set){ .blob = -1, .listing = -1 };
}

void
reload_take(struct reload *r, struct compile_outcome *o)
{
	const char *key = json_string_value(json_object_get(o->report, "key"));
	const char *cache = r->settings->control.cache;
	int err;

	r->next.blob = o->blob;
	r->next.blob_len = o->blob_len;
	r->next.listing = o->listing;
	r->next.generation = ++r->generation;
	r->next.summary = json_incref(json_object_get(o->report, "summary"));
	r->next.cached = json_is_true(json_object_get(o->report, "cached"));
	if (key != NULL && strlen(key) < CACHE_KEY_LEN)
		strcpy(r->next.key, key);
	free(r->messages);
	r->messages = strdup(o->messages);
	err = cache[0] != '\0' ? cache_generation_keep(cache, r->generation) : 0;
	if (err < 0)
		log_line("warning: generation %llu could not be kept in %s: %s", (unsigned long long)r->generation,
			 cache, strerror(-err));
}

void
reload_learn_files(struct reload *r, const json_t *report)
{
	json_t *files = json_object_get(report, "files");

	if (files == NULL)
		return;
	json_decref(r->files);
	r->files = json_incref(files);
	r->files_known(r->ctx, files);
}

/* `text` up to the last whole line within `max` octets, and a word about what is left out. Returns owned. */
static json_t *
cut(const char *text, size_t max)
{
	size_t len = strlen(text), keep = len;

	if (len <= max)
		return wire_text(text, len);
	keep = max;
	while (keep > 0 && text[keep - 1] != '\n')
		keep--;
	json_t *head = wire_text(text, keep > 0 ? keep : max);
	json_t *whole = json_sprintf("%s(and more; `postern check` prints all)\n", json_string_value(head));
	json_decref(head);
	return whole;
}

static void
remember(struct reload *r, const char *error)
{
	free(r->last_error);
	r->last_error = error != NULL ? strdup(error) : NULL;
}

static void
log_messages(const char *messages)
{
	json_t *some = cut(messages, LOG_MESSAGES_MAX);
	char *text = strdup(json_string_value(some)), *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		log_line("%s", line);
	free(text);
	json_decref(some);
}

static json_int_t
summary_number(const struct reload *r, const char *name)
{
	return json_integer_value(json_object_get(r->good.summary, name));
}

/* What holds for the rule set in r->good, with `rest` added, which is taken. */
static json_t *
answer_good(const struct reload *r, json_t *rest)
{
	json_t *o = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:b}", "ok", 1, "generation",
			      (json_int_t)r->good.generation, "rules", summary_number(r, "rules"), "patterns",
			      summary_number(r, "patterns"), "warnings", summary_number(r, "warnings"), "compile_ns",
			      r->good.cached ? 0 : summary_number(r, "compile_ns"), "prepared_ns",
			      (json_int_t)r->prepared_ns, "cached", r->good.cached, "messages",
			      cut(r->messages != NULL ? r->messages : "", ANSWER_MESSAGES_MAX), "end", 1);

	json_object_update(o, rest);
	json_decref(rest);
	return o;
}

json_t *
answer_live(struct reload *r, const struct handover_answer *a)
{
	remember(r, NULL);
	log_messages(r->messages);
	log_line(
		"generation %llu live: %lld rules, %lld patterns, %s in %.0f ms, swapped in %.3f ms, %llu packets lost",
		(unsigned long long)r->good.generation, (long long)summary_number(r, "rules"),
		(long long)summary_number(r, "patterns"), r->good.cached ? "from the cache" : "compiled",
		(double)r->prepared_ns / 1e6, (double)a->swap_ns / 1e6, (unsigned long long)a->packets_lost);
	return answer_good(r, json_pack("{s:I, s:I, s:I}", "swap_ns", (json_int_t)a->swap_ns, "quiesce_ns",
					(json_int_t)a->quiesce_ns, "packets_lost", (json_int_t)a->packets_lost));
}

json_t *
answer_unchanged(struct reload *r)
{
	if (r->last_error != NULL)
		log_line("the rules are again those of generation %llu", (unsigned long long)r->good.generation);
	remember(r, NULL);
	return answer_good(r, json_pack("{s:b}", "unchanged", 1));
}

json_t *
answer_waiting(struct reload *r, const char *error)
{
	json_t *text = json_sprintf("generation %llu is compiled, but %s; it is handed over when the dataplane appears",
				    (unsigned long long)r->good.generation, error);

	remember(r, json_string_value(text));
	log_messages(r->messages);
	log_line("%s", json_string_value(text));
	return answer_good(r, json_pack("{s:b, s:o, s:I}", "ok", 0, "error", text, "generation", (json_int_t)r->live));
}

json_t *
answer_failed(struct reload *r, const char *error, const char *messages)
{
	json_t *text = wire_text(error, strlen(error));
	json_t *first = wire_text(messages != NULL ? messages : "", messages != NULL ? strcspn(messages, "\n") : 0);
	json_t *both = json_sprintf("%s%s%s", json_string_value(text), json_string_length(first) > 0 ? ": " : "",
				    json_string_value(first));

	/* A log that lies beside the rules is a change there, too: what nobody asked for is said once. */
	if (r->asked || r->last_error == NULL || strcmp(r->last_error, json_string_value(both)) != 0) {
		log_messages(messages != NULL ? messages : "");
		log_line("reload failed: %s; generation %llu keeps judging", json_string_value(text),
			 (unsigned long long)r->live);
	}
	remember(r, json_string_value(both));
	json_decref(first);
	json_decref(both);
	return json_pack("{s:b, s:o, s:o, s:I, s:b}", "ok", 0, "error", text, "messages",
			 cut(messages != NULL ? messages : "", ANSWER_MESSAGES_MAX), "generation", (json_int_t)r->live,
			 "end", 1);
}
