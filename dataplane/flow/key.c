/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/flow.h"

#include "headers/proto.h"

void
flow_key_of(const struct packet *p, struct flow_key *key, unsigned *end)
{
	const uint8_t *ip = p->data + p->h.l3;
	size_t len = p->h.ip_version == 4 ? 4 : 16;
	const uint8_t *src = ip + (len == 4 ? (size_t)IPV4_SOURCE : (size_t)IPV6_SOURCE);
	const uint8_t *dst = src + len;
	int order = memcmp(src, dst, len);
	unsigned from = order > 0 || (order == 0 && p->h.src_port > p->h.dst_port);

	*key = (struct flow_key){
		.vlan_outer = p->h.vlan_outer,
		.vlan_inner = p->h.vlan_inner,
		.ip_version = p->h.ip_version,
		.pair = p->pair,
	};
	memcpy(key->addr[from], src, len);
	memcpy(key->addr[!from], dst, len);
	key->port[from] = p->h.src_port;
	key->port[!from] = p->h.dst_port;
	*end = from;
}
