/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules of a card that is not there: it keeps a list, checks what it is asked, and refuses at a step of our choice. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_errno.h>

#include "io/nic_rules.h"

#define CARD 3 /* its port number */

struct kept {
	bool live, source, ipv6, tagged;
	uint16_t port;
};

/* What it is asked is counted from 1; 0: it refuses nothing. */
static struct {
	unsigned validates, creates, destroys;
	unsigned no_validate, no_create, no_destroy;
	bool no_tags;
	uint16_t must_have[4]; /* ports whose rules are all there whenever one is destroyed */
	unsigned must_have_count;
	struct kept kept[2 * NIC_RULES_MAX];
} card;

static unsigned
live_of(uint16_t port)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 2 * NIC_RULES_MAX; i++)
		n += card.kept[i].live && (port == 0 || card.kept[i].port == port);
	return n;
}

static int
refuse(struct rte_flow_error *e, int err, const char *message)
{
	e->message = message;
	rte_errno = err;
	return -err;
}

/* Reads a rule as a driver does; what is not as documented fails the test. */
static struct kept
read_rule(uint16_t port, const struct rte_flow_attr *attr, const struct rte_flow_item *item,
	  const struct rte_flow_action *action)
{
	const struct rte_flow_item_tcp *spec, *mask;
	struct kept k = { .live = true };

	assert_int_equal(port, CARD);
	assert_true(attr->ingress && !attr->egress);
	assert_int_equal(action[0].type, RTE_FLOW_ACTION_TYPE_QUEUE);
	assert_int_equal(((const struct rte_flow_action_queue *)action[0].conf)->index, MAIL_QUEUE);
	assert_int_equal(action[1].type, RTE_FLOW_ACTION_TYPE_END);
	assert_int_equal((item++)->type, RTE_FLOW_ITEM_TYPE_ETH);
	k.tagged = item->type == RTE_FLOW_ITEM_TYPE_VLAN;
	item += k.tagged;
	k.ipv6 = item->type == RTE_FLOW_ITEM_TYPE_IPV6;
	assert_true(k.ipv6 || item->type == RTE_FLOW_ITEM_TYPE_IPV4);
	item++;
	assert_int_equal(item->type, RTE_FLOW_ITEM_TYPE_TCP);
	spec = item->spec;
	mask = item->mask;
	assert_int_equal((++item)->type, RTE_FLOW_ITEM_TYPE_END);
	k.source = mask->hdr.src_port != 0;
	assert_int_equal(mask->hdr.src_port ^ mask->hdr.dst_port, 0xffff);
	k.port = rte_be_to_cpu_16(k.source ? spec->hdr.src_port : spec->hdr.dst_port);
	return k;
}

static int
card_validate(uint16_t port, const struct rte_flow_attr *attr, const struct rte_flow_item pattern[],
	      const struct rte_flow_action actions[], struct rte_flow_error *e)
{
	struct kept k = read_rule(port, attr, pattern, actions);

	if (++card.validates == card.no_validate)
		return refuse(e, ENOTSUP, "no such match");
	return k.tagged && card.no_tags ? refuse(e, ENOTSUP, "no tags") : 0;
}

static bool
same(const struct kept *a, const struct kept *b)
{
	return a->live && a->port == b->port && a->source == b->source && a->ipv6 == b->ipv6 && a->tagged == b->tagged;
}

static struct rte_flow *
card_create(uint16_t port, const struct rte_flow_attr *attr, const struct rte_flow_item pattern[],
	    const struct rte_flow_action actions[], struct rte_flow_error *e)
{
	struct kept k = read_rule(port, attr, pattern, actions), *free_one = NULL;

	if (++card.creates == card.no_create) {
		refuse(e, ENOSPC, "table full");
		return NULL;
	}
	for (unsigned i = 0; i < 2 * NIC_RULES_MAX; i++) {
		if (same(&card.kept[i], &k)) {
			refuse(e, EEXIST, "twice");
			return NULL;
		}
		if (!card.kept[i].live)
			free_one = &card.kept[i];
	}
	assert_non_null(free_one);
	*free_one = k;
	return (struct rte_flow *)(void *)free_one;
}

static int
card_destroy(uint16_t port, struct rte_flow *flow, struct rte_flow_error *e)
{
	struct kept *k = (struct kept *)(void *)flow;

	assert_int_equal(port, CARD);
	assert_true(k->live);
	for (unsigned i = 0; i < card.must_have_count; i++)
		assert_int_equal(live_of(card.must_have[i]), NIC_SHAPES);
	if (++card.destroys == card.no_destroy)
		return refuse(e, EBUSY, "busy");
	k->live = false;
	return 0;
}

static const struct nic_rules_ops fake = { card_validate, card_create, card_destroy };
static struct nic_rules rules;

static int
setup(void **state)
{
	memset(&card, 0, sizeof(card));
	nic_rules_init(&rules, &fake, CARD);
	return 0;
}

static bool
set(uint16_t first, uint16_t second)
{
	const uint16_t ports[] = { first, second };

	return nic_rules_set(&rules, ports, 2);
}

static void
test_mail_has_a_rule_for_each_direction_family_and_tag(void **state)
{
	assert_true(nic_rules_offered(&rules, 25));
	assert_int_equal(live_of(0), 0);
	assert_true(set(25, 587));
	assert_int_equal(live_of(25), NIC_SHAPES);
	assert_int_equal(live_of(587), NIC_SHAPES);
	assert_int_equal(rules.count, 2 * NIC_SHAPES);
	nic_rules_clear(&rules);
	assert_int_equal(live_of(0), 0);
	assert_int_equal(rules.count, 0);
}

static void
test_a_card_that_knows_no_tags_gets_the_other_rules(void **state)
{
	card.no_tags = true;
	assert_true(nic_rules_offered(&rules, 25));
	assert_true(set(25, 587));
	assert_int_equal(live_of(0), NIC_SHAPES);
	nic_rules_clear(&rules);
	assert_int_equal(live_of(0), 0);
}

static void
test_a_card_that_refuses_any_of_the_forms_is_not_offered_rules(void **state)
{
	for (unsigned step = 1; step <= NIC_SHAPES / 2; step++) {
		setup(state);
		card.no_validate = step;
		assert_false(nic_rules_offered(&rules, 25));
		assert_string_equal(rules.why, "no such match");
		assert_int_equal(card.creates, 0);
	}
}

static void
test_a_card_that_refuses_at_any_step_is_left_without_rules(void **state)
{
	for (unsigned step = 1; step <= 2 * NIC_SHAPES; step++) {
		bool tagged = (step - 1) % NIC_SHAPES >= NIC_SHAPES / 2;

		for (unsigned what = 0; what < 2; what++) {
			setup(state);
			card.no_create = what == 0 ? step : 0;
			card.no_validate = what == 1 ? step : 0;
			assert_int_equal(set(25, 587), tagged);
			assert_int_equal(live_of(0), tagged ? 2 * NIC_SHAPES - 1 : 0);
			assert_int_equal(rules.count, live_of(0));
			assert_string_equal(rules.why, what == 0 ? "table full" : "no such match");
		}
	}
}

static void
test_new_rules_are_there_before_old_ones_go_and_what_stays_is_not_touched(void **state)
{
	assert_true(set(25, 587));
	card.must_have[0] = 25;
	card.must_have[1] = 2525;
	card.must_have_count = 2;
	card.creates = 0;
	assert_true(set(2525, 25));
	assert_int_equal(card.creates, NIC_SHAPES);
	assert_int_equal(card.destroys, NIC_SHAPES);
	assert_int_equal(live_of(587), 0);
	assert_int_equal(rules.count, 2 * NIC_SHAPES);
}

static void
test_a_change_that_is_refused_at_any_step_leaves_the_rules_of_before(void **state)
{
	for (unsigned step = 1; step <= NIC_SHAPES / 2; step++) {
		setup(state);
		assert_true(set(25, 587));
		card.creates = 0;
		card.no_create = step;
		assert_false(set(25, 2525));
		assert_int_equal(live_of(25), NIC_SHAPES);
		assert_int_equal(live_of(587), NIC_SHAPES);
		assert_int_equal(live_of(2525), 0);
	}
}

static void
test_a_rule_that_the_card_keeps_is_asked_for_again(void **state)
{
	for (unsigned step = 1; step <= NIC_SHAPES; step++) {
		setup(state);
		assert_true(set(25, 587));
		card.no_destroy = step;
		assert_true(set(25, 25));
		assert_int_equal(live_of(587), 1);
		assert_string_equal(rules.why, "busy");
		nic_rules_clear(&rules);
		assert_int_equal(live_of(0), 0);
	}
}

static void
test_the_most_ports_can_be_exchanged_for_as_many_others(void **state)
{
	uint16_t ports[SCOPE_PORTS_MAX];

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < SCOPE_PORTS_MAX; i++)
			ports[i] = (uint16_t)(1000 * (round + 1) + i);
		assert_true(nic_rules_set(&rules, ports, SCOPE_PORTS_MAX));
		assert_int_equal(live_of(0), NIC_RULES_MAX);
	}
	nic_rules_clear(&rules);
	assert_int_equal(live_of(0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_mail_has_a_rule_for_each_direction_family_and_tag, setup),
		cmocka_unit_test_setup(test_a_card_that_knows_no_tags_gets_the_other_rules, setup),
		cmocka_unit_test_setup(test_a_card_that_refuses_any_of_the_forms_is_not_offered_rules, setup),
		cmocka_unit_test_setup(test_a_card_that_refuses_at_any_step_is_left_without_rules, setup),
		cmocka_unit_test_setup(test_new_rules_are_there_before_old_ones_go_and_what_stays_is_not_touched,
				       setup),
		cmocka_unit_test_setup(test_a_change_that_is_refused_at_any_step_leaves_the_rules_of_before, setup),
		cmocka_unit_test_setup(test_a_rule_that_the_card_keeps_is_asked_for_again, setup),
		cmocka_unit_test_setup(test_the_most_ports_can_be_exchanged_for_as_many_others, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
