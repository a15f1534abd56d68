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

static uint16_t
specificity_of(const struct source_pattern *p)
{
	switch ((enum pattern_kind)p->kind) {
	case KIND_ADDRESS:
		return (uint16_t)(SPECIFICITY_ADDRESS + p->len);
	case KIND_DOMAIN:
		return p->len;
	case KIND_REGEX:
	case KIND_COUNT:
		break;
	}
	return SPECIFICITY_REGEX;
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
					.sample = r->sample };
	}
}

static void
put_patterns(struct pattern *out, const struct ruleset_source *s)
{
	for (size_t i = 0; i < s->pattern_count; i++) {
		const struct source_pattern *p = &s->patterns[i];
		out[i] = (struct pattern){ .rule = p->rule,
					   .means = p->means,
					   .class_name = p->class_name,
					   .specificity = specificity_of(p),
					   .action = p->action,
					   .confidence = p->confidence };
	}
}

static void
put_database(uint8_t *blob, struct blob_section at, const struct databases *db, enum pattern_kind kind)
{
	if (at.len > 0)
		memcpy(blob + at.offset, db->kind[kind].octets, at.len);
}

uint8_t *
blob_write(struct ruleset_source *s, const struct databases *db, const char *operator_name, uint64_t generation,
	   size_t *len)
{
	struct blob_header h = {
		.abi = BLOB_ABI, .total = sizeof(h), .generation = generation, .features = db->features
	};

	memcpy(h.magic, BLOB_MAGIC, sizeof(h.magic));
	strncpy(h.engine, hs_version(), sizeof(h.engine) - 1);
	h.operator_name = source_intern(s, view_of(operator_name, strlen(operator_name)));
	h.rules = place(&h, s->rule_count * sizeof(struct rule));
	h.patterns = place(&h, s->pattern_count * sizeof(struct pattern));
	h.strings = place(&h, s->strings.len);
	h.domain_db = place(&h, db->kind[KIND_DOMAIN].len);
	h.address_db = place(&h, db->kind[KIND_ADDRESS].len);
	h.regex_db = place(&h, db->kind[KIND_REGEX].len);

	uint8_t *blob = calloc(1, h.total);
	if (blob == NULL)
		return NULL;
	put_rules((struct rule *)(void *)(blob + h.rules.offset), s);
	put_patterns((struct pattern *)(void *)(blob + h.patterns.offset), s);
	memcpy(blob + h.strings.offset, s->strings.at, s->strings.len);
	put_database(blob, h.domain_db, db, KIND_DOMAIN);
	put_database(blob, h.address_db, db, KIND_ADDRESS);
	put_database(blob, h.regex_db, db, KIND_REGEX);
	memcpy(blob, &h, sizeof(h));
	blob_digest(view_of(blob, h.total), ((struct blob_header *)(void *)blob)->sha256);
	*len = h.total;
	return blob;
}
