/* SPDX-License-Identifier: BSD-3-Clause */
/* A scenario: what traffic, against what rules. One small text file each, "key value" a line. */
#ifndef POSTERN_BENCH_SCENARIO_H
#define POSTERN_BENCH_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct scenario {
	char name[64]; /* of its file, without ".scenario" */
	char title[160];
	/* Mail sessions. */
	unsigned flows;    /* sessions at once */
	unsigned mail;     /* octets of message text; 0: the session ends behind the envelope */
	unsigned segments; /* segments an end sends before the other answers */
	bool pipelined;    /* MAIL, RCPT and DATA in one segment */
	bool tls;          /* STARTTLS, then as many octets as `mail` says */
	bool timestamps;   /* TCP timestamps (RFC 7323) in each segment */
	double flagged;    /* per cent of the sessions that name a recipient of a rule */
	double ipv6;       /* per cent of the sessions */
	double qinq;       /* per cent of the sessions, two VLAN tags */
	double reorder;    /* per cent of the data segments that change place with the one before */
	/* Beside them. */
	double flood;  /* per cent of all packets: SYNs to port 25 from everywhere */
	double other;  /* per cent of all packets: TCP that is no mail */
	unsigned size; /* octets of such a frame, FCS included; 0: IMIX, 7 of 64, 4 of 594, 1 of 1518 */
	/* The box. */
	unsigned patterns; /* domains in the rule set */
	unsigned capacity; /* flows its table holds; 0: four times `flows`, at least 262,144 */
	bool dram;         /* payload is in DRAM when a packet is received, else in L3 */
	bool software;     /* checksums are verified in software; else the NIC has done it */
	double mpps;       /* speed of its clock: millions of packets that a second of it takes */
	unsigned rounds, batches;
	char lanes[160]; /* letters of those that are run, where the command line names none; "": all */
	/* What the whole pipeline is to reach; 0 and "": nothing is asked for. */
	double limit_cycles; /* at most so many a packet */
	double limit_share;  /* at least this share of the Mpps of the limit (headers and flow lookup) */
	char limit_of[160];  /* another scenario, */
	double limit_ratio;  /* of whose cycles a packet it takes at most so many times */
};

/* Reads `path`. False after a sentence on stderr that names file, line and what would be accepted. */
bool scenario_read(struct scenario *s, const char *path);

/* The keys with what they mean, one a line. */
void scenario_keys(FILE *out);

#endif
