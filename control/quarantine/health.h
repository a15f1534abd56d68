/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Is a quarantine well? One dialogue now and then: greeting, EHLO, QUIT. What
 * it offers in its EHLO reply is what sessions may be promised there. Where it
 * is reached by an interface of its own, the dialogue goes that way, which keeps
 * the kernel's idea of the next hop fresh; whoever has no known Ethernet address
 * there is not well. Loop thread only.
 */
#ifndef POSTERN_CONTROL_QUARANTINE_HEALTH_H
#define POSTERN_CONTROL_QUARANTINE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "quarantine/neighbour.h"

#define HEALTH_ANSWER_MS  5000 /* a dialogue that takes longer has failed */
#define HEALTH_CONNECT_MS 800  /* a connection that takes longer may be for another Ethernet address */

struct health_dialogue;

struct health {
	uv_loop_t *loop;
	struct sockaddr_storage address;
	const char *interface;            /* borrowed; "": any */
	struct neighbour way;             /* by that interface, as of the last dialogue */
	struct health_dialogue *dialogue; /* the one under way; NULL: none */
	void (*changed)(void *ctx);
	void *ctx;
	bool healthy;
	uint32_t caps;    /* CAP_* of the last EHLO reply */
	uint64_t checks;  /* dialogues that have ended */
	uint64_t since_s; /* wall clock: when it became healthy, or ill */
	char error[128];  /* why it is ill; "": not known yet, or healthy */
};

/* `changed` is called when health, capabilities or Ethernet addresses have changed. `address` is copied, `interface`
 * borrowed. */
void health_init(struct health *h, uv_loop_t *loop, const struct sockaddr_storage *address, const char *interface,
		 void (*changed)(void *ctx), void *ctx);

/* Begins a dialogue, unless one is under way. */
void health_check(struct health *h);

/* Gives up the dialogue under way. The loop must run once more. */
void health_close(struct health *h);

#endif
