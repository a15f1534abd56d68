/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules_fixture.h"

#include "match/match.h"
#include "ruleset/ruleset.h"

static struct ruleset *
load(struct fixture *f, const char *rules)
{
	char err[256] = "";

	assert_builds(f, rules);
	struct ruleset *rs = ruleset_load(view_of(f->result.blob, f->result.blob_len), 2, err, sizeof(err));
	if (rs == NULL)
		fail_msg("%s", err);
	return rs;
}

static struct verdict
judge(const struct ruleset *rs, const char *address, unsigned field)
{
	const char *at = strrchr(address, '@');
	struct subject s;
	struct verdict v;

	subject_build(view_of(address, (size_t)(at - address)), view_of(at + 1, strlen(at + 1)), &s);
	match_address(rs, 1, &s, field, &v);
	verdict_settle(&v, 0);
	return v;
}

/* Id of the rule that judges a recipient, "" where none does. */
static const char *
rule_for(const struct ruleset *rs, const char *address)
{
	struct verdict v = judge(rs, address, FIELD_RCPT);
	return v.rule != NULL ? rs->tables.strings + v.rule->id : "";
}

static void
a_domain_rule_means_the_domain_and_its_subdomains_only(void **state)
{
	struct ruleset *rs = load(*state, "rule r reject rcpt domain army.ml\n");

	assert_string_equal(rule_for(rs, "a@army.ml"), "r");
	assert_string_equal(rule_for(rs, "a@ARMY.ML."), "r");
	assert_string_equal(rule_for(rs, "a@us.army.ml"), "r");
	assert_string_equal(rule_for(rs, "a@xarmy.ml"), "");
	assert_string_equal(rule_for(rs, "a@army.ml.com"), "");
	assert_string_equal(rule_for(rs, "a@army.mlx"), "");
	assert_string_equal(rule_for(rs, "a@armyxml"), "");
	assert_string_equal(rule_for(rs, "army.ml@b.com"), "");
	assert_string_equal(rule_for(rs, "@army.ml"), "r");
	assert_string_equal(rule_for(rs, "@"), "");
	ruleset_free(rs);
}

static void
an_address_rule_means_one_address(void **state)
{
	struct ruleset *rs = load(*state, "rule r reject rcpt address Bob.X@army.ml\n");

	assert_string_equal(rule_for(rs, "bob.x@army.ml"), "r");
	assert_string_equal(rule_for(rs, "BOB.X@Army.Ml"), "r");
	assert_string_equal(rule_for(rs, "bobbx@army.ml"), "");
	assert_string_equal(rule_for(rs, "abob.x@army.ml"), "");
	assert_string_equal(rule_for(rs, "bob.x@us.army.ml"), "");
	assert_string_equal(rule_for(rs, "bob.x@army.mls"), "");
	ruleset_free(rs);
}

static void
a_regular_expression_sees_the_bare_address(void **state)
{
	struct ruleset *rs = load(*state, "rule r flag rcpt regex @([a-z0-9-]+\\.)*navy\\.ml$\n"
					  "rule two flag rcpt regex ^[^@]{2}@Air\\.ml$\n");

	assert_string_equal(rule_for(rs, "x@navy.ml"), "r");
	assert_string_equal(rule_for(rs, "x@a.b.NAVY.ml"), "r");
	assert_string_equal(rule_for(rs, "x@navy.ml.org"), "");
	assert_string_equal(rule_for(rs, "x@thenavy.ml"), "");
	assert_string_equal(rule_for(rs, "ab@air.ml"), "two");
	assert_string_equal(rule_for(rs, "a@air.ml"), "");
	assert_string_equal(rule_for(rs, "abc@air.ml"), "");
	ruleset_free(rs);
}

static void
allow_beats_everything_then_the_most_specific_rule_wins(void **state)
{
	struct ruleset *rs = load(*state, "rule wide reject rcpt domain army.ml\n"
					  "rule deep flag rcpt domain us.army.ml\n"
					  "rule one defer rcpt address bob@us.army.ml\n"
					  "rule expr drop rcpt regex army\n"
					  "allow rcpt domain ok.us.army.ml id=fine\n"
					  "allow rcpt regex ^friend@ id=friend\n");

	assert_string_equal(rule_for(rs, "a@army.ml"), "wide");
	assert_string_equal(rule_for(rs, "a@us.army.ml"), "deep");
	assert_string_equal(rule_for(rs, "bob@us.army.ml"), "one");
	assert_string_equal(rule_for(rs, "bob@ok.us.army.ml"), "fine");
	assert_string_equal(rule_for(rs, "friend@army.ml"), "friend");
	assert_string_equal(rule_for(rs, "a@army.org"), "expr");
	ruleset_free(rs);
}

static void
a_rule_looks_only_at_its_field(void **state)
{
	struct ruleset *rs = load(*state, "rule f flag from domain army.ml\nrule a flag any domain navy.ml\n");

	assert_null(judge(rs, "a@army.ml", FIELD_RCPT).rule);
	assert_non_null(judge(rs, "a@army.ml", FIELD_FROM).rule);
	assert_non_null(judge(rs, "a@navy.ml", FIELD_RCPT).rule);
	assert_non_null(judge(rs, "a@navy.ml", FIELD_FROM).rule);
	ruleset_free(rs);
}

static void
a_mode_decides_what_is_applied_and_not_what_is_meant(void **state)
{
	struct ruleset *rs = load(*state, "rule o reject rcpt domain army.ml mode=observe\n");
	struct verdict v = judge(rs, "a@army.ml", FIELD_RCPT);

	assert_int_equal(v.action, ACTION_REJECT);
	assert_int_equal(v.applied, ACTION_FLAG);
	ruleset_free(rs);
}

static void
the_written_and_the_canonical_form_of_a_name_meet(void **state)
{
	struct ruleset *rs =
		load(*state, "rule u flag rcpt domain bücher.ml\nrule a flag rcpt domain xn--grn-ioa.ml\n");

	assert_string_equal(rule_for(rs, "a@xn--bcher-kva.ml"), "u");
	assert_string_equal(rule_for(rs, "a@BÜCHER.ml"), "u");
	assert_string_equal(rule_for(rs, "a@grün.ml"), "a");
	ruleset_free(rs);
}

static void
class_and_means_come_with_the_verdict(void **state)
{
	struct ruleset *rs = load(*state, "rule r flag rcpt domain army.ml means=army.mil,Army.NL class=tld-slip\n");
	struct verdict v = judge(rs, "a@army.ml", FIELD_RCPT);

	assert_string_equal(verdict_means(&v, &rs->tables), "army.mil,army.nl");
	assert_string_equal(verdict_class(&v, &rs->tables), "tld-slip");
	ruleset_free(rs);
}

static void
the_longest_address_is_scanned(void **state)
{
	struct ruleset *rs = load(*state, "rule r flag rcpt domain army.ml\nrule a flag rcpt address a@b.ml\n");
	char address[2000];

	memset(address, 'x', sizeof(address));
	strcpy(address + 1900, "@army.ml");
	assert_string_equal(rule_for(rs, address), "r");
	ruleset_free(rs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_domain_rule_means_the_domain_and_its_subdomains_only),
		TEST(an_address_rule_means_one_address),
		TEST(a_regular_expression_sees_the_bare_address),
		TEST(allow_beats_everything_then_the_most_specific_rule_wins),
		TEST(a_rule_looks_only_at_its_field),
		TEST(a_mode_decides_what_is_applied_and_not_what_is_meant),
		TEST(the_written_and_the_canonical_form_of_a_name_meet),
		TEST(class_and_means_come_with_the_verdict),
		TEST(the_longest_address_is_scanned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
