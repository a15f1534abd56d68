/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Layouts of the maps that the steering program shares with user space.
 * Included by both sides; everything is in the byte order of the machine unless
 * it says otherwise. Who writes what: [A] whoever attaches, once and when the
 * settings change; [O] the operator's switch; [D] the dataplane, by plain
 * stores into mapped memory; [K] the program.
 */
#ifndef POSTERN_BPF_LAYOUT_H
#define POSTERN_BPF_LAYOUT_H

#include <linux/types.h>

/* Another number makes new maps; the switch alone has the same layout for ever. */
#define STEER_LAYOUT 2

#define STEER_PAIRS          8
#define STEER_SLOTS          (2 * STEER_PAIRS) /* an interface: 2 * pair + side, as in the dataplane */
#define STEER_QUEUES         64
#define STEER_WAYS           4
#define STEER_EXEMPT         128   /* prefixes of each family */
#define STEER_PASSED_BUCKETS 16384 /* 65,536 sessions, 4 MiB */
#define STEER_EDITED_BUCKETS 2048  /* 8,192 sessions, 512 KiB */
#define STEER_QUARANTINES    8

enum steer_counter {
#define STEER(name, where, text) STEER_##name,
#include "steer.def"
#undef STEER
	STEER_COUNTERS
};

/* Map "counters", per CPU, by slot. [K] */
struct steer_counters {
	__u64 packets[STEER_COUNTERS];
};

/* Map "config", one entry. [A] */
struct steer_config {
	__u64 hung_ns;                /* a heartbeat older than this: hung */
	__u64 idle_ns;                /* a passed session that was silent for longer is mail again */
	__u64 seed;                   /* of steer_hash(), random */
	__u8 closed[STEER_PAIRS];     /* 1: fail-closed */
	__u64 exempt;                 /* not 0: there is something in the maps of exempt prefixes */
	__u64 mail_ports[65536 / 64]; /* a bit a port */
};

/*
 * Maps "exempt4" and "exempt6": the longest of the exempt prefixes that covers an address; whose mail, at either end,
 * is never read. `bits` is the kernel's prefixlen. [A]
 */
struct steer_prefix4 {
	__u32 bits;
	__u8 addr[4]; /* network order */
};
struct steer_prefix6 {
	__u32 bits;
	__u8 addr[16];
};

/* A quarantine that has an interface to itself: a constant of the copy there. [A] */
struct steer_quarantine {
	__u8 addr[16]; /* IPv4: the first 4 octets */
	__u16 port;
	__u8 ip_version; /* 0: none */
	__u8 zero;
};

/* Map "switch", by pair, __u32: 1: the pair is bypassed by hand. [O] */

/* Map "live", one entry, mapped into the dataplane. [D] */
struct steer_live {
	__u64 epoch; /* which run of the dataplane this is: the monotonic time of its start */
	__u64 beat;  /* when its workers were last seen alive, monotonic, ns; 0: it stopped */
};

/* A session, the same for both directions: the end with the lower (address, port) comes first, as in struct flow_key.
 */
struct steer_key {
	__u8 addr[2][16]; /* IPv4: the first 4 octets, the others 0 */
	__u16 port[2];
	__u16 vlan_outer;
	__u16 vlan_inner;
	__u8 ip_version;
	__u8 pair;
	__u8 zero[6];
};

enum steer_state {
	STEER_FREE = 0,
	STEER_BUSY,   /* being written by a worker */
	STEER_OPAQUE, /* of map "passed" */
	STEER_UNREAD,
	STEER_EDITED, /* of map "edited" */
};

/* A session and what is known of it. A worker writes state last (release), so that a key is whole once it counts. */
struct steer_mark {
	struct steer_key key;
	__u64 stamp; /* passed: when its last packet came, monotonic [DK]; edited: epoch of the dataplane that did it
			[D] */
	__u32 state; /* enum steer_state [DK] */
	__u32 pad;
};

/*
 * Maps "passed" and "edited", by steer_hash() modulo their size, mapped into the dataplane. Workers need no system
 * call to note a session, so that they can do it before its first edited octet leaves.
 */
struct steer_bucket {
	struct steer_mark mark[STEER_WAYS];
};

static inline __attribute__((always_inline)) __u32
steer_hash(const struct steer_key *key, __u64 seed)
{
	const __u64 *word = (const __u64 *)(const void *)key;
	__u64 h = seed;

	for (unsigned int i = 0; i < sizeof(*key) / 8; i++) {
		h = (h ^ word[i]) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 29;
	}
	return (__u32)(h >> 32);
}

static inline __attribute__((always_inline)) int
steer_same(const struct steer_key *a, const struct steer_key *b)
{
	const __u64 *x = (const __u64 *)(const void *)a, *y = (const __u64 *)(const void *)b;
	__u64 differ = 0;

	for (unsigned int i = 0; i < sizeof(*a) / 8; i++)
		differ |= x[i] ^ y[i];
	return differ == 0;
}

#endif
