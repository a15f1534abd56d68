/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that a port delivers in several buffers, as they come from rings of DPDK: real ports, real buffers, the
 * pipeline behind them. Runs in ordinary memory, without root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ring.h>

#include "base/bytes.h"
#include "headers/checksum.h"
#include "headers/decode.h"
#include "io/front.h"
#include "io/mempool.h"
#include "small.h"

enum { MTU = 9000, HEADERS = 54, FRAME_MAX = 20000, SYN = 2, ACK = 16 };

static struct {
	struct ports ports;
	struct rte_mempool *pool;
	struct rte_ring *ring[2]; /* by side: what arrives there, or has left */
	struct front front;
	struct counters ctr;
	struct pipeline *pl;
	struct ruleset *rules;
	uint64_t now;
	size_t piece;     /* octets of a frame in each of its buffers */
	uint32_t next[2]; /* number of the next octet that a side sends */
	uint8_t left[FRAME_MAX];
	size_t left_len; /* of the frame that left last */
} w;

#define CTR(name) ((unsigned)w.ctr.value[CTR_##name])

/* A ring for each way of each port; once for all tests. */
static int
open_ports(void **state)
{
	static char words[][20] = { "chains",           "--no-huge",      "-m", "192", "--no-shconf",
				    "--no-pci",         "--no-telemetry", "-l", "0",   "--vdev=net_ring0",
				    "--vdev=net_ring1", "--log-level=4" };
	char *arg[RTE_DIM(words)];
	struct settings s = { 0 };

	s.dataplane.workers = 1;
	s.dataplane.packets = 9000;
	for (unsigned i = 0; i < RTE_DIM(words); i++)
		arg[i] = words[i];
	if (rte_eal_init((int)RTE_DIM(words), arg) < 0)
		return -1;
	w.ports.pairs = 1;
	w.ports.count = 2;
	for (unsigned side = 0; side < 2; side++) {
		char name[RTE_RING_NAMESIZE];
		struct rte_eth_dev_info info;
		struct port *port = &w.ports.port[side];

		snprintf(name, sizeof name, "net_ring%u", side);
		assert_int_equal(rte_eth_dev_get_port_by_name(name, &port->id), 0);
		snprintf(name, sizeof name, "ETH_RXTX0_net_ring%u", side);
		w.ring[side] = rte_ring_lookup(name);
		assert_non_null(w.ring[side]);
		port->device = "ring";
		port->mtu = MTU;
		port->rx_queues = 1;
		assert_int_equal(rte_eth_dev_info_get(port->id, &info), 0);
		port->chains = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	}
	w.pool = mempool_new(&s, &w.ports);
	w.rules = compile("rule r1 reject rcpt domain army.ml means=army.mil\n");
	struct scope scope = { .port = { 25 }, .ports = 1 };
	return w.pool != NULL && ports_open(&w.ports, w.pool, &scope) ? 0 : -1;
}

static int
close_ports(void **state)
{
	ruleset_free(w.rules);
	ports_close(&w.ports);
	return rte_eal_cleanup();
}

static void
on_event(void *ctx, const struct event *e)
{
}

static int
open_session(void **state)
{
	struct pipeline_config c;

	pipeline_config_default(&c);
	c.flows.flows = 64;
	c.sample_every = 1;
	memset(&w.ctr, 0, sizeof w.ctr);
	front_init(&w.front, w.pool, &w.ctr, &w.ports, NULL, NULL);
	w.pl = pipeline_new(&c, &w.front.ops, &w.ctr, on_event, NULL);
	w.now = 1000000000;
	w.next[0] = 1000;
	w.next[1] = 5000;
	w.piece = 60;
	return w.pl != NULL ? 0 : -1;
}

static int
close_session(void **state)
{
	pipeline_drain(w.pl, w.rules, w.now, w.now);
	front_flush(&w.front);
	pipeline_free(w.pl);
	assert_int_equal(CTR(changed_unjudged), 0);
	return rte_mempool_in_use_count(w.pool) == 0 ? 0 : -1;
}

/* The frame of a segment that `side` sends. Returns its length. */
static size_t
make(unsigned side, const void *text, size_t len, unsigned flags, uint8_t *frame)
{
	const uint8_t host[2][4] = { { 192, 0, 2, 1 }, { 192, 0, 2, 2 } };
	const uint16_t port[2] = { 40000, 25 };
	uint8_t *ip = frame + 14, *tcp = ip + 20;
	struct packet p = { .data = frame, .len = (uint32_t)(HEADERS + len), .link = LINK_ETHERNET };

	memset(frame, 0, HEADERS);
	frame[5] = (uint8_t)(2 - side);
	frame[11] = (uint8_t)(1 + side);
	store_be16(frame + 12, 0x0800);
	ip[0] = 0x45;
	store_be16(ip + 2, (uint16_t)(40 + len));
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, host[side], 4);
	memcpy(ip + 16, host[!side], 4);
	checksum_ipv4_header(ip);
	store_be16(tcp, port[side]);
	store_be16(tcp + 2, port[!side]);
	store_be32(tcp + 4, w.next[side]);
	store_be32(tcp + 8, flags & ACK ? w.next[!side] : 0);
	tcp[12] = 0x50;
	tcp[13] = (uint8_t)flags;
	store_be16(tcp + 14, 60000);
	memcpy(frame + HEADERS, text, len);
	assert_int_equal(headers_decode(&p), DECODE_TCP);
	checksum_rewrite(&p);
	w.next[side] += (uint32_t)len + (flags & SYN ? 1 : 0);
	return p.len;
}

/* The frame in buffers of w.piece octets. */
static struct rte_mbuf *
chain(const uint8_t *frame, size_t len)
{
	struct rte_mbuf *head = NULL;

	for (size_t at = 0; at < len; at += w.piece) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(w.pool);
		uint16_t n = (uint16_t)RTE_MIN(w.piece, len - at);

		assert_non_null(m);
		memcpy(rte_pktmbuf_append(m, n), frame + at, n);
		if (head == NULL)
			head = m;
		else
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
	}
	return head;
}

/* One round of a worker, as far as the frames of a port go; what left, if anything, becomes w.left. */
static void
round_of(unsigned side)
{
	struct rte_mbuf *frames[FLOW_BURST], *m;
	struct packet *burst[FLOW_BURST];
	unsigned n = rte_eth_rx_burst(w.ports.port[side].id, 0, frames, FLOW_BURST);

	w.now += 1000000;
	n = front_arrive(&w.front, side, frames, n);
	front_receive(&w.front, frames, n, burst, w.now);
	pipeline_burst(w.pl, w.rules, burst, n, w.now, w.now);
	front_flush(&w.front);
	w.left_len = 0;
	while (rte_ring_dequeue(w.ring[!side], (void **)&m) == 0) {
		const void *octets = rte_pktmbuf_read(m, 0, m->pkt_len, w.left);

		w.left_len = m->pkt_len;
		if (octets != w.left)
			memcpy(w.left, octets, w.left_len);
		rte_pktmbuf_free(m);
	}
}

static void
expect_left(const uint8_t *frame, size_t len)
{
	assert_int_equal(w.left_len, len);
	assert_memory_equal(w.left, frame, len);
}

/* A segment arrives in pieces, and leaves as it came. */
static void
passes(unsigned side, const char *text, unsigned flags)
{
	uint8_t frame[FRAME_MAX];
	size_t len = make(side, text, strlen(text), flags, frame);

	assert_int_equal(rte_ring_enqueue(w.ring[side], chain(frame, len)), 0);
	round_of(side);
	expect_left(frame, len);
}

/* The same, and what leaves begins with other text. */
static void
becomes(unsigned side, const char *text, const char *other)
{
	uint8_t frame[FRAME_MAX];
	size_t len = make(side, text, strlen(text), ACK, frame);

	assert_int_equal(rte_ring_enqueue(w.ring[side], chain(frame, len)), 0);
	round_of(side);
	assert_true(w.left_len >= HEADERS + strlen(other));
	assert_memory_equal(w.left + HEADERS, other, strlen(other));
}

static void
begin_mail(void)
{
	passes(0, "", SYN);
	passes(1, "", SYN | ACK);
	passes(0, "", ACK);
	passes(1, "220 mx\r\n", ACK);
	passes(0, "EHLO c\r\n", ACK);
	passes(1, "250 mx\r\n", ACK);
	passes(0, "MAIL FROM:<a@example.com>\r\n", ACK);
	passes(1, "250 ok\r\n", ACK);
}

static void
a_typo_in_frames_of_several_buffers_is_refused(void **state)
{
	static const size_t pieces[] = { 1, 13, 60, 70, 1000 };

	for (unsigned i = 0; i < RTE_DIM(pieces); i++) {
		w.piece = pieces[i];
		begin_mail();
		becomes(0, "RCPT TO:<x@army.ml>\r\n", "NOOP               \r\n");
		becomes(1, "250 2.0.0 Ok\r\n", "550 5.1.2 army.ml looks like a mistyped army.mil");
		assert_int_equal(CTR(verdict_reject), 1);
		assert_int_equal(CTR(undecoded), 0);
		close_session(NULL);
		open_session(NULL);
	}
}

static void
a_jumbo_frame_in_several_buffers_is_read_to_its_end(void **state)
{
	char text[MTU - 40 + 1];
	uint8_t frame[FRAME_MAX];

	begin_mail();
	passes(0, "RCPT TO:<x@army.mil>\r\nDATA\r\n", ACK);
	passes(1, "250 ok\r\n354 go\r\n", ACK);
	memset(text, 'a', sizeof text - 1);
	strcpy(text + sizeof text - 1 - 53, "\r\n.\r\nMAIL FROM:<b@example.com>\r\nRCPT TO:<x@army.ml>\r\n");
	assert_int_equal(strlen(text), MTU - 40);
	w.piece = 2048;
	size_t len = make(0, text, strlen(text), ACK, frame);
	assert_int_equal(rte_ring_enqueue(w.ring[0], chain(frame, len)), 0);
	round_of(0);
	assert_int_equal(w.left_len, len);
	assert_memory_equal(w.left + HEADERS, text, strlen(text) - 21);
	assert_memory_equal(w.left + len - 21, "NOOP               \r\n", 21);
	assert_int_equal(CTR(verdict_reject), 1);
}

/* More octets than the MTU: its beginning alone would be judged as if it were all. */
static void
a_frame_that_fits_no_buffer_is_counted_and_leaves_as_it_came(void **state)
{
	uint8_t frame[FRAME_MAX];
	char text[16001];

	memset(text, ' ', sizeof text - 1);
	memcpy(text, "RCPT TO:<x@army.ml>\r\n", 21);
	text[sizeof text - 1] = '\0';
	begin_mail();
	w.piece = 4000;
	size_t len = make(0, text, strlen(text), ACK, frame);
	struct rte_mbuf *frames[2] = { chain(frame, len), chain(frame, len) };
	assert_int_equal(rte_ring_enqueue(w.ring[0], frames[0]), 0);
	round_of(0);
	expect_left(frame, len);
	assert_int_equal(CTR(undecoded), 1);
	assert_int_equal(CTR(tx_dropped), 0);
	w.ports.port[1].chains = false; /* such as AF_XDP, which would send other octets in place of the rest */
	assert_int_equal(rte_ring_enqueue(w.ring[0], frames[1]), 0);
	round_of(0);
	w.ports.port[1].chains = true;
	assert_int_equal(w.left_len, 0);
	assert_int_equal(CTR(undecoded), 2);
	assert_int_equal(CTR(tx_dropped), 1);
	assert_int_equal(CTR(rx_packets), CTR(tx_packets) + 1);
	assert_int_equal(CTR(verdict_reject), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_session, close_session)
	const struct CMUnitTest tests[] = {
		TEST(a_typo_in_frames_of_several_buffers_is_refused),
		TEST(a_jumbo_frame_in_several_buffers_is_read_to_its_end),
		TEST(a_frame_that_fits_no_buffer_is_counted_and_leaves_as_it_came),
	};
	return cmocka_run_group_tests(tests, open_ports, close_ports);
}
