/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "flow/hash.h"
#include "flow/table.h"
#include "flow/wheel.h"
#include "frames.h"
#include "headers/decode.h"
#include "headers/proto.h"

#define SECOND UINT64_C(1000000000)

static const uint8_t secret[16] = "sixteen octets.";
static struct counters counters;

/* What gone() was told. */
static unsigned gone_count;
static uint32_t gone_isn;

static void
gone(void *ctx, struct flow *f)
{
	gone_count++;
	gone_isn = f->isn;
}

static struct flow_table *
table(uint32_t flows)
{
	const struct flow_limits limits = {
		.flows = flows, .embryonic_ns = 10 * SECOND, .established_ns = 1800 * SECOND, .closing_ns = 5 * SECOND
	};
	struct flow_table *t = flow_table_new(&limits, secret, &counters, gone, NULL);
	const uint16_t ports[] = { 25, 587 };

	assert_non_null(t);
	flow_table_server_ports(t, ports, 2);
	counters = (struct counters){ 0 };
	gone_count = 0;
	return t;
}

/* A packet with an IPv4 and a TCP header of its own. */
struct segment {
	struct packet p;
	uint8_t octets[40];
};

enum from { CLIENT, SERVER };

/* Connection `n`: client 10.0.0.0 + n, port 1024 + n % 50000, to 192.0.2.25 port 25. */
static struct packet *
segment(struct segment *s, uint32_t n, enum from from, unsigned flags, uint32_t seq, unsigned payload)
{
	*s = (struct segment){ .p = { .data = s->octets, .side = from == CLIENT ? SIDE_INSIDE : SIDE_OUTSIDE } };
	s->p.h = (struct headers){ .l4 = 20, .payload = 40, .ip_version = 4, .seq = seq };
	store_be32(s->octets + (from == CLIENT ? 12 : 16), 0x0a000000 + n);
	store_be32(s->octets + (from == CLIENT ? 16 : 12), 0xc0000219);
	s->p.h.src_port = (uint16_t)(from == CLIENT ? 1024 + n % 50000 : 25);
	s->p.h.dst_port = (uint16_t)(from == CLIENT ? 25 : 1024 + n % 50000);
	s->p.h.tcp_flags = (uint16_t)flags;
	s->p.h.payload_len = (uint16_t)payload;
	return &s->p;
}

/* One segment through the table; its flow. */
static struct flow *
send(struct flow_table *t, uint32_t n, enum from from, unsigned flags, uint32_t seq, unsigned payload, uint64_t now)
{
	struct segment s;
	struct packet *p = segment(&s, n, from, flags, seq, payload);

	assert_int_equal(flow_table_lookup(t, &p, 1, now), 1);
	return p->flow;
}

/* A connection with data both ways. */
static struct flow *
establish(struct flow_table *t, uint32_t n, uint64_t now)
{
	send(t, n, CLIENT, TCP_SYN, 100, 0, now);
	send(t, n, SERVER, TCP_SYN | TCP_ACK, 500, 0, now);
	send(t, n, SERVER, TCP_ACK, 501, 20, now);
	return send(t, n, CLIENT, TCP_ACK, 101, 20, now);
}

static void
both_directions_have_the_same_key(void **state)
{
	srandom(2);
	for (unsigned i = 0; i < 100000; i++) {
		uint8_t ip[80] = { 0 };
		struct packet p = { .data = ip, .pair = (uint8_t)(i & 1) };
		struct flow_key a, b;
		unsigned end_a, end_b;
		size_t at = i & 2 ? 8 : 12, len = i & 2 ? 16 : 4;
		p.h.ip_version = i & 2 ? 6 : 4;
		for (size_t k = at; k < at + 2 * len; k++)
			ip[k] = (uint8_t)(random() & 3); /* alike, and often equal */
		p.h.src_port = (uint16_t)(random() & 3);
		p.h.dst_port = (uint16_t)(random() & 3);
		flow_key_of(&p, &a, &end_a);
		for (size_t k = 0; k < len; k++) {
			uint8_t keep = ip[at + k];
			ip[at + k] = ip[at + len + k];
			ip[at + len + k] = keep;
		}
		uint16_t port = p.h.src_port;
		p.h.src_port = p.h.dst_port;
		p.h.dst_port = port;
		flow_key_of(&p, &b, &end_b);
		assert_memory_equal(&a, &b, sizeof(a));
		if (memcmp(ip + at, ip + at + len, len) != 0 || p.h.src_port != p.h.dst_port)
			assert_int_not_equal(end_a, end_b);
		assert_memory_equal(b.addr[end_b], ip + at, len);
		assert_int_equal(b.port[end_b], p.h.src_port);
	}
}

static void
vlan_pair_and_version_tell_keys_apart(void **state)
{
	struct segment s;
	struct packet *p = segment(&s, 1, CLIENT, TCP_SYN, 1, 0);
	struct flow_key a, b;
	unsigned end;

	flow_key_of(p, &a, &end);
	p->h.vlan_inner = 7;
	flow_key_of(p, &b, &end);
	assert_memory_not_equal(&a, &b, sizeof(a));
	p->h.vlan_inner = 0;
	p->pair = 1;
	flow_key_of(p, &b, &end);
	assert_memory_not_equal(&a, &b, sizeof(a));
}

static void
keys_that_differ_in_one_octet_are_not_equal(void **state)
{
	const struct flow_secret known = { 1, 2 };

	for (size_t at = 0; at < sizeof(struct flow_key); at++) {
		struct flow_key a = { .port = { 1, 25 }, .ip_version = 6 }, b = a;
		assert_true(flow_key_equal(&a, &b));
		((uint8_t *)&b)[at] ^= 0x10;
		assert_false(flow_key_equal(&a, &b));
		assert_true(flow_hash(&a, &known) != flow_hash(&b, &known));
		/* IPv4: what lies behind an address is always 0. */
		a.ip_version = b.ip_version = 4;
		if (at < 4 || (at >= 16 && at < 20) || (at >= 32 && at != offsetof(struct flow_key, ip_version)))
			assert_true(flow_hash(&a, &known) != flow_hash(&b, &known));
	}
}

static void
a_million_flows_are_found_again_as_in_a_naive_map(void **state)
{
	enum { FLOWS = 1 << 20, STEPS = 3 << 20, SPAN = FLOWS + FLOWS / 8 };
	struct flow_table *t = table(FLOWS);
	uint32_t *naive = calloc(SPAN, sizeof(*naive)); /* flow id + 1 by connection */
	struct segment s[FLOW_BURST];
	struct packet *burst[FLOW_BURST];
	uint32_t n[FLOW_BURST], live = 0;

	assert_non_null(naive);
	srandom(3);
	for (unsigned step = 0; step < STEPS / FLOW_BURST; step++) {
		for (unsigned i = 0; i < FLOW_BURST; i++) {
			n[i] = ((uint32_t)random() << 8 ^ (uint32_t)random()) % FLOWS;
			burst[i] = segment(&s[i], n[i], random() & 1 ? CLIENT : SERVER, TCP_ACK, 5, random() & 1);
		}
		assert_int_equal(flow_table_lookup(t, burst, FLOW_BURST, step), FLOW_BURST);
		for (unsigned i = 0; i < FLOW_BURST; i++) {
			if (naive[n[i]] == 0 && burst[i]->h.payload_len > 0) {
				naive[n[i]] = burst[i]->flow->id + 1;
				live++;
			}
			if (naive[n[i]] == 0)
				assert_null(burst[i]->flow);
			else
				assert_int_equal(burst[i]->flow->id + 1, naive[n[i]]);
			if (burst[i]->flow != NULL)
				assert_int_equal(burst[i]->dir,
						 burst[i]->side == SIDE_INSIDE ? DIR_CLIENT : DIR_SERVER);
		}
		assert_int_equal(flow_table_count(t), live);
	}
	print_message("  %u flows\n", live);
	flow_table_free(t);
	assert_int_equal(gone_count, live);
	free(naive);
}

static void
flows_come_and_go_as_in_a_naive_map(void **state)
{
	enum { FLOWS = 500, SPAN = 4000 };
	struct flow_table *t = table(FLOWS);
	bool naive[SPAN] = { false };
	uint32_t live = 0;

	/* A small table whose buckets overflow all the time; flows end by age in the order in which they began. */
	srandom(4);
	for (uint32_t round = 0; round < 300; round++) {
		uint64_t now = round * 20 * SECOND;
		flow_table_expire(t, now, SPAN);
		assert_int_equal(flow_table_count(t), 0);
		memset(naive, 0, sizeof(naive));
		live = 0;
		for (unsigned i = 0; i < 1000; i++) {
			uint32_t n = (uint32_t)random() % SPAN;
			bool may = live < FLOWS || naive[n];
			if (may)
				assert_non_null(send(t, n, CLIENT, TCP_SYN, n, 0, now));
			live += may && !naive[n];
			naive[n] |= may;
			assert_int_equal(flow_table_count(t), live);
		}
		for (uint32_t n = 0; n < SPAN; n++)
			assert_int_equal(send(t, n, SERVER, TCP_ACK, 1, 0, now) != NULL, naive[n]);
	}
	flow_table_free(t);
}

static void
a_syn_makes_its_sender_the_client(void **state)
{
	struct flow_table *t = table(16);
	struct flow *f = send(t, 1, CLIENT, TCP_SYN, 100, 0, 1);

	assert_int_equal(f->key.port[f->client], 1025);
	assert_int_equal(f->client_side, SIDE_INSIDE);
	assert_false(f->tcp.midstream);
	assert_int_equal(counters.value[CTR_flows_created], 1);
	flow_table_free(t);
}

static void
a_syn_ack_without_a_syn_makes_its_sender_the_server(void **state)
{
	struct flow_table *t = table(16);
	struct segment s;
	struct packet *p = segment(&s, 1, SERVER, TCP_SYN | TCP_ACK, 500, 0);

	p->h.ack = 101;
	assert_int_equal(flow_table_lookup(t, &p, 1, 1), 1);
	struct flow *f = p->flow;
	assert_int_equal(f->key.port[f->client], 1025);
	assert_int_equal(f->client_side, SIDE_INSIDE);
	assert_int_equal(p->dir, DIR_SERVER);
	assert_false(f->tcp.midstream);
	/* The SYN comes late: the same connection. */
	assert_ptr_equal(send(t, 1, CLIENT, TCP_SYN, 100, 0, 2), f);
	assert_int_equal(gone_count, 0);
	flow_table_free(t);
}

static void
payload_without_a_syn_founds_a_midstream_flow_by_its_ports(void **state)
{
	struct flow_table *t = table(16);
	struct flow *f = send(t, 1, SERVER, TCP_ACK, 500, 10, 1);

	assert_non_null(f);
	assert_true(f->tcp.midstream);
	assert_int_equal(f->key.port[f->client], 1025);
	assert_null(send(t, 2, CLIENT, TCP_ACK, 100, 0, 1));
	assert_null(send(t, 2, CLIENT, TCP_RST, 100, 5, 1));
	assert_null(send(t, 2, CLIENT, TCP_FIN | TCP_ACK, 100, 0, 1));
	flow_table_free(t);
}

static void
a_syn_sent_again_keeps_the_flow(void **state)
{
	struct flow_table *t = table(16);
	struct flow *f = send(t, 1, CLIENT, TCP_SYN, 100, 0, 1);

	assert_ptr_equal(send(t, 1, CLIENT, TCP_SYN, 100, 0, 3 * SECOND), f);
	assert_int_equal(gone_count, 0);
	flow_table_free(t);
}

static void
a_syn_with_another_number_does_not_end_a_flow_that_is_alive(void **state)
{
	struct flow_table *t = table(16);
	struct flow *f = establish(t, 1, SECOND);

	assert_ptr_equal(send(t, 1, CLIENT, TCP_SYN, 9999, 0, 2 * SECOND), f);
	assert_int_equal(f->isn, 100);
	assert_int_equal(gone_count, 0);
	flow_table_free(t);
}

static void
a_syn_with_another_number_on_a_finished_flow_begins_a_new_one(void **state)
{
	for (unsigned how = 0; how < 4; how++) {
		struct flow_table *t = table(16);
		struct flow *f = establish(t, 1, SECOND);
		uint64_t now = 2 * SECOND;
		f->tcp.reset = how == 0;
		f->tcp.half[0].fin_seen = f->tcp.half[1].fin_seen = how == 1;
		if (how == 2)
			now = 60 * SECOND;
		if (how == 3) { /* opaque: nobody tracks it but the table */
			f->fate = FLOW_PASS;
			send(t, 1, CLIENT, TCP_FIN | TCP_ACK, 121, 0, now);
			send(t, 1, SERVER, TCP_FIN | TCP_ACK, 521, 0, now);
		}
		f = send(t, 1, CLIENT, TCP_SYN, 9999, 0, now);
		assert_int_equal(gone_count, 1);
		assert_int_equal(gone_isn, 100);
		assert_int_equal(f->isn, 9999);
		assert_false(f->tcp.reset);
		assert_int_equal(flow_table_count(t), 1);
		flow_table_free(t);
	}
}

static void
a_new_connection_waits_for_packets_of_the_old_one_in_its_burst(void **state)
{
	struct flow_table *t = table(16);
	struct flow *f = establish(t, 1, SECOND);
	struct segment s[3];
	struct packet *burst[] = {
		segment(&s[0], 1, CLIENT, TCP_ACK, 121, 0),
		segment(&s[1], 1, CLIENT, TCP_SYN, 9999, 0),
		segment(&s[2], 2, CLIENT, TCP_SYN, 1, 0),
	};

	f->tcp.reset = true;
	assert_int_equal(flow_table_lookup(t, burst, 3, 2 * SECOND), 1);
	assert_ptr_equal(burst[0]->flow, f);
	assert_null(burst[1]->flow);
	assert_int_equal(gone_count, 0);
	assert_int_equal(flow_table_lookup(t, burst + 1, 2, 2 * SECOND), 2);
	assert_int_equal(burst[1]->flow->isn, 9999);
	assert_non_null(burst[2]->flow);
	assert_int_equal(gone_count, 1);
	flow_table_free(t);
}

static void
a_full_table_gives_up_the_longest_idle_embryonic_flow(void **state)
{
	struct flow_table *t = table(4);

	establish(t, 1, 1);
	send(t, 2, CLIENT, TCP_SYN, 2, 0, 2);
	send(t, 3, CLIENT, TCP_SYN, 3, 0, 3);
	establish(t, 4, 4);
	send(t, 2, CLIENT, TCP_SYN, 2, 0, 5); /* again: 3 is idle longer now */
	assert_non_null(send(t, 5, CLIENT, TCP_SYN, 5, 0, 6));
	assert_int_equal(gone_count, 1);
	assert_int_equal(gone_isn, 3);
	assert_null(send(t, 3, SERVER, TCP_ACK, 1, 0, 7));
	assert_non_null(send(t, 2, SERVER, TCP_ACK, 1, 0, 7));
	assert_int_equal(flow_table_count(t), 4);
	flow_table_free(t);
}

static void
a_flow_that_is_given_up_is_not_found_later_in_the_burst(void **state)
{
	struct flow_table *t = table(2);
	struct segment s[3];
	struct packet *burst[] = {
		segment(&s[0], 3, CLIENT, TCP_SYN, 3, 0),
		segment(&s[1], 1, CLIENT, TCP_ACK, 2, 0),
		segment(&s[2], 3, CLIENT, TCP_ACK, 4, 0),
	};

	send(t, 1, CLIENT, TCP_SYN, 1, 0, 1);
	establish(t, 2, 2);
	assert_int_equal(flow_table_lookup(t, burst, 3, 3), 3);
	assert_int_equal(gone_isn, 1);
	assert_int_equal(burst[0]->flow->isn, 3);
	assert_null(burst[1]->flow);
	assert_ptr_equal(burst[2]->flow, burst[0]->flow);
	flow_table_free(t);
}

static void
a_full_table_of_established_flows_takes_no_more_and_counts(void **state)
{
	struct flow_table *t = table(2);

	establish(t, 1, 1);
	establish(t, 2, 1);
	assert_null(send(t, 3, CLIENT, TCP_SYN, 3, 0, 2));
	assert_int_equal(counters.value[CTR_blind_flow_table], 1);
	assert_int_equal(gone_count, 0);
	flow_table_free(t);
}

static void
a_burst_larger_than_the_table_is_done_in_parts(void **state)
{
	struct flow_table *t = table(4);
	struct segment s[FLOW_BURST];
	struct packet *burst[FLOW_BURST];
	unsigned done = 0, calls = 0;

	for (unsigned i = 0; i < FLOW_BURST; i++)
		burst[i] = segment(&s[i], i, CLIENT, TCP_SYN, i, 0);
	for (; done < FLOW_BURST; calls++) {
		unsigned some = flow_table_lookup(t, burst + done, FLOW_BURST - done, 1);
		for (unsigned i = done; i < done + some; i++)
			assert_int_equal(burst[i]->flow->isn, i);
		done += some;
	}
	assert_int_equal(calls, FLOW_BURST / 4);
	assert_int_equal(gone_count, FLOW_BURST - 4);
	flow_table_free(t);
}

/* Turns the table's wheel every 100 ms from `from` on until flow_table_count() is `count`; the time it took. */
static uint64_t
turn_until(struct flow_table *t, uint32_t count, uint64_t from)
{
	for (uint64_t now = from; now < from + 10000 * SECOND; now += SECOND / 10) {
		flow_table_expire(t, now, 256);
		if (flow_table_count(t) == count)
			return now - from;
	}
	fail_msg("never");
	return 0;
}

static void
idle_flows_go_after_their_time_and_not_before(void **state)
{
	const uint64_t start = 1000 * SECOND;
	struct flow_table *t = table(16);

	send(t, 1, CLIENT, TCP_SYN, 1, 0, start);
	assert_in_range(turn_until(t, 0, start), 10 * SECOND, 11 * SECOND);
	assert_int_equal(counters.value[CTR_flows_expired], 1);

	establish(t, 2, start);
	uint64_t wait = turn_until(t, 0, start);
	assert_in_range(wait, 1800 * SECOND, 1801 * SECOND);
	assert_int_equal(counters.value[CTR_flows_expired], 2);

	struct flow *f = establish(t, 3, start + wait);
	turn_until(t, 1, start + wait);
	f->tcp.reset = true;
	send(t, 3, CLIENT, TCP_RST, 1, 0, start + wait);
	assert_in_range(turn_until(t, 0, start + wait), 5 * SECOND, 6 * SECOND);
	assert_int_equal(counters.value[CTR_flows_ended], 1);
	flow_table_free(t);
}

static void
a_flow_in_use_stays_for_ever(void **state)
{
	struct flow_table *t = table(16);

	establish(t, 1, SECOND);
	for (uint64_t now = SECOND; now < 20000 * SECOND; now += 100 * SECOND) {
		assert_non_null(send(t, 1, CLIENT, TCP_ACK, 1, 1, now));
		flow_table_expire(t, now, 16);
	}
	assert_int_equal(gone_count, 0);
	flow_table_free(t);
}

static void
expiry_looks_at_no_more_than_its_budget(void **state)
{
	struct flow_table *t = table(1000);

	for (uint32_t n = 0; n < 1000; n++)
		send(t, n, CLIENT, TCP_SYN, n, 0, SECOND);
	flow_table_expire(t, 100 * SECOND, 10);
	assert_true(flow_table_count(t) >= 990);
	flow_table_expire(t, UINT64_MAX, 0);
	assert_int_equal(flow_table_count(t), 0);
	assert_int_equal(gone_count, 1000);
	/* And it goes on working. */
	establish(t, 1, 101 * SECOND);
	assert_in_range(turn_until(t, 0, 101 * SECOND), 1800 * SECOND, 1801 * SECOND);
	flow_table_free(t);
}

static bool
count_visit(void *ctx, const struct flow *f)
{
	(*(unsigned *)ctx)++;
	return true;
}

static void
a_visit_meets_every_flow_once(void **state)
{
	struct flow_table *t = table(1000);
	unsigned met = 0;
	uint32_t cursor = 0;

	for (uint32_t n = 0; n < 100; n++)
		send(t, n, CLIENT, TCP_SYN, n, 0, n < 40 ? SECOND : 50 * SECOND);
	flow_table_expire(t, 55 * SECOND, 1000);
	while (flow_table_visit(t, &cursor, 7, count_visit, &met))
		;
	assert_int_equal(met, 60);
	flow_table_free(t);
}

static void
hashes_depend_on_the_secret_and_spread_alike_keys(void **state)
{
	const struct flow_secret one = { 1, 2 }, two = { 1, 3 };
	unsigned bucket[256] = { 0 };

	for (uint32_t n = 0; n < 65536; n++) {
		struct segment s;
		struct flow_key key;
		unsigned end;
		flow_key_of(segment(&s, n, CLIENT, 0, 0, 0), &key, &end);
		assert_true(flow_hash(&key, &one) != flow_hash(&key, &two));
		bucket[flow_hash(&key, &one) & 255]++;
	}
	for (unsigned i = 0; i < 256; i++)
		assert_in_range(bucket[i], 256 - 96, 256 + 96); /* six standard deviations */
}

static void
what_is_due_in_many_turns_is_looked_at_once_a_turn(void **state)
{
	static struct wheel w;
	static struct flow f;
	const uint64_t tick = UINT64_C(1) << WHEEL_TICK_SHIFT;

	for (uint64_t turns = 1; turns < 4; turns++) {
		w = (struct wheel){ .tick = 5 };
		wheel_arm(&w, &f, (4 + turns * WHEEL_SLOTS) * tick);
		assert_null(wheel_next(&w, 5 * tick));
		assert_null(wheel_next(&w, (3 + WHEEL_SLOTS) * tick));
		assert_ptr_equal(wheel_next(&w, (4 + WHEEL_SLOTS) * tick), &f);
		assert_null(wheel_next(&w, 10 * WHEEL_SLOTS * tick));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_have_the_same_key),
		cmocka_unit_test(vlan_pair_and_version_tell_keys_apart),
		cmocka_unit_test(hashes_depend_on_the_secret_and_spread_alike_keys),
		cmocka_unit_test(keys_that_differ_in_one_octet_are_not_equal),
		cmocka_unit_test(a_million_flows_are_found_again_as_in_a_naive_map),
		cmocka_unit_test(flows_come_and_go_as_in_a_naive_map),
		cmocka_unit_test(a_syn_makes_its_sender_the_client),
		cmocka_unit_test(a_syn_ack_without_a_syn_makes_its_sender_the_server),
		cmocka_unit_test(payload_without_a_syn_founds_a_midstream_flow_by_its_ports),
		cmocka_unit_test(a_syn_sent_again_keeps_the_flow),
		cmocka_unit_test(a_syn_with_another_number_does_not_end_a_flow_that_is_alive),
		cmocka_unit_test(a_syn_with_another_number_on_a_finished_flow_begins_a_new_one),
		cmocka_unit_test(a_new_connection_waits_for_packets_of_the_old_one_in_its_burst),
		cmocka_unit_test(a_full_table_gives_up_the_longest_idle_embryonic_flow),
		cmocka_unit_test(a_flow_that_is_given_up_is_not_found_later_in_the_burst),
		cmocka_unit_test(a_full_table_of_established_flows_takes_no_more_and_counts),
		cmocka_unit_test(a_burst_larger_than_the_table_is_done_in_parts),
		cmocka_unit_test(idle_flows_go_after_their_time_and_not_before),
		cmocka_unit_test(what_is_due_in_many_turns_is_looked_at_once_a_turn),
		cmocka_unit_test(a_flow_in_use_stays_for_ever),
		cmocka_unit_test(expiry_looks_at_no_more_than_its_budget),
		cmocka_unit_test(a_visit_meets_every_flow_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
