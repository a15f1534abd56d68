/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole dialogues through the whole pipeline: two ends that speak TCP by the
 * book, rules compiled by the real engine, and what each end gets to read.
 */
#ifndef POSTERN_TESTS_WORLD_H
#define POSTERN_TESTS_WORLD_H

#include "frame.h"
#include "pipeline.h"
#include "small.h"

/* One end: what it has sent and what it has read, in its own numbers. */
struct end {
	uint32_t nxt;  /* next number it sends */
	uint32_t want; /* next number it expects */
	char read[32768];
	size_t read_len;
	uint16_t window;     /* that it offers */
	uint16_t told;       /* the last window that it was told */
	uint32_t seq, acked; /* numbers of the last segment that reached it */
	uint8_t options[40]; /* TCP options of the last segment that reached it */
	size_t options_len;
	unsigned segments; /* that reached it */
	unsigned largest;  /* octets of payload in one of them */
	bool reset;
	bool fin;
};

static struct world {
	struct front front;
	struct counters ctr;
	struct pipeline *pl;
	struct ruleset *rules;
	struct end end[2]; /* by enum direction of what they send */
	struct event events[64];
	unsigned event_count;
	uint64_t now;
	struct frame like;    /* version, tags, options and padding of all frames */
	struct packet *piece; /* fragments that have left and are not a whole yet; owned */
	uint32_t piece_have;  /* octets of it */
	uint32_t label[2];    /* outer MPLS label by direction, where `like` has labels; 0: that of frame.h */
	uint32_t came[2];     /* the same of the last frame that left */
	uint32_t isn;         /* added to the first numbers of a session */
} w;

#define CTR(name) ((unsigned)w.ctr.value[CTR_##name])

static inline void
on_event(void *ctx, const struct event *e)
{
	w.events[w.event_count++ % 64] = *e;
}

/* A fragment that left joins the others of its datagram, one datagram at a time; the whole once it is complete. */
static inline struct packet *
join(struct packet *p)
{
	bool v4 = p->h.ip_version == 4;
	uint8_t *ip = p->data + p->h.l3;
	unsigned field = load_be16(ip + (v4 ? 6 : 42)), at = v4 ? (field & 0x1fff) * 8 : field & 0xfff8;
	uint32_t head = (uint32_t)(ip - p->data) + (v4 ? (ip[0] & 15u) * 4 : 40);
	struct packet *whole = w.piece;

	if (whole == NULL) {
		whole = w.piece = front_alloc(&w.front, FRAME_ROOM);
		memcpy(whole->data, p->data, head);
		whole->side = p->side;
		w.piece_have = 0;
	}
	assert_true(head + at + p->h.payload_len <= FRAME_ROOM);
	memcpy(whole->data + head + at, p->data + p->h.payload, p->h.payload_len);
	w.piece_have += p->h.payload_len;
	if (!(field & (v4 ? 0x2000 : 1)))
		whole->len = head + at + p->h.payload_len;
	ip = whole->data + p->h.l3;
	front_release(&w.front, p);
	if (whole->len == 0 || w.piece_have < whole->len - head)
		return NULL;
	if (v4) {
		store_be16(ip + 2, (uint16_t)(whole->data + whole->len - ip));
		store_be16(ip + 6, 0);
		checksum_ipv4_header(ip);
	} else {
		store_be16(ip + 4, (uint16_t)(whole->data + whole->len - ip - 40));
		ip[6] = 6;
	}
	w.piece = NULL;
	return whole;
}

/* In order it is read, else it is only noted. */
static inline void
hear(struct end *to, const struct packet *p)
{
	const uint8_t *tcp = p->data + p->h.l4;

	to->segments++;
	to->told = p->h.window;
	to->seq = p->h.seq;
	to->acked = p->h.ack;
	to->options_len = (size_t)(p->h.payload - p->h.l4 - 20);
	memcpy(to->options, tcp + 20, to->options_len);
	if (p->h.payload_len > to->largest)
		to->largest = p->h.payload_len;
	if (p->h.tcp_flags & RST)
		to->reset = true;
	uint32_t old = to->want - p->h.seq; /* octets that it has already */
	if (old > p->h.payload_len || (p->h.tcp_flags & RST))
		return;
	size_t len = p->h.payload_len - old;
	assert_true(to->read_len + len < sizeof to->read);
	memcpy(to->read + to->read_len, p->data + p->h.payload + old, len);
	to->read_len += len;
	to->want += (uint32_t)len;
	if (p->h.tcp_flags & (SYN | FIN))
		to->want++;
	to->fin |= (p->h.tcp_flags & FIN) != 0;
}

/* What left the box reaches its end. */
static inline void
deliver(void)
{
	struct packet *p;

	while ((p = front_take(&w.front)) != NULL) {
		if (headers_decode(p) == DECODE_FRAGMENT && (p = join(p)) == NULL)
			continue;
		assert_int_equal(headers_decode(p), DECODE_TCP);
		assert_true(checksum_tcp_ok(p));
		w.came[p->h.src_port == 25] = load_be16(p->data + 12) == 0x8847 ? load_be32(p->data + 14) >> 12 : 0;
		hear(&w.end[p->h.src_port == 25 ? DIR_CLIENT : DIR_SERVER], p);
		front_release(&w.front, p);
	}
}

/* A segment of `dir` as it leaves its end, made like all others. */
static inline struct packet *
make_segment(enum direction dir, uint32_t seq, const void *octets, size_t len, unsigned flags)
{
	const struct end *from = &w.end[dir];
	struct frame f = w.like;

	f.dir = dir;
	f.seq = seq;
	f.ack = flags & ACK ? from->want : 0;
	f.flags = (uint8_t)flags;
	f.window = from->window;
	f.payload = view_of(octets, len);
	struct packet *p = frame_make(&w.front, &f);
	if (w.label[dir] != 0)
		store_be32(p->data + 14, w.label[dir] << 12 | 64);
	return p;
}

/* Frames arrive at the box in one burst. */
static inline void
arrive(struct packet **p, unsigned n)
{
	w.now += 1000000;
	for (unsigned i = 0; i < n; i++) {
		p[i]->time_ns = w.now;
		p[i]->dir = 0;
	}
	pipeline_burst(w.pl, w.rules, p, n, w.now, w.now);
	deliver();
}

static inline void
send_at(enum direction dir, uint32_t seq, const void *octets, size_t len, unsigned flags)
{
	struct packet *p = make_segment(dir, seq, octets, len, flags);

	arrive(&p, 1);
}

/* The end sends text as one segment; the other end acknowledges. */
static inline void
say(enum direction dir, const char *text)
{
	struct end *from = &w.end[dir];
	uint32_t seq = from->nxt;

	from->nxt += (uint32_t)strlen(text);
	send_at(dir, seq, text, strlen(text), ACK | PSH);
	send_at(!dir, w.end[!dir].nxt, NULL, 0, ACK);
}

#define client(text) say(DIR_CLIENT, text)
#define server(text) say(DIR_SERVER, text)

/* Octets that stand behind `lost`, which does not come. */
static inline void
say_behind(enum direction dir, const char *lost, const char *octets)
{
	send_at(dir, w.end[dir].nxt + (uint32_t)strlen(lost), octets, strlen(octets), ACK);
}

static inline void
expect_read(enum direction dir, const char *text)
{
	struct end *e = &w.end[dir];

	e->read[e->read_len] = '\0';
	assert_string_equal(e->read, text);
	e->read_len = 0;
}

#define server_read(text) expect_read(DIR_SERVER, text)
#define client_read(text) expect_read(DIR_CLIENT, text)

/* What the client read begins so; it stays to be read further. */
static inline void
client_read_begins(const char *begin)
{
	struct end *e = &w.end[DIR_CLIENT];

	e->read[e->read_len] = '\0';
	if (strncmp(e->read, begin, strlen(begin)) != 0)
		fail_msg("read \"%s\", expected it to begin with \"%s\"", e->read, begin);
}

/* The client read one line that begins and ends so (a reference stands between). */
static inline void
client_read_refusal(const char *begin, const char *after)
{
	struct end *e = &w.end[DIR_CLIENT];

	client_read_begins(begin);
	const char *line_end = strstr(e->read, "\r\n");
	assert_non_null(line_end);
	assert_string_equal(line_end + 2, after);
	e->read_len = 0;
}

static inline void
handshake(void)
{
	w.end[DIR_CLIENT].nxt = w.isn + 0xfffffff0u; /* wraps early on */
	w.end[DIR_SERVER].nxt = w.isn + 0xffffff80u;
	w.end[DIR_CLIENT].want = w.end[DIR_SERVER].nxt;
	w.end[DIR_SERVER].want = w.end[DIR_CLIENT].nxt;
	send_at(DIR_CLIENT, w.end[DIR_CLIENT].nxt++, NULL, 0, SYN);
	send_at(DIR_SERVER, w.end[DIR_SERVER].nxt++, NULL, 0, SYN | ACK);
	send_at(DIR_CLIENT, w.end[DIR_CLIENT].nxt, NULL, 0, ACK);
}

/* What the ends have read so far is not looked at. */
static inline void
forget_read(void)
{
	w.end[DIR_CLIENT].read_len = w.end[DIR_SERVER].read_len = 0;
}

static inline void
greet(const char *capabilities)
{
	handshake();
	server("220 mx ESMTP\r\n");
	client("EHLO c\r\n");
	server(capabilities);
	forget_read();
}

/* A pipeline that judges by `rules`. */
static inline int
world_open(const char *rules)
{
	const struct pipeline_config c = small_config();

	memset(&w, 0, sizeof w);
	front_at_work = 0;
	w.end[DIR_CLIENT].window = w.end[DIR_SERVER].window = 60000;
	front_init(&w.front);
	w.now = 1000000000;
	w.rules = compile(rules);
	w.pl = pipeline_new(&c, &w.front.ops, &w.ctr, on_event, NULL);
	assert_non_null(w.pl);
	return 0;
}

static inline int
world_close(void)
{
	pipeline_drain(w.pl, w.rules, w.now, w.now);
	deliver();
	pipeline_free(w.pl);
	ruleset_free(w.rules);
	assert_int_equal(w.front.alive, 0);
	assert_int_equal(CTR(changed_unjudged), 0);
	return 0;
}

#endif
