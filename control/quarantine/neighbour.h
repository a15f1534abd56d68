/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the kernel reaches an address by an interface: route and neighbour, as it knows them now (rtnetlink). It is the
 * kernel that speaks ARP and NDP, whenever somebody sends something there. Answers come at once. Any thread.
 */
#ifndef POSTERN_CONTROL_QUARANTINE_NEIGHBOUR_H
#define POSTERN_CONTROL_QUARANTINE_NEIGHBOUR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define NEIGHBOUR_TEXT 18 /* "02:00:00:00:00:01" and a NUL */

struct neighbour {
	struct sockaddr_storage hop; /* the next hop: the address itself, or a gateway */
	uint8_t mac[6];              /* of the next hop */
	uint8_t own[6];              /* of the interface */
	bool known;                  /* mac is its address, as far as the kernel knows */
	bool fixed;                  /* it was set by hand, and the kernel asks nobody */
};

/* The next hop on the way to `to`. NULL: it is in n->hop; else what is missing. */
const char *neighbour_route(const char *interface, const struct sockaddr_storage *to, struct neighbour *n);

/* Both Ethernet addresses, behind neighbour_route(). NULL: they are there; else what is missing. */
const char *neighbour_ask(const char *interface, struct neighbour *n);

/* The kernel looks for the next hop anew as soon as it is needed; without CAP_NET_ADMIN nothing happens. */
void neighbour_forget(const char *interface, const struct neighbour *n);

/* Writes an Ethernet address. */
void neighbour_text(const uint8_t mac[6], char text[NEIGHBOUR_TEXT]);

#endif
