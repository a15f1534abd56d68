/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP, both directions of a flow: puts octets in order for a reader, holds the
 * packets that may not leave yet, and lets the others go. (RFC 9293; first
 * copy wins.) Knows nothing of SMTP, rules or edits.
 *
 * Four marks move through each direction, in original ("old") numbers:
 *
 *   sent <= clear <= nxt,  read <= nxt
 *   sent   everything below has left the box
 *   clear  everything below may leave: the reader has judged it
 *   read   everything below was consumed by the reader
 *   nxt    everything below has arrived without a gap
 *
 * clear may run ahead of read (body: goes at once) or stay behind it (an
 * unfinished RCPT line: read, not cleared). A packet leaves when its last
 * octet is below clear; packets leave in stream order.
 *
 * What leaves before it could be read (time limit, sent again, read-only flow
 * whose reader waits) stays as a copy and is read later; then sent is ahead of
 * read, and a reader knows by half[dir].sent which octets it cannot call back.
 */
#ifndef POSTERN_TCP_STREAM_H
#define POSTERN_TCP_STREAM_H

#include "base/counters.h"
#include "base/packet.h"
#include "base/seq.h"
#include "base/bytes.h"

/* Directions of a flow. */
enum direction {
	DIR_CLIENT = 0, /* client to server */
	DIR_SERVER = 1, /* server to client */
};

/* How octets of a direction are treated while they wait to be read. Set by the reader, per direction. */
enum stream_mode {
	STREAM_ORDERED, /* out-of-order segments are held until the gap fills */
	STREAM_FLUENT,  /* everything leaves at once; what is out of order is copied for reading */
	STREAM_IGNORED, /* everything leaves at once, nothing is read any more */
};

/* One direction. */
struct tcp_half {
	uint32_t sent, clear, read, nxt; /* see above */
	uint32_t acked;                  /* highest ack that the other end sent for this direction, old numbers */
	uint32_t ts_recent;              /* last valid TSval, for PAWS (RFC 7323 section 5) */
	uint32_t fin;                    /* number of the FIN, where fin_seen */
	uint32_t start;                  /* number of the first octet: behind the SYN, or where we began to look */
	struct packet *held; /* in and out of order, ascending seq; owned; PACKET_COPY: has left, waits to be read */
	uint16_t held_count; /* packets in it, copies included */
	uint16_t window;     /* last advertised by this end, unscaled */
	uint16_t mss;        /* that this end announced; 536 / 1220 where none */
	union {
		struct {
			uint8_t wscale : 4; /* its window scale, at most 14; 0 where not both offered it */
			uint8_t mode : 2;   /* enum stream_mode */
			bool syn_seen : 1;
			bool fin_seen : 1;
			bool has_ts : 1;
			bool started : 1; /* sent..nxt are set */
			bool exposed : 1; /* octets above clear have left (time limit, or sent again by the client) */
			bool has_wscale : 1; /* its SYN offered a window scale */
			bool has_sack : 1;   /* its SYN offered SACK */
			bool guessed : 1;    /* started by the other end's ack alone: octets before it may still come */
			bool busy : 1;       /* being read: tcp_resume() from within does nothing */
			bool waits : 1; /* set by the reader: what is unread stays, also when sent again; see below */
		};
		uint16_t marks; /* the same as one word, to ask for several at once */
	};
};

/* Both directions. */
struct tcp {
	struct tcp_half half[2];
	bool midstream : 1;  /* began before us */
	bool signed_ : 1;    /* MD5 (RFC 2385) or TCP-AO (RFC 5925) option seen */
	bool read_only : 1;  /* may be read, must not be edited: midstream, one way, signed; nothing is ever held */
	bool one_way : 1;    /* the other direction does not pass here */
	bool reset : 1;      /* RST seen or sent */
	bool patient : 1;    /* set by the reader: a gap may stay as long as where a direction waits */
	uint8_t kept;        /* blocks of tcp/unacked.h that the client's octets have */
	uint16_t kept_first; /* the first of them, where there are any */
	uint32_t moved_us;   /* clock, when octets last came in order, or were acknowledged; wraps */
};

/* True when nothing further is expected: both FINs seen and acknowledged, or reset. Pure. */
static inline bool
tcp_closed(const struct tcp *t)
{
	const struct tcp_half *a = &t->half[0], *b = &t->half[1];

	return t->reset || (a->fin_seen && b->fin_seen && seq_lt(a->fin, a->acked) && seq_lt(b->fin, b->acked));
}

/*
 * A direction `waits` where its unread octets are not to leave unread: the other end
 * has to answer, or its own end to take what was said to it, before more can be
 * judged; or the rest of a reply code is to come. Sending them again does not expose
 * them, and no time limit does (the reader has its own); above the cap of the flow,
 * what comes further is released, and will be sent again.
 */

/* What the layers above do with ordered octets and leaving packets. Called from tcp_input() and friends only. */
struct tcp_reader {
	/*
	 * Ordered octets of one direction: `v` starts at old number `seq`. Returns
	 * how many were consumed; fewer than v.len means "ask again with more",
	 * none "after tcp_resume()", or when more octets have come. Before returning, the
	 * reader moves half[dir].clear as far as it has judged (tcp_input then
	 * moves read and releases packets). Octets are those of one packet; where
	 * few of it are left, up to 16 are joined with what follows. It may change
	 * half[].mode, and call tcp_resume() for the other direction,
	 * tcp_release_all() and tcp_discard_all().
	 */
	size_t (*read)(void *ctx, struct flow *f, enum direction dir, uint32_t seq, struct view v);
	/*
	 * Takes p, which leaves now: translate, rewrite and transmit. Packets
	 * without payload pass here too, at once. p->h has old numbers.
	 */
	void (*leave)(void *ctx, struct flow *f, struct packet *p);
	/*
	 * The held octets of `dir` leave unjudged (time limit, cap, sent again),
	 * or have left out of order before they could be read. f->blind is set
	 * where it is for good; then also where nothing is held. tcp counts exposed_lines itself.
	 */
	void (*exposed)(void *ctx, struct flow *f, enum direction dir);
	/*
	 * p lies behind a gap of a STREAM_ORDERED direction: true where it may leave before that is filled. A copy
	 * stays, and is read in its turn; then the same is asked once more. NULL: none may.
	 */
	bool (*jumps)(void *ctx, const struct flow *f, const struct packet *p);
	/* p was found acceptable, and its acknowledgement noted; its octets come next. NULL: of no interest. */
	void (*accepted)(void *ctx, struct flow *f, const struct packet *p);
	bool divides; /* what was judged of a packet may leave without the rest: it may have to be answered first */
	void *ctx;
};

struct tcp_limits {
	uint16_t held_per_flow;   /* packets */
	bool refuse;              /* lost packets are sent again (a live box): above that, and above three quarters of
				     held_per_worker, what lies behind a gap is released; the flow is read no further
				     above twice that. Else above that */
	uint32_t held_per_worker; /* packets; above it a flow that holds some is read no further */
	uint64_t hold_ns;         /* a held packet leaves after this, judged or not */
};

struct unacked_pool; /* tcp/unacked.h */

/* Of one worker. */
struct tcp_worker {
	struct tcp_limits limits;
	struct tcp_reader reader;
	struct unacked_pool *unacked; /* what the reader keeps of the client's direction; borrowed; NULL: nothing */
	const struct packet_ops *ops; /* alloc and release; packets leave by reader.leave */
	struct counters *ctr;
	uint32_t held;           /* packets held now, all flows, copies included */
	struct flow *hold_first; /* flows with held packets, oldest first */
	struct flow *hold_last;
	bool trust_checksums; /* captures with offloaded checksums: take them as right */
};

/*
 * Takes p, a decoded TCP segment of flow f travelling in p->dir. Validates it
 * (checksum, ACK present, window, PAWS, RST at the next number), puts it in order,
 * has it read, and lets leave what may. What fails validation leaves as it
 * came, unread, and is counted.
 */
void tcp_input(struct tcp_worker *w, struct flow *f, struct packet *p);

/* From within reader.read(): direction `dir` waits from now on, with what it holds as if it had come now. */
void tcp_wait(struct flow *f, enum direction dir, uint64_t now_ns);

/* From within reader.read(): copies held octets from old number `from` on, up to `len`. Returns how many there are. */
size_t tcp_held_octets(const struct flow *f, enum direction dir, uint32_t from, uint8_t *out, size_t len);

/* The reader can go on in direction `dir` (a server's answer arrived): reads what waits and lets it leave. */
void tcp_resume(struct tcp_worker *w, struct flow *f, enum direction dir);

/* Everything held in both directions leaves now, unread; the directions become STREAM_IGNORED. */
void tcp_release_all(struct tcp_worker *w, struct flow *f);

/* Everything held in both directions is released to the pool and never leaves (drop, reset). */
void tcp_discard_all(struct tcp_worker *w, struct flow *f);

/*
 * Releases what is held for longer than the limit; at most `budget` flows a call. `~0` as now flushes all.
 * A direction with a gap that will not fill becomes STREAM_IGNORED and f->blind CTR_blind_gap.
 */
void tcp_expire(struct tcp_worker *w, uint64_t now_ns, unsigned budget);

#endif
