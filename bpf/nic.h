/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel tells of an interface (ethtool), by name, in the network namespace of the caller. No privileges
 * needed. */
#ifndef POSTERN_BPF_NIC_H
#define POSTERN_BPF_NIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest MTU for AF_XDP: a frame, and all that the dataplane keeps with it, must fit a page. (With XDP alone:
 * 3,506.) */
#define NIC_AF_XDP_MTU 2792

/* Receive queues in use; 0: not told. */
unsigned nic_queues(const char *name);
/* Octets of IP packet; 0: no such interface. */
unsigned nic_mtu(const char *name);
/* Its Ethernet address; false: it has none, or is not there. */
bool nic_address(const char *name, uint8_t address[6]);
bool nic_is_up(const char *name);
/* Name of the driver; false: not told. */
bool nic_driver(const char *name, char *driver, size_t len);
/* A feature by its name in `ethtool -k` as the kernel has it ("rx-gro"): 1 on, 0 off, -1 not known. */
int nic_feature(const char *name, const char *feature);

#endif
