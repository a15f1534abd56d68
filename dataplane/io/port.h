/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ports of the box, in pairs: what comes in at one side leaves at the
 * other; and one by itself, where quarantines have an interface of their own:
 * the first one of a pair that has no second. Opened by the main thread before any worker runs, closed after the
 * last one has stopped.
 */
#ifndef POSTERN_IO_PORT_H
#define POSTERN_IO_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/packet.h"
#include "io/nic_rules.h"
#include "settings/settings.h"

#define PAIRS_MAX 8
#define SLOTS_MAX (2 * PAIRS_MAX)
/* Descriptors of a ring; the stock AF_XDP driver keeps as many buffers on each side of a queue for itself. */
#define PORT_DESCRIPTORS 2048

#define MAIL_DESCRIPTORS 512 /* of the queue of mail, where a card has one */

struct rte_mempool;

struct port {
	const char *device; /* as in the settings; borrowed */
	uint16_t id;        /* of the ethdev */
	uint16_t mtu;       /* octets of IP packet */
	bool af_xdp;        /* needs all buffers in one piece of memory */
	bool chains;        /* takes a frame that stands in several buffers */
	bool open;
	bool linked;        /* its link has been up since it was opened */
	uint16_t rx_queues; /* read by worker 0, the last one first: 1, or 2 where the card can bring mail to its own */
	struct nic_rules rules;
};

/* A slot is the index of a port: 2 * pair + side. */
struct ports {
	unsigned pairs; /* whole ones */
	unsigned count; /* of ports: 2 * pairs, or one more */
	struct port port[SLOTS_MAX];
};

/* The device of the quarantines' own port, on the interface of the settings. */
#define APART_DEVICE "net_af_xdp_quarantine"

/* The pair of the quarantines' own port; PAIR_NONE: they have none. */
static inline uint8_t
ports_apart(const struct ports *ports)
{
	return ports->count > 2 * ports->pairs ? (uint8_t)ports->pairs : PAIR_NONE;
}

static inline unsigned
port_slot(unsigned pair, unsigned side)
{
	return 2 * pair + side;
}

/* Finds the devices of all ports and asks them for MTU and abilities. False after a sentence on stderr. */
bool ports_find(struct ports *ports, const struct settings *s);

/* Configures and starts all ports, one queue each way and, where the card takes rules, one for the mail of `scope`;
 * buffers from `pool`. False after a sentence on stderr. */
bool ports_open(struct ports *ports, struct rte_mempool *pool, const struct scope *scope);

/* The ports that carry mail are others now: told to the cards. Where one refuses, that is said, and costs no mail. */
void ports_mail(struct ports *ports, const struct scope *scope);

/*
 * Looks for links that came up since the last call, and says how long that took since `start_ns` (monotonic). True: all
 * have. Main thread.
 */
bool ports_linked(struct ports *ports, uint64_t start_ns, uint64_t now_ns);

/* Stops and closes whatever is open. */
void ports_close(struct ports *ports);

/* Frames that ports lost before any worker saw them, all ports together (missed, and no buffer). Any thread. */
uint64_t ports_lost(const struct ports *ports);

/* Octets of the longest frame of any port: MTU, Ethernet header and two tags. */
uint32_t ports_frame_max(const struct ports *ports);

#endif
