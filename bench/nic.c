/* SPDX-License-Identifier: BSD-3-Clause */
#include "nic.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

enum { DESCRIPTORS = 2048, PACKETS = 32767, CACHE = 256, MEMORY_MB = 256, ARGUMENTS = 16, TEXT = 512 };

static bool
is_pci(const char *device)
{
	return memchr(device, ':', strcspn(device, ",")) != NULL;
}

static bool
start_eal(unsigned core, char *const device[2])
{
	/* EAL keeps pointers into them. */
	static char text[ARGUMENTS][TEXT];
	char *arguments[ARGUMENTS];
	int n = 0;
	bool pci = is_pci(device[0]) || is_pci(device[1]);

	snprintf(text[n++], TEXT, "postern-bench");
	snprintf(text[n++], TEXT, "--lcores=0@%u", core);
	snprintf(text[n++], TEXT, "--file-prefix=postern-bench-%d", (int)getpid());
	snprintf(text[n++], TEXT, "--no-telemetry");
	snprintf(text[n++], TEXT, "--no-shconf");
	snprintf(text[n++], TEXT, "--log-level=warning");
	snprintf(text[n++], TEXT, "-m%d", MEMORY_MB);
	snprintf(text[n++], TEXT, pci ? "--in-memory" : "--no-huge");
	if (!pci)
		snprintf(text[n++], TEXT, "--no-pci");
	for (unsigned side = 0; side < 2; side++)
		snprintf(text[n++], TEXT, is_pci(device[side]) ? "-a%s" : "--vdev=%s", device[side]);
	for (int i = 0; i < n; i++)
		arguments[i] = text[i];
	if (rte_eal_init(n, arguments) >= 0)
		return true;
	fprintf(stderr, "postern-bench: DPDK does not start: %s\n", rte_strerror(rte_errno));
	return false;
}

static bool
open_port(struct nics *nics, unsigned side, const char *device)
{
	const struct rte_eth_conf conf = { 0 };
	uint16_t rx = DESCRIPTORS, tx = DESCRIPTORS;
	char name[RTE_ETH_NAME_MAX_LEN];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(device, ","), device);
	if (rte_eth_dev_get_port_by_name(name, &nics->id[side]) != 0) {
		fprintf(stderr,
			"postern-bench: no device \"%s\": a PCI address bound to vfio-pci, or a vdev of DPDK, is "
			"wanted\n",
			device);
		return false;
	}
	uint16_t id = nics->id[side];
	unsigned socket = (unsigned)rte_eth_dev_socket_id(id);
	int failed = rte_eth_dev_configure(id, 1, 1, &conf);
	if (failed == 0)
		failed = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx, &tx);
	if (failed == 0)
		failed = rte_eth_rx_queue_setup(id, 0, rx, socket, NULL, nics->pool);
	if (failed == 0)
		failed = rte_eth_tx_queue_setup(id, 0, tx, socket, NULL);
	if (failed == 0)
		failed = rte_eth_dev_start(id);
	if (failed != 0) {
		fprintf(stderr, "postern-bench: port \"%s\": %s\n", device, rte_strerror(-failed));
		return false;
	}
	rte_eth_promiscuous_enable(id); /* virtual ports need none and have none */
	return true;
}

bool
nics_open(struct nics *nics, unsigned core, char *const device[2])
{
	if (!start_eal(core, device))
		return false;
	nics->pool = rte_pktmbuf_pool_create("generator", PACKETS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					     (int)rte_socket_id());
	if (nics->pool == NULL) {
		fprintf(stderr, "postern-bench: no memory for packets: %s\n", rte_strerror(rte_errno));
		return false;
	}
	return open_port(nics, 0, device[0]) && open_port(nics, 1, device[1]);
}

void
nics_close(struct nics *nics)
{
	for (unsigned side = 0; side < 2; side++) {
		rte_eth_dev_stop(nics->id[side]);
		rte_eth_dev_close(nics->id[side]);
	}
	rte_eal_cleanup();
	rmdir(rte_eal_get_runtime_dir());
}

bool
nics_link(const struct nics *nics, double seconds)
{
	for (unsigned tries = 0; tries < (unsigned)(seconds * 100) + 1; tries++) {
		struct rte_eth_link link[2] = { 0 };

		rte_eth_link_get_nowait(nics->id[0], &link[0]);
		rte_eth_link_get_nowait(nics->id[1], &link[1]);
		if (link[0].link_status && link[1].link_status)
			return true;
		usleep(10000);
	}
	return false;
}
