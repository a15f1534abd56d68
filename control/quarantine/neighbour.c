/* SPDX-License-Identifier: BSD-3-Clause */
#include "quarantine/neighbour.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "nic.h"

#define WAIT_MS 200 /* the kernel answers at once */

/* One question; the answer comes to the same place. */
struct message {
	struct nlmsghdr head;
	union {
		struct rtmsg route;
		struct ndmsg neighbour;
		char octets[4096];
	} body;
};

struct octets {
	const void *at; /* NULL: not there */
	size_t len;
};

static size_t
address_len(int family)
{
	return family == AF_INET ? 4 : 16;
}

static void *
address_at(struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET ? (void *)&((struct sockaddr_in *)a)->sin_addr
				       : (void *)&((struct sockaddr_in6 *)a)->sin6_addr;
}

static void
begin(struct message *m, unsigned short type, unsigned short flags, size_t body)
{
	memset(m, 0, sizeof(*m));
	m->head.nlmsg_type = type;
	m->head.nlmsg_flags = NLM_F_REQUEST | flags;
	m->head.nlmsg_len = (unsigned)NLMSG_LENGTH(body);
}

static void
add(struct message *m, unsigned short type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)((char *)m + NLMSG_ALIGN(m->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	m->head.nlmsg_len = (unsigned)(NLMSG_ALIGN(m->head.nlmsg_len) + a->rta_len);
}

/* Asks the kernel. 0: the answer is in m; else an errno. */
static int
ask(struct message *m)
{
	const struct timeval limit = { .tv_usec = WAIT_MS * 1000 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t got = -1;

	if (fd < 0)
		return errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
	    send(fd, m, m->head.nlmsg_len, 0) == (ssize_t)m->head.nlmsg_len)
		got = recv(fd, m, sizeof(*m), 0);
	close(fd);
	if (got < (ssize_t)sizeof(m->head) || !NLMSG_OK(&m->head, (size_t)got))
		return EIO;
	if (m->head.nlmsg_type == NLMSG_ERROR)
		return -((const struct nlmsgerr *)NLMSG_DATA(&m->head))->error;
	return 0;
}

static struct octets
find(const struct message *m, size_t body, unsigned short type)
{
	const struct rtattr *a = (const struct rtattr *)((const char *)m + NLMSG_SPACE(body));
	long left = (long)m->head.nlmsg_len - (long)NLMSG_SPACE(body);

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == type)
			return (struct octets){ RTA_DATA(a), RTA_PAYLOAD(a) };
	return (struct octets){ 0 };
}

/* The route to `to` by the interface, into m. 0, or an errno. */
static int
ask_route(struct message *m, unsigned interface, struct sockaddr_storage *to, unsigned flags)
{
	begin(m, RTM_GETROUTE, 0, sizeof(m->body.route));
	m->body.route.rtm_family = (unsigned char)to->ss_family;
	m->body.route.rtm_dst_len = (unsigned char)(8 * address_len(to->ss_family));
	m->body.route.rtm_flags = flags;
	add(m, RTA_DST, address_at(to), address_len(to->ss_family));
	add(m, RTA_OIF, &interface, sizeof(interface));
	return ask(m);
}

/* Of another family than the address behind it: IPv4 by an IPv6 router (RFC 8950). */
static bool
take_via(struct neighbour *n, struct octets via)
{
	const struct rtvia *v = via.at;

	if (v == NULL || via.len < sizeof(*v) + 16 || v->rtvia_family != AF_INET6)
		return false;
	n->hop.ss_family = AF_INET6;
	memcpy(address_at(&n->hop), v->rtvia_addr, 16);
	return true;
}

const char *
neighbour_route(const char *interface, const struct sockaddr_storage *to, struct neighbour *n)
{
	unsigned index = if_nametoindex(interface);
	struct message m;

	memset(n, 0, sizeof(*n));
	n->hop = *to;
	if (index == 0)
		return "no such interface";
	/* First whether there is one at all: for IPv4, being told the interface, the kernel would take anything as a
	 * neighbour. */
	if (ask_route(&m, index, &n->hop, RTM_F_FIB_MATCH) != 0 || m.body.route.rtm_type != RTN_UNICAST ||
	    ask_route(&m, index, &n->hop, 0) != 0 || m.body.route.rtm_type != RTN_UNICAST)
		return "no route";
	struct octets out = find(&m, sizeof(m.body.route), RTA_OIF);
	struct octets gateway = find(&m, sizeof(m.body.route), RTA_GATEWAY);
	if (out.at == NULL || out.len != sizeof(index) || memcmp(out.at, &index, sizeof(index)) != 0)
		return "no route";
	if (gateway.at != NULL && gateway.len == address_len(to->ss_family))
		memcpy(address_at(&n->hop), gateway.at, gateway.len);
	else
		take_via(n, find(&m, sizeof(m.body.route), RTA_VIA));
	return NULL;
}

/* A message about the next hop. */
static void
about_hop(struct message *m, unsigned short type, unsigned short flags, const char *interface,
	  const struct neighbour *n)
{
	struct sockaddr_storage hop = n->hop;

	begin(m, type, flags, sizeof(m->body.neighbour));
	m->body.neighbour.ndm_family = (unsigned char)hop.ss_family;
	m->body.neighbour.ndm_ifindex = (int)if_nametoindex(interface);
	add(m, NDA_DST, address_at(&hop), address_len(hop.ss_family));
}

const char *
neighbour_ask(const char *interface, struct neighbour *n)
{
	const unsigned good = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;
	struct octets mac = { 0 };
	struct message m;

	n->known = false;
	if (!nic_address(interface, n->own))
		return "no Ethernet interface";
	about_hop(&m, RTM_GETNEIGH, 0, interface, n);
	if (ask(&m) == 0 && (m.body.neighbour.ndm_state & good) != 0)
		mac = find(&m, sizeof(m.body.neighbour), NDA_LLADDR);
	if (mac.at == NULL || mac.len != sizeof(n->mac))
		return "its next hop has no known Ethernet address";
	memcpy(n->mac, mac.at, sizeof(n->mac));
	n->fixed = (m.body.neighbour.ndm_state & (NUD_PERMANENT | NUD_NOARP)) != 0;
	n->known = true;
	return NULL;
}

void
neighbour_forget(const char *interface, const struct neighbour *n)
{
	struct message m;

	if (n->fixed)
		return;
	about_hop(&m, RTM_DELNEIGH, NLM_F_ACK, interface, n);
	ask(&m);
}

void
neighbour_text(const uint8_t mac[6], char text[NEIGHBOUR_TEXT])
{
	snprintf(text, NEIGHBOUR_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}
