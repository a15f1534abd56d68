/* SPDX-License-Identifier: BSD-3-Clause */
/* Each class is its definition, no more and no less; and the compiled tables flag what the expander lists. */
#include "rules_fixture.h"

#include "lookalike/edits.h"
#include "lookalike/exempt.h"
#include "lookalike/expand.h"
#include "lookalike/keyboard.h"
#include "lookalike/near.h"
#include "match/match.h"
#include "match/near.h"
#include "ruleset/ruleset.h"

#define LISTS "../shared/domains/dnstwist/"

/* ---- edits against their definitions, by brute force ---- */

struct texts {
	char at[20000][16];
	size_t count;
};
static struct texts yielded;

static void
keep(void *ctx, struct view text)
{
	assert_true(text.len < 16 && yielded.count < 20000);
	memcpy(yielded.at[yielded.count], text.at, text.len);
	yielded.at[yielded.count++][text.len] = '\0';
}

static bool
was_yielded(const char *text)
{
	for (size_t i = 0; i < yielded.count; i++)
		if (strcmp(yielded.at[i], text) == 0)
			return true;
	return false;
}

/* `t` without its octet at i is `o`. */
static bool
without(const char *t, size_t i, const char *o)
{
	return strncmp(t, o, i) == 0 && strcmp(t + i + 1, o + i) == 0;
}

static bool
is_omission(const char *o, const char *t)
{
	for (size_t i = 0; strlen(o) == strlen(t) + 1 && i < strlen(o); i++)
		if (without(o, i, t))
			return true;
	return false;
}

static bool
is_first_lost(const char *o, const char *t)
{
	return strcmp(o + 1, t) == 0;
}

static bool
is_omission_rest(const char *o, const char *t)
{
	for (size_t i = 1; strlen(o) == strlen(t) + 1 && i < strlen(o); i++)
		if (without(o, i, t))
			return true;
	return false;
}

static bool
is_doubling(const char *o, const char *t)
{
	for (size_t i = 0; strlen(t) == strlen(o) + 1 && i + 1 < strlen(t); i++)
		if (t[i] == t[i + 1] && without(t, i, o))
			return true;
	return false;
}

/* Where the only difference of two texts of one length is; -1: there is none, or more than one. */
static int
single_difference(const char *o, const char *t)
{
	int at = -1;

	if (strlen(o) != strlen(t))
		return -1;
	for (int i = 0; o[i] != '\0'; i++)
		if (o[i] != t[i] && at >= 0)
			return -1;
		else if (o[i] != t[i])
			at = i;
	return at;
}

static bool
is_transposition(const char *o, const char *t)
{
	for (size_t i = 0; strlen(o) == strlen(t) && i + 1 < strlen(o); i++)
		if (o[i] != o[i + 1] && o[i] == t[i + 1] && o[i + 1] == t[i] && strncmp(o, t, i) == 0 &&
		    strcmp(o + i + 2, t + i + 2) == 0)
			return true;
	return false;
}

static bool
beside(char a, char b)
{
	uint8_t keys[NEIGHBOURS_MAX];

	return memchr(keys, b, keyboard_neighbours(LAYOUT_BIT(LAYOUT_QWERTY), (uint8_t)a, keys)) != NULL;
}

static bool
is_key_replaced(const char *o, const char *t)
{
	int at = single_difference(o, t);

	return at >= 0 && beside(o[at], t[at]);
}

static bool
is_key_added(const char *o, const char *t)
{
	for (size_t i = 0; strlen(t) == strlen(o) + 1 && i < strlen(t); i++)
		if (without(t, i, o) && ((i < strlen(o) && beside(o[i], t[i])) || (i > 0 && beside(o[i - 1], t[i]))))
			return true;
	return false;
}

static bool
is_vowel(const char *o, const char *t)
{
	int at = single_difference(o, t);

	return at >= 0 && strchr("aeiou", o[at]) != NULL && strchr("aeiou", t[at]) != NULL;
}

static bool
is_moved(const char *o, const char *t)
{
	for (size_t i = 0; strlen(o) == strlen(t) && strcmp(o, t) != 0 && i + 2 < strlen(o); i++) {
		bool rest = strncmp(o, t, i) == 0 && strcmp(o + i + 3, t + i + 3) == 0;
		bool on = t[i] == o[i + 1] && t[i + 1] == o[i + 2] && t[i + 2] == o[i];
		bool back = t[i] == o[i + 2] && t[i + 1] == o[i] && t[i + 2] == o[i + 1];
		if (rest && (on || back))
			return true;
	}
	return false;
}

static bool
letter_or_digit(char c)
{
	return c != '-';
}

static bool
is_any(const char *o, const char *t)
{
	int at = single_difference(o, t);

	if (at >= 0)
		return letter_or_digit(t[at]);
	for (size_t i = 0; strlen(t) == strlen(o) + 1 && i < strlen(t); i++)
		if (without(t, i, o) && letter_or_digit(t[i]))
			return true;
	return false;
}

static bool
is_hyphen(const char *o, const char *t)
{
	for (size_t i = 0; i < strlen(o); i++)
		if ((o[i] == '-' && without(o, i, t)) || (i > 0 && strlen(t) > i && t[i] == '-' && without(t, i, o)))
			return true;
	return false;
}

static const struct {
	const char *name;
	edit *edit;
	bool (*is)(const char *original, const char *text);
} definitions[] = {
	{ "omission", edit_omission, is_omission },
	{ "omission_rest", edit_omission_rest, is_omission_rest },
	{ "first_lost", edit_first_lost, is_first_lost },
	{ "doubling", edit_doubling, is_doubling },
	{ "transposition", edit_transposition, is_transposition },
	{ "key_replaced", edit_key_replaced, is_key_replaced },
	{ "key_added", edit_key_added, is_key_added },
	{ "vowel", edit_vowel, is_vowel },
	{ "moved", edit_moved, is_moved },
	{ "any", edit_any, is_any },
	{ "hyphen", edit_hyphen, is_hyphen },
};

/* Every text of up to `room` letters of a small alphabet: yielded if and only if it is one by definition. */
static void
compare_all(size_t d, const char *original, char *text, size_t len, size_t room)
{
	static const char alphabet[] = "aesq-";

	text[len] = '\0';
	if (len > 0 && strcmp(text, original) != 0 && was_yielded(text) != definitions[d].is(original, text))
		fail_msg("%s of \"%s\": \"%s\" is %syielded", definitions[d].name, original, text,
			 was_yielded(text) ? "" : "not ");
	for (const char *c = alphabet; len < room && *c != '\0'; c++) {
		text[len] = *c;
		compare_all(d, original, text, len + 1, room);
	}
}

static void
each_edit_yields_exactly_its_definition(void **state)
{
	static const char *const originals[] = { "as", "aseq", "aas", "sees", "qa-s", "esqa" };
	char text[16];

	for (size_t d = 0; d < sizeof(definitions) / sizeof(definitions[0]); d++)
		for (size_t i = 0; i < sizeof(originals) / sizeof(originals[0]); i++) {
			yielded.count = 0;
			definitions[d].edit(view_of(originals[i], strlen(originals[i])), LAYOUT_BIT(LAYOUT_QWERTY),
					    keep, NULL);
			compare_all(d, originals[i], text, 0, strlen(originals[i]) + 1);
		}
}

/* ---- the expander ---- */

struct expansion_test {
	struct suffixes *suffixes;
	struct view name;
	uint64_t *seen; /* fingerprints */
	size_t count, cap;
};

static void
check_lookalike(void *ctx, const struct lookalike *l)
{
	struct expansion_test *x = ctx;

	assert_true(name_possible(l->name));
	assert_false(view_equal(l->name, x->name));
	assert_true(l->policy == POLICY_OBSERVE || l->policy == POLICY_BLOCK);
	if (memchr(l->name.at, '.', l->name.len) != NULL && suffixes_public(x->suffixes, l->name))
		fail_msg("%.*s is a public suffix (%s)", (int)l->name.len, l->name.at, slip_info[l->slip].name);
}

static void
expansion_never_yields_the_name_an_impossible_one_or_a_public_suffix(void **state)
{
	static const char *const names[] = { "army.mil",       "us.army.mil",      "gd.com",
					     "barclays.co.uk", "mod.uk",           "t-online.de",
					     "ab.ck",          "xn--bcher-kva.de", "a.b.c.example.com.br" };
	struct expansion_test x = { .suffixes = suffixes_load(NULL) };
	struct protection p = { .layouts = (1u << LAYOUT_COUNT) - 1 };

	assert_non_null(x.suffixes);
	memset(p.policy, POLICY_OBSERVE, sizeof(p.policy));
	p.policy[SLIP_TWO_SLIPS] = POLICY_OFF; /* millions */
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		x.name = view_of(names[i], strlen(names[i]));
		lookalike_expand(x.suffixes, x.name, &p, NULL, EXTENT_ALL, check_lookalike, &x);
	}
	suffixes_free(x.suffixes);
}

static void
a_guard_follows_the_letters_of_the_label(void **state)
{
	struct protection p;

	protection_default(&p);
	assert_int_equal(guard_policy(&p, SLIP_OMISSION, 3, true), POLICY_OBSERVE);
	assert_int_equal(guard_policy(&p, SLIP_OMISSION, 5, true), POLICY_BLOCK);
	assert_int_equal(guard_policy(&p, SLIP_OMISSION, 1, false), POLICY_BLOCK);
	assert_int_equal(guard_policy(&p, SLIP_ANY_LETTER, 4, true), POLICY_OFF);
	assert_int_equal(guard_policy(&p, SLIP_ANY_EDGE, 6, true), POLICY_OBSERVE);
	assert_int_equal(guard_policy(&p, SLIP_ANY_EDGE, 7, true), POLICY_BLOCK);
	p.policy[SLIP_ANY_LETTER] = POLICY_BLOCK;
	assert_int_equal(guard_policy(&p, SLIP_ANY_LETTER, 2, true), POLICY_BLOCK);
}

static void
every_class_has_a_guard_of_six_columns_and_its_example_is_one(void **state)
{
	struct suffixes *s = suffixes_load(NULL);

	assert_non_null(s);
	for (unsigned i = 0; i < SLIP_COUNT; i++) {
		const struct slip_info *c = &slip_info[i];
		assert_int_equal(strlen(c->guard), 6);
		assert_int_equal(strspn(c->guard, "bo-"), 6);
		assert_int_equal(slip_of(view_of(c->name, strlen(c->name))), i);
		if (i == SLIP_IDN_TWIN || i == SLIP_SIBLING)
			continue;
		struct view of = view_of(c->of, strlen(c->of)), example = view_of(c->example, strlen(c->example));
		if (names_class(s, example, of, LAYOUT_BIT(LAYOUT_QWERTY)) == SLIP_COUNT)
			fail_msg("%s: %s is no slip of %s", c->name, c->example, c->of);
	}
	suffixes_free(s);
}

/* The documentation has a row for each class, as `postern expand --classes` prints it. */
static void
every_class_is_documented(void **state)
{
	static char text[65536], row[1024];
	FILE *readme = fopen(SOURCE_ROOT "/control/lookalike/README.md", "r");

	assert_non_null(readme);
	text[fread(text, 1, sizeof(text) - 1, readme)] = '\0';
	fclose(readme);
	for (unsigned i = 0; i < SLIP_COUNT; i++) {
		const struct slip_info *c = &slip_info[i];
		int len = snprintf(row, sizeof(row), "| %s |", c->name);
		for (const char *column = c->guard; *column != '\0'; column++)
			len += snprintf(row + len, sizeof(row) - (size_t)len, " %s |",
					*column == 'b'   ? "block"
					: *column == 'o' ? "observe"
							 : "-");
		snprintf(row + len, sizeof(row) - (size_t)len, " %s | %s for %s | %s |", c->definition, c->example,
			 c->of, c->source);
		if (strstr(text, row) == NULL)
			fail_msg("control/lookalike/README.md lacks: %s", row);
	}
}

/* ---- the compiled tables ---- */

static struct verdict
judge(const struct ruleset *rs, const char *name, size_t len)
{
	struct subject s;
	struct verdict v;

	subject_build(view_of("a", 1), view_of(name, len), &s);
	match_address(rs, 0, &s, FIELD_RCPT, &v);
	verdict_settle(&v, 0);
	return v;
}

static struct ruleset *
load(struct fixture *f, const char *text)
{
	char err[256] = "";

	assert_builds(f, text);
	struct ruleset *rs = ruleset_load(view_of(f->result.blob, f->result.blob_len), 1, err, sizeof(err));
	if (rs == NULL)
		fail_msg("%s", err);
	return rs;
}

static const char *
class_of(const struct ruleset *rs, const char *name)
{
	struct verdict v = judge(rs, name, strlen(name));

	return v.rule != NULL ? verdict_class(&v, &rs->tables) : "";
}

struct both {
	const struct ruleset *rules;
	uint64_t *seen;
	size_t count, cap;
};

static void
is_flagged(void *ctx, const struct lookalike *l)
{
	struct both *b = ctx;
	struct verdict v = judge(b->rules, (const char *)l->name.at, l->name.len);

	if (v.rule == NULL && v.exempt == NULL)
		fail_msg("%.*s is listed as %s and not flagged", (int)l->name.len, l->name.at, slip_info[l->slip].name);
	if (b->count == b->cap) {
		b->cap = b->cap * 2 + 1024;
		b->seen = realloc(b->seen, b->cap * sizeof(*b->seen));
		assert_non_null(b->seen);
	}
	b->seen[b->count++] = names_fingerprint(NAMES_DOMAIN, l->name);
}

static int
by_value(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static unsigned
chance(unsigned below)
{
	static uint64_t state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 20) % below);
}

/* One to three random edits of `original`. */
static size_t
mutate(const char *original, char *out)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
	size_t len = strlen(original);

	strcpy(out, original);
	for (unsigned n = 1 + chance(3); n > 0; n--) {
		size_t i = chance((unsigned)len);
		char c = alphabet[chance(sizeof(alphabet) - 1)];
		switch (chance(4)) {
		case 0:
			memmove(out + i, out + i + 1, len - i);
			len--;
			break;
		case 1:
			memmove(out + i + 1, out + i, len - i + 1);
			out[i] = c;
			len++;
			break;
		case 2:
			out[i] = c;
			break;
		default:
			c = out[i];
			out[i] = out[i + (i + 1 < len)];
			out[i + (i + 1 < len)] = c;
		}
	}
	return len;
}

/* Two edits and twins are not listed; sub-domains of what is listed are flagged with it. */
static bool
is_listed(const struct both *b, const struct ruleset *rs, const char *name, size_t len)
{
	struct verdict v = judge(rs, name, len);

	if (strcmp(verdict_class(&v, &rs->tables), "two-edits") == 0)
		return true;
	for (size_t i = 0; i < len; i++) {
		uint64_t f = names_fingerprint(NAMES_DOMAIN, view_of(name + i, len - i));
		if ((i == 0 || name[i - 1] == '.') && bsearch(&f, b->seen, b->count, sizeof(f), by_value) != NULL)
			return true;
	}
	return false;
}

static void
the_tables_flag_exactly_what_the_expander_lists(void **state)
{
	static const char *const names[] = { "hotmail.com", "army.mil", "nav.co.uk", "us.drill.nl" };
	struct suffixes *s = suffixes_load(NULL);
	unsigned flagged = 0;

	assert_non_null(s);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char rules[128], name[64];
		struct protection p;
		snprintf(rules, sizeof(rules), "protect %s mode=enforce\n", names[i]);
		struct ruleset *rs = load(*state, rules);
		struct both b = { .rules = rs };
		protection_default(&p);
		lookalike_expand(s, view_of(names[i], strlen(names[i])), &p, NULL, EXTENT_ALL, is_flagged, &b);
		qsort(b.seen, b.count, sizeof(*b.seen), by_value);
		for (unsigned n = 0; n < 100000; n++) {
			size_t len = mutate(names[i], name);
			struct verdict v = judge(rs, name, len);
			if (v.rule == NULL || !name_possible(view_of(name, len)))
				continue;
			flagged++;
			if (!is_listed(&b, rs, name, len))
				fail_msg("%.*s is flagged as %s and not listed", (int)len, name,
					 verdict_class(&v, &rs->tables));
		}
		free(b.seen);
		ruleset_free(rs);
	}
	assert_true(flagged > 20000);
	suffixes_free(s);
}

static void
two_edits_are_found_as_far_as_they_go(void **state)
{
	struct ruleset *rs = load(*state, "protect bookshelf.com mode=enforce classes=all:off,two-edits:observe\n");
	char name[64];
	unsigned near = 0;

	for (unsigned n = 0; n < 200000; n++) {
		size_t len = mutate("bookshelf", name);
		unsigned d = near_distance(view_of(name, len), view_of("bookshelf", 9), 2);
		strcpy(name + len, ".com");
		if (memchr(name, '.', len) != NULL || len == 0)
			continue;
		struct verdict v = judge(rs, name, len + 4);
		if (v.exempt == NULL && (v.rule != NULL) != (d <= 2))
			fail_msg("%s: distance %u, %s", name, d, v.rule != NULL ? "flagged" : "not flagged");
		near += d == 1 || d == 2;
	}
	assert_true(near > 50000);
	ruleset_free(rs);
}

static void
twins_in_other_scripts_are_found_as_a_labels_and_as_u_labels(void **state)
{
	struct ruleset *rs = load(*state, "protect paypal.com mode=enforce\nprotect army.example mode=enforce\n");

	assert_string_equal(class_of(rs, "p\xd0\xb0yp\xd0\xb0l.com"), "idn-twin"); /* Cyrillic a */
	assert_string_equal(class_of(rs, "xn--pypal-4ve.com"), "idn-twin");
	assert_string_equal(class_of(rs, "arm\xd1\x83.example"), "idn-twin");      /* Cyrillic u */
	assert_string_equal(class_of(rs, "p\xc3\xa4yp\xc3\xa4l.com"), "idn-twin"); /* marks do not count */
	assert_string_equal(class_of(rs, "xn--bcher-kva.com"), "");
	assert_string_equal(class_of(rs, "xn--99999999999999.com"), "");
	ruleset_free(rs);
}

static void
several_protected_names_may_be_meant_best_first(void **state)
{
	struct ruleset *rs =
		load(*state, "protect army.nl mode=enforce\nprotect army.mil mode=enforce\nprotect us.army.mil\n");
	struct verdict v = judge(rs, "army.ml", 7);

	assert_string_equal(verdict_means(&v, &rs->tables), "army.mil,army.nl");
	v = judge(rs, "us.army.ml", 10);
	assert_string_equal(verdict_means(&v, &rs->tables), "us.army.mil,army.mil,army.nl");
	assert_int_equal(v.action, ACTION_REJECT);
	ruleset_free(rs);
}

static void
exemptions_and_the_protected_names_themselves_are_left_alone(void **state)
{
	struct ruleset *rs =
		load(*state, "protect gmail.com mode=enforce\nprotect us.army.mil mode=enforce\n"
			     "exempt gmial.com\nprotect hotmail.com mode=enforce classes=omission:off,two-edits:off\n"
			     "rule r flag rcpt domain gmall.com\n");

	assert_string_equal(class_of(rs, "gmaill.com"), "doubling");
	assert_string_equal(class_of(rs, "gmial.com"), "");
	assert_string_equal(class_of(rs, "mx.gmial.com"), "");
	assert_string_equal(class_of(rs, "gmail.com"), "");
	assert_string_equal(class_of(rs, "mx.gmail.com"), "");
	assert_string_equal(class_of(rs, "ymail.com"), "");  /* a provider of its own */
	assert_string_equal(class_of(rs, "usarmy.mil"), ""); /* nobody else registers there */
	assert_string_equal(class_of(rs, "hotmal.com"), "");
	assert_string_equal(class_of(rs, "hotmial.com"), "transposition");
	struct verdict v = judge(rs, "gmail.com", 9);
	assert_non_null(v.exempt);
	assert_string_equal(rs->tables.strings + rs->tables.rules[v.exempt->rule].id, "protect:gmail.com");
	ruleset_free(rs);
}

static void
options_come_from_the_line_then_from_its_group(void **state)
{
	struct ruleset *rs = load(*state, "group g action=defer mode=enforce template=\"{means}?\" classes=vowel:off\n"
					  "protect paypal.com group=g\nprotect hotmail.com group=g action=flag\n"
					  "protect icloud.com\n");
	struct verdict v = judge(rs, "papyal.com", 10);

	assert_int_equal(v.action, ACTION_DEFER);
	assert_int_equal(v.applied, ACTION_DEFER);
	assert_string_equal(rs->tables.strings + v.rule->template, "{means}?");
	v = judge(rs, "hotmial.com", 11);
	assert_int_equal(v.action, ACTION_FLAG);
	v = judge(rs, "iclodu.com", 10); /* a new name is observed first */
	assert_int_equal(v.action, ACTION_REJECT);
	assert_int_equal(v.applied, ACTION_FLAG);
	ruleset_free(rs);
}

static void
mistakes_in_protect_lines_are_told(void **state)
{
	assert_refused(*state, "protect mil\n",
		       "rules.conf:1:9: error: \"mil\" is a top-level domain; expected a domain below it, or *.mil\n");
	assert_refused(*state, "protect army.mil group=none\n",
		       "rules.conf:1:24: error: group=\"none\": there is no such group; expected a name that a group "
		       "statement above defines\n");
	assert_refused(
		*state, "protect army.mil classes=bogus:off\n",
		"rules.conf:1:26: error: classes=\"bogus:off\": a class is unknown; postern expand --classes lists "
		"them\n");
	assert_refused(
		*state, "protect army.mil layouts=dvorak\n",
		"rules.conf:1:26: error: layouts=\"dvorak\": expected qwerty, qwertz or azerty, with commas between "
		"them\n");
	assert_refused(
		*state, "protect *.com\n",
		"rules.conf:1:9: error: the names below \"com\" are not known; expected *.mil, or @FILE with the "
		"names in it\n");
}

/* ---- dnstwist ---- */

struct coverage {
	uint64_t *at;
	size_t count, cap;
};

static void
cover(void *ctx, const struct lookalike *l)
{
	struct coverage *c = ctx;

	if (c->count == c->cap) {
		c->cap = c->cap * 2 + 1024;
		c->at = realloc(c->at, c->cap * sizeof(*c->at));
		assert_non_null(c->at);
	}
	c->at[c->count++] = names_fingerprint(NAMES_DOMAIN, l->name);
}

/* Pairs of replacements, and a list of suffixes: see control/lookalike/README.md for why not. */
static bool
is_left_out(const char *class_name)
{
	return strcmp(class_name, "tld-swap") == 0 || strcmp(class_name, "homoglyph") == 0 ||
	       strcmp(class_name, "cyrillic") == 0 || strcmp(class_name, "various") == 0;
}

static void
compare_list(const struct fixture *f, const struct suffixes *s, const char *protected_name)
{
	char path[8192], class_name[64], name[256];
	struct coverage c = { 0 };
	struct protection p = { .layouts = (1u << LAYOUT_COUNT) - 1 };

	snprintf(path, sizeof(path), "%s/" LISTS "%s.tsv", SOURCE_ROOT, protected_name);
	FILE *list = fopen(path, "r");
	if (list == NULL) {
		print_message("skipped: %s is not there\n", path);
		return;
	}
	memset(p.policy, POLICY_OBSERVE, sizeof(p.policy));
	p.policy[SLIP_TWO_SLIPS] = POLICY_OFF;
	lookalike_expand(s, view_of(protected_name, strlen(protected_name)), &p, NULL, EXTENT_ALL, cover, &c);
	qsort(c.at, c.count, sizeof(*c.at), by_value);
	while (fscanf(list, " %63s %255s", class_name, name) == 2) {
		uint64_t fp = names_fingerprint(NAMES_DOMAIN, view_of(name, strlen(name)));
		if (class_name[0] == '#' || is_left_out(class_name) || strstr(name, "xn--") != NULL ||
		    strcmp(name, protected_name) == 0 || !name_possible(view_of(name, strlen(name))))
			continue;
		if (bsearch(&fp, c.at, c.count, sizeof(fp), by_value) == NULL)
			fail_msg("dnstwist has %s of %s as %s, and we do not", name, protected_name, class_name);
	}
	fclose(list);
	free(c.at);
}

static void
what_dnstwist_yields_is_yielded_here_too(void **state)
{
	static const char *const names[] = { "army.mil",       "navy.mil",       "mail.mil",
					     "army.nl",        "defence.gov.au", "bundeswehr.de",
					     "barclays.co.uk", "paypal.com",     "gmail.com" };
	struct suffixes *s = suffixes_load(NULL);

	assert_non_null(s);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		compare_list(*state, s, names[i]);
	suffixes_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_edit_yields_exactly_its_definition),
		TEST(expansion_never_yields_the_name_an_impossible_one_or_a_public_suffix),
		TEST(a_guard_follows_the_letters_of_the_label),
		TEST(every_class_has_a_guard_of_six_columns_and_its_example_is_one),
		TEST(every_class_is_documented),
		TEST(the_tables_flag_exactly_what_the_expander_lists),
		TEST(two_edits_are_found_as_far_as_they_go),
		TEST(twins_in_other_scripts_are_found_as_a_labels_and_as_u_labels),
		TEST(several_protected_names_may_be_meant_best_first),
		TEST(exemptions_and_the_protected_names_themselves_are_left_alone),
		TEST(options_come_from_the_line_then_from_its_group),
		TEST(mistakes_in_protect_lines_are_told),
		TEST(what_dnstwist_yields_is_yielded_here_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
