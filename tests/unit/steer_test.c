/* SPDX-License-Identifier: BSD-3-Clause */
/* The steering program itself, run by the kernel on frames of ours (BPF_PROG_TEST_RUN): no interface, no traffic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "flow/flow.h"
#include "headers/checksum.h"
#include "headers/decode.h"
#include "marks.h"
#include "steer_world.h"

#define HUNG_NS  200000000
#define IDLE_NS  1800000000000
#define TEXT     "RCPT TO:<a@example.org>\r\n"
#define TEXT_LEN (sizeof(TEXT) - 1)
#define TCP_LEN  (20 + TEXT_LEN)

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16, EPOCH = 1000 };

static struct steer_live *live;
static struct marks passed, edited;
static struct steer_config config;

static const char *const names[] = {
#define STEER(name, where, text) #name,
#include "steer.def"
#undef STEER
};

static uint64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* ---- the world around the program ---- */

static void
write_config(void)
{
	__u32 first = 0;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(program->maps.config), &first, &config, BPF_ANY), 0);
}

static void
set_switch(__u32 on)
{
	__u32 pair = 0;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(program->maps.bypass), &pair, &on, BPF_ANY), 0);
}

/* 0, or a reason to skip. */
static int
load(void)
{
	__u32 first = 0, target = LOOPBACK;

	program = steer_bpf__open();
	if (program == NULL || steer_bpf__load(program) != 0)
		return errno;
	live = memory_of(program->maps.live, sizeof *live);
	passed = (struct marks){ memory_of(program->maps.passed, STEER_PASSED_BUCKETS * sizeof(struct steer_bucket)),
				 STEER_PASSED_BUCKETS, 77 };
	edited = (struct marks){ memory_of(program->maps.edited, STEER_EDITED_BUCKETS * sizeof(struct steer_bucket)),
				 STEER_EDITED_BUCKETS, 77 };
	return bpf_map_update_elem(bpf_map__fd(program->maps.target), &first, &target, BPF_ANY) != 0 ? errno : 0;
}

/* Before each test: a dataplane that is alive, and no session known. */
static int
setup(void **state)
{
	config = (struct steer_config){ .hung_ns = HUNG_NS, .idle_ns = IDLE_NS, .seed = 77 };
	config.mail_ports[0] = 1 << 25;
	config.mail_ports[587 / 64] |= 1ULL << 587 % 64;
	write_config();
	memset(passed.bucket, 0, STEER_PASSED_BUCKETS * sizeof(struct steer_bucket));
	memset(edited.bucket, 0, STEER_EDITED_BUCKETS * sizeof(struct steer_bucket));
	live->epoch = EPOCH;
	live->beat = now() + 3600ULL * 1000000000; /* ahead of any clock: alive */
	set_switch(0);
	socket_present(true);
	return 0;
}

/* ---- one frame ---- */

struct outcome {
	__u32 verdict;
	int cause;         /* enum steer_counter; -1: not counted exactly once */
	struct frame left; /* as it came out */
};

static void
run(const struct frame *in, struct outcome *out)
{
	struct steer_counters before = counted(0), after;

	out->verdict = verdict_on(in, &out->left);
	after = counted(0);
	out->cause = -1;
	for (int i = 0; i < STEER_COUNTERS; i++) {
		uint64_t more = after.packets[i] - before.packets[i];

		assert_true(more == 0 || (more == 1 && out->cause < 0));
		out->cause = more == 1 ? i : out->cause;
	}
}

static __u32
verdict_of(int cause)
{
	switch (cause) {
	case STEER_closed_stopped:
	case STEER_closed_hung:
	case STEER_orphan_dropped:
	case STEER_no_target:
		return XDP_DROP;
	default:
		return XDP_REDIRECT;
	}
}

/* The frame counts as `cause`, has the verdict that belongs to it, and unless it is answered leaves as it came. */
static void
expect(const char *what, const struct frame *in, enum steer_counter cause)
{
	static struct outcome out;

	run(in, &out);
	if (out.cause != (int)cause || out.verdict != verdict_of(cause))
		fail_msg("%s: counted as %s with verdict %u, not as %s", what,
			 out.cause < 0 ? "nothing" : names[out.cause], out.verdict, names[cause]);
	if (cause != STEER_orphan_reset) {
		assert_int_equal(out.left.len, in->len);
		assert_memory_equal(out.left.at, in->at, in->len);
	}
}

/* ---- frames ---- */

static struct frame *
fresh(void)
{
	static struct frame f;

	f.len = 0;
	return &f;
}

/* TCP with ports; the rest as frame_tcp() has it. */
static void
tcp_ports(struct frame *f, unsigned from, unsigned to, unsigned flags)
{
	uint8_t *tcp = frame_tcp(f, flags, 0, TEXT);

	store_be16(tcp, (uint16_t)from);
	store_be16(tcp + 2, (uint16_t)to);
}

static struct frame *
mail4(unsigned flags)
{
	struct frame *f = fresh();

	frame_ethernet(f, 0x0800);
	frame_ipv4(f, 6, 0, 0x4000, TCP_LEN);
	tcp_ports(f, 40000, 25, flags);
	return f;
}

static struct frame *
answer4(unsigned flags)
{
	struct frame *f = fresh();
	uint8_t *ip;

	frame_ethernet(f, 0x0800);
	ip = frame_ipv4(f, 6, 0, 0x4000, TCP_LEN);
	memcpy(ip + 12, "\xc6\x33\x64\x02\xc0\x00\x02\x01", 8);
	tcp_ports(f, 25, 40000, flags);
	return f;
}

static struct frame *
mail6(unsigned flags)
{
	struct frame *f = fresh();

	frame_ethernet(f, 0x86dd);
	frame_ipv6(f, 6, TCP_LEN);
	tcp_ports(f, 40000, 25, flags);
	return f;
}

static void
plain4(struct frame *f)
{
	frame_ethernet(f, 0x0800);
	frame_ipv4(f, 6, 0, 0x4000, TCP_LEN);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
plain6(struct frame *f)
{
	frame_ethernet(f, 0x86dd);
	frame_ipv6(f, 6, TCP_LEN);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
options4(struct frame *f)
{
	frame_ethernet(f, 0x0800);
	frame_ipv4(f, 6, 40, 0, TCP_LEN);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
tcp_options(struct frame *f)
{
	frame_ethernet(f, 0x0800);
	frame_ipv4(f, 6, 0, 0, TCP_LEN + 40);
	frame_tcp(f, ACK, 40, TEXT);
}
static void
submission(struct frame *f)
{
	frame_ethernet(f, 0x0800);
	frame_ipv4(f, 6, 0, 0, TCP_LEN);
	tcp_ports(f, 40000, 587, ACK);
}
static void
from_server(struct frame *f)
{
	frame_ethernet(f, 0x0800);
	frame_ipv4(f, 6, 0, 0, TCP_LEN);
	tcp_ports(f, 25, 40000, ACK);
}
static void
web(struct frame *f)
{
	frame_ethernet(f, 0x0800);
	frame_ipv4(f, 6, 0, 0, TCP_LEN);
	tcp_ports(f, 40000, 443, ACK);
}
static void
port_of_a_mail_port_and_64(struct frame *f)
{
	frame_ethernet(f, 0x0800);
	frame_ipv4(f, 6, 0, 0, TCP_LEN);
	tcp_ports(f, 40000, 25 + 64, ACK);
}
static void
udp25(struct frame *f)
{
	frame_ethernet(f, 0x0800);
	frame_ipv4(f, 17, 0, 0, TCP_LEN);
	tcp_ports(f, 25, 25, ACK);
}
static void
arp(struct frame *f)
{
	frame_ethernet(f, 0x0806);
	frame_add(f, NULL, 46);
}
static void
lldp(struct frame *f)
{
	frame_ethernet(f, 0x88cc);
	frame_add(f, NULL, 46);
}
static void
spanning_tree(struct frame *f)
{
	frame_ethernet(f, 38);
	frame_add(f, "\x42\x42\x03", 3);
	frame_add(f, NULL, 43);
}
static void
tcp_ends_in_padding(struct frame *f)
{
	plain4(f);
	store_be16(f->at + 16, 39);
}
static void
nothing_behind_ethernet(struct frame *f)
{
	frame_ethernet(f, 0x0800);
}

static void
padded(struct frame *f)
{
	plain4(f);
	frame_add(f, "paddingpadding", 14);
}
static void
no_length4(struct frame *f)
{
	plain4(f);
	store_be16(f->at + 16, 0);
}
static void
no_length6(struct frame *f)
{
	plain6(f);
	store_be16(f->at + 18, 0);
}

static void
tag(struct frame *f)
{
	frame_ethernet(f, 0x8100);
	frame_vlan(f, 0xe064, 0x0800);
	frame_ipv4(f, 6, 0, 0, TCP_LEN);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
tags(struct frame *f)
{
	frame_ethernet(f, 0x88a8);
	frame_vlan(f, 100, 0x8100);
	frame_vlan(f, 200, 0x86dd);
	frame_ipv6(f, 6, TCP_LEN);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
old_tags(struct frame *f)
{
	frame_ethernet(f, 0x9100);
	frame_vlan(f, 100, 0x9100);
	frame_vlan(f, 200, 0x0800);
	frame_ipv4(f, 6, 0, 0, TCP_LEN);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
three_tags(struct frame *f)
{
	frame_ethernet(f, 0x8100);
	frame_vlan(f, 1, 0x8100);
	frame_vlan(f, 2, 0x8100);
	frame_vlan(f, 3, 0x0800);
	frame_ipv4(f, 6, 0, 0, TCP_LEN);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
tag_cut(struct frame *f)
{
	frame_ethernet(f, 0x8100);
	frame_add(f, NULL, 3);
}

static void
labels4(struct frame *f)
{
	frame_ethernet(f, 0x8847);
	frame_add(f, "\x00\x01\x00\x40\x00\x02\x01\x40", 8);
	frame_ipv4(f, 6, 0, 0, TCP_LEN);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
label6(struct frame *f)
{
	frame_ethernet(f, 0x8848);
	frame_add(f, "\x00\x02\x01\x40", 4);
	frame_ipv6(f, 6, TCP_LEN);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
label_other(struct frame *f)
{
	frame_ethernet(f, 0x8847);
	frame_add(f, "\x00\x02\x01\x40", 4);
	frame_add(f, NULL, 46);
}
static void
labels_without_end(struct frame *f)
{
	frame_ethernet(f, 0x8847);
	for (int i = 0; i < 12; i++)
		frame_add(f, "\x00\x01\x00\x40", 4);
}
static void
label_cut(struct frame *f)
{
	frame_ethernet(f, 0x8847);
	frame_add(f, "\x00\x01\x01\x40", 4);
}

static void
pppoe(struct frame *f, unsigned protocol, size_t payload)
{
	frame_ethernet(f, 0x8864);
	frame_add(f, "\x11\x00\x12\x34", 4);
	frame_add16(f, (unsigned)payload + 2);
	frame_add16(f, protocol);
}

static void
pppoe4(struct frame *f)
{
	pppoe(f, 0x0021, 20 + TCP_LEN);
	frame_ipv4(f, 6, 0, 0, TCP_LEN);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
pppoe6(struct frame *f)
{
	pppoe(f, 0x0057, 40 + TCP_LEN);
	frame_ipv6(f, 6, TCP_LEN);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
pppoe_tagged(struct frame *f)
{
	frame_ethernet(f, 0x8100);
	frame_vlan(f, 7, 0x8864);
	frame_add(f, "\x11\x00\x12\x34", 4);
	frame_add16(f, 22 + TCP_LEN);
	frame_add16(f, 0x21);
	frame_ipv4(f, 6, 0, 0, TCP_LEN);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
pppoe_control(struct frame *f)
{
	pppoe(f, 0xc021, 40);
	frame_add(f, NULL, 40);
}
static void
pppoe_too_long(struct frame *f)
{
	pppoe(f, 0x0021, 2000);
	frame_ipv4(f, 6, 0, 0, TCP_LEN);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
pppoe_discovery(struct frame *f)
{
	frame_ethernet(f, 0x8863);
	frame_add(f, NULL, 46);
}

/* An IPv6 extension header of `units` times 8 octets and 8. */
static void
extension(struct frame *f, unsigned next, unsigned units)
{
	uint8_t *at = frame_add(f, NULL, 8 + 8 * (size_t)units);

	at[0] = (uint8_t)next;
	at[1] = (uint8_t)units;
}

static void
hop_by_hop(struct frame *f)
{
	frame_ethernet(f, 0x86dd);
	frame_ipv6(f, 0, 8 + TCP_LEN);
	extension(f, 6, 0);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
all_extensions(struct frame *f)
{
	frame_ethernet(f, 0x86dd);
	frame_ipv6(f, 0, 8 + 16 + 8 + 12 + 8 + TCP_LEN);
	extension(f, 60, 0);
	extension(f, 43, 1);
	extension(f, 51, 0);
	frame_add(f, "\x3c\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 12);
	extension(f, 6, 0);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
authenticated(struct frame *f)
{
	frame_ethernet(f, 0x86dd);
	frame_ipv6(f, 51, 24 + TCP_LEN);
	frame_add(f, "\x06\x04", 2);
	frame_add(f, NULL, 22);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
routed_elsewhere(struct frame *f)
{
	frame_ethernet(f, 0x86dd);
	frame_ipv6(f, 43, 8 + TCP_LEN);
	extension(f, 6, 0);
	f->at[f->len - 5] = 1;
	frame_tcp(f, ACK, 0, TEXT);
}
static void
encrypted(struct frame *f)
{
	frame_ethernet(f, 0x86dd);
	frame_ipv6(f, 50, 40);
	frame_add(f, NULL, 40);
}
static void
extensions(struct frame *f, unsigned n)
{
	frame_ethernet(f, 0x86dd);
	frame_ipv6(f, 60, n * 8 + TCP_LEN);
	for (unsigned i = 1; i <= n; i++)
		extension(f, i < n ? 60 : 6, 0);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
seven_extensions(struct frame *f)
{
	extensions(f, 7);
}
static void
eight_extensions(struct frame *f)
{
	extensions(f, 8);
}
static void
extension_too_long(struct frame *f)
{
	frame_ethernet(f, 0x86dd);
	frame_ipv6(f, 0, 8 + TCP_LEN);
	extension(f, 6, 0);
	f->at[f->len - 7] = 200;
	frame_tcp(f, ACK, 0, TEXT);
}

static void
first4(struct frame *f)
{
	frame_ethernet(f, 0x0800);
	frame_ipv4(f, 6, 0, 0x2000, TCP_LEN);
	frame_tcp(f, ACK, 0, TEXT);
}
static void
later4(struct frame *f)
{
	frame_ethernet(f, 0x0800);
	frame_ipv4(f, 6, 0, 0x0010, 64);
	frame_add(f, NULL, 64);
}
static void
later_udp4(struct frame *f)
{
	frame_ethernet(f, 0x0800);
	frame_ipv4(f, 17, 0, 0x0010, 64);
	frame_add(f, NULL, 64);
}

static void
fragment6(struct frame *f, unsigned next, unsigned offset)
{
	frame_ethernet(f, 0x86dd);
	frame_ipv6(f, 44, 8 + TCP_LEN);
	frame_add16(f, next << 8);
	frame_add16(f, offset);
	frame_add(f, "\x00\x00\x00\x01", 4);
	frame_tcp(f, ACK, 0, TEXT);
}

static void
first6(struct frame *f)
{
	fragment6(f, 6, 0x0001);
}
static void
later6(struct frame *f)
{
	fragment6(f, 6, 0x0100);
}
static void
later_options6(struct frame *f)
{
	fragment6(f, 60, 0x0100);
}
static void
later_udp6(struct frame *f)
{
	fragment6(f, 17, 0x0100);
}
static void
atomic6(struct frame *f)
{
	fragment6(f, 6, 0);
}
static void
atomic_udp6(struct frame *f)
{
	fragment6(f, 17, 0);
}

static void
ip_too_long(struct frame *f)
{
	plain4(f);
	store_be16(f->at + 16, 4000);
}
static void
ip_too_short(struct frame *f)
{
	plain4(f);
	store_be16(f->at + 16, 19);
}
static void
header_too_short(struct frame *f)
{
	plain4(f);
	f->at[14] = 0x44;
}
static void
version_5(struct frame *f)
{
	plain4(f);
	f->at[14] = 0x55;
}
static void
ip6_too_long(struct frame *f)
{
	plain6(f);
	store_be16(f->at + 18, 4000);
}
static void
version_6_in_4(struct frame *f)
{
	plain6(f);
	store_be16(f->at + 12, 0x0800);
}
static void
tcp_header_too_short(struct frame *f)
{
	plain4(f);
	f->at[46] = 0x40;
}
static void
tcp_header_too_long(struct frame *f)
{
	plain4(f);
	f->at[46] = 0xf0;
}
static void
cut_in_ip(struct frame *f)
{
	plain4(f);
	f->len = 14 + 19;
}
static void
cut_in_tcp(struct frame *f)
{
	plain4(f);
	f->len = 14 + 20 + 19;
}
static void
whole_but_cut_in_tcp(struct frame *f)
{
	frame_ethernet(f, 0x0800);
	frame_ipv4(f, 6, 0, 0, 4);
	frame_add(f, "\x9c\x40\x00\x19", 4);
	frame_add(f, NULL, 22);
}

static const struct {
	const char *name;
	void (*make)(struct frame *f);
	enum steer_counter cause;
} frames[] = {
	{ "IPv4", plain4, STEER_mail },
	{ "IPv6", plain6, STEER_mail },
	{ "IPv4 with 40 octets of options", options4, STEER_mail },
	{ "TCP with 40 octets of options", tcp_options, STEER_mail },
	{ "another mail port", submission, STEER_mail },
	{ "from a mail port", from_server, STEER_mail },
	{ "padded", padded, STEER_mail },
	{ "IPv4 without a length", no_length4, STEER_mail },
	{ "IPv6 without a length", no_length6, STEER_mail },
	{ "no mail port", web, STEER_other },
	{ "a port in another word of the same bit", port_of_a_mail_port_and_64, STEER_other },
	{ "UDP on a mail port", udp25, STEER_other },
	{ "ARP", arp, STEER_other },
	{ "LLDP", lldp, STEER_other },
	{ "spanning tree", spanning_tree, STEER_other },
	{ "a tag", tag, STEER_mail },
	{ "two tags", tags, STEER_mail },
	{ "two tags of old", old_tags, STEER_mail },
	{ "three tags", three_tags, STEER_undecoded },
	{ "a tag cut short", tag_cut, STEER_undecoded },
	{ "IPv4 behind two MPLS labels", labels4, STEER_mail },
	{ "IPv6 behind a multicast MPLS label", label6, STEER_mail },
	{ "something else behind MPLS", label_other, STEER_other },
	{ "more MPLS labels than are read", labels_without_end, STEER_undecoded },
	{ "nothing behind MPLS", label_cut, STEER_undecoded },
	{ "IPv4 in PPPoE", pppoe4, STEER_mail },
	{ "IPv6 in PPPoE", pppoe6, STEER_mail },
	{ "PPPoE behind a tag", pppoe_tagged, STEER_mail },
	{ "link control in PPPoE", pppoe_control, STEER_other },
	{ "PPPoE longer than its frame", pppoe_too_long, STEER_undecoded },
	{ "PPPoE discovery", pppoe_discovery, STEER_other },
	{ "hop-by-hop options", hop_by_hop, STEER_mail },
	{ "hop-by-hop, destination, routing, authentication, destination", all_extensions, STEER_mail },
	{ "an authentication header", authenticated, STEER_mail },
	{ "routing to another node", routed_elsewhere, STEER_other },
	{ "ESP", encrypted, STEER_other },
	{ "seven extension headers", seven_extensions, STEER_mail },
	{ "eight extension headers", eight_extensions, STEER_undecoded },
	{ "an extension header longer than its packet", extension_too_long, STEER_undecoded },
	{ "the first fragment of IPv4", first4, STEER_mail },
	{ "a later fragment of IPv4", later4, STEER_mail },
	{ "a later fragment of UDP in IPv4", later_udp4, STEER_other },
	{ "the first fragment of IPv6", first6, STEER_mail },
	{ "a later fragment of IPv6", later6, STEER_mail },
	{ "a later fragment of IPv6 that begins with options", later_options6, STEER_mail },
	{ "a later fragment of UDP in IPv6", later_udp6, STEER_other },
	{ "an atomic fragment of IPv6", atomic6, STEER_mail },
	{ "an atomic fragment of UDP in IPv6", atomic_udp6, STEER_other },
	{ "IPv4 longer than its frame", ip_too_long, STEER_undecoded },
	{ "IPv4 shorter than its header", ip_too_short, STEER_undecoded },
	{ "an IPv4 header of 16 octets", header_too_short, STEER_undecoded },
	{ "IP version 5", version_5, STEER_undecoded },
	{ "IPv6 longer than its frame", ip6_too_long, STEER_undecoded },
	{ "IPv6 that says IPv4", version_6_in_4, STEER_undecoded },
	{ "a TCP header of 16 octets", tcp_header_too_short, STEER_undecoded },
	{ "a TCP header longer than its segment", tcp_header_too_long, STEER_undecoded },
	{ "cut in the IP header", cut_in_ip, STEER_undecoded },
	{ "cut in the TCP header", cut_in_tcp, STEER_undecoded },
	{ "an IP packet that ends in the TCP header", whole_but_cut_in_tcp, STEER_undecoded },
	{ "a TCP header that ends in the padding", tcp_ends_in_padding, STEER_undecoded },
	{ "nothing behind Ethernet", nothing_behind_ethernet, STEER_undecoded },
};
#define FRAMES (sizeof frames / sizeof frames[0])

static void
test_each_kind_of_frame_goes_where_it_belongs(void **state)
{
	for (size_t i = 0; i < FRAMES; i++) {
		struct frame *f = fresh();

		frames[i].make(f);
		expect(frames[i].name, f, frames[i].cause);
	}
}

/* ---- the same decisions as the dataplane ---- */

static bool
may_be_tcp(const struct packet *p)
{
	uint8_t kind = p->h.ip_version == 4 ? p->data[p->h.l3 + 9] : p->data[p->h.l4];

	return kind == 6 ||
	       (p->h.ip_version == 6 && (kind == 0 || kind == 43 || kind == 44 || kind == 51 || kind == 60));
}

static enum steer_counter
dataplane_says(struct frame *f)
{
	struct packet p = { .data = f->at, .len = (uint32_t)f->len };

	switch (headers_decode(&p)) {
	case DECODE_TCP:
		return p.h.src_port == 25 || p.h.dst_port == 25 || p.h.src_port == 587 || p.h.dst_port == 587
			       ? STEER_mail
			       : STEER_other;
	case DECODE_FRAGMENT:
		return may_be_tcp(&p) ? STEER_mail : STEER_other;
	case DECODE_NOT_TCP:
		return STEER_other;
	case DECODE_MALFORMED:
		return STEER_undecoded;
	}
	return STEER_no_target;
}

/* Damages the headers, or cuts the frame. */
static void
damage(struct frame *f)
{
	unsigned changes = (unsigned)random() % 3;

	for (unsigned i = 0; i <= changes; i++)
		f->at[12 + (size_t)random() % (f->len - 12 < 80 ? f->len - 12 : 80)] = (uint8_t)random();
	if (random() % 4 == 0)
		f->len = 14 + (size_t)random() % (f->len - 13);
}

static void
test_damaged_frames_go_where_the_dataplane_would_have_read_them(void **state)
{
	unsigned rounds = getenv("POSTERN_LONG") != NULL ? 5000 : 300;

	srandom(20261121);
	for (unsigned round = 0; round < rounds; round++)
		for (size_t i = 0; i < FRAMES; i++) {
			struct frame *f = fresh();
			char what[200];

			frames[i].make(f);
			damage(f);
			snprintf(what, sizeof what, "%s, damaged in round %u", frames[i].name, round);
			expect(what, f, dataplane_says(f));
		}
}

/* ---- life and death of the dataplane ---- */

static void
test_mail_passes_or_stops_where_the_dataplane_has_stopped(void **state)
{
	live->beat = 0;
	expect("open", mail4(ACK), STEER_open_stopped);
	config.closed[0] = 1;
	write_config();
	expect("closed", mail4(ACK), STEER_closed_stopped);
}

static void
test_mail_passes_or_stops_where_the_heartbeat_is_too_old(void **state)
{
	live->beat = now() - 2 * HUNG_NS;
	expect("open", mail4(ACK), STEER_open_hung);
	config.closed[0] = 1;
	write_config();
	expect("closed", mail4(ACK), STEER_closed_hung);
}

static void
test_mail_passes_or_stops_where_no_socket_takes_it_however_fresh_the_heartbeat(void **state)
{
	socket_present(false);
	expect("open", mail4(ACK), STEER_open_stopped);
	config.closed[0] = 1;
	write_config();
	expect("closed", mail4(ACK), STEER_closed_stopped);
}

static void
test_a_fresh_heartbeat_is_enough(void **state)
{
	live->beat = now();
	expect("now", mail4(ACK), STEER_mail);
}

static void
test_closed_concerns_mail_only(void **state)
{
	config.closed[0] = 1;
	write_config();
	live->beat = 0;
	for (size_t i = 0; i < FRAMES; i++) {
		struct frame *f = fresh();

		frames[i].make(f);
		expect(frames[i].name, f, frames[i].cause == STEER_mail ? STEER_closed_stopped : frames[i].cause);
	}
}

static void
test_the_switch_lets_all_mail_pass_even_where_the_pair_is_closed(void **state)
{
	config.closed[0] = 1;
	write_config();
	set_switch(1);
	for (size_t i = 0; i < FRAMES; i++) {
		struct frame *f = fresh();

		frames[i].make(f);
		expect(frames[i].name, f, frames[i].cause == STEER_mail ? STEER_switched : frames[i].cause);
	}
}

static void
test_mail_ports_can_be_changed_while_it_runs(void **state)
{
	struct frame *f = fresh();

	config.mail_ports[0] = 0;
	config.mail_ports[443 / 64] = 1ULL << 443 % 64;
	write_config();
	web(f);
	expect("443", f, STEER_mail);
	expect("25", mail4(ACK), STEER_other);
}

static void
test_without_the_other_interface_frames_are_dropped_and_counted(void **state)
{
	__u32 first = 0, target = LOOPBACK;

	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(program->maps.target), &first), 0);
	struct frame *f = fresh();
	web(f);
	expect("no target", f, STEER_no_target);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(program->maps.target), &first, &target, BPF_ANY), 0);
}

/* ---- sessions ---- */

/* The key as the flow table has it. */
static struct steer_key
key_of(struct frame *f)
{
	struct packet p = { .data = f->at, .len = (uint32_t)f->len };
	struct steer_key key = { 0 };
	struct flow_key flow;
	unsigned end;

	assert_int_equal(headers_decode(&p), DECODE_TCP);
	flow_key_of(&p, &flow, &end);
	memcpy(&key, &flow, sizeof flow);
	return key;
}

static void
pass(struct frame *f, enum steer_state why, uint64_t when)
{
	struct steer_key key = key_of(f);

	assert_true(marks_put(&passed, &key, why, when, UINT64_MAX));
}

static void
edit(struct frame *f, uint64_t epoch)
{
	struct steer_key key = key_of(f);

	assert_true(marks_put(&edited, &key, STEER_EDITED, epoch, epoch));
}

static void
test_a_passed_session_goes_by_in_both_directions_and_renews_its_mark(void **state)
{
	pass(mail4(ACK), STEER_OPAQUE, now() - 60000000000);
	expect("to the server", mail4(ACK), STEER_opaque);
	expect("to the client", answer4(ACK), STEER_opaque);
	assert_int_equal(marks_count(&passed, now() - 10000000000), 1);
	pass(mail6(ACK), STEER_UNREAD, now());
	expect("unread", mail6(ACK), STEER_unread);
}

static void
test_any_two_ends_make_the_key_of_the_flow_table(void **state)
{
	srandom(1);
	for (unsigned i = 0; i < 2000; i++) {
		struct frame *f = i % 2 ? mail4(ACK) : mail6(ACK);
		size_t at = i % 2 ? 26 : 22, len = i % 2 ? 4 : 16;

		/* Ends that are nearly alike: each order, at each octet. */
		memcpy(f->at + at + len, f->at + at, len);
		f->at[at + (size_t)random() % len] = (uint8_t)random();
		store_be16(f->at + at + 2 * len, i % 3 ? (uint16_t)random() : 25);
		pass(f, STEER_OPAQUE, now());
		expect("random ends", f, STEER_opaque);
	}
}

static void
test_sessions_in_other_vlans_are_other_sessions(void **state)
{
	struct frame *f = fresh();

	tag(f);
	pass(f, STEER_OPAQUE, now());
	expect("the same tag", f, STEER_opaque);
	f->at[15] = 0x65;
	expect("another tag", f, STEER_mail);
	expect("untagged", mail4(ACK), STEER_mail);
}

static void
test_beginning_and_end_of_a_passed_session_are_the_dataplanes_and_remove_its_mark(void **state)
{
	const unsigned flags[] = { SYN, SYN | ACK, FIN | ACK, RST, RST | ACK };

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		pass(mail4(ACK), STEER_OPAQUE, now());
		expect("the last one", answer4(flags[i]), STEER_mail);
		assert_int_equal(marks_count(&passed, 0), 0);
		expect("afterwards", mail4(ACK), STEER_mail);
	}
}

static void
test_a_passed_session_that_was_silent_for_too_long_is_mail_again(void **state)
{
	config.idle_ns = 1000000000;
	write_config();
	pass(mail4(ACK), STEER_OPAQUE, now() - 2000000000);
	expect("aged", mail4(ACK), STEER_mail);
	assert_int_equal(marks_count(&passed, 0), 0);
}

static void
test_an_edited_session_reaches_its_dataplane_whatever_heartbeat_and_switch_say(void **state)
{
	edit(mail4(ACK), EPOCH);
	expect("alive", mail4(ACK), STEER_edited);
	live->beat = 0;
	expect("at the end", answer4(ACK), STEER_edited);
	set_switch(1);
	expect("switched", mail4(FIN | ACK), STEER_edited);
}

/* A RST of nothing but headers, in the numbers of the sender of `in`, with right checksums. */
static void
assert_reset(const char *what, struct frame *in)
{
	static struct outcome out;
	struct packet was = { .data = in->at, .len = (uint32_t)in->len }, p;

	assert_int_equal(headers_decode(&was), DECODE_TCP);
	run(in, &out);
	if (out.cause != STEER_orphan_reset || out.verdict != XDP_REDIRECT)
		fail_msg("%s: counted as %s", what, out.cause < 0 ? "nothing" : names[out.cause]);
	p = (struct packet){ .data = out.left.at, .len = (uint32_t)out.left.len };
	assert_int_equal(headers_decode(&p), DECODE_TCP);
	assert_int_equal(p.h.tcp_flags, RST);
	assert_int_equal(p.h.seq, was.h.ack);
	assert_int_equal(p.h.src_port, was.h.dst_port);
	assert_int_equal(p.h.dst_port, was.h.src_port);
	assert_int_equal(p.h.payload, out.left.len);
	assert_int_equal(p.h.payload_len, 0);
	assert_memory_equal(p.data, in->at + 6, 6);
	assert_memory_equal(p.data + 6, in->at, 6);
	assert_int_equal(p.h.vlan_outer, was.h.vlan_outer);
	assert_true(checksum_tcp_ok(&p));
	if (p.h.ip_version == 4) {
		uint8_t *ip = p.data + p.h.l3;
		uint16_t sum = load_be16(ip + 10);

		checksum_ipv4_header(ip);
		assert_int_equal(load_be16(ip + 10), sum);
	}
}

static void
test_an_orphan_is_reset_in_the_numbers_of_whoever_speaks(void **state)
{
	struct frame *f;

	edit(mail4(ACK), EPOCH - 1);
	assert_reset("the client", mail4(ACK));
	assert_reset("the server", answer4(ACK));
	edit(mail6(ACK), EPOCH - 1);
	assert_reset("IPv6", mail6(ACK));
	f = fresh();
	tag(f);
	edit(f, EPOCH - 1);
	assert_reset("a tag", f);
	f = fresh();
	pppoe4(f);
	assert_reset("PPPoE", f); /* the session of the first lines: PPPoE is no part of the key */
	f = fresh();
	tags(f);
	edit(f, EPOCH - 1);
	assert_reset("two tags, IPv6", f);
}

static void
test_an_edited_session_is_an_orphan_as_soon_as_its_socket_is_gone(void **state)
{
	edit(mail4(ACK), EPOCH);
	socket_present(false);
	assert_reset("killed", mail4(ACK));
}

static void
test_an_orphan_that_cannot_be_reset_is_dropped(void **state)
{
	struct frame *f;

	edit(mail4(ACK), EPOCH - 1);
	expect("a RST", mail4(RST | ACK), STEER_orphan_dropped);
	expect("no ack", mail4(0), STEER_orphan_dropped);
	f = fresh();
	options4(f);
	expect("IP options", f, STEER_orphan_dropped);
	f = fresh();
	labels4(f);
	expect("MPLS", f, STEER_orphan_dropped);
}

static void
test_a_new_connection_on_the_ports_of_an_orphan_is_none(void **state)
{
	edit(mail4(ACK), EPOCH - 1);
	expect("the SYN", mail4(SYN), STEER_mail);
	expect("the next", mail4(ACK), STEER_mail);
	edit(mail4(ACK), EPOCH);
	expect("a SYN on a living one", mail4(SYN), STEER_edited);
}

/* ---- exempt addresses ---- */

static void
set_exempt4(const char *address, unsigned bits, bool there)
{
	int map = bpf_map__fd(program->maps.exempt4);
	struct steer_prefix4 key = { .bits = bits };
	__u8 yes = 1;

	memcpy(key.addr, address, sizeof key.addr);
	assert_int_equal(there ? bpf_map_update_elem(map, &key, &yes, BPF_ANY) : bpf_map_delete_elem(map, &key), 0);
	config.exempt = there;
	write_config();
}

static void
test_mail_of_an_exempt_address_goes_by_in_both_directions_and_nothing_else_changes(void **state)
{
	set_exempt4("\xc6\x33\x64\x00", 24, true); /* 198.51.100.0/24: that of the server */
	expect("to it", mail4(SYN), STEER_exempt);
	expect("from it", answer4(SYN | ACK), STEER_exempt);
	expect("the other family", mail6(ACK), STEER_mail);
	for (size_t i = 0; i < FRAMES; i++) {
		struct frame *f = fresh();
		struct packet p = { .data = f->at };
		bool four;

		frames[i].make(f);
		p.len = (uint32_t)f->len;
		four = headers_decode(&p) <= DECODE_FRAGMENT && p.h.ip_version == 4;
		expect(frames[i].name, f, frames[i].cause == STEER_mail && four ? STEER_exempt : frames[i].cause);
	}
	live->beat = 0;
	config.closed[0] = 1;
	write_config();
	expect("fail-closed", mail4(ACK), STEER_exempt);
	set_exempt4("\xc6\x33\x64\x00", 24, false);
	expect("no more", mail4(ACK), STEER_closed_stopped);
}

static void
test_a_prefix_exempts_to_its_last_bit(void **state)
{
	set_exempt4("\xc0\x00\x02\x02", 31, true); /* the client is 192.0.2.1 */
	expect("the next prefix", mail4(ACK), STEER_mail);
	set_exempt4("\xc0\x00\x02\x02", 31, false);
	set_exempt4("\xc0\x00\x02\x00", 31, true);
	expect("its own", mail4(ACK), STEER_exempt);
	set_exempt4("\xc0\x00\x02\x00", 31, false);
}

static void
test_an_exempt_ipv6_prefix_concerns_its_mail(void **state)
{
	int map = bpf_map__fd(program->maps.exempt6);
	struct steer_prefix6 key = { .bits = 128 };
	struct frame *f = mail6(ACK);
	__u8 yes = 1;

	memcpy(key.addr, f->at + 22, sizeof key.addr);
	config.exempt = 1;
	write_config();
	expect("nothing is exempt", mail6(ACK), STEER_mail);
	assert_int_equal(bpf_map_update_elem(map, &key, &yes, BPF_ANY), 0);
	expect("its source", mail6(ACK), STEER_exempt);
	f = fresh();
	later6(f);
	expect("a fragment", f, STEER_exempt);
	assert_int_equal(bpf_map_delete_elem(map, &key), 0);
}

static void
test_an_edited_session_of_an_exempt_address_is_finished_by_its_dataplane(void **state)
{
	set_exempt4("\xc6\x33\x64\x00", 24, true);
	edit(mail4(ACK), EPOCH);
	expect("alive", mail4(ACK), STEER_edited);
	edit(mail4(ACK), EPOCH - 1);
	assert_reset("orphaned", mail4(ACK));
	set_exempt4("\xc6\x33\x64\x00", 24, false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_each_kind_of_frame_goes_where_it_belongs, setup),
		cmocka_unit_test_setup(test_damaged_frames_go_where_the_dataplane_would_have_read_them, setup),
		cmocka_unit_test_setup(test_mail_passes_or_stops_where_the_dataplane_has_stopped, setup),
		cmocka_unit_test_setup(test_mail_passes_or_stops_where_the_heartbeat_is_too_old, setup),
		cmocka_unit_test_setup(test_mail_passes_or_stops_where_no_socket_takes_it_however_fresh_the_heartbeat,
				       setup),
		cmocka_unit_test_setup(test_a_fresh_heartbeat_is_enough, setup),
		cmocka_unit_test_setup(test_closed_concerns_mail_only, setup),
		cmocka_unit_test_setup(test_the_switch_lets_all_mail_pass_even_where_the_pair_is_closed, setup),
		cmocka_unit_test_setup(test_mail_ports_can_be_changed_while_it_runs, setup),
		cmocka_unit_test_setup(test_without_the_other_interface_frames_are_dropped_and_counted, setup),
		cmocka_unit_test_setup(test_a_passed_session_goes_by_in_both_directions_and_renews_its_mark, setup),
		cmocka_unit_test_setup(test_any_two_ends_make_the_key_of_the_flow_table, setup),
		cmocka_unit_test_setup(test_sessions_in_other_vlans_are_other_sessions, setup),
		cmocka_unit_test_setup(
			test_beginning_and_end_of_a_passed_session_are_the_dataplanes_and_remove_its_mark, setup),
		cmocka_unit_test_setup(test_a_passed_session_that_was_silent_for_too_long_is_mail_again, setup),
		cmocka_unit_test_setup(test_an_edited_session_reaches_its_dataplane_whatever_heartbeat_and_switch_say,
				       setup),
		cmocka_unit_test_setup(test_an_orphan_is_reset_in_the_numbers_of_whoever_speaks, setup),
		cmocka_unit_test_setup(test_an_edited_session_is_an_orphan_as_soon_as_its_socket_is_gone, setup),
		cmocka_unit_test_setup(test_an_orphan_that_cannot_be_reset_is_dropped, setup),
		cmocka_unit_test_setup(test_a_new_connection_on_the_ports_of_an_orphan_is_none, setup),
		cmocka_unit_test_setup(
			test_mail_of_an_exempt_address_goes_by_in_both_directions_and_nothing_else_changes, setup),
		cmocka_unit_test_setup(test_a_prefix_exempts_to_its_last_bit, setup),
		cmocka_unit_test_setup(test_an_exempt_ipv6_prefix_concerns_its_mail, setup),
		cmocka_unit_test_setup(test_an_edited_session_of_an_exempt_address_is_finished_by_its_dataplane, setup),
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
	if (sock >= 0)
		close(sock);
	steer_bpf__destroy(program);
	return status;
}
