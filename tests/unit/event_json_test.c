/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/event.h"

static const struct event_key key = { { 1, 2, 3 } };

static struct event
flagged(const char *address, const char *domain)
{
	struct event e = { .time_ns = 1700000000123456789,
			   .generation = 7,
			   .transaction = 2,
			   .ip_version = 4,
			   .client_addr = { 192, 0, 2, 1 },
			   .server_addr = { 192, 0, 2, 25 },
			   .client_port = 40000,
			   .server_port = 25,
			   .kind = EVENT_RCPT,
			   .action = ACTION_REJECT,
			   .applied = ACTION_FLAG,
			   .ref = "aaaaaaaaaaaab",
			   .rule = "r1",
			   .class_name = "tld",
			   .means = "army.mil" };

	e.address_len = (uint16_t)strlen(address);
	memcpy(e.address, address, e.address_len);
	e.domain_len = (uint16_t)strlen(domain);
	memcpy(e.domain, domain, e.domain_len);
	return e;
}

static char *
json_of(const struct event *e, bool clear, const char *capture)
{
	static char text[4096];
	size_t len = event_json(e, &key, clear, capture, text, sizeof(text));

	assert_int_equal(len, strlen(text));
	return text;
}

static void
a_live_event_has_its_keys_in_order(void **state)
{
	struct event e = flagged("Bob@army.ml", "army.ml");

	assert_string_equal(json_of(&e, true, NULL),
			    "{\"event\":\"rcpt\",\"time\":\"2023-11-14T22:13:20.123Z\","
			    "\"flow\":\"192.0.2.1:40000 > 192.0.2.25:25\",\"transaction\":2,"
			    "\"address\":\"Bob@army.ml\",\"verdict\":\"flag\",\"rule\":\"r1\",\"class\":\"tld\","
			    "\"means\":\"army.mil\",\"action\":\"reject\",\"ref\":\"aaaaaaaaaaaab\","
			    "\"domain\":\"army.ml\",\"generation\":7}");
}

static void
a_capture_is_named_and_ipv6_stands_in_brackets(void **state)
{
	struct event e = flagged("a@b.ml", "b.ml");

	e.ip_version = 6;
	e.kind = EVENT_MAIL;
	e.client_addr[0] = 0x20;
	assert_non_null(
		strstr(json_of(&e, true, "x\"y.pcap"), "{\"event\":\"mail\",\"capture\":\"x\\\"y.pcap\",\"time\":"));
	memset(e.client_addr, 0, 16);
	memset(e.server_addr, 0, 16);
	e.server_addr[15] = 1;
	assert_non_null(strstr(json_of(&e, true, NULL), "\"flow\":\"[::]:40000 > [::1]:25\""));
}

static void
a_banner_has_a_domain_and_no_address(void **state)
{
	struct event e = flagged("", "mx.army.ml");

	e.kind = EVENT_BANNER;
	e.transaction = 0;
	assert_string_equal(json_of(&e, false, NULL),
			    "{\"event\":\"banner\",\"time\":\"2023-11-14T22:13:20.123Z\","
			    "\"flow\":\"192.0.2.1:40000 > 192.0.2.25:25\",\"transaction\":0,"
			    "\"verdict\":\"flag\",\"rule\":\"r1\",\"class\":\"tld\","
			    "\"means\":\"army.mil\",\"action\":\"reject\",\"ref\":\"aaaaaaaaaaaab\","
			    "\"domain\":\"mx.army.ml\",\"generation\":7}");
}

static void
what_no_rule_matched_has_no_rule(void **state)
{
	struct event e = flagged("a@b.ml", "b.ml");

	e.action = e.applied = ACTION_PASS;
	const char *text = json_of(&e, true, NULL);
	assert_non_null(strstr(text, "\"verdict\":\"pass\",\"domain\""));
	assert_null(strstr(text, "\"rule\""));
}

static void
the_local_part_is_hashed_whatever_its_case_and_never_shown(void **state)
{
	struct event a = flagged("Bob.Secret@ARMY.ml", "army.ml"), b = flagged("bob.secret@army.ml", "army.ml");
	struct event c = flagged("bob.secret2@army.ml", "army.ml");
	static const struct event_key other = { { 9 } };
	char first[4096], text[4096];

	strcpy(first, json_of(&a, false, NULL));
	assert_null(strcasestr(first, "secret"));
	assert_string_equal(first, json_of(&b, false, NULL));
	assert_string_not_equal(first, json_of(&c, false, NULL));
	event_json(&a, &other, false, NULL, text, sizeof(text));
	assert_string_not_equal(first, text);

	const char *address = strstr(first, "\"address\":\"") + 11;
	assert_int_equal(strspn(address, "0123456789abcdef"), 16);
	assert_memory_equal(address + 16, "@army.ml\"", 9);
}

static void
forms_without_an_at_sign_are_hashed_as_a_whole(void **state)
{
	struct event bang = flagged("army.ml!secret", "army.ml"), bare = flagged("postmaster", "");
	const char *text = json_of(&bang, false, NULL);

	assert_null(strstr(text, "secret"));
	assert_non_null(strstr(text, "@army.ml\""));
	assert_null(strstr(json_of(&bare, false, NULL), "postmaster"));
}

static void
the_null_path_is_shown_as_its_brackets(void **state)
{
	struct event e = flagged("", "");

	assert_non_null(strstr(json_of(&e, false, NULL), "\"address\":\"<>\""));
	assert_non_null(strstr(json_of(&e, true, NULL), "\"address\":\"<>\""));
}

static void
any_octets_make_valid_json(void **state)
{
	char address[256 + 3];

	for (int second = 0; second < 256; second++) {
		for (int i = 0; i < 256; i++)
			address[i] = (char)(i * 7 + second);
		struct event e = flagged("", "b.ml");
		memcpy(e.address, address, 256);
		e.address_len = 256;
		json_error_t error;
		json_t *o = json_loads(json_of(&e, true, NULL), 0, &error);
		if (o == NULL)
			fail_msg("%d: %s", second, error.text);
		json_decref(o);
	}
}

static void
utf8_stays_and_what_is_none_is_replaced(void **state)
{
	struct event e = flagged("b\xc3\xbc@\xf0\x9f\x93\xa7.ml", "b.ml");
	assert_non_null(strstr(json_of(&e, true, NULL), "\"b\xc3\xbc@\xf0\x9f\x93\xa7.ml\""));
	e = flagged("\xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x82", "b.ml");
	const char *r = "\xef\xbf\xbd";
	char expected[128];
	snprintf(expected, sizeof(expected), "\"address\":\"%s%s %s%s%s %s%s%s%s %s%s\"", r, r, r, r, r, r, r, r, r, r,
		 r);
	assert_non_null(strstr(json_of(&e, true, NULL), expected));
}

static void
a_nul_in_an_address_hides_the_event_from_no_reader(void **state)
{
	struct event e = flagged("", "b.ml");

	memcpy(e.address, "a\0b@b.ml", 8);
	e.address_len = 8;
	json_t *o = json_loads(json_of(&e, true, NULL), 0, NULL);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "address")), "a\xef\xbf\xbd"
									      "b@b.ml");
	json_decref(o);
}

static void
a_room_too_small_is_never_overrun(void **state)
{
	struct event e = flagged("a\"\x01@b.ml", "b.ml");
	size_t len = strlen(json_of(&e, true, NULL));

	for (size_t cap = 0; cap <= len + 1; cap++) {
		char *out = malloc(cap + 1);
		out[cap] = '!';
		assert_int_equal(event_json(&e, &key, true, NULL, out, cap), cap > len ? len : 0);
		assert_int_equal(out[cap], '!');
		free(out);
	}
}

static void
the_largest_event_fits_the_stated_room(void **state)
{
	struct event e = flagged("", "");
	char text[4096];

	memset(e.address, 1, sizeof(e.address));
	e.address_len = sizeof(e.address);
	memset(e.domain, 'd', DOMAIN_MAX);
	e.domain_len = DOMAIN_MAX;
	memset(e.means, 'm', sizeof(e.means) - 1);
	memset(e.rule, '"', sizeof(e.rule) - 1);
	memset(e.class_name, 'c', sizeof(e.class_name) - 1);
	assert_true(event_json(&e, &key, true, NULL, text, sizeof(text)) > 0);
}

static void
references_are_short_and_differ(void **state)
{
	char a[EVENT_REF_LEN + 1], b[EVENT_REF_LEN + 1];

	event_ref(0, a);
	assert_string_equal(a, "aaaaaaaaaaaaa");
	event_ref(33, b);
	assert_string_equal(b, "aaaaaaaaaaabb");
	event_ref(UINT64_MAX, a);
	assert_string_equal(a, "p777777777777");
}

static void
a_missing_key_is_made_once_for_its_owner_only(void **state)
{
	char dir[] = "/tmp/postern-key-XXXXXX", path[64];
	struct event_key first, again;
	struct stat st;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/event.key", dir);
	assert_true(event_key_load(path, &first));
	assert_true(event_key_load(path, &again));
	assert_memory_equal(&first, &again, sizeof(first));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(truncate(path, 31), 0);
	assert_false(event_key_load(path, &again));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(truncate(path, 33), 0);
	assert_false(event_key_load(path, &again));
	unlink(path);
	rmdir(dir);
	assert_false(event_key_load(path, &again));
	assert_int_equal(errno, ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_live_event_has_its_keys_in_order),
		cmocka_unit_test(a_capture_is_named_and_ipv6_stands_in_brackets),
		cmocka_unit_test(a_banner_has_a_domain_and_no_address),
		cmocka_unit_test(what_no_rule_matched_has_no_rule),
		cmocka_unit_test(the_local_part_is_hashed_whatever_its_case_and_never_shown),
		cmocka_unit_test(forms_without_an_at_sign_are_hashed_as_a_whole),
		cmocka_unit_test(the_null_path_is_shown_as_its_brackets),
		cmocka_unit_test(any_octets_make_valid_json),
		cmocka_unit_test(utf8_stays_and_what_is_none_is_replaced),
		cmocka_unit_test(a_nul_in_an_address_hides_the_event_from_no_reader),
		cmocka_unit_test(a_room_too_small_is_never_overrun),
		cmocka_unit_test(the_largest_event_fits_the_stated_room),
		cmocka_unit_test(references_are_short_and_differ),
		cmocka_unit_test(a_missing_key_is_made_once_for_its_owner_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
