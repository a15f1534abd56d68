/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Edits of a flow: what its ledgers say, done to packets. Numbers are
 * translated on arrival (so that everything above thinks in the numbers of
 * the end that counts them) and on leaving. All of it runs on the worker's
 * thread; numbers are in host byte order.
 *
 *   client        new | box | old        server      ledger[DIR_SERVER]: replies, lengths differ
 *   client        old | box | new        server      ledger[DIR_CLIENT]: overlays, lengths equal
 *
 * A reply of ours stands once in `text`, from the command to the client's ack:
 *
 *   text   [ inserted by ledger[DIR_SERVER] | queued for later slots | free ]
 *
 * Insertion moves the first bar, the ack takes octets off the front.
 */
#ifndef POSTERN_EDIT_EDIT_H
#define POSTERN_EDIT_EDIT_H

#include "base/counters.h"
#include "edit/ledger.h"
#include "flow/flow.h"

#define EDIT_TEXT  1536 /* octets of our replies that the client has not acknowledged: 9 of 170 */
#define EDIT_QUEUE 16   /* replies that wait for their slots */

/* Exists only for flows with an edit. */
struct edit {
	struct ledger ledger[2]; /* by enum direction */
	struct edit *next_free;
	uint32_t left[2];  /* by direction: old number below which everything has passed edit_leave() */
	uint32_t quit_end; /* old number behind the QUIT line, where quitting */
	bool quitting;     /* further client octets are not forwarded */
	bool in_slot;      /* the last piece of a disguised slot is still to come */
	uint8_t queue_count;
	uint16_t queue_text;        /* octets of all queued replies */
	uint16_t queue[EDIT_QUEUE]; /* their lengths, in order of their commands */
	uint8_t text[EDIT_TEXT];
};

/* Edit states of one worker. */
struct edit_pool;
/* Returns owned, or NULL. At start only. */
struct edit_pool *edit_pool_new(unsigned count);
/* Takes pool and every edit state in it. */
void edit_pool_free(struct edit_pool *pool);

/* The edit state of f, made when missing; NULL: pool empty. */
struct edit *edit_of(struct edit_pool *pool, struct flow *f);
/* Gives back the edit state of f, if any. */
void edit_drop(struct edit_pool *pool, struct flow *f);

/*
 * On arrival, before the tcp stage: p->h.ack (not the frame) becomes an old
 * number. What both peers have acknowledged so far (tcp_half.acked, so by
 * validated segments only) is folded. Nothing happens for a flow without edits.
 */
void edit_arrive(struct flow *f, struct packet *p);

struct edit_exit {
	void (*transmit)(void *ctx, struct packet *p, enum side side); /* takes p */
	const struct packet_ops *ops;
	struct counters *ctr;
	void *ctx;
	bool trust_checksums; /* captures with offloaded checksums: take them as right */
};

/*
 * On leaving: rewrites payload by the ledger of p->dir, seq, ack, SACK blocks
 * (RFC 2018, RFC 2883), window, lengths and checksums. Takes p and transmits
 * it, as two or more segments where it outgrew the receiver's MSS or the buffer.
 *
 *  - A flow without edits, and a SYN: p leaves untouched.
 *  - Only numbers change: checksums are adjusted, so that a wrong one stays wrong.
 *  - Octets change: checksums are computed, so p must have come with a right
 *    one; a damaged p would be healed with the damage in it, and vanishes instead.
 *  - All octets are gone: p leaves as a pure ACK. When those octets pass again,
 *    their sender misses an ack that nobody has a reason to repeat: then one
 *    number below, so that the receiver answers (as to a keep-alive, RFC 9293
 *    section 3.8.4).
 *  - No buffer for a further segment: nothing is sent, not even the first, and
 *    no_buffer counted; the sender's retransmission tries again.
 *  - Behind a QUIT disguise client octets, and a FIN behind them, do not leave.
 *    Once the client has acknowledged our 421 (or the server's FIN behind it),
 *    a FIN that cannot be delivered, or octets sent on after the server's FIN
 *    was acknowledged, make edit_reset_both(). Never earlier: a RST may discard
 *    what the client has not read yet. A FIN right behind the QUIT line passes.
 */
void edit_leave(const struct edit_exit *out, struct flow *f, struct packet *p);

/*
 * Disguises the client line [pos, pos + len) as NOOP or QUIT of equal length
 * (its line end of eol_len octets stays), and queues `reply` (copied) for its
 * slot. Nothing of the line may have left. False, and no change: ledger or
 * queue full, octets have left, or a line shorter than the word.
 */
enum disguise { DISGUISE_NOOP, DISGUISE_QUIT };
bool edit_disguise(struct edit *e, enum disguise how, uint32_t pos, uint32_t len, uint32_t eol_len, struct view reply);

/*
 * The line's octets up to `sent` have left already (exposed): overwrites
 * [sent, pos + len - eol_len) with '@', so that no server takes it for an
 * address. False, and no change: fewer than 2 octets are left, or full.
 */
bool edit_spoil(struct edit *e, uint32_t pos, uint32_t len, uint32_t eol_len, uint32_t sent, struct view reply);

/*
 * `used` server octets at `seq` belong to a disguised slot: out they go; at
 * `first` the oldest queued reply goes in. Call before they leave. A slot may
 * come in pieces, the one behind which it is done is the `last`; a reply that
 * is held until complete takes one entry. False: ledger full, no reply queued,
 * a piece without its first, or octets that have left (the caller resets the
 * session, for half a reply cannot be taken back).
 */
bool edit_reply(struct edit *e, uint32_t seq, uint32_t used, bool first, bool last);

/*
 * Sends RST to both ends of f, each in its own numbers (RFC 9293 section
 * 3.5.3); where octets are in flight, one RST at either end of them, since
 * receivers want the exact number (RFC 5961 section 3.2). `like`: any packet
 * of the flow that has not left yet, borrowed; its link header is repeated.
 * Marks f as reset. A missing buffer counts no_buffer.
 */
void edit_reset_both(const struct edit_exit *out, struct flow *f, const struct packet *like);

#endif
