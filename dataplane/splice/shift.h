/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a hand-over leaves behind: constants. Segments of the client to the
 * server it knows become segments to the quarantine, and back: addresses,
 * ports, seq, ack, SACK edges, timestamps, windows; checksums follow by the
 * difference, so that a wrong one stays wrong. Sums modulo 2^32.
 */
#ifndef POSTERN_SPLICE_SHIFT_H
#define POSTERN_SPLICE_SHIFT_H

#include "base/bytes.h"
#include "base/packet.h"

struct shift {
	uint8_t server[16]; /* the address that the client knows */
	uint8_t far[16];    /* that of the quarantine, of the same IP version */
	uint16_t server_port, far_port;
	uint32_t client_seq; /* of the client's octets: number at the quarantine less number at the client */
	uint32_t server_seq; /* of the replies: number at the client less number at the quarantine */
	uint32_t ts;         /* of the quarantine's clock: value at the client less value at the quarantine */
	uint32_t ts_first;   /* no TSecr below this one, in the quarantine's clock: earlier ones are the server's */
	uint32_t ts_last;    /* highest TSval that has left for the quarantine, by the client's clock */
	bool has_ts;
	uint8_t server_scale, far_scale;        /* of windows that the client gets: as it reads them, as they come */
	uint8_t client_scale, client_far_scale; /* of the client's: as they come, as the quarantine reads them */
};

/*
 * Client to quarantine: `p` as it would have gone to the server. Rewrites the frame. What was held while its sender
 * repeated it leaves behind younger segments: its TSval becomes theirs, or PAWS would discard it (RFC 7323
 * section 5.3).
 */
void shift_out(struct shift *s, struct packet *p);

/* Quarantine to client: `p` becomes one of the server's; frame and p->h. */
void shift_in(const struct shift *s, struct packet *p);

/* A window of one scale in another: rounds down, never to 0 what is none, at most 65,535. Pure. */
uint16_t shift_window(uint16_t window, uint8_t from, uint8_t to);

#endif
