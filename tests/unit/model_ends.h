/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two TCP ends by the book (RFC 9293, 6298, cumulative acks) and the lossy
 * paths between them and the box. Every octet that an end gets twice must be
 * the same, every ack must be of something sent: else the test fails there.
 */
#ifndef POSTERN_TESTS_MODEL_ENDS_H
#define POSTERN_TESTS_MODEL_ENDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "chance.h"
#include "frame.h"
#include "pipeline.h"

#define STREAM_MAX 262144
#define FLIGHT_MAX 4096
#define MS         1000000ull

/* One end. Offsets count from the first octet of its stream; the FIN stands behind the last. */
struct model_end {
	uint8_t out[STREAM_MAX];
	uint32_t isn, out_len, una, nxt, top, recover;
	bool closing; /* a FIN follows out[out_len) */
	uint8_t in[STREAM_MAX];
	uint8_t have[STREAM_MAX + 1]; /* the FIN is an octet too */
	uint32_t peer_isn, got;       /* got: octets in order */
	uint32_t peer_fin;            /* offset, where peer_closed */
	bool peer_closed, reset, want_ack;
	uint64_t ack_at, rto_at, rto;
	uint32_t peer_window, window;
	uint16_t segment_max, cwnd;
	uint32_t stamp;
};

struct flying {
	struct packet *p;
	uint64_t at;
	bool boxed; /* on its way behind the box */
};

/* Per mille of the frames on each path. */
struct weather {
	unsigned loss, duplicate, corrupt, reorder;
};

static struct network {
	struct front front;
	struct pipeline *pl;
	struct ruleset *rules;
	struct model_end end[2]; /* by direction of what they send */
	struct flying flying[FLIGHT_MAX];
	unsigned flying_count;
	struct weather weather;
	uint64_t now;
	uint64_t boxed; /* frames that the box has dealt with */
	uint8_t version;
	bool stamps, strict; /* strict: frames must leave as they came */
} net;

static const struct counters *box_counters;
static unsigned session_number;

/* Fails, and tells what the box made of the session. */
#define wrong(...)                                                                                                     \
	do {                                                                                                           \
		print_message(__VA_ARGS__);                                                                            \
		tell();                                                                                                \
		fail();                                                                                                \
	} while (0)

static void
tell(void)
{
	print_message("\nsession %u, %llu ms: IPv%u, segments %u and %u, weather %u %u %u %u\n", session_number,
		      (unsigned long long)(net.now / MS), net.version, net.end[0].segment_max, net.end[1].segment_max,
		      net.weather.loss, net.weather.duplicate, net.weather.corrupt, net.weather.reorder);
	for (unsigned i = 0; i < CTR_COUNT; i++)
		if (box_counters->value[i] > 0)
			print_message("  %s %llu\n", counter_info[i].name, (unsigned long long)box_counters->value[i]);
}

static void
launch(struct packet *p, bool boxed)
{
	uint64_t delay = MS + rnd(MS / 4);

	if (rnd(1000) < net.weather.loss || net.flying_count == FLIGHT_MAX) {
		front_release(&net.front, p);
		return;
	}
	if (rnd(1000) < net.weather.reorder)
		delay += rnd(20) * MS;
	/* once only: two wrongs may make a right checksum */
	if (rnd(1000) < net.weather.corrupt && checksum_tcp_ok(p)) {
		p->data[p->h.l4 + 4 + rnd(p->len - p->h.l4 - 4)] ^= (uint8_t)(1u << rnd(8));
	} else if (rnd(1000) < net.weather.duplicate && net.flying_count + 1 < FLIGHT_MAX) {
		struct packet *twin = front_alloc(&net.front, p->len + p->room);
		memcpy(twin->data, p->data, p->len);
		twin->len = p->len;
		twin->room -= p->len;
		twin->h = p->h;
		twin->side = p->side;
		twin->dir = p->dir;
		net.flying[net.flying_count++] = (struct flying){ twin, net.now + delay + rnd(3) * MS, boxed };
	}
	net.flying[net.flying_count++] = (struct flying){ p, net.now + delay, boxed };
}

static void
end_send(unsigned dir, uint32_t at, uint32_t len, unsigned flags)
{
	struct model_end *e = &net.end[dir];
	uint8_t stamp[12] = { 1, 1, 8, 10 };
	struct frame f = {
		.dir = (uint8_t)dir,
		.seq = e->isn + 1 + at - ((flags & SYN) != 0),
		.ack = e->peer_isn + 1 + e->got + (e->peer_closed && e->got == e->peer_fin),
		.flags = (uint8_t)flags,
		.window = (uint16_t)(e->window - rnd(16)),
		.version = net.version,
		.payload = view_of(e->out + at, len),
	};
	store_be32(stamp + 4, (uint32_t)(net.now / MS));
	if (net.stamps)
		f.options = view_of(stamp, sizeof stamp);
	e->want_ack = false;
	launch(frame_make(&net.front, &f), false);
}

/* Sends [una.., up to what window and congestion allow, in segments of random length. */
static void
end_push(unsigned dir)
{
	struct model_end *e = &net.end[dir];
	uint32_t last = e->out_len + e->closing;
	uint32_t edge = e->una + (e->peer_window < e->cwnd * 1u * e->segment_max ? e->peer_window
										 : e->cwnd * 1u * e->segment_max);

	if (edge == e->una && e->nxt == e->una && e->rto_at == 0 && e->una < last)
		e->rto_at = net.now + e->rto; /* zero window: probe by timer */
	while (e->nxt < last && e->nxt < edge) {
		uint32_t len = 1 + rnd(e->segment_max);
		if (len > e->out_len - e->nxt)
			len = e->out_len - e->nxt;
		if (len > edge - e->nxt)
			len = edge - e->nxt;
		bool fin = e->closing && e->nxt + len == e->out_len;
		end_send(dir, e->nxt, len, ACK | (len > 0 ? PSH : 0) | (fin ? FIN : 0));
		e->nxt += len + fin;
		if (e->top < e->nxt)
			e->top = e->nxt;
		if (e->rto_at == 0)
			e->rto_at = net.now + e->rto;
	}
}

/* The first segment that is not acknowledged, once more. */
static void
end_repeat(unsigned dir)
{
	struct model_end *e = &net.end[dir];
	uint32_t len = 1 + rnd(e->segment_max);
	if (len > e->top - e->una) /* nothing of it: a probe of the window */
		len = e->top > e->una ? e->top - e->una : 1;
	if (e->una + len > e->out_len)
		len = e->out_len - e->una;
	bool fin = e->closing && e->una + len == e->out_len;
	end_send(dir, e->una, len, ACK | (fin ? FIN : 0));
	if (e->top < e->una + len + fin)
		e->top = e->nxt = e->una + len + fin;
}

/* The retransmission timer: the first segment again, or all of them (go back). */
static void
end_timeout(unsigned dir)
{
	struct model_end *e = &net.end[dir];
	uint32_t last = e->out_len + e->closing;

	e->rto_at = 0;
	if (e->reset || e->una == last)
		return;
	e->rto = e->rto * 2 < 1000 * MS ? e->rto * 2 : 1000 * MS;
	e->rto_at = net.now + e->rto;
	e->recover = e->top;
	if (rnd(2) == 0) {
		e->nxt = e->una;
		end_push(dir);
	} else {
		end_repeat(dir);
	}
}

static void
end_acked(unsigned dir, const struct packet *p)
{
	struct model_end *e = &net.end[dir];
	uint32_t acked = p->h.ack - (e->isn + 1);

	if ((int32_t)(acked - e->top) > 0)
		wrong("an ack of %u where %u were sent", acked, e->top);
	if ((int32_t)(acked - e->una) >= 0)
		e->peer_window = p->h.window;
	if ((int32_t)(acked - e->una) <= 0)
		return;
	e->una = acked;
	if (e->nxt < e->una)
		e->nxt = e->una;
	e->rto = 250 * MS;
	e->rto_at = e->una < e->top ? net.now + e->rto : 0;
	if (e->una < e->recover && e->una < e->top) /* what was lost with the first is sent without a further timeout */
		end_repeat(dir);
}

/* The box reads the session no further, and has counted why. */
static bool
is_unread(void)
{
	return box_counters->value[CTR_blind_gap] + box_counters->value[CTR_blind_hold_cap] > 0;
}

static void
end_octets(struct model_end *e, const struct packet *p)
{
	int32_t at = (int32_t)(p->h.seq - (e->peer_isn + 1));

	for (unsigned i = 0; i < p->h.payload_len; i++) {
		int32_t to = at + (int32_t)i;
		if (to < 0 || to >= STREAM_MAX || (uint32_t)to >= e->got + e->window)
			continue;
		if (e->have[to] && e->in[to] != p->data[p->h.payload + i] && !is_unread())
			wrong("octet %d was '%c' and is '%c' now", to, e->in[to], p->data[p->h.payload + i]);
		e->in[to] = p->data[p->h.payload + i];
		e->have[to] = 1;
	}
	if (p->h.tcp_flags & FIN) {
		uint32_t fin = (uint32_t)at + p->h.payload_len;
		if (e->peer_closed && e->peer_fin != fin)
			wrong("a FIN at %u that was at %u", fin, e->peer_fin);
		e->peer_closed = true;
		e->peer_fin = fin;
	}
	while (e->got < STREAM_MAX && e->have[e->got])
		e->got++;
}

/* RFC 7323 section 5.3. Every segment has the option, also those of the box. */
static bool
stamp_ok(struct model_end *e, const struct packet *p)
{
	const uint8_t *options = p->data + p->h.l4 + 20;

	if (p->h.payload - p->h.l4 != 32 || load_be32(options) != 0x0101080a)
		wrong("a segment without timestamps");
	uint32_t stamp = load_be32(options + 4);
	if ((int32_t)(stamp - e->stamp) < 0)
		return false;
	if ((int32_t)(p->h.seq - (e->peer_isn + 1 + e->got)) <= 0)
		e->stamp = stamp;
	return true;
}

/* The end takes a frame. True: its application may have something to read. */
static bool
end_take(unsigned dir, const struct packet *p)
{
	struct model_end *e = &net.end[dir];
	uint32_t before = e->got;

	if (net.stamps && !(p->h.tcp_flags & (SYN | RST)) && !stamp_ok(e, p))
		return false;
	if (p->h.tcp_flags & RST) {
		e->reset |= p->h.seq == e->peer_isn + 1 + e->got + (e->peer_closed && e->got == e->peer_fin);
		return false;
	}
	if (p->h.tcp_flags & SYN || e->reset)
		return false;
	if (p->h.tcp_flags & ACK)
		end_acked(dir, p);
	end_octets(e, p);
	bool dup = p->h.payload_len > 0 && e->got == before;
	if (p->h.payload_len > 0 || (p->h.tcp_flags & FIN) ||
	    p->h.seq != e->peer_isn + 1 + e->got + (e->peer_closed && e->got == e->peer_fin)) {
		if (!e->want_ack)
			e->ack_at = net.now + (dup || rnd(2) ? 0 : rnd(40) * MS);
		e->want_ack = true;
	}
	return e->got > before || (p->h.tcp_flags & FIN);
}

/* Both ends, connected; the handshake loses nothing. */
static void
ends_connect(uint32_t client_isn, uint32_t server_isn)
{
	const struct weather weather = net.weather;

	net.weather = (struct weather){ 0 };
	for (unsigned d = 0; d < 2; d++) {
		struct model_end *e = &net.end[d];
		memset(e->have, 0, sizeof e->have);
		e->isn = d == 0 ? client_isn : server_isn;
		e->peer_isn = d == 0 ? server_isn : client_isn;
		e->out_len = e->recover = e->una = e->nxt = e->top = e->got = 0;
		e->closing = e->peer_closed = e->reset = e->want_ack = false;
		e->rto = 250 * MS;
		e->rto_at = 0;
		e->stamp = 0;
		e->window = e->peer_window = 8192 + rnd(50000);
	}
	end_send(DIR_CLIENT, 0, 0, SYN);
	end_send(DIR_SERVER, 0, 0, SYN | ACK);
	end_send(DIR_CLIENT, 0, 0, ACK);
	for (unsigned i = 0; i < 3; i++)
		net.flying[i].at = net.now + i + 1;
	net.weather = weather;
}

/* ---- Steps of a session, and what a test defines for them ---- */

static void through_box(struct packet *p); /* takes p, and launches what leaves */
static void tick(void);                    /* of the box; the same */
static void client_read(void);             /* the client's application: octets have come */
static void server_read(void);

static void
arrive(unsigned i)
{
	struct flying f = net.flying[i];

	net.flying[i] = net.flying[--net.flying_count];
	if (!f.boxed) {
		through_box(f.p);
		return;
	}
	unsigned to = !f.p->dir;
	if (headers_decode(f.p) == DECODE_TCP && checksum_tcp_ok(f.p) && end_take(to, f.p)) {
		if (to == DIR_SERVER)
			server_read();
		else
			client_read();
	}
	front_release(&net.front, f.p);
}

/* The next thing that happens. False: nothing will. */
static bool
step(void)
{
	uint64_t at = UINT64_MAX;
	unsigned next = UINT32_MAX;

	for (unsigned i = 0; i < net.flying_count; i++)
		if (net.flying[i].at < at) {
			at = net.flying[i].at;
			next = i;
		}
	for (unsigned e = 0; e < 2; e++) {
		struct model_end *end = &net.end[e];
		if (end->want_ack && end->ack_at <= at && !end->reset) {
			at = end->ack_at > net.now ? end->ack_at : net.now;
			next = FLIGHT_MAX + e;
		}
		if (end->rto_at != 0 && end->rto_at < at && !end->reset) {
			at = end->rto_at;
			next = FLIGHT_MAX + 2 + e;
		}
	}
	if (next == UINT32_MAX)
		return false;
	if (at > net.now)
		net.now = at;
	if (next >= FLIGHT_MAX + 2)
		end_timeout(next - FLIGHT_MAX - 2);
	else if (next >= FLIGHT_MAX)
		end_send(next - FLIGHT_MAX, net.end[next - FLIGHT_MAX].nxt, 0, ACK);
	else
		arrive(next);
	for (unsigned e = 0; e < 2; e++)
		if (!net.end[e].reset)
			end_push(e);
	if (rnd(64) == 0)
		tick();
	return true;
}

/* Of a session: paths, of which `calm` (1 or 2) in 5 + calm lose nothing; version, options and segments. */
static void
draw_weather(unsigned calm)
{
	static const struct weather weathers[] = {
		{ 0 },
		{ 0 },
		{ 50, 0, 0, 0 },
		{ 0, 50, 0, 250 },
		{ 50, 50, 10, 250 },
		{ 0, 0, 0, 500 },
		{ 150, 30, 30, 100 },
	};
	static const uint16_t segments[] = { 1, 5, 40, 536, 1400 };

	net.weather = weathers[2 - calm + rnd(5 + calm)];
	net.version = rnd(2) ? 4 : 6;
	net.stamps = rnd(2);
	for (unsigned e = 0; e < 2; e++) {
		net.end[e].segment_max = segments[rnd(5)];
		net.end[e].cwnd = (uint16_t)(net.end[e].segment_max < 10 ? 40 + rnd(400) : 2 + rnd(30));
	}
}

#endif
