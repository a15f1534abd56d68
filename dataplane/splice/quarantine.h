/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The quarantine MTAs as the dataplane knows them: a small table, made by the
 * control daemon from settings and health checks. A worker has its own copy.
 */
#ifndef POSTERN_SPLICE_QUARANTINE_H
#define POSTERN_SPLICE_QUARANTINE_H

#include <stdbool.h>
#include <stdint.h>

#include "verdict/rule.h"

#define QUARANTINE_MAX  8
#define QUARANTINE_NAME 32
#define QUARANTINE_LINK 12

struct quarantine {
	char name[QUARANTINE_NAME]; /* NUL-terminated, never "" */
	uint8_t addr[16];           /* IPv4: first 4 octets */
	uint16_t port;              /* host byte order */
	uint8_t ip_version;         /* 4 or 6 */
	bool healthy;
	uint8_t present; /* enum present: how it is told who the client is, where it takes that */
	uint32_t caps;   /* CAP_* of its last EHLO reply */
	bool apart;      /* by a port of its own, the first one of `pair`, and not as the flow goes */
	uint8_t pair;
	uint8_t link[QUARANTINE_LINK]; /* apart: Ethernet addresses of the next hop, and of that port */
};

struct quarantine_table {
	uint64_t generation; /* changes with every table; 0: none was ever handed over */
	unsigned count;      /* 0: none is configured */
	uint8_t fallback;    /* ACTION_REJECT or ACTION_DEFER: what happens to a recipient that cannot be redirected */
	uint32_t sessions;   /* sessions of one worker that may be at a quarantine at a time */
	uint32_t setup_ms;   /* from the flagged command to the hand-over */
	uint32_t answer_ms;  /* silence of a quarantine that somebody waits for */
	uint32_t session_s;  /* the longest that a session may stay */
	struct quarantine entry[QUARANTINE_MAX];
};

#endif
