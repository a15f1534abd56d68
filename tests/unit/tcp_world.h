/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A flow, a worker and a reader for the tests of dataplane/tcp. Segments are
 * given as strings at an offset of their stream (0: the first octet behind the
 * SYN); what left is a string again: payloads separated by blanks, "<S>", "<F>", "<R>",
 * "<.>" for SYN, FIN, RST and plain ACK.
 *
 * The reader takes ';' for the end of a line: in ORDERED mode it clears what
 * stands before the last one. `gate` is the offset at which it stops.
 */
#ifndef POSTERN_TESTS_TCP_WORLD_H
#define POSTERN_TESTS_TCP_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "flow/flow.h"
#include "headers/checksum.h"
#include "headers/proto.h"
#include "tcp/stream.h"

#define WORLD_PACKETS 512
#define WORLD_FRAME   256
#define WORLD_STREAM  4096
#define CLIENT_FIRST  1000u /* number of the client's first octet */
#define SERVER_FIRST  5000u

struct world_slot {
	struct packet packet; /* first member: a packet is its slot */
	uint8_t frame[WORLD_FRAME];
	bool used;
};

struct world {
	struct world_slot slot[WORLD_PACKETS];
	unsigned in_use;
	bool pool_empty; /* alloc gives NULL */
	struct packet_ops ops;
	struct counters ctr;
	struct tcp_worker w;
	struct flow flow;
	uint32_t first[2]; /* number of the first octet of each direction */
	uint32_t gate[2];  /* offset where the reader stops */
	char seen[2][WORLD_STREAM];
	size_t seen_len[2];
	char left[WORLD_STREAM];
	unsigned exposed[2];
	uint64_t now;
	struct packet *last; /* the last packet that left, before it went back; for looking at flags and frame */
	struct world_slot last_left;
	const char *options; /* TCP options of the next segments, a multiple of 4 octets */
	size_t options_len;
	void (*on_read)(struct world *x, enum direction dir); /* called by the reader after each piece */
};

static inline struct packet *
world_alloc(void *front, uint32_t need)
{
	struct world *x = front;

	assert_true(need <= WORLD_FRAME);
	for (unsigned i = 0; i < WORLD_PACKETS && !x->pool_empty; i++) {
		struct world_slot *s = &x->slot[i];
		if (s->used)
			continue;
		s->used = true;
		x->in_use++;
		s->packet = (struct packet){ .data = s->frame, .room = WORLD_FRAME };
		return &s->packet;
	}
	return NULL;
}

static inline void
world_release(void *front, struct packet *p)
{
	struct world *x = front;
	struct world_slot *s = (struct world_slot *)p;

	assert_true(s->used);
	s->used = false;
	x->in_use--;
}

static inline const char *
world_flag(const struct packet *p)
{
	unsigned flags = p->h.tcp_flags;

	return flags & TCP_RST ? "<R>" : flags & TCP_SYN ? "<S>" : flags & TCP_FIN ? "<F>" : "<.>";
}

static inline void
world_leave(void *ctx, struct flow *f, struct packet *p)
{
	struct world *x = ctx;
	size_t n = strlen(x->left);

	assert_false(p->flags & PACKET_COPY);
	n += (size_t)sprintf(x->left + n, "%s", n > 0 ? " " : "");
	n += (size_t)sprintf(x->left + n, "%.*s", p->h.payload_len, (const char *)p->data + p->h.payload);
	if (p->h.payload_len == 0 || (p->h.tcp_flags & (TCP_FIN | TCP_SYN)))
		sprintf(x->left + n, "%s", world_flag(p));
	x->last_left = *(struct world_slot *)p;
	x->last_left.packet.data = x->last_left.frame;
	x->last = &x->last_left.packet;
	world_release(x, p);
}

static inline size_t
world_read(void *ctx, struct flow *f, enum direction dir, uint32_t seq, struct view v)
{
	struct world *x = ctx;
	struct tcp_half *h = &f->tcp.half[dir];
	uint32_t at = seq - x->first[dir];
	size_t take = 0;

	assert_true(v.len > 0);
	assert_int_equal(at, x->seen_len[dir]); /* in order, nothing twice */
	while (take < v.len && at + take < x->gate[dir]) {
		x->seen[dir][x->seen_len[dir]++] = (char)v.at[take++];
		if (v.at[take - 1] == ';' && h->mode == STREAM_ORDERED)
			h->clear = seq + (uint32_t)take;
	}
	if (x->on_read != NULL)
		x->on_read(x, dir);
	return take;
}

static inline void
world_exposed(void *ctx, struct flow *f, enum direction dir)
{
	struct world *x = ctx;

	x->exposed[dir]++;
}

/* A world before the SYN. */
static inline void
world_init(struct world *x)
{
	memset(x, 0, sizeof *x);
	x->ops = (struct packet_ops){ .alloc = world_alloc, .release = world_release, .front = x };
	x->w.limits = (struct tcp_limits){ .held_per_flow = 64, .held_per_worker = 256, .hold_ns = 1000 };
	x->w.reader =
		(struct tcp_reader){ .read = world_read, .leave = world_leave, .exposed = world_exposed, .ctx = x };
	x->w.ops = &x->ops;
	x->w.ctr = &x->ctr;
	x->w.trust_checksums = true;
	x->first[DIR_CLIENT] = CLIENT_FIRST;
	x->first[DIR_SERVER] = SERVER_FIRST;
	x->gate[0] = x->gate[1] = UINT32_MAX;
	x->now = 1;
}

/* A segment, not given yet: payload at offset `at` of dir's stream, acknowledging `ack` octets of the other one. */
static inline struct packet *
world_segment(struct world *x, enum direction dir, uint32_t at, unsigned flags, const char *payload, uint32_t ack)
{
	struct packet *p = world_alloc(x, WORLD_FRAME);
	size_t len = strlen(payload);
	size_t header = 20 + x->options_len;

	assert_non_null(p);
	memset(p->data, 0, 20 + header);
	p->data[0] = 0x45;
	p->data[9] = PROTO_TCP;
	p->len = (uint32_t)(20 + header + len);
	p->room = WORLD_FRAME - p->len;
	store_be16(p->data + 2, (uint16_t)p->len);
	p->link = LINK_RAW_IP;
	p->h = (struct headers){
		.l4 = 20, .payload = (uint16_t)(20 + header), .payload_len = (uint16_t)len, .ip_version = 4
	};
	p->h.seq = x->first[dir] + at - (flags & TCP_SYN ? 1 : 0);
	p->h.ack = x->first[!dir] + ack;
	p->h.tcp_flags = (uint16_t)flags;
	p->h.window = 8192;
	store_be32(p->data + 24, p->h.seq);
	store_be32(p->data + 28, p->h.ack);
	p->data[32] = (uint8_t)(header / 4 << 4);
	p->data[33] = (uint8_t)flags;
	if (x->options_len > 0)
		memcpy(p->data + 40, x->options, x->options_len);
	memcpy(p->data + 20 + header, payload, len);
	checksum_rewrite(p);
	p->flow = &x->flow;
	p->dir = dir;
	p->time_ns = x->now;
	return p;
}

/* The same, given to the worker. */
static inline void
give(struct world *x, enum direction dir, uint32_t at, unsigned flags, const char *payload, uint32_t ack)
{
	tcp_input(&x->w, &x->flow, world_segment(x, dir, at, flags, payload, ack));
}

/* Data of a direction that acknowledges nothing new. */
static inline void
say(struct world *x, enum direction dir, uint32_t at, const char *payload)
{
	give(x, dir, at, TCP_ACK, payload, 0);
}

/* What has left since the last call. */
static inline void
expect_left(struct world *x, const char *left)
{
	assert_string_equal(x->left, left);
	x->left[0] = '\0';
}

/* The stream so far. */
static inline void
expect_seen(struct world *x, enum direction dir, const char *seen)
{
	x->seen[dir][x->seen_len[dir]] = '\0';
	assert_string_equal(x->seen[dir], seen);
}

/* A world after the handshake, nothing in the log. */
static inline void
world_open(struct world *x)
{
	world_init(x);
	give(x, DIR_CLIENT, 0, TCP_SYN, "", 0);
	give(x, DIR_SERVER, 0, TCP_SYN | TCP_ACK, "", 0);
	give(x, DIR_CLIENT, 0, TCP_ACK, "", 0);
	expect_left(x, "<S> <S> <.>");
}

/* Everything that is held goes back, and nothing is missing from the pool. */
static inline void
world_close(struct world *x)
{
	tcp_discard_all(&x->w, &x->flow);
	assert_int_equal(x->in_use, 0);
	assert_int_equal(x->w.held, 0);
	assert_null(x->w.hold_first);
	assert_null(x->w.hold_last);
	assert_false(x->flow.on_hold);
}

#endif
