/* SPDX-License-Identifier: BSD-3-Clause */
#include "replay/front.h"

#include <stdlib.h>
#include <string.h>

/* Two sizes: frames of a wire, and what offloading captures (up to 256 KiB, the largest a capture may hold). */
enum { SMALL = 2048, BIG = 262144 };

static struct packet *
take(struct replay_front *front, uint32_t need)
{
	uint32_t size = (need <= SMALL ? SMALL : BIG) + PACKET_TAILROOM;
	struct packet **spare = need <= SMALL ? &front->spare : &front->spare_big;
	struct packet *p = *spare;

	if (need > BIG)
		return NULL;
	if (p != NULL)
		*spare = p->next;
	else
		p = malloc(sizeof *p + size);
	if (p == NULL)
		return NULL;
	memset(p, 0, sizeof *p);
	p->data = (uint8_t *)(p + 1);
	p->room = size;
	front->live++;
	return p;
}

static struct packet *
front_alloc(void *ctx, uint32_t need)
{
	return take(ctx, need);
}

static void
front_release(void *ctx, struct packet *p)
{
	struct replay_front *front = ctx;
	struct packet **spare = p->len + p->room <= SMALL + PACKET_TAILROOM ? &front->spare : &front->spare_big;

	front->live--;
	p->next = *spare;
	*spare = p;
}

static void
front_transmit(void *ctx, struct packet *p, enum side side)
{
	struct replay_front *front = ctx;

	(void)side;
	front->left++;
	if (front->out != NULL) {
		const struct pcap_pkthdr header = {
			.ts = { .tv_sec = (time_t)(front->now_ns / 1000000000),
				.tv_usec = (suseconds_t)(front->now_ns % 1000000000) }, /* ns: see open_output() */
			.caplen = p->len,
			.len = p->len,
		};
		pcap_dump((u_char *)front->out, &header, p->data);
	}
	front_release(front, p);
}

struct packet_ops
replay_front_ops(struct replay_front *front)
{
	return (struct packet_ops){
		.alloc = front_alloc, .release = front_release, .transmit = front_transmit, .front = front
	};
}

struct packet *
replay_front_packet(struct replay_front *front, const uint8_t *octets, uint32_t len)
{
	struct packet *p = take(front, len);

	if (p == NULL)
		return NULL;
	memcpy(p->data, octets, len);
	p->len = len;
	p->room -= len;
	return p;
}

static void
free_list(struct packet *p)
{
	while (p != NULL) {
		struct packet *next = p->next;
		free(p);
		p = next;
	}
}

void
replay_front_done(struct replay_front *front)
{
	free_list(front->spare);
	free_list(front->spare_big);
	front->spare = front->spare_big = NULL;
}

int
replay_link_type(int dlt)
{
	switch (dlt) {
	case DLT_EN10MB:
		return LINK_ETHERNET;
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		return LINK_RAW_IP;
	case DLT_NULL:
	case DLT_LOOP:
		return LINK_LOOPBACK;
	case DLT_LINUX_SLL:
		return LINK_COOKED;
	case DLT_LINUX_SLL2:
		return LINK_COOKED2;
	default:
		return -1;
	}
}
