/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a packet. One pipeline per worker; nothing in it is shared but
 * the published rule set. Knows no port: front ends (io/ for DPDK, replay for
 * captures) bring packets in and take them out through packet_ops.
 */
#ifndef POSTERN_PIPELINE_H
#define POSTERN_PIPELINE_H

#include "base/counters.h"
#include "base/packet.h"
#include "classify/scope.h"
#include "event/event.h"
#include "flow/table.h"
#include "headers/fragment.h"
#include "match/match.h"
#include "ruleset/ruleset.h"
#include "splice/quarantine.h"
#include "tcp/stream.h"

/* Exception policy of a site that cannot be read: what happens to the flow. */
enum policy { POLICY_PASS, POLICY_RESET };

/* Told of flows that whoever steers packets past the pipeline must know of. Worker's thread; must not block. */
struct flow_watch {
	/* Before the first edited octet of a connection leaves; may be called again. */
	void (*edited)(void *ctx, const struct flow_key *key);
	void (*unread)(void *ctx, const struct flow *f); /* never edited, and from now on forwarded unread for good */
	void (*gone)(void *ctx, const struct flow_key *key); /* an edited one is over */
	void *ctx;
};

struct pipeline_config {
	uint16_t ports[32];    /* mail ports, host byte order */
	unsigned port_count;   /* 0: every TCP flow; it counts as mail by its dialogue (replay --ports any) */
	unsigned worker;       /* index: scratch, event.worker */
	bool ignore_checksums; /* captures with offloaded checksums */
	bool every_address;    /* an event for each MAIL and RCPT, not only flagged ones (replay) */
	bool late_events;      /* events when the reply is known, or at the flow's end (replay): transaction numbers are
				  final */
	unsigned noop_limit;   /* refusals a session that a server without PIPELINING answers, as NOOP; all others are
				  answered here (8) */
	uint64_t gate_ns;      /* how long client octets wait for the server's answer that says what they are */
	struct flow_limits flows;
	struct tcp_limits tcp;
	struct fragment_limits fragments;
	unsigned line_buffers, edits;
	unsigned unacked; /* blocks of 320 octets for commands on their way to the server, tcp/unacked.h */
	unsigned splices; /* sessions that may be at a quarantine, closed ones included; 0: none is ever redirected */
	/*
	 * Where there are other workers: which connections to quarantines are theirs, borrowed, and how to hand a
	 * segment to its worker, with the `front` of the packet_ops; takes p. Both NULL: the only worker.
	 */
	struct owners *owners;
	void (*hand)(void *front, struct packet *p, unsigned worker);
	uint8_t apart; /* pair of the port that quarantines have to themselves; PAIR_NONE: they have none */
	enum policy when_blind;
	const struct flow_watch *watch; /* borrowed; NULL: nobody */
	unsigned sample_every; /* of so many bursts, the first mail segment is compared when it leaves; 1: every segment
				*/
	bool no_express;       /* every segment takes the long way: for tests that compare the two */
};

/* Defaults that work; callers change what they must. */
void pipeline_config_default(struct pipeline_config *c);

struct pipeline;

/* Takes an event by copy; must not block. Called on the worker's thread. */
typedef void (*event_fn)(void *ctx, const struct event *e);

/* Returns owned, or NULL. At start only: allocates. Borrows ops and counters for its lifetime. */
struct pipeline *pipeline_new(const struct pipeline_config *c, const struct packet_ops *ops, struct counters *ctr,
			      event_fn event, void *event_ctx);
void pipeline_free(struct pipeline *pl);

/*
 * Runs a burst of at most FLOW_BURST packets to completion. Takes them all.
 * `rules` is borrowed for this call only; NULL: nothing matches.
 * `wall_ns` is the wall clock of `now_ns` for events.
 */
void pipeline_burst(struct pipeline *pl, const struct ruleset *rules, struct packet **burst, unsigned n,
		    uint64_t now_ns, uint64_t wall_ns);

/* Timers: holds, fragments, flow age; each with a small budget. Call now and then, also when idle. */
void pipeline_tick(struct pipeline *pl, const struct ruleset *rules, uint64_t now_ns, uint64_t wall_ns);

/* Lets go of everything held, reads what can still be read (end of capture, clean stop). */
void pipeline_drain(struct pipeline *pl, const struct ruleset *rules, uint64_t now_ns, uint64_t wall_ns);

/*
 * What is read from now on; copied. Before the first call: the ports of the configuration, nothing exempt. Flows that
 * are known already go on as they began, also on a port that is no mail port any more. Worker's thread.
 */
void pipeline_scope(struct pipeline *pl, const struct scope *scope);

/* The quarantines from now on; copied. Worker's thread. */
void pipeline_quarantines(struct pipeline *pl, const struct quarantine_table *table);

/* The flow table, for `show flows`; worker's thread only. */
struct flow_table *pipeline_flows(struct pipeline *pl);

#endif
