/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths as servers take them, not only as the RFC has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guard.h"
#include "smtp/path.h"

static struct guard guard;

/* address | local | domain | parameters */
static void
check(const char *arg, const char *want)
{
	struct smtp_path p;
	char got[1024];
	assert_true(smtp_path_parse(view_of(guard_end(&guard, arg, strlen(arg)), strlen(arg)), &p));
	snprintf(got, sizeof(got), "%.*s|%.*s|%.*s|%.*s", (int)p.address.len, (const char *)p.address.at,
		 (int)p.local.len, (const char *)p.local.at, (int)p.domain.len, (const char *)p.domain.at,
		 (int)p.params.len, (const char *)p.params.at);
	assert_string_equal(got, want);
}

static void
an_address_in_brackets_is_taken_out(void **state)
{
	check("<a@b.c>", "a@b.c|a|b.c|");
	check("  < a@b.c >  ", "a@b.c|a|b.c|");
	check("<<a@b.c>>", "a@b.c|a|b.c|");
	check("<A.b+c=d@B.C.>", "A.b+c=d@B.C.|A.b+c=d|B.C.|");
	check("<a@b.c> SIZE=100 BODY=8BITMIME", "a@b.c|a|b.c|SIZE=100 BODY=8BITMIME");
	check("<a@b.c>SIZE=100", "a@b.c|a|b.c|SIZE=100");
	check("<a@b.c", "a@b.c|a|b.c|");
}

static void
the_null_path_is_empty(void **state)
{
	check("<>", "|||");
	check(" < > SIZE=1", "|||SIZE=1");
}

static void
brackets_may_be_missing(void **state)
{
	check("a@b.c", "a@b.c|a|b.c|");
	check(" a@b.c SIZE=9", "a@b.c|a|b.c|SIZE=9");
	check("backup", "backup|backup||");
	check("John Doe <a@b.c>", "a@b.c|a|b.c|");
	check("\"Doe, <J>\" <a@b.c>", "a@b.c|a|b.c|");
}

static void
addresses_in_parameters_are_left_aside(void **state)
{
	check("<a@b.c> ORCPT=rfc822;x@y.z", "a@b.c|a|b.c|ORCPT=rfc822;x@y.z");
	check("a@b.c ORCPT=rfc822;<x@y.z>", "a@b.c|a|b.c|ORCPT=rfc822;<x@y.z>");
}

static void
quoted_local_parts_may_hold_anything(void **state)
{
	check("<\"a>b@c d\"@e.f>", "\"a>b@c d\"@e.f|\"a>b@c d\"|e.f|");
	check("<\"a\\\"b@c\"@e.f>", "\"a\\\"b@c\"@e.f|\"a\\\"b@c\"|e.f|");
	check("<\"a\\\">b@c\"@e.f>", "\"a\\\">b@c\"@e.f|\"a\\\">b@c\"|e.f|");
	check("\"a b\"@e.f X=1", "\"a b\"@e.f|\"a b\"|e.f|X=1");
	/* a quote that never closes hides nothing */
	check("<\"a@b.c>", "\"a@b.c|\"a|b.c|");
}

static void
source_routes_are_left_aside(void **state)
{
	check("<@one,@two:user@three>", "user@three|user|three|");
	check("<@one:>", "|||");
}

static void
the_last_at_sign_divides(void **state)
{
	check("<a@b@c.d>", "a@b@c.d|a@b|c.d|");
	check("<a%b.c@d.e>", "a%b.c@d.e|a%b.c|d.e|");
	check("<b.c!a@d.e>", "b.c!a@d.e|b.c!a|d.e|");
	check("<SRS0=HH=TT=army.ml=bob@d.e>", "SRS0=HH=TT=army.ml=bob@d.e|SRS0=HH=TT=army.ml=bob|d.e|");
	check("<prvs=1234=bob@d.e>", "prvs=1234=bob@d.e|prvs=1234=bob|d.e|");
	check("<list-bob=army.ml@d.e>", "list-bob=army.ml@d.e|list-bob=army.ml|d.e|");
}

static void
without_one_percent_and_bang_route(void **state)
{
	check("<a%b.c>", "a%b.c|a|b.c|");
	check("<a%b%c.d>", "a%b%c.d|a%b|c.d|");
	check("<b.c!d!a>", "b.c!d!a|d!a|b.c|");
}

static void
address_literals_are_domains(void **state)
{
	check("<a@[192.0.2.1]>", "a@[192.0.2.1]|a|[192.0.2.1]|");
	check("<a@[IPv6:::1]>", "a@[IPv6:::1]|a|[IPv6:::1]|");
}

static void
nothing_is_no_path(void **state)
{
	struct smtp_path p;
	assert_false(smtp_path_parse(view_of("", 0), &p));
	assert_false(smtp_path_parse(view_of(" \t ", 3), &p));
}

static void
octets_of_all_kinds_are_data(void **state)
{
	static const uint8_t octets[] = "<a\0b@c\xff.d\r>";
	struct smtp_path p;
	assert_true(smtp_path_parse(view_of(octets, sizeof(octets) - 1), &p));
	assert_int_equal(p.local.len, 3);
	assert_int_equal(p.domain.len, 4);
}

static bool
is_doubtful(const char *arg)
{
	struct smtp_path p;
	assert_true(smtp_path_parse(view_of(arg, strlen(arg)), &p));
	return p.doubtful;
}

static void
a_domain_that_servers_clean_in_their_own_ways_is_doubtful(void **state)
{
	/* Each was taken as army.ml by Postfix 3.7, some by Exim 4.96. */
	static const char *const odd[] = {
		"<a@(c)army.ml>", "<a@army.ml(c)>", "<a@\"army.ml\">", "<a@army .ml>",
		"<a@army.m\\l>",  "<a@army.ml;>",   "<a@army.ml,>",    "<group:a@army.ml;>"
	};
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		assert_true(is_doubtful(odd[i]));
	assert_false(is_doubtful("<a@army_x-1.ml.>"));
	assert_false(is_doubtful("<a@b\xc3\xbc.de>"));
	assert_false(is_doubtful("<a@[IPv6:2001:db8::1]>"));
	assert_false(is_doubtful("<postmaster>"));
	assert_false(is_doubtful("<>"));
	assert_false(is_doubtful("<\"a <b>@c (d);\"@army.ml> ORCPT=rfc822;a@b;c"));
}

static void
an_address_that_may_stand_behind_another_word_is_doubtful(void **state)
{
	assert_true(is_doubtful("FOO=bar <a@army.ml>"));
	assert_true(is_doubtful("a=b<c@army.ml>"));
	assert_true(is_doubtful("a@army.ml>"));
	assert_true(is_doubtful("word a@army.ml"));
	assert_false(is_doubtful("a@army.ml ORCPT=rfc822;x@y"));
}

static void
all_white_space_that_a_server_takes_is_blank(void **state)
{
	check("\v<a@b.c>\f SIZE=1", "a@b.c|a|b.c|SIZE=1");
	check("\r<a@b.c>", "a@b.c|a|b.c|");
}

static void
random_arguments_stay_inside(void **state)
{
	static const char alphabet[] = "<>@:,\"\\ \t%!=ab.[]";
	unsigned seed = 3;
	for (int round = 0; round < 50000; round++) {
		char text[24];
		size_t len = (size_t)rand_r(&seed) % sizeof(text);
		for (size_t i = 0; i < len; i++)
			text[i] = alphabet[(size_t)rand_r(&seed) % sizeof(alphabet)];
		const uint8_t *at = guard_end(&guard, text, len);
		struct smtp_path p;
		if (!smtp_path_parse(view_of(at, len), &p))
			continue;
		assert_true(p.address.at >= at && p.address.at + p.address.len <= at + len);
		assert_true(p.domain.at >= p.address.at && p.domain.at + p.domain.len <= p.address.at + p.address.len);
		assert_true(p.local.at >= p.address.at && p.local.at + p.local.len <= p.address.at + p.address.len);
	}
}

static struct view
without_quotes(struct view v)
{
	return v.len >= 2 && memcmp(v.at, "\"\"", 2) == 0 ? view_of(v.at + 2, v.len - 2) : v;
}

/* Where there are quotes, each octet is looked at; where there are none, none but those sought. */
static void
empty_quotes_divide_nothing(void **state)
{
	static const char alphabet[] = "<>@@:, \t\v%!=ab.[]";
	unsigned seed = 9;
	for (int round = 0; round < 50000; round++) {
		char text[40] = "<\"\"a", bare[40] = "<a";
		size_t len = (size_t)rand_r(&seed) % 16;
		for (size_t i = 0; i < len; i++)
			text[4 + i] = alphabet[(size_t)rand_r(&seed) % (sizeof(alphabet) - 1)];
		memcpy(bare + 2, text + 4, len);
		strcat(text, "> \"\"");
		strcat(bare, ">");
		struct smtp_path p, q;
		assert_true(smtp_path_parse(view_of(guard_end(&guard, bare, strlen(bare)), strlen(bare)), &p));
		assert_true(smtp_path_parse(view_of(text, strlen(text)), &q));
		assert_true(view_equal(p.address, without_quotes(q.address)));
		assert_true(view_equal(p.local, without_quotes(q.local)));
		assert_true(view_equal(p.domain, without_quotes(q.domain)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_in_brackets_is_taken_out),
		cmocka_unit_test(the_null_path_is_empty),
		cmocka_unit_test(brackets_may_be_missing),
		cmocka_unit_test(addresses_in_parameters_are_left_aside),
		cmocka_unit_test(quoted_local_parts_may_hold_anything),
		cmocka_unit_test(source_routes_are_left_aside),
		cmocka_unit_test(the_last_at_sign_divides),
		cmocka_unit_test(without_one_percent_and_bang_route),
		cmocka_unit_test(address_literals_are_domains),
		cmocka_unit_test(nothing_is_no_path),
		cmocka_unit_test(octets_of_all_kinds_are_data),
		cmocka_unit_test(a_domain_that_servers_clean_in_their_own_ways_is_doubtful),
		cmocka_unit_test(an_address_that_may_stand_behind_another_word_is_doubtful),
		cmocka_unit_test(all_white_space_that_a_server_takes_is_blank),
		cmocka_unit_test(random_arguments_stay_inside),
		cmocka_unit_test(empty_quotes_divide_nothing),
	};
	guard = guard_new(4096);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	guard_free(&guard);
	return failed;
}
