/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Redirected sessions through the whole pipeline: a client, a server and a
 * quarantine that speak TCP over a wire that may lose and repeat frames, each
 * with a clock and a window scale of its own. At the end: who has which mail,
 * and what the client was told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "frame.h"
#include "headers/fragment.h"
#include "pipeline.h"
#include "small.h"
#include "splice/caps.h"
#include "splice/end.h"
#include "splice/owners.h"
#include "splice/present.h"
#include "splice/route.h"
#include "tcp/options.h"

#define STEP_NS 5000000ULL

enum { CLIENT, SERVER, FAR, HOSTS };

static const uint8_t address[HOSTS][4] = { { 192, 0, 2, 1 }, { 192, 0, 2, 2 }, { 198, 51, 100, 9 } };

/* How a mail server behaves. */
struct manner {
	const char *hello; /* the EHLO reply; NULL: with everything */
	const char *mail;  /* the replies; NULL: 250 */
	const char *rcpt;
	const char *data;
	bool silent;           /* takes octets, and never says a word */
	bool one_at_a_time;    /* octets behind a command are a fault of its client */
	bool deaf;             /* does not answer a SYN */
	bool stays_open;       /* does not close when the other end does */
	const char *closes_at; /* sends FIN instead of an answer to the line that begins so */
	const char *last_at;   /* sends FIN in the segment of the answer to the line that begins so */
	const char *dies_at;   /* sends RST instead of an answer to the line that begins so */
	const char *silent_at; /* from the line that begins so on */
};

struct host {
	struct end end;
	struct route route; /* to its peer */
	struct route_syn syn;
	struct manner manner;
	uint32_t clock;  /* TSval at time 0 */
	char line[4096]; /* client: replies; servers: the line being read */
	size_t line_len;
	bool body, connected, reset, gone, last;
	char mail[8192]; /* accepted: envelopes and bodies */
	char draft[8192];
	char said[8192]; /* all octets that came in */
	size_t said_len;
	unsigned next; /* client: step of its script */
	unsigned owed; /* replies it waits for */
	struct early {
		struct end_segment segment;
		uint8_t octets[1500];
	} early[16]; /* segments behind a gap */
	unsigned early_count;
};

/* In front of the IP packets of the session. */
struct wrap {
	uint8_t octets[26];
	uint8_t len;
	uint16_t vlan, pppoe;
};

static const struct wrap plain = { { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0 }, 14, 0, 0 };
static const struct wrap tagged = { { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 100, 8, 0 }, 18, 100, 0 };
static const struct wrap dialled = {
	{ 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0x64, 0x11, 0, 0, 7, 0, 0, 0, 0x21 }, 22, 0, 14
};
static const struct wrap labelled = { { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0x47, 0, 1, 1, 64 }, 18, 0, 0 };

/* Behind the quarantine's own port: its address and ours. */
static const uint8_t behind_port[2][12] = { { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8 },
					    { 2, 0, 0, 0, 0, 10, 2, 0, 0, 0, 0, 8 } };

static struct world {
	struct front front;
	struct counters ctr;
	struct pipeline *pl;
	struct pipeline *other; /* of a second worker; NULL: there is none */
	struct owners *owners;
	bool keeps_flows;        /* the flow table forgets closed ones after an hour */
	struct fragments *joins; /* the hosts' own */
	bool cut;                /* the client's segments come in fragments */
	bool apart;              /* the quarantine has a port of its own, the first one of pair 1 */
	unsigned moved;          /* which of its addresses it has there */
	const struct wrap *wrap; /* NULL: plain */
	unsigned edited, gone;   /* keys that whoever steers was told of */
	struct flow_key edited_key[4], gone_key[4];
	struct ruleset *rules;
	struct host host[HOSTS];
	const char *const *script;
	struct packet *wire[1024]; /* frames on their way to the box */
	unsigned wire_count;
	struct event events[64];
	unsigned event_count;
	uint64_t now;
	unsigned loss;             /* per cent */
	unsigned frames;           /* that have been on a wire, before and behind the box */
	unsigned picked[2];        /* numbers of two that are lost, or late; 0: none */
	bool late;                 /* they come behind the next one, or after a while */
	struct packet *kept;       /* such a frame behind the box */
	uint32_t gap;              /* number of the client's octet that does not reach the box */
	uint64_t gap_until;        /* by then it does */
	uint16_t mss;              /* of the client; 0: 1448 */
	unsigned cut_after;        /* frames until the wires are cut for good; 0: they never are */
	unsigned delivered[HOSTS]; /* frames that left the box for each */
	uint16_t port;             /* of the client */
	uint32_t seed;
} w;

#define CTR(name) ((unsigned)w.ctr.value[CTR_##name])

static unsigned
chance(unsigned of)
{
	w.seed = w.seed * 1664525u + 1013904223u;
	return (w.seed >> 16) % of;
}

enum fate { ARRIVES, IS_LATE, IS_LOST };

/* Of the next frame on a wire. */
static enum fate
next_fate(void)
{
	unsigned number = ++w.frames;

	if (w.cut_after != 0 && number > w.cut_after)
		return IS_LOST;

	if (number == w.picked[0] || number == w.picked[1])
		return w.late ? IS_LATE : IS_LOST;
	return chance(100) < w.loss ? IS_LOST : ARRIVES;
}

static void
on_event(void *ctx, const struct event *e)
{
	w.events[w.event_count++ % 64] = *e;
}

static void
host_send(void *ctx, const struct end *e, const struct end_segment *s)
{
	struct host *h = ctx;
	bool syn = s->flags & TCP_SYN;
	struct packet *p = route_frame(&h->route, &w.front.ops, s, e->ts_echo, 4000, syn ? &h->syn : NULL);

	assert_non_null(p);
	assert_true(w.wire_count < 1024);
	p->flags = 0;
	w.wire[w.wire_count++] = p;
}

static struct end_wire
wire_of(struct host *h)
{
	return (struct end_wire){ .send = host_send, .ctx = h };
}

static void
host_say(struct host *h, const char *text, bool fin)
{
	const struct end_wire wire = wire_of(h);

	end_say(&h->end, &wire, view_of(text, strlen(text)), fin || h->last, w.now);
}

static bool
begins(const char *line, const char *with)
{
	return with != NULL && strncmp(line, with, strlen(with)) == 0;
}

static void
append(char *to, size_t size, const char *text)
{
	size_t had = strlen(to);

	snprintf(to + had, size - had, "%s", text);
}

static void
server_line(struct host *h, const char *line)
{
	const struct manner *m = &h->manner;
	const struct end_wire wire = wire_of(h);

	if (begins(line, m->dies_at)) {
		end_abort(&h->end, &wire);
		h->gone = true;
		return;
	}
	if (begins(line, m->closes_at)) {
		host_say(h, "", true);
		h->manner.silent = true;
		return;
	}
	h->last = begins(line, m->last_at);
	if (begins(line, m->silent_at))
		h->manner.silent = true;
	if (m->silent)
		return;
	if (h->body) {
		append(h->draft, sizeof h->draft, line);
		if (strcmp(line, ".\r\n") != 0)
			return;
		h->body = false;
		append(h->mail, sizeof h->mail, h->draft);
		h->draft[0] = '\0';
		host_say(h, "250 2.0.0 Ok: queued as 4XyZ\r\n", false);
	} else if (begins(line, "XCLIENT")) {
		host_say(h, "220 mx ESMTP once more\r\n", false);
	} else if (begins(line, "EHLO")) {
		host_say(h,
			 m->hello != NULL ? m->hello
					  : "250-mx\r\n250-PIPELINING\r\n250-SIZE 100\r\n250-DSN\r\n250 CHUNKING\r\n",
			 false);
	} else if (begins(line, "MAIL")) {
		if (m->mail == NULL)
			strcpy(h->draft, line);
		host_say(h, m->mail != NULL ? m->mail : "250 2.1.0 Ok\r\n", false);
	} else if (begins(line, "RCPT") && strstr(line, "@@") != NULL) { /* spoilt */
		host_say(h, "501 5.1.3 Bad recipient address syntax\r\n", false);
	} else if (begins(line, "RCPT")) {
		if (m->rcpt == NULL)
			append(h->draft, sizeof h->draft, line);
		host_say(h, m->rcpt != NULL ? m->rcpt : "250 2.1.5 Ok\r\n", false);
	} else if (begins(line, "DATA")) {
		h->body = strstr(h->draft, "RCPT") != NULL;
		host_say(h,
			 !h->body          ? "554 5.5.1 no valid recipients\r\n"
			 : m->data != NULL ? m->data
					   : "354 go\r\n",
			 false);
	} else if (begins(line, "QUIT")) {
		host_say(h, "221 bye\r\n", true);
	} else {
		if (begins(line, "RSET"))
			h->draft[0] = '\0';
		host_say(h, "250 2.0.0 Ok\r\n", false);
	}
}

static void
client_line(struct host *h, const char *line)
{
	if (line[3] != '-' && h->owed > 0)
		h->owed--;
}

static void
host_octets(struct host *h, struct view v)
{
	assert_true(h->said_len + v.len < sizeof h->said);
	memcpy(h->said + h->said_len, v.at, v.len);
	h->said_len += v.len;
	for (size_t i = 0; i < v.len && !h->gone; i++) {
		h->line[h->line_len++] = (char)v.at[i];
		if (v.at[i] != '\n')
			continue;
		h->line[h->line_len] = '\0';
		h->line_len = 0;
		bool text = h->body && strcmp(h->line, ".\r\n") != 0;
		assert_true(!h->manner.one_at_a_time || text || i + 1 == v.len);
		h == &w.host[CLIENT] ? client_line(h, h->line) : server_line(h, h->line);
	}
}

static void
accept_connection(struct host *h, const struct packet *p)
{
	const struct tcp_options o = tcp_options_read(p);
	const struct end_wire wire = wire_of(h);
	struct end_segment s = { .flags = TCP_SYN | TCP_ACK, .seq = 77 * (uint32_t)(h - w.host), .ack = p->h.seq + 1 };

	if (h->manner.deaf || h->gone)
		return;
	s.has_ts = o.has_ts;
	s.ts_value = h->end.ts_value;
	if (h->connected) { /* our SYN-ACK was lost */
		wire.send(wire.ctx, &h->end, &s);
		return;
	}
	assert_true(route_of(&h->route, p));
	route_turn(&h->route);
	end_adopt(&h->end, s.seq + 1, s.ack);
	h->end.has_ts = o.has_ts;
	h->end.mss = 1448;
	h->end.ts_echo = o.ts_value;
	h->connected = true;
	wire.send(wire.ctx, &h->end, &s);
	if (!h->manner.silent)
		host_say(h, "220 mx ESMTP\r\n", false);
}

static bool
is_bad_wire(void)
{
	return w.loss > 0 || w.picked[0] > 0 || w.gap_until > 0;
}

/* Takes what has come, and what had come before it and is in order now, as a whole. Returns what end_input() does. */
static unsigned
take_in_order(struct host *h, const struct end_segment *s, uint8_t *room, size_t *len)
{
	const struct end_wire wire = wire_of(h);
	struct end_segment next = *s;
	struct view data;
	unsigned got = 0;

	if (s->payload.len > 0 && seq_lt(h->end.rcv, s->seq)) {
		struct early *e = &h->early[h->early_count++ % 16];
		assert_true(s->payload.len <= sizeof e->octets);
		memcpy(e->octets, s->payload.at, s->payload.len);
		e->segment = *s;
		e->segment.payload.at = e->octets;
	}
	for (bool more = true; more;) {
		data = (struct view){ 0 };
		got |= end_input(&h->end, &wire, &next, &data, w.now);
		if (data.len > 0)
			memcpy(room + *len, data.at, data.len);
		*len += data.len;
		more = false;
		for (unsigned i = 0; i < 16 && !more; i++) {
			struct end_segment *early = &h->early[i].segment;
			more = early->payload.len > 0 && seq_leq(early->seq, h->end.rcv);
			if (!more)
				continue;
			next = *early;
			early->payload.len = 0;
		}
	}
	return got;
}

static void
host_take(struct host *h, const struct packet *p)
{
	const struct tcp_options o = tcp_options_read(p);
	const struct end_segment s = { .seq = p->h.seq,
				       .ack = p->h.ack,
				       .flags = (uint8_t)p->h.tcp_flags,
				       .has_ts = o.has_ts,
				       .ts_value = o.ts_value,
				       .payload = view_of(p->data + p->h.payload, p->h.payload_len) };
	uint8_t room[16384];
	size_t len = 0;

	if (h != &w.host[CLIENT] && (p->h.tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
		accept_connection(h, p);
		return;
	}
	/* PAWS (RFC 7323 section 5.3): what comes behind its time is dropped, as a held packet behind a filled gap is.
	 */
	if (h->end.state == END_OPEN && h->end.has_ts && !(p->h.tcp_flags & TCP_RST)) {
		assert_true(o.has_ts);
		bool reordered = w.late || (is_bad_wire() && h != &w.host[FAR]);
		assert_true(w.loss > 0 || reordered || seq_leq(h->end.ts_echo, o.ts_value));
		if (seq_lt(o.ts_value, h->end.ts_echo))
			return;
	}
	unsigned got = take_in_order(h, &s, room, &len);
	h->reset |= (got & END_RESET) != 0;
	if (len > 0)
		host_octets(h, view_of(room, len));
	if ((got & END_FIN) && !h->end.fin_said && !h->manner.stays_open)
		host_say(h, "", true);
}

/* What reaches a quarantine by its own port is addressed to it there; what reaches the client looks as ever. */
static void
check_way(const struct packet *p, unsigned to)
{
	static const uint8_t ethertype[2] = { 8, 0 };
	const struct wrap *wrap = w.wrap != NULL ? w.wrap : &plain;

	assert_int_equal(p->pair, to == FAR);
	assert_int_equal(p->h.l3, to == FAR ? 14 : wrap->len);
	if (to == FAR) {
		assert_memory_equal(p->data, behind_port[w.moved], 12);
		assert_memory_equal(p->data + 12, ethertype, 2);
		return;
	}
	assert_memory_equal(p->data, wrap->octets + (to == CLIENT ? 6 : 0), 6);
	assert_memory_equal(p->data + 6, wrap->octets + (to == CLIENT ? 0 : 6), 6);
	assert_memory_equal(p->data + 12, wrap->octets + 12, 2);
	assert_int_equal(p->h.vlan_outer, wrap->vlan);
	if (wrap->pppoe != 0)
		assert_int_equal(load_be16(p->data + wrap->pppoe + 4), p->len - wrap->len + 2);
}

/* Takes p, which reaches the host it is addressed to. */
static void
arrive(struct packet *p)
{
	const uint8_t *to = p->data + p->h.l3 + 16;
	bool of_session = p->h.src_port == w.port || p->h.dst_port == w.port; /* else the hosts have forgotten it */

	/* The last ack of a quarantine that was left before the hand-over: the client knows no such connection. */
	if (memcmp(p->data + p->h.l3 + 12, address[FAR], 4) == 0 && memcmp(to, address[CLIENT], 4) == 0)
		of_session = p->h.payload_len > 0;
	for (unsigned i = 0; i < HOSTS; i++)
		if (memcmp(to, address[i], 4) == 0 && of_session) {
			w.delivered[i]++;
			if (w.apart)
				check_way(p, i);
			p->side = i == CLIENT ? SIDE_OUTSIDE : SIDE_INSIDE;
			host_take(&w.host[i], p);
		}
	fragments_release(w.joins, p);
}

static void
arrive_late(void)
{
	struct packet *p = w.kept;

	w.kept = NULL;
	if (p != NULL)
		arrive(p);
}

/* What left the box. */
static void
deliver(void)
{
	struct packet *p;

	while ((p = front_take(&w.front)) != NULL) {
		if (headers_decode(p) == DECODE_FRAGMENT && (p = fragments_put(w.joins, p, w.now)) == NULL)
			continue;
		assert_int_equal(headers_decode(p), DECODE_TCP);
		assert_true(checksum_tcp_ok(p));
		enum fate fate = next_fate();
		if (fate == IS_LATE && w.kept == NULL) {
			w.kept = p;
			continue;
		}
		if (fate == IS_LOST)
			fragments_release(w.joins, p);
		else
			arrive(p);
		arrive_late();
	}
}

/* p as two fragments, linked. */
static struct packet *
cut_in_two(struct packet *p)
{
	struct packet *rest = front_alloc(&w.front, FRAME_ROOM);
	uint32_t first = p->h.l4 + 24 + (uint32_t)(p->h.payload - p->h.l4 - 20) / 8 * 8, left = p->len - first;

	memcpy(rest->data, p->data, p->h.l4);
	memcpy(rest->data + p->h.l4, p->data + first, left);
	rest->len = p->h.l4 + left;
	rest->side = p->side;
	rest->time_ns = p->time_ns;
	p->len = first;
	for (unsigned i = 0; i < 2; i++) {
		struct packet *q = i == 0 ? p : rest;
		uint8_t *ip = q->data + p->h.l3;
		store_be16(ip + 2, (uint16_t)(q->len - p->h.l3));
		store_be16(ip + 4, (uint16_t)(w.now / STEP_NS));
		store_be16(ip + 6, (uint16_t)(i == 0 ? 0x2000 : (first - p->h.l4) / 8));
		checksum_ipv4_header(ip);
	}
	p->next = rest;
	return p;
}

/* Where there are two workers, the quarantine's segments come to the one that does not have the session. */
static struct pipeline *
worker_of(const struct packet *p)
{
	return w.other != NULL && memcmp(p->data + p->h.l3 + 12, address[FAR], 4) == 0 ? w.other : w.pl;
}

static void
carry(void)
{
	for (unsigned rounds = 0; w.wire_count > 0 && rounds < 200; rounds++) {
		struct packet *frames[1024];
		unsigned n = w.wire_count;

		memcpy(frames, w.wire, n * sizeof frames[0]);
		w.wire_count = 0;
		for (unsigned i = 0; i < n; i++) {
			struct packet *p = frames[i];
			bool from_client = p->h.src_port != 25;
			enum fate fate = next_fate();
			if (from_client && p->h.payload_len > 0 && p->h.seq == w.gap && w.now < w.gap_until)
				fate = IS_LOST;
			if (fate == IS_LATE) {
				w.wire[w.wire_count++] = p;
				continue;
			}
			if (fate == IS_LOST) {
				front_release(&w.front, p);
				continue;
			}
			p->side = from_client || p->pair == 1 ? SIDE_INSIDE : SIDE_OUTSIDE;
			p->time_ns = w.now;
			if (w.cut && from_client && p->h.payload_len > 16)
				p = cut_in_two(p);
			for (struct packet *next; p != NULL; p = next) {
				next = p->next;
				p->next = NULL;
				pipeline_burst(worker_of(p), w.rules, &p, 1, w.now, w.now);
				deliver();
			}
		}
	}
}

static void
client_goes_on(struct host *h)
{
	while (h->end.state == END_OPEN && h->owed == 0 && w.script[h->next] != NULL && !h->end.fin_read) {
		const char *text = w.script[h->next];
		if (h->end.text_len > 0)
			return;
		h->next++;
		/* A body is answered once; of a group each line. */
		const char *at = strstr(text, "\r\n.\r\n");
		for (at = at != NULL ? at + 3 : text; (at = strchr(at, '\n')) != NULL; at++)
			h->owed++;
		host_say(h, text, false);
	}
}

static void
run_ms(unsigned ms)
{
	for (uint64_t end = w.now + ms * 1000000ULL; w.now < end; w.now += STEP_NS) {
		for (unsigned i = 0; i < HOSTS; i++) {
			const struct end_wire wire = wire_of(&w.host[i]);
			w.host[i].end.ts_value = w.host[i].clock + (uint32_t)(w.now / 1000000);
			end_tick(&w.host[i].end, &wire, w.now);
		}
		if (w.now % 50000000 < STEP_NS)
			arrive_late();
		client_goes_on(&w.host[CLIENT]);
		carry();
		pipeline_tick(w.pl, w.rules, w.now, w.now);
		if (w.other != NULL)
			pipeline_tick(w.other, w.rules, w.now, w.now);
		deliver();
		carry();
	}
}

static void
run(unsigned seconds)
{
	run_ms(seconds * 1000);
}

static void
on_edited(void *ctx, const struct flow_key *key)
{
	w.edited_key[w.edited++ % 4] = *key;
}

static void
on_gone(void *ctx, const struct flow_key *key)
{
	w.gone_key[w.gone++ % 4] = *key;
}

static void
on_unread(void *ctx, const struct flow *f)
{
}

static const struct flow_watch watch = { .edited = on_edited, .unread = on_unread, .gone = on_gone };

/* From one worker to the other, who is the first. */
static void
hand(void *front, struct packet *p, unsigned worker)
{
	assert_int_equal(worker, 0);
	p->flags |= PACKET_HANDED;
	pipeline_burst(w.pl, w.rules, &p, 1, w.now, w.now);
}

static struct quarantine_table
the_table(void)
{
	struct quarantine_table table = {
		.generation = 1,
		.count = 1,
		.fallback = ACTION_REJECT,
		.sessions = 8,
		.setup_ms = 5000,
		.answer_ms = 20000,
		.session_s = 600,
		.entry = { { .name = "attic", .port = 25, .ip_version = 4, .healthy = true, .caps = 0xffff } }
	};

	memcpy(table.entry[0].addr, address[FAR], 4);
	table.entry[0].apart = w.apart;
	table.entry[0].pair = w.apart;
	memcpy(table.entry[0].link, behind_port[w.moved], sizeof table.entry[0].link);
	return table;
}

static struct pipeline *
begin_pipeline(unsigned worker)
{
	const struct quarantine_table table = the_table();
	struct pipeline_config c = small_config();

	c.flows.flows = c.edits = 256; /* a test leaves up to 80 sessions behind that the table keeps */
	if (w.keeps_flows)
		c.flows.closing_ns = 3600 * 1000000000ULL;
	c.splices = 8;
	c.worker = worker;
	c.owners = w.owners;
	c.hand = hand;
	c.watch = &watch;
	if (w.apart)
		c.apart = 1;
	struct pipeline *pl = pipeline_new(&c, &w.front.ops, &w.ctr, on_event, NULL);
	assert_non_null(pl);
	pipeline_quarantines(pl, &table);
	return pl;
}

static int
open_world(void **state)
{
	memset(&w, 0, sizeof w);
	front_init(&w.front);
	w.now = 1000000000;
	w.seed = 1;
	w.rules = compile("rule r1 redirect rcpt domain army.ml means=army.mil\n"
			  "rule r2 reject rcpt domain navy.ml means=navy.mil\n");
	const struct fragment_limits limits = { .datagrams = 8, .packets = 64, .timeout_ns = 1000000000 };
	w.joins = fragments_new(&limits, &w.front.ops, &w.ctr);
	w.pl = begin_pipeline(0);
	w.port = 40000;
	for (unsigned i = 0; i < HOSTS; i++) {
		w.host[i].syn = (struct route_syn){
			.mss = 1460, .wscale = (uint8_t)(7 - i), .has_wscale = true, .has_sack = true
		};
		w.host[i].clock = 0x40000000u * (i + 1) + 0x3fffff00u; /* one of them wraps soon */
		w.host[i].end.ts_value = w.host[i].clock + 1000;
	}
	return 0;
}

static int
close_world(void **state)
{
	pipeline_drain(w.pl, w.rules, w.now, w.now);
	deliver();
	arrive_late();
	for (unsigned i = 0; i < w.wire_count; i++)
		front_release(&w.front, w.wire[i]);
	pipeline_free(w.pl);
	if (w.other != NULL)
		pipeline_free(w.other);
	owners_free(w.owners);
	fragments_free(w.joins);
	ruleset_free(w.rules);
	assert_int_equal(w.front.alive, 0);
	assert_int_equal(CTR(changed_unjudged), 0);
	return 0;
}

/* The client connects to the server and says the steps of `script`, each when the one before is answered. */
static void
session(const char *const *script, unsigned seconds)
{
	struct host *c = &w.host[CLIENT];
	const struct end_wire wire = wire_of(c);
	const struct wrap *wrap = w.wrap != NULL ? w.wrap : &plain;

	w.script = script;
	c->route = (struct route){ .link_len = wrap->len,
				   .vlan_outer = wrap->vlan,
				   .pppoe = wrap->pppoe,
				   .from_port = w.port,
				   .to_port = 25,
				   .ip_version = 4,
				   .side = SIDE_OUTSIDE };
	memcpy(c->route.link, wrap->octets, wrap->len);
	memcpy(c->route.from, address[CLIENT], 4);
	memcpy(c->route.to, address[SERVER], 4);
	c->end.has_ts = true;
	c->end.mss = w.mss > 0 ? w.mss : 1448;
	c->owed = 1; /* the greeting */
	end_connect(&c->end, &wire, 0xfffffff0u, w.now);
	run(seconds);
}

static void
expect_said(unsigned host, const char *text)
{
	struct host *h = &w.host[host];

	h->said[h->said_len] = '\0';
	assert_string_equal(h->said, text);
}

#define BODY "Subject: plans\r\n\r\nRCPT TO:<x@army.ml>\r\nbody\r\n.\r\n"

static const char *const one_mail[] = { "EHLO c.example\r\n",
					"MAIL FROM:<a@c.example> SIZE=50\r\n",
					"RCPT TO:<x@army.ml>\r\n",
					"DATA\r\n",
					BODY,
					"QUIT\r\n",
					NULL };
static const char *const one_group[] = { "EHLO c.example\r\n",
					 "MAIL FROM:<a@c.example> SIZE=50\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", BODY,
					 "QUIT\r\n", NULL };

#define AT_FAR "MAIL FROM:<a@c.example> SIZE=50\r\nRCPT TO:<x@army.ml>\r\n" BODY

static void
expect_mail_at_far_only(void)
{
	assert_string_equal(w.host[FAR].mail, AT_FAR);
	assert_string_equal(w.host[SERVER].mail, "");
	assert_true(end_done(&w.host[CLIENT].end));
	assert_true(end_done(&w.host[SERVER].end));
	assert_false(w.host[CLIENT].reset);
	assert_int_equal(CTR(verdict_redirect), 1);
	assert_int_equal(CTR(redirect_queued), 1);
}

static void
a_flagged_mail_goes_to_the_quarantine_and_the_server_is_left_in_order(void **state)
{
	session(one_mail, 10);
	expect_said(CLIENT, "220 mx ESMTP\r\n250-mx\r\n250-PIPELINING\r\n250-SIZE 100\r\n250-DSN\r\n250 CHUNKING\r\n"
			    "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go\r\n250 2.0.0 Ok: queued as 4XyZ\r\n221 bye\r\n");
	expect_said(SERVER, "EHLO c.example\r\nMAIL FROM:<a@c.example> SIZE=50\r\nRSET\r\nQUIT\r\n");
	expect_mail_at_far_only();
	assert_int_equal(w.event_count, 2);
	assert_int_equal(w.events[0].applied, ACTION_REDIRECT);
	assert_string_equal(w.events[0].quarantine, "attic");
	assert_int_equal(w.events[1].kind, EVENT_QUEUED);
	assert_string_equal(w.events[1].answer, "250 2.0.0 Ok: queued as 4XyZ");
}

static void
a_client_that_pipelines_is_redirected_as_well(void **state)
{
	session(one_group, 10);
	expect_said(SERVER, "EHLO c.example\r\nMAIL FROM:<a@c.example> SIZE=50\r\nRSET\r\nQUIT\r\n");
	expect_mail_at_far_only();
}

static void
a_quarantine_without_pipelining_gets_one_command_at_a_time(void **state)
{
	w.host[FAR].manner.hello = "250-mx\r\n250-SIZE 100\r\n250 CHUNKING\r\n";
	w.host[FAR].manner.one_at_a_time = true;
	session(one_group, 10);
	expect_mail_at_far_only();
}

#define LONG_BODY                                                                                                      \
	"Subject: plans\r\n\r\nRCPT TO:<x@army.ml>\r\n"                                                                \
	"It is a long text, so that it goes in several segments, any of which may come before the one ahead of "       \
	"it.\r\n"                                                                                                      \
	"A second line of this text, as long as the first one, more or less, for the same good reason as "             \
	"above.\r\n.\r\n"

/* As Postfix says it: the body has QUIT behind it. */
static const char *const pipelined[] = { "EHLO c.example\r\n",
					 "MAIL FROM:<a@c.example> SIZE=50\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n",
					 LONG_BODY "QUIT\r\n", NULL };
static const char *const pipelined_mixed[] = {
	"EHLO c.example\r\n",
	"MAIL FROM:<a@c.example> SIZE=50\r\nRCPT TO:<x@army.ml>\r\nRCPT TO:<y@army.mil>\r\nDATA\r\n",
	LONG_BODY "QUIT\r\n", NULL
};

/* A session with two frames lost or late, or one (`second` 0), comes to a good end. Returns how many it had. */
static unsigned
paced_session(const char *const *script, uint16_t mss, bool late, unsigned first, unsigned second)
{
	struct host *c = &w.host[CLIENT];

	w.host[FAR].manner.hello = "250-mx\r\n250-SIZE 100\r\n250 CHUNKING\r\n";
	w.host[FAR].manner.one_at_a_time = true;
	w.mss = mss;
	w.late = late;
	w.picked[0] = first;
	w.picked[1] = second;
	session(script, 30);
	c->said[c->said_len] = '\0';
	if (CTR(verdict_redirect) != 1 || !end_done(&c->end) || strstr(c->said, "queued as") == NULL)
		fail_msg("mss %u, frames %u and %u %s: the client read %s", mss, first, second, late ? "late" : "lost",
			 c->said);
	assert_string_equal(w.host[FAR].mail, "MAIL FROM:<a@c.example> SIZE=50\r\nRCPT TO:<x@army.ml>\r\n" LONG_BODY);
	assert_string_equal(w.host[SERVER].mail, "");
	return w.frames;
}

static void
each_frame_once(void **state, bool late)
{
	close_world(state);
	for (unsigned i = 0; i < 4; i++)
		for (unsigned frames = 1, n = 0; n <= frames; n++) {
			open_world(state);
			frames = paced_session(i % 2 ? pipelined : pipelined_mixed, i / 2 ? 100 : 1448, late, n, 0);
			close_world(state);
		}
	open_world(state);
}

/* The client's timer may have been backed off by what was held before. */
static void
a_gap_of_some_seconds_in_a_paced_mail_is_waited_for(void **state)
{
	w.gap = 0xfffffff1u + (uint32_t)(strlen(pipelined[0]) + strlen(pipelined[1]));
	w.gap_until = w.now + 12000000000ULL;
	paced_session(pipelined, 100, false, 0, 0);
	assert_int_equal(CTR(blind_gap), 0);
}

/* So that its client learns by the quarantine's acks, not by its timer, what is missing. */
static void
text_behind_a_gap_in_a_paced_mail_is_at_the_quarantine_before_the_gap_is_filled(void **state)
{
	w.gap = 0xfffffff1u + (uint32_t)(strlen(pipelined[0]) + strlen(pipelined[1]));
	w.gap_until = w.now + 2000000000;
	paced_session(pipelined, 100, false, 0, 0);
	assert_true(w.host[FAR].early_count > 0);
	assert_int_equal(CTR(exposed_lines), 0);
}

static void
a_gap_that_stays_in_a_paced_mail_has_its_client_try_again(void **state)
{
	w.host[FAR].manner.hello = "250-mx\r\n250-SIZE 100\r\n250 CHUNKING\r\n";
	w.host[FAR].manner.one_at_a_time = true;
	w.gap = 0xfffffff1u + (uint32_t)(strlen(pipelined[0]) + strlen(pipelined[1]));
	w.gap_until = UINT64_MAX;
	w.mss = 100;
	session(pipelined, 60);
	assert_int_equal(CTR(verdict_reset), 1);
	assert_true(w.host[CLIENT].reset);
	assert_true(w.host[FAR].reset);
	assert_string_equal(w.host[FAR].mail, "");
	w.host[CLIENT].said[w.host[CLIENT].said_len] = '\0';
	assert_null(strstr(w.host[CLIENT].said, "queued"));
}

static void
whichever_frame_is_lost_a_paced_mail_arrives(void **state)
{
	each_frame_once(state, false);
}

static void
whichever_frame_is_late_a_paced_mail_arrives(void **state)
{
	each_frame_once(state, true);
}

static void
whichever_two_frames_are_lost_or_late_a_paced_mail_arrives(void **state)
{
	bool is_long = getenv("POSTERN_LONG") != NULL;
	uint32_t seed = is_long ? (uint32_t)time(NULL) : 1;

	if (getenv("POSTERN_SEED") != NULL)
		seed = (uint32_t)strtoul(getenv("POSTERN_SEED"), NULL, 0);
	print_message("POSTERN_SEED=%u\n", seed);
	close_world(state);
	for (unsigned i = 0; i < (is_long ? 5000 : 200); i++) {
		open_world(state);
		w.seed = seed + i;
		uint16_t mss = (uint16_t)(70 + chance(5) * 345);
		unsigned first = 1 + chance(90), second = 1 + chance(90);
		paced_session(i % 2 ? pipelined : pipelined_mixed, mss, chance(2), first, second);
		close_world(state);
	}
	open_world(state);
}

static void
on_a_wire_that_loses_frames_the_mail_arrives_once_and_whole(void **state)
{
	unsigned moved = 0;

	close_world(state);
	for (unsigned seed = 1; seed <= 60; seed++) {
		open_world(state);
		w.seed = seed * 7919;
		w.loss = 5 + seed % 3 * 10;
		session(seed % 2 ? one_mail : one_group, 120);
		/* Where the setting up was too slow, the recipient was refused instead (and the script says its body as
		 * commands). */
		assert_string_equal(w.host[SERVER].mail, "");
		moved += CTR(verdict_redirect);
		if (CTR(verdict_redirect) == 1) {
			w.host[CLIENT].said[w.host[CLIENT].said_len] = '\0';
			if (strstr(w.host[CLIENT].said, "queued as") != NULL)
				assert_string_equal(w.host[FAR].mail, AT_FAR);
			else
				assert_true(CTR(redirect_failed) == 1 || w.host[CLIENT].end.state == END_GIVEN_UP);
		} else {
			assert_string_equal(w.host[FAR].mail, "");
			assert_true(CTR(verdict_reject) >= 1 || w.host[CLIENT].end.state == END_GIVEN_UP);
		}
		close_world(state);
	}
	assert_true(moved > 40);
	open_world(state);
}

#define REFUSED "550 5.1.2 army.ml looks like a mistyped army.mil: "

static void
expect_refused_at_the_server(void)
{
	struct host *c = &w.host[CLIENT];

	c->said[c->said_len] = '\0';
	assert_non_null(strstr(c->said, REFUSED));
	assert_string_equal(w.host[FAR].mail, "");
	assert_string_equal(w.host[SERVER].mail, "");
	assert_int_equal(CTR(verdict_redirect), 0);
	assert_int_equal(CTR(verdict_reject), 1);
	assert_int_equal(w.events[0].applied, ACTION_REJECT);
	assert_true(end_done(&c->end));
}

static const char *const refused_mail[] = { "EHLO c.example\r\n", "MAIL FROM:<a@c.example> SIZE=50\r\n",
					    "RCPT TO:<x@army.ml>\r\n", "QUIT\r\n", NULL };

static void
a_quarantine_that_does_not_answer_leaves_the_session_where_it_is(void **state)
{
	w.host[FAR].manner.deaf = true;
	session(refused_mail, 20);
	expect_refused_at_the_server();
	assert_int_equal(CTR(redirect_late), 1);
}

static void
a_quarantine_that_says_nothing_leaves_the_session_where_it_is(void **state)
{
	w.host[FAR].manner.silent = true;
	session(refused_mail, 20);
	expect_refused_at_the_server();
	assert_int_equal(CTR(redirect_late), 1);
}

static void
a_quarantine_that_is_full_leaves_the_session_where_it_is(void **state)
{
	w.host[FAR].manner.mail = "452 4.3.1 Insufficient system storage\r\n";
	session(refused_mail, 20);
	expect_refused_at_the_server();
	assert_int_equal(CTR(redirect_refused), 1);
	assert_true(w.host[FAR].reset);
}

static void
a_quarantine_that_offers_less_leaves_the_session_where_it_is(void **state)
{
	w.host[FAR].manner.hello = "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n"; /* no SIZE, which MAIL has used */
	session(refused_mail, 20);
	expect_refused_at_the_server();
	assert_int_equal(CTR(redirect_unfit), 1);
}

static void
a_quarantine_that_refuses_the_recipient_has_the_last_word(void **state)
{
	w.host[FAR].manner.rcpt = "550 5.1.1 not here\r\n";
	session(refused_mail, 20);
	w.host[CLIENT].said[w.host[CLIENT].said_len] = '\0';
	assert_non_null(strstr(w.host[CLIENT].said, "550 5.1.1 not here\r\n221 bye\r\n"));
	assert_string_equal(w.host[SERVER].mail, "");
	expect_said(SERVER, "EHLO c.example\r\nMAIL FROM:<a@c.example> SIZE=50\r\nRSET\r\nQUIT\r\n");
}

/* Nobody has the mail, and the client was told so with 4xx and an orderly end. */
static void
expect_deferred(void)
{
	struct host *c = &w.host[CLIENT];

	c->said[c->said_len] = '\0';
	if (strstr(c->said, "451 4.3.0") == NULL)
		fail_msg("the client read %s", c->said);
	assert_null(strstr(c->said, "queued"));
	assert_string_equal(w.host[FAR].mail, "");
	assert_string_equal(w.host[SERVER].mail, "");
	assert_true(end_done(&c->end));
	assert_false(c->reset);
	assert_int_equal(CTR(redirect_failed), 1);
}

/*
 * 451 is promised from the flagged line on until the answer to the final dot: while an answer to RCPT or DATA is
 * awaited, in the text, and behind its end. Half an answer promises nothing: no text behind it would be understood.
 */
static void
a_quarantine_that_dies_behind_the_hand_over_defers_the_mail(void **state)
{
	static const char *const at[] = { "RCPT", "DATA", "Subject", "body", ".\r\n" };

	close_world(state);
	for (unsigned i = 0; i < 10; i++) {
		open_world(state);
		w.host[FAR].manner.dies_at = at[i % 5];
		session(i < 5 ? one_mail : one_group, 60);
		expect_deferred();
		close_world(state);
	}
	open_world(state);
}

static void
a_quarantine_that_closes_before_its_last_answer_defers_the_mail(void **state)
{
	static const char *const at[] = { "RCPT", "DATA", "Subject", "body", ".\r\n" };

	close_world(state);
	for (unsigned i = 0; i < 20; i++) {
		open_world(state);
		w.host[FAR].manner.closes_at = at[i % 5];
		w.loss = i >= 10 ? 5 : 0;
		session(i / 5 % 2 ? one_mail : one_group, 60);
		if (w.loss == 0)
			expect_deferred();
		assert_string_equal(w.host[FAR].mail, "");
		w.host[CLIENT].said[w.host[CLIENT].said_len] = '\0';
		assert_null(strstr(w.host[CLIENT].said, "queued"));
		close_world(state);
	}
	open_world(state);
}

/* Nothing is owed, but the client has more to say: 421 says that there is nobody to take it. */
static void
a_quarantine_that_closes_behind_an_answer_sends_the_client_away_with_421(void **state)
{
	static const char *const at[] = { "RCPT", "DATA" };

	close_world(state);
	for (unsigned i = 0; i < 2; i++) {
		struct host *c = &w.host[CLIENT];
		open_world(state);
		w.host[FAR].manner.last_at = at[i];
		session(one_mail, 60);
		c->said[c->said_len] = '\0';
		if (strstr(c->said, i == 0 ? "421 4.3.0" : "451 4.3.0") == NULL)
			fail_msg("the client read %s", c->said);
		assert_false(c->reset);
		assert_true(end_done(&c->end));
		assert_string_equal(w.host[FAR].mail, "");
		assert_int_equal(CTR(redirect_failed), 1);
		close_world(state);
	}
	open_world(state);
}

static void
a_quarantine_that_closes_behind_its_last_answer_has_the_mail(void **state)
{
	w.host[FAR].manner.last_at = ".\r\n";
	session(one_mail, 20);
	assert_string_equal(w.host[FAR].mail, AT_FAR);
	assert_int_equal(CTR(redirect_queued), 1);
	assert_int_equal(CTR(redirect_failed), 0);
	assert_true(w.host[CLIENT].end.fin_read);
	assert_false(w.host[CLIENT].reset);
}

static void
segments_in_fragments_reach_the_quarantine_too(void **state)
{
	w.cut = true;
	session(one_group, 20);
	expect_mail_at_far_only();
}

static void
two_workers(void)
{
	pipeline_free(w.pl);
	w.owners = owners_new(16);
	w.pl = begin_pipeline(0);
	w.other = begin_pipeline(1);
}

static void
answers_that_come_to_another_worker_reach_that_of_the_session(void **state)
{
	two_workers();
	session(one_group, 20);
	expect_mail_at_far_only();
	assert_true(CTR(redirect_handed) > 5);
}

static void
a_connection_that_another_worker_has_is_not_opened_twice(void **state)
{
	struct flow_key key = { .port = { 40000, 25 }, .ip_version = 4 };

	two_workers();
	memcpy(key.addr[0], address[CLIENT], 4);
	memcpy(key.addr[1], address[FAR], 4);
	assert_true(owners_claim(w.owners, &key, 1));
	session(refused_mail, 20);
	expect_refused_at_the_server();
	assert_int_equal(owners_find(w.owners, &key), 1);
}

/* The quarantine has a port of its own from now on. */
static void
port_apart(const struct wrap *wrap)
{
	pipeline_free(w.pl);
	w.apart = true;
	w.wrap = wrap;
	w.pl = begin_pipeline(0);
}

static void
a_quarantine_is_reached_by_a_port_of_its_own_however_the_session_is_wrapped(void **state)
{
	const struct wrap *const wraps[] = { &plain, &tagged, &dialled };

	for (unsigned i = 0; i < 3; i++) {
		if (i > 0) {
			close_world(state);
			open_world(state);
		}
		port_apart(wraps[i]);
		session(one_group, 20);
		expect_mail_at_far_only();
		assert_true(w.delivered[FAR] > 5);
		assert_int_equal(CTR(redirect_stray), 0);
	}
}

static void
fragments_of_a_tagged_session_leave_by_the_quarantines_own_port(void **state)
{
	port_apart(&tagged);
	w.cut = true;
	session(one_group, 20);
	expect_mail_at_far_only();
}

static void
answers_by_the_own_port_that_come_to_another_worker_reach_that_of_the_session(void **state)
{
	w.apart = true;
	w.wrap = &tagged;
	two_workers();
	session(one_group, 20);
	expect_mail_at_far_only();
	assert_true(CTR(redirect_handed) > 5);
}

static void
behind_labels_nobody_is_moved_to_a_port_of_its_own(void **state)
{
	port_apart(&labelled);
	session(refused_mail, 20);
	assert_string_equal(w.host[FAR].mail, "");
	assert_string_equal(w.host[SERVER].mail, "");
	assert_int_equal(CTR(verdict_reject), 1);
	assert_int_equal(CTR(redirect_state), 1);
	assert_int_equal(w.delivered[FAR], 0);
}

/* It has the address `moved` now, in the middle of whatever is under way. */
static void
quarantine_moves(unsigned moved)
{
	w.moved = moved;
	const struct quarantine_table table = the_table();
	pipeline_quarantines(w.pl, &table);
}

static void
a_quarantine_with_another_ethernet_address_keeps_its_sessions(void **state)
{
	port_apart(&tagged);
	w.host[FAR].manner.rcpt = "250-2.1.5 wait\r\n";
	session(one_mail, 5);
	assert_true(w.delivered[FAR] > 3);
	assert_string_equal(w.host[FAR].mail, "");
	quarantine_moves(1);
	host_say(&w.host[FAR], "250 2.1.5 Ok\r\n", false);
	append(w.host[FAR].draft, sizeof w.host[FAR].draft, "RCPT TO:<x@army.ml>\r\n");
	run(20);
	expect_mail_at_far_only();
}

static void
a_segment_of_no_session_that_comes_by_the_own_port_ends_there(void **state)
{
	struct route stray = { .link_len = 14, .from_port = 25, .to_port = 40000, .ip_version = 4, .pair = 1 };
	const struct end_segment s = { .flags = TCP_ACK, .seq = 1, .ack = 1 };

	port_apart(&plain);
	memcpy(stray.link, plain.octets, 14);
	memcpy(stray.from, address[FAR], 4);
	memcpy(stray.to, address[CLIENT], 4);
	struct packet *p = route_frame(&stray, &w.front.ops, &s, 0, 4000, NULL);
	p->side = SIDE_INSIDE;
	p->flags = 0;
	pipeline_burst(w.pl, w.rules, &p, 1, w.now, w.now);
	assert_int_equal(CTR(redirect_stray), 1);
	assert_int_equal(CTR(tx_packets), 0);
}

static void
who_steers_is_told_of_both_connections_and_of_their_end(void **state)
{
	session(one_mail, 20);
	expect_mail_at_far_only();
	assert_int_equal(w.edited, 2);
	assert_memory_equal(w.edited_key[0].addr[1], address[FAR], 4);
	assert_memory_equal(w.edited_key[1].addr[1], address[SERVER], 4);
	pipeline_drain(w.pl, w.rules, w.now, w.now);
	assert_int_equal(w.gone, 2);
	assert_memory_equal(w.gone_key[0].addr[1], address[FAR], 4);
	assert_memory_equal(w.gone_key[1].addr[1], address[SERVER], 4);
}

#define OFFERS "250-mx\r\n250-PIPELINING\r\n250-SIZE 100\r\n250-DSN\r\n250-CHUNKING\r\n"

static void
tell_by(enum present how)
{
	struct quarantine_table table = the_table();

	table.entry[0].present = (uint8_t)how;
	pipeline_quarantines(w.pl, &table);
}

static void
a_quarantine_is_told_by_xclient_who_the_client_is(void **state)
{
	tell_by(PRESENT_XCLIENT);
	w.host[FAR].manner.hello = OFFERS "250 XCLIENT NAME ADDR PORT PROTO HELO DESTADDR DESTPORT\r\n";
	session(one_group, 20);
	expect_mail_at_far_only();
	w.host[FAR].said[w.host[FAR].said_len] = '\0';
	assert_non_null(strstr(w.host[FAR].said,
			       "EHLO c.example\r\nXCLIENT ADDR=192.0.2.1 PORT=40000 NAME=[UNAVAILABLE] PROTO=ESMTP "
			       "DESTADDR=192.0.2.2 DESTPORT=25 HELO=c.example\r\nEHLO c.example\r\nMAIL FROM"));
}

static void
a_quarantine_is_told_by_xforward_what_it_asks_for(void **state)
{
	tell_by(PRESENT_XFORWARD);
	w.host[FAR].manner.hello = OFFERS "250 XFORWARD NAME ADDR SOURCE\r\n";
	session(one_mail, 20);
	expect_mail_at_far_only();
	w.host[FAR].said[w.host[FAR].said_len] = '\0';
	assert_non_null(
		strstr(w.host[FAR].said, "EHLO c.example\r\nXFORWARD ADDR=192.0.2.1 NAME=[UNAVAILABLE]\r\nMAIL FROM"));
}

static void
a_quarantine_that_does_not_offer_it_is_not_told(void **state)
{
	tell_by(PRESENT_XCLIENT);
	session(one_mail, 20);
	expect_mail_at_far_only();
	w.host[FAR].said[w.host[FAR].said_len] = '\0';
	assert_null(strstr(w.host[FAR].said, "XCLIENT"));
}

static void
a_session_does_not_outlast_its_limit(void **state)
{
	static const char *const script[] = { "EHLO c.example\r\n", "MAIL FROM:<a@c.example> SIZE=50\r\n",
					      "RCPT TO:<x@army.ml>\r\n", NULL };

	session(script, 599);
	assert_int_equal(CTR(verdict_redirect), 1);
	assert_int_equal(CTR(redirect_failed), 0);
	run(3);
	assert_int_equal(CTR(redirect_failed), 1);
	w.host[CLIENT].said[w.host[CLIENT].said_len] = '\0';
	assert_non_null(strstr(w.host[CLIENT].said, "421 4.3.0"));
	assert_true(w.host[FAR].reset);
}

static void
a_quarantine_that_falls_silent_defers_the_mail_in_bounded_time(void **state)
{
	w.host[FAR].manner.silent_at = "DATA";
	session(one_mail, 60);
	expect_deferred();
}

static void
a_flagged_recipient_behind_a_good_one_comes_again_by_itself(void **state)
{
	static const char *const script[] = { "EHLO c.example\r\n",
					      "MAIL FROM:<a@c.example>\r\n",
					      "RCPT TO:<y@army.mil>\r\n",
					      "RCPT TO:<x@army.ml>\r\n",
					      "DATA\r\n",
					      BODY,
					      "QUIT\r\n",
					      NULL };
	static const char *const group[] = {
		"EHLO c.example\r\n",
		"MAIL FROM:<a@c.example>\r\nRCPT TO:<y@army.mil>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n", BODY, "QUIT\r\n",
		NULL
	};

	close_world(state);
	for (unsigned i = 0; i < 2; i++) {
		open_world(state);
		session(i == 0 ? script : group, 20);
		w.host[CLIENT].said[w.host[CLIENT].said_len] = '\0';
		assert_non_null(strstr(w.host[CLIENT].said, "250 2.1.5 Ok\r\n452 4.5.3 "));
		assert_string_equal(w.host[SERVER].mail, "MAIL FROM:<a@c.example>\r\nRCPT TO:<y@army.mil>\r\n" BODY);
		assert_string_equal(w.host[FAR].mail, "");
		assert_int_equal(CTR(redirect_later), 1);
		assert_true(end_done(&w.host[CLIENT].end));
		close_world(state);
	}
	open_world(state);
}

static void
a_good_recipient_behind_a_redirected_one_comes_again_and_is_not_redirected(void **state)
{
	static const char *const script[] = {
		"EHLO c.example\r\n",
		"MAIL FROM:<a@c.example>\r\nRCPT TO:<x@army.ml>\r\nRCPT TO:<y@army.mil>\r\nRCPT TO:<z@navy.ml>\r\nRCPT "
		"TO:<z@army.ml>\r\nDATA\r\n",
		BODY, "QUIT\r\n", NULL
	};

	session(script, 20);
	w.host[CLIENT].said[w.host[CLIENT].said_len] = '\0';
	assert_non_null(strstr(w.host[CLIENT].said, "250 2.1.5 Ok\r\n452 4.5.3 "));
	assert_non_null(strstr(w.host[CLIENT].said, "550 5.1.2 navy.ml"));
	assert_string_equal(w.host[FAR].mail,
			    "MAIL FROM:<a@c.example>\r\nRCPT TO:<x@army.ml>\r\nRCPT TO:<z@army.ml>\r\n" BODY);
	assert_string_equal(w.host[SERVER].mail, "");
	assert_int_equal(CTR(redirect_later), 1);
	assert_int_equal(CTR(verdict_redirect), 2);
}

static void
the_mail_behind_a_redirected_one_is_sent_away_with_421(void **state)
{
	static const char *const script[] = { "EHLO c.example\r\n",
					      "MAIL FROM:<a@c.example> SIZE=50\r\n",
					      "RCPT TO:<x@army.ml>\r\n",
					      "DATA\r\n",
					      BODY,
					      "MAIL FROM:<b@c.example>\r\n",
					      NULL };

	session(script, 20);
	w.host[CLIENT].said[w.host[CLIENT].said_len] = '\0';
	assert_non_null(strstr(w.host[CLIENT].said, "queued as 4XyZ\r\n421 4.5.3 "));
	expect_mail_at_far_only();
	assert_int_equal(CTR(redirect_ended), 1);
}

static void
a_server_that_speaks_while_the_quarantine_is_asked_keeps_the_session(void **state)
{
	w.host[FAR].manner.silent_at = "EHLO";
	session(refused_mail, 1);
	assert_int_equal(CTR(verdict_reject), 0);
	host_say(&w.host[SERVER], "421 4.3.2 shutting down\r\n", true);
	run(20);
	w.host[CLIENT].said[w.host[CLIENT].said_len] = '\0';
	assert_non_null(strstr(w.host[CLIENT].said, "421 4.3.2 shutting down\r\n"));
	assert_string_equal(w.host[FAR].mail, "");
	assert_int_equal(CTR(redirect_state), 1);
}

/* Octets before which 100 are missing. */
static void
send_behind_a_gap(struct host *h, struct view octets)
{
	const struct end_segment s = {
		.seq = h->end.nxt + 100,
		.ack = h->end.rcv,
		.flags = TCP_ACK,
		.has_ts = true,
		.ts_value = h->end.ts_value,
		.payload = octets,
	};

	host_send(h, &h->end, &s);
}

static void
a_gap_that_stays_while_the_line_waits_resets_both_ends(void **state)
{
	struct host *c = &w.host[CLIENT];

	w.host[FAR].manner.deaf = true;
	session(one_mail, 1);
	send_behind_a_gap(c, view_of("x", 1));
	carry();
	/* No segment comes between the two time limits. */
	w.now += 31000000000ULL;
	pipeline_tick(w.pl, w.rules, w.now, w.now);
	deliver();
	assert_int_equal(CTR(blind_gap), 1);
	assert_int_equal(CTR(verdict_reject), 0);
	assert_int_equal(CTR(verdict_reset), 1);
	assert_int_equal(w.event_count, 1);
	assert_int_equal(w.events[0].applied, ACTION_RESET);
	assert_true(c->reset);
	assert_true(w.host[SERVER].reset);
	assert_null(strstr(w.host[SERVER].said, "RCPT"));
}

static unsigned
places_taken(void)
{
	return CTR(redirect_begun) - CTR(redirect_over);
}

/* Behind the hand-over a gap that stays is seen where the body is under way: the box reads no further. */
static void
a_session_that_goes_blind_at_the_quarantine_is_reset_and_told(void **state)
{
	static const char *const script[] = { "EHLO c.example\r\n", "MAIL FROM:<a@c.example> SIZE=50\r\n",
					      "RCPT TO:<x@army.ml>\r\n", "DATA\r\n", NULL };
	static const char next[] = ".\r\nMAIL FROM:<b@c.example>\r\nRCPT TO:<good@army.mil>\r\n";
	struct host *c = &w.host[CLIENT];

	session(script, 1);
	assert_int_equal(w.event_count, 1);
	host_say(c, "Subject: plans\r\n", false);
	carry();
	/* 100 octets are missing to the box. What stands behind them names somebody who is not meant to be there. */
	send_behind_a_gap(c, view_of(next, sizeof next - 1));
	carry();
	/* The quarantine has them all, by another way. */
	struct host *far = &w.host[FAR];
	far->end.rcv += 100 + sizeof next - 1;
	const struct end_segment ack = { .seq = far->end.nxt,
					 .ack = far->end.rcv,
					 .flags = TCP_ACK,
					 .has_ts = true,
					 .ts_value = far->end.ts_value };
	host_send(far, &far->end, &ack);
	carry();
	w.now += 31000000000ULL;
	pipeline_tick(w.pl, w.rules, w.now, w.now);
	deliver();
	run(10);
	assert_int_equal(CTR(blind_gap), 1);
	assert_int_equal(CTR(verdict_reset), 1);
	assert_true(c->reset);
	assert_int_equal(w.event_count, 2);
	assert_int_equal(w.events[1].kind, EVENT_QUEUED);
	assert_string_equal(w.events[1].quarantine, "attic");
	assert_string_equal(w.events[1].answer, "");
	assert_int_equal(CTR(redirect_queued), 0);
	assert_int_equal(places_taken(), 0);
}

/* The flow leaves the table while the quarantine is being asked: its line goes nowhere, and somebody is told. */
static void
a_session_that_ends_while_it_is_being_decided_is_told_and_reset(void **state)
{
	w.host[FAR].manner.deaf = true;
	session(one_mail, 1);
	assert_int_equal(w.event_count, 0);
	pipeline_drain(w.pl, w.rules, w.now, w.now);
	deliver();
	assert_int_equal(w.event_count, 1);
	assert_int_equal(w.events[0].applied, ACTION_RESET);
	assert_int_equal(CTR(verdict_reset), 1);
	assert_true(w.host[CLIENT].reset);
	assert_true(w.host[SERVER].reset);
	assert_null(strstr(w.host[SERVER].said, "RCPT"));
}

static void
a_client_that_hangs_up_behind_the_flagged_line_does_not_let_it_slip(void **state)
{
	static const char *const script[] = { "EHLO c.example\r\n", "MAIL FROM:<a@c.example>\r\n",
					      "RCPT TO:<x@army.ml>\r\n", NULL };
	struct host *c = &w.host[CLIENT];

	w.host[FAR].manner.deaf = true;
	session(script, 1);
	const struct end_segment again_with_fin = {
		.seq = c->end.una,
		.ack = c->end.rcv,
		.flags = TCP_ACK | TCP_FIN,
		.has_ts = true,
		.ts_value = c->end.ts_value,
		.payload = view_of(script[2], strlen(script[2])),
	};
	host_send(c, &c->end, &again_with_fin);
	carry();
	host_say(&w.host[SERVER], "421 4.3.2 shutting down\r\n", true);
	run(10);
	w.host[SERVER].said[w.host[SERVER].said_len] = '\0';
	assert_null(strstr(w.host[SERVER].said, "RCPT"));
	assert_int_equal(w.event_count, 1);
}

/* Only the splices' own limits count: the flow table keeps what has closed. */
static void
keep_flows(void)
{
	struct quarantine_table table = the_table();

	pipeline_free(w.pl);
	w.keeps_flows = true;
	w.pl = begin_pipeline(0);
	table.session_s = 60;
	pipeline_quarantines(w.pl, &table);
}

/* 60 s in SPLICE_LIVE, 60 s in SPLICE_FAILED, 5 s to linger. */
#define LIMIT_S 126

/* The wire is cut behind each frame in turn, so that every state is met in which nothing more arrives. */
static void
whenever_the_wire_is_cut_the_place_is_given_back_in_bounded_time(void **state)
{
	static const struct manner manners[] = {
		{ 0 }, { .closes_at = "DATA" }, { .dies_at = "body" }, { .last_at = "DATA" }, { .closes_at = ".\r\n" },
	};

	close_world(state);
	for (unsigned i = 0; i < 5; i++) {
		unsigned begun = 0, cut = 1;
		for (bool reached = true; reached; cut++) {
			open_world(state);
			keep_flows();
			w.host[FAR].manner = manners[i];
			w.cut_after = cut;
			session(i % 2 ? one_group : one_mail, LIMIT_S);
			reached = w.frames > cut;
			begun += CTR(redirect_begun);
			if (places_taken() != 0)
				fail_msg("manner %u, cut behind frame %u: the place is taken", i, cut);
			close_world(state);
		}
		assert_true(begun > 20);
	}
	open_world(state);
}

static const char *const no_quit[] = {
	"EHLO c.example\r\n", "MAIL FROM:<a@c.example> SIZE=50\r\n", "RCPT TO:<x@army.ml>\r\n", "DATA\r\n", BODY, NULL
};

static void
a_session_of_which_one_end_does_not_close_is_reset_after_a_minute(void **state)
{
	keep_flows();
	const struct quarantine_table table = the_table(); /* a longer session_s */
	pipeline_quarantines(w.pl, &table);
	w.host[FAR].manner.last_at = ".\r\n";
	w.host[CLIENT].manner.stays_open = true;
	session(no_quit, 55);
	assert_true(w.host[CLIENT].end.fin_read);
	assert_false(w.host[CLIENT].reset);
	assert_int_equal(places_taken(), 1);
	run(8);
	assert_true(w.host[CLIENT].reset);
	assert_true(w.host[FAR].reset);
	run(8);
	assert_int_equal(places_taken(), 0);
}

/* The quarantine may have the mail, and nobody will be told by it. */
static void
a_session_that_ends_before_the_answer_to_its_mail_is_told_without_one(void **state)
{
	const struct end_wire wire = wire_of(&w.host[CLIENT]);

	w.host[FAR].manner.silent_at = ".\r\n";
	session(no_quit, 5);
	assert_int_equal(w.event_count, 1);
	end_abort(&w.host[CLIENT].end, &wire);
	run(20);
	assert_int_equal(w.event_count, 2);
	assert_int_equal(w.events[1].kind, EVENT_QUEUED);
	assert_string_equal(w.events[1].quarantine, "attic");
	assert_string_equal(w.events[1].answer, "");
	assert_int_equal(CTR(redirect_queued), 0);
}

/* The hosts forget what was, and another client port is used. */
static void
next_session(const struct manner *far)
{
	for (unsigned i = 0; i < HOSTS; i++) {
		struct host *h = &w.host[i];
		*h = (struct host){ .syn = h->syn, .clock = h->clock };
		h->end.ts_value = h->clock + (uint32_t)(w.now / 1000000);
	}
	w.host[FAR].manner = *far;
	w.port++;
}

static void
a_session_above_the_limit_is_refused_until_a_place_is_free(void **state)
{
	const struct manner closes = { .last_at = ".\r\n" }, well = { 0 };
	struct quarantine_table table = the_table();

	table.sessions = 1;
	pipeline_quarantines(w.pl, &table);
	w.host[FAR].manner = closes;
	w.host[CLIENT].manner.stays_open = true;
	session(no_quit, 5);
	next_session(&well);
	session(refused_mail, 5);
	assert_int_equal(CTR(redirect_full), 1);
	assert_int_equal(CTR(verdict_reject), 1);
	assert_string_equal(w.host[FAR].mail, "");
	run(70);
	next_session(&well);
	session(one_mail, 10);
	assert_string_equal(w.host[FAR].mail, AT_FAR);
	assert_int_equal(CTR(redirect_full), 1);
	assert_int_equal(CTR(redirect_begun), 2);
}

static void
sessions_that_fail_one_after_another_never_meet_a_full_pool(void **state)
{
	static const char *const at[] = { "EHLO", "MAIL", "RCPT", "DATA", "Subject", "body", ".\r\n" };

	close_world(state);
	for (unsigned i = 0; i < 21; i++) {
		const char *point = at[i % 7];
		const struct manner far = { .closes_at = i / 7 == 0 ? point : NULL,
					    .dies_at = i / 7 == 1 ? point : NULL,
					    .last_at = i / 7 == 2 ? point : NULL };
		open_world(state);
		keep_flows();
		for (unsigned n = 0; n < 80; n++) {
			next_session(&far);
			/* What fails before the hand-over is refused, and has no body. */
			session(i % 7 < 2 ? refused_mail : i % 2 ? one_group : one_mail, 0);
			run_ms(200);
		}
		assert_int_equal(CTR(redirect_full), 0);
		assert_int_equal(CTR(redirect_begun), 80);
		run(6);
		assert_int_equal(places_taken(), 0);
		close_world(state);
	}
	open_world(state);
}

static void
what_comes_late_of_a_session_that_was_given_back_reaches_no_server(void **state)
{
	struct host *c = &w.host[CLIENT];

	keep_flows();
	session(one_mail, 10);
	expect_mail_at_far_only();
	assert_int_equal(places_taken(), 0);
	const unsigned before[HOSTS] = { w.delivered[CLIENT], w.delivered[SERVER], w.delivered[FAR] };
	struct end_segment late = {
		.seq = c->end.nxt - 1,
		.ack = c->end.rcv,
		.flags = TCP_ACK | TCP_FIN,
		.has_ts = true,
		.ts_value = c->end.ts_value,
	};
	host_send(c, &c->end, &late);
	carry();
	assert_int_equal(w.delivered[CLIENT], before[CLIENT] + 1);
	late.seq -= 6;
	late.payload = view_of("QUIT\r\n", 6);
	host_send(c, &c->end, &late);
	carry();
	assert_int_equal(w.delivered[SERVER], before[SERVER]);
	assert_int_equal(w.delivered[FAR], before[FAR]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_flagged_mail_goes_to_the_quarantine_and_the_server_is_left_in_order),
		TEST(a_client_that_pipelines_is_redirected_as_well),
		TEST(a_quarantine_without_pipelining_gets_one_command_at_a_time),
		TEST(a_quarantine_that_does_not_answer_leaves_the_session_where_it_is),
		TEST(a_quarantine_that_says_nothing_leaves_the_session_where_it_is),
		TEST(a_quarantine_that_is_full_leaves_the_session_where_it_is),
		TEST(a_quarantine_that_offers_less_leaves_the_session_where_it_is),
		TEST(a_quarantine_that_refuses_the_recipient_has_the_last_word),
		TEST(a_quarantine_that_dies_behind_the_hand_over_defers_the_mail),
		TEST(a_quarantine_that_closes_before_its_last_answer_defers_the_mail),
		TEST(a_quarantine_that_closes_behind_an_answer_sends_the_client_away_with_421),
		TEST(a_quarantine_that_closes_behind_its_last_answer_has_the_mail),
		TEST(segments_in_fragments_reach_the_quarantine_too),
		TEST(answers_that_come_to_another_worker_reach_that_of_the_session),
		TEST(a_connection_that_another_worker_has_is_not_opened_twice),
		TEST(a_quarantine_is_reached_by_a_port_of_its_own_however_the_session_is_wrapped),
		TEST(fragments_of_a_tagged_session_leave_by_the_quarantines_own_port),
		TEST(answers_by_the_own_port_that_come_to_another_worker_reach_that_of_the_session),
		TEST(behind_labels_nobody_is_moved_to_a_port_of_its_own),
		TEST(a_quarantine_with_another_ethernet_address_keeps_its_sessions),
		TEST(a_segment_of_no_session_that_comes_by_the_own_port_ends_there),
		TEST(who_steers_is_told_of_both_connections_and_of_their_end),
		TEST(a_quarantine_is_told_by_xclient_who_the_client_is),
		TEST(a_quarantine_is_told_by_xforward_what_it_asks_for),
		TEST(a_quarantine_that_does_not_offer_it_is_not_told),
		TEST(a_session_does_not_outlast_its_limit),
		TEST(a_quarantine_that_falls_silent_defers_the_mail_in_bounded_time),
		TEST(a_flagged_recipient_behind_a_good_one_comes_again_by_itself),
		TEST(a_good_recipient_behind_a_redirected_one_comes_again_and_is_not_redirected),
		TEST(the_mail_behind_a_redirected_one_is_sent_away_with_421),
		TEST(a_server_that_speaks_while_the_quarantine_is_asked_keeps_the_session),
		TEST(a_session_that_goes_blind_at_the_quarantine_is_reset_and_told),
		TEST(a_session_that_ends_while_it_is_being_decided_is_told_and_reset),
		TEST(a_gap_that_stays_while_the_line_waits_resets_both_ends),
		TEST(a_client_that_hangs_up_behind_the_flagged_line_does_not_let_it_slip),
		TEST(a_gap_of_some_seconds_in_a_paced_mail_is_waited_for),
		TEST(text_behind_a_gap_in_a_paced_mail_is_at_the_quarantine_before_the_gap_is_filled),
		TEST(a_gap_that_stays_in_a_paced_mail_has_its_client_try_again),
		TEST(whichever_frame_is_lost_a_paced_mail_arrives),
		TEST(whichever_frame_is_late_a_paced_mail_arrives),
		TEST(whichever_two_frames_are_lost_or_late_a_paced_mail_arrives),
		TEST(whenever_the_wire_is_cut_the_place_is_given_back_in_bounded_time),
		TEST(a_session_of_which_one_end_does_not_close_is_reset_after_a_minute),
		TEST(a_session_that_ends_before_the_answer_to_its_mail_is_told_without_one),
		TEST(a_session_above_the_limit_is_refused_until_a_place_is_free),
		TEST(sessions_that_fail_one_after_another_never_meet_a_full_pool),
		TEST(what_comes_late_of_a_session_that_was_given_back_reaches_no_server),
		TEST(on_a_wire_that_loses_frames_the_mail_arrives_once_and_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
