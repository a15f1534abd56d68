/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flow table of one worker: a fixed pool of flows, a hash over keys and a
 * timer wheel. Buckets are cache lines of short signatures, looked up a burst
 * at a time with prefetch. rte_hash is not used: the core runs without an EAL
 * (replay, tests, sanitisers), and the hash is keyed, so that nobody outside
 * can aim flows at one bucket.
 */
#ifndef POSTERN_FLOW_TABLE_H
#define POSTERN_FLOW_TABLE_H

#include "base/counters.h"
#include "flow/flow.h"

struct flow_table;

struct flow_limits {
	uint32_t flows;          /* capacity */
	uint64_t embryonic_ns;   /* idle time after which a flow without data both ways goes */
	uint64_t established_ns; /* ... an established one */
	uint64_t closing_ns;     /* ... one with FIN both ways or RST */
};

/* Called for each flow before it leaves the table, so that what it owns is given back. */
typedef void (*flow_gone_fn)(void *ctx, struct flow *f);

/* Returns owned, or NULL (no memory). `secret`: 16 random octets. At start only: allocates. */
struct flow_table *flow_table_new(const struct flow_limits *limits, const uint8_t secret[16], struct counters *ctr,
				  flow_gone_fn gone, void *gone_ctx);
/* Takes t. Calls `gone` for every flow left. */
void flow_table_free(struct flow_table *t);

#define FLOW_BURST 64

/*
 * Sets flow and dir of up to FLOW_BURST decoded TCP packets. Returns how many
 * were done: fewer than n where a new connection takes the place of a flow
 * that packets before it in this burst still point to. Then let those through
 * and call again with the rest.
 *
 * A packet that has no flow and may found one (a SYN, a SYN-ACK, or any
 * segment with payload but RST: midstream) gets a new one, initialised by key
 * and role; flow stays NULL where none may be founded or the table is full
 * (embryonic flows are evicted first; counted). A SYN with another initial
 * number on a flow that is closed, idle or never answered is a new connection
 * on the same ports: the old flow goes. Where neither SYN nor SYN-ACK was
 * seen, flow_table_server_ports() decides who is the server.
 */
unsigned flow_table_lookup(struct flow_table *t, struct packet **burst, unsigned n, uint64_t now_ns);

/*
 * Ports (host byte order, at most 32) taken to be the server's where no SYN was seen. Copies.
 * Where that leaves it open, the lower port is the server's.
 */
void flow_table_server_ports(struct flow_table *t, const uint16_t *ports, unsigned n);

/* Turns the wheel: removes idle flows, looking at no more than `budget`. `~0` as now removes all, whatever the budget.
 */
void flow_table_expire(struct flow_table *t, uint64_t now_ns, unsigned budget);

/* Flows now in the table. */
uint32_t flow_table_count(const struct flow_table *t);

/*
 * Visits flows with index >= *cursor, at most `budget` slots; false from
 * `visit` stops early. Moves *cursor; returns false when the end is reached.
 * Worker's thread only.
 */
bool flow_table_visit(struct flow_table *t, uint32_t *cursor, unsigned budget,
		      bool (*visit)(void *ctx, const struct flow *f), void *ctx);

#endif
