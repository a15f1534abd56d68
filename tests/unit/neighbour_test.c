/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes and neighbours as the kernel tells them, in a network namespace of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sched.h>

#include "quarantine/neighbour.h"

#define MAC "02:00:00:00:00:09"
#define OWN "02:00:00:00:00:01"

/* q0 is the interface of the quarantines, o0 another one with the default routes. */
static const char *const world[] = {
	"link add q0 address " OWN " type veth peer name q1",
	"link add o0 type veth peer name o1",
	"link set q0 addrgenmode none",
	"link set o0 addrgenmode none",
	"link set q1 up",
	"link set q0 up",
	"link set o1 up",
	"link set o0 up",
	"address add 192.0.2.1/24 dev q0",
	"address add 2001:db8::1/64 dev q0 nodad",
	"address add 203.0.113.1/24 dev o0",
	"address add 2001:db8:9::1/64 dev o0 nodad",
	"route add 198.51.100.0/24 via 192.0.2.9",
	"route add 2001:db8:5::/64 via 2001:db8::9",
	"route add 198.18.5.0/24 via inet6 2001:db8::9 dev q0",
	"route add blackhole 198.18.6.0/24",
	"route add default via 203.0.113.9",
	"route add default via 2001:db8:9::9",
};

static void
ip(const char *command)
{
	char line[200];

	snprintf(line, sizeof line, "ip %s", command);
	if (system(line) != 0)
		fail_msg("%s: failed", line);
}

static struct sockaddr_storage
at(const char *text)
{
	struct sockaddr_storage a = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&a;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a;

	a.ss_family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	assert_int_equal(
		inet_pton(a.ss_family, text, a.ss_family == AF_INET ? (void *)&v4->sin_addr : (void *)&v6->sin6_addr),
		1);
	return a;
}

static void
expect_hop(const char *to, const char *hop)
{
	const struct sockaddr_storage address = at(to), wanted = at(hop);
	struct neighbour n;
	const char *missing = neighbour_route("q0", &address, &n);

	if (missing != NULL)
		fail_msg("%s: %s", to, missing);
	assert_int_equal(n.hop.ss_family, wanted.ss_family);
	if (wanted.ss_family == AF_INET)
		assert_memory_equal(&((struct sockaddr_in *)&n.hop)->sin_addr,
				    &((const struct sockaddr_in *)&wanted)->sin_addr, 4);
	else
		assert_memory_equal(&((struct sockaddr_in6 *)&n.hop)->sin6_addr,
				    &((const struct sockaddr_in6 *)&wanted)->sin6_addr, 16);
}

static void
expect_missing(const char *interface, const char *to, const char *what)
{
	const struct sockaddr_storage address = at(to);
	struct neighbour n;
	const char *missing = neighbour_route(interface, &address, &n);

	if (missing == NULL || strcmp(missing, what) != 0)
		fail_msg("%s: %s", to, missing != NULL ? missing : "there is a route");
}

static void
an_address_on_the_link_is_its_own_next_hop(void **state)
{
	expect_hop("192.0.2.3", "192.0.2.3");
	expect_hop("2001:db8::3", "2001:db8::3");
}

static void
an_address_behind_a_router_has_it_for_its_next_hop(void **state)
{
	expect_hop("198.51.100.7", "192.0.2.9");
	expect_hop("2001:db8:5::7", "2001:db8::9");
	expect_hop("198.18.5.7", "2001:db8::9");
}

static void
what_only_another_interface_leads_to_has_no_route(void **state)
{
	expect_missing("q0", "203.0.113.7", "no route");
	expect_missing("q0", "8.8.8.8", "no route");
	expect_missing("q0", "2001:db8:9::7", "no route");
	expect_missing("q0", "2a00::1", "no route");
	expect_missing("q0", "198.18.6.7", "no route");
	expect_missing("q0", "192.0.2.1", "no route");
	expect_missing("q7", "192.0.2.3", "no such interface");
}

static void
a_next_hop_has_the_ethernet_address_that_the_kernel_knows(void **state)
{
	static const char *const hosts[] = { "192.0.2.20", "2001:db8::20" };

	for (unsigned i = 0; i < 2; i++) {
		const struct sockaddr_storage address = at(hosts[i]);
		struct neighbour n;
		char command[100], text[NEIGHBOUR_TEXT];

		assert_null(neighbour_route("q0", &address, &n));
		assert_non_null(neighbour_ask("q0", &n));
		assert_false(n.known);
		snprintf(command, sizeof command, "neigh add %s lladdr " MAC " dev q0 nud stale", hosts[i]);
		ip(command);
		assert_null(neighbour_ask("q0", &n));
		assert_true(n.known);
		neighbour_text(n.mac, text);
		assert_string_equal(text, MAC);
		neighbour_text(n.own, text);
		assert_string_equal(text, OWN);
		neighbour_forget("q0", &n);
		assert_non_null(neighbour_ask("q0", &n));
		assert_false(n.known);
	}
}

static void
an_address_that_was_set_by_hand_is_not_forgotten(void **state)
{
	const struct sockaddr_storage address = at("192.0.2.21");
	struct neighbour n;

	ip("neigh add 192.0.2.21 lladdr " MAC " dev q0 nud permanent");
	assert_null(neighbour_route("q0", &address, &n));
	assert_null(neighbour_ask("q0", &n));
	neighbour_forget("q0", &n);
	assert_null(neighbour_ask("q0", &n));
	assert_true(n.known);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_on_the_link_is_its_own_next_hop),
		cmocka_unit_test(an_address_behind_a_router_has_it_for_its_next_hop),
		cmocka_unit_test(what_only_another_interface_leads_to_has_no_route),
		cmocka_unit_test(a_next_hop_has_the_ethernet_address_that_the_kernel_knows),
		cmocka_unit_test(an_address_that_was_set_by_hand_is_not_forgotten),
	};

	if (unshare(CLONE_NEWNET) != 0) {
		printf("kernel: no permission to make a network namespace (root is needed)\n");
		return 77;
	}
	for (unsigned i = 0; i < sizeof(world) / sizeof(world[0]); i++) {
		char line[200];

		snprintf(line, sizeof line, "ip %s", world[i]);
		if (system(line) != 0) {
			printf("%s: failed\n", line);
			return 1;
		}
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
