/* SPDX-License-Identifier: BSD-3-Clause */
#include "traffic.h"

#include <stdlib.h>

#include "chance.h"
#include "frame.h"
#include "flow/pages.h"
#include "headers/decode.h"
#include "headers/proto.h"
#include "tcp/options.h"

enum phase { PHASE_SYN, PHASE_SYN_ACK, PHASE_ACK, PHASE_TALK, PHASE_FIN, PHASE_FIN_BACK, PHASE_LAST };

struct session {
	uint32_t nxt[2];   /* by direction: next number its sender sends */
	uint32_t want[2];  /* by direction: next number its receiver expects, in the receiver's count */
	uint32_t clock[2]; /* by direction: timestamp of the last segment */
	uint32_t at;       /* octets of the line that are sent */
	uint16_t script;
	uint16_t life; /* counts sessions of this slot: makes the port */
	uint8_t line;
	uint8_t phase;
	uint8_t acks;   /* pure acknowledgements due */
	uint8_t flying; /* packets on their way */
	uint16_t since; /* the age at which it sent last */
	bool ipv6, tagged;
	uint16_t sleep; /* visits before the first packet of all */
};

struct traffic {
	const struct scenario *s;
	const struct scripts *scripts;
	struct buffers *buffers;
	struct session *session;
	struct traffic_counts counts;
	uint64_t seed;
	uint64_t turn;   /* visits so far */
	uint64_t steady; /* the turn from which on sessions are spread over their lives */
	uint64_t stride; /* prime to the number of sessions: they are visited in scattered order */
	unsigned visits; /* that a session takes */
	uint32_t strangers;
	uint32_t clock; /* of timestamps */
	uint16_t age;   /* rounds of visits, or milliseconds */
	bool real;      /* time is real */
};

static uint64_t
gcd(uint64_t a, uint64_t b)
{
	return b == 0 ? a : gcd(b, a % b);
}

static void
begin(struct traffic *t, struct session *x)
{
	bool flagged = chance_share(&t->seed, t->s->flagged);
	uint32_t id = (uint32_t)(x - t->session);
	uint64_t traits = chance_of(id);

	x->script = (uint16_t)(chance_below(&t->seed, t->scripts->count) + (flagged ? t->scripts->count : 0));
	x->life++;
	x->nxt[DIR_CLIENT] = x->want[DIR_CLIENT] = (uint32_t)chance(&t->seed);
	x->nxt[DIR_SERVER] = x->want[DIR_SERVER] = (uint32_t)chance(&t->seed);
	x->at = 0;
	x->line = x->acks = x->flying = 0;
	x->since = t->age;
	x->phase = PHASE_SYN;
	x->ipv6 = chance_share(&traits, t->s->ipv6);
	x->tagged = chance_share(&traits, t->s->qinq);
}

/* Visits of an ordinary session: what it sends, what is acknowledged, and six for its beginning and end. */
static unsigned
visits_of(const struct scenario *s, const struct script *script)
{
	size_t mss = frame_mss(false, s->timestamps), visits = 6;

	for (unsigned i = 0; i < script->lines; i++)
		visits += 2 * (script->line[i].octets.len / mss / s->segments) + 1;
	return visits < UINT16_MAX ? (unsigned)visits : UINT16_MAX;
}

struct traffic *
traffic_new(const struct scenario *s, const struct scripts *scripts, struct buffers *buffers)
{
	struct traffic *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->s = s;
	t->scripts = scripts;
	t->buffers = buffers;
	t->seed = 4711;
	t->session = pages_new(s->flows * sizeof(*t->session));
	if (t->session == NULL) {
		free(t);
		return NULL;
	}
	for (t->stride = s->flows * 5ull / 8 + 1; gcd(t->stride, s->flows) != 1;)
		t->stride++;
	t->visits = visits_of(s, &scripts->script[0]);
	t->steady = (uint64_t)s->flows * t->visits;
	for (unsigned i = 0; i < s->flows; i++) {
		begin(t, &t->session[i]);
		t->session[i].sleep = (uint16_t)chance_below(&t->seed, t->visits);
	}
	return t;
}

void
traffic_free(struct traffic *t)
{
	if (t == NULL)
		return;
	pages_free(t->session, t->s->flows * sizeof(*t->session));
	free(t);
}

/* The frame of a session's packet, `len` octets at `payload`. */
static struct buffer *
emit(struct traffic *t, struct session *x, enum direction dir, unsigned flags, const uint8_t *payload, size_t len)
{
	struct buffer *buffer = buffers_take(t->buffers);
	const struct frame f = {
		.session = (uint32_t)(x - t->session),
		.life = x->life,
		.dir = (uint8_t)dir,
		.ipv6 = x->ipv6,
		.tagged = x->tagged,
		.flags = (uint8_t)flags,
		.seq = x->nxt[dir],
		.ack = flags & TCP_ACK ? x->want[!dir] : 0,
		.timestamps = t->s->timestamps,
		.clock = t->clock,
		.echo = x->clock[!dir],
		.payload = view_of(payload, len),
	};

	if (buffer == NULL)
		return NULL;
	frame_write(&f, buffer, !t->s->software);
	x->nxt[dir] += (uint32_t)len + ((flags & (TCP_SYN | TCP_FIN)) != 0);
	x->clock[dir] = t->clock;
	x->since = t->age;
	x->flying++;
	return buffer;
}

/* Data of the line at hand: a few segments, of which one may overtake the other. */
static unsigned
talk(struct traffic *t, struct session *x, struct buffer **frames, unsigned n)
{
	const struct script *script = &t->scripts->script[x->script];
	const struct line *line = &script->line[x->line];
	size_t mss = frame_mss(x->ipv6, t->s->timestamps);
	unsigned made = 0;

	while (made < n && made < t->s->segments && x->at < line->octets.len) {
		size_t len = line->octets.len - x->at < mss ? line->octets.len - x->at : mss;
		unsigned push = x->at + len == line->octets.len ? TCP_PSH : 0;
		frames[made] = emit(t, x, line->dir, TCP_ACK | push, line->octets.at + x->at, len);
		if (frames[made] == NULL)
			break;
		x->at += (uint32_t)len;
		made++;
	}
	if (made > 1 && chance_share(&t->seed, t->s->reorder * 2)) {
		struct buffer *late = frames[made - 2];
		frames[made - 2] = frames[made - 1];
		frames[made - 1] = late;
	}
	if (x->at < line->octets.len) {
		x->acks = (uint8_t)((made + 1) / 2);
	} else {
		x->line++;
		x->at = 0;
		if (x->line == script->lines)
			x->phase = PHASE_FIN;
	}
	return made;
}

/* The receiver of the line at hand acknowledges. */
static unsigned
acknowledge(struct traffic *t, struct session *x, struct buffer **frames, unsigned n)
{
	enum direction dir = !t->scripts->script[x->script].line[x->line].dir;
	unsigned made = 0;

	for (; made < n && x->acks > 0; made++, x->acks--)
		if ((frames[made] = emit(t, x, dir, TCP_ACK, NULL, 0)) == NULL)
			break;
	return made;
}

static unsigned
single(struct traffic *t, struct session *x, enum direction dir, unsigned flags, struct buffer **frames)
{
	frames[0] = emit(t, x, dir, flags, NULL, 0);
	if (frames[0] == NULL)
		return 0;
	x->phase++;
	return 1;
}

/* A session goes on by what one of its ends sends now. */
static unsigned
visit(struct traffic *t, struct session *x, struct buffer **frames, unsigned n)
{
	if (x->sleep > 0) {
		x->sleep--;
		return 0;
	}
	if (x->flying > 0) {
		if ((uint16_t)(t->age - x->since) < (t->real ? TRAFFIC_PATIENCE_MS : TRAFFIC_PATIENCE_ROUNDS))
			return 0;
		t->counts.stalled++;
		begin(t, x);
	}
	switch ((enum phase)x->phase) {
	case PHASE_SYN:
		return single(t, x, DIR_CLIENT, TCP_SYN, frames);
	case PHASE_SYN_ACK:
		return single(t, x, DIR_SERVER, TCP_SYN | TCP_ACK, frames);
	case PHASE_ACK:
		return single(t, x, DIR_CLIENT, TCP_ACK, frames);
	case PHASE_TALK:
		return x->acks > 0 ? acknowledge(t, x, frames, n) : talk(t, x, frames, n);
	case PHASE_FIN:
		return single(t, x, DIR_CLIENT, TCP_FIN | TCP_ACK, frames);
	case PHASE_FIN_BACK:
		return single(t, x, DIR_SERVER, TCP_FIN | TCP_ACK, frames);
	case PHASE_LAST:
		break;
	}
	frames[0] = emit(t, x, DIR_CLIENT, TCP_ACK, NULL, 0);
	if (frames[0] == NULL)
		return 0;
	t->counts.sessions++;
	begin(t, x);
	return 1;
}

/* A packet of nobody's session: a SYN of a flood, or no mail. */
static unsigned
stray(struct traffic *t, struct buffer **frames, bool flood)
{
	struct buffer *buffer = buffers_take(t->buffers);
	unsigned dice = (unsigned)chance_below(&t->seed, 12);
	unsigned size = t->s->size != 0 ? t->s->size : dice < 7 ? 64 : dice < 11 ? 594 : 1518;

	if (buffer == NULL)
		return 0;
	frame_write_stray(t->strangers++, flood, size, buffer, !t->s->software);
	frames[0] = buffer;
	return 1;
}

unsigned
traffic_make(struct traffic *t, struct buffer **frames, unsigned n)
{
	/* Where time is real, so many visits in vain take long enough for something to arrive. */
	uint64_t patience = t->real ? 64 : 2ull * t->s->flows;
	unsigned made = 0;

	if (!t->real) {
		t->clock++;
		t->age = (uint16_t)(t->turn / t->s->flows);
	}
	for (uint64_t idle = 0; made < n && idle < patience;) {
		double dice = (double)(chance(&t->seed) >> 11) * 0x1p-53 * 100;
		unsigned got;

		if (dice < t->s->flood + t->s->other)
			got = stray(t, frames + made, dice < t->s->flood);
		else
			got = visit(t, &t->session[t->turn++ * t->stride % t->s->flows], frames + made, n - made);
		idle = got > 0 ? 0 : idle + 1;
		made += got;
		if (got == 0 && t->buffers->spare_count == 0)
			break;
	}
	return made;
}

static void
arrive(struct traffic *t, const struct packet *p)
{
	enum direction dir = p->h.src_port == 25 ? DIR_SERVER : DIR_CLIENT;
	uint16_t life;
	uint32_t id = frame_session(p, dir, &life);

	if (id >= t->s->flows || (uint16_t)(t->session[id].life % FRAME_LIVES) != life)
		return;
	struct session *x = &t->session[id];
	uint32_t end = p->h.seq + p->h.payload_len + ((p->h.tcp_flags & (TCP_SYN | TCP_FIN)) != 0);
	if (p->h.tcp_flags & TCP_RST) {
		t->counts.resets++;
		begin(t, x);
		return;
	}
	if (p->h.tcp_flags & TCP_SYN)
		x->want[dir] = end;
	else
		x->want[dir] = seq_max(x->want[dir], end);
	x->flying -= x->flying > 0;
}

void
traffic_deliver(struct traffic *t)
{
	struct buffers *b = t->buffers;

	for (size_t i = 0; i < b->sent_count; i++) {
		struct packet *p = &b->sent[i]->packet;
		if (headers_decode(p) == DECODE_TCP && (p->h.src_port == 25 || p->h.dst_port == 25))
			arrive(t, p);
		buffers_give(b, b->sent[i]);
	}
	b->sent_count = 0;
}

void
traffic_clock(struct traffic *t, uint64_t now_ms, uint32_t stamp)
{
	t->real = true;
	t->age = (uint16_t)now_ms;
	t->clock = stamp;
}

bool
traffic_arrive(struct traffic *t, struct packet *p, uint32_t *stamp)
{
	if (headers_decode(p) != DECODE_TCP || (p->h.src_port != 25 && p->h.dst_port != 25))
		return false;
	struct tcp_options options = tcp_options_read(p);
	arrive(t, p);
	*stamp = options.ts_value;
	return options.has_ts;
}

unsigned
traffic_settle(struct traffic *t)
{
	unsigned given_up = 0;

	for (unsigned i = 0; i < t->s->flows; i++) {
		if (t->session[i].flying == 0)
			continue;
		begin(t, &t->session[i]);
		t->session[i].sleep = (uint16_t)chance_below(&t->seed, t->visits);
		given_up++;
	}
	if (given_up > t->s->flows / 100)
		t->steady = t->turn + (uint64_t)t->s->flows * t->visits;
	t->counts.stalled += given_up;
	return given_up;
}

const struct traffic_counts *
traffic_counts(const struct traffic *t)
{
	return &t->counts;
}

bool
traffic_steady(const struct traffic *t)
{
	return t->turn >= t->steady;
}
