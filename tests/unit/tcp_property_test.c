/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random segments against a model that knows single octets: which value came
 * first, and which have left. Both directions of many short flows; loss,
 * sending again, duplicates, overlaps with differing octets, reordering,
 * wrap-around, a reader that pauses and changes modes, time limits, caps and
 * an empty pool.
 *
 * POSTERN_SEED and POSTERN_STEPS of the environment repeat a run or make it longer.
 */
#include "chance.h"
#include "tcp_world.h"
#include "tcp/express.h"
#include "tcp/segment.h"

#define STREAM 600 /* octets of a direction */
#define STEPS  1500000

/* One direction as octets. */
struct model {
	char first[STREAM]; /* the copy that came first; 0: none yet */
	bool left[STREAM];  /* has left the box */
	uint32_t seen;      /* octets that the reader took */
	uint32_t next;      /* octets that its sender has sent at all */
	uint32_t gate;      /* where the reader stops */
	bool fin;           /* the sender's FIN was given */
};

/* A packet inside the box. */
struct given {
	bool inside;
	char payload[32];
	bool must[32]; /* this octet must leave with the value that came first */
};

static struct world x;
static struct model model[2];
static struct given given[WORLD_PACKETS];
static unsigned inside[2];
static bool discarding, excuse;
static bool switching; /* the reader changes modes in this flow */
static bool scarce;    /* this flow has a small cap, or a pool that runs empty */
static uint64_t total_left, total_read, total_exposed, total_blind, total_short;

static bool
one_in(uint32_t n)
{
	return rnd(n) == 0;
}

static struct given *
given_of(const struct packet *p)
{
	return &given[(const struct world_slot *)(const void *)p - x.slot];
}

static uint32_t
contiguous(const struct model *m)
{
	uint32_t n = m->seen;

	while (n < STREAM && m->first[n] != 0)
		n++;
	return n;
}

static void
model_release(void *front, struct packet *p)
{
	struct given *g = given_of(p);

	if (!(p->flags & PACKET_COPY)) {
		assert_true(discarding);
		inside[p->dir] -= g->inside;
		g->inside = false;
	}
	world_release(front, p);
}

/* What has not left yet leaves behind everything before it, and below clear or exposed. */
static void
check_first_transmission(const struct flow *f, const struct packet *p, uint32_t at)
{
	const struct tcp_half *h = &f->tcp.half[p->dir];
	const struct model *m = &model[p->dir];
	bool is_new = false;

	for (uint32_t i = 0; i < p->h.payload_len; i++)
		is_new |= !m->left[at + i];
	if (!is_new || h->mode != STREAM_ORDERED || f->tcp.read_only)
		return;
	for (uint32_t i = 0; i < at; i++)
		if (!m->left[i])
			fail_msg("octets at %u leave before those at %u", at, i);
	if (seq_lt(h->clear, segment_last(p)) && !h->exposed)
		fail_msg("octets at %u leave unjudged", at);
}

static void
model_leave(void *ctx, struct flow *f, struct packet *p)
{
	struct model *m = &model[p->dir];
	struct given *g = given_of(p);
	uint32_t at = segment_first(p) - x.first[p->dir];

	assert_true(g->inside);
	assert_false(p->flags & PACKET_COPY);
	assert_int_equal(p->h.payload_len, strlen(g->payload));
	check_first_transmission(f, p, at);
	for (uint32_t i = 0; i < p->h.payload_len; i++) {
		char octet = (char)segment_octets(p)[i];
		if (octet != m->first[at + i] && (g->must[i] || octet != g->payload[i]))
			fail_msg("octet %u left as '%c', not '%c'", at + i, octet, m->first[at + i]);
		m->left[at + i] = true;
	}
	if (p->flags & PACKET_JUDGED)
		assert_true(checksum_tcp_ok(p));
	g->inside = false;
	inside[p->dir]--;
	total_left++;
	world_release(&x, p);
}

/* The dialogue goes from commands to a body and back, in the middle of a packet. */
static void
change_mode(struct tcp_half *h, uint32_t at)
{
	if (!switching || !one_in(40))
		return;
	h->mode = h->mode == STREAM_ORDERED ? STREAM_FLUENT : STREAM_ORDERED;
	h->clear = at;
	if (one_in(60))
		h->mode = STREAM_IGNORED;
}

static size_t
model_read(void *ctx, struct flow *f, enum direction dir, uint32_t seq, struct view v)
{
	struct tcp_half *h = &f->tcp.half[dir];
	struct model *m = &model[dir];
	uint32_t at = seq - x.first[dir], sent = h->sent - x.first[dir];
	size_t n = 0;

	assert_true(v.len > 0);
	assert_int_equal(at, m->seen);
	for (; n < v.len && m->seen < m->gate; n++, m->seen++) {
		if ((char)v.at[n] != m->first[m->seen])
			fail_msg("octet %u read as '%c', not '%c'", m->seen, v.at[n], m->first[m->seen]);
		if (!f->tcp.read_only && m->left[m->seen] != (m->seen < sent))
			fail_msg("octet %u is read, sent is %u", m->seen, sent);
		if (v.at[n] == ';' && h->mode == STREAM_ORDERED)
			h->clear = seq + (uint32_t)n + 1;
	}
	if (h->mode == STREAM_FLUENT && one_in(4))
		h->clear = h->nxt; /* it may run ahead of what is read */
	total_read += n;
	change_mode(h, seq + (uint32_t)n);
	return n;
}

static void
model_exposed(void *ctx, struct flow *f, enum direction dir)
{
	assert_true(excuse || switching || scarce);
	total_exposed++;
}

/* Octets that came already and have not left give a reason to let unjudged ones go. */
static void
note_arrival(struct packet *p, uint32_t at)
{
	struct model *m = &model[p->dir];
	struct given *g = given_of(p);

	g->inside = true;
	inside[p->dir]++;
	memset(g->payload, 0, sizeof g->payload);
	memcpy(g->payload, segment_octets(p), p->h.payload_len);
	for (uint32_t i = 0; i < p->h.payload_len; i++) {
		bool again = m->first[at + i] != 0;
		excuse |= again && !m->left[at + i];
		if (!again)
			m->first[at + i] = g->payload[i];
		g->must[i] = x.flow.tcp.half[p->dir].mode != STREAM_IGNORED && (!m->left[at + i] || at + i >= m->seen);
	}
}

/* Of the segments that may take the short way, every other one does. Takes p. */
static void
take(struct packet *p)
{
	if (x.w.limits.held_per_flow == 0 || one_in(2) || !tcp_express_accept(&x.w, &x.flow, p)) {
		tcp_input(&x.w, &x.flow, p);
		return;
	}
	total_short++;
	if (p->h.payload_len == 0)
		x.w.reader.leave(x.w.reader.ctx, &x.flow, p);
	else
		tcp_express_read(&x.w, &x.flow, p);
}

static void
arrive(enum direction dir, uint32_t at, unsigned flags, const char *payload)
{
	struct packet *p = world_segment(&x, dir, at, flags, payload, contiguous(&model[!dir]));

	note_arrival(p, at);
	excuse |= model[dir].fin;
	x.pool_empty = scarce && one_in(20);
	take(p);
	x.pool_empty = false;
	excuse = false;
}

/* Octets [at, at + len), now and then with others than the first copy had. */
static void
send_range(enum direction dir, uint32_t at, uint32_t len)
{
	char payload[32] = "";
	bool differs = one_in(8);

	for (uint32_t i = 0; i < len; i++) {
		payload[i] = one_in(9) ? ';' : (char)('a' + rnd(26));
		if (!differs && model[dir].first[at + i] != 0)
			payload[i] = model[dir].first[at + i];
	}
	arrive(dir, at, TCP_ACK, payload);
}

static void
step_send(enum direction dir)
{
	struct model *m = &model[dir];
	uint32_t len = 1 + rnd(one_in(3) ? 3 : 24), lost = one_in(6) ? 1 + rnd(30) : 0;

	if (m->next + len + lost > STREAM)
		return;
	send_range(dir, m->next + lost, len);
	m->next += lost + len;
}

static void
step_send_again(enum direction dir)
{
	struct model *m = &model[dir];
	uint32_t hole = contiguous(m), at, len;

	if (m->next == 0)
		return;
	at = hole < m->next && !one_in(3) ? hole - rnd(hole < 4 ? hole + 1 : 4) : rnd(m->next);
	len = 1 + rnd(30);
	if (len > m->next - at)
		len = m->next - at;
	send_range(dir, at, len);
}

static void
step_fin(enum direction dir)
{
	struct model *m = &model[dir];

	if (m->next < STREAM / 2 && !m->fin)
		return;
	m->fin = true;
	m->next = m->next < STREAM ? m->next : STREAM;
	arrive(dir, m->next, TCP_ACK | TCP_FIN, "");
}

static void
step_gate(enum direction dir)
{
	struct model *m = &model[dir];

	m->gate = one_in(3) ? m->seen + rnd(40) : STREAM;
	excuse = m->fin;
	tcp_resume(&x.w, &x.flow, dir);
	excuse = false;
}

static void
step_time(void)
{
	x.now += rnd(300);
	excuse = true;
	tcp_expire(&x.w, x.now, 1 + rnd(2));
	excuse = false;
}

static void
step(void)
{
	enum direction dir = rnd(2);
	uint32_t what = rnd(100);

	if (what < 50 && !model[dir].fin)
		step_send(dir);
	else if (what < 80)
		step_send_again(dir);
	else if (what < 90)
		step_gate(dir);
	else if (what < 93)
		step_time();
	else if (what < 95)
		step_fin(dir);
	else
		arrive(dir, one_in(2) ? contiguous(&model[dir]) : model[dir].next, TCP_ACK, "");
}

/* Packets of the list that are no copies. */
static unsigned
held_packets(const struct tcp_half *h)
{
	unsigned n = 0;

	for (const struct packet *q = h->held; q != NULL; q = q->next) {
		n += !(q->flags & PACKET_COPY);
		assert_true(q->next == NULL || seq_leq(segment_first(q), segment_first(q->next)));
	}
	return n;
}

/* What holds whenever no packet is being dealt with. */
static void
check(enum direction dir)
{
	const struct tcp_half *h = &x.flow.tcp.half[dir];
	const struct model *m = &model[dir];
	uint32_t arrived = contiguous(m);

	assert_int_equal(held_packets(h), inside[dir]);
	if (h->mode == STREAM_IGNORED) {
		assert_int_equal(h->held_count, 0);
		return;
	}
	if (m->seen < m->gate) /* else the reader waits */
		assert_int_equal(m->seen, arrived);
	if (h->mode == STREAM_FLUENT || x.flow.tcp.read_only)
		assert_int_equal(inside[dir], 0);
	for (const struct packet *q = h->held; q != NULL && seq_leq(segment_first(q), h->sent); q = q->next)
		if (!(q->flags & PACKET_COPY)) {
			assert_true(seq_lt(h->clear, segment_last(q)) || segment_has(q, TCP_FIN));
			break;
		}
}

static void
begin(void)
{
	x.flow = (struct flow){ 0 };
	memset(model, 0, sizeof model);
	memset(inside, 0, sizeof inside);
	for (unsigned dir = 0; dir < 2; dir++) {
		x.first[dir] = one_in(2) ? 0u - rnd(STREAM) : (uint32_t)random_state;
		model[dir].gate = one_in(4) ? rnd(60) : STREAM;
	}
	switching = one_in(2);
	scarce = one_in(5);
	x.w.trust_checksums = one_in(2);
	x.w.limits.held_per_flow = scarce ? 3 + rnd(20) : 200;
	x.w.limits.hold_ns = one_in(3) ? 500 : 20000;
	if (!one_in(8)) {
		arrive(DIR_CLIENT, 0, TCP_SYN, "");
		arrive(DIR_SERVER, 0, TCP_SYN | TCP_ACK, "");
	} else {
		send_range(DIR_CLIENT, 0, model[DIR_CLIENT].next = 9);
		send_range(DIR_SERVER, 0, model[DIR_SERVER].next = 9);
	}
}

/* The flow ends: by a flush after which everything has left, or thrown away. */
static void
end(void)
{
	excuse = true;
	total_blind += x.flow.blind != 0;
	if (one_in(2)) {
		tcp_expire(&x.w, UINT64_MAX, 100);
		assert_int_equal(inside[0] + inside[1], 0);
	}
	discarding = true;
	tcp_discard_all(&x.w, &x.flow);
	discarding = false;
	assert_int_equal(x.in_use, 0);
	assert_int_equal(x.w.held, 0);
	assert_null(x.w.hold_first);
	assert_null(x.w.hold_last);
	excuse = false;
}

static void
a_million_random_steps_agree_with_the_model(void **state)
{
	uint64_t seed = seed_of_run();
	uint64_t steps = from_environment("POSTERN_STEPS", STEPS);

	random_begin(seed, 0);
	world_init(&x);
	x.ops.release = model_release;
	x.w.reader = (struct tcp_reader){ .read = model_read, .leave = model_leave, .exposed = model_exposed };
	while (steps > 0) {
		begin();
		for (unsigned n = 50 + rnd(150); n > 0 && steps > 0; n--, steps--) {
			step();
			check(DIR_CLIENT);
			check(DIR_SERVER);
		}
		end();
	}
	assert_true(total_exposed > 0 && total_blind > 0 && total_short > 0 && x.ctr.value[CTR_overlap_rewritten] > 0);
	print_message("%llu packets left, %llu came the short way, %llu octets read, %llu exposures, %llu flows blind, "
		      "%llu octets rewritten\n",
		      (unsigned long long)total_left, (unsigned long long)total_short, (unsigned long long)total_read,
		      (unsigned long long)total_exposed, (unsigned long long)total_blind,
		      (unsigned long long)x.ctr.value[CTR_overlap_rewritten]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_random_steps_agree_with_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
