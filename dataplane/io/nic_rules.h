/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules that a network card keeps: mail goes to a receive queue of its own, where bulk beside it cannot crowd it out.
 * They are a help, not a judgement: what they miss (fragments, labels, PPPoE, two tags) comes by the first queue, and
 * the pipeline looks at every frame of both. So a card that takes no rules, or only some, costs order, not mail.
 */
#ifndef POSTERN_IO_NIC_RULES_H
#define POSTERN_IO_NIC_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_flow.h>

#include "classify/scope.h"

#define MAIL_QUEUE 1 /* beside queue 0, which takes everything else */

/* rte_flow(3), or what a test puts in its place. */
struct nic_rules_ops {
	int (*validate)(uint16_t port, const struct rte_flow_attr *attr, const struct rte_flow_item pattern[],
			const struct rte_flow_action actions[], struct rte_flow_error *error);
	struct rte_flow *(*create)(uint16_t port, const struct rte_flow_attr *attr,
				   const struct rte_flow_item pattern[], const struct rte_flow_action actions[],
				   struct rte_flow_error *error);
	int (*destroy)(uint16_t port, struct rte_flow *flow, struct rte_flow_error *error);
};
extern const struct nic_rules_ops nic_rules_dpdk;

/* Either direction, IPv4 and IPv6, untagged and behind one tag. */
enum { NIC_SHAPES = 8, NIC_RULES_MAX = NIC_SHAPES * SCOPE_PORTS_MAX };

struct nic_rule {
	struct rte_flow *flow;
	uint16_t mail_port; /* host byte order */
	uint8_t shape;      /* NIC_* bits */
};

struct nic_rules {
	const struct nic_rules_ops *ops;
	uint16_t port;                           /* of the ethdev */
	struct nic_rule rule[2 * NIC_RULES_MAX]; /* old and new ones while they are exchanged */
	unsigned count;
	char why[128]; /* the card's word, where it takes none or not all */
};

void nic_rules_init(struct nic_rules *r, const struct nic_rules_ops *ops, uint16_t port);

/* The card would take rules for this mail port, tagged frames perhaps excepted. Makes none. False: r->why. */
bool nic_rules_offered(struct nic_rules *r, uint16_t mail_port);

/*
 * Makes the rules those of `ports` (host byte order, at most SCOPE_PORTS_MAX, 0: none): new ones before the old ones
 * go, what stays is not touched. Tagged frames have rules where the card takes them. False, and the rules are those of
 * before: r->why. The port must be started; one thread at a time, beside running workers.
 */
bool nic_rules_set(struct nic_rules *r, const uint16_t *ports, unsigned n);

/* None is left. */
void nic_rules_clear(struct nic_rules *r);

#endif
