/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A lane: the same traffic through a part of the way of a packet. The first
 * lane only receives and sends; each further one does one stage more; the last
 * is the pipeline as it is. What a stage costs is the difference to the lane
 * before it.
 */
#ifndef POSTERN_BENCH_LANE_H
#define POSTERN_BENCH_LANE_H

#include "base/counters.h"
#include "scenario.h"
#include "script.h"
#include "traffic.h"

enum lane_kind {
	LANE_FORWARD, /* receive, read the first octet, send */
	LANE_HEADERS, /* + decode, and find the mail ports */
	LANE_LOOKUP,  /* + find the flow: the limit */
	LANE_TCP,     /* + validate and put in order, with a reader that takes all */
	LANE_SMTP,    /* the pipeline without rules */
	LANE_WHOLE,   /* the pipeline */
	LANE_COUNT
};

extern const char *const lane_names[LANE_COUNT];

enum { LANE_BATCH = 2048 /* packets made, then run: as many as two rings of a NIC hold */ };

struct lane;

/* The lane of worker `worker`, which says whose scratch of the rules it uses. Returns owned, or NULL. Borrows. */
struct lane *lane_new(enum lane_kind kind, unsigned worker, const struct scenario *s, const struct scripts *scripts,
		      const struct ruleset *rules);
void lane_free(struct lane *lane);

/* What a batch took. */
struct lane_run {
	uint64_t cycles; /* of the time stamp counter */
	uint64_t packets, octets;
	uint64_t mails;
};

/* Makes a batch (not measured), runs it (measured), delivers it (not measured). */
void lane_run(struct lane *lane, struct lane_run *run);

/* Runs until all sessions are in the midst of their lives. */
void lane_warm(struct lane *lane);

const struct counters *lane_counters(const struct lane *lane);
const struct traffic_counts *lane_traffic(const struct lane *lane);
/* Flows in its table; 0 where it has none. */
uint32_t lane_flows(const struct lane *lane);
/* The next bursts run with other rules. */
void lane_rules(struct lane *lane, const struct ruleset *rules);

/* Told on the lane's own thread: when a batch begins to run, after each burst of it, and when it has run. */
struct lane_watch {
	void (*begin)(void *ctx);
	void (*burst)(void *ctx, uint64_t cycles);
	void (*end)(void *ctx);
	void *ctx;
};
/* Borrows; NULL: nobody is told. */
void lane_watch(struct lane *lane, const struct lane_watch *watch);

#endif
