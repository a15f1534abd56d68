/* SPDX-License-Identifier: BSD-3-Clause */
/* Events, counted: how often each rule and class was hit, and how many different recipients that concerned. */
#ifndef POSTERN_CONTROL_HITS_H
#define POSTERN_CONTROL_HITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/* People of one entry that are told apart, entries, and people of all entries together. */
#define HITS_PEOPLE_MAX  1024
#define HITS_ENTRIES_MAX 65536
#define HITS_MEMORY_MAX  (4u << 20)
/* Octets at the end of a file that are read where it is larger: a few seconds. */
#define HITS_TAIL (256u << 20)

struct hits_entry {
	char *rule, *class_name, *domain, *means; /* owned; "" where events say nothing, or are not told apart by it */
	unsigned long hits;
	uint64_t *people; /* fingerprints of addresses */
	unsigned people_count, people_cap;
	bool more;     /* there were further people */
	bool observed; /* the rule would have done more than flag */
};

/* What events are counted by. */
enum hits_by {
	HITS_BY_CLASS, /* rule and class; every event of a rule */
	HITS_BY_NAME   /* rule, class and domain; events of lookalikes only */
};

struct hits {
	enum hits_by by;
	struct hits_entry *at;
	size_t count, cap;
	uint32_t *slots; /* hash table of indexes into `at`, plus 1 */
	size_t slot_count;
	size_t people;          /* of all entries */
	unsigned long left_out; /* events for which there was no entry left */
	bool tail;              /* of a file only the end was read */
};

/* Counts the events of `path`, JSON a line; "-" is standard input. Only the last HITS_TAIL octets of a file where
 * `bounded`. False: it cannot be read, errno says why. hits_free() takes *h in any case; it starts zeroed but for `by`.
 */
bool hits_read(struct hits *h, const char *path, bool bounded);
/* By rule, then the most people first. Nothing can be counted afterwards. */
void hits_sort(struct hits *h);
void hits_free(struct hits *h);

/* {"hits":[{"rule", "class", "hits", "recipients", "or_more", "means"}...], "entries", "left_out",
 * "tail"} of entries by class, at most
 * `limit` of them. Owned by the caller. */
json_t *hits_json(const struct hits *h, size_t limit);

#endif
