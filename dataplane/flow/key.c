/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/flow.h"

#include "headers/proto.h"

/* Either order is as likely as the other, and so no branch: both addresses, and both ports, are turned by half. */
static void
set_v4(const struct packet *p, struct flow_key *key, unsigned *end)
{
	const uint8_t *ip = p->data + p->h.l3;
	uint64_t src = (uint64_t)load_be32(ip + IPV4_SOURCE) << 16 | p->h.src_port;
	uint64_t dst = (uint64_t)load_be32(ip + IPV4_DESTINATION) << 16 | p->h.dst_port;
	unsigned from = src > dst;
	uint64_t addrs;
	uint32_t ports = p->h.src_port | (uint32_t)p->h.dst_port << 16;

	memcpy(&addrs, ip + IPV4_SOURCE, sizeof(addrs));
	addrs = addrs << (from * 32) | addrs >> (-(from * 32) & 63);
	ports = ports << (from * 16) | ports >> (-(from * 16) & 31);
	memcpy(key->addr[0], &addrs, 4);
	memcpy(key->addr[1], (const uint8_t *)&addrs + 4, 4);
	key->port[0] = (uint16_t)ports;
	key->port[1] = (uint16_t)(ports >> 16);
	*end = from;
}

/* Not inline: what a call of memcmp() saves and restores is nothing that IPv4 should pay for. */
__attribute__((noinline)) static void
set_v6(const struct packet *p, struct flow_key *key, unsigned *end)
{
	const uint8_t *src = p->data + p->h.l3 + IPV6_SOURCE, *dst = p->data + p->h.l3 + IPV6_DESTINATION;
	int order = memcmp(src, dst, 16);
	unsigned from = order > 0 || (order == 0 && p->h.src_port > p->h.dst_port);

	memcpy(key->addr[from], src, 16);
	memcpy(key->addr[!from], dst, 16);
	key->port[from] = p->h.src_port;
	key->port[!from] = p->h.dst_port;
	*end = from;
}

void
flow_key_of(const struct packet *p, struct flow_key *key, unsigned *end)
{
	*key = (struct flow_key){
		.vlan_outer = p->h.vlan_outer,
		.vlan_inner = p->h.vlan_inner,
		.ip_version = p->h.ip_version,
		.pair = p->pair,
	};
	if (p->h.ip_version == 4)
		set_v4(p, key, end);
	else
		set_v6(p, key, end);
}
