/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steering program, one copy on each interface of a pair: mail goes to the worker's AF_XDP socket, everything else
 * straight to the other interface, and so does mail when nobody is there to read it. One more copy may be on an
 * interface that quarantines have to themselves: steer_apart().
 *
 * The names xsk_def_prog, xsks_map and xsk_prog_version are those of libxdp: by them the AF_XDP driver of DPDK takes
 * this program for its own and puts its sockets into our map instead of loading another.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "decode.bpf.h"
#include "layout.h"
#include "reset.bpf.h"

/* Of this copy; set before it is loaded. Quarantines: of the copy on their own interface, which has no other side. */
const volatile __u32 slot = 0;
const volatile __u32 apart = 0;
const volatile struct steer_quarantine quarantine[STEER_QUARANTINES] = { 0 };

#define MAP(name, kind, key_type, value_type, entries, how)                                                            \
	struct {                                                                                                       \
		__uint(type, kind);                                                                                    \
		__uint(max_entries, entries);                                                                          \
		__uint(map_flags, how);                                                                                \
		__type(key, key_type);                                                                                 \
		__type(value, value_type);                                                                             \
	} name SEC(".maps")

/* Shared by all copies. */
MAP(config, BPF_MAP_TYPE_ARRAY, __u32, struct steer_config, 1, 0);
/* Room for old and new ones while they are exchanged. */
MAP(exempt4, BPF_MAP_TYPE_LPM_TRIE, struct steer_prefix4, __u8, 2 * STEER_EXEMPT, BPF_F_NO_PREALLOC);
MAP(exempt6, BPF_MAP_TYPE_LPM_TRIE, struct steer_prefix6, __u8, 2 * STEER_EXEMPT, BPF_F_NO_PREALLOC);
MAP(bypass, BPF_MAP_TYPE_ARRAY, __u32, __u32, STEER_PAIRS, 0);
MAP(live, BPF_MAP_TYPE_ARRAY, __u32, struct steer_live, 1, BPF_F_MMAPABLE);
MAP(passed, BPF_MAP_TYPE_ARRAY, __u32, struct steer_bucket, STEER_PASSED_BUCKETS, BPF_F_MMAPABLE);
MAP(edited, BPF_MAP_TYPE_ARRAY, __u32, struct steer_bucket, STEER_EDITED_BUCKETS, BPF_F_MMAPABLE);
MAP(counters, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct steer_counters, STEER_SLOTS, 0);
/* Own of each copy: sockets by receive queue; the other interface of the pair. */
MAP(xsks_map, BPF_MAP_TYPE_XSKMAP, __u32, __u32, STEER_QUEUES, 0);
MAP(target, BPF_MAP_TYPE_DEVMAP, __u32, __u32, 1, 0);

static const __u32 first = 0;

/* What the steps below want to know of a frame. */
struct frame {
	struct xdp_md *ctx;
	const struct steer_config *config;
	const struct steer_live *live;
	__u8 *data;
	__u8 *end;
	__u32 pair;
	__u32 queue;
	__u16 port[2]; /* source, destination */
	__u8 flags;    /* of TCP */
};

INLINE int
count(enum steer_counter cause, int verdict)
{
	__u32 at = slot;
	struct steer_counters *c = bpf_map_lookup_elem(&counters, &at);

	if (c)
		c->packets[cause]++;
	return verdict;
}

/* To the other interface. */
INLINE int
forward(enum steer_counter cause)
{
	long verdict = bpf_redirect_map(&target, 0, XDP_DROP);

	return count(verdict == XDP_REDIRECT ? cause : STEER_no_target, (int)verdict);
}

/* Returns XDP_REDIRECT where a socket takes it: the one call looks up and decides. */
INLINE int
to_worker(const struct frame *f)
{
	return (int)bpf_redirect_map(&xsks_map, f->queue, XDP_ABORTED);
}

/* Nobody reads this frame: on uninspected, or not at all. */
INLINE int
fail(const struct frame *f, enum steer_counter open, enum steer_counter closed)
{
	if (f->config->closed[f->pair & (STEER_PAIRS - 1)])
		return count(closed, XDP_DROP);
	return forward(open);
}

INLINE int
is_mail_port(const struct steer_config *config, __u16 port)
{
	return config->mail_ports[port / 64] >> (port % 64) & 1;
}

/* Puts the end with the lower (address, port) first: both directions of a session have one key. */
__attribute__((noinline)) int
put_in_order(struct steer_key *key)
{
	int order = 0;

	if (!key)
		return 0;
	for (int i = 0; i < 4 && order == 0; i++) {
		__u32 a = be32(key->addr[0] + 4 * i), b = be32(key->addr[1] + 4 * i);

		order = (a > b) - (a < b);
	}
	if (order < 0 || (order == 0 && key->port[0] <= key->port[1]))
		return 0;
	for (int i = 0; i < 4; i++) {
		__u32 *a = (__u32 *)key->addr[0] + i, *b = (__u32 *)key->addr[1] + i, word = *a;

		*a = *b;
		*b = word;
	}
	__u16 port = key->port[0];
	key->port[0] = key->port[1];
	key->port[1] = port;
	return 1;
}

/* 0: never, since decode() has seen these octets; the verifier does not know. */
INLINE int
key_of(const struct frame *f, const struct headers *h, struct steer_key *key)
{
	__u8 *ip = f->data + (h->ip & OFFSET_MASK);

	__builtin_memset(key, 0, sizeof(*key));
	if (h->ip_version == 4) {
		if (ip + IPV4_HEADER_LEN > f->end)
			return 0;
		__builtin_memcpy(key->addr[0], ip + IPV4_SOURCE, 4);
		__builtin_memcpy(key->addr[1], ip + IPV4_DESTINATION, 4);
	} else {
		if (ip + IPV6_HEADER_LEN > f->end)
			return 0;
		__builtin_memcpy(key->addr[0], ip + IPV6_SOURCE, 16);
		__builtin_memcpy(key->addr[1], ip + IPV6_DESTINATION, 16);
	}
	key->port[0] = f->port[0];
	key->port[1] = f->port[1];
	key->vlan_outer = h->vlan_outer;
	key->vlan_inner = h->vlan_inner;
	key->ip_version = h->ip_version;
	key->pair = (__u8)f->pair;
	put_in_order(key);
	return 1;
}

INLINE struct steer_mark *
find_mark(void *map, __u32 index, const struct steer_key *key)
{
	struct steer_bucket *b = bpf_map_lookup_elem(map, &index);

	if (!b)
		return 0;
#pragma unroll
	for (int i = 0; i < STEER_WAYS; i++)
		if (b->mark[i].state > STEER_BUSY && steer_same(&b->mark[i].key, key))
			return &b->mark[i];
	return 0;
}

/* One of the ends is exempt. A function of its own for the verifier. */
__attribute__((noinline)) int
is_exempt(struct steer_key *key)
{
	struct steer_prefix4 four = { .bits = 32 };
	struct steer_prefix6 six = { .bits = 128 };

	if (!key)
		return 0;
	for (int i = 0; i < 2; i++) {
		void *covered;

		if (key->ip_version == 4) {
			__builtin_memcpy(four.addr, key->addr[i], sizeof(four.addr));
			covered = bpf_map_lookup_elem(&exempt4, &four);
		} else {
			__builtin_memcpy(six.addr, key->addr[i], sizeof(six.addr));
			covered = bpf_map_lookup_elem(&exempt6, &six);
		}
		if (covered)
			return 1;
	}
	return 0;
}

/*
 * A session whose numbers the dataplane has shifted: nobody else can continue it, so neither heartbeat nor switch
 * matter. When that dataplane is gone, both ends are told as soon as they speak.
 */
INLINE int
steer_edited(const struct frame *f, const struct headers *h, const struct steer_mark *m)
{
	if (m->stamp == f->live->epoch && to_worker(f) == XDP_REDIRECT)
		return count(STEER_edited, XDP_REDIRECT);
	/* XDP_TX would be shorter, but veth wakes the far end for it only where that runs a program, too. */
	if (reset_sender(f->ctx, h))
		return count(STEER_orphan_reset, (int)bpf_redirect(f->ctx->ingress_ifindex, 0));
	return count(STEER_orphan_dropped, XDP_DROP);
}

/* Mail that has to be read: to the worker, if it is alive. */
INLINE int
steer_mail(const struct frame *f, __s64 now)
{
	__u64 beat = f->live->beat;

	if (beat == 0)
		return fail(f, STEER_open_stopped, STEER_closed_stopped);
	/* Signed: the coarse clock may be behind the worker's. */
	if (now - (__s64)beat > (__s64)f->config->hung_ns)
		return fail(f, STEER_open_hung, STEER_closed_hung);
	if (to_worker(f) == XDP_REDIRECT)
		return count(STEER_mail, XDP_REDIRECT);
	return fail(f, STEER_open_stopped, STEER_closed_stopped);
}

INLINE int
is_bypassed(const struct frame *f)
{
	__u32 pair = f->pair;
	__u32 *on = bpf_map_lookup_elem(&bypass, &pair);

	return on && *on;
}

INLINE int
steer_session(const struct frame *f, const struct headers *h)
{
	__s64 now = (__s64)bpf_ktime_get_coarse_ns();
	int begins = (f->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	struct steer_key key;
	struct steer_mark *m;
	__u32 hash;

	if (!key_of(f, h, &key))
		return forward(STEER_undecoded);
	hash = steer_hash(&key, f->config->seed);
	m = find_mark(&edited, hash % STEER_EDITED_BUCKETS, &key);
	if (m && begins && m->stamp != f->live->epoch)
		m->state = STEER_FREE; /* a new connection on the ports of one that is long over */
	else if (m)
		return steer_edited(f, h, m);
	if (f->config->exempt && is_exempt(&key))
		return forward(STEER_exempt);
	if (is_bypassed(f))
		return forward(STEER_switched);
	m = find_mark(&passed, hash % STEER_PASSED_BUCKETS, &key);
	if (!m)
		return steer_mail(f, now);
	/* The beginning and the end of a session are the dataplane's again, and so is one that was silent for long. */
	if ((f->flags & (TCP_SYN | TCP_FIN | TCP_RST)) != 0 || now - (__s64)m->stamp > (__s64)f->config->idle_ns) {
		m->state = STEER_FREE;
		return steer_mail(f, now);
	}
	m->stamp = (__u64)now;
	return forward(m->state == STEER_OPAQUE ? STEER_opaque : STEER_unread);
}

/* Fragments have no ports: the dataplane puts them together, and sees what they are. */
INLINE int
steer_fragment(const struct frame *f, const struct headers *h)
{
	struct steer_key key;

	if (f->config->exempt && key_of(f, h, &key) && is_exempt(&key))
		return forward(STEER_exempt);
	if (is_bypassed(f))
		return forward(STEER_switched);
	return steer_mail(f, (__s64)bpf_ktime_get_coarse_ns());
}

/* Ports and flags. 0: as key_of(). */
INLINE int
read_tcp(struct frame *f, const struct headers *h)
{
	__u8 *tcp = f->data + (h->tcp & OFFSET_MASK);

	if (tcp + TCP_HEADER_LEN > f->end)
		return 0;
	f->port[0] = be16(tcp);
	f->port[1] = be16(tcp + 2);
	f->flags = tcp[13];
	return 1;
}

/* The segment comes from the address and port of a quarantine. */
INLINE int
from_quarantine(const struct frame *f, const struct headers *h)
{
	__u8 *ip = f->data + (h->ip & OFFSET_MASK);
	__u32 source[4] = { 0 };

	if (h->ip_version == 4) {
		if (ip + IPV4_HEADER_LEN > f->end)
			return 0;
		__builtin_memcpy(source, ip + IPV4_SOURCE, 4);
	} else {
		if (ip + IPV6_HEADER_LEN > f->end)
			return 0;
		__builtin_memcpy(source, ip + IPV6_SOURCE, 16);
	}
	for (int i = 0; i < STEER_QUARANTINES; i++) {
		const volatile struct steer_quarantine *q = &quarantine[i];
		const volatile __u32 *addr = (const volatile __u32 *)q->addr;

		if (q->ip_version == h->ip_version && q->port == f->port[0] && addr[0] == source[0] &&
		    addr[1] == source[1] && addr[2] == source[2] && addr[3] == source[3])
			return 1;
	}
	return 0;
}

/* A connection of the machine itself: posternd looks after the quarantines, too. */
INLINE int
is_the_kernels(const struct frame *f, const struct headers *h)
{
	__u8 *ip = f->data + (h->ip & OFFSET_MASK), *tcp = f->data + (h->tcp & OFFSET_MASK);
	struct bpf_sock_tuple ends = { 0 };
	struct bpf_sock *found;
	__u32 len = sizeof(ends.ipv4);
	int own;

	if (tcp + 4 > f->end)
		return 0;
	if (h->ip_version == 4) {
		if (ip + IPV4_HEADER_LEN > f->end)
			return 0;
		__builtin_memcpy(&ends.ipv4.saddr, ip + IPV4_SOURCE, 8);
		__builtin_memcpy(&ends.ipv4.sport, tcp, 4);
	} else {
		if (ip + IPV6_HEADER_LEN > f->end)
			return 0;
		__builtin_memcpy(ends.ipv6.saddr, ip + IPV6_SOURCE, 32);
		__builtin_memcpy(&ends.ipv6.sport, tcp, 4);
		len = sizeof(ends.ipv6);
	}
	found = bpf_skc_lookup_tcp(f->ctx, &ends, len, BPF_F_CURRENT_NETNS, 0);
	if (!found)
		return 0;
	own = found->state != BPF_TCP_LISTEN; /* somebody who listens on a client's port has no part in its session */
	bpf_sk_release(found);
	return own;
}

/*
 * On the quarantines' own interface: their segments to clients are the dataplane's. All else is the kernel's: ARP, NDP,
 * what is meant for the machine itself, and everything while there is no dataplane.
 */
INLINE int
steer_apart(struct frame *f, const struct headers *h)
{
	struct steer_key key;
	struct steer_mark *m;

	if (!read_tcp(f, h) || !from_quarantine(f, h) || is_the_kernels(f, h) || !key_of(f, h, &key))
		return count(STEER_other, XDP_PASS);
	m = find_mark(&edited, steer_hash(&key, f->config->seed) % STEER_EDITED_BUCKETS, &key);
	if (m)
		return steer_edited(f, h, m);
	if (f->live->beat == 0 || to_worker(f) != XDP_REDIRECT)
		return count(STEER_open_stopped, XDP_PASS);
	return count(STEER_mail, XDP_REDIRECT);
}

SEC("xdp")
int
xsk_def_prog(struct xdp_md *ctx)
{
	struct headers h = { 0 };
	int found = decode(ctx, &h);
	struct frame f = {
		.ctx = ctx,
		.data = (__u8 *)(long)ctx->data,
		.end = (__u8 *)(long)ctx->data_end,
		.pair = slot / 2,
		.queue = ctx->rx_queue_index,
	};

	if (apart) {
		f.config = bpf_map_lookup_elem(&config, &first);
		f.live = bpf_map_lookup_elem(&live, &first);
		return found == FOUND_TCP && f.config && f.live ? steer_apart(&f, &h) : count(STEER_other, XDP_PASS);
	}
	if (found == FOUND_OTHER)
		return forward(STEER_other);
	if (found == FOUND_MALFORMED)
		return forward(STEER_undecoded);
	f.config = bpf_map_lookup_elem(&config, &first);
	f.live = bpf_map_lookup_elem(&live, &first);
	if (!f.config || !f.live)
		return forward(STEER_undecoded);
	if (found == FOUND_TCP_FRAGMENT)
		return steer_fragment(&f, &h);
	if (!read_tcp(&f, &h))
		return forward(STEER_undecoded);
	if (!is_mail_port(f.config, f.port[0]) && !is_mail_port(f.config, f.port[1]))
		return forward(STEER_other);
	return steer_session(&f, &h);
}

/* What libxdp looks for. */
__uint(xsk_prog_version, 1) SEC("xdp_metadata");

char terms[] SEC("license") = "BSD";
