/* SPDX-License-Identifier: BSD-3-Clause */
#include "command/hits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "match/names.h"

static const char *
text_of(const json_t *event, const char *key)
{
	const char *text = json_string_value(json_object_get(event, key));

	return text != NULL ? text : "";
}

static void *
need(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

static uint64_t
fingerprint(const char *text)
{
	return names_fingerprint(NAMES_DOMAIN, view_of(text, strlen(text)));
}

static size_t
hash_of(const char *rule, const char *class_name, const char *domain)
{
	return fingerprint(rule) * 31 + fingerprint(class_name) * 7 + fingerprint(domain);
}

static bool
is_entry(const struct hits_entry *e, const char *rule, const char *class_name, const char *domain)
{
	return strcmp(e->domain, domain) == 0 && strcmp(e->rule, rule) == 0 && strcmp(e->class_name, class_name) == 0;
}

/* The entry, a new one where there is room; NULL: there is none. */
static struct hits_entry *
entry_of(struct hits *h, const char *rule, const char *class_name, const char *domain)
{
	if (h->slots == NULL) {
		h->slot_count = 2 * HITS_ENTRIES_MAX;
		h->slots = need(calloc(h->slot_count, sizeof(*h->slots)));
	}
	size_t slot = hash_of(rule, class_name, domain) % h->slot_count;
	for (; h->slots[slot] != 0; slot = (slot + 1) % h->slot_count)
		if (is_entry(&h->at[h->slots[slot] - 1], rule, class_name, domain))
			return &h->at[h->slots[slot] - 1];
	if (h->count == HITS_ENTRIES_MAX)
		return NULL;
	if (h->count == h->cap) {
		h->cap = h->cap == 0 ? 64 : h->cap * 2;
		h->at = need(reallocarray(h->at, h->cap, sizeof(*h->at)));
	}
	struct hits_entry *e = &h->at[h->count++];
	*e = (struct hits_entry){ .rule = need(strdup(rule)),
				  .class_name = need(strdup(class_name)),
				  .domain = need(strdup(domain)) };
	h->slots[slot] = (uint32_t)h->count;
	return e;
}

static void
add_person(struct hits *h, struct hits_entry *e, const char *address)
{
	uint64_t person = fingerprint(address);

	for (unsigned i = 0; i < e->people_count; i++)
		if (e->people[i] == person)
			return;
	if (e->people_count == HITS_PEOPLE_MAX || h->people == HITS_MEMORY_MAX) {
		e->more = true;
		return;
	}
	if (e->people_count == e->people_cap) {
		e->people_cap = e->people_cap == 0 ? 4 : e->people_cap * 2;
		e->people = need(reallocarray(e->people, e->people_cap, sizeof(*e->people)));
	}
	e->people[e->people_count++] = person;
	h->people++;
}

static void
take_event(struct hits *h, const json_t *event)
{
	const char *rule = text_of(event, "rule"), *class_name = text_of(event, "class");
	const char *means = text_of(event, "means"), *domain = text_of(event, "domain");

	if (h->by == HITS_BY_CLASS ? rule[0] == '\0' : class_name[0] == '\0' || means[0] == '\0' || domain[0] == '\0')
		return;
	struct hits_entry *e = entry_of(h, rule, class_name, h->by == HITS_BY_CLASS ? "" : domain);
	if (e == NULL) {
		h->left_out++;
		return;
	}
	e->hits++;
	e->observed = e->observed ||
		      (strcmp(text_of(event, "action"), "flag") != 0 && strcmp(text_of(event, "verdict"), "flag") == 0);
	if (e->means == NULL)
		e->means = need(strdup(means));
	if (strcmp(text_of(event, "event"), "banner") != 0) /* a server's name: nobody's address */
		add_person(h, e, text_of(event, "address"));
}

static bool
read_lines(struct hits *h, FILE *in)
{
	char *line = NULL;
	size_t cap = 0;

	for (ssize_t len; (len = getline(&line, &cap, in)) > 0;) {
		json_t *event = json_loadb(line, (size_t)len, 0, NULL);
		if (event != NULL)
			take_event(h, event);
		json_decref(event);
	}
	free(line);
	return !ferror(in);
}

/* To the end of a file that is too large to be read; the line that is cut there is no JSON, and is not counted. */
static void
skip_to_tail(struct hits *h, FILE *in)
{
	struct stat st;

	if (fstat(fileno(in), &st) == 0 && S_ISREG(st.st_mode) && st.st_size > (off_t)HITS_TAIL)
		h->tail = fseeko(in, -(off_t)HITS_TAIL, SEEK_END) == 0 || h->tail;
}

bool
hits_read(struct hits *h, const char *path, bool bounded)
{
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");

	if (in == NULL)
		return false;
	if (bounded)
		skip_to_tail(h, in);
	bool good = read_lines(h, in);
	int why = errno;
	if (in != stdin)
		fclose(in);
	errno = why;
	return good;
}

static int
by_rule_then_people(const void *left, const void *right)
{
	const struct hits_entry *a = left, *b = right;
	int c = strcmp(a->rule, b->rule);

	if (c == 0 && a->people_count != b->people_count)
		c = a->people_count > b->people_count ? -1 : 1;
	if (c == 0)
		c = strcmp(a->class_name, b->class_name);
	return c != 0 ? c : strcmp(a->domain, b->domain);
}

void
hits_sort(struct hits *h)
{
	if (h->count > 0)
		qsort(h->at, h->count, sizeof(*h->at), by_rule_then_people);
}

void
hits_free(struct hits *h)
{
	for (size_t i = 0; i < h->count; i++) {
		free(h->at[i].domain);
		free(h->at[i].rule);
		free(h->at[i].class_name);
		free(h->at[i].means);
		free(h->at[i].people);
	}
	free(h->at);
	free(h->slots);
}

json_t *
hits_json(const struct hits *h, size_t limit)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < h->count && i < limit; i++) {
		const struct hits_entry *e = &h->at[i];
		json_array_append_new(rows, json_pack("{s:s, s:s, s:I, s:i, s:b, s:s}", "rule", e->rule, "class",
						      e->class_name, "hits", (json_int_t)e->hits, "recipients",
						      (int)e->people_count, "or_more", e->more, "means", e->means));
	}
	return json_pack("{s:b, s:o, s:I, s:I, s:b}", "ok", 1, "hits", rows, "entries", (json_int_t)h->count,
			 "left_out", (json_int_t)h->left_out, "tail", h->tail);
}
