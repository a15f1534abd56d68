/* SPDX-License-Identifier: BSD-3-Clause */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "io/port.h"
#include "live/say.h"
#include "nic.h"

/* "net_af_xdp0,iface=eth1" names port net_af_xdp0, "0000:3b:00.0,arg=1" port 0000:3b:00.0. */
static bool
port_id_of(const char *device, uint16_t *id)
{
	char name[RTE_ETH_NAME_MAX_LEN];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(device, ","), device);
	return rte_eth_dev_get_port_by_name(name, id) == 0;
}

/* The MTU of a kernel interface is the kernel's; ethdev would tell the default of 1500. 0: none. */
static uint16_t
kernel_mtu(unsigned if_index)
{
	struct ifreq request = { 0 };
	uint16_t mtu = 0;
	int fd;

	if (if_index == 0 || if_indextoname(if_index, request.ifr_name) == NULL)
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	if (ioctl(fd, SIOCGIFMTU, &request) == 0 && request.ifr_mtu > 0 && request.ifr_mtu <= UINT16_MAX)
		mtu = (uint16_t)request.ifr_mtu;
	close(fd);
	return mtu;
}

/* A receive queue without an AF_XDP socket would hand its mail to the kernel, unread: there may be one only. */
static bool
one_kernel_queue(const char *device, unsigned if_index)
{
	char name[IF_NAMESIZE];

	if (if_index == 0 || if_indextoname(if_index, name) == NULL || nic_queues(name) <= 1)
		return true;
	say("port \"%s\": %s has several receive queues, and mail in all but the first would pass unread; make it one: "
	    "ethtool -L %s combined 1 (veth: rx 1 tx 1)",
	    device, name, name);
	return false;
}

/*
 * The ring of AF_PACKET has slots of a fixed length, and the kernel cuts what is longer: it would leave cut. Before the
 * frame stand 66 octets (TPACKET_V2).
 */
static bool
slots_hold(const struct port *port, const char *driver)
{
	const char *given = strstr(port->device, ",framesz=");
	unsigned long slot = given != NULL ? strtoul(given + strlen(",framesz="), NULL, 10) : 2048;
	unsigned long wanted = RTE_ALIGN_CEIL(66UL + RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN + port->mtu, 16UL);

	if (strcmp(driver, "net_af_packet") != 0 || slot >= wanted)
		return true;
	say("port \"%s\": with an MTU of %u its ring wants slots of at least %lu octets: add framesz=%lu, "
	    "and as blocksz a multiple of that and of 4096",
	    port->device, port->mtu, wanted, (wanted + 1023) / 1024 * 1024);
	return false;
}

static bool
port_find(struct port *port, const char *device)
{
	struct rte_eth_dev_info info;

	port->device = device;
	if (!port_id_of(device, &port->id)) {
		say("port \"%s\": no such device. A PCI address (0000:3b:00.0, bound to vfio-pci) or an EAL vdev "
		    "(net_af_xdp0,iface=eth1) is wanted; the lines of EAL above may say more",
		    device);
		return false;
	}
	if (rte_eth_dev_info_get(port->id, &info) != 0) {
		say("port \"%s\": the driver tells nothing about it", device);
		return false;
	}
	port->af_xdp = strcmp(info.driver_name, "net_af_xdp") == 0;
	if (port->af_xdp && !one_kernel_queue(device, info.if_index))
		return false;
	port->rx_queues = info.max_rx_queues > MAIL_QUEUE ? MAIL_QUEUE + 1 : 1; /* until it is known what it takes */
	port->chains = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	port->mtu = kernel_mtu(info.if_index);
	if (port->mtu == 0 && rte_eth_dev_get_mtu(port->id, &port->mtu) != 0)
		port->mtu = RTE_ETHER_MTU;
	if (port->mtu < RTE_ETHER_MIN_MTU)
		port->mtu = RTE_ETHER_MTU;
	return slots_hold(port, info.driver_name);
}

bool
ports_find(struct ports *ports, const struct settings *s)
{
	memset(ports, 0, sizeof(*ports));
	if (s->dataplane.pairs_count == 0 || s->dataplane.pairs_count > PAIRS_MAX) {
		say("dataplane: pairs: %u pairs of ports; 1 to %d are possible", s->dataplane.pairs_count, PAIRS_MAX);
		return false;
	}
	ports->pairs = s->dataplane.pairs_count;
	ports->count = 2 * ports->pairs;
	for (unsigned i = 0; i < ports->pairs; i++) {
		struct port *inside = &ports->port[port_slot(i, SIDE_INSIDE)];
		struct port *outside = &ports->port[port_slot(i, SIDE_OUTSIDE)];

		if (!port_find(inside, s->dataplane.pairs[i].inside) ||
		    !port_find(outside, s->dataplane.pairs[i].outside))
			return false;
		if (inside->id == outside->id) {
			say("pair %u: both sides are \"%s\"; two different ports are wanted", i, inside->device);
			return false;
		}
		if (inside->mtu != outside->mtu) {
			say("pair %u: MTU %u at \"%s\" but %u at \"%s\": frames that fit one side would be lost at the "
			    "other; set them equal",
			    i, inside->mtu, inside->device, outside->mtu, outside->device);
			return false;
		}
	}
	return s->quarantine.interface[0] == '\0' || port_find(&ports->port[ports->count++], APART_DEVICE);
}

/* Nothing that changes a frame: no LRO, no tag stripping, no checksums written. */
static void
port_conf(const struct port *port, const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	/* What a driver tells of itself may be less than the kernel interface behind it has. */
	uint32_t most =
		RTE_MAX(info->max_rx_pktlen, (uint32_t)RTE_ETHER_MAX_LEN) - RTE_ETHER_HDR_LEN - RTE_ETHER_CRC_LEN;

	memset(conf, 0, sizeof(*conf));
	conf->rxmode.mtu = (uint16_t)RTE_MIN(RTE_MIN((uint32_t)port->mtu, most), (uint32_t)info->max_mtu);
	conf->rxmode.offloads = info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	conf->txmode.offloads = info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
}

static int
port_queues(const struct port *port, struct rte_mempool *pool)
{
	uint16_t rx = PORT_DESCRIPTORS, tx = PORT_DESCRIPTORS;
	int socket = rte_eth_dev_socket_id(port->id);
	int failed = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx, &tx);

	if (failed == 0)
		failed = rte_eth_rx_queue_setup(port->id, 0, rx, (unsigned)socket, NULL, pool);
	rx = RTE_MIN(rx, MAIL_DESCRIPTORS);
	if (failed == 0 && port->rx_queues > MAIL_QUEUE)
		failed = rte_eth_rx_queue_setup(port->id, MAIL_QUEUE, rx, (unsigned)socket, NULL, pool);
	if (failed == 0)
		failed = rte_eth_tx_queue_setup(port->id, 0, tx, (unsigned)socket, NULL);
	return failed;
}

static bool
link_is_up(const struct port *port)
{
	struct rte_eth_link link;

	return rte_eth_link_get_nowait(port->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

static void
say_link(struct port *port)
{
	port->linked = link_is_up(port);
	say("port \"%s\": link %s, MTU %u", port->device, port->linked ? "up" : "down", port->mtu);
}

/* Configuration and queues; *step says how far it came. Returns 0 or a negated errno. */
static int
port_configure(const struct port *port, struct rte_mempool *pool, const char **step)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf;
	int failed = rte_eth_dev_info_get(port->id, &info);

	*step = "information";
	if (failed != 0)
		return failed;
	*step = "configuration";
	port_conf(port, &info, &conf);
	failed = rte_eth_dev_configure(port->id, port->rx_queues, 1, &conf);
	if (failed != 0)
		return failed;
	*step = "queue setup";
	return port_queues(port, pool);
}

/* With a queue for mail where the card would bring mail there, else with one for all. */
static int
port_configure_best(struct port *port, struct rte_mempool *pool, const struct scope *scope, const char **step)
{
	nic_rules_init(&port->rules, &nic_rules_dpdk, port->id);
	if (port->rx_queues > MAIL_QUEUE && port_configure(port, pool, step) == 0 &&
	    nic_rules_offered(&port->rules, scope->port[0]))
		return 0;
	if (port->rules.why[0] == '\0')
		snprintf(port->rules.why, sizeof(port->rules.why), "no second receive queue");
	port->rx_queues = 1;
	return port_configure(port, pool, step);
}

static void
port_mail(struct port *port, const struct scope *scope)
{
	if (port->rx_queues <= MAIL_QUEUE)
		return;
	if (!nic_rules_set(&port->rules, scope->port, scope->ports))
		say("port \"%s\": the card does not take the rules for mail: %s; %u of before stay", port->device,
		    port->rules.why, port->rules.count);
}

/* Whether mail has a queue of its own; with AF_XDP the kernel sees to it (steering). */
static void
say_rules(const struct port *port)
{
	if (port->rules.count > 0)
		say("port \"%s\": %u rules of the card bring mail to a queue of its own", port->device,
		    port->rules.count);
	else if (!port->af_xdp)
		say("port \"%s\": mail is told from the rest in software: the card takes no rules (%s)", port->device,
		    port->rules.why);
}

static bool
port_open(struct port *port, struct rte_mempool *pool, const struct scope *scope)
{
	const char *step = "";
	int failed = port_configure_best(port, pool, scope, &step);

	if (failed == 0) {
		step = "start";
		failed = rte_eth_dev_start(port->id);
	}
	if (failed != 0) {
		say("port \"%s\": %s failed: %s", port->device, step, rte_strerror(-failed));
		return false;
	}
	port->open = true;
	/* Rings and files have no such mode and need none; what is not addressed to a port of its own is not for us. */
	failed = strcmp(port->device, APART_DEVICE) != 0 ? rte_eth_promiscuous_enable(port->id) : 0;
	if (failed != 0 && failed != -ENOTSUP)
		say("port \"%s\": promiscuous mode failed: %s; frames for other hosts may not arrive", port->device,
		    rte_strerror(-failed));
	say_link(port);
	port_mail(port, scope);
	say_rules(port);
	return true;
}

bool
ports_open(struct ports *ports, struct rte_mempool *pool, const struct scope *scope)
{
	for (unsigned i = 0; i < ports->count; i++)
		if (!port_open(&ports->port[i], pool, scope))
			return false;
	return true;
}

bool
ports_linked(struct ports *ports, uint64_t start_ns, uint64_t now_ns)
{
	bool all = true;

	for (unsigned i = 0; i < ports->count; i++) {
		struct port *port = &ports->port[i];

		if (!port->linked && link_is_up(port)) {
			port->linked = true;
			say("port \"%s\": link up %llu ms after the start", port->device,
			    (unsigned long long)(now_ns - start_ns) / 1000000);
		}
		all = all && port->linked;
	}
	return all;
}

void
ports_mail(struct ports *ports, const struct scope *scope)
{
	for (unsigned i = 0; i < ports->count; i++)
		port_mail(&ports->port[i], scope);
}

void
ports_close(struct ports *ports)
{
	for (unsigned i = 0; i < ports->count; i++) {
		struct port *port = &ports->port[i];

		if (!port->open)
			continue;
		nic_rules_clear(&port->rules);
		rte_eth_dev_stop(port->id);
		rte_eth_dev_close(port->id);
		port->open = false;
	}
}

uint64_t
ports_lost(const struct ports *ports)
{
	uint64_t lost = 0;

	for (unsigned i = 0; i < ports->count; i++) {
		struct rte_eth_stats stats;

		if (rte_eth_stats_get(ports->port[i].id, &stats) == 0)
			lost += stats.imissed + stats.rx_nombuf;
	}
	return lost;
}

uint32_t
ports_frame_max(const struct ports *ports)
{
	uint32_t mtu = 0;

	for (unsigned i = 0; i < ports->count; i++)
		mtu = RTE_MAX(mtu, ports->port[i].mtu);
	return mtu + RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN;
}
