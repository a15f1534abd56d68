/* SPDX-License-Identifier: BSD-3-Clause */
/* What clients said and servers have not acknowledged: kept, given back, and never more than there is room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "frame.h"
#include "tcp/unacked.h"

#define FIRST 0xfffffff0u /* numbers wrap within the tests */

static struct flow flow[3];
static struct front front;

static void
begin(void)
{
	memset(flow, 0, sizeof flow);
	front_init(&front);
	for (uint32_t i = 0; i < 3; i++) {
		flow[i].id = i;
		flow[i].tcp.half[DIR_CLIENT].acked = FIRST;
	}
}

static bool
keep(struct unacked_pool *pool, unsigned i, uint32_t at, const char *octets)
{
	return unacked_keep(pool, &flow[i], FIRST + at, view_of(octets, strlen(octets)));
}

/* The server has everything of flow i below `at`, and no more was said where `all`. */
static void
acknowledge(struct unacked_pool *pool, unsigned i, uint32_t at, bool all)
{
	struct tcp_half *client = &flow[i].tcp.half[DIR_CLIENT];

	client->acked = FIRST + at;
	client->nxt = all ? client->acked : client->acked + 100000;
	if (flow[i].tcp.kept > 0)
		unacked_trim(pool, &flow[i]);
}

/* What leaves of `octets` at offset `at`, and how many of them differed. */
static void
expect(struct unacked_pool *pool, unsigned i, uint32_t at, const char *octets, const char *left, unsigned differed)
{
	const struct frame f = { .seq = FIRST + at, .flags = ACK, .payload = view_of(octets, strlen(octets)) };
	struct packet *p = frame_make(&front, &f);

	assert_int_equal(headers_decode(p), DECODE_TCP);
	assert_int_equal(unacked_restore(pool, &flow[i], p), differed);
	assert_memory_equal(p->data + p->h.payload, left, strlen(left));
	assert_true(checksum_tcp_ok(p));
	assert_int_equal((p->flags & PACKET_JUDGED) != 0, differed > 0);
	front_release(&front, p);
}

static void
octets_keep_their_first_copy_until_they_are_acknowledged(void **state)
{
	struct unacked_pool *pool = unacked_pool_new(4);

	begin();
	assert_true(keep(pool, 1, 0, "MAIL FROM:<a>\r\n"));
	assert_true(keep(pool, 1, 15, "RCPT TO:<b>\r\n"));
	expect(pool, 1, 0, "MAIL FROM:<a>\r\nRCPT TO:<b>\r\n", "MAIL FROM:<a>\r\nRCPT TO:<b>\r\n", 0);
	expect(pool, 1, 11, "x>\r\nRCPT TO:<xyz", "a>\r\nRCPT TO:<b>\r", 4);
	expect(pool, 1, 25, "xy\nMORE", ">\r\nMORE", 2);
	expect(pool, 0, 0, "DATA FROM", "DATA FROM", 0);
	acknowledge(pool, 1, 15, false);
	expect(pool, 1, 11, "x>\r\nRCPT TO:<x", "x>\r\nRCPT TO:<b", 1);
	acknowledge(pool, 1, 28, true);
	expect(pool, 1, 15, "RCPT TO:<x", "RCPT TO:<x", 0);
	unacked_pool_free(pool);
}

static void
text_between_commands_is_not_kept(void **state)
{
	struct unacked_pool *pool = unacked_pool_new(4);

	begin();
	assert_true(keep(pool, 0, 0, "DATA\r\n"));
	assert_true(keep(pool, 0, 20, "\r\n.\r\n"));
	assert_true(keep(pool, 0, 23, "\r\nRSET\r\n")); /* two of them are known */
	expect(pool, 0, 0, "data\r\nany text befor  x  rset\r\n", "DATA\r\nany text befor\r\n.\r\nRSET\r\n", 13);
	assert_int_equal(unacked_used(pool), 2);
	unacked_pool_free(pool);
}

static void
a_flow_in_lock_step_has_one_block_while_it_waits(void **state)
{
	struct unacked_pool *pool = unacked_pool_new(4);

	begin();
	for (uint32_t at = 0; at < 5000; at += 6) {
		assert_true(keep(pool, 0, at, "RSET\r\n"));
		assert_int_equal(unacked_used(pool), 1);
		acknowledge(pool, 0, at + 6, true);
		assert_int_equal(unacked_used(pool), 0);
	}
	unacked_pool_free(pool);
}

static void
acknowledged_blocks_serve_other_flows(void **state)
{
	struct unacked_pool *pool = unacked_pool_new(2);

	begin();
	assert_true(keep(pool, 0, 0, "one"));
	assert_true(keep(pool, 1, 0, "two"));
	assert_false(keep(pool, 2, 0, "three"));
	expect(pool, 2, 0, "threx", "threx", 0);
	acknowledge(pool, 1, 3, true);
	assert_true(keep(pool, 2, 0, "three"));
	expect(pool, 2, 0, "threx", "three", 1);
	expect(pool, 0, 0, "onx", "one", 1);
	expect(pool, 1, 0, "twx", "twx", 0);
	assert_int_equal(unacked_used(pool), 2);
	acknowledge(pool, 0, 5, false);
	acknowledge(pool, 2, 5, true);
	assert_int_equal(unacked_used(pool), 0);
	unacked_pool_free(pool);
}

static void
what_a_flow_says_behind_an_ack_of_a_part_stays_its_own(void **state)
{
	struct unacked_pool *pool = unacked_pool_new(5);

	begin();
	for (uint32_t at = 0; at < 30; at += 10)
		assert_true(keep(pool, 0, at, "one"));
	acknowledge(pool, 0, 3, false);
	assert_true(keep(pool, 1, 0, "two"));
	assert_true(keep(pool, 0, 23, "more"));
	assert_true(keep(pool, 0, 40, "last"));
	expect(pool, 0, 10, "xxx.......xxxxxxx.............xxxx", "one.......onemore.............last", 14);
	expect(pool, 1, 0, "xxxxxxx", "twoxxxx", 3);
	assert_int_equal(unacked_used(pool), 4);
	acknowledge(pool, 0, 44, true);
	acknowledge(pool, 1, 3, true);
	assert_int_equal(unacked_used(pool), 0);
	unacked_pool_free(pool);
}

static void
a_flow_has_its_share_and_no_more(void **state)
{
	struct unacked_pool *pool = unacked_pool_new(UNACKED_BLOCKS + 1);
	char many[UNACKED_OCTETS + 1];
	const uint32_t end = UNACKED_BLOCKS * UNACKED_OCTETS;

	begin();
	memset(many, 'a', UNACKED_OCTETS);
	many[UNACKED_OCTETS] = '\0';
	for (uint32_t i = 0; i < UNACKED_BLOCKS; i++) {
		assert_false(unacked_full(&flow[0]));
		assert_true(keep(pool, 0, i * UNACKED_OCTETS, many));
	}
	assert_true(unacked_full(&flow[0]));
	assert_false(keep(pool, 0, end, "b"));
	assert_true(keep(pool, 1, 0, "b"));
	acknowledge(pool, 0, UNACKED_OCTETS - 1, false);
	assert_true(unacked_full(&flow[0]));
	acknowledge(pool, 0, UNACKED_OCTETS, false);
	assert_false(unacked_full(&flow[0]));
	assert_true(keep(pool, 0, end, "b"));
	expect(pool, 0, end - 1, "xx", "ab", 2);
	unacked_drop(pool, &flow[0]);
	assert_int_equal(unacked_used(pool), 1);
	unacked_pool_free(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_keep_their_first_copy_until_they_are_acknowledged),
		cmocka_unit_test(text_between_commands_is_not_kept),
		cmocka_unit_test(a_flow_in_lock_step_has_one_block_while_it_waits),
		cmocka_unit_test(acknowledged_blocks_serve_other_flows),
		cmocka_unit_test(what_a_flow_says_behind_an_ack_of_a_part_stays_its_own),
		cmocka_unit_test(a_flow_has_its_share_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
