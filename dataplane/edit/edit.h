/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Edits of a flow: what its ledgers say, done to packets. Numbers are
 * translated on arrival (so that everything above thinks in the numbers of
 * the end that counts them) and on leaving. All of it runs on the worker's
 * thread; numbers are in host byte order.
 *
 *   client        new | box | old        server      ledger[DIR_SERVER]: replies, lengths differ
 *   client        old | box | new        server      ledger[DIR_CLIENT]: overlays; lines spoiled or removed
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

#define EDIT_REPLY 1024 /* octets of the longest reply of ours */
#define EDIT_TEXT  3072 /* octets of our replies that the client has not acknowledged: 12 of 170, and the longest */
#define EDIT_QUEUE 12   /* replies that wait for their slots */
#define EDIT_HEAD  96   /* octets of link and IP header that are remembered */

/* What a frame of our own needs of the frames before it. */
struct edit_head {
	uint16_t l3;        /* offset of the IP header */
	uint16_t pppoe;     /* offset of the PPPoE header, 0: none */
	uint8_t ip_version; /* 0: none was seen */
	uint8_t link, pair;
	uint8_t octets[EDIT_HEAD];
};

/* Exists only for flows with an edit. */
struct edit {
	struct ledger ledger[2]; /* by enum direction */
	struct edit *next_free;
	uint32_t left[2];     /* by direction: old number below which everything has passed edit_leave() */
	uint32_t quit_end;    /* old number behind the QUIT line, where quitting */
	bool quitting;        /* further client octets are not forwarded */
	bool in_slot;         /* the last piece of a disguised slot is still to come */
	bool due;             /* what stands is to be sent, or sent again */
	uint8_t refused_as;   /* enum action: the session is refused as a whole, and how; 0: it is not */
	uint8_t refused_lang; /* enum lang of the answers to it */
	bool owed;            /* the client has our answer, and no ack of its command yet */
	uint32_t line;        /* old number of the first removed client line whose answer stands; where one stands */
	uint32_t line_end;    /* behind the last one */
	uint32_t told;        /* highest ack that left for the client, old number */
	uint32_t arrived;     /* ack of the segment at hand as it came, where it is the client's */
	uint64_t moved_ns;    /* when an end last acknowledged an edit */
	struct edit_head head[2]; /* by direction */
	uint8_t queue_count;
	uint16_t queue_text;        /* octets of all queued replies */
	uint16_t queue[EDIT_QUEUE]; /* their lengths, in order of their commands */
	uint8_t *text; /* EDIT_TEXT octets of the pool's; NULL: the client has acknowledged all that was ours */
	struct edit_pool *pool;
};

/* Edit states of one worker. */
struct edit_pool;
/* Returns owned, or NULL. At start only. */
struct edit_pool *edit_pool_new(unsigned count);
/* Takes pool and every edit state in it. */
void edit_pool_free(struct edit_pool *pool);

/* The edit state of f, made when missing; NULL: pool empty. */
struct edit *edit_of(struct edit_pool *pool, struct flow *f);
/* The text of e is there to be written. Never fails: each edit state has one to take. */
void edit_text_take(struct edit *e);
/* Gives back the edit state of f, if any. */
void edit_drop(struct edit_pool *pool, struct flow *f);

/* The headers of p, a packet of f, are those that frames of our own repeat. Nothing happens for a flow without edits.
 */
void edit_note(struct flow *f, const struct packet *p);

/*
 * On arrival, before the tcp stage: p->h.ack (not the frame) becomes an old
 * number. What both peers have acknowledged so far (tcp_half.acked, so by
 * validated segments only) is folded. Nothing happens for a flow without edits.
 */
void edit_arrive(struct flow *f, struct packet *p);

/*
 * The tcp stage has accepted p, the packet that arrived last: its ack counts.
 * A client that sends again what stands answered has not got the answer. Nothing happens for a flow without edits.
 */
void edit_accept(struct flow *f, const struct packet *p);

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
 * The line's octets up to `sent` have left already (exposed), at least one has
 * not: LEDGER_SPOILER takes the place of the rest, line end included, so that
 * the server refuses the line. False, and no change: all has left, or full.
 */
bool edit_spoil(struct edit *e, uint32_t pos, uint32_t len, uint32_t sent, struct view reply);

/*
 * `used` server octets at `seq` belong to a disguised slot: out they go; at
 * `first` the oldest queued reply goes in. Call before they leave. A slot may
 * come in pieces, the one behind which it is done is the `last`; a reply that
 * is held until complete takes one entry. False: ledger full, no reply queued,
 * a piece without its first, or octets that have left (the caller resets the
 * session, for half a reply cannot be taken back).
 */
bool edit_reply(struct edit *e, uint32_t seq, uint32_t used, bool first, bool last);

/* The oldest queued reply has lost its slot (the server's own word passed there): it is taken out of the queue. */
void edit_skip(struct edit *e);

/*
 * The server octets [seq, seq + used) are the beginning of a reply that nobody has asked us to replace until now:
 * out they go, and `reply` (copied) in; what follows of it is for edit_reply(). None of them may have left, and no
 * other answer may be owed. False, and no change: it is not so, or full.
 */
bool edit_refuse(struct edit *e, uint32_t seq, uint32_t used, struct view reply);

/*
 * Removes the client line [pos, pos + len), line end included, of which nothing
 * may have left: the server never sees it. Queues `reply` (copied) for it, to be
 * placed by edit_ride() or edit_stand(). False, and no change: full, or it has left.
 */
bool edit_remove(struct edit *e, uint32_t pos, uint32_t len, struct view reply);

/*
 * The first n queued replies go behind the server octet at `seq`, and with it: the
 * last one of the answer to the command before theirs, which has not left yet. It
 * is `octet`; NULL: it belongs to a disguised slot, and goes out. The server's
 * retransmission is theirs. False: as for edit_reply().
 */
bool edit_ride(struct edit *e, uint32_t seq, const uint8_t *octet, unsigned n);

/*
 * The oldest queued reply stands in front of server number `seq`, since no answer
 * is outstanding that could carry it: edit_own() sends it. It answers the client
 * line [pos, pos + len): until the client has acknowledged the answer, no ack
 * covers the line but that of the answer itself, so that the client's
 * retransmission asks for the answer again. False, and no change: ledger full.
 */
bool edit_stand(struct edit *e, uint32_t seq, uint32_t pos, uint32_t len);

/* True where edit_stand() may be called for server number `seq`. Pure. */
bool edit_can_stand(const struct edit *e, uint32_t seq);

/*
 * True where one more answer of any kind can be placed; else there will be room when
 * an end has acknowledged more. Text that stands at one place keeps other places
 * waiting, for the ack of a line must never tell of more than one of them. Pure.
 */
bool edit_room(const struct edit *e);

/* True where answers of the server's are still to be replaced, or to carry ours. Pure. */
static inline bool
edit_owes(const struct edit *e)
{
	return e->queue_count > 0 || e->in_slot;
}

/*
 * Sends what is due to the client of f in a segment of ours: the text that stands,
 * as much as one segment carries, or an ack. Call when a packet has been dealt
 * with. An empty pool counts no_buffer; the client's retransmission tries again.
 */
void edit_own(const struct edit_exit *out, struct flow *f);

/*
 * Sends RST to both ends of f, each in its own numbers (RFC 9293 section
 * 3.5.3); where octets are in flight, one RST at either end of them, since
 * receivers want the exact number (RFC 5961 section 3.2). `like`: any packet
 * of the flow that has not left yet, borrowed; its link header is repeated
 * where no edit has kept one. NULL: where an edit has.
 * Marks f as reset. A missing buffer counts no_buffer.
 */
void edit_reset_both(const struct edit_exit *out, struct flow *f, const struct packet *like);

/*
 * Answers p, a segment of f that came after edit_reset_both(), with a RST to its
 * sender (RFC 9293 section 3.10.7.1): the first one was lost. Borrows p, as it came.
 */
void edit_reset_again(const struct edit_exit *out, const struct flow *f, const struct packet *p);

#endif
