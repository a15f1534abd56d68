/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Edits of a flow: what its ledgers say, done to packets. Numbers are
 * translated on arrival (so that everything above thinks in the numbers of
 * the end that counts them) and on leaving.
 */
#ifndef POSTERN_EDIT_EDIT_H
#define POSTERN_EDIT_EDIT_H

#include "base/counters.h"
#include "edit/ledger.h"
#include "flow/flow.h"

/* Exists only for flows with an edit. */
struct edit {
	struct ledger ledger[2]; /* by enum direction */
	struct edit *next_free;
	/* replies waiting for their slot, in order of their commands: lengths into `text` */
	uint8_t reply_count;
	uint8_t reply_first;
	uint16_t reply_len[16];
	uint16_t reply_text_len;
	uint8_t reply_text[2048];
	bool quitting;           /* a QUIT disguise is under way: further client octets are not forwarded */
	uint32_t quit_end;       /* old number behind the QUIT line */
};

/* Edit states of one worker. */
struct edit_pool;
/* Returns owned, or NULL. At start only. */
struct edit_pool *edit_pool_new(unsigned count);
void edit_pool_free(struct edit_pool *pool);

/* The edit state of f, made when missing; NULL: pool empty. */
struct edit *edit_of(struct edit_pool *pool, struct flow *f);
/* Gives back the edit state of f, if any. */
void edit_drop(struct edit_pool *pool, struct flow *f);

/*
 * On arrival: p->h.ack (not the frame) becomes an old number, ledgers fold
 * what the ack covers. Nothing happens for a flow without edits.
 */
void edit_arrive(struct flow *f, struct packet *p);

/*
 * On leaving: rewrites payload by the ledger of p->dir, seq, ack, SACK blocks
 * (RFC 2018, RFC 2883), window, lengths and checksums. Takes p and transmits
 * it, as two or more segments where it outgrew the receiver's MSS. A flow
 * without edits: transmits p untouched.
 */
struct edit_exit {
	void (*transmit)(void *ctx, struct packet *p, enum side side); /* takes p */
	const struct packet_ops *ops;
	struct counters *ctr;
	void *ctx;
};
void edit_leave(const struct edit_exit *out, struct flow *f, struct packet *p);

/*
 * Disguises the client line [pos, pos + len) as NOOP or QUIT of equal length
 * (its line end of eol_len octets stays), and queues `reply` (copied) for its
 * slot. False, and no change: ledger or queue full.
 */
enum disguise { DISGUISE_NOOP, DISGUISE_QUIT };
bool edit_disguise(struct edit *e, enum disguise how, uint32_t pos, uint32_t len, uint32_t eol_len,
                   struct view reply);

/*
 * The line's octets up to `sent` have left already (exposed): spoils
 * [sent, pos + len - eol_len) so that no server takes it for an address.
 * False: no tail is left, or it is too short to spoil surely.
 */
bool edit_spoil(struct edit *e, uint32_t pos, uint32_t len, uint32_t eol_len, uint32_t sent, struct view reply);

/* `used` server octets at `seq` belong to a disguised slot: out they go; at `first` the queued reply goes in, at
 * `last` its slot is done. False: ledger full (the caller resets the session, for half a reply cannot be taken back). */
bool edit_reply(struct edit *e, uint32_t seq, uint32_t used, bool first, bool last);

/* Sends RST to both ends of f in sequence (RFC 9293 section 3.5.3). `like`: any packet of the flow, borrowed. */
void edit_reset_both(const struct edit_exit *out, struct flow *f, const struct packet *like);

#endif
