/* SPDX-License-Identifier: BSD-3-Clause */
#include <hs.h>
#include <stdlib.h>

#include "build/blob_write.h"
#include "ruleset/blob.h"

static uint64_t
aligned(uint64_t n)
{
	return (n + BLOB_ALIGN - 1) / BLOB_ALIGN * BLOB_ALIGN;
}

/* Gives a section of `len` octets its place at the end of what is placed so far. */
static struct blob_section
place(struct blob_header *h, uint64_t len)
{
	struct blob_section section = { .offset = aligned(h->total), .len = len };

	h->total = section.offset + len;
	return section;
}

static void
put_rules(struct rule *out, const struct ruleset_source *s)
{
	for (size_t i = 0; i < s->rule_count; i++) {
		const struct source_rule *r = &s->rules[i];
		out[i] = (struct rule){ .id = r->id,
					.means = r->means,
					.template = r->template,
					.action = r->action,
					.fields = r->fields,
					.mode = r->mode,
					.lang = r->lang,
					.sample = r->sample };
	}
}

static void
put(uint8_t *blob, struct blob_section at, const void *octets)
{
	if (at.len > 0)
		memcpy(blob + at.offset, octets, at.len);
}

/* Gives every section its place. */
static void
place_all(struct blob_header *h, const struct ruleset_source *s, const struct databases *db,
	  const struct lookalikes_built *l)
{
	h->rules = place(h, s->rule_count * sizeof(struct rule));
	h->patterns = place(h, l->pattern_count * sizeof(struct pattern));
	h->strings = place(h, s->strings.len);
	h->domain_db = place(h, db->kind[KIND_DOMAIN].len);
	h->address_db = place(h, db->kind[KIND_ADDRESS].len);
	h->regex_db = place(h, db->kind[KIND_REGEX].len);
	h->names = place(h, l->names.line_count * sizeof(struct names_line));
	h->groups = place(h, l->names.group_count * sizeof(uint32_t));
	h->index = place(h, l->index.line_count * sizeof(struct names_line));
	h->index_groups = place(h, l->index.group_count * sizeof(uint32_t));
	h->rests = place(h, l->rest_words * sizeof(uint64_t));
	h->suffix_slips = place(h, l->suffix_slip_count * sizeof(struct suffix_slip_record));
	h->confusables = place(h, l->confusable_count * sizeof(struct confusable));
}

uint8_t *
blob_write(struct ruleset_source *s, const struct databases *db, const struct lookalikes_built *l,
	   const char *operator_name, uint64_t generation, size_t *len)
{
	struct blob_header h = { .abi = BLOB_ABI,
				 .total = sizeof(h),
				 .generation = generation,
				 .features = db->features,
				 .slips = SLIP_COUNT };

	memcpy(h.magic, BLOB_MAGIC, sizeof(h.magic));
	strncpy(h.engine, hs_version(), sizeof(h.engine) - 1);
	h.operator_name = source_intern(s, view_of(operator_name, strlen(operator_name)));
	place_all(&h, s, db, l);

	uint8_t *blob = calloc(1, h.total);
	if (blob == NULL)
		return NULL;
	put_rules((struct rule *)(void *)(blob + h.rules.offset), s);
	put(blob, h.patterns, l->patterns);
	put(blob, h.strings, s->strings.at);
	put(blob, h.domain_db, db->kind[KIND_DOMAIN].octets);
	put(blob, h.address_db, db->kind[KIND_ADDRESS].octets);
	put(blob, h.regex_db, db->kind[KIND_REGEX].octets);
	put(blob, h.names, l->names.lines);
	put(blob, h.groups, l->names.groups);
	put(blob, h.index, l->index.lines);
	put(blob, h.index_groups, l->index.groups);
	put(blob, h.rests, l->rests);
	put(blob, h.suffix_slips, l->suffix_slips);
	put(blob, h.confusables, l->confusables);
	memcpy(blob, &h, sizeof(h));
	blob_digest(view_of(blob, h.total), ((struct blob_header *)(void *)blob)->digest);
	*len = h.total;
	return blob;
}
