/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets of two mail flows through the whole pipeline, with rules. Octet 0:
 * marks of the configuration; octet 1: refusals a session, 8: there is a
 * quarantine, 16: the rules are on names of servers, and there are more lines; then steps, each of a head and what it
 * asks for. Head: 7 what, 8 the server's, 16 the second flow.
 *
 *   0, 1  a segment: octets; 32: what is odd about it follows; 64: what leaves is lost; 128: waits for a burst
 *   2     the last segment of this end once more, 32, 64, 128 as above
 *   3     handshake
 *   4     the next segment has one of the lines below
 *   5     time passes
 *   6     any frame; 16: a segment of the quarantine to the flow of 8, by number
 *   7     buffers that may still be made
 *
 * The ends acknowledge what reaches them. Whatever comes: each packet given
 * leaves or goes back once; a right checksum stays right; and of a flow without a
 * verdict everything leaves, octet for octet, but where a retransmission differed,
 * or where a part of a segment may leave before the rest.
 */
#include "line.h"
#include "pipeline.h"
#include "rules.h"

#include "../unit/frame.h"

enum { LONGEST = 4000, FLOWS = 2, BURST = 8 };
/* Marks of the configuration. */
enum {
	ANY_PORT = 1,
	LATE = 2,
	NO_CHECKSUMS = 4,
	SMALL = 8,
	BLIND_RESET = 16,
	NO_RULES = 32,
	FEW_BUFFERS = 64,
	SIX = 128,
};
/* What is odd about a segment; each but WRONG and FRAGMENTS takes an octet. */
enum { SEQ = 1, FLAGS = 2, ACKED = 4, WRONG = 8, OPTIONS = 16, WINDOW = 32, FRAGMENTS = 64, SHAPE = 128 };
/* Marks of a packet: its flow, and: */
enum { MARK_FLOW = 1, MARK_WILD = 2, MARK_RIGHT = 4, MARK_FAR = 8, MARK_PIECE = 16 };
/* Segments of the quarantine, from this number on; below it: one of the lines. */
enum { FAR_RST = 0xfc, FAR_FIN, FAR_ACK, FAR_SYN };

static const uint8_t far_addr[4] = { 10, 0, 0, 9 };

static const char *const lines[] = {
	"220 mx ESMTP\r\n",
	"EHLO c\r\n",
	"250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n",
	"MAIL FROM:<a@example.com>\r\n",
	"250 2.0.0 ok\r\n",
	"RCPT TO:<x@army.mil>\r\n",
	"RCPT TO:<x@army.ml>\r\n",
	"RCPT TO:<x@later.example>\r\n",
	"RCPT TO:<x@reset.example>\r\n",
	"RCPT TO:<x@drop.example>\r\n",
	"RCPT TO:<x@gouv.army.ml>\r\n",
	"MAIL FROM:<x@navy.ml>\r\n",
	"DATA\r\n",
	"354 go\r\n",
	"text\r\n.\r\n",
	"BDAT 4 LAST\r\nabcd",
	"STARTTLS\r\n",
	"RSET\r\n",
	"QUIT\r\n",
	"221 bye\r\n",
	"550 no\r\n",
	"421 closing\r\n",
	"MAIL FROM:<a@b.c>\r\nRCPT TO:<x@army.ml>\r\nRCPT TO:<y@army.mil>\r\nDATA\r\n",
	"250-a\r\n250 b\r\n550 c\r\n",
	"AUTH LOGIN\r\n",
	"334 x\r\n",
	"RCPT TO:<x@attic.example>\r\n",
	/* where the rules are on names of servers */
	"220 mail.army.ml ESMTP\r\n",
	"220-later.example\r\n220 text\r\n",
	"220 mx.af.ml\r\n",
	"220 mx.reset.example\r\n",
	"220 mx.drop.example\r\n",
	"220 mx1.example\r\n",
	"250-mail.army.ml\r\n250-PIPELINING\r\n250 STARTTLS\r\n",
	"250 gouv.army.ml\r\n",
	"HELO c\r\n",
	"NOOP\r\n",
	"EHLO c\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<x@army.mil>\r\nDATA\r\n",
};
enum { ALL_LINES = sizeof lines / sizeof lines[0], PLAIN_LINES = ALL_LINES - 11 };

/* One end of a flow, in its own numbers. */
struct end {
	uint32_t nxt, want;
	uint32_t again; /* the last segment */
	uint8_t again_flags;
	uint8_t text[256];
	size_t text_len;
};

/* Octets that an end has sent, by the low 16 bits of their numbers. */
struct sent {
	uint8_t octet[1 << 16];
	uint8_t times[1 << 16]; /* 0: never; 2: more than once, and not the same */
};

static struct sent sent[FLOWS][2];

static struct world {
	struct line line;
	struct front scratch; /* where frames are made */
	struct counters ctr;
	struct pipeline *pl;
	const struct ruleset *rules;
	struct end end[FLOWS][2];
	struct end far[FLOWS]; /* the quarantine's */
	bool touched[FLOWS];   /* there was a verdict */
	bool in_burst[FLOWS];
	bool wild;         /* frames that the target did not make may belong to any flow */
	bool quarantine;   /* there is one */
	unsigned lines;    /* of `lines`, that a step may choose */
	bool lose;         /* what leaves is lost */
	uint64_t verdicts; /* before the packets at hand */
	struct packet *burst[BURST];
	unsigned waiting;
	uint8_t marks;
	uint64_t now;
	unsigned given, left, lost;
} w;

static uint64_t
verdicts(void)
{
	const uint64_t *v = w.ctr.value;

	return v[CTR_verdict_reject] + v[CTR_verdict_defer] + v[CTR_verdict_reset] + v[CTR_verdict_drop] +
	       v[CTR_verdict_quit] + (w.quarantine ? v[CTR_flagged] + v[CTR_redirect_later] : 0);
}

/* Flow `i` may leave otherwise than it came. */
static bool
touched(unsigned i)
{
	return w.wild || (w.marks & BLIND_RESET) || w.touched[i] || (w.in_burst[i] && verdicts() != w.verdicts);
}

/* A segment that left reaches its end. */
static void
deliver(const struct packet *p)
{
	bool server = p->h.src_port == 25;
	unsigned flow = (unsigned)(server ? p->h.dst_port : p->h.src_port) - 40000u;
	uint32_t end = p->h.seq + p->h.payload_len + ((p->h.tcp_flags & (SYN | FIN)) != 0);

	if (w.lose || flow >= FLOWS || (p->h.tcp_flags & RST))
		return;
	bool away = p->h.ip_version == 4 && memcmp(p->data + p->h.l3 + 16, far_addr, 4) == 0;
	uint32_t *want = away ? &w.far[flow].want : &w.end[flow][!server].want;
	if (away && p->h.tcp_flags & SYN)
		*want = p->h.seq;
	if (seq_leq(p->h.seq, *want) && seq_lt(*want, end))
		*want = end;
}

static void
note_sent(struct sent *to, uint32_t seq, struct view text)
{
	for (size_t i = 0; i < text.len; i++, seq++) {
		uint8_t *octet = &to->octet[seq & 0xffff], *times = &to->times[seq & 0xffff];
		*times = *times == 0 || (*times == 1 && *octet == text.at[i]) ? 1 : 2;
		*octet = text.at[i];
	}
}

/* A segment that carries octets, and none but those that its end has sent there. */
static bool
is_part_of_what_came(const struct packet *p)
{
	bool server = p->h.src_port == 25;
	unsigned flow = (unsigned)(server ? p->h.dst_port : p->h.src_port) - 40000u;
	uint32_t seq = p->h.seq + (p->h.tcp_flags & SYN ? 1 : 0);

	for (unsigned i = 0; flow < FLOWS && i < p->h.payload_len; i++, seq++) {
		const struct sent *of = &sent[flow][server];
		uint8_t times = of->times[seq & 0xffff];
		if (times == 0 || (times == 1 && of->octet[seq & 0xffff] != p->data[p->h.payload + i]))
			return false;
	}
	return flow < FLOWS && p->h.payload_len > 0 && !(p->h.tcp_flags & RST);
}

/* Nothing but octets of a differing retransmission, and the checksum over them, may have changed. */
static void
as_it_came_but_for_overlaps(const struct car *car, const struct packet *now)
{
	if (line_as_it_came(car))
		return;
	/* A part may leave before the rest, or for the other end to have what left before. */
	if (car->mark & MARK_PIECE && w.ctr.value[CTR_held_packets] > 0)
		return;
	if (now->len < car->came_len) {
		PROMISE(w.ctr.value[CTR_held_packets] > 0);
		PROMISE(is_part_of_what_came(now));
		return;
	}
	PROMISE(now->len == car->came_len);
	PROMISE(w.ctr.value[CTR_overlap_rewritten] > 0);
	if (now->h.fragment)
		return;
	PROMISE(memcmp(now->data, car->came, now->h.l4 + 16u) == 0);
	PROMISE(memcmp(now->data + now->h.l4 + 18, car->came + now->h.l4 + 18, now->h.payload - now->h.l4 - 18u) == 0);
}

static void
leaves(struct line *line, const struct car *car, enum side side)
{
	struct packet now = car->packet;
	enum decode_result found = headers_decode(&now);

	w.left += car->given;
	if (!car->given)
		PROMISE(found == DECODE_TCP || found == DECODE_FRAGMENT);
	if (found == DECODE_TCP && !(w.marks & NO_CHECKSUMS) && (!car->given || car->mark & MARK_RIGHT))
		PROMISE(checksum_tcp_ok(&now));
	if (!car->given)
		PROMISE(touched(0) || touched(1) || (found == DECODE_TCP && is_part_of_what_came(&now)));
	else if (car->mark & MARK_WILD)
		PROMISE(side != car->packet.side);
	else if (!(car->mark & MARK_FAR) && !touched(car->mark & MARK_FLOW))
		as_it_came_but_for_overlaps(car, &now);
	if (found == DECODE_TCP)
		deliver(&now);
}

static void
lost(struct line *line, const struct car *car)
{
	w.lost++;
	/*
	 * While packets are held, what comes again is not needed, and what closes no gap is not taken above the
	 * cap of a flow: its sender sends it again.
	 */
	PROMISE(car->mark & MARK_FAR || touched(car->mark & MARK_FLOW) || w.ctr.value[CTR_held_packets] > 0);
}

static void
on_event(void *ctx, const struct event *e)
{
	PROMISE(e->action < ACTION_COUNT && e->applied < ACTION_COUNT);
	PROMISE(e->address_len <= sizeof e->address && e->domain_len <= sizeof e->domain);
	PROMISE(memchr(e->rule, '\0', sizeof e->rule) != NULL && memchr(e->means, '\0', sizeof e->means) != NULL);
	PROMISE(e->ip_version == 4 || e->ip_version == 6);
}

/* Flows at hand have had a verdict if there was one. */
static void
note_verdicts(void)
{
	for (unsigned i = 0; i < FLOWS; i++) {
		w.touched[i] |= w.in_burst[i] && verdicts() != w.verdicts;
		w.in_burst[i] = false;
	}
	w.verdicts = verdicts();
}

static void
run_burst(void)
{
	w.now += 1000000;
	if (w.waiting > 0)
		pipeline_burst(w.pl, w.rules, w.burst, w.waiting, w.now, w.now);
	w.waiting = 0;
	note_verdicts();
}

static void
give(struct view frame, unsigned mark, uint8_t side)
{
	struct packet *p = line_frame(&w.line, frame, mark);

	w.given++;
	p->side = side;
	p->time_ns = w.now;
	w.burst[w.waiting++] = p;
	if (mark & MARK_WILD)
		w.wild = true;
	else
		w.in_burst[mark & MARK_FLOW] = true;
	if (w.waiting == BURST)
		run_burst();
}

/* The frame of p as two fragments of IPv4, or not, where it cannot be. */
static void
give_in_two(const struct packet *p, unsigned mark)
{
	uint8_t frame[600];
	unsigned from = p->h.l4 + 24u, all = p->h.payload + p->h.payload_len, rest = all - from;

	if (p->h.ip_version != 4 || all <= from || all > sizeof frame) {
		give(view_of(p->data, p->len), mark, p->side);
		return;
	}
	memcpy(frame, p->data, from);
	store_be16(frame + p->h.l3 + 6, 0x2000);
	store_be16(frame + p->h.l3 + 2, (uint16_t)(from - p->h.l3));
	checksum_ipv4_header(frame + p->h.l3);
	give(view_of(frame, from), (mark & ~(unsigned)MARK_RIGHT) | MARK_PIECE, p->side);
	memcpy(frame + p->h.l4, p->data + from, rest);
	store_be16(frame + p->h.l3 + 6, 24 / 8);
	store_be16(frame + p->h.l3 + 2, (uint16_t)(p->h.l4 + rest - p->h.l3));
	checksum_ipv4_header(frame + p->h.l3);
	give(view_of(frame, p->h.l4 + rest), (mark & ~(unsigned)MARK_RIGHT) | MARK_PIECE, p->side);
}

/* TCP options of a kind: timestamps, SACK around what is wanted, offers of a SYN, a signature. */
static struct view
options_of(uint8_t kind, uint32_t ack, uint8_t out[40])
{
	static const uint8_t offers[] = { 2, 4, 2, 0, 3, 3, 7, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0 };

	memset(out, 1, 40);
	switch (kind & 3) {
	case 0:
		memcpy(out + 2, "\x08\x0a", 2);
		store_be32(out + 4, kind);
		return view_of(out, 12);
	case 1:
		memcpy(out + 2, "\x05\x12", 2);
		store_be32(out + 4, ack + (kind >> 2));
		store_be32(out + 8, ack + (kind >> 1));
		store_be32(out + 12, ack + kind);
		store_be32(out + 16, ack + kind + 9);
		return view_of(out, 20);
	case 2:
		return view_of(offers, sizeof offers);
	default:
		memcpy(out + 2, "\x13\x12", 2);
		out[3] = kind & 4 ? 18 : kind;
		return view_of(out, 20);
	}
}

/* A segment of `text` from an end; `head` and what is odd about it in `in`. */
static void
segment(uint8_t head, uint32_t seq, uint8_t flags, struct view text, struct view *in)
{
	unsigned flow = head >> 4 & 1, dir = head >> 3 & 1;
	struct end *end = &w.end[flow][dir];
	uint8_t odd = head & 32 ? take_octet(in) : 0, options[40], shape;
	struct frame f = {
		.dir = (uint8_t)dir,
		.flags = flags,
		.version = w.marks & SIX ? 6 : 4,
		.vlan = w.marks & SIX ? 100 : 0,
		.payload = text,
	};

	f.seq = seq + (odd & SEQ ? (uint32_t)(int8_t)take_octet(in) : 0);
	f.flags = odd & FLAGS ? take_octet(in) : f.flags;
	note_sent(&sent[flow][dir], f.seq + (f.flags & SYN ? 1 : 0), text);
	f.ack = end->want + (odd & ACKED ? (uint32_t)(int8_t)take_octet(in) : 0);
	f.options = odd & OPTIONS ? options_of(take_octet(in), f.ack, options) : (struct view){ 0 };
	f.window = odd & WINDOW ? (uint16_t)(take_octet(in) << 8) : 60000;
	shape = odd & SHAPE ? take_octet(in) : 0;
	f.padding = shape & 7;
	f.ip_options = shape & 0x18;
	struct packet *p = frame_make(&w.scratch, &f);
	store_be16(p->data + p->h.l4, (uint16_t)(dir == 0 ? 40000 + flow : 25));
	store_be16(p->data + p->h.l4 + 2, (uint16_t)(dir == 0 ? 25 : 40000 + flow));
	checksum_rewrite(p);
	p->data[p->h.l4 + 16] ^= odd & WRONG ? 1 : 0;
	end->nxt = seq_max(end->nxt, f.seq + (uint32_t)text.len + ((f.flags & (SYN | FIN)) != 0));
	w.lose = head & 64;
	if (odd & FRAGMENTS)
		give_in_two(p, flow | (odd & WRONG ? 0 : MARK_RIGHT));
	else
		give(view_of(p->data, p->len), flow | (odd & WRONG ? 0 : MARK_RIGHT), (uint8_t)dir);
	front_release(&w.scratch, p);
	if (!(head & 128))
		run_burst();
}

static void
say(uint8_t head, struct view text, struct view *in)
{
	struct end *end = &w.end[head >> 4 & 1][head >> 3 & 1];

	end->again = end->nxt;
	end->again_flags = ACK | PSH;
	end->text_len = text.len;
	if (text.len > 0)
		memcpy(end->text, text.at, text.len);
	segment(head, end->nxt, ACK | PSH, view_of(end->text, text.len), in);
}

static void
handshake(unsigned flow)
{
	struct end *c = &w.end[flow][0], *s = &w.end[flow][1];
	uint8_t head = (uint8_t)(flow << 4);
	struct view none = { 0 };

	c->nxt = s->want = 0xfffffff0u; /* wraps early on */
	s->nxt = c->want = 0xffffff80u;
	segment(head, c->nxt, SYN, none, &none);
	segment(head | 8, s->nxt, SYN | ACK, none, &none);
	segment(head, c->nxt, ACK, none, &none);
}

static void
far_segment(unsigned flow, uint8_t number)
{
	static const uint8_t flags[] = { RST | ACK, FIN | ACK, ACK, SYN | ACK }, mss[] = { 2, 4, 5, 0xb4 };
	struct end *far = &w.far[flow];
	const char *text = number < FAR_RST ? lines[number % w.lines] : "";
	struct frame f = {
		.dir = 1,
		.seq = far->nxt,
		.ack = far->want,
		.flags = number < FAR_RST ? ACK | PSH : flags[number - FAR_RST],
		.options = view_of(mss, number == FAR_SYN ? sizeof mss : 0),
		.window = 60000,
		.payload = view_of(text, strlen(text)),
	};
	struct packet *p = frame_make(&w.scratch, &f);

	memcpy(p->data + p->h.l3 + 12, far_addr, sizeof far_addr);
	store_be16(p->data + p->h.l4 + 2, (uint16_t)(40000 + flow));
	checksum_rewrite(p);
	far->nxt += (uint32_t)f.payload.len + ((f.flags & (SYN | FIN)) != 0);
	w.lose = false;
	w.in_burst[flow] = true;
	give(view_of(p->data, p->len), flow | MARK_FAR, SIDE_OUTSIDE);
	front_release(&w.scratch, p);
	run_burst();
}

static void
pass_time(uint64_t ms)
{
	run_burst();
	w.now += ms * 1000000;
	w.in_burst[0] = w.in_burst[1] = true;
	pipeline_tick(w.pl, w.rules, w.now, w.now);
	note_verdicts();
}

static void
step(struct view *in)
{
	uint8_t head = take_octet(in), number;
	struct end *end = &w.end[head >> 4 & 1][head >> 3 & 1];

	switch (head & 7) {
	case 2:
		segment(head, end->again, end->again_flags, view_of(end->text, end->text_len), in);
		break;
	case 3:
		run_burst();
		handshake(head >> 4 & 1);
		break;
	case 4:
		number = take_octet(in) % w.lines;
		say(head, view_of(lines[number], strlen(lines[number])), in);
		break;
	case 5:
		number = take_octet(in);
		pass_time((uint64_t)number * number);
		break;
	case 6:
		if (head & 16) {
			far_segment(head >> 3 & 1, take_octet(in));
			break;
		}
		give(take_view(in, take_octet(in)), MARK_WILD, head >> 3 & 1);
		run_burst();
		break;
	case 7:
		w.line.allocs_left = take_octet(in);
		break;
	default:
		say(head, take_view(in, take_octet(in)), in);
	}
}

static struct pipeline *
pipeline_of(uint8_t marks, uint8_t refusals)
{
	struct pipeline_config c;

	pipeline_config_default(&c);
	c.sample_every = 1;
	c.port_count = marks & ANY_PORT ? 0 : 2;
	c.late_events = c.every_address = marks & LATE;
	c.ignore_checksums = marks & NO_CHECKSUMS;
	c.when_blind = marks & BLIND_RESET ? POLICY_RESET : POLICY_PASS;
	c.noop_limit = 1 + refusals % 8;
	c.flows = (struct flow_limits){ .flows = marks & FEW_BUFFERS ? 1 : 8,
					.embryonic_ns = 2000000000,
					.established_ns = 9000000000,
					.closing_ns = 100000000 };
	c.tcp = (struct tcp_limits){ .held_per_flow = marks & SMALL ? 2 : 16,
				     .held_per_worker = marks & SMALL ? 3 : 64,
				     .hold_ns = 300000000 };
	c.fragments = (struct fragment_limits){ .datagrams = 4, .packets = 16, .timeout_ns = 200000000 };
	c.line_buffers = c.edits = marks & FEW_BUFFERS ? 1 : 4;
	c.splices = refusals & 8 ? 2 : 0;
	return pipeline_new(&c, &w.line.ops, &w.ctr, on_event, NULL);
}

static void
open_quarantine(void)
{
	struct quarantine_table table = {
		.generation = 1,
		.count = 1,
		.fallback = ACTION_REJECT,
		.sessions = 2,
		.setup_ms = 500,
		.answer_ms = 2000,
		.session_s = 5,
		.entry = { { .name = "attic", .port = 25, .ip_version = 4, .healthy = true, .caps = 0xffff } },
	};

	memcpy(table.entry[0].addr, far_addr, sizeof far_addr);
	w.quarantine = true;
	pipeline_quarantines(w.pl, &table);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct ruleset *rules, *banner_rules;
	struct view in = view_of(data, len);

	if (len > LONGEST)
		return 0;
	if (rules == NULL)
		rules = load_text(fuzz_rules);
	if (banner_rules == NULL)
		banner_rules = load_text(fuzz_banner_rules);
	memset(&w, 0, sizeof w);
	memset(sent, 0, sizeof sent);
	line_init(&w.line, leaves);
	w.line.lost = lost;
	front_init(&w.scratch);
	w.marks = take_octet(&in);
	w.now = 1000000000;
	uint8_t refusals = take_octet(&in);
	w.lines = refusals & 16 ? ALL_LINES : PLAIN_LINES;
	w.rules = w.marks & NO_RULES ? NULL : refusals & 16 ? banner_rules : rules;
	w.pl = pipeline_of(w.marks, refusals);
	PROMISE(w.pl != NULL);
	if (refusals & 8)
		open_quarantine();
	while (in.len > 0)
		step(&in);
	run_burst();
	w.in_burst[0] = w.in_burst[1] = true;
	pipeline_drain(w.pl, w.rules, w.now, w.now);
	PROMISE(flow_table_count(pipeline_flows(w.pl)) == 0);
	PROMISE(w.line.alive == 0);
	pipeline_free(w.pl);
	PROMISE(w.left + w.lost == w.given);
	PROMISE(w.ctr.value[CTR_changed_unjudged] == 0);
	PROMISE(w.scratch.alive == 0);
	return 0;
}
