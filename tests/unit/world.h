/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole dialogues through the whole pipeline: two ends that speak TCP by the
 * book, rules compiled by the real engine, and what each end gets to read.
 */
#ifndef POSTERN_TESTS_WORLD_H
#define POSTERN_TESTS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "build/build.h"
#include "frame.h"
#include "pipeline.h"

/* One end: what it has sent and what it has read, in its own numbers. */
struct end {
	uint32_t nxt;  /* next number it sends */
	uint32_t want; /* next number it expects */
	char read[16384];
	size_t read_len;
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
	uint8_t version;
	uint16_t vlan;
} w;

#define CTR(name) ((unsigned)w.ctr.value[CTR_##name])

static inline void
on_event(void *ctx, const struct event *e)
{
	w.events[w.event_count++ % 64] = *e;
}

static inline struct ruleset *
compile(const char *text)
{
	const struct build_options options = { .operator_name = "example carrier", .generation = 7 };
	char path[] = "/tmp/postern-rules-XXXXXX", err[256];
	struct build_result built;
	int fd = mkstemp(path);

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	assert_true(build_rules(path, &options, stderr, &built));
	unlink(path);
	struct ruleset *rules = ruleset_load(view_of(built.blob, built.blob_len), 1, err, sizeof err);
	assert_non_null(rules);
	build_result_free(&built);
	return rules;
}

/* What left the box reaches its end: in order it is read, else it is only noted. */
static inline void
deliver(void)
{
	struct packet *p;

	while ((p = front_take(&w.front)) != NULL) {
		assert_int_equal(headers_decode(p), DECODE_TCP);
		assert_true(checksum_tcp_ok(p));
		struct end *to = &w.end[p->h.src_port == 25 ? DIR_CLIENT : DIR_SERVER];
		if (p->h.tcp_flags & RST)
			to->reset = true;
		uint32_t old = to->want - p->h.seq; /* octets that it has already */
		if (old <= p->h.payload_len && !(p->h.tcp_flags & RST)) {
			size_t len = p->h.payload_len - old;
			memcpy(to->read + to->read_len, p->data + p->h.payload + old, len);
			to->read_len += len;
			to->want += (uint32_t)len;
			if (p->h.tcp_flags & (SYN | FIN))
				to->want++;
			to->fin |= (p->h.tcp_flags & FIN) != 0;
		}
		front_release(&w.front, p);
	}
}

static inline void
send_at(enum direction dir, uint32_t seq, const void *octets, size_t len, unsigned flags)
{
	const struct end *from = &w.end[dir];
	const struct frame f = {
		.dir = dir,
		.seq = seq,
		.ack = from->want,
		.flags = (uint8_t)flags,
		.window = 60000,
		.version = w.version,
		.vlan = w.vlan,
		.payload = view_of(octets, len),
	};
	struct packet *p = frame_make(&w.front, &f);

	w.now += 1000000;
	p->time_ns = w.now;
	p->dir = 0;
	pipeline_burst(w.pl, w.rules, &p, 1, w.now, w.now);
	deliver();
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

/* The client read one line that begins and ends so (a reference stands between). */
static inline void
client_read_refusal(const char *begin, const char *after)
{
	struct end *e = &w.end[DIR_CLIENT];

	e->read[e->read_len] = '\0';
	if (strncmp(e->read, begin, strlen(begin)) != 0)
		fail_msg("read \"%s\", expected it to begin with \"%s\"", e->read, begin);
	const char *line_end = strstr(e->read, "\r\n");
	assert_non_null(line_end);
	assert_string_equal(line_end + 2, after);
	e->read_len = 0;
}

static inline void
handshake(void)
{
	w.end[DIR_CLIENT].nxt = 0xfffffff0u; /* wraps early on */
	w.end[DIR_SERVER].nxt = 0xffffff80u;
	w.end[DIR_CLIENT].want = w.end[DIR_SERVER].nxt;
	w.end[DIR_SERVER].want = w.end[DIR_CLIENT].nxt;
	send_at(DIR_CLIENT, w.end[DIR_CLIENT].nxt++, NULL, 0, SYN);
	send_at(DIR_SERVER, w.end[DIR_SERVER].nxt++, NULL, 0, SYN | ACK);
	send_at(DIR_CLIENT, w.end[DIR_CLIENT].nxt, NULL, 0, ACK);
}

static inline void
greet(const char *capabilities)
{
	handshake();
	server("220 mx ESMTP\r\n");
	client("EHLO c\r\n");
	server(capabilities);
	w.end[DIR_CLIENT].read_len = w.end[DIR_SERVER].read_len = 0;
}

/* A pipeline that judges by `rules`. */
static inline int
world_open(const char *rules)
{
	struct pipeline_config c;

	memset(&w, 0, sizeof w);
	front_init(&w.front);
	w.now = 1000000000;
	pipeline_config_default(&c);
	c.flows.flows = 64;
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
