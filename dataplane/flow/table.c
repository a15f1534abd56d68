/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/table.h"

#include <stdlib.h>

#include "flow/hash.h"
#include "flow/index.h"
#include "flow/pages.h"
#include "flow/wheel.h"
#include "headers/proto.h"

#define SERVER_PORTS_MAX 32

struct flow_table {
	struct flow_limits limits;
	struct flow_secret secret;
	struct counters *ctr;
	flow_gone_fn gone;
	void *gone_ctx;
	struct flow *pool;
	size_t pool_octets;
	struct flow *free; /* slots given back, linked by wheel_next */
	uint32_t touched;  /* pool slots at and above were never used */
	uint32_t count;
	uint16_t burst; /* number of the current lookup; a stale equal one costs the caller a second call */
	uint16_t server_port[SERVER_PORTS_MAX];
	unsigned server_ports;
	struct flow_index index;
	struct flow_list embryonic; /* in the order in which they were queued */
	struct wheel wheel;         /* all others */
};

/* A packet on its way through a lookup. */
struct lookup {
	struct flow_key key;
	unsigned end; /* of the key, that sent it */
	uint64_t hash;
	struct flow *guess; /* what the signature in the bucket led to; NULL: nothing */
};

struct flow_table *
flow_table_new(const struct flow_limits *limits, const uint8_t secret[16], struct counters *ctr, flow_gone_fn gone,
	       void *gone_ctx)
{
	struct flow_table *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->limits = *limits;
	t->ctr = ctr;
	t->gone = gone;
	t->gone_ctx = gone_ctx;
	memcpy(&t->secret, secret, sizeof(t->secret));
	t->pool_octets = (size_t)limits->flows * sizeof(struct flow);
	t->pool = pages_new(t->pool_octets);
	if (t->pool == NULL || !flow_index_init(&t->index, limits->flows)) {
		pages_free(t->pool, t->pool_octets);
		free(t);
		return NULL;
	}
	return t;
}

/* Closed for good. Marks that nobody validated count only where nothing is read and nothing edited any more. */
static bool
is_closing(const struct flow *f)
{
	const unsigned fins = FLOW_FIN_CLIENT | FLOW_FIN_SERVER;

	if (f->tcp.reset || f->fate == FLOW_RESET || (f->tcp.half[0].fin_seen && f->tcp.half[1].fin_seen))
		return true;
	return f->fate == FLOW_PASS && f->edit == NULL && ((f->heard & FLOW_RST) || (f->heard & fins) == fins);
}

/* Not yet data both ways. */
static bool
is_embryonic(const struct flow *f)
{
	const unsigned both = FLOW_DATA_CLIENT | FLOW_DATA_SERVER;
	return (f->heard & both) != both;
}

/* Idle time that ends f. */
static uint64_t
idle_limit(const struct flow_table *t, const struct flow *f)
{
	if (is_closing(f))
		return t->limits.closing_ns;
	return is_embryonic(f) ? t->limits.embryonic_ns : t->limits.established_ns;
}

static bool
is_idle(const struct flow *f, uint64_t now_ns, uint64_t limit_ns)
{
	return now_ns > f->seen_ns && now_ns - f->seen_ns >= limit_ns;
}

/* Takes f out of the table. It is on neither the embryonic list nor the wheel any more. */
static void
drop(struct flow_table *t, struct flow *f)
{
	t->ctr->value[is_closing(f) ? CTR_flows_ended : CTR_flows_expired]++;
	t->gone(t->gone_ctx, f);
	flow_index_remove(&t->index, flow_hash(&f->key, &t->secret), f->id);
	f->live = false;
	f->wheel_next = t->free;
	t->free = f;
	t->count--;
}

static void
unlist(struct flow_table *t, struct flow *f)
{
	if (is_embryonic(f))
		flow_list_remove(&t->embryonic, f);
	else
		wheel_disarm(&t->wheel, f);
}

static void
remove_all(struct flow_table *t)
{
	for (uint32_t i = 0; i < t->touched; i++) {
		struct flow *f = &t->pool[i];
		if (f->live) {
			unlist(t, f);
			drop(t, f);
		}
	}
}

void
flow_table_free(struct flow_table *t)
{
	remove_all(t);
	flow_index_free(&t->index);
	pages_free(t->pool, t->pool_octets);
	free(t);
}

static struct flow *
find(const struct flow_table *t, const struct lookup *l)
{
	const struct flow_bucket *b = flow_index_bucket(&t->index, l->hash);
	uint16_t signature = flow_index_signature(l->hash);

	for (;;) {
		for (unsigned m = flow_bucket_match(b, signature); m != 0; m &= m - 1) {
			struct flow *f = &t->pool[b->slot[__builtin_ctz(m)]];
			if (flow_key_equal(&f->key, &l->key))
				return f;
		}
		if (b->next == FLOW_NONE)
			return NULL;
		b = &t->index.bucket[b->next];
	}
}

/* The guess is nearly always right. A flow that has gone since was replaced at once: its slot has another key now. */
static struct flow *
flow_of(const struct flow_table *t, const struct lookup *l)
{
	return l->guess != NULL && flow_key_equal(&l->guess->key, &l->key) ? l->guess : find(t, l);
}

static bool
is_server_port(const struct flow_table *t, uint16_t port)
{
	for (unsigned i = 0; i < t->server_ports; i++)
		if (t->server_port[i] == port)
			return true;
	return false;
}

/* True where the sender of p is the client. A SYN tells; without one, ports do. */
static bool
sent_by_client(const struct flow_table *t, const struct packet *p)
{
	if (p->h.tcp_flags & TCP_SYN)
		return !(p->h.tcp_flags & TCP_ACK);
	bool src = is_server_port(t, p->h.src_port), dst = is_server_port(t, p->h.dst_port);
	return src == dst ? p->h.src_port >= p->h.dst_port : dst;
}

static bool
may_found(const struct packet *p)
{
	return !(p->h.tcp_flags & TCP_RST) && ((p->h.tcp_flags & TCP_SYN) || p->h.payload_len > 0);
}

static void
flow_begin(const struct flow_table *t, struct flow *f, const struct lookup *l, const struct packet *p)
{
	bool client = sent_by_client(t, p);
	bool syn = (p->h.tcp_flags & TCP_SYN) != 0;

	*f = (struct flow){
		.key = l->key,
		.id = (uint32_t)(f - t->pool),
		.client = (uint8_t)(client ? l->end : !l->end),
		.client_side = client ? p->side : (uint8_t)other_side(p->side),
		.heard = syn ? FLOW_SYN : 0,
		.isn = client ? p->h.seq : p->h.ack - 1,
		.live = true,
		.tcp.midstream = !syn,
	};
	smtp_session_init(&f->smtp, f->tcp.midstream);
}

/* The last of those that wait for data both ways. */
static void
enqueue(struct flow_table *t, struct flow *f, uint64_t now_ns)
{
	f->again = false;
	f->wheel_slot = (uint16_t)(now_ns >> WHEEL_TICK_SHIFT);
	flow_list_append(&t->embryonic, f);
}

static struct flow *
found(struct flow_table *t, const struct lookup *l, const struct packet *p, uint64_t now_ns)
{
	struct flow *f = t->free;

	if (f != NULL)
		t->free = f->wheel_next;
	else
		f = &t->pool[t->touched++];
	flow_begin(t, f, l, p);
	enqueue(t, f, now_ns);
	flow_index_add(&t->index, l->hash, f->id);
	t->count++;
	t->ctr->value[CTR_flows_created]++;
	return f;
}

/* What flow.heard gains by p. */
static uint8_t
marks_of(const struct packet *p)
{
	unsigned marks = p->dir == DIR_SERVER ? FLOW_ANSWERED : 0;

	if (p->h.payload_len > 0)
		marks |= p->dir == DIR_SERVER ? FLOW_DATA_SERVER : FLOW_DATA_CLIENT;
	if (p->h.tcp_flags & TCP_FIN)
		marks |= p->dir == DIR_SERVER ? FLOW_FIN_SERVER : FLOW_FIN_CLIENT;
	if (p->h.tcp_flags & TCP_RST)
		marks |= FLOW_RST;
	return (uint8_t)marks;
}

/*
 * p came for f: the table's own view of it, and its place among the timers.
 * Lists are touched as seldom as can be, since neighbours on a list are
 * strangers in memory: when data has come both ways, and when it may be over.
 */
static void
touch(struct flow_table *t, struct flow *f, const struct packet *p, uint64_t now_ns)
{
	const unsigned fins = FLOW_FIN_CLIENT | FLOW_FIN_SERVER;
	bool embryonic = is_embryonic(f);
	bool known = f->seen_ns != 0;

	f->seen_ns = now_ns;
	f->burst = t->burst;
	f->heard |= marks_of(p);
	if (embryonic && is_embryonic(f)) {
		f->again = known;
	} else if (embryonic) {
		flow_list_remove(&t->embryonic, f);
		wheel_arm(&t->wheel, f, now_ns + idle_limit(t, f));
	} else if ((p->h.tcp_flags & TCP_RST) || ((p->h.tcp_flags & TCP_FIN) && (f->heard & fins) == fins)) {
		/* It may be over with this: the wheel has to look sooner than it meant to. */
		wheel_disarm(&t->wheel, f);
		wheel_arm(&t->wheel, f, now_ns + t->limits.closing_ns);
	}
}

/* A late or repeated SYN of the connection that f is. */
static bool
is_same_syn(const struct flow *f, const struct packet *p)
{
	const struct tcp_half *client = &f->tcp.half[DIR_CLIENT];

	if (f->heard & FLOW_SYN)
		return p->h.seq == f->isn;
	return client->started && (uint32_t)seq_diff(client->nxt, p->h.seq) <= UINT16_MAX;
}

/*
 * p is the SYN of a new connection on the ports of f. On a connection that is
 * alive a SYN proves nothing: the ends answer it with a challenge ACK
 * (RFC 5961 section 4), and so it must not make us forget what we know.
 */
static bool
is_port_reuse(const struct flow_table *t, const struct flow *f, const struct packet *p, uint64_t now_ns)
{
	if ((p->h.tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN)
		return false;
	if (f->tcp.reset)
		return true;
	if (is_same_syn(f, p))
		return false;
	return is_closing(f) || f->tcp.midstream || !(f->heard & FLOW_ANSWERED) ||
	       is_idle(f, now_ns, t->limits.embryonic_ns);
}

/* The flow that is next on a list will be dropped soon. */
__attribute__((always_inline)) static inline void
prefetch_all(const struct flow *f)
{
	for (size_t line = 0; f != NULL && line < sizeof(*f); line += 64)
		__builtin_prefetch((const char *)f + line, 1);
}

enum room { ROOM_YES, ROOM_NO, ROOM_LATER };

/* Whoever was seen since it was queued gets another turn, but the search ends. */
enum { TURNS = 16 };

/* The embryonic flow to give up: one of the longest idle. NULL: there is none. */
static struct flow *
oldest_embryonic(struct flow_table *t, uint64_t now_ns)
{
	for (unsigned i = 0; i < TURNS && t->embryonic.first != NULL && t->embryonic.first->again; i++) {
		struct flow *f = t->embryonic.first;
		flow_list_remove(&t->embryonic, f);
		enqueue(t, f, now_ns);
	}
	return t->embryonic.first;
}

static enum room
make_room(struct flow_table *t, uint64_t now_ns)
{
	if (t->count < t->limits.flows)
		return ROOM_YES;
	struct flow *oldest = oldest_embryonic(t, now_ns);
	if (oldest == NULL)
		return ROOM_NO;
	if (oldest->burst == t->burst)
		return ROOM_LATER;
	flow_list_remove(&t->embryonic, oldest);
	prefetch_all(t->embryonic.first);
	drop(t, oldest);
	return ROOM_YES;
}

/* Finds or founds the flow of p. False: not in this burst, see flow_table_lookup(). */
static bool
resolve(struct flow_table *t, const struct lookup *l, struct packet *p, uint64_t now_ns)
{
	struct flow *f = flow_of(t, l);

	if (f != NULL && is_port_reuse(t, f, p, now_ns)) {
		if (f->burst == t->burst)
			return false;
		unlist(t, f);
		drop(t, f);
		f = NULL;
	}
	if (f == NULL && may_found(p)) {
		enum room room = make_room(t, now_ns);
		if (room == ROOM_LATER)
			return false;
		if (room == ROOM_YES)
			f = found(t, l, p, now_ns);
		else if (p->h.tcp_flags & TCP_SYN) /* once a flow: its later segments are not counted */
			t->ctr->value[CTR_blind_flow_table]++;
	}
	p->flow = f;
	if (f != NULL) {
		p->dir = l->end == f->client ? DIR_CLIENT : DIR_SERVER;
		touch(t, f, p, now_ns);
	}
	return true;
}

/*
 * The bucket of a packet is on its way. Always inline, and so is the next: a function that only asks for lines has no
 * effect in GCC's eyes, and calls of it vanish.
 */
__attribute__((always_inline)) static inline void
ask_bucket(const struct flow_table *t, struct lookup *l)
{
	l->hash = flow_hash(&l->key, &t->secret);
	__builtin_prefetch(flow_index_bucket(&t->index, l->hash));
}

/* The flow that the bucket most probably leads to is on its way. */
__attribute__((always_inline)) static inline void
ask_flow(const struct flow_table *t, struct lookup *l)
{
	const struct flow_bucket *b = flow_index_bucket(&t->index, l->hash);
	unsigned m = flow_bucket_match(b, flow_index_signature(l->hash));

	l->guess = NULL;
	if (m == 0)
		return;
	l->guess = &t->pool[b->slot[__builtin_ctz(m)]];
	__builtin_prefetch(l->guess, 1);
}

/* How many packets ahead lines are asked for: a line from afar takes as long as half a dozen lookups. */
enum { BUCKETS_AHEAD = 24, FLOWS_AHEAD = 12 };

unsigned
flow_table_lookup(struct flow_table *t, struct packet **burst, unsigned n, uint64_t now_ns)
{
	struct lookup l[FLOW_BURST];

	t->burst++;
	/* In a loop of its own: the stores that made a key have settled before it is read in words. */
	for (unsigned i = 0; i < n; i++)
		flow_key_of(burst[i], &l[i].key, &l[i].end);
	for (unsigned i = 0; i < n && i < BUCKETS_AHEAD; i++)
		ask_bucket(t, &l[i]);
	for (unsigned i = 0; i < n && i < FLOWS_AHEAD; i++)
		ask_flow(t, &l[i]);
	for (unsigned i = 0; i < n; i++) {
		if (i + BUCKETS_AHEAD < n)
			ask_bucket(t, &l[i + BUCKETS_AHEAD]);
		if (i + FLOWS_AHEAD < n)
			ask_flow(t, &l[i + FLOWS_AHEAD]);
		if (!resolve(t, &l[i], burst[i], now_ns))
			return i;
	}
	return n;
}

void
flow_table_server_ports(struct flow_table *t, const uint16_t *ports, unsigned n)
{
	t->server_ports = n < SERVER_PORTS_MAX ? n : SERVER_PORTS_MAX;
	memcpy(t->server_port, ports, t->server_ports * sizeof(*ports));
}

/* Queued for less than the limit: so are all behind it. */
static bool
is_young(const struct flow_table *t, const struct flow *f, uint64_t now_ns)
{
	uint16_t ticks = (uint16_t)((now_ns >> WHEEL_TICK_SHIFT) - f->wheel_slot);

	return ticks < t->limits.embryonic_ns >> WHEEL_TICK_SHIFT;
}

/*
 * The longest queued come first: the first that is too young ends it. One that
 * was seen since queues again, and so goes after at most twice the limit.
 * Returns how many were looked at.
 */
static unsigned
expire_embryonic(struct flow_table *t, uint64_t now_ns, unsigned budget)
{
	for (unsigned looked = 0; looked < budget; looked++) {
		struct flow *f = t->embryonic.first;
		if (f == NULL || is_young(t, f, now_ns))
			return looked;
		bool idle = is_idle(f, now_ns, t->limits.embryonic_ns);
		if (!idle && !f->again)
			return looked;
		flow_list_remove(&t->embryonic, f);
		prefetch_all(t->embryonic.first);
		if (idle)
			drop(t, f);
		else
			enqueue(t, f, now_ns);
	}
	return budget;
}

void
flow_table_expire(struct flow_table *t, uint64_t now_ns, unsigned budget)
{
	if (now_ns == UINT64_MAX) {
		remove_all(t);
		return;
	}
	/* Half of the budget at most: a flood of SYNs must not stop the wheel. */
	budget -= expire_embryonic(t, now_ns, budget / 2);
	for (; budget > 0; budget--) {
		struct flow *f = wheel_next(&t->wheel, now_ns);
		if (f == NULL)
			break;
		prefetch_all(t->wheel.slot[f->wheel_slot].first);
		if (is_idle(f, now_ns, idle_limit(t, f)))
			drop(t, f);
		else
			wheel_arm(&t->wheel, f, f->seen_ns + idle_limit(t, f));
	}
}

uint32_t
flow_table_count(const struct flow_table *t)
{
	return t->count;
}

bool
flow_table_visit(struct flow_table *t, uint32_t *cursor, unsigned budget,
		 bool (*visit)(void *ctx, const struct flow *f), void *ctx)
{
	for (; budget > 0 && *cursor < t->touched; budget--) {
		const struct flow *f = &t->pool[(*cursor)++];
		if (f->live && !visit(ctx, f))
			break;
	}
	return *cursor < t->touched;
}
