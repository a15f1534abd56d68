/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "doctor.h"
#include "nic.h"
#include "steer/steer_setup.h"

/* Features that hand us something else than what was on the wire, or keep part of it outside of the frame. */
static const struct {
	const char *feature, *option, *why;
	bool packet; /* matters to net_af_packet only: XDP runs before it */
} offloads[] = {
	{ "rx-lro", "lro", "frames are merged, and cannot be sent on as they came", false },
	{ "rx-gro-hw", "rx-gro-hw", "frames are merged, and cannot be sent on as they came", false },
	{ "rx-gro", "gro", "frames are merged before net_af_packet sees them, and exceed its ring", true },
	{ "rx-vlan-hw-parse", "rxvlan", "the VLAN tag is kept outside of the frame, and lost on the way", false },
	{ "rx-vlan-stag-hw-parse", "rx-vlan-stag-hw-parse",
	  "the outer VLAN tag is kept outside of the frame, and lost on the way", false },
};

static void
check_offloads(struct doctor *d, const char *name, bool packet)
{
	unsigned on = 0;

	for (size_t i = 0; i < sizeof(offloads) / sizeof(offloads[0]); i++) {
		if ((offloads[i].packet && !packet) || nic_feature(name, offloads[i].feature) != 1)
			continue;
		on++;
		doctor_find(d, DOCTOR_WARNING, "offloads", name,
			    doctor_command("ethtool -K %s %s off", name, offloads[i].option), true, "%s is on: %s",
			    offloads[i].option, offloads[i].why);
	}
	if (on == 0)
		doctor_find(d, DOCTOR_OK, "offloads", name, NULL, false,
			    "nothing merges or shortens frames; TSO and checksum offload only concern what the "
			    "machine itself sends");
}

static void
check_queues(struct doctor *d, const char *name, bool veth)
{
	unsigned queues = nic_queues(name);

	if (queues > 1)
		doctor_find(d, DOCTOR_ERROR, "queues", name,
			    doctor_command(veth ? "ethtool -L %s rx 1 tx 1" : "ethtool -L %s combined 1", name), false,
			    "%u receive queues, one is read: mail in the others would pass unread", queues);
	else
		doctor_find(d, DOCTOR_OK, "queues", name, NULL, false,
			    "%s; both directions of a session meet without symmetric RSS",
			    queues == 1 ? "one" : "the driver tells no number");
}

/* What XDP on it would be, or is. */
static void
check_xdp(struct doctor *d, const char *name, unsigned slot)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	unsigned index = if_nametoindex(name);
	bool generic, ours = steer_interface(d->settings->steering.directory, slot, &generic) == index;

	if (bpf_xdp_query((int)index, 0, &query) != 0)
		doctor_find(d, DOCTOR_WARNING, "xdp", name, NULL, false, "the kernel does not tell");
	else if (query.attach_mode == XDP_ATTACHED_NONE)
		doctor_find(d, DOCTOR_OK, "xdp", name, NULL, false, "no program now");
	else if (!ours && d->settings->steering.enabled)
		doctor_find(d, DOCTOR_ERROR, "xdp", name, doctor_command("ip link set %s xdp off", name), false,
			    "carries a program that is not ours (id %u)", query.prog_id);
	else if (query.attach_mode == XDP_ATTACHED_SKB)
		doctor_find(d, DOCTOR_WARNING, "xdp", name, NULL, false,
			    "the driver has no XDP, the kernel behind it does it (generic): about half the speed");
	else
		doctor_find(d, DOCTOR_OK, "xdp", name, NULL, false, "a program in the driver (native)");
}

/* What the far end of a cable cannot have, the far end of a veth pair has unless told otherwise. */
static void
note_veth(struct doctor *d, const char *name)
{
	doctor_find(
		d, DOCTOR_NOTE, "veth", name, NULL, false,
		"a virtual cable; at its far end: ethtool -K FAR tx off txvlan off, or checksums and tags are lost, "
		"and ethtool -K FAR gro on, or nothing arrives there from the steering program");
}

/* False: not there. */
static bool
check_presence(struct doctor *d, const char *name, const char *driver)
{
	bool up = nic_is_up(name);

	if (if_nametoindex(name) == 0) {
		doctor_find(d, DOCTOR_ERROR, "port", name, NULL, false, "no such interface");
		return false;
	}
	doctor_find(d, up ? DOCTOR_OK : DOCTOR_ERROR, "port", name,
		    up ? NULL : doctor_command("ip link set %s up", name), true, "driver %s, %s",
		    driver[0] != '\0' ? driver : "unknown", up ? "up" : "down");
	return true;
}

/* An interface that net_af_packet reads: the kernel's own path, before anything is forwarded. */
static void
check_packet_interface(struct doctor *d, const char *name)
{
	char driver[64] = "";

	nic_driver(name, driver, sizeof(driver));
	if (check_presence(d, name, driver))
		check_offloads(d, name, true);
}

static void
check_interface(struct doctor *d, const char *name, unsigned slot)
{
	char driver[64] = "";
	bool veth;

	nic_driver(name, driver, sizeof(driver));
	veth = strcmp(driver, "veth") == 0;
	if (!check_presence(d, name, driver))
		return;
	check_queues(d, name, veth);
	check_offloads(d, name, false);
	check_xdp(d, name, slot);
	if (veth)
		note_veth(d, name);
}

static void
check_pci(struct doctor *d, const char *device)
{
	char address[32], path[128], target[256];
	const char *driver;
	ssize_t len;

	snprintf(address, sizeof(address), "%.*s", (int)strcspn(device, ","), device);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", address);
	if (access(path, F_OK) != 0) {
		doctor_find(d, DOCTOR_ERROR, "port", address, NULL, false, "no such PCI device; lspci -D lists them");
		return;
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", address);
	len = readlink(path, target, sizeof(target) - 1);
	target[len > 0 ? len : 0] = '\0';
	driver = strrchr(target, '/') != NULL ? strrchr(target, '/') + 1 : "none";
	if (strcmp(driver, "vfio-pci") == 0 || strncmp(driver, "mlx", 3) == 0)
		doctor_find(d, DOCTOR_OK, "port", address, NULL, false, "driver %s", driver);
	else
		doctor_find(d, DOCTOR_ERROR, "port", address, doctor_command("dpdk-devbind.py -b vfio-pci %s", address),
			    false, "driver %s; DPDK wants vfio-pci (Mellanox cards: their own)", driver);
	doctor_find(
		d, DOCTOR_NOTE, "line", address, NULL, false,
		"no kernel in the path: while postern-dp is down the line is dark; a bypass card, or net_af_xdp with "
		"steering, keeps it up");
}

static void
check_port(struct doctor *d, const char *device, unsigned slot)
{
	char name[16], packet[16];

	steer_interface_of(device, name);
	device_interface(device, "net_af_packet", packet);
	if (name[0] != '\0')
		check_interface(d, name, slot);
	else if (packet[0] != '\0')
		check_packet_interface(d, packet);
	else if (memchr(device, ':', strcspn(device, ",")) != NULL)
		check_pci(d, device);
	else
		doctor_find(d, DOCTOR_OK, "port", device, NULL, false, "a virtual device of DPDK: nothing to look at");
}

static void
check_mtu(struct doctor *d, const struct settings_pair *pair)
{
	char inside[16], outside[16], both[48];
	unsigned a, b;

	steer_interface_of(pair->inside, inside);
	steer_interface_of(pair->outside, outside);
	a = nic_mtu(inside);
	b = nic_mtu(outside);
	if (a == 0 || b == 0)
		return;
	snprintf(both, sizeof(both), "%s, %s", inside, outside);
	if (a != b)
		doctor_find(d, DOCTOR_ERROR, "mtu", both,
			    doctor_command("ip link set %s mtu %u", a > b ? inside : outside, a < b ? a : b), false,
			    "%u and %u: frames that fit one side would be lost at the other", a, b);
	else
		doctor_find(d, a > NIC_AF_XDP_MTU ? DOCTOR_ERROR : DOCTOR_OK, "mtu", both, NULL, false,
			    a > NIC_AF_XDP_MTU ? "%u: at most %u with AF_XDP" : "%u at both", a, NIC_AF_XDP_MTU);
}

void
doctor_ports(struct doctor *d)
{
	const struct settings *s = d->settings;

	if (s->dataplane.pairs_count == 0)
		doctor_find(d, DOCTOR_ERROR, "pairs", "settings", NULL, false,
			    "no pairs of ports; in the settings: dataplane: pairs");
	for (unsigned i = 0; i < s->dataplane.pairs_count; i++) {
		check_port(d, s->dataplane.pairs[i].inside, 2 * i);
		check_port(d, s->dataplane.pairs[i].outside, 2 * i + 1);
		check_mtu(d, &s->dataplane.pairs[i]);
	}
	if (s->quarantine.interface[0] != '\0')
		check_interface(d, s->quarantine.interface, 2 * s->dataplane.pairs_count);
	if (!s->steering.enabled)
		doctor_find(d, DOCTOR_WARNING, "line", "steering", NULL, false,
			    "without it the line is dark while postern-dp is down; in the settings: steering: enabled: "
			    "true");
}
