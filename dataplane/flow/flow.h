/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mail flow: one TCP connection, both directions. Owned by one worker and
 * touched by no other thread. At rest a flow costs at most 192 octets; what
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
	uint8_t pair;        /* port pair */
	uint8_t zero[2];
};

struct edit; /* edit/edit.h */

struct flow {
	struct flow_key key;
	struct tcp tcp;
	struct smtp_session smtp;
	struct edit *edit;       /* owned by the edit pool; NULL: nothing was ever edited */
	struct flow *wheel_next; /* timer wheel */
	struct flow *wheel_prev;
	struct flow *hold_next;  /* tcp_worker.hold_first list */
	struct flow *hold_prev;
	uint64_t hold_since;     /* ns; when the oldest held packet arrived */
	uint64_t seen_ns;        /* last packet */
	uint32_t id;             /* index in the pool */
	uint8_t client;          /* which end of key is the client: 0 or 1 */
	uint8_t client_side;     /* enum side of the client */
	uint8_t fate;            /* enum flow_fate */
	uint8_t blind;           /* enum counter of the cause, 0: not blind */
	bool mail : 1;           /* known to be SMTP (always, on a mail port) */
	bool on_hold : 1;        /* is on the hold list */
};

/* What happens to the packets of a flow. */
enum flow_fate {
	FLOW_INSPECT = 0, /* read, judged, edited */
	FLOW_PASS,        /* forwarded unread (opaque, blind); still translated where edit != NULL */
	FLOW_DROP,        /* verdict drop: vanishes */
	FLOW_RESET,       /* verdict reset: both ends got RST, the rest vanishes */
};

/* The key of a decoded TCP packet; *end says which end of the key sent it. Pure. */
void flow_key_of(const struct packet *p, struct flow_key *key, unsigned *end);

#endif
