/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mail flow: one TCP connection, both directions. Owned by one worker and
 * touched by no other thread. At rest a flow costs five cache lines; what
 * edits need hangs off `edit` and exists only while needed.
 */
#ifndef POSTERN_FLOW_FLOW_H
#define POSTERN_FLOW_FLOW_H

#include "smtp/session.h"
#include "tcp/stream.h"

/*
 * Both directions of a connection give the same key: the end with the lower
 * (address, port) comes first. IPv4 addresses are stored in the first 4 octets.
 */
struct flow_key {
	uint8_t addr[2][16];
	uint16_t port[2];    /* host byte order */
	uint16_t vlan_outer; /* 0: untagged */
	uint16_t vlan_inner;
	uint8_t ip_version;
	uint8_t pair; /* port pair */
	uint8_t zero[2];
};

struct edit;     /* edit/edit.h */
struct envelope; /* splice/splice.h */

/*
 * The first cache line is what a lookup reads and writes. The next two are
 * what message text and acks need, the one behind them what commands and
 * replies need besides; the last is touched when a flow begins, ends, or has
 * packets held.
 */
struct flow {
	struct flow_key key;
	uint32_t id;         /* index in the pool */
	uint64_t seen_ns;    /* last packet */
	uint8_t client;      /* which end of key is the client: 0 or 1 */
	uint8_t client_side; /* enum side of the client */
	uint8_t fate;        /* enum flow_fate */
	uint8_t blind;       /* enum counter of the cause, 0: not blind */
	uint8_t heard;       /* FLOW_* marks of the table: what came, unvalidated */
	bool mail : 1;       /* known to be SMTP; asked only where every port is looked at */
	bool greeted : 1;    /* the server greeted like SMTP before the client said what it speaks */
	bool on_hold : 1;    /* is on the hold list */
	bool live : 1;       /* in the table */
	bool unread : 1;     /* passes unread for good, and was never edited: its other lines are not looked at */
	bool text : 1;       /* a message is under way: the next segment will most probably be text or an ack, too */
	uint16_t burst;      /* last lookup that met the flow */

	/* What a packet of the dialogue needs. */
	struct edit *edit;         /* owned by the edit pool; NULL: nothing was ever edited */
	struct envelope *envelope; /* owned by the splice pool; NULL: the session cannot be redirected */
	struct tcp tcp;
	struct smtp_session smtp;

	/* Lists and timers. */
	struct flow *wheel_next; /* timer wheel, queue of embryonic flows, or free list */
	struct flow *wheel_prev;
	struct flow *hold_next; /* tcp_worker.hold_first list */
	struct flow *hold_prev;
	uint64_t hold_since; /* ns; when the oldest held packet arrived */
	uint32_t isn;        /* number of the client's SYN, where FLOW_SYN is set */
	uint16_t wheel_slot; /* timer wheel; embryonic: when it was queued */
	bool again;          /* embryonic: seen since it was queued */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct flow_key) == 44, "keys are compared and hashed as octets: no padding");
_Static_assert(offsetof(struct flow, edit) == 64, "a lookup touches one cache line of a flow");
_Static_assert(offsetof(struct flow, smtp.line) == 192, "message text touches two more");
_Static_assert(offsetof(struct flow, wheel_next) >= 256, "a dialogue touches four in all");
_Static_assert(sizeof(struct flow) == 320, "five cache lines");

/* Marks in flow.heard. */
enum {
	FLOW_DATA_CLIENT = 1 << 0, /* payload came from the client */
	FLOW_DATA_SERVER = 1 << 1,
	FLOW_FIN_CLIENT = 1 << 2,
	FLOW_FIN_SERVER = 1 << 3,
	FLOW_RST = 1 << 4,
	FLOW_SYN = 1 << 5,      /* isn is known: the beginning was seen */
	FLOW_ANSWERED = 1 << 6, /* any segment came from the server */
};

/* What happens to the packets of a flow. */
enum flow_fate {
	FLOW_INSPECT = 0, /* read, judged, edited */
	FLOW_PASS,        /* forwarded unread (opaque, blind); still translated where edit != NULL */
	FLOW_DROP,        /* verdict drop: vanishes */
	FLOW_RESET,       /* verdict reset: both ends got RST, the rest vanishes */
};

typedef uint64_t flow_key_part __attribute__((vector_size(16)));

/* What 16 octets of two keys, from octet `at` on, do not have in common. */
static inline flow_key_part
flow_key_differ(const struct flow_key *a, const struct flow_key *b, size_t at)
{
	flow_key_part x, y;

	memcpy(&x, (const uint8_t *)a + at, sizeof(x));
	memcpy(&y, (const uint8_t *)b + at, sizeof(y));
	return x ^ y;
}

/* Octet for octet, without a branch: three parts, of which the last begins within the second. Pure. */
static inline bool
flow_key_equal(const struct flow_key *a, const struct flow_key *b)
{
	flow_key_part d =
		flow_key_differ(a, b, 0) | flow_key_differ(a, b, 16) | flow_key_differ(a, b, sizeof(*a) - sizeof(d));

	return (d[0] | d[1]) == 0;
}

/* The key of a decoded TCP packet; *end says which end of the key sent it. Pure. */
void flow_key_of(const struct packet *p, struct flow_key *key, unsigned *end);

#endif
