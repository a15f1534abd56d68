/* SPDX-License-Identifier: BSD-3-Clause */
#include "nic.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* One request about an interface. */
static bool
ask(const char *name, unsigned long request, struct ifreq *r)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool told;

	if (fd < 0)
		return false;
	snprintf(r->ifr_name, sizeof(r->ifr_name), "%s", name);
	told = ioctl(fd, request, r) == 0;
	close(fd);
	return told;
}

static bool
ask_ethtool(const char *name, void *request)
{
	struct ifreq r = { .ifr_data = request };

	return ask(name, SIOCETHTOOL, &r);
}

unsigned
nic_queues(const char *name)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };

	return ask_ethtool(name, &channels) ? channels.rx_count + channels.combined_count : 0;
}

unsigned
nic_mtu(const char *name)
{
	struct ifreq r = { 0 };

	return ask(name, SIOCGIFMTU, &r) && r.ifr_mtu > 0 ? (unsigned)r.ifr_mtu : 0;
}

bool
nic_address(const char *name, uint8_t address[6])
{
	struct ifreq r = { 0 };

	if (!ask(name, SIOCGIFHWADDR, &r) || r.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return false;
	memcpy(address, r.ifr_hwaddr.sa_data, 6);
	return true;
}

bool
nic_is_up(const char *name)
{
	struct ifreq r = { 0 };

	return ask(name, SIOCGIFFLAGS, &r) && (r.ifr_flags & IFF_UP) != 0;
}

bool
nic_driver(const char *name, char *driver, size_t len)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

	if (!ask_ethtool(name, &info))
		return false;
	snprintf(driver, len, "%.*s", (int)sizeof(info.driver), info.driver);
	return true;
}

/* The names of all features, ETH_GSTRING_LEN octets each. Owned; NULL: not told. */
static struct ethtool_gstrings *
feature_names(const char *name)
{
	struct {
		struct ethtool_sset_info head;
		__u32 count;
	} size = { .head = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES } };
	struct ethtool_gstrings *names;

	if (!ask_ethtool(name, &size) || size.head.sset_mask == 0)
		return NULL;
	names = calloc(1, sizeof(*names) + (size_t)size.count * ETH_GSTRING_LEN);
	if (names == NULL)
		return NULL;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = size.count;
	if (ask_ethtool(name, names))
		return names;
	free(names);
	return NULL;
}

static int
feature_state(const char *name, unsigned index, unsigned count)
{
	unsigned blocks = (count + 31) / 32;
	struct ethtool_gfeatures *f = calloc(1, sizeof(*f) + blocks * sizeof(f->features[0]));
	int state = -1;

	if (f == NULL)
		return -1;
	f->cmd = ETHTOOL_GFEATURES;
	f->size = blocks;
	if (ask_ethtool(name, f))
		state = (int)(f->features[index / 32].active >> index % 32 & 1);
	free(f);
	return state;
}

int
nic_feature(const char *name, const char *feature)
{
	struct ethtool_gstrings *names = feature_names(name);
	int state = -1;

	for (unsigned i = 0; names != NULL && i < names->len; i++)
		if (strncmp((const char *)names->data + (size_t)i * ETH_GSTRING_LEN, feature, ETH_GSTRING_LEN) == 0)
			state = feature_state(name, i, names->len);
	free(names);
	return state;
}
