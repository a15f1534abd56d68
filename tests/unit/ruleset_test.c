/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules_fixture.h"

#include "ruleset/blob.h"
#include "ruleset/ruleset.h"

static void
a_rule_set_loads_with_a_scratch_for_each_worker(void **state)
{
	struct fixture *f = *state;
	char err[256] = "";

	assert_builds(f, "rule r1 reject rcpt domain army.ml\nrule r2 flag rcpt regex ^a@\n");
	struct ruleset *rs = ruleset_load(view_of(f->result.blob, f->result.blob_len), 3, err, sizeof(err));
	assert_string_equal(err, "");
	assert_non_null(rs);
	assert_non_null(rs->domain_db);
	assert_null(rs->address_db);
	assert_non_null(rs->regex_db);
	for (unsigned w = 0; w < 3; w++)
		assert_non_null(rs->scratch[w]);
	assert_ptr_not_equal(rs->scratch[1], rs->scratch[2]);
	ruleset_free(rs);
}

static void
an_empty_rule_set_loads(void **state)
{
	struct fixture *f = *state;
	char err[256] = "";

	assert_builds(f, "# nothing\n");
	struct ruleset *rs = ruleset_load(view_of(f->result.blob, f->result.blob_len), 2, err, sizeof(err));
	assert_non_null(rs);
	ruleset_free(rs);
	ruleset_free(NULL);
}

static void
assert_load_fails(struct view blob, const char *words)
{
	char err[256] = "";

	assert_null(ruleset_load(blob, 1, err, sizeof(err)));
	if (strstr(err, words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", err, words);
}

static void
what_does_not_load_says_why(void **state)
{
	struct fixture *f = *state;

	assert_builds(f, "rule r1 reject rcpt domain army.ml\n");
	struct blob_header *h = (void *)f->result.blob;
	struct view blob = view_of(f->result.blob, f->result.blob_len);

	assert_load_fails(view_of(NULL, 0), "cut off");
	assert_load_fails(view_of(blob.at, blob.len - 1), "cut off");
	h->features ^= 1 << 2;
	blob_digest(blob, h->digest);
	assert_load_fails(blob, "compile it on this machine");
	h->features ^= 1 << 2;
	memset(f->result.blob + h->domain_db.offset, 0, 8);
	blob_digest(blob, h->digest);
	assert_load_fails(blob, "the domain database does not load");
	h->engine[0] = '9';
	blob_digest(blob, h->digest);
	assert_load_fails(blob, "another version of the pattern engine");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_rule_set_loads_with_a_scratch_for_each_worker),
		TEST(an_empty_rule_set_loads),
		TEST(what_does_not_load_says_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
