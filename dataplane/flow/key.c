/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/flow.h"

#include "headers/proto.h"

/* IPv4 addresses compare as numbers: no call. */
static int
order_of(const uint8_t *src, const uint8_t *dst, bool ipv4)
{
	if (!ipv4)
		return memcmp(src, dst, 16);
	uint32_t a = load_be32(src), b = load_be32(dst);
	return (a > b) - (a < b);
}

void
flow_key_of(const struct packet *p, struct flow_key *key, unsigned *end)
{
	const uint8_t *ip = p->data + p->h.l3;
	bool ipv4 = p->h.ip_version == 4;
	const uint8_t *src = ip + (ipv4 ? (size_t)IPV4_SOURCE : (size_t)IPV6_SOURCE);
	const uint8_t *dst = src + (ipv4 ? 4 : 16);
	int order = order_of(src, dst, ipv4);
	unsigned from = order > 0 || (order == 0 && p->h.src_port > p->h.dst_port);

	*key = (struct flow_key){
		.vlan_outer = p->h.vlan_outer,
		.vlan_inner = p->h.vlan_inner,
		.ip_version = p->h.ip_version,
		.pair = p->pair,
	};
	if (ipv4) {
		memcpy(key->addr[from], src, 4);
		memcpy(key->addr[!from], dst, 4);
	} else {
		memcpy(key->addr[from], src, 16);
		memcpy(key->addr[!from], dst, 16);
	}
	key->port[from] = p->h.src_port;
	key->port[!from] = p->h.dst_port;
	*end = from;
}
