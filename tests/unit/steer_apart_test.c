/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The copy of the steering program on the quarantines' own interface, run by the kernel on frames of ours
 * (BPF_PROG_TEST_RUN): what is the dataplane's, and what stays with the kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "flow/flow.h"
#include "headers/decode.h"
#include "marks.h"
#include "steer_world.h"

enum { SLOT = 2, SEED = 77, EPOCH = 1000, ACK = 16, TCP_LEN = 20 };

static struct steer_live *live;
static struct marks edited;
static int listener = -1, near_end = -1, far_end = -1; /* of a connection that the kernel has */
static struct sockaddr_in listens, connects;

/* From 127.0.0.1 to itself: `listens` is the quarantine. False: there is no loopback. */
static bool
connect_kernel(void)
{
	socklen_t len = sizeof listens;

	listens = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	listener = socket(AF_INET, SOCK_STREAM, 0);
	near_end = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&listens, sizeof listens) != 0 || listen(listener, 1) != 0 ||
	    getsockname(listener, (struct sockaddr *)&listens, &len) != 0 ||
	    connect(near_end, (struct sockaddr *)&listens, sizeof listens) != 0)
		return false;
	far_end = accept(listener, (struct sockaddr *)&connects, &len);
	return far_end >= 0;
}

/* 0, or a reason not to go on. */
static int
load(void)
{
	struct steer_config config = { .hung_ns = 200000000, .idle_ns = 1, .seed = SEED };
	struct steer_quarantine at[STEER_QUARANTINES] = {
		{ .addr = { 198, 51, 100, 2 }, .port = 25, .ip_version = 4 },
		{ .addr = { 0x20, 1, 0x0d, 0xb8, [15] = 1 }, .port = 2525, .ip_version = 6 },
		{ .addr = { 127, 0, 0, 1 }, .ip_version = 4 },
	};
	__u32 first = 0;

	if (!connect_kernel())
		return errno;
	at[2].port = ntohs(listens.sin_port);
	program = steer_bpf__open();
	if (program == NULL)
		return errno;
	program->rodata->slot = SLOT;
	program->rodata->apart = 1;
	memcpy((void *)program->rodata->quarantine, at, sizeof at);
	if (steer_bpf__load(program) != 0)
		return errno;
	live = memory_of(program->maps.live, sizeof *live);
	edited = (struct marks){ memory_of(program->maps.edited, STEER_EDITED_BUCKETS * sizeof(struct steer_bucket)),
				 STEER_EDITED_BUCKETS, SEED };
	return bpf_map_update_elem(bpf_map__fd(program->maps.config), &first, &config, BPF_ANY) != 0 ? errno : 0;
}

static int
setup(void **state)
{
	memset(edited.bucket, 0, STEER_EDITED_BUCKETS * sizeof(struct steer_bucket));
	live->epoch = EPOCH;
	live->beat = 1;
	socket_present(true);
	return 0;
}

/* ---- one frame ---- */

static void
expect(const char *what, const struct frame *in, enum steer_counter cause, __u32 verdict)
{
	static struct frame left;
	uint64_t before = counted(SLOT).packets[cause];
	__u32 got = verdict_on(in, &left);
	uint64_t more = counted(SLOT).packets[cause] - before;

	if (got != verdict || more != 1)
		fail_msg("%s: verdict %u, %u was wanted; counted %llu times", what, got, verdict,
			 (unsigned long long)more);
}

static struct frame *
tcp4(const char *addresses, unsigned from, unsigned to)
{
	static struct frame f;
	uint8_t *tcp;

	f.len = 0;
	frame_ethernet(&f, 0x0800);
	memcpy(frame_ipv4(&f, 6, 0, 0x4000, TCP_LEN) + 12, addresses, 8);
	tcp = frame_tcp(&f, ACK, 0, "");
	store_be16(tcp, (uint16_t)from);
	store_be16(tcp + 2, (uint16_t)to);
	return &f;
}

#define TO_CLIENT "\xc6\x33\x64\x02\xc0\x00\x02\x01"

static struct frame *
answer4(void)
{
	return tcp4(TO_CLIENT, 25, 40000);
}

static struct frame *
answer6(unsigned from)
{
	static struct frame f;
	uint8_t *tcp;

	f.len = 0;
	frame_ethernet(&f, 0x86dd);
	frame_ipv6(&f, 6, TCP_LEN);
	tcp = frame_tcp(&f, ACK, 0, "");
	store_be16(tcp, (uint16_t)from);
	return &f;
}

static void
mark(struct frame *f, uint64_t epoch)
{
	struct packet p = { .data = f->at, .len = (uint32_t)f->len, .pair = SLOT / 2 };
	struct steer_key key = { 0 };
	struct flow_key flow;
	unsigned end;

	assert_int_equal(headers_decode(&p), DECODE_TCP);
	flow_key_of(&p, &flow, &end);
	memcpy(&key, &flow, sizeof flow);
	assert_true(marks_put(&edited, &key, STEER_EDITED, epoch, epoch));
}

/* ---- tests ---- */

static void
what_a_quarantine_says_to_clients_goes_to_the_dataplane(void **state)
{
	expect("IPv4", answer4(), STEER_mail, XDP_REDIRECT);
	expect("IPv6", answer6(2525), STEER_mail, XDP_REDIRECT);
}

static void
everything_else_stays_with_the_kernel(void **state)
{
	static struct frame f;

	expect("another host", tcp4("\xc6\x33\x64\x03\xc0\x00\x02\x01", 25, 40000), STEER_other, XDP_PASS);
	expect("another port of it", tcp4(TO_CLIENT, 80, 40000), STEER_other, XDP_PASS);
	expect("the port of another one", answer6(25), STEER_other, XDP_PASS);
	expect("to the quarantine", tcp4("\xc0\x00\x02\x01\xc6\x33\x64\x02", 40000, 25), STEER_other, XDP_PASS);
	frame_ethernet(&f, 0x0806);
	frame_add(&f, NULL, 46);
	expect("ARP", &f, STEER_other, XDP_PASS);
	f.len = 0;
	frame_ethernet(&f, 0x86dd);
	frame_ipv6(&f, 58, 24);
	frame_add(&f, "\x87", 1);
	frame_add(&f, NULL, 23);
	expect("NDP", &f, STEER_other, XDP_PASS);
	f.len = 0;
	frame_ethernet(&f, 0x0800);
	memcpy(frame_ipv4(&f, 6, 0, 0x2000, 24) + 12, TO_CLIENT, 8);
	frame_add(&f, NULL, 24);
	expect("a fragment", &f, STEER_other, XDP_PASS);
	f.len = 0;
	frame_ethernet(&f, 0x0800);
	expect("nothing behind Ethernet", &f, STEER_other, XDP_PASS);
}

static void
a_connection_of_the_machine_itself_stays_with_the_kernel(void **state)
{
	char addresses[8];

	memcpy(addresses, &listens.sin_addr, 4);
	memcpy(addresses + 4, &connects.sin_addr, 4);
	expect("its own", tcp4(addresses, ntohs(listens.sin_port), ntohs(connects.sin_port)), STEER_other, XDP_PASS);
	expect("nobody's", tcp4(addresses, ntohs(listens.sin_port), 1), STEER_mail, XDP_REDIRECT);
	expect("a port that somebody listens on", tcp4(addresses, ntohs(listens.sin_port), ntohs(listens.sin_port)),
	       STEER_mail, XDP_REDIRECT);
}

static void
without_a_dataplane_all_of_it_stays_with_the_kernel(void **state)
{
	live->beat = 0;
	expect("stopped", answer4(), STEER_open_stopped, XDP_PASS);
	live->beat = 1;
	socket_present(false);
	expect("killed", answer6(2525), STEER_open_stopped, XDP_PASS);
}

static void
a_session_there_is_its_dataplanes_to_the_end_and_reset_behind_it(void **state)
{
	mark(answer4(), EPOCH);
	live->beat = 0;
	expect("at the end", answer4(), STEER_edited, XDP_REDIRECT);
	socket_present(false);
	expect("behind it", answer4(), STEER_orphan_reset, XDP_REDIRECT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_a_quarantine_says_to_clients_goes_to_the_dataplane, setup),
		cmocka_unit_test_setup(everything_else_stays_with_the_kernel, setup),
		cmocka_unit_test_setup(a_connection_of_the_machine_itself_stays_with_the_kernel, setup),
		cmocka_unit_test_setup(without_a_dataplane_all_of_it_stays_with_the_kernel, setup),
		cmocka_unit_test_setup(a_session_there_is_its_dataplanes_to_the_end_and_reset_behind_it, setup),
	};
	int missing = load(), status;

	if (missing == EPERM) {
		printf("kernel: no permission to load BPF programs (root is needed)\n");
		return 77;
	}
	if (missing != 0) {
		printf("the program does not load: %s\n", strerror(missing));
		return 1;
	}
	status = cmocka_run_group_tests(tests, NULL, NULL);
	socket_present(false);
	steer_bpf__destroy(program);
	return status;
}
