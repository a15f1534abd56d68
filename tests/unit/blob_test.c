/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules_fixture.h"

#include <hs.h>

#include "guard.h"
#include "ruleset/blob.h"

static const char rules[] = "rule r1 reject rcpt domain army.ml means=army.mil class=tld\n"
			    "rule r2 flag from regex @navy\\.ml$\n"
			    "rule r3 drop any address a@b.ml\n";

static enum blob_status
open_blob(const void *blob, size_t len)
{
	struct blob_contents c;
	return blob_open(view_of(blob, len), hs_version(), &c);
}

/* A copy of the built blob that a test may damage. */
static uint8_t *
built(struct fixture *f)
{
	assert_builds(f, rules);
	uint8_t *copy = malloc(f->result.blob_len);
	memcpy(copy, f->result.blob, f->result.blob_len);
	return copy;
}

static void
a_built_blob_opens_and_says_what_was_written(void **state)
{
	struct fixture *f = *state;
	struct blob_contents c;

	assert_builds(f, rules);
	assert_int_equal(blob_open(view_of(f->result.blob, f->result.blob_len), hs_version(), &c), BLOB_OK);
	const struct rule_tables *t = &c.tables;
	assert_int_equal(t->rule_count, 3);
	assert_int_equal(t->pattern_count, 3);
	assert_int_equal(t->generation, 7);
	assert_string_equal(t->operator_name, "Example Net");
	assert_string_equal(t->strings + t->rules[0].id, "r1");
	assert_string_equal(t->strings + t->rules[0].means, "army.mil");
	assert_string_equal(t->strings + t->patterns[0].class_name, "tld");
	assert_int_equal(t->patterns[0].specificity, strlen("army.ml"));
	assert_int_equal(t->patterns[1].specificity, SPECIFICITY_REGEX);
	assert_int_equal(t->patterns[2].specificity, SPECIFICITY_ADDRESS + strlen("a@b.ml"));
	assert_true(c.domain_db.len > 0 && c.address_db.len > 0 && c.regex_db.len > 0);
}

static void
a_blob_without_rules_opens_too(void **state)
{
	struct fixture *f = *state;
	struct blob_contents c;

	assert_builds(f, "");
	assert_int_equal(blob_open(view_of(f->result.blob, f->result.blob_len), hs_version(), &c), BLOB_OK);
	assert_int_equal(c.tables.pattern_count, 0);
	assert_int_equal(c.domain_db.len, 0);
}

static void
every_truncation_is_refused_within_bounds(void **state)
{
	struct fixture *f = *state;

	assert_builds(f, rules);
	struct guard g = guard_new(f->result.blob_len);
	for (size_t len = 0; len < f->result.blob_len; len += len < sizeof(struct blob_header) + 64 ? 1 : 61) {
		/* The octet behind the blob is unmapped; its start keeps the alignment that callers give. */
		size_t room = (len + 7) / 8 * 8;
		uint8_t *at = guard_end(&g, f->result.blob, room);
		enum blob_status s = open_blob(at, len);
		if (s != BLOB_SHORT)
			fail_msg("%zu octets: %s", len, blob_status_text(s));
	}
	guard_free(&g);
}

static void
every_flipped_octet_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t *blob = built(f);

	for (size_t i = 0; i < f->result.blob_len; i += i < 1024 ? 1 : 97) {
		blob[i] ^= 0x40;
		assert_int_not_equal(open_blob(blob, f->result.blob_len), BLOB_OK);
		blob[i] ^= 0x40;
	}
	assert_int_equal(open_blob(blob, f->result.blob_len), BLOB_OK);
	free(blob);
}

static void
each_envelope_fault_has_its_own_status(void **state)
{
	struct fixture *f = *state;
	uint8_t *blob = built(f);
	struct blob_header *h = (void *)blob;
	size_t len = f->result.blob_len;
	struct blob_contents c;

	h->magic[0] = 'x';
	assert_int_equal(open_blob(blob, len), BLOB_MAGIC_WRONG);
	h->magic[0] = 'P';
	h->abi++;
	assert_int_equal(open_blob(blob, len), BLOB_ABI_WRONG);
	h->abi--;
	h->total--;
	assert_int_equal(open_blob(blob, len), BLOB_SHORT);
	h->total++;
	blob[len - 1] ^= 1;
	assert_int_equal(open_blob(blob, len), BLOB_DIGEST_WRONG);
	blob[len - 1] ^= 1;
	assert_int_equal(blob_open(view_of(blob, len), "5.3.9 2020-01-01", &c), BLOB_ENGINE_WRONG);
	free(blob);
}

/* Damages one field, mends the digest, and expects the layout to be refused. */
static void
refuse_field(uint8_t *blob, size_t len, void *field, size_t size, uint64_t value)
{
	uint8_t kept[8];

	memcpy(kept, field, size);
	memcpy(field, &value, size);
	blob_digest(view_of(blob, len), ((struct blob_header *)(void *)blob)->digest);
	assert_int_equal(open_blob(blob, len), BLOB_LAYOUT_WRONG);
	memcpy(field, kept, size);
}
#define REFUSE(field, value) refuse_field(blob, len, &(field), sizeof(field), value)

static void
sections_and_indices_out_of_range_are_refused_behind_a_right_digest(void **state)
{
	struct fixture *f = *state;
	uint8_t *blob = built(f);
	size_t len = f->result.blob_len;
	struct blob_header *h = (void *)blob;
	struct rule *r = (void *)(blob + h->rules.offset);
	struct pattern *p = (void *)(blob + h->patterns.offset);

	REFUSE(h->rules.offset, 0);
	REFUSE(h->rules.offset, h->rules.offset + 8);
	REFUSE(h->rules.len, h->rules.len - 1);
	REFUSE(h->patterns.offset, h->rules.offset);
	REFUSE(h->patterns.len, UINT64_MAX);
	REFUSE(h->strings.len, 0);
	REFUSE(h->strings.len, h->strings.len - 1);
	REFUSE(h->domain_db.offset, UINT64_MAX - 63);
	REFUSE(h->address_db.len, len);
	REFUSE(h->regex_db.len, h->regex_db.len + BLOB_ALIGN);
	REFUSE(h->operator_name, h->strings.len);
	REFUSE(r[0].id, h->strings.len);
	REFUSE(r[0].id, 0);
	REFUSE(r[0].means, UINT32_MAX);
	REFUSE(r[1].template, h->strings.len);
	REFUSE(r[1].action, ACTION_PASS);
	REFUSE(r[1].action, ACTION_COUNT);
	REFUSE(r[1].fields, 0);
	REFUSE(r[1].fields, 8);
	REFUSE(r[2].mode, MODE_COUNT);
	REFUSE(r[2].sample, 101);
	REFUSE(r[2].lang, LANG_COUNT);
	REFUSE(p[0].rule, 3);
	REFUSE(p[0].means, h->strings.len);
	REFUSE(p[1].class_name, h->strings.len);
	REFUSE(p[2].action, ACTION_COUNT);
	REFUSE(p[2].confidence, 101);
	blob_digest(view_of(blob, len), h->digest);
	assert_int_equal(open_blob(blob, len), BLOB_OK);
	free(blob);
}

static void
lookalike_tables_out_of_range_are_refused_behind_a_right_digest(void **state)
{
	struct fixture *f = *state;

	assert_builds(f, "protect army.mil\nprotect army.nl\nprotect hotmail.com\nprotect hotmai.com\n");
	size_t len = f->result.blob_len;
	uint8_t *blob = f->result.blob;
	struct blob_header *h = (void *)blob;
	struct pattern *p = (void *)(blob + h->patterns.offset);
	uint32_t *groups = (void *)(blob + h->groups.offset);
	struct suffix_slip_record *slip = (void *)(blob + h->suffix_slips.offset);
	struct confusable *look = (void *)(blob + h->confusables.offset);
	size_t last = h->patterns.len / sizeof(*p) - 1;

	assert_int_equal(open_blob(blob, len), BLOB_OK);
	assert_true(h->groups.len > 0);
	REFUSE(h->names.len, h->names.len - 1);
	REFUSE(h->index.offset, h->names.offset);
	REFUSE(h->rests.len, len);
	REFUSE(h->confusables.len, h->confusables.len + BLOB_ALIGN * 1000);
	REFUSE(h->slips, 0);
	REFUSE(h->slips, 255);
	REFUSE(p[last].base, (uint32_t)last);
	REFUSE(p[last].slip, (uint8_t)h->slips);
	REFUSE(groups[0], 0);
	REFUSE(groups[0], NAMES_GROUP_MAX + 1);
	REFUSE(groups[1], (uint32_t)last + 1);
	REFUSE(slip[0].slip, (uint8_t)h->slips);
	REFUSE(slip[0].combined, (uint8_t)(SLIP_NONE - 1));
	REFUSE(look[0].len, 4);
	blob_digest(view_of(blob, len), h->digest);
	assert_int_equal(open_blob(blob, len), BLOB_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_built_blob_opens_and_says_what_was_written),
		TEST(a_blob_without_rules_opens_too),
		TEST(every_truncation_is_refused_within_bounds),
		TEST(every_flipped_octet_is_refused),
		TEST(each_envelope_fault_has_its_own_status),
		TEST(sections_and_indices_out_of_range_are_refused_behind_a_right_digest),
		TEST(lookalike_tables_out_of_range_are_refused_behind_a_right_digest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
