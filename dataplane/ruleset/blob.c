/* SPDX-License-Identifier: BSD-3-Clause */
#include <sodium.h>

#include "ruleset/blob.h"

/* The digest covers all that follows it. */
#define DIGEST_FROM offsetof(struct blob_header, abi)

const char *
blob_status_text(enum blob_status s)
{
	switch (s) {
	case BLOB_OK:
		return "the rule set is sound";
	case BLOB_SHORT:
		return "the rule set is cut off: it is shorter than its header says; compile it again";
	case BLOB_MAGIC_WRONG:
		return "not a compiled rule set: it does not begin with \"POSTERN\"; rule files are compiled by "
		       "posternd";
	case BLOB_ABI_WRONG:
		return "the rule set was made by another release of Postern; compile it again with this one";
	case BLOB_ENGINE_WRONG:
		return "the rule set was compiled by another version of the pattern engine; compile it again with this "
		       "one";
	case BLOB_DIGEST_WRONG:
		return "the rule set is damaged: its digest is not the one in its header; compile it again";
	case BLOB_LAYOUT_WRONG:
		return "the rule set is malformed: sections or indices are out of range; compile it again";
	}
	return "unknown status";
}

void
blob_digest(struct view blob, uint8_t digest[32])
{
	crypto_generichash(digest, 32, blob.at + DIGEST_FROM, blob.len - DIGEST_FROM, NULL, 0);
}

/* The sections in the order in which they stand. */
#define SECTIONS 13
static void
sections_of(const struct blob_header *h, struct blob_section section[SECTIONS])
{
	section[0] = h->rules;
	section[1] = h->patterns;
	section[2] = h->strings;
	section[3] = h->domain_db;
	section[4] = h->address_db;
	section[5] = h->regex_db;
	section[6] = h->names;
	section[7] = h->groups;
	section[8] = h->index;
	section[9] = h->index_groups;
	section[10] = h->rests;
	section[11] = h->suffix_slips;
	section[12] = h->confusables;
}

/* Whole records, fewer than an index with a spare bit can tell. */
static bool
records_sound(struct blob_section s, size_t record)
{
	return s.len % record == 0 && s.len / record < NAMES_GROUP;
}

/* Each section is aligned, inside the blob and behind the one before. */
static bool
sections_sound(const struct blob_header *h)
{
	struct blob_section section[SECTIONS];
	uint64_t end = sizeof(*h);

	sections_of(h, section);
	for (unsigned i = 0; i < SECTIONS; i++) {
		uint64_t at = section[i].offset, len = section[i].len;
		if (at % BLOB_ALIGN != 0 || at < end || at > h->total || len > h->total - at)
			return false;
		end = at + len;
	}
	return h->strings.len <= UINT32_MAX && records_sound(h->rules, sizeof(struct rule)) &&
	       records_sound(h->patterns, sizeof(struct pattern)) &&
	       records_sound(h->names, sizeof(struct names_line)) && records_sound(h->groups, sizeof(uint32_t)) &&
	       records_sound(h->index, sizeof(struct names_line)) && records_sound(h->index_groups, sizeof(uint32_t)) &&
	       records_sound(h->rests, 64 * sizeof(uint64_t)) &&
	       records_sound(h->suffix_slips, sizeof(struct suffix_slip_record)) &&
	       records_sound(h->confusables, sizeof(struct confusable));
}

/* Offset 0 is the empty string and the last octet is NUL, so every offset inside is a C string. */
static bool
strings_sound(const struct rule_tables *t)
{
	return t->string_len > 0 && t->strings[0] == '\0' && t->strings[t->string_len - 1] == '\0';
}

static bool
action_sound(unsigned action)
{
	return action > ACTION_PASS && action < ACTION_COUNT;
}

static bool
rule_sound(const struct rule *r, const struct rule_tables *t)
{
	if (r->id >= t->string_len || r->means >= t->string_len || r->template >= t->string_len)
		return false;
	size_t id_len = strnlen(t->strings + r->id, 64);
	return id_len > 0 && id_len < 64 && action_sound(r->action) && r->fields > 0 && r->fields <= FIELDS_ALL &&
	       r->mode < MODE_COUNT && r->lang < LANG_COUNT && r->sample <= 100;
}

/* An exemption has the action ACTION_PASS; a slip stands in the block of a protected name. */
static bool
pattern_sound(const struct pattern *p, const struct rule_tables *t, uint32_t slips)
{
	return p->rule < t->rule_count && p->means < t->string_len && p->class_name < t->string_len &&
	       p->action < ACTION_COUNT && p->confidence <= 100 && (p->slip == SLIP_NONE || p->slip < slips) &&
	       (p->base == 0 || (uint64_t)p->base + 2 * (uint64_t)slips < t->pattern_count) &&
	       (p->base != 0 || p->slip == SLIP_NONE);
}

static bool
tables_sound(const struct rule_tables *t, uint32_t slips)
{
	if (!strings_sound(t))
		return false;
	for (uint32_t i = 0; i < t->rule_count; i++)
		if (!rule_sound(&t->rules[i], t))
			return false;
	for (uint32_t i = 0; i < t->pattern_count; i++)
		if (!pattern_sound(&t->patterns[i], t, slips))
			return false;
	return true;
}

/* A group lies in its section and names patterns that exist. */
static bool
group_sound(const struct names *n, const struct rule_tables *t, uint32_t group)
{
	uint32_t count = group < n->group_count ? n->groups[group] : 0;

	if (count < 2 || count > NAMES_GROUP_MAX || count >= n->group_count - group)
		return false;
	for (uint32_t i = 1; i <= count; i++)
		if (n->groups[group + i] >= t->pattern_count)
			return false;
	return true;
}

/* Ids without the bit are compared with what they index at each look-up: what that is depends on the fingerprint. */
static bool
names_sound(const struct names *n, const struct rule_tables *t)
{
	for (uint32_t i = 0; i < n->count; i++)
		for (int k = 0; k < NAMES_SLOTS; k++) {
			uint32_t id = n->lines[i].id[k];
			if (id != NAMES_NONE && (id & NAMES_GROUP) && !group_sound(n, t, id & ~NAMES_GROUP))
				return false;
		}
	return true;
}

static bool
suffix_slips_sound(const struct lookalike_tables *l)
{
	for (uint32_t i = 0; i < l->suffix_slip_count; i++)
		if (l->suffix_slips[i].slip >= l->slips ||
		    (l->suffix_slips[i].combined >= l->slips && l->suffix_slips[i].combined != SLIP_NONE))
			return false;
	return true;
}

static bool
confusables_sound(const struct lookalike_tables *l)
{
	for (uint32_t i = 0; i < l->confusable_count; i++)
		if (l->confusables[i].len > sizeof(l->confusables[i].look))
			return false;
	return true;
}

static bool
lookalikes_sound(const struct lookalike_tables *l, const struct rule_tables *t)
{
	return l->slips < SLIP_NONE && names_sound(&l->names, t) && names_sound(&l->index, t) &&
	       suffix_slips_sound(l) && confusables_sound(l);
}

static struct names
names_of(struct view blob, struct blob_section lines, struct blob_section groups)
{
	return (struct names){ .lines = (const void *)(blob.at + lines.offset),
			       .groups = (const void *)(blob.at + groups.offset),
			       .count = (uint32_t)(lines.len / sizeof(struct names_line)),
			       .group_count = (uint32_t)(groups.len / sizeof(uint32_t)) };
}

static struct lookalike_tables
lookalikes_of(struct view blob, const struct blob_header *h)
{
	return (struct lookalike_tables){
		.names = names_of(blob, h->names, h->groups),
		.index = names_of(blob, h->index, h->index_groups),
		.rests = { .words = (const void *)(blob.at + h->rests.offset),
			   .count = (uint32_t)(h->rests.len / sizeof(uint64_t)) },
		.suffix_slips = (const void *)(blob.at + h->suffix_slips.offset),
		.confusables = (const void *)(blob.at + h->confusables.offset),
		.suffix_slip_count = (uint32_t)(h->suffix_slips.len / sizeof(struct suffix_slip_record)),
		.confusable_count = (uint32_t)(h->confusables.len / sizeof(struct confusable)),
		.slips = h->slips,
	};
}

static struct view
section_view(struct view blob, struct blob_section s)
{
	return view_of(blob.at + s.offset, s.len);
}

/* The envelope alone: nothing behind the header is believed yet. */
static enum blob_status
envelope_status(struct view blob, const struct blob_header *h, const char *engine)
{
	uint8_t digest[sizeof(h->digest)];

	if (memcmp(h->magic, BLOB_MAGIC, sizeof(h->magic)) != 0)
		return BLOB_MAGIC_WRONG;
	if (h->abi != BLOB_ABI)
		return BLOB_ABI_WRONG;
	if (h->total != blob.len || blob.len > BLOB_MAX)
		return BLOB_SHORT;
	blob_digest(blob, digest);
	if (memcmp(digest, h->digest, sizeof(digest)) != 0)
		return BLOB_DIGEST_WRONG;
	if (strnlen(h->engine, sizeof(h->engine)) == sizeof(h->engine) || strcmp(h->engine, engine) != 0)
		return BLOB_ENGINE_WRONG;
	return sections_sound(h) ? BLOB_OK : BLOB_LAYOUT_WRONG;
}

enum blob_status
blob_open(struct view blob, const char *engine, struct blob_contents *c)
{
	if (blob.len < sizeof(struct blob_header))
		return BLOB_SHORT;
	const struct blob_header *h = (const void *)blob.at;
	enum blob_status status = envelope_status(blob, h, engine);
	if (status != BLOB_OK)
		return status;

	struct rule_tables t = {
		.rules = (const void *)(blob.at + h->rules.offset),
		.patterns = (const void *)(blob.at + h->patterns.offset),
		.strings = (const char *)blob.at + h->strings.offset,
		.rule_count = (uint32_t)(h->rules.len / sizeof(struct rule)),
		.pattern_count = (uint32_t)(h->patterns.len / sizeof(struct pattern)),
		.string_len = (uint32_t)h->strings.len,
		.generation = h->generation,
	};
	struct lookalike_tables lookalikes = lookalikes_of(blob, h);
	if (!tables_sound(&t, h->slips) || h->operator_name >= t.string_len || !lookalikes_sound(&lookalikes, &t))
		return BLOB_LAYOUT_WRONG;
	t.operator_name = t.strings + h->operator_name;
	for (uint32_t i = 0; i < t.rule_count; i++)
		t.fields |= t.rules[i].action != ACTION_ALLOW ? t.rules[i].fields : 0;
	*c = (struct blob_contents){
		.tables = t,
		.domain_db = section_view(blob, h->domain_db),
		.address_db = section_view(blob, h->address_db),
		.regex_db = section_view(blob, h->regex_db),
		.lookalikes = lookalikes,
		.features = h->features,
	};
	return BLOB_OK;
}
