/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The list of one direction: packets that have not left, and copies of packets
 * that have left before they could be read. Ascending by first octet; where
 * packets overlap, their octets agree.
 */
#ifndef POSTERN_TCP_HELD_H
#define POSTERN_TCP_HELD_H

#include "tcp/stream.h"

/* Packets in the lists of both directions. Pure. */
static inline unsigned
held_both(const struct tcp *t)
{
	return t->half[0].held_count + t->half[1].held_count;
}

/* Takes p into the list. */
void held_insert(struct tcp_worker *w, struct tcp_half *h, struct packet *p);

/* The same where the list is empty. */
static inline void
held_insert_alone(struct tcp_worker *w, struct tcp_half *h, struct packet *p)
{
	p->next = NULL;
	h->held = p;
	h->held_count++;
	w->held++;
}

/* Takes the packet at link `at` out of the list. Returns owned. */
static inline struct packet *
held_take(struct tcp_worker *w, struct tcp_half *h, struct packet **at)
{
	struct packet *p = *at;

	*at = p->next;
	p->next = NULL;
	h->held_count--;
	w->held--;
	return p;
}

/* Takes the packet at link `at` out of the list and gives it back to its pool. */
void held_release(struct tcp_worker *w, struct tcp_half *h, struct packet **at);

/* Returns owned: a copy of p for reading, or NULL (counted no_buffer). Borrows p. */
struct packet *held_copy(struct tcp_worker *w, const struct packet *p);

/* True where every number that p takes is in the list. Borrows p. */
bool held_covers(const struct tcp_half *h, const struct packet *p);

/* Octets of p that the list has already become those of the list (counted), so that all readers see one stream. */
void held_first_copy_wins(struct tcp_worker *w, const struct tcp_half *h, struct packet *p);

/* nxt moves over what follows it without a gap. */
void held_advance(struct tcp_half *h);

/* The packet of the list with the next octet to read; read moves over a FIN that stands before it. NULL: none. */
struct packet *held_unread(struct tcp_half *h);

/* The first copy that begins below `seq` and reaches beyond both sent and read: octets that left out of order. NULL:
 * none. */
struct packet *held_copy_before(const struct tcp_half *h, uint32_t seq);

/* Octets of room that held_view() needs. */
#define HELD_JOINED 16

/*
 * The unread octets of p, which held_unread() returned. Where they are few,
 * and more follow in other packets, they are joined in `room`, so that a
 * reader who wants some octets together (a reply code) gets them.
 */
struct view held_view(const struct tcp_half *h, const struct packet *p, uint8_t room[HELD_JOINED]);

#endif
