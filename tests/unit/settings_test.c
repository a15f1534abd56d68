/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol.h"
#include "settings/prefix.h"
#include "settings/settings.h"
#include "steer/steer_setup.h"

/* What stood on stderr during the last load; the file is called FILE in it. */
static char told[8192];

/* Loads `text` as a settings file. */
static struct settings *
load(const char *text)
{
	char path[] = "/tmp/postern-settings-XXXXXX";
	FILE *capture = tmpfile();
	int fd = mkstemp(path), before = dup(STDERR_FILENO);
	struct settings *s;
	size_t len;

	assert_true(fd >= 0 && capture != NULL && before >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	fflush(stderr);
	dup2(fileno(capture), STDERR_FILENO);
	s = settings_load(path);
	fflush(stderr);
	dup2(before, STDERR_FILENO);
	close(before);
	unlink(path);
	rewind(capture);
	len = fread(told, 1, sizeof(told) - 1, capture);
	told[len] = '\0';
	fclose(capture);
	return s;
}

/* The file is refused, with this place and these words. */
static void
refused(const char *text, const char *place, const char *words)
{
	struct settings *s = load(text);
	char *at = strstr(told, place);

	if (s != NULL || at == NULL || strstr(told, words) == NULL)
		fail_msg("wanted \"%s\" and \"%s\", got %s: %s", place, words, s != NULL ? "settings" : "refusal",
			 told);
}

static void
an_empty_file_gives_all_defaults(void **state)
{
	static const char *const empty[] = { "", "# nothing\n", "dataplane: {}\n" };

	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		struct settings *s = load(empty[i]);

		assert_non_null(s);
		assert_true(s->operator_name[0] != '\0');
		assert_string_equal(s->rules, "/etc/postern/rules.conf");
		assert_int_equal(s->dataplane.pairs_count, 0);
		assert_int_equal(s->dataplane.workers, 1);
		assert_true(s->dataplane.huge_pages);
		assert_false(s->dataplane.huge_pages_required);
		assert_int_equal(s->dataplane.mail_ports_count, 2);
		assert_int_equal(s->dataplane.mail_ports[0], 25);
		assert_int_equal(s->dataplane.mail_ports[1], 587);
		assert_int_equal(s->dataplane.idle_sleep_us, 100);
		assert_string_equal(s->dataplane.socket, PROTOCOL_DP_SOCKET);
		assert_string_equal(s->control.socket, PROTOCOL_CONTROL_SOCKET);
		assert_true(s->control.watch);
		assert_int_equal(s->events.ring, 4096);
		assert_false(s->steering.enabled);
		assert_int_equal(s->steering.heartbeat_ms, 200);
		assert_int_equal(s->steering.drain_ms, 1000);
		settings_free(s);
	}
}

static void
assert_scope(const struct settings *s)
{
	static const char *const texts[] = { "192.0.2.0/24", "2001:db8::/32", "198.51.100.7/32", "::1/128" };
	struct scope scope;
	char text[PREFIX_TEXT];

	scope_of(s, &scope);
	assert_int_equal(scope.ports, 1);
	assert_int_equal(scope.port[0], 2525);
	assert_int_equal(scope.exempts, 4);
	for (unsigned i = 0; i < 4; i++) {
		prefix_text(&scope.exempt[i], text);
		assert_string_equal(text, texts[i]);
	}
}

static void
what_stands_in_the_file_wins(void **state)
{
	struct settings *s = load("operator: op\n"
				  "dataplane:\n"
				  "  pairs:\n"
				  "    - inside: net_af_xdp0,iface=eth1\n"
				  "      outside: 0000:3b:00.0\n"
				  "    - { inside: a, outside: b }\n"
				  "  workers: 3\n"
				  "  huge_pages: false\n"
				  "  eal_args: [--iova-mode=va, -n4]\n"
				  "  mail_ports: [2525]\n"
				  "  exempt: [192.0.2.0/24, \"2001:db8::/32\", 198.51.100.7, \"::1\"]\n"
				  "  idle_sleep_us: 0\n"
				  "  when_blind: reset\n"
				  "control:\n"
				  "  cache: ''\n"
				  "  watch: false\n"
				  "events:\n"
				  "  path: \"\"\n"
				  "  clear_addresses: true\n"
				  "steering:\n"
				  "  enabled: true\n"
				  "  directory: /pins\n"
				  "  drain_ms: 0\n");

	assert_non_null(s);
	assert_string_equal(s->operator_name, "op");
	assert_int_equal(s->dataplane.pairs_count, 2);
	assert_string_equal(s->dataplane.pairs[0].inside, "net_af_xdp0,iface=eth1");
	assert_string_equal(s->dataplane.pairs[0].outside, "0000:3b:00.0");
	assert_string_equal(s->dataplane.pairs[1].outside, "b");
	assert_int_equal(s->dataplane.workers, 3);
	assert_false(s->dataplane.huge_pages);
	assert_int_equal(s->dataplane.eal_args_count, 2);
	assert_string_equal(s->dataplane.eal_args[1], "-n4");
	assert_int_equal(s->dataplane.mail_ports_count, 1);
	assert_int_equal(s->dataplane.mail_ports[0], 2525);
	assert_scope(s);
	assert_int_equal(s->dataplane.idle_sleep_us, 0);
	assert_string_equal(s->dataplane.when_blind, "reset");
	assert_string_equal(s->control.cache, "");
	assert_false(s->control.watch);
	assert_string_equal(s->events.path, "");
	assert_true(s->events.clear_addresses);
	assert_true(s->steering.enabled);
	assert_string_equal(s->steering.directory, "/pins");
	assert_int_equal(s->steering.drain_ms, 0);
	settings_free(s);
}

static void
steering_takes_the_interfaces_of_af_xdp_pairs_and_their_way_to_fail(void **state)
{
	struct settings *s =
		load("dataplane:\n"
		     "  mail_ports: [25, 2525]\n"
		     "  pairs:\n"
		     "    - { inside: 'net_af_xdp0,start_queue=0,iface=eth1', outside: "
		     "'net_af_xdp1,iface=eth2,busy_budget=0' }\n"
		     "    - { inside: 'net_af_xdp2,iface=eth3', outside: 'net_af_xdp3,iface=eth4', fail: closed }\n"
		     "    - { inside: '0000:3b:00.0', outside: 'net_af_xdp4,iface=eth5' }\n"
		     "steering: { heartbeat_ms: 50 }\n");
	struct steer_setup setup;

	assert_non_null(s);
	steer_setup(s, &setup);
	assert_string_equal(setup.pair[0].interface[0], "eth1");
	assert_string_equal(setup.pair[0].interface[1], "eth2");
	assert_false(setup.pair[0].closed);
	assert_true(setup.pair[1].closed);
	assert_true(steer_setup_covers(&setup, 0));
	assert_true(steer_setup_covers(&setup, 1));
	assert_false(steer_setup_covers(&setup, 2));
	assert_int_equal(setup.hung_ns, 50000000);
	assert_int_equal(setup.mail_ports_count, 2);
	settings_free(s);
}

static void
huge_pages_that_are_asked_for_are_required(void **state)
{
	struct settings *s = load("dataplane:\n  huge_pages: true\n");

	assert_non_null(s);
	assert_true(s->dataplane.huge_pages);
	assert_true(s->dataplane.huge_pages_required);
	settings_free(s);
}

static void
an_unknown_key_is_told_with_its_place_and_the_known_ones(void **state)
{
	refused("operator: a\ndataplane:\n  workers: 1\n  wrokers: 2\n", ":4:3: ", "unknown key \"wrokers\"");
	refused("operator: a\ndataplane:\n  wrokers: 2\n", ":3:3: ", "known here: pairs, workers, cores");
	refused("oprator: a\n", ":1:1: ", "known here: operator, rules, dataplane, control, events");
	refused("dataplane:\n  pairs:\n    - inside: a\n      outsid: b\n", ":4:7: ", "known here: inside, outside");
}

static void
a_wrong_value_is_told_with_its_place_and_what_is_wanted(void **state)
{
	refused("dataplane:\n  workers: many\n", ":2:12: ", "\"many\"; a number from 1 to 64 is wanted");
	refused("dataplane:\n  workers: -1\n", ":2:12: ", "a number from 1 to 64");
	refused("dataplane:\n  workers: 0\n", ":2:12: ", "a number from 1 to 64");
	refused("dataplane:\n  workers: 99999999999999999999\n", ":2:12: ", "a number from 1 to 64");
	refused("dataplane:\n  workers:\n", ":2:11: ", "a number from 1 to 64");
	refused("dataplane:\n  workers: 010\n", ":2:12: ", "a number from 1 to 64");
	refused("dataplane:\n  workers: [1]\n", ":2:12: ", "a list; a single value is wanted");
	refused("dataplane:\n  huge_pages: maybe\n", ":2:15: ", "true or false is wanted");
	refused("dataplane:\n  when_blind: panic\n", ":2:15: ", "pass or reset is wanted");
	refused("dataplane:\n  pairs:\n    - { inside: a, outside: b, fail: shut }\n",
		":3:38: ", "open or closed is wanted");
	refused("steering:\n  heartbeat_ms: 1\n", ":2:17: ", "a number from 5 to 60000");
	refused("dataplane:\n  exempt: [192.0.2.1/24]\n", ":2:12: ", "bits set behind the prefix");
	refused("dataplane:\n  exempt: [192.0.2.0/33]\n", ":2:12: ", "a number from 0 to 32");
	refused("dataplane:\n  exempt: ['::/129']\n", ":2:12: ", "a number from 0 to 128");
	refused("dataplane:\n  exempt: [192.0.2.0/]\n", ":2:12: ", "a number from 0 to 32");
	refused("dataplane:\n  exempt: [mx.example]\n", ":2:12: ", "an address or a prefix");
	refused("dataplane:\n  exempt: [192.0.2.256]\n", ":2:12: ", "an address or a prefix");
	refused("dataplane:\n  mail_ports: 25\n", ":2:15: ", "a list is wanted");
	refused("dataplane:\n  mail_ports: [25, 70000]\n", ":2:20: ", "a number from 1 to 65535");
	refused("dataplane: yes\n", ":1:12: ", "an indented list of keys is wanted");
	refused("- a\n", ":1:1: ", "an indented list of keys is wanted");
	refused("dataplane:\n  pairs:\n    - inside: a\n", ":3:7: ", "\"outside\" is missing here");
	refused("dataplane:\n  pairs:\n    - inside: ''\n      outside: b\n", ":3:15: ", "an empty text");
}

#define PAIR  "dataplane:\n  pairs:\n    - { inside: 'net_af_xdp0,iface=eth1', outside: 'net_af_xdp1,iface=eth2' }\n"
#define STEER "steering:\n  enabled: true\n"

static void
an_interface_of_the_quarantines_own_stands_beside_the_pairs(void **state)
{
	struct settings *s =
		load(PAIR STEER
		     "quarantine:\n  interface: eth3\n  servers:\n    - { name: a, address: 192.0.2.3, port: 25 }\n"
		     "    - { name: b, address: '2001:db8::3', port: 2525 }\n");
	struct steer_setup setup;

	assert_non_null(s);
	assert_string_equal(s->quarantine.interface, "eth3");
	steer_setup(s, &setup);
	assert_int_equal(steer_setup_apart(&setup), 2);
	assert_string_equal(steer_setup_name(&setup, 0), "eth1");
	assert_string_equal(steer_setup_name(&setup, 1), "eth2");
	assert_string_equal(steer_setup_name(&setup, 2), "eth3");
	assert_string_equal(steer_setup_name(&setup, 3), "");
	assert_int_equal(setup.quarantine[0].ip_version, 4);
	assert_memory_equal(setup.quarantine[0].addr, "\xc0\x00\x02\x03", 4);
	assert_int_equal(setup.quarantine[1].ip_version, 6);
	assert_int_equal(setup.quarantine[1].port, 2525);
	assert_int_equal(setup.quarantine[2].ip_version, 0);
	settings_free(s);
	s = load(PAIR STEER);
	assert_non_null(s);
	assert_string_equal(s->quarantine.interface, "");
	steer_setup(s, &setup);
	assert_string_equal(steer_setup_name(&setup, 2), "");
	settings_free(s);
}

static void
an_interface_of_the_quarantines_own_takes_steering_and_ports_of_the_kernel(void **state)
{
	refused(PAIR "quarantine:\n  interface: eth3\n", "interface: \"eth3\"", "steering: enabled: true");
	refused(PAIR STEER "quarantine:\n  interface: eth1\n", "interface: \"eth1\"", "is a port of a pair");
	refused(PAIR STEER "quarantine:\n  interface: eth2\n", "interface: \"eth2\"", "is a port of a pair");
	refused(PAIR "    - { inside: '0000:3b:00.0', outside: '0000:3b:00.1' }\n" STEER
		     "quarantine:\n  interface: eth3\n",
		"interface: \"eth3\"", "takes pairs of net_af_xdp");
	refused(PAIR STEER "quarantine:\n  interface: net_af_xdp2,iface=eth3\n",
		"interface: \"net_af_xdp2,iface=eth3\"", "the name of a network interface");
	refused(STEER "quarantine:\n  interface:\n    - eth3\n", ":5:5: ", "a list; a single value is wanted");
}

static void
a_key_that_stands_twice_is_refused(void **state)
{
	refused("dataplane:\n  workers: 1\n  flows: 2048\n  workers: 2\n", ":4:3: ", "twice");
}

static void
all_mistakes_of_a_file_are_told_in_one_go(void **state)
{
	refused("a: 1\nb: 2\ndataplane:\n  flows: x\n", ":1:1: ", ":2:1: ");
	assert_non_null(strstr(told, ":4:10: "));
}

static void
a_file_that_is_no_yaml_is_refused_with_its_line(void **state)
{
	refused("dataplane:\n  workers: 3\n workers: 4\n", ":3:2: ", "no YAML");
	refused("dataplane: [\n", ":2:1: ", "no YAML");
}

static void
a_file_that_is_not_there_is_refused(void **state)
{
	assert_null(settings_load("/nonexistent/postern.yaml"));
}

static void
the_example_names_every_key_and_its_default(void **state)
{
	struct settings *example = settings_load(EXAMPLE), *d = load("");

	assert_non_null(example);
	assert_non_null(d);
	assert_int_equal(example->dataplane.workers, d->dataplane.workers);
	assert_int_equal(example->dataplane.memory_mb, d->dataplane.memory_mb);
	assert_int_equal(example->dataplane.flows, d->dataplane.flows);
	assert_int_equal(example->dataplane.held_packets, d->dataplane.held_packets);
	assert_int_equal(example->dataplane.held_packets_per_flow, d->dataplane.held_packets_per_flow);
	assert_int_equal(example->dataplane.hold_ms, d->dataplane.hold_ms);
	assert_int_equal(example->dataplane.refusals_per_session, d->dataplane.refusals_per_session);
	assert_int_equal(example->dataplane.idle_sleep_us, d->dataplane.idle_sleep_us);
	assert_int_equal(example->dataplane.mail_ports_count, d->dataplane.mail_ports_count);
	assert_int_equal(example->dataplane.exempt_count, d->dataplane.exempt_count);
	assert_int_equal(example->control.cache_entries, d->control.cache_entries);
	assert_int_equal(example->control.compile_seconds, d->control.compile_seconds);
	assert_int_equal(example->control.compile_memory_mb, d->control.compile_memory_mb);
	assert_int_equal(example->events.ring, d->events.ring);
	assert_string_equal(example->rules, d->rules);
	assert_string_equal(example->dataplane.cores, d->dataplane.cores);
	assert_string_equal(example->dataplane.when_blind, d->dataplane.when_blind);
	assert_string_equal(example->dataplane.user, d->dataplane.user);
	assert_string_equal(example->dataplane.socket, d->dataplane.socket);
	assert_string_equal(example->control.socket, d->control.socket);
	assert_string_equal(example->control.cache, d->control.cache);
	assert_string_equal(example->events.path, d->events.path);
	assert_string_equal(example->events.key_file, d->events.key_file);
	assert_int_equal(example->steering.enabled, d->steering.enabled);
	assert_int_equal(example->steering.heartbeat_ms, d->steering.heartbeat_ms);
	assert_int_equal(example->steering.drain_ms, d->steering.drain_ms);
	assert_string_equal(example->steering.directory, d->steering.directory);
	assert_string_equal(example->quarantine.interface, d->quarantine.interface);
	settings_free(example);
	settings_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_gives_all_defaults),
		cmocka_unit_test(what_stands_in_the_file_wins),
		cmocka_unit_test(steering_takes_the_interfaces_of_af_xdp_pairs_and_their_way_to_fail),
		cmocka_unit_test(huge_pages_that_are_asked_for_are_required),
		cmocka_unit_test(an_unknown_key_is_told_with_its_place_and_the_known_ones),
		cmocka_unit_test(a_wrong_value_is_told_with_its_place_and_what_is_wanted),
		cmocka_unit_test(an_interface_of_the_quarantines_own_stands_beside_the_pairs),
		cmocka_unit_test(an_interface_of_the_quarantines_own_takes_steering_and_ports_of_the_kernel),
		cmocka_unit_test(a_key_that_stands_twice_is_refused),
		cmocka_unit_test(all_mistakes_of_a_file_are_told_in_one_go),
		cmocka_unit_test(a_file_that_is_no_yaml_is_refused_with_its_line),
		cmocka_unit_test(a_file_that_is_not_there_is_refused),
		cmocka_unit_test(the_example_names_every_key_and_its_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
