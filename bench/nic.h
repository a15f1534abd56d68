/* SPDX-License-Identifier: BSD-3-Clause */
/* The two ports of a generator: PCI addresses of NICs, or virtual devices of DPDK. */
#ifndef POSTERN_BENCH_NIC_H
#define POSTERN_BENCH_NIC_H

#include <stdbool.h>
#include <stdint.h>

struct rte_mempool;

struct nics {
	uint16_t id[2]; /* by enum side of the box: inside, outside */
	struct rte_mempool *pool;
};

/*
 * Starts DPDK on `core` with the two devices ("0000:3b:00.0", "net_memif0,role=server,..."), and opens them. Virtual
 * devices need no huge pages. False after a sentence on stderr.
 */
bool nics_open(struct nics *nics, unsigned core, char *const device[2]);
void nics_close(struct nics *nics);

/* Waits until both links are up. False: they are not, after `seconds`. */
bool nics_link(const struct nics *nics, double seconds);

#endif
