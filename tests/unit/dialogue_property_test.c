/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole sessions between two model ends, through the whole pipeline, over
 * paths that lose, repeat, reorder, damage and cut: what each end gets to read
 * must be what a session without any of that gives. Recipients at typo.example
 * are refused by the box, all others by the server's own mind.
 *
 * POSTERN_SEED and POSTERN_STEPS (frames through the box) choose or lengthen a run, POSTERN_FIRST is the session that
 * it begins with; each run is another with POSTERN_LONG.
 */
#include "internal.h" /* the reference of the next refusal */
#include "model_ends.h"
#include "small.h"

#define STEPS        1000000
#define COMMANDS_MAX 1400

/* A client command and what must come of it. */
enum outcome {
	PASSES,  /* the server sees and answers it */
	REFUSED, /* flagged: 550 of ours; the server sees NOOP, a spoiled line, or nothing */
	BODY,    /* message text: sent after 354 only */
};

struct command {
	uint32_t at, len; /* in `script` */
	enum outcome outcome;
	bool sync;      /* nothing is sent before its answer */
	char reply[48]; /* beginning of its answer */
};

static struct dialogue {
	char script[STREAM_MAX];
	struct command command[COMMANDS_MAX];
	unsigned commands;
	bool flagged; /* any REFUSED */
	bool noop_is_500;
	bool lies; /* the client, when it says something again */
	bool given_up;
	bool pipelining; /* offered; the client pipelines whether or not */
	/* The client */
	unsigned sent, answered;
	uint32_t read;
	bool skip_body; /* DATA was refused */
	/* The server */
	uint32_t taken;
	bool in_body;
	unsigned accepted, noops, spoiled;
	uint32_t expect; /* next command of the script that the server must see */
	uint64_t in_sum, out_sum;
} d;

/*
 * A second box takes a copy of each frame, every segment the long way (tcp/express.h):
 * what leaves, what is counted and what is told must be the same.
 */
static struct long_way {
	struct front front;
	struct pipeline *pl;
	struct counters ctr;
	uint64_t told, net_told; /* of the events of this box, and of the other */
} long_way;

static unsigned total_lies, total_noops, total_sessions, total_reset, total_given_up, total_refused, total_spoiled,
	total_jumps;

static void
add(enum outcome outcome, bool sync, const char *reply, const char *text)
{
	struct command *c = &d.command[d.commands++];

	c->at = d.commands > 1 ? c[-1].at + c[-1].len : 0;
	c->len = (uint32_t)strlen(text);
	memcpy(d.script + c->at, text, c->len);
	c->outcome = outcome;
	c->sync = sync;
	snprintf(c->reply, sizeof c->reply, "%s", reply);
	d.flagged |= outcome == REFUSED;
}

/* A body full of lines that look like commands, and of dots. */
static void
add_body(void)
{
	static const char *const lines[] = {
		"RCPT TO:<x@typo.example>\r\n",
		"MAIL FROM:<x@typo.example>\r\n",
		"..\r\n",
		"...RCPT TO:<a@typo.example>\r\n",
		"\r\n",
		"QUIT\r\n",
		"BDAT 5 LAST\r\n",
		".. \r\n",
		"STARTTLS\r\n",
		"Subject: x@typo.example\r\n",
	};
	char body[2048] = "", reply[32];
	unsigned sum = 0;

	for (unsigned n = rnd(40); n > 0; n--)
		strcat(body, lines[rnd(10)]);
	for (const char *s = body; *s != '\0'; s++)
		sum = sum * 31 + (uint8_t)*s;
	strcat(body, ".\r\n");
	snprintf(reply, sizeof reply, "250 2.0.0 %08x", sum);
	add(BODY, true, reply, body);
}

static void
add_recipient(unsigned n, bool flagged, bool lock_step, unsigned *good)
{
	char line[64], reply[48];

	if (flagged) {
		snprintf(line, sizeof line, "RCPT TO:<r%u@typo.example>\r\n", n);
		add(REFUSED, lock_step, "550 5.1.2 typo.example", line);
	} else if (rnd(8) == 0) {
		snprintf(line, sizeof line, "RCPT TO:<no%u@other.example>\r\n", n);
		snprintf(reply, sizeof reply, "550 5.1.1 <no%u@other.example>", n);
		add(PASSES, lock_step, reply, line);
	} else {
		snprintf(line, sizeof line, "RCPT TO:<r%u@other.example>\r\n", n);
		snprintf(reply, sizeof reply, "250 2.1.5 <r%u@other.example>", n);
		add(PASSES, lock_step, reply, line);
		(*good)++;
	}
}

/* A session of some transactions; now and then one of a thousand recipients. */
static void
write_script(void)
{
	bool lock_step = rnd(3) == 0;
	unsigned flagged_of_8 = rnd(4) == 0 ? 0 : rnd(9);
	unsigned n = 0;

	d.commands = 0;
	d.flagged = false;
	add(PASSES, true, "250-mx", "EHLO client.example\r\n");
	for (unsigned mails = 1 + rnd(3); mails > 0; mails--) {
		unsigned good = 0;
		unsigned recipients = rnd(40) == 0 ? 1000 : 1 + rnd(rnd(3) ? 6 : 60);
		if (d.commands + recipients + 10 > COMMANDS_MAX)
			break;
		add(PASSES, lock_step, "250 2.1.0", "MAIL FROM:<a@client.example> SIZE=1000\r\n");
		while (recipients-- > 0)
			add_recipient(n++, rnd(8) < flagged_of_8, lock_step, &good);
		add(PASSES, true, good > 0 ? "354" : "503 5.5.1", "DATA\r\n");
		if (good > 0)
			add_body();
		else
			add(PASSES, lock_step, "250 2.0.0 flushed", "RSET\r\n");
	}
	add(PASSES, true, "221", "QUIT\r\n");
}

static void
say(unsigned dir, const char *text, size_t len)
{
	struct model_end *e = &net.end[dir];

	if (e->closing || e->reset)
		return;
	assert_true(e->out_len + len <= STREAM_MAX);
	memcpy(e->out + e->out_len, text, len);
	e->out_len += (uint32_t)len;
}

/* The box reads the session no further, and has said why: what is flagged passes, and the session is left there. */
static bool
given_up(void)
{
	d.given_up |= is_unread();
	return d.given_up;
}

/* The server answers a line. */
static void
server_line(const char *line, size_t len)
{
	char reply[128];
	char address[64] = "";
	const struct command *c;

	if (memcmp(line, "NOOP", 4) == 0) {
		d.noops++;
		snprintf(reply, sizeof reply, "%s",
			 d.noop_is_500 ? "500 5.5.2 what\r\n"
			 : rnd(2)      ? "250 ok\r\n"
				       : "250-well\r\n250 ok\r\n");
		say(DIR_SERVER, reply, strlen(reply));
		return;
	}
	if (len > 4 && line[len - 3] == '@' && line[len - 4] == '@') {
		d.spoiled++;
		say(DIR_SERVER, "501 5.1.3 syntax\r\n", 18);
		return;
	}
	while (d.command[d.expect].outcome == REFUSED)
		d.expect++;
	c = &d.command[d.expect++];
	bool same = len == c->len && memcmp(line, d.script + c->at, len) == 0;
	if (!same && given_up())
		return;
	if (!same)
		wrong("the server got \"%.*s\" instead of \"%.*s\"", (int)len, line, (int)c->len, d.script + c->at);
	const char *open = memchr(line, '<', len);
	if (open != NULL)
		snprintf(address, sizeof address, "%.*s", (int)(strchr(open, '>') + 1 - open), open);
	if (line[0] == 'E')
		snprintf(reply, sizeof reply, "250-mx\r\n250-%s\r\n250-X-RCPT TO:<x@typo.example>\r\n250 HELP\r\n",
			 d.pipelining ? "PIPELINING" : "8BITMIME");
	else if (line[0] == 'M')
		snprintf(reply, sizeof reply, "250 2.1.0 %s\r\n", address);
	else if (strncmp(address, "<no", 3) == 0)
		snprintf(reply, sizeof reply, "550 5.1.1 %s\r\n", address);
	else if (line[0] == 'R' && line[1] == 'C')
		snprintf(reply, sizeof reply, "250 2.1.5 %s%s\r\n", address, ++d.accepted ? "" : "");
	else if (line[0] == 'R')
		snprintf(reply, sizeof reply, "250 2.0.0 flushed\r\n");
	else if (line[0] == 'Q')
		snprintf(reply, sizeof reply, "221 bye\r\n");
	else {
		snprintf(reply, sizeof reply, d.accepted > 0 ? "354 go\r\n" : "503 5.5.1 no recipients\r\n");
		d.in_body = d.accepted > 0;
		d.accepted = 0;
	}
	say(DIR_SERVER, reply, strlen(reply));
	if (line[0] == 'Q')
		net.end[DIR_SERVER].closing = true;
}

/* Up to the dot line: what was sent, octet for octet. */
static bool
server_body(const char *in, size_t len)
{
	const struct command *c = &d.command[d.expect];
	char reply[64];

	if (len < c->len)
		return false;
	assert_int_equal(c->outcome, BODY);
	if (memcmp(in, d.script + c->at, c->len) != 0)
		wrong("a message was changed");
	d.taken += c->len;
	d.expect++;
	d.in_body = false;
	snprintf(reply, sizeof reply, "%s queued\r\n", c->reply);
	say(DIR_SERVER, reply, strlen(reply));
	return true;
}

static void
server_read(void)
{
	const struct model_end *e = &net.end[DIR_SERVER];

	for (;;) {
		const char *in = (const char *)e->in + d.taken;
		size_t len = e->got - d.taken;
		if (d.in_body) {
			if (!server_body(in, len))
				return;
			continue;
		}
		const char *lf = len > 0 ? memchr(in, '\n', len) : NULL;
		if (lf == NULL)
			return;
		d.taken += (uint32_t)(lf + 1 - in);
		server_line(in, (size_t)(lf + 1 - in));
	}
}

/* Sends up to the next command whose answer decides. */
static void
client_talk(void)
{
	if (d.answered == 0)
		return; /* the greeting first */
	while (d.sent < d.commands && (d.sent == 0 || !d.command[d.sent - 1].sync || d.answered > d.sent)) {
		const struct command *c = &d.command[d.sent++];
		say(DIR_CLIENT, d.script + c->at, c->len);
	}
}

static void
client_read(void)
{
	struct model_end *e = &net.end[DIR_CLIENT];

	for (;;) {
		const char *in = (const char *)e->in + d.read;
		size_t len = e->got - d.read;
		const char *lf = len > 0 ? memchr(in, '\n', len) : NULL;
		if (lf == NULL)
			break;
		const char *want = d.answered == 0 ? "220 " : d.command[d.answered - 1].reply;
		bool first = d.read == 0 || in[-1] == '\n';
		assert_true(first);
		d.read += (uint32_t)(lf + 1 - in);
		if (in[3] == '-' && want[3] != '-')
			wrong("\"%.*s\" continues no reply", (int)(lf - in), in);
		if (in[3] == '-')
			continue;
		if (d.answered > d.sent)
			wrong("\"%.*s\" answers nothing", (int)(lf - in), in);
		bool same = strncmp(in, want, want[3] == '-' ? 3 : strlen(want)) == 0;
		if (!same && given_up())
			return;
		if (!same)
			wrong("command %u was answered \"%.*s\" instead of \"%s\"", d.answered, (int)(lf - in), in,
			      want);
		if (d.answered++ == d.commands)
			e->closing = true;
	}
	client_talk();
}

static uint64_t
hash(const struct packet *p)
{
	uint64_t h = 14695981039346656037u;

	for (uint32_t i = 0; i < p->len; i++)
		h = (h ^ p->data[i]) * 1099511628211u;
	return h ^ h >> 29;
}

static void
compare_long_way(const struct packet *p)
{
	struct packet *q = front_take(&long_way.front);

	if (q == NULL || q->len != p->len || q->side != p->side || memcmp(q->data, p->data, p->len) != 0)
		wrong("the long way lets another frame out");
	front_release(&long_way.front, q);
}

static void
take_from_box(void)
{
	struct packet *p;

	while ((p = front_take(&net.front)) != NULL) {
		compare_long_way(p);
		d.out_sum += hash(p);
		if (headers_decode(p) != DECODE_TCP) {
			front_release(&net.front, p);
			continue;
		}
		p->dir = p->h.src_port == 25;
		launch(p, true);
	}
	if (front_take(&long_way.front) != NULL)
		wrong("the long way lets a frame more out");
}

static bool
take_flow(void *ctx, const struct flow *f)
{
	*(const struct flow **)ctx = f;
	return false;
}

/* What both boxes know of the connection, where nothing is held. */
static void
compare_flows(void)
{
	const struct flow *f = NULL, *g = NULL;
	uint32_t at = 0, g_at = 0;

	flow_table_visit(pipeline_flows(net.pl), &at, 1, take_flow, &f);
	flow_table_visit(pipeline_flows(long_way.pl), &g_at, 1, take_flow, &g);
	if (f == NULL || g == NULL || f->tcp.half[0].held != NULL || f->tcp.half[1].held != NULL)
		return;
	if (memcmp(&f->tcp, &g->tcp, sizeof f->tcp) != 0)
		wrong("the long way leaves other marks");
	if (f->smtp.line == NULL && memcmp(&f->smtp, &g->smtp, sizeof f->smtp) != 0)
		wrong("the long way reads another session");
}

static void
through_long_way(const struct packet *p)
{
	struct packet *copy = front_alloc(&long_way.front, p->len + p->room);

	memcpy(copy->data, p->data, p->len);
	copy->len = p->len;
	copy->room -= p->len;
	copy->side = p->side;
	copy->time_ns = p->time_ns;
	pipeline_burst(long_way.pl, net.rules, &copy, 1, net.now, net.now);
}

static void
tick(void)
{
	pipeline_tick(long_way.pl, net.rules, net.now, net.now);
	pipeline_tick(net.pl, net.rules, net.now, net.now);
	take_from_box();
}

static void
drain(void)
{
	pipeline_drain(long_way.pl, net.rules, net.now, net.now);
	pipeline_drain(net.pl, net.rules, net.now, net.now);
	take_from_box();
}

/* Octet `at` of the client's stream is of a command, or of the end of a message that was read below `read`. */
static bool
is_command_octet(uint32_t at, uint32_t read)
{
	const struct command *c = d.command;

	while (c < d.command + d.sent && c->at + c->len <= at)
		c++;
	return c < d.command + d.sent && (c->outcome != BODY || (at + 5 >= c->at + c->len && c->at + c->len <= read));
}

/*
 * A client that says something else when it says it again: octets that the box has
 * read and the server has not acknowledged come with others in their place. (What
 * was acknowledged is nobody's business; text is not kept.)
 */
static void
lie(struct packet *p)
{
	const struct flow *f = NULL;
	uint32_t at = 0, lies = 0;

	flow_table_visit(pipeline_flows(net.pl), &at, 1, take_flow, &f);
	if (f == NULL || headers_decode(p) != DECODE_TCP || p->h.dst_port != 25 || !checksum_tcp_ok(p))
		return;
	const struct tcp_half *h = &f->tcp.half[DIR_CLIENT];
	uint32_t first = net.end[DIR_CLIENT].isn + 1;
	for (uint32_t i = 0; i < p->h.payload_len; i++) {
		uint32_t seq = p->h.seq + i;
		if (!seq_leq(h->acked, seq) || !seq_lt(seq, h->read) || rnd(3) == 0 ||
		    !is_command_octet(seq - first, h->read - first))
			continue;
		p->data[p->h.payload + i] ^= 1;
		lies++;
	}
	if (lies > 0)
		checksum_rewrite(p);
	total_lies += lies;
}

/* p is a sound segment of message text alone, a line of it whole; the box reads that text and has octets before p to
 * wait for. */
static bool
is_text_behind_a_gap(struct packet *p)
{
	const struct command *c = d.command;
	const struct flow *f = NULL;
	uint32_t at = 0;

	flow_table_visit(pipeline_flows(net.pl), &at, 1, take_flow, &f);
	if (f == NULL || headers_decode(p) != DECODE_TCP || p->h.dst_port != 25 || (p->h.tcp_flags & FIN) ||
	    f->fate != FLOW_INSPECT || !smtp_in_text(&f->smtp) || !seq_lt(f->tcp.half[DIR_CLIENT].nxt, p->h.seq))
		return false;
	uint32_t first = p->h.seq - net.end[DIR_CLIENT].isn - 1, end = first + p->h.payload_len;
	while (c < d.command + d.sent && c->at + c->len <= first)
		c++;
	return c < d.command + d.sent && c->outcome == BODY && c->at <= first && end + 5 <= c->at + c->len &&
	       smtp_is_text(view_of(p->data + p->h.payload, p->h.payload_len));
}

/* Segments that were not taken as others are, whatever the cause. */
static uint64_t
set_aside(void)
{
	static const unsigned causes[] = { CTR_bad_checksum, CTR_bad_segment, CTR_old_timestamp, CTR_held_refused };
	uint64_t sum = 0;

	for (unsigned i = 0; i < sizeof causes / sizeof *causes; i++)
		sum += box_counters->value[causes[i]];
	return sum;
}

static void
through_box(struct packet *p)
{
	if (d.lies)
		lie(p);
	bool text = is_text_behind_a_gap(p);
	uint64_t left = box_counters->value[CTR_tx_packets], aside = set_aside();
	p->time_ns = net.now;
	p->dir = 0;
	p->next = NULL;
	p->flags = 0;
	d.in_sum += hash(p);
	through_long_way(p);
	pipeline_burst(net.pl, net.rules, &p, 1, net.now, net.now);
	net.boxed++;
	if (text && set_aside() == aside && box_counters->value[CTR_tx_packets] == left)
		wrong("text behind a gap waits in the box");
	total_jumps += text;
	compare_flows();
	take_from_box();
}

/* Adds the event to a sum over all of them. */
static void
on_event(void *sum, const struct event *e)
{
	const struct event_key key = { { 0 } };
	char text[4096];
	size_t len = event_json(e, &key, true, NULL, text, sizeof text);

	for (size_t i = 0; i < len; i++)
		*(uint64_t *)sum = (*(uint64_t *)sum ^ (uint8_t)text[i]) * 1099511628211u;
}

/* The same box but for the ways of its segments; answers carry the same reference. */
static void
begin_long_way(const struct pipeline_config *like)
{
	struct pipeline_config c = *like;

	c.no_express = true;
	long_way = (struct long_way){ 0 };
	front_init(&long_way.front);
	long_way.pl = pipeline_new(&c, &long_way.front.ops, &long_way.ctr, on_event, &long_way.told);
	assert_non_null(long_way.pl);
	long_way.pl->next_ref = net.pl->next_ref;
}

static void
end_long_way(const struct counters *ctr)
{
	pipeline_free(long_way.pl);
	assert_int_equal(long_way.front.alive, 0);
	for (unsigned i = 0; i < CTR_COUNT; i++)
		if (long_way.ctr.value[i] != ctr->value[i])
			wrong("the long way counts %s %llu", counter_info[i].name,
			      (unsigned long long)long_way.ctr.value[i]);
	assert_int_equal(long_way.told, long_way.net_told);
}

static void
session(struct counters *ctr)
{
	struct pipeline_config c = small_config();
	struct packet_ops ops = net.front.ops;

	memset(ctr, 0, sizeof *ctr);
	box_counters = ctr;
	session_number = total_sessions;
	c.noop_limit = rnd(3) * 4;
	net.pl = pipeline_new(&c, &ops, ctr, on_event, &long_way.net_told);
	assert_non_null(net.pl);
	begin_long_way(&c);
	write_script();
	draw_weather(1);
	d.noop_is_500 = rnd(2);
	d.lies = rnd(2);
	d.pipelining = rnd(2);
	d.sent = d.answered = d.accepted = d.noops = d.spoiled = 0;
	d.read = d.taken = d.expect = 0;
	d.in_body = d.given_up = false;
	d.in_sum = d.out_sum = 0;
	ends_connect(rnd(4) ? 0xffffff00u + rnd(200) : rnd(UINT32_MAX),
		     rnd(4) ? 0xffffff00u + rnd(200) : rnd(UINT32_MAX));
	while (net.flying_count > 0) {
		step();
	}
	say(DIR_SERVER, "220 mx ESMTP\r\n", 14);
	end_push(DIR_SERVER);
}

/* Either end's view is complete; or the session was reset, or given up with its cause counted. */
static void
check(const struct counters *ctr)
{
	bool reset = net.end[0].reset || net.end[1].reset || ctr->value[CTR_verdict_reset] > 0;
	total_reset += reset;
	d.given_up |= is_unread();
	total_given_up += d.given_up;
	total_spoiled += d.spoiled;
	total_noops += d.noops;
	if (d.pipelining && d.noops > 0)
		wrong("a NOOP in what may be a group");
	assert_int_equal(ctr->value[CTR_changed_unjudged], 0);
	assert_int_equal(ctr->value[CTR_verdict_quit], 0);
	if (!d.flagged) {
		assert_int_equal(ctr->value[CTR_edited_packets] + ctr->value[CTR_translated_packets] +
					 ctr->value[CTR_own_packets],
				 0);
		if (ctr->value[CTR_held_refused] + ctr->value[CTR_old_timestamp] + ctr->value[CTR_split_packets] == 0)
			if (d.in_sum != d.out_sum && !d.lies)
				wrong("other frames left than came");
	}
	if (reset || d.given_up) {
		/* Only octets that left before they could be judged cost a session. */
		if (!d.given_up && ctr->value[CTR_exposed_lines] + ctr->value[CTR_blind_gap] == 0)
			wrong("reset without a cause");
		return;
	}
	if (d.answered != d.commands + 1)
		wrong("%u of %u commands were answered", d.answered, d.commands + 1);
	for (const struct command *c = d.command; c < d.command + d.commands; c++)
		total_refused += c->outcome == REFUSED;
}

static void
both_ends_read_what_a_lossless_session_gives(void **state)
{
	uint64_t seed = seed_of_run();
	uint64_t steps = from_environment("POSTERN_STEPS", STEPS);
	static struct counters ctr;

	front_init(&net.front);
	net.now = 1000 * MS;
	total_sessions = (unsigned)from_environment("POSTERN_FIRST", 0);
	while (net.boxed < steps) {
		random_begin(seed, total_sessions);
		session(&ctr);
		for (unsigned n = 0; !d.given_up && step(); n++)
			if (n > 10000000)
				wrong("session %u does not end", total_sessions);
		drain();
		while (net.flying_count > 0)
			front_release(&net.front, net.flying[--net.flying_count].p);
		check(&ctr);
		pipeline_free(net.pl);
		end_long_way(&ctr);
		assert_int_equal(net.front.alive, 0);
		total_sessions++;
	}
	print_message("%llu frames, %u sessions: %u refused, %u lines spoiled, %u sessions reset, %u blind, %u octets "
		      "changed when "
		      "sent again\n",
		      (unsigned long long)net.boxed, total_sessions, total_refused, total_spoiled, total_reset,
		      total_given_up, total_lies);
	assert_true(total_lies > 0 && total_noops > 0 && total_jumps > 0);
	assert_true(total_reset + total_given_up <= 4 + total_sessions / 100);
}

static int
compile_rules(void **state)
{
	net.rules = compile("rule r1 reject rcpt domain typo.example means=type.example\n");
	return 0;
}

static int
free_rules(void **state)
{
	ruleset_free(net.rules);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_ends_read_what_a_lossless_session_gives, compile_rules,
						free_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
