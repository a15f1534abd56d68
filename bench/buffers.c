/* SPDX-License-Identifier: BSD-3-Clause */
#include "buffers.h"

#include <stdlib.h>

#include "flow/pages.h"

bool
buffers_init(struct buffers *b, size_t count)
{
	*b = (struct buffers){ .count = count, .spare_count = count };
	b->all = pages_new(count * sizeof(*b->all));
	b->spare = calloc(count, sizeof(*b->spare));
	b->sent = calloc(count, sizeof(*b->sent));
	if (b->all == NULL || b->spare == NULL || b->sent == NULL) {
		buffers_free(b);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		b->spare[i] = &b->all[i];
		b->all[i].d.address = b->all[i].octets;
		b->all[i].d.segments = 1;
	}
	return true;
}

void
buffers_free(struct buffers *b)
{
	pages_free(b->all, b->count * sizeof(*b->all));
	free(b->spare);
	free(b->sent);
	*b = (struct buffers){ 0 };
}

struct buffer *
buffers_take(struct buffers *b)
{
	if (b->spare_count == 0)
		return NULL;
	struct buffer *buffer = b->spare[--b->spare_count];
	buffer->d.offset = BUFFER_HEADROOM;
	buffer->d.length = 0;
	buffer->d.flags = 0;
	return buffer;
}

void
buffers_give(struct buffers *b, struct buffer *buffer)
{
	b->spare[b->spare_count++] = buffer;
}

static inline struct packet *
packet_init(struct buffer *buffer, uint64_t now_ns)
{
	struct packet *p = &buffer->packet;

	p->data = buffer->d.address + buffer->d.offset;
	p->len = buffer->d.length;
	p->room = (uint32_t)(BUFFER_HEADROOM + BUFFER_ROOM - buffer->d.offset - buffer->d.length);
	p->next = NULL;
	p->flow = NULL;
	p->datagram = NULL;
	p->time_ns = now_ns;
	p->pair = 0;
	p->side = (uint8_t)buffer->d.port;
	p->dir = 0;
	p->link = LINK_ETHERNET;
	p->flags = buffer->d.flags != 0 ? PACKET_CHECKSUM_OK : 0;
	return p;
}

void
buffers_receive(struct buffer **frames, unsigned n, struct packet **burst, uint64_t now_ns)
{
	for (unsigned i = 0; i < n; i++) {
		__builtin_prefetch(frames[i]->d.address + frames[i]->d.offset);
		__builtin_prefetch(frames[i]->d.address + frames[i]->d.offset + 64);
	}
	for (unsigned i = 0; i < n; i++)
		burst[i] = packet_init(frames[i], now_ns);
}

static struct packet *
ops_alloc(void *ctx, uint32_t need)
{
	struct buffer *buffer = need <= BUFFER_ROOM ? buffers_take(ctx) : NULL;

	return buffer != NULL ? packet_init(buffer, 0) : NULL;
}

static void
ops_release(void *ctx, struct packet *p)
{
	buffers_give(ctx, buffer_of(p));
}

static void
outbox_flush(struct buffers *b, unsigned side)
{
	memcpy(b->sent + b->sent_count, b->outbox[side], b->outbox_count[side] * sizeof(b->sent[0]));
	b->sent_count += b->outbox_count[side];
	b->outbox_count[side] = 0;
}

static void
ops_transmit(void *ctx, struct packet *p, enum side side)
{
	struct buffers *b = ctx;
	struct buffer *buffer = buffer_of(p);

	buffer->d.offset = (uint16_t)(p->data - buffer->d.address);
	buffer->d.length = (uint16_t)p->len;
	buffer->d.flags = 0;
	buffer->d.port = (uint16_t)side;
	b->outbox[side][b->outbox_count[side]++] = buffer;
	if (b->outbox_count[side] == FLOW_BURST)
		outbox_flush(b, side);
}

void
buffers_flush(struct buffers *b)
{
	outbox_flush(b, SIDE_INSIDE);
	outbox_flush(b, SIDE_OUTSIDE);
}

struct packet_ops
buffers_ops(struct buffers *b)
{
	return (struct packet_ops){ .alloc = ops_alloc, .release = ops_release, .transmit = ops_transmit, .front = b };
}
