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
		return "the rule set is damaged: its SHA-256 is not the one in its header; compile it again";
	case BLOB_LAYOUT_WRONG:
		return "the rule set is malformed: sections or indices are out of range; compile it again";
	}
	return "unknown status";
}

void
blob_digest(struct view blob, uint8_t sha256[32])
{
	crypto_hash_sha256(sha256, blob.at + DIGEST_FROM, blob.len - DIGEST_FROM);
}

/* The sections in the order in which they stand. */
static void
sections_of(const struct blob_header *h, struct blob_section section[6])
{
	section[0] = h->rules;
	section[1] = h->patterns;
	section[2] = h->strings;
	section[3] = h->domain_db;
	section[4] = h->address_db;
	section[5] = h->regex_db;
}

/* Each section is aligned, inside the blob and behind the one before. */
static bool
sections_sound(const struct blob_header *h)
{
	struct blob_section section[6];
	uint64_t end = sizeof(*h);

	sections_of(h, section);
	for (unsigned i = 0; i < 6; i++) {
		uint64_t at = section[i].offset, len = section[i].len;
		if (at % BLOB_ALIGN != 0 || at < end || at > h->total || len > h->total - at)
			return false;
		end = at + len;
	}
	return h->rules.len % sizeof(struct rule) == 0 && h->patterns.len % sizeof(struct pattern) == 0 &&
	       h->rules.len / sizeof(struct rule) <= UINT32_MAX &&
	       h->patterns.len / sizeof(struct pattern) <= UINT32_MAX && h->strings.len <= UINT32_MAX;
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
	return id_len > 0 && id_len < 64 && action_sound(r->action) && r->fields > 0 &&
	       r->fields <= (FIELD_FROM | FIELD_RCPT) && r->mode < MODE_COUNT && r->sample <= 100;
}

static bool
pattern_sound(const struct pattern *p, const struct rule_tables *t)
{
	return p->rule < t->rule_count && p->means < t->string_len && p->class_name < t->string_len &&
	       action_sound(p->action) && p->confidence <= 100;
}

static bool
tables_sound(const struct rule_tables *t)
{
	if (!strings_sound(t))
		return false;
	for (uint32_t i = 0; i < t->rule_count; i++)
		if (!rule_sound(&t->rules[i], t))
			return false;
	for (uint32_t i = 0; i < t->pattern_count; i++)
		if (!pattern_sound(&t->patterns[i], t))
			return false;
	return true;
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
	uint8_t digest[sizeof(h->sha256)];

	if (memcmp(h->magic, BLOB_MAGIC, sizeof(h->magic)) != 0)
		return BLOB_MAGIC_WRONG;
	if (h->abi != BLOB_ABI)
		return BLOB_ABI_WRONG;
	if (h->total != blob.len || blob.len > BLOB_MAX)
		return BLOB_SHORT;
	blob_digest(blob, digest);
	if (memcmp(digest, h->sha256, sizeof(digest)) != 0)
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
	if (!tables_sound(&t) || h->operator_name >= t.string_len)
		return BLOB_LAYOUT_WRONG;
	t.operator_name = t.strings + h->operator_name;
	*c = (struct blob_contents){
		.tables = t,
		.domain_db = section_view(blob, h->domain_db),
		.address_db = section_view(blob, h->address_db),
		.regex_db = section_view(blob, h->regex_db),
		.features = h->features,
	};
	return BLOB_OK;
}
