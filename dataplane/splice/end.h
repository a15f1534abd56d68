/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A TCP end of our own: it says one text after another, and takes octets in
 * order. It lives as long as a splice needs it, in three roles: as the client
 * at the quarantine until the hand-over, as the client that takes leave of the
 * original server, as the server that tells the client of a failure. What it
 * has sent is its own to repeat (RFC 9293 section 3.8.1, RFC 6298: back-off),
 * a bounded number of times. Numbers in host byte order, time passed in.
 *
 * Out of order is out of luck: such octets are answered with an ack, and their
 * sender repeats them.
 */
#ifndef POSTERN_SPLICE_END_H
#define POSTERN_SPLICE_END_H

#include "base/bytes.h"
#include "headers/proto.h"

#define END_TEXT     2048 /* octets that may be said and not acknowledged */
#define END_TRIES    8    /* of one piece; with the back-off below: 32 s */
#define END_FIRST_NS 400000000ULL
#define END_LAST_NS  10000000000ULL
#define END_WINDOW   65535 /* octets that it offers to take */

enum end_state {
	END_CLOSED,   /* says and takes nothing */
	END_OPENING,  /* its SYN is out */
	END_OPEN,     /* both ways; FINs are marks of their own */
	END_GIVEN_UP, /* the other side does not answer, or has reset the connection */
};

struct end {
	uint32_t una;      /* everything below is acknowledged */
	uint32_t nxt;      /* number behind what was said, FIN included */
	uint32_t rcv;      /* next number that it takes */
	uint32_t ts_value; /* TSval of its segments, where has_ts (RFC 7323 section 3.2) */
	uint32_t ts_echo;  /* TSval of the other side, for TSecr */
	uint64_t due_ns;   /* time of the next repetition; 0: nothing waits for an ack */
	uint16_t mss;      /* octets of text that one segment may carry */
	uint16_t text_len;
	uint8_t state; /* enum end_state */
	uint8_t tries;
	bool has_ts;
	bool fin_said;          /* our FIN is out (or acknowledged) */
	bool fin_read;          /* that of the other side has come, in order */
	uint8_t text[END_TEXT]; /* what was said from una on */
};

/* A segment, as an end sees it. Payload borrowed. */
struct end_segment {
	uint32_t seq, ack;
	uint32_t ts_value;
	uint8_t flags; /* TCP_* of headers/proto.h */
	bool has_ts;
	struct view payload;
};

/* Where segments of an end go: made into a frame and sent, or lost. Called from the functions below only. */
struct end_wire {
	void (*send)(void *ctx, const struct end *e, const struct end_segment *s);
	void *ctx;
};

/* Begins a connection with number `iss`: sends the SYN. mss, has_ts, ts_value are set by the caller before. */
void end_connect(struct end *e, const struct end_wire *wire, uint32_t iss, uint64_t now_ns);

/* Goes on in the middle of a connection: `nxt` is the next number to say, `rcv` the next to take. Sends nothing. */
void end_adopt(struct end *e, uint32_t nxt, uint32_t rcv);

/* Says text, and a FIN behind it where `fin`. False, and nothing happens: no room, or FIN said already. Copies. */
bool end_say(struct end *e, const struct end_wire *wire, struct view text, bool fin, uint64_t now_ns);

/* What a segment brought; a mask. */
enum {
	END_OPENED = 1, /* the connection stands */
	END_DATA = 2,   /* octets in order: *data, borrowed from the segment */
	END_FIN = 4,    /* the other side says no more */
	END_RESET = 8,  /* the connection is gone */
	END_ALL = 16,   /* all that was said is acknowledged now, and was not before */
};

/* Takes a segment of the other side, answers it. Returns the mask. */
unsigned end_input(struct end *e, const struct end_wire *wire, const struct end_segment *s, struct view *data,
		   uint64_t now_ns);

/* Repeats what is due. False: it was repeated often enough, the end has given up. */
bool end_tick(struct end *e, const struct end_wire *wire, uint64_t now_ns);

/* Sends a RST, and is closed. */
void end_abort(struct end *e, const struct end_wire *wire);

/* Both sides have said FIN, and ours is acknowledged. Pure. */
bool end_done(const struct end *e);

#endif
