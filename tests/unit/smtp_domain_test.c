/* SPDX-License-Identifier: BSD-3-Clause */
/* One form for each domain, the same that libidn2 finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <idn2.h>

#include "guard.h"
#include "smtp/domain.h"

static struct guard guard;

static void
check(const char *in, const char *want)
{
	uint8_t out[DOMAIN_MAX];
	size_t len = domain_canonical(view_of(guard_end(&guard, in, strlen(in)), strlen(in)), out);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(out, want, len);
}

static void
case_and_root_dot_do_not_matter(void **state)
{
	check("Army.ML", "army.ml");
	check("army.ml.", "army.ml");
	check("XN--MNCHEN-3YA.de", "xn--mnchen-3ya.de");
	check("localhost", "localhost");
}

static void
u_labels_become_a_labels(void **state)
{
	check("M\xc3\x9cNCHEN.de", "xn--mnchen-3ya.de");
	check("\xe4\xbe\x8b\xe5\xad\x90\xe3\x80\x82\xe6\xb5\x8b\xe8\xaf\x95", "xn--fsqu00a.xn--0zwm56d");
	check("\xef\xbd\x81\xef\xbd\x92my\xef\xbc\x8eml", "army.ml");
	check("ar\xc2\xadmy.ml", "army.ml");
}

static void
what_is_no_name_has_no_form(void **state)
{
	char longest[300];
	check("", "");
	check(".", "");
	check("[192.0.2.1]", "");
	check("a\xff.b", "");
	check("a.\xc3", "");
	check("\xe0\x80\x80", "");
	check("\xed\xa0\x80", "");
	memset(longest, 'a', sizeof(longest));
	longest[DOMAIN_MAX] = 0;
	check(longest, longest);
	longest[DOMAIN_MAX] = '.';
	longest[DOMAIN_MAX + 1] = 0;
	uint8_t out[DOMAIN_MAX];
	assert_int_equal(domain_canonical(view_of(longest, DOMAIN_MAX + 1), out), DOMAIN_MAX);
	longest[DOMAIN_MAX] = 'a';
	check(longest, "");
}

/* Appends code point c, below 2^16, as UTF-8. */
static size_t
utf8(char *to, unsigned c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	to[0] = (char)(0xe0 | c >> 12);
	to[1] = (char)(0x80 | (c >> 6 & 0x3f));
	to[2] = (char)(0x80 | (c & 0x3f));
	return 3;
}

/* Labels of one script each, with capitals and Latin letters among them. */
static size_t
random_name(char *to, unsigned *seed)
{
	static const struct {
		unsigned first, last;
	} scripts[] = { { 0xe0, 0xf6 },     { 0xc0, 0xd6 },     { 0x101, 0x12f },  { 0x3b1, 0x3c9 }, { 0x391, 0x3a1 },
			{ 0x430, 0x44f },   { 0x410, 0x42f },   { 0x400, 0x40f },  { 0x531, 0x556 }, { 0x5d0, 0x5ea },
			{ 0x4e00, 0x9fa5 }, { 0xac00, 0xd7a3 }, { 0x3042, 0x3093 } };
	size_t len = 0;
	for (unsigned label = 1 + (unsigned)rand_r(seed) % 3; label > 0; label--) {
		unsigned script = (unsigned)rand_r(seed) % (sizeof(scripts) / sizeof(scripts[0]));
		unsigned span = scripts[script].last - scripts[script].first + 1;
		for (unsigned n = 1 + (unsigned)rand_r(seed) % 12; n > 0; n--) {
			bool latin = rand_r(seed) % 3 == 0 && script != 9;
			len += utf8(to + len, latin ? 'a' + (unsigned)rand_r(seed) % 26
						    : scripts[script].first + (unsigned)rand_r(seed) % span);
		}
		to[len++] = '.';
	}
	memcpy(to + len, "ml", 3);
	return len + 2;
}

static void
libidn2_agrees_on_a_thousand_names(void **state)
{
	unsigned seed = 11, agreed = 0;
	for (unsigned round = 0; round < 3000; round++) {
		char name[512];
		char *want = NULL;
		random_name(name, &seed);
		if (idn2_to_ascii_8z(name, &want, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
			continue; /* a rule for registrars (RFC 5892), which mail does not ask */
		check(name, want);
		idn2_free(want);
		agreed++;
	}
	assert_true(agreed > 1000);
}

static void
a_subject_has_its_sentinels(void **state)
{
	struct subject s;
	subject_build(view_of("Bob.X", 5), view_of("Army.ML.", 8), &s);
	assert_int_equal(s.domain_len, 9);
	assert_memory_equal(s.domain, ".army.ml\n", 9);
	assert_int_equal(s.address_len, 13);
	assert_memory_equal(s.address, "bob.x@army.ml", 13);
}

static void
an_address_without_a_domain_has_an_empty_one(void **state)
{
	struct subject s;
	subject_build(view_of("Backup", 6), view_of("", 0), &s);
	assert_int_equal(s.domain_len, 0);
	assert_int_equal(s.address_len, 7);
	assert_memory_equal(s.address, "backup@", 7);
	subject_build(view_of("a", 1), view_of("[IPv6:::1]", 10), &s);
	assert_int_equal(s.domain_len, 0);
	assert_memory_equal(s.address, "a@[ipv6:::1]", s.address_len);
}

static void
a_local_part_too_long_keeps_its_end(void **state)
{
	char local[4000], domain[4000];
	struct subject s;
	memset(local, 'x', sizeof(local));
	memset(domain, '[', sizeof(domain));
	local[sizeof(local) - 1] = 'Y';
	subject_build(view_of(local, sizeof(local)), view_of("b.c", 3), &s);
	assert_int_equal(s.address_len, ADDRESS_MAX);
	assert_memory_equal(s.address + ADDRESS_MAX - 5, "y@b.c", 5);
	subject_build(view_of(local, sizeof(local)), view_of(domain, sizeof(domain)), &s);
	assert_int_equal(s.address_len, ADDRESS_MAX);
}

static void
random_octets_do_no_harm(void **state)
{
	unsigned seed = 5;
	for (int round = 0; round < 20000; round++) {
		uint8_t text[300], out[DOMAIN_MAX];
		size_t len = (size_t)rand_r(&seed) % sizeof(text);
		for (size_t i = 0; i < len; i++)
			text[i] = (uint8_t)(rand_r(&seed) % 4 ? 0x80 | (rand_r(&seed) % 0x60) : rand_r(&seed));
		assert_true(domain_canonical(view_of(guard_end(&guard, text, len), len), out) <= DOMAIN_MAX);
	}
}

/* Such a domain is not read by labels; behind one that is not ASCII, it is. */
static void
a_domain_in_ascii_has_the_form_that_its_labels_have(void **state)
{
	unsigned seed = 7;
	for (int round = 0; round < 20000; round++) {
		uint8_t text[9 + 200] = "\xc3\xbc.", alone[DOMAIN_MAX], behind[DOMAIN_MAX];
		size_t len = (size_t)rand_r(&seed) % (round % 8 ? 12 : 200);
		for (size_t i = 0; i < len; i++)
			text[3 + i] = (uint8_t)(rand_r(&seed) % 4 ? rand_r(&seed) % 128 : '.');
		if (len > 0 && text[3] == '[')
			continue;
		size_t n = domain_canonical(view_of(guard_end(&guard, text + 3, len), len), alone);
		size_t m = domain_canonical(view_of(guard_end(&guard, text, 3 + len), 3 + len), behind);
		assert_int_equal(m, n > 0 ? strlen("xn--tda.") + n : strlen("xn--tda"));
		assert_memory_equal(behind, "xn--tda.", n > 0 ? 8 : 7);
		if (n > 0)
			assert_memory_equal(behind + 8, alone, n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_and_root_dot_do_not_matter),
		cmocka_unit_test(u_labels_become_a_labels),
		cmocka_unit_test(what_is_no_name_has_no_form),
		cmocka_unit_test(libidn2_agrees_on_a_thousand_names),
		cmocka_unit_test(a_subject_has_its_sentinels),
		cmocka_unit_test(an_address_without_a_domain_has_an_empty_one),
		cmocka_unit_test(a_local_part_too_long_keeps_its_end),
		cmocka_unit_test(random_octets_do_no_harm),
		cmocka_unit_test(a_domain_in_ascii_has_the_form_that_its_labels_have),
	};
	guard = guard_new(4096);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	guard_free(&guard);
	return failed;
}
