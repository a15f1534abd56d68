/* SPDX-License-Identifier: BSD-3-Clause */
/* A copy of the steering program in the kernel, its tables, and one frame through it (BPF_PROG_TEST_RUN). */
#ifndef POSTERN_TESTS_STEER_WORLD_H
#define POSTERN_TESTS_STEER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <linux/if_xdp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "frames.h"
#include "steer.skel.h"

#ifndef AF_XDP
#define AF_XDP  44
#define SOL_XDP 283
#endif

#define LOOPBACK 1

static struct steer_bpf *program;
static int sock = -1;

static inline void *
memory_of(const struct bpf_map *map, size_t len)
{
	void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return at != MAP_FAILED ? at : NULL;
}

/* An AF_XDP socket with a receive ring is enough for the map, bound or not. */
static inline void
socket_present(bool present)
{
	__u32 queue = 0, entries = 64;

	if (sock >= 0)
		close(sock);
	sock = -1;
	if (!present)
		return;
	sock = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_true(sock >= 0);
	assert_int_equal(setsockopt(sock, SOL_XDP, XDP_RX_RING, &entries, sizeof entries), 0);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(program->maps.xsks_map), &queue, &sock, BPF_ANY), 0);
}

/* What the copy at `slot` has counted, on all processors. */
static inline struct steer_counters
counted(__u32 slot)
{
	static struct steer_counters each[1024];
	struct steer_counters sum = { { 0 } };

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(program->maps.counters), &slot, each), 0);
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		for (unsigned i = 0; i < STEER_COUNTERS; i++)
			sum.packets[i] += each[cpu].packets[i];
	return sum;
}

/* The program's verdict on `in`; *left is the frame as it came out. */
static inline __u32
verdict_on(const struct frame *in, struct frame *left)
{
	struct xdp_md context = { .data_end = (__u32)in->len, .ingress_ifindex = LOOPBACK };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = in->at, .data_size_in = (__u32)in->len, .data_out = left->at,
		    .data_size_out = sizeof left->at, .ctx_in = &context, .ctx_size_in = sizeof context);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(program->progs.xsk_def_prog), &o), 0);
	left->len = o.data_size_out;
	return o.retval;
}

#endif
