/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole dialogues on all that carries TCP, and on all that TCP does: what each end gets to read. */
#include "world.h"

static const char rules[] = "rule r1 reject rcpt domain army.ml means=army.mil\n"
			    "rule r2 reject from domain navy.ml means=navy.mil\n"
			    "rule r4 reset rcpt domain reset.example\n"
			    "rule r5 drop rcpt domain drop.example\n";

static int
open_world(void **state)
{
	return world_open(rules);
}

static int
close_world(void **state)
{
	return world_close();
}

#define OPTIONS(text) (w.like.options = view_of(text, sizeof(text) - 1))

static void
hello(void)
{
	server("220 mx ESMTP\r\n");
	client("EHLO c\r\n");
	server("250-mx\r\n250 SIZE\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	client_read("220 mx ESMTP\r\n250-mx\r\n250 SIZE\r\n250 ok\r\n");
	server_read("EHLO c\r\nMAIL FROM:<a@example.com>\r\n");
}

static void
refused(void)
{
	client("RCPT TO:<x@army.ml>\r\n");
	server_read("NOOP               \r\n");
	server("250 2.0.0 Ok\r\n");
	client_read_refusal("550 5.1.2 army.ml looks like a mistyped army.mil", "");
}

static void
accepted(void)
{
	client("RCPT TO:<x@army.mil>\r\n");
	server_read("RCPT TO:<x@army.mil>\r\n");
	server("250 ok\r\n");
	client_read("250 ok\r\n");
}

/* A good recipient passes, a typo between is refused, and the session goes on. */
static void
story(void)
{
	hello();
	accepted();
	refused();
	accepted();
}

/* The flow is one that we may not touch: the typo passes, and everything is as it was sent. */
static void
untouched_story(void)
{
	hello();
	client("RCPT TO:<x@army.ml>\r\n");
	server_read("RCPT TO:<x@army.ml>\r\n");
	server("250 ok\r\n");
	client_read("250 ok\r\n");
	assert_int_equal(CTR(edited_packets) + CTR(translated_packets), 0);
}

static void
world_anew(void)
{
	close_world(NULL);
	open_world(NULL);
}

static void
a_typo_is_refused_whatever_carries_the_packets(void **state)
{
	for (enum carrier carrier = CARRIER_NONE; carrier <= CARRIER_PPPOE; carrier++)
		for (unsigned bits = 0; bits < 8; bits++) {
			world_anew();
			w.like.carrier = carrier;
			w.like.version = bits & 1 ? 6 : 4;
			w.like.vlan = bits & 2 && carrier != CARRIER_QINQ ? 100 : 0;
			w.like.ip_options = bits & 4 ? 16 : 0;
			w.like.padding = bits & 4 ? 6 : 0;
			handshake();
			story();
		}
}

/* The client's segment as two fragments, in the order of `first`. */
static void
say_in_fragments(enum direction dir, const char *text, unsigned first)
{
	struct packet *half[2];
	struct packet *p = make_segment(dir, w.end[dir].nxt, text, strlen(text), ACK | PSH);

	w.end[dir].nxt += (uint32_t)strlen(text);
	frame_cut(&w.front, p, 24, half);
	arrive(&half[first], 1);
	arrive(&half[!first], 1);
	send_at(!dir, w.end[!dir].nxt, NULL, 0, ACK);
}

static void
a_typo_in_fragments_is_refused_and_its_answer_in_fragments_replaced(void **state)
{
	for (unsigned bits = 0; bits < 4; bits++) {
		world_anew();
		w.like.version = bits & 1 ? 6 : 4;
		handshake();
		hello();
		say_in_fragments(DIR_CLIENT, "RCPT TO:<x@army.ml>\r\n", bits >> 1);
		server_read("NOOP               \r\n");
		say_in_fragments(DIR_SERVER, "250 2.0.0 Ok\r\n", bits >> 1);
		client_read_refusal("550 5.1.2 army.ml", "");
		say_in_fragments(DIR_CLIENT, "RCPT TO:<x@army.mil>\r\n", bits >> 1);
		server_read("RCPT TO:<x@army.mil>\r\n");
	}
}

static void
a_jumbo_frame_is_read_to_its_end(void **state)
{
	static char text[9000];
	size_t len;

	greet("250-mx\r\n250 SIZE\r\n");
	client("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.mil>\r\nDATA\r\n");
	server("250 ok\r\n250 ok\r\n354 go\r\n");
	forget_read();
	for (len = 0; len < 8800; len += 22)
		memcpy(text + len, "RCPT TO:<x@army.ml>. \n", 22);
	memset(text, 'a', 22);
	for (size_t i = 0; i < len; i += 22)
		text[i + 20] = '\r';
	strcpy(text + len, ".\r\nMAIL FROM:<b@example.com>\r\nRCPT TO:<x@army.ml>\r\n");
	client(text);
	assert_int_equal(w.end[DIR_SERVER].largest, strlen(text));
	strcpy(text + strlen(text) - 21, "NOOP               \r\n");
	server_read(text);
	server("250 queued\r\n250 ok\r\n250 ok\r\n");
	assert_int_equal(CTR(verdict_reject), 1);
}

/* The end of the line comes first, and waits; the copy of it that comes with the beginning is another. */
static void
an_overlap_that_differs_reaches_the_server_as_the_first_copy(void **state)
{
	greet("250 mx\r\n");
	uint32_t seq = w.end[DIR_CLIENT].nxt;
	const char *first = "<x@army.nl>\r\n", *other = "RCPT TO:<x@army.ml>\r\n";
	send_at(DIR_CLIENT, seq + 8, first, strlen(first), ACK | PSH);
	server_read("");
	send_at(DIR_CLIENT, seq, other, strlen(other), ACK | PSH);
	server_read("RCPT TO:<x@army.nl>\r\n");
	assert_int_equal(CTR(overlap_rewritten), 1);
	assert_int_equal(CTR(verdict_reject), 0);
}

static void
a_closed_window_reaches_the_server_as_closed(void **state)
{
	struct end *c = &w.end[DIR_CLIENT], *s = &w.end[DIR_SERVER];

	handshake();
	story();
	client("RCPT TO:<x@army.ml>\r\n");
	c->window = 0;
	send_at(DIR_CLIENT, c->nxt, NULL, 0, ACK);
	assert_int_equal(s->told, 0);
	/* The server probes with an octet of its reply; the client has no room for it. */
	for (unsigned i = 0; i < 3; i++) {
		send_at(DIR_SERVER, s->nxt, "2", 1, ACK);
		assert_int_equal(c->read_len, 0);
		send_at(DIR_CLIENT, c->nxt, NULL, 0, ACK);
		assert_int_equal(s->told, 0);
		assert_int_equal(s->acked, s->nxt);
	}
	c->window = 9000;
	send_at(DIR_CLIENT, c->nxt, NULL, 0, ACK);
	assert_true(s->told > 8000 && s->told <= 9000);
	server("250 2.0.0 Ok\r\n");
	client_read_refusal("550 5.1.2 army.ml", "");
}

static void
keep_alives_reach_each_end_in_its_own_numbers(void **state)
{
	handshake();
	story();
	struct end *c = &w.end[DIR_CLIENT], *s = &w.end[DIR_SERVER];
	assert_int_not_equal(c->want, s->nxt); /* shifted */
	unsigned heard = c->segments;
	send_at(DIR_SERVER, s->nxt - 1, NULL, 0, ACK);
	assert_int_equal(c->segments, heard + 1);
	assert_int_equal(c->seq, c->want - 1);
	send_at(DIR_CLIENT, c->nxt, NULL, 0, ACK); /* its answer */
	assert_int_equal(s->acked, s->nxt);
	heard = s->segments;
	send_at(DIR_CLIENT, c->nxt - 1, "", 1, ACK); /* with an octet, as some do (RFC 1122 section 4.2.3.6) */
	assert_int_equal(s->segments, heard + 1);
	assert_int_equal(s->seq, s->want - 1);
	assert_int_equal(c->read_len + s->read_len, 0);
	refused();
}

/* Both FINs are under way when the other arrives. */
static void
close_at_once(void)
{
	struct end *c = &w.end[DIR_CLIENT], *s = &w.end[DIR_SERVER];
	struct packet *fin[2] = {
		make_segment(DIR_CLIENT, c->nxt++, NULL, 0, FIN | ACK),
		make_segment(DIR_SERVER, s->nxt++, NULL, 0, FIN | ACK),
	};

	arrive(fin, 2);
	assert_true(c->fin && s->fin);
	send_at(DIR_CLIENT, c->nxt, NULL, 0, ACK);
	send_at(DIR_SERVER, s->nxt, NULL, 0, ACK);
	assert_int_equal(c->acked, c->nxt);
	assert_int_equal(s->acked, s->nxt);
}

static void
behind_a_simultaneous_close_the_same_ports_make_a_new_session(void **state)
{
	handshake();
	story();
	close_at_once();
	w.end[DIR_CLIENT] = w.end[DIR_SERVER] = (struct end){ .window = 60000 };
	w.isn = 1000000;
	handshake();
	story();
	assert_int_equal(CTR(flows_created), 2);
	assert_int_equal(CTR(blind_midstream), 0);
	assert_int_equal(w.events[1].transaction, 1);
}

/* RFC 5961 section 3.2: the receiver answers it with a challenge and stays. So do we, also when nothing is said for
 * long. */
static void
a_reset_in_the_window_but_not_at_its_beginning_hides_nothing(void **state)
{
	handshake();
	story();
	send_at(DIR_CLIENT, w.end[DIR_CLIENT].nxt + 100, NULL, 0, RST);
	send_at(DIR_SERVER, w.end[DIR_SERVER].nxt + 100, NULL, 0, RST);
	w.end[DIR_CLIENT].reset = w.end[DIR_SERVER].reset = false;
	w.now += 60000000000u;
	for (unsigned i = 0; i < 100; i++)
		pipeline_tick(w.pl, w.rules, w.now, w.now);
	refused();
	assert_int_equal(CTR(blind_midstream), 0);
}

static void
a_reset_reaches_the_other_end_in_its_own_numbers(void **state)
{
	for (unsigned dir = 0; dir < 2; dir++) {
		world_anew();
		handshake();
		story();
		send_at(dir, w.end[dir].nxt, NULL, 0, RST);
		assert_true(w.end[!dir].reset);
		assert_int_equal(w.end[!dir].seq, w.end[!dir].want);
		w.end[DIR_CLIENT] = w.end[DIR_SERVER] = (struct end){ .window = 60000 };
		handshake();
		story();
	}
}

static void
stamp(uint32_t value)
{
	static uint8_t text[12] = { 1, 1, 8, 10 };

	store_be32(text + 4, value);
	w.like.options = view_of(text, sizeof text);
}

/* RFC 7323: the server discards it; were it our first copy, another line would be judged than the server reads. */
static void
an_old_time_stamp_hides_no_line_from_us(void **state)
{
	stamp(1000);
	handshake();
	hello();
	uint32_t seq = w.end[DIR_CLIENT].nxt;
	stamp(900);
	send_at(DIR_CLIENT, seq, "RCPT TO:<x@army.nl>\r\n", 21, ACK | PSH);
	server_read("");
	stamp(1001);
	refused();
	assert_int_equal(CTR(old_timestamp), 1);
	assert_memory_equal(w.end[DIR_CLIENT].options, w.like.options.at, 12);
}

/* What the server may send, in the client's numbers, never ends behind what the client has room for. */
static void
a_scaled_window_never_lets_the_server_run_past_the_client(void **state)
{
	OPTIONS("\1\3\3\7");
	handshake();
	OPTIONS("");
	w.end[DIR_CLIENT].window = w.end[DIR_SERVER].window = 3; /* 384 octets */
	story();
	struct end *c = &w.end[DIR_CLIENT], *s = &w.end[DIR_SERVER];
	client("RCPT TO:<x@army.ml>\r\n");
	uint32_t edge = c->want + (3u << 7);
	send_at(DIR_SERVER, s->nxt, "250 2.0.0 Ok\r\n", 14, ACK | PSH);
	s->nxt += 14;
	uint32_t want = c->want, shift = want - s->nxt;
	c->want = edge - (3u << 7); /* the client has not got it yet */
	send_at(DIR_CLIENT, c->nxt, NULL, 0, ACK);
	int32_t past = (int32_t)(s->acked + ((uint32_t)s->told << 7) + shift - edge);
	assert_true(past <= 0);
	assert_true(past > -256);
	c->want = want;
	forget_read();
}

/* Two octets of no-operation and a SACK block. */
static void
sack(uint32_t from, uint32_t to)
{
	static uint8_t text[12] = { 1, 1, 5, 10 };

	store_be32(text + 4, from);
	store_be32(text + 8, to);
	w.like.options = view_of(text, sizeof text);
	send_at(DIR_CLIENT, w.end[DIR_CLIENT].nxt, NULL, 0, ACK);
	w.like.options = view_of("", 0);
}

static void
server_reads_sack(uint32_t from, uint32_t to)
{
	const struct end *s = &w.end[DIR_SERVER];

	assert_int_equal(s->options_len, 12);
	assert_int_equal(load_be32(s->options + 4), from);
	assert_int_equal(load_be32(s->options + 8), to);
}

static void
sack_and_duplicate_sack_reach_the_server_in_its_numbers(void **state)
{
	struct end *c = &w.end[DIR_CLIENT], *s = &w.end[DIR_SERVER];

	OPTIONS("\1\1\4\2");
	handshake();
	OPTIONS("");
	story();
	client("RCPT TO:<y@army.mil>\r\nRCPT TO:<z@army.mil>\r\n");
	uint32_t lost = s->nxt, want = c->want, shift = c->want - s->nxt;
	send_at(DIR_SERVER, lost, "250 one\r\n", 9, ACK);
	c->want = want;
	forget_read();
	send_at(DIR_SERVER, lost + 9, "250 two\r\n", 9, ACK);
	assert_int_equal(c->read_len, 0);
	sack(lost + 9 + shift, lost + 18 + shift);
	server_reads_sack(lost + 9, lost + 18);
	assert_int_equal(s->acked, lost);
	send_at(DIR_SERVER, lost, "250 one\r\n250 two\r\n", 18, ACK);
	s->nxt += 18;
	client_read("250 one\r\n250 two\r\n");
	sack(lost + 9 + shift, lost + 18 + shift); /* RFC 2883: it came twice */
	server_reads_sack(lost + 9, lost + 18);
	assert_int_equal(s->acked, s->nxt);
}

/* Of a reply that is ours in part, no octet is told that the server has not sent, or that lies before the reply. */
static void
a_duplicate_sack_of_our_text_names_octets_of_the_servers_reply_only(void **state)
{
	struct end *c = &w.end[DIR_CLIENT], *s = &w.end[DIR_SERVER];

	handshake();
	story();
	client("RCPT TO:<x@army.ml>\r\n");
	uint32_t from = c->want, reply = s->nxt;
	server("250 2.0.0 Ok\r\n");
	forget_read();
	sack(from, c->want);
	assert_int_equal(s->acked, s->nxt);
	for (size_t at = 4; at + 8 <= s->options_len; at += 8) {
		if (s->options[2] != 5)
			break;
		assert_true(seq_leq(reply, load_be32(s->options + at)));
		assert_true(seq_leq(load_be32(s->options + at + 4), s->nxt));
	}
}

static void
a_reply_that_grows_past_the_mss_leaves_in_segments_of_it(void **state)
{
	static char text[600];
	struct end *c = &w.end[DIR_CLIENT];

	OPTIONS("\2\4\2\30"); /* 536 */
	handshake();
	OPTIONS("");
	hello();
	client("RCPT TO:<x@army.ml>\r\nVRFY x\r\n");
	forget_read();
	snprintf(text, sizeof text, "250 noop\r\n252 %0*d\r\n", 536 - 10 - 6, 7);
	assert_int_equal(strlen(text), 536);
	server(text);
	assert_true(c->segments > 0 && c->largest <= 536);
	client_read_refusal("550 5.1.2 army.ml looks like a mistyped army.mil", text + 10);
	accepted();
}

static void
a_session_that_began_before_us_is_read_and_never_edited(void **state)
{
	struct end *c = &w.end[DIR_CLIENT], *s = &w.end[DIR_SERVER];

	c->nxt = s->want = 70000;
	s->nxt = c->want = 90000;
	untouched_story();
	assert_int_equal(CTR(blind_midstream), 1);
	assert_int_equal(w.event_count, 1);
	assert_int_equal(w.events[0].applied, ACTION_FLAG);
}

static void
a_session_of_which_one_direction_is_seen_is_read_and_never_edited(void **state)
{
	struct end *c = &w.end[DIR_CLIENT];

	c->nxt = w.end[DIR_SERVER].want = 70000;
	send_at(DIR_CLIENT, c->nxt++, NULL, 0, SYN);
	c->want = 5001; /* of what takes another way */
	for (const char *const *line = (const char *const[]){ "EHLO c\r\n", "MAIL FROM:<a@example.com>\r\n",
							      "RCPT TO:<x@army.ml>\r\n", "DATA\r\n", NULL };
	     *line != NULL; line++) {
		send_at(DIR_CLIENT, c->nxt, *line, strlen(*line), ACK | PSH);
		c->nxt += (uint32_t)strlen(*line);
		c->want += 10;
	}
	pipeline_drain(w.pl, w.rules, w.now, w.now);
	deliver();
	server_read("EHLO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n");
	assert_int_equal(CTR(blind_one_way), 1);
	assert_int_equal(CTR(edited_packets), 0);
	assert_int_equal(w.event_count, 1);
}

static void
a_signed_session_is_read_and_never_edited(void **state)
{
	static const char md5[] = "\23\22\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\1",
			  ao[] = "\35\20\1\1\0\0\0\0\0\0\0\0\0\0\0\0";

	for (unsigned i = 0; i < 2; i++) {
		world_anew();
		w.like.options = i == 0 ? view_of(md5, sizeof md5 - 1) : view_of(ao, sizeof ao - 1);
		handshake();
		untouched_story();
		assert_int_equal(CTR(blind_signed), 1);
		assert_memory_equal(w.end[DIR_SERVER].options, w.like.options.at, w.like.options.len);
	}
}

/* RFC 7413: the client's first octets come with its SYN. */
static void
say_in_syn(const char *early)
{
	struct end *c = &w.end[DIR_CLIENT], *s = &w.end[DIR_SERVER];

	c->nxt = s->want = 0xfffffff0u;
	s->nxt = c->want = 500;
	send_at(DIR_CLIENT, c->nxt++, early, strlen(early), SYN);
	assert_int_equal(s->segments, 1);
	server_read("");
	send_at(DIR_SERVER, s->nxt++, NULL, 0, SYN | ACK);
	assert_int_equal(c->acked, c->nxt); /* of the SYN alone */
	client(early);
}

static void
octets_of_a_syn_are_read_when_the_client_sends_them_behind_it(void **state)
{
	say_in_syn("EHLO c\r\nMAIL FROM:<a@example.com>\r\n");
	server_read("EHLO c\r\nMAIL FROM:<a@example.com>\r\n");
	assert_int_equal(CTR(syn_octets), 35);
	server("220 mx\r\n250-mx\r\n250 SIZE\r\n250 ok\r\n");
	client_read("220 mx\r\n250-mx\r\n250 SIZE\r\n250 ok\r\n");
	refused();
	accepted();
}

/* A line at its end, a line cut short, a group up to DATA: also where the SYN is lost behind us and comes again. */
static void
a_typo_in_a_syn_is_refused(void **state)
{
	static const char group[] = "EHLO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.ml>\r\n",
			  *rest = "DATA\r\n";
	const size_t line = sizeof group - 1 - 21;

	for (unsigned cut = 0; cut <= 21; cut++) {
		char early[128];

		world_anew();
		snprintf(early, sizeof early, "%.*s", (int)(sizeof group - 1 - cut), group);
		send_at(DIR_CLIENT, 0xfffffff0u, early, strlen(early), SYN);
		w.end[DIR_SERVER] = (struct end){ .window = 60000 };
		say_in_syn(early);
		client(group + strlen(early));
		client(rest);
		assert_memory_equal(w.end[DIR_SERVER].read, group, line);
		w.end[DIR_SERVER].read[w.end[DIR_SERVER].read_len] = '\0';
		assert_null(strstr(w.end[DIR_SERVER].read, "<x@army.ml>\r\n"));
		server("220 mx\r\n250 mx\r\n250 ok\r\n250 noop\r\n503 no recipient\r\n");
		assert_int_equal(CTR(verdict_reject), 1);
		w.end[DIR_CLIENT].read[w.end[DIR_CLIENT].read_len] = '\0';
		assert_non_null(strstr(w.end[DIR_CLIENT].read, "250 ok\r\n550 5.1.2 army.ml"));
		assert_non_null(strstr(w.end[DIR_CLIENT].read, "\r\n503 no recipient\r\n"));
	}
}

/* Nobody may touch it: it passes with its octets, which are read. */
static void
a_signed_syn_keeps_its_octets(void **state)
{
	OPTIONS("\23\22\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\1");
	send_at(DIR_CLIENT, 0xfffffff0u, "EHLO c\r\n", 8, SYN);
	assert_int_equal(w.end[DIR_SERVER].largest, 8);
	assert_int_equal(CTR(syn_octets), 0);
	assert_int_equal(CTR(blind_signed), 1);
}

/* The client asks for a lost reply by SACK, if it gets those behind it. */
static void
replies_behind_a_gap_leave_at_once(void **state)
{
	struct end *c = &w.end[DIR_CLIENT];
	static const char lost[] = "250-mx\r\n", *more = "250 HELP\r\n";

	greet("250 mx\r\n");
	client("EHLO again.example\r\n");
	forget_read();
	unsigned heard = c->segments;
	say_behind(DIR_SERVER, lost, more);
	assert_int_equal(c->segments, heard + 1);
	server(lost);
	server(more);
	client_read("250-mx\r\n250 HELP\r\n");
	assert_int_equal(CTR(exposed_lines), 0);
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	forget_read();
	client("RCPT TO:<x@army.ml>\r\n");
	server_read("NOOP               \r\n");
}

/* What a client says while replies are ahead is judged when they are read: its answer stands behind them. */
static void
a_typo_behind_a_gap_in_the_replies_waits_and_is_refused(void **state)
{
	struct end *c = &w.end[DIR_CLIENT], *s = &w.end[DIR_SERVER];
	static const char lost[] = "250 from\r\n", *more = "250 to\r\n";

	for (unsigned removed = 0; removed < 2; removed++) {
		close_world(NULL);
		open_world(NULL);
		greet(removed ? "250-mx\r\n250 PIPELINING\r\n" : "250 mx\r\n");
		client("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.mil>\r\n");
		forget_read();
		say_behind(DIR_SERVER, lost, more);
		unsigned heard = s->segments;
		client("RCPT TO:<x@army.ml>\r\n");
		assert_int_equal(s->segments, heard);
		send_at(DIR_SERVER, s->nxt, lost, sizeof lost - 1, ACK);
		s->nxt += (uint32_t)(sizeof lost - 1 + strlen(more));
		if (removed) {
			server_read("");
		} else {
			server_read("NOOP               \r\n");
			server("250 noop\r\n");
		}
		client_read_begins("250 from\r\n");
		assert_int_equal(CTR(verdict_reject), 1);
		assert_int_equal(CTR(exposed_lines), 0);
		assert_false(c->reset);
	}
}

/* An answer of ours is to stand in the server's stream: what comes behind a gap may belong behind it. */
static void
replies_behind_a_gap_of_an_edited_session_wait(void **state)
{
	struct end *c = &w.end[DIR_CLIENT], *s = &w.end[DIR_SERVER];
	static const char lost[] = "250 noop\r\n", *more = "250 to\r\n";

	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	client("RCPT TO:<x@army.ml>\r\nRCPT TO:<x@army.mil>\r\n");
	forget_read();
	unsigned heard = c->segments;
	say_behind(DIR_SERVER, lost, more);
	assert_int_equal(c->segments, heard);
	server(lost);
	s->nxt += (uint32_t)strlen(more);
	client_read_refusal("550 5.1.2 army.ml", "250 to\r\n");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		TEST(replies_behind_a_gap_leave_at_once),
		TEST(a_typo_behind_a_gap_in_the_replies_waits_and_is_refused),
		TEST(replies_behind_a_gap_of_an_edited_session_wait),
		TEST(a_typo_is_refused_whatever_carries_the_packets),
		TEST(a_typo_in_fragments_is_refused_and_its_answer_in_fragments_replaced),
		TEST(a_jumbo_frame_is_read_to_its_end),
		TEST(an_overlap_that_differs_reaches_the_server_as_the_first_copy),
		TEST(a_closed_window_reaches_the_server_as_closed),
		TEST(keep_alives_reach_each_end_in_its_own_numbers),
		TEST(behind_a_simultaneous_close_the_same_ports_make_a_new_session),
		TEST(a_reset_in_the_window_but_not_at_its_beginning_hides_nothing),
		TEST(a_reset_reaches_the_other_end_in_its_own_numbers),
		TEST(an_old_time_stamp_hides_no_line_from_us),
		TEST(a_scaled_window_never_lets_the_server_run_past_the_client),
		TEST(sack_and_duplicate_sack_reach_the_server_in_its_numbers),
		TEST(a_duplicate_sack_of_our_text_names_octets_of_the_servers_reply_only),
		TEST(a_reply_that_grows_past_the_mss_leaves_in_segments_of_it),
		TEST(a_session_that_began_before_us_is_read_and_never_edited),
		TEST(a_session_of_which_one_direction_is_seen_is_read_and_never_edited),
		TEST(a_signed_session_is_read_and_never_edited),
		TEST(octets_of_a_syn_are_read_when_the_client_sends_them_behind_it),
		TEST(a_typo_in_a_syn_is_refused),
		TEST(a_signed_syn_keeps_its_octets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
