/* SPDX-License-Identifier: BSD-3-Clause */
/* A flow with an edit stage around it, and segments of it as strings. */
#ifndef POSTERN_TESTS_SESSION_H
#define POSTERN_TESTS_SESSION_H

#include "edit/edit.h"
#include "frame.h"

#define CLIENT_ISN 1000u
#define SERVER_ISN (UINT32_MAX - 20)

struct session {
	struct flow flow;
	struct front front;
	struct counters ctr;
	struct edit_exit out;
	struct edit_pool *pool;
	struct frame like; /* version, vlan, options of all frames */
};

static inline uint32_t
isn_of(unsigned dir)
{
	return dir == DIR_CLIENT ? CLIENT_ISN : SERVER_ISN;
}

static inline void
session_init(struct session *s)
{
	memset(s, 0, sizeof *s);
	front_init(&s->front);
	s->out = (struct edit_exit){
		.transmit = front_transmit, .ops = &s->front.ops, .ctr = &s->ctr, .ctx = &s->front
	};
	s->pool = edit_pool_new(1);
	s->flow.client_side = SIDE_INSIDE;
	s->flow.key = (struct flow_key){ .addr = { { 10, 0, 0, 1 }, { 10, 0, 0, 2 } }, .port = { 40000, 25 } };
	for (unsigned d = 0; d < 2; d++) {
		struct tcp_half *h = &s->flow.tcp.half[d];
		h->sent = h->clear = h->read = h->nxt = h->acked = isn_of(d);
		h->mss = 1460;
		h->started = true;
	}
}

static inline void
session_done(struct session *s)
{
	struct packet *p;

	while ((p = front_take(&s->front)) != NULL)
		front_release(&s->front, p);
	edit_drop(s->pool, &s->flow);
	edit_pool_free(s->pool);
}

/* A segment of `dir` at offset `at`, acknowledging offset `ack` of the other direction; marks move as in tcp. */
static inline struct packet *
segment(struct session *s, unsigned dir, uint32_t at, uint32_t ack, uint8_t flags, const char *payload)
{
	struct frame f = s->like;
	struct tcp_half *h = &s->flow.tcp.half[dir], *o = &s->flow.tcp.half[!dir];

	f.dir = (uint8_t)dir;
	f.seq = isn_of(dir) + at;
	f.ack = isn_of(!dir) + ack;
	f.flags = ACK | flags;
	f.window = 1000;
	f.payload = view_of(payload, strlen(payload));
	struct packet *p = frame_make(&s->front, &f);
	edit_arrive(&s->flow, p);
	h->nxt = seq_max(h->nxt, f.seq + (uint32_t)f.payload.len);
	o->acked = seq_max(o->acked, p->h.ack);
	if (flags & FIN) {
		h->fin_seen = true;
		h->fin = f.seq + (uint32_t)f.payload.len;
	}
	return p;
}

/* Lets p leave and takes the first packet that comes out, decoded; NULL: none. The others stay in the front. */
static inline struct packet *
through(struct session *s, struct packet *p)
{
	uint8_t dir = p->dir;

	edit_leave(&s->out, &s->flow, p);
	s->flow.tcp.half[dir].sent = s->flow.tcp.half[dir].nxt;
	p = front_take(&s->front);
	if (p != NULL && headers_decode(p) != DECODE_TCP)
		abort();
	return p;
}

/* The payload of p as a string; takes p. */
static inline const char *
octets_of(struct session *s, struct packet *p)
{
	static char text[4096];

	memcpy(text, p->data + p->h.payload, p->h.payload_len);
	text[p->h.payload_len] = '\0';
	front_release(&s->front, p);
	return text;
}

#endif
