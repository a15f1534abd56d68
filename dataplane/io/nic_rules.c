/* SPDX-License-Identifier: BSD-3-Clause */
#include "io/nic_rules.h"

#include <stdio.h>
#include <string.h>

#include <rte_errno.h>

enum { NIC_SOURCE = 1, NIC_IPV6 = 2, NIC_TAGGED = 4 };

const struct nic_rules_ops nic_rules_dpdk = {
	.validate = rte_flow_validate,
	.create = rte_flow_create,
	.destroy = rte_flow_destroy,
};

/* A rule as rte_flow wants it; points into itself. */
struct form {
	struct rte_flow_item_tcp tcp, tcp_mask;
	struct rte_flow_action_queue queue;
	struct rte_flow_item pattern[5];
	struct rte_flow_action actions[2];
	struct rte_flow_attr attr;
};

static void
form_make(struct form *f, uint16_t mail_port, uint8_t shape)
{
	unsigned n = 0;

	memset(f, 0, sizeof(*f));
	if (shape & NIC_SOURCE) {
		f->tcp.hdr.src_port = rte_cpu_to_be_16(mail_port);
		f->tcp_mask.hdr.src_port = UINT16_MAX;
	} else {
		f->tcp.hdr.dst_port = rte_cpu_to_be_16(mail_port);
		f->tcp_mask.hdr.dst_port = UINT16_MAX;
	}
	f->pattern[n++].type = RTE_FLOW_ITEM_TYPE_ETH;
	if (shape & NIC_TAGGED)
		f->pattern[n++].type = RTE_FLOW_ITEM_TYPE_VLAN;
	f->pattern[n++].type = shape & NIC_IPV6 ? RTE_FLOW_ITEM_TYPE_IPV6 : RTE_FLOW_ITEM_TYPE_IPV4;
	f->pattern[n++] =
		(struct rte_flow_item){ .type = RTE_FLOW_ITEM_TYPE_TCP, .spec = &f->tcp, .mask = &f->tcp_mask };
	f->pattern[n].type = RTE_FLOW_ITEM_TYPE_END;
	f->queue.index = MAIL_QUEUE;
	f->actions[0] = (struct rte_flow_action){ .type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &f->queue };
	f->actions[1].type = RTE_FLOW_ACTION_TYPE_END;
	f->attr.ingress = 1;
}

/* Remembers what the card said. Returns false. */
static bool
refused(struct nic_rules *r, int err, const struct rte_flow_error *e)
{
	snprintf(r->why, sizeof(r->why), "%s", e->message != NULL ? e->message : rte_strerror(err != 0 ? err : EINVAL));
	return false;
}

static bool
valid(struct nic_rules *r, uint16_t mail_port, uint8_t shape)
{
	struct rte_flow_error e = { 0 };
	struct form f;
	int err;

	form_make(&f, mail_port, shape);
	err = r->ops->validate(r->port, &f.attr, f.pattern, f.actions, &e);
	return err == 0 || refused(r, -err, &e);
}

static bool
add(struct nic_rules *r, uint16_t mail_port, uint8_t shape)
{
	struct rte_flow_error e = { 0 };
	struct rte_flow *flow;
	struct form f;

	form_make(&f, mail_port, shape);
	flow = r->ops->create(r->port, &f.attr, f.pattern, f.actions, &e);
	if (flow == NULL)
		return refused(r, rte_errno, &e);
	r->rule[r->count++] = (struct nic_rule){ .flow = flow, .mail_port = mail_port, .shape = shape };
	return true;
}

/* A rule that the card does not give up stays on its list, and is tried again with the next change. */
static bool
remove_at(struct nic_rules *r, unsigned i)
{
	struct rte_flow_error e = { 0 };
	int err = r->ops->destroy(r->port, r->rule[i].flow, &e);

	if (err != 0)
		return refused(r, -err, &e);
	r->rule[i] = r->rule[--r->count];
	return true;
}

static bool
has(const struct nic_rules *r, uint16_t mail_port, uint8_t shape)
{
	for (unsigned i = 0; i < r->count; i++)
		if (r->rule[i].mail_port == mail_port && r->rule[i].shape == shape)
			return true;
	return false;
}

void
nic_rules_init(struct nic_rules *r, const struct nic_rules_ops *ops, uint16_t port)
{
	memset(r, 0, sizeof(*r));
	r->ops = ops;
	r->port = port;
}

bool
nic_rules_offered(struct nic_rules *r, uint16_t mail_port)
{
	for (uint8_t shape = 0; shape < NIC_TAGGED; shape++)
		if (!valid(r, mail_port, shape))
			return false;
	return true;
}

/* All shapes of a mail port; of tagged frames those that the card takes. */
static bool
add_port(struct nic_rules *r, uint16_t mail_port)
{
	for (uint8_t shape = 0; shape < NIC_SHAPES; shape++) {
		if (has(r, mail_port, shape))
			continue;
		if (r->count == sizeof(r->rule) / sizeof(r->rule[0])) {
			snprintf(r->why, sizeof(r->why), "too many rules");
			return false;
		}
		if ((!valid(r, mail_port, shape) || !add(r, mail_port, shape)) && shape < NIC_TAGGED)
			return false;
	}
	return true;
}

static bool
is_wanted(const struct nic_rule *rule, const uint16_t *ports, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (ports[i] == rule->mail_port)
			return true;
	return false;
}

bool
nic_rules_set(struct nic_rules *r, const uint16_t *ports, unsigned n)
{
	unsigned before = r->count;

	r->why[0] = '\0';
	for (unsigned i = 0; i < n; i++)
		if (!add_port(r, ports[i])) {
			char why[sizeof(r->why)];

			memcpy(why, r->why, sizeof(why));
			for (unsigned last = r->count; last > before; last--)
				remove_at(r, last - 1);
			memcpy(r->why, why, sizeof(why));
			return false;
		}
	for (unsigned i = r->count; i > 0; i--)
		if (!is_wanted(&r->rule[i - 1], ports, n))
			remove_at(r, i - 1);
	return true;
}

void
nic_rules_clear(struct nic_rules *r)
{
	nic_rules_set(r, NULL, 0);
}
