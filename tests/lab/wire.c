/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A wire between two interfaces that treats TCP badly, in both directions, as
 * tc-netem(8) would: not every kernel has netem.
 *
 *   wire INTERFACE INTERFACE [loss=%] [reorder=%] [duplicate=%] [corrupt=%] [delay=ms] [jitter=ms] [segment=octets]
 * [seed=N]
 *
 * reorder: that share of the packets goes at once, the others after the delay. segment: a TCP segment is cut into
 * segments of so many octets.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#define FRAME_MAX   65536
#define WAITING_MAX 65536 /* frames under way */
#define NEVER       UINT64_MAX
#define ADDRESSES   12 /* octets of a frame before its first tag */
#define TAG         4

struct waiting {
	uint64_t due, order; /* ns; number of arrival, so that equal times keep it */
	uint8_t *frame;
	size_t len;
	int to;
};

static struct {
	double loss, reorder, duplicate, corrupt;
	uint64_t delay, jitter; /* ns */
	size_t segment;
	unsigned seed;
} how = { .seed = 1 };

/* A heap, the earliest first. */
static struct waiting waiting[WAITING_MAX];
static size_t waiting_count;
static uint64_t arrivals;

static uint64_t
now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool
chance(double per_cent)
{
	return per_cent > 0 && rand_r(&how.seed) < per_cent / 100 * RAND_MAX;
}

static bool
earlier(const struct waiting *a, const struct waiting *b)
{
	return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void
swap(size_t a, size_t b)
{
	struct waiting w = waiting[a];
	waiting[a] = waiting[b];
	waiting[b] = w;
}

static void
put(const struct waiting *w)
{
	size_t i = waiting_count++;
	waiting[i] = *w;
	for (; i > 0 && earlier(&waiting[i], &waiting[(i - 1) / 2]); i = (i - 1) / 2)
		swap(i, (i - 1) / 2);
}

static struct waiting
take(void)
{
	struct waiting first = waiting[0];
	waiting[0] = waiting[--waiting_count];
	for (size_t i = 0, child; (child = 2 * i + 1) < waiting_count; i = child) {
		if (child + 1 < waiting_count && earlier(&waiting[child + 1], &waiting[child]))
			child++;
		if (!earlier(&waiting[child], &waiting[i]))
			break;
		swap(i, child);
	}
	return first;
}

/* One copy goes on its way. */
static void
dispatch(const uint8_t *frame, size_t len, int to)
{
	struct waiting w = { .due = now_ns(), .order = arrivals++, .len = len, .to = to };
	if (waiting_count == WAITING_MAX || (w.frame = malloc(len)) == NULL)
		return;
	memcpy(w.frame, frame, len);
	if (chance(how.corrupt)) {
		unsigned bit = (unsigned)rand_r(&how.seed) % (unsigned)(len * 8);
		w.frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	if (!chance(how.reorder)) {
		w.due += how.delay;
		if (how.jitter > 0)
			w.due += (uint64_t)rand_r(&how.seed) % (2 * how.jitter) - how.jitter;
	}
	put(&w);
}

static void
treat(const uint8_t *frame, size_t len, int to)
{
	if (chance(how.loss))
		return;
	dispatch(frame, len, to);
	if (chance(how.duplicate))
		dispatch(frame, len, to);
}

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void
put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* RFC 1071 */
static uint32_t
sum(const uint8_t *p, size_t len, uint32_t s)
{
	for (; len > 1; p += 2, len -= 2)
		s += get16(p);
	return len > 0 ? s + (uint32_t)(p[0] << 8) : s;
}

static unsigned
fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return ~s & 0xffff;
}

/* Cuts a segment: the same headers with other numbers, flags that end something on the last piece only. */
static void
cut(const uint8_t *frame, size_t head, size_t ip, size_t tcp, size_t end, int to)
{
	uint8_t piece[FRAME_MAX];
	uint32_t seq;
	memcpy(piece, frame, head);
	memcpy(&seq, frame + tcp + 4, 4);
	for (size_t at = head, n; at < end; at += n) {
		n = how.segment < end - at ? how.segment : end - at;
		uint32_t moved = htonl(ntohl(seq) + (uint32_t)(at - head));
		memcpy(piece + tcp + 4, &moved, 4);
		memcpy(piece + head, frame + at, n);
		piece[tcp + 13] = at + n < end ? frame[tcp + 13] & (uint8_t)~0x09 : frame[tcp + 13];
		put16(piece + ip + 2, (unsigned)(head + n - ip));
		put16(piece + ip + 10, 0);
		put16(piece + ip + 10, fold(sum(piece + ip, tcp - ip, 0)));
		put16(piece + tcp + 16, 0);
		uint32_t pseudo = sum(piece + ip + 12, 8, 6 + (uint32_t)(head + n - tcp));
		put16(piece + tcp + 16, fold(sum(piece + tcp, head + n - tcp, pseudo)));
		treat(piece, head + n, to);
	}
}

/* Where the IP header begins: behind the tags (802.1Q, 802.1ad). */
static size_t
ip_offset(const uint8_t *frame, size_t len)
{
	size_t ip = ETH_HLEN;
	while (ip + TAG <= len && (get16(frame + ip - 2) == ETHERTYPE_VLAN || get16(frame + ip - 2) == ETH_P_8021AD))
		ip += TAG;
	return ip;
}

/* ARP and the like pass as they are. */
static void
receive(const uint8_t *frame, size_t len, int to)
{
	const size_t ip = ip_offset(frame, len);
	bool v4 = len >= ip + 20 && get16(frame + ip - 2) == ETHERTYPE_IP && frame[ip + 9] == 6;
	bool v6 = len >= ip + 40 && get16(frame + ip - 2) == ETHERTYPE_IPV6 && frame[ip + 6] == 6;
	if (!v4 && !v6) {
		send(to, frame, len, 0);
		return;
	}
	size_t tcp = ip + (size_t)(frame[ip] & 15) * 4, end = v4 ? ip + get16(frame + ip + 2) : len;
	size_t head = v4 && tcp + 20 <= end && end <= len ? tcp + (size_t)(frame[tcp + 12] >> 4) * 4 : end;
	if (how.segment > 0 && v4 && head + how.segment < end)
		cut(frame, head, ip, tcp, end, to);
	else
		treat(frame, len, to);
}

/* One frame as it stood on the wire: the kernel takes the outer tag off and tells it aside. `frame` has room for
 * FRAME_MAX. */
static ssize_t
read_frame(int from, uint8_t *frame)
{
	_Alignas(struct cmsghdr) uint8_t aside[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec into = { frame, FRAME_MAX - TAG };
	struct msghdr m = { .msg_iov = &into, .msg_iovlen = 1, .msg_control = aside, .msg_controllen = sizeof aside };
	ssize_t len = recvmsg(from, &m, MSG_DONTWAIT);
	struct cmsghdr *c = len >= ETH_HLEN ? CMSG_FIRSTHDR(&m) : NULL;
	struct tpacket_auxdata told;

	if (c == NULL || c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
		return len;
	memcpy(&told, CMSG_DATA(c), sizeof told);
	if (!(told.tp_status & TP_STATUS_VLAN_VALID))
		return len;
	memmove(frame + ADDRESSES + TAG, frame + ADDRESSES, (size_t)len - ADDRESSES);
	put16(frame + ADDRESSES, told.tp_status & TP_STATUS_VLAN_TPID_VALID ? told.tp_vlan_tpid : ETHERTYPE_VLAN);
	put16(frame + ADDRESSES + 2, told.tp_vlan_tci);
	return len + TAG;
}

static int
open_interface(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1, room = 8 << 20;
	at.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || at.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one) != 0) {
		perror(name);
		exit(1);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
	return fd;
}

static bool
read_option(const char *word)
{
	double v;
	if (sscanf(word, "loss=%lf", &how.loss) == 1 || sscanf(word, "reorder=%lf", &how.reorder) == 1 ||
	    sscanf(word, "duplicate=%lf", &how.duplicate) == 1 || sscanf(word, "corrupt=%lf", &how.corrupt) == 1 ||
	    sscanf(word, "segment=%zu", &how.segment) == 1 || sscanf(word, "seed=%u", &how.seed) == 1)
		return true;
	if (sscanf(word, "delay=%lf", &v) == 1)
		how.delay = (uint64_t)(v * 1e6);
	else if (sscanf(word, "jitter=%lf", &v) == 1)
		how.jitter = (uint64_t)(v * 1e6);
	else
		return false;
	return true;
}

int
main(int argc, char **argv)
{
	static uint8_t frame[FRAME_MAX];
	struct pollfd ends[2];

	for (int i = 3; i < argc; i++)
		if (!read_option(argv[i])) {
			fprintf(stderr, "wire: \"%s\" is no option\n", argv[i]);
			return 2;
		}
	if (argc < 3 || how.jitter > how.delay)
		return 2;
	for (int i = 0; i < 2; i++)
		ends[i] = (struct pollfd){ .fd = open_interface(argv[1 + i]), .events = POLLIN };
	for (;;) {
		uint64_t now = now_ns();
		while (waiting_count > 0 && waiting[0].due <= now) {
			struct waiting w = take();
			send(w.to, w.frame, w.len, 0);
			free(w.frame);
		}
		uint64_t left = waiting_count > 0 ? waiting[0].due - now : NEVER;
		struct timespec nap = { (time_t)(left / 1000000000u), (long)(left % 1000000000u) };
		if (ppoll(ends, 2, left == NEVER ? NULL : &nap, NULL) < 0)
			continue;
		for (int i = 0; i < 2; i++)
			for (int burst = 0; burst < 64 && (ends[i].revents & POLLIN); burst++) {
				ssize_t n = read_frame(ends[i].fd, frame);
				if (n <= 0)
					break;
				receive(frame, (size_t)n, ends[1 - i].fd);
			}
	}
}
