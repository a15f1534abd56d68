/* SPDX-License-Identifier: BSD-3-Clause */
/* Recipients and senders through the whole pipeline. */
#include "world.h"

static const char rules[] =
	"rule r1 reject rcpt domain army.ml means=army.mil\n"
	"rule r2 reject from domain navy.ml means=navy.mil\n"
	"rule r3 flag rcpt domain af.ml means=af.mil\n"
	"rule r4 reset rcpt domain reset.example\n"
	"rule r5 drop rcpt domain drop.example\n"
	"rule r6 defer rcpt domain later.example\n"
	"rule r7 reject any domain fout.example means=goed.example lang=nl template=\"{domain}?\\nZie {ref}\"\n"
	"rule r8 reject any domain tik.example means=goed.example lang=nl\n"
	"allow rcpt domain gouv.army.ml\n";

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

static void
a_good_mail_passes_untouched(void **state)
{
	greet("250-mx\r\n250 SIZE\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	client("RCPT TO:<x@army.mil>\r\n");
	server("250 ok\r\n");
	client("DATA\r\n");
	server("354 go\r\n");
	client("Subject: RCPT TO:<x@army.ml>\r\n\r\nRCPT TO:<x@army.ml>\r\n.\r\n");
	server("250 queued\r\n");
	server_read("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.mil>\r\nDATA\r\n"
		    "Subject: RCPT TO:<x@army.ml>\r\n\r\nRCPT TO:<x@army.ml>\r\n.\r\n");
	client_read("250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n");
	assert_int_equal(w.event_count, 0);
	assert_int_equal(CTR(edited_packets) + CTR(translated_packets), 0);
}

static void
an_octet_that_changes_under_way_without_a_verdict_is_counted(void **state)
{
	greet("250 mx\r\n");
	struct end *c = &w.end[DIR_CLIENT];
	struct packet *p = make_segment(DIR_CLIENT, c->nxt, "RCPT TO:<x@ar", 13, ACK);

	c->nxt += 13;
	arrive(&p, 1);
	server_read(""); /* it is held */
	p->data[p->h.payload + 9] = 'y';
	checksum_rewrite(p);
	client("my.mil>\r\n");
	server_read("RCPT TO:<y@army.mil>\r\n");
	assert_int_equal(CTR(changed_unjudged), 13);
	w.ctr.value[CTR_changed_unjudged] = 0;
}

static void
a_typo_is_refused_in_the_slot_of_its_own_command(void **state)
{
	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	client_read("250 ok\r\n");
	client("RCPT TO:<x@army.ml>\r\n");
	server("250 2.0.0 Ok\r\n");
	server_read("MAIL FROM:<a@example.com>\r\nNOOP               \r\n");
	client_read_refusal("550 5.1.2 army.ml looks like a mistyped army.mil: please check the recipient. "
			    "(example carrier; ref ",
			    "");
	assert_int_equal(CTR(verdict_reject), 1);
	assert_int_equal(w.event_count, 1);
	assert_string_equal(w.events[0].rule, "r1");
	assert_string_equal(w.events[0].means, "army.mil");
	assert_int_equal(w.events[0].applied, ACTION_REJECT);
	assert_int_equal(w.events[0].generation, 7);
}

static void
good_recipients_of_the_same_pipelined_group_go_through(void **state)
{
	greet("250-mx\r\n250 SIZE\r\n");
	client("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.mil>\r\nRCPT TO:<x@army.ml>\r\nRCPT TO:<y@army.mil>\r\n"
	       "DATA\r\n");
	server_read("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.mil>\r\nNOOP               \r\n"
		    "RCPT TO:<y@army.mil>\r\nDATA\r\n");
	server("250 from\r\n250 one\r\n250 noop\r\n250 two\r\n354 go\r\n");
	struct end *c = &w.end[DIR_CLIENT];
	client_read_begins("250 from\r\n250 one\r\n550 5.1.2 army.ml looks like a mistyped army.mil: ");
	assert_non_null(strstr(c->read, ")\r\n250 two\r\n354 go\r\n"));
	c->read_len = 0;
	client("hello\r\n.\r\n");
	server_read("hello\r\n.\r\n");
	server("250 queued\r\n");
	client_read("250 queued\r\n");
	client("QUIT\r\n");
	server("221 bye\r\n");
	client_read("221 bye\r\n");
	assert_true(CTR(translated_packets) > 0);
}

/* RFC 2920 section 3.1: strict servers refuse what comes with a NOOP that is not the last of its group. */
static void
a_server_that_offers_pipelining_never_gets_a_noop(void **state)
{
	greet("250-mx\r\n250 PIPELINING\r\n");
	client("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.ml>\r\nRCPT TO:<x@army.mil>\r\nRCPT TO:<y@army.ml>\r\n"
	       "DATA\r\n");
	server_read("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.mil>\r\nDATA\r\n");
	server("250 from\r\n250 one\r\n354 go\r\n");
	struct end *c = &w.end[DIR_CLIENT];
	client_read_begins("250 from\r\n550 5.1.2 army.ml looks like a mistyped army.mil: ");
	assert_non_null(strstr(c->read, ")\r\n250 one\r\n550 5.1.2 army.ml"));
	assert_non_null(strstr(c->read, ")\r\n354 go\r\n"));
	c->read_len = 0;
	client("hello\r\n.\r\nRCPT TO:<z@army.ml>\r\n");
	server_read("hello\r\n.\r\n");
	server("250 queued\r\n");
	client_read_begins("250 queued\r\n550 5.1.2 army.ml");
	assert_int_equal(CTR(verdict_reject), 3);
	assert_int_equal(CTR(verdict_quit), 0);
}

static void
where_pipelining_is_offered_a_refused_line_alone_is_answered_at_once(void **state)
{
	greet("250-mx\r\n250 PIPELINING\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server_read("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	client_read("250 ok\r\n");
	client("RCPT TO:<x@army.ml>\r\n");
	server_read("");
	struct end *c = &w.end[DIR_CLIENT];
	client_read_begins("550 5.1.2 army.ml looks like a mistyped army.mil: ");
	c->read_len = 0;
	client("RCPT TO:<x@army.mil>\r\n");
	server_read("RCPT TO:<x@army.mil>\r\n");
	server("250 one\r\n");
	client_read("250 one\r\n");
}

static void
a_typo_in_the_second_mail_of_a_session_is_refused(void **state)
{
	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	client("RCPT TO:<x@army.mil>\r\n");
	server("250 ok\r\n");
	client("DATA\r\n");
	server("354 go\r\n");
	client("hello\r\n.\r\n");
	server("250 queued\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	w.end[DIR_CLIENT].read_len = 0;
	client("RCPT TO:<x@us.army.ml>\r\n");
	server("250 2.0.0 Ok\r\n");
	client_read_refusal("550 5.1.2 us.army.ml looks like a mistyped army.mil", "");
	assert_int_equal(w.events[0].transaction, 2);
}

static void
a_typo_in_mail_from_is_refused(void **state)
{
	greet("250 mx\r\n");
	client("MAIL FROM:<a@navy.ml> SIZE=1000\r\n");
	server_read("NOOP                           \r\n");
	server("250 ok\r\n");
	client_read_refusal("550 5.1.8 navy.ml looks like a mistyped navy.mil", "");
}

static void
deferring_answers_451(void **state)
{
	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	w.end[DIR_CLIENT].read_len = 0;
	client("RCPT TO:<x@later.example>\r\n");
	server("500 what\r\n");
	client_read_refusal("451 4.1.2 later.example", "");
}

static void
flag_makes_an_event_and_nothing_else(void **state)
{
	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	client("RCPT TO:<x@af.ml>\r\n");
	server("250 ok\r\n");
	server_read("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@af.ml>\r\n");
	client_read("250 ok\r\n250 ok\r\n");
	assert_int_equal(w.event_count, 1);
	assert_int_equal(w.events[0].applied, ACTION_FLAG);
}

static void
allow_beats_a_rule_on_the_domain_above(void **state)
{
	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	client("RCPT TO:<x@gouv.army.ml>\r\n");
	server_read("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@gouv.army.ml>\r\n");
	assert_int_equal(CTR(allowed), 1);
	assert_int_equal(w.event_count, 0);
}

static void
a_reset_reaches_both_ends_and_the_command_reaches_none(void **state)
{
	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	client("RCPT TO:<x@reset.example>\r\n");
	server_read("MAIL FROM:<a@example.com>\r\n");
	assert_true(w.end[DIR_CLIENT].reset);
	assert_true(w.end[DIR_SERVER].reset);
	assert_int_equal(CTR(verdict_reset), 1);
}

static void
a_drop_lets_the_flow_vanish(void **state)
{
	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	client("RCPT TO:<x@drop.example>\r\n");
	client("QUIT\r\n");
	server_read("MAIL FROM:<a@example.com>\r\n");
	assert_false(w.end[DIR_CLIENT].reset);
}

/* The one end is exempt: 10.0.0.1 or 10.0.0.2 by its last octet; 0: none is. */
static void
set_scope(uint8_t last, uint16_t port)
{
	const struct scope scope = { .port = { port },
				     .ports = 1,
				     .exempt = { { .addr = { 10, 0, 0, last }, .bits = 32, .ip_version = 4 } },
				     .exempts = last != 0 };

	pipeline_scope(w.pl, &scope);
}

static void
mail_of_an_exempt_address_passes_unread(void **state)
{
	for (uint8_t last = 1; last <= 2; last++) {
		set_scope(last, 25);
		greet("250 mx\r\n");
		client("RCPT TO:<x@army.ml>\r\n");
		server("250 ok\r\n");
		server_read("RCPT TO:<x@army.ml>\r\n");
		client_read("250 ok\r\n");
		assert_int_equal(CTR(exempt), last);
		assert_int_equal(w.event_count, 0);
		send_at(DIR_CLIENT, w.end[DIR_CLIENT].nxt, NULL, 0, RST | ACK);
		w.now += 10000000000ULL; /* forgotten: the next one begins anew */
		pipeline_tick(w.pl, w.rules, w.now, w.now);
	}
}

static void
exempt_addresses_are_the_exempt_ones_only(void **state)
{
	set_scope(3, 25);
	greet("250 mx\r\n");
	client("RCPT TO:<x@army.ml>\r\n");
	server_read("NOOP               \r\n");
	assert_int_equal(CTR(exempt), 0);
}

static void
a_session_from_before_its_address_was_exempted_keeps_its_refusals(void **state)
{
	greet("250 mx\r\n");
	client("RCPT TO:<x@army.ml>\r\n");
	server_read("NOOP               \r\n");
	set_scope(2, 25);
	server("250 noop\r\n");
	client_read_refusal("550 5.1.2 army.ml looks like", "");
	client("RCPT TO:<y@army.ml>\r\n");
	server_read("NOOP               \r\n");
	assert_int_equal(CTR(exempt), 0);
}

static void
a_port_that_is_taken_off_the_list_is_read_for_sessions_that_began_before(void **state)
{
	greet("250 mx\r\n");
	client("RCPT TO:<x@army.ml>\r\n");
	server_read("NOOP               \r\n");
	set_scope(0, 587);
	server("250 noop\r\n");
	client_read_refusal("550 5.1.2 army.ml looks like", "");
}

static void
a_port_that_is_taken_off_the_list_is_not_read_for_others(void **state)
{
	set_scope(0, 587);
	greet("250 mx\r\n");
	client("RCPT TO:<x@army.ml>\r\n");
	server_read("RCPT TO:<x@army.ml>\r\n");
	assert_int_equal(CTR(exempt), 1);
	set_scope(0, 25);
	client("RCPT TO:<y@army.ml>\r\n");
	server_read("RCPT TO:<y@army.ml>\r\n"); /* as it began */
}

static void
behind_starttls_nothing_is_read_or_changed(void **state)
{
	greet("250-mx\r\n250 STARTTLS\r\n");
	client("STARTTLS\r\n");
	server("220 go\r\n");
	client("RCPT TO:<x@army.ml>\r\n");
	server("250 ok\r\n");
	server_read("STARTTLS\r\nRCPT TO:<x@army.ml>\r\n");
	client_read("220 go\r\n250 ok\r\n");
	assert_int_equal(CTR(sessions_tls), 1);
}

static void
a_refused_starttls_leaves_the_session_readable(void **state)
{
	greet("250-mx\r\n250 STARTTLS\r\n");
	client("STARTTLS\r\nRCPT TO:<x@army.ml>\r\n"); /* against RFC 3207, and judged all the same */
	server_read("STARTTLS\r\n");
	assert_int_equal(w.event_count, 0);
	server("454 not now\r\n");
	server_read("NOOP               \r\n");
	assert_int_equal(w.event_count, 1);
}

static void
a_chunk_of_bdat_is_skipped_by_its_count(void **state)
{
	greet("250-mx\r\n250-SIZE\r\n250 CHUNKING\r\n");
	client("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.mil>\r\nRCPT TO:<x@army.ml>\r\n");
	server("250 ok\r\n250 ok\r\n250 noop\r\n");
	client("BDAT 21 LAST\r\nRCPT TO:<x@army.ml>\r\n");
	server("250 queued\r\n");
	assert_non_null(strstr(w.end[DIR_SERVER].read, "BDAT 21 LAST\r\nRCPT TO:<x@army.ml>\r\n"));
	assert_int_equal(CTR(verdict_reject), 1);
}

static void
a_line_in_two_segments_is_held_and_judged_whole(void **state)
{
	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	forget_read();
	client("RCPT TO:<x@ar");
	server_read("");
	client("my.ml>\r\n");
	server_read("NOOP               \r\n");
	server("250 ok\r\n");
	client_read_refusal("550 5.1.2 army.ml", "");
}

static void
a_retransmission_carries_the_same_edit(void **state)
{
	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	w.end[DIR_SERVER].read_len = 0;
	const char *line = "RCPT TO:<x@army.ml>\r\n";
	uint32_t seq = w.end[DIR_CLIENT].nxt;
	send_at(DIR_CLIENT, seq, line, strlen(line), ACK | PSH);
	w.end[DIR_SERVER].want = seq; /* the server never got it */
	w.end[DIR_SERVER].read_len = 0;
	send_at(DIR_CLIENT, seq, line, strlen(line), ACK | PSH);
	server_read("NOOP               \r\n");
}

static void
a_lost_refusal_is_made_again_from_the_servers_retransmission(void **state)
{
	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	client("RCPT TO:<x@army.ml>\r\n");
	w.end[DIR_CLIENT].read_len = 0;
	uint32_t seq = w.end[DIR_SERVER].nxt, want = w.end[DIR_CLIENT].want;
	const char *reply = "250 2.0.0 Ok\r\n";
	send_at(DIR_SERVER, seq, reply, strlen(reply), ACK | PSH);
	w.end[DIR_CLIENT].want = want; /* lost on its way */
	w.end[DIR_CLIENT].read_len = 0;
	send_at(DIR_SERVER, seq, reply, strlen(reply), ACK | PSH);
	w.end[DIR_SERVER].nxt += (uint32_t)strlen(reply);
	client_read_refusal("550 5.1.2 army.ml", "");
}

static void
further_refusals_are_answered_without_the_server(void **state)
{
	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	for (int i = 0; i < 8; i++) {
		forget_read();
		client("RCPT TO:<x@army.ml>\r\n");
		server("250 ok\r\n");
		client_read_refusal("550 ", "");
	}
	w.end[DIR_SERVER].read_len = 0;
	w.end[DIR_CLIENT].read_len = 0;
	for (int i = 0; i < 100; i++) {
		client("RCPT TO:<x@army.ml>\r\n");
		client_read_refusal("550 ", "");
	}
	server_read("");
	client("RCPT TO:<x@army.mil>\r\n");
	server_read("RCPT TO:<x@army.mil>\r\n");
	server("250 ok\r\n");
	client_read("250 ok\r\n");
	assert_int_equal(CTR(own_packets), 100);
	assert_int_equal(CTR(verdict_reject), 108);
}

static void
ipv6_behind_a_vlan_tag_is_judged_alike(void **state)
{
	w.like.version = 6;
	w.like.vlan = 100;
	a_typo_is_refused_in_the_slot_of_its_own_command(state);
}

/* Frames with MPLS labels, others in each direction; refusals behind the nth are answered by the box. */
static void
label_frames(unsigned n)
{
	struct pipeline_config c = small_config();

	pipeline_free(w.pl);
	c.noop_limit = n;
	w.pl = pipeline_new(&c, &w.front.ops, &w.ctr, on_event, NULL);
	assert_non_null(w.pl);
	w.like.carrier = CARRIER_MPLS;
	w.label[DIR_CLIENT] = 100;
	w.label[DIR_SERVER] = 200;
}

/* The client says a line that nobody acknowledges yet. */
static void
client_alone(const char *line)
{
	w.came[DIR_CLIENT] = w.came[DIR_SERVER] = 0;
	send_at(DIR_CLIENT, w.end[DIR_CLIENT].nxt, line, strlen(line), ACK | PSH);
	w.end[DIR_CLIENT].nxt += (uint32_t)strlen(line);
}

static void
what_we_send_bears_the_mpls_label_of_its_direction(void **state)
{
	label_frames(1);
	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	forget_read();
	client("RCPT TO:<x@army.ml>\r\n");
	server_read("NOOP               \r\n");
	server("250 ok\r\n");
	client_read_refusal("550 5.1.2 army.ml", "");
	client_alone("RCPT TO:<y@army.ml>\r\n");
	assert_int_equal(w.came[DIR_SERVER], 200);
	client_read_refusal("550 5.1.2 army.ml", "");
	assert_int_equal(CTR(own_packets), 1);
	server_read("");
	client_alone("RCPT TO:<x@reset.example>\r\n");
	assert_true(w.end[DIR_CLIENT].reset && w.end[DIR_SERVER].reset);
	assert_int_equal(w.came[DIR_CLIENT], 100);
	assert_int_equal(w.came[DIR_SERVER], 200);
}

/* The first edit, and no frame has told yet which label leads to the client: the client's own would lead anywhere. */
static void
without_a_known_label_toward_the_client_the_session_ends_with_421(void **state)
{
	label_frames(0);
	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	forget_read();
	client_alone("RCPT TO:<y@army.ml>\r\n");
	assert_int_equal(w.came[DIR_SERVER], 0);
	assert_int_equal(w.came[DIR_CLIENT], 100);
	server_read("QUIT               \r\n");
	server("221 bye\r\n");
	client_read_refusal("421 4.5.3", "");
	assert_int_equal(w.came[DIR_SERVER], 200);
	assert_int_equal(CTR(verdict_quit), 1);
	assert_int_equal(CTR(own_packets), 0);
}

static void
without_rules_everything_passes(void **state)
{
	ruleset_free(w.rules);
	w.rules = NULL;
	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	client("RCPT TO:<x@army.ml>\r\n");
	server_read("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.ml>\r\n");
}

static void
a_line_typed_octet_by_octet_is_spoilt_in_its_tail(void **state)
{
	const char *line = "RCPT TO:<x@army.ml>\r\n";

	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	forget_read();
	/* The first ten octets are sent again for want of an ack, and so must go; the rest comes at once. */
	uint32_t seq = w.end[DIR_CLIENT].nxt;
	send_at(DIR_CLIENT, seq, line, 10, ACK | PSH);
	server_read("");
	send_at(DIR_CLIENT, seq, line, 10, ACK | PSH);
	server_read("RCPT TO:<x");
	w.end[DIR_CLIENT].nxt += 10;
	client("@army.ml>\r\n");
	server_read("@@ @@\r\n");
	server("501 5.1.3 Bad recipient address syntax\r\n");
	client_read_refusal("550 5.1.2 army.ml", "");
	assert_true(CTR(exposed_lines) > 0);
}

/* All of the line but its very end is sent again, and so must go. */
static void
a_line_of_which_only_the_end_is_left_is_spoilt_and_not_reset(void **state)
{
	const char *line = "RCPT TO:<x@army.ml> ORCPT=rfc822;x@army.ml\r\n";
	uint32_t len = (uint32_t)strlen(line);

	for (uint32_t left = 1; left <= 2; left++) {
		close_world(state);
		open_world(state);
		greet("250 mx\r\n");
		client("MAIL FROM:<a@example.com>\r\n");
		server("250 ok\r\n");
		forget_read();
		uint32_t seq = w.end[DIR_CLIENT].nxt;
		send_at(DIR_CLIENT, seq, line, len - left, ACK | PSH);
		send_at(DIR_CLIENT, seq, line, len - left, ACK | PSH);
		w.end[DIR_CLIENT].nxt += len;
		w.end[DIR_SERVER].read_len = 0;
		send_at(DIR_CLIENT, seq + len - left, line + len - left, left, ACK | PSH);
		server_read("@@ @@\r\n");
		w.end[DIR_SERVER].want = seq; /* the server lost it all: the same comes again */
		send_at(DIR_CLIENT, seq, line, len, ACK | PSH);
		w.end[DIR_SERVER].read[w.end[DIR_SERVER].read_len] = '\0';
		assert_memory_equal(w.end[DIR_SERVER].read, line, len - left);
		assert_string_equal(w.end[DIR_SERVER].read + len - left, "@@ @@\r\n");
		w.end[DIR_SERVER].read_len = 0;
		server("555 5.5.4 what\r\n");
		client_read_refusal("550 5.1.2 army.ml", "");
		client("RCPT TO:<x@army.mil>\r\n");
		server_read("RCPT TO:<x@army.mil>\r\n");
		server("250 ok\r\n");
		client_read("250 ok\r\n");
		assert_int_equal(CTR(verdict_reset), 0);
	}
}

/* What the client said first has left; before the server acknowledges it, the same numbers come with other octets. */
static void
octets_that_have_left_keep_their_first_copy(void **state)
{
	const char *first = "MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.mil>\r\n", *bad = "RCPT TO:<x@army.ml >\r\n";
	uint32_t mail = 27, len = (uint32_t)strlen(first);

	greet("250-mx\r\n250 SIZE\r\n");
	uint32_t seq = w.end[DIR_CLIENT].nxt;
	send_at(DIR_CLIENT, seq, first, len, ACK | PSH);
	server_read(first);
	w.end[DIR_SERVER].want = seq; /* a lossy path behind us: the server has nothing of it */
	send_at(DIR_CLIENT, seq, first, mail, ACK | PSH);
	server_read("MAIL FROM:<a@example.com>\r\n");
	send_at(DIR_CLIENT, seq + mail, bad, strlen(bad), ACK | PSH);
	server_read("RCPT TO:<x@army.mil>\r\n");
	assert_int_equal(CTR(overlap_rewritten), 2);
	/* Octets that the server has are nobody's business. */
	w.end[DIR_CLIENT].nxt = seq + len;
	send_at(DIR_SERVER, w.end[DIR_SERVER].nxt, NULL, 0, ACK);
	w.end[DIR_SERVER].want = seq + mail;
	send_at(DIR_CLIENT, seq + mail, bad, strlen(bad), ACK | PSH);
	server_read(bad);
	assert_int_equal(CTR(overlap_rewritten), 2);
}

/* The same inside of a line that is not complete, around a dot line, and for a line that was disguised. */
static void
the_first_copy_stands_in_half_a_line_at_a_dot_and_under_a_disguise(void **state)
{
	greet("250-mx\r\n250 SIZE\r\n");
	uint32_t seq = w.end[DIR_CLIENT].nxt;
	send_at(DIR_CLIENT, seq, "NOOP", 4, ACK | PSH);
	w.end[DIR_SERVER].want = seq;
	w.end[DIR_SERVER].read_len = 0;
	send_at(DIR_CLIENT, seq, "RCPT", 4, ACK | PSH);
	server_read("NOOP");
	w.end[DIR_CLIENT].nxt = seq + 4;
	client("\r\n");
	server("250 ok\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	client("RCPT TO:<x@army.mil>\r\n");
	server("250 ok\r\n");
	client("DATA\r\n");
	server("354 go\r\n");
	w.end[DIR_SERVER].read_len = 0;
	seq = w.end[DIR_CLIENT].nxt;
	send_at(DIR_CLIENT, seq, "text\r\n.\r\nRCPT TO:<x@army.ml>\r\n", 30, ACK | PSH);
	server_read("text\r\n.\r\nNOOP               \r\n");
	w.end[DIR_SERVER].want = seq;
	send_at(DIR_CLIENT, seq, "text\n\n.\n\nRCPT TO:<x@army.mi>\r\n", 30, ACK | PSH);
	server_read("text\r\n.\r\nNOOP               \r\n");
}

/* A capture of one direction: no answer ever comes, and there are more commands than slots for answers. */
static void
one_direction_alone_yields_every_recipient(void **state)
{
	struct pipeline_config c = small_config();
	char line[64];

	pipeline_free(w.pl);
	c.every_address = c.late_events = true;
	front_at_work++; /* no live box tells events late: they wait on the heap */
	w.pl = pipeline_new(&c, &w.front.ops, &w.ctr, on_event, NULL);
	w.end[DIR_SERVER].nxt = 5000;
	w.end[DIR_CLIENT].want = 5001;
	send_at(DIR_CLIENT, w.end[DIR_CLIENT].nxt++, NULL, 0, SYN);
	const char *text = "HELO c\r\nMAIL FROM:<a@b.example>\r\n";
	for (int i = 0; i <= 40; i++) {
		send_at(DIR_CLIENT, w.end[DIR_CLIENT].nxt, text, strlen(text), ACK);
		w.end[DIR_CLIENT].nxt += (uint32_t)strlen(text);
		snprintf(line, sizeof line, "RCPT TO:<r%d@b.example>\r\n", i);
		text = line;
	}
	send_at(DIR_CLIENT, w.end[DIR_CLIENT].nxt, "DATA\r\nx\r\n.\r\n", 12, ACK);
	pipeline_drain(w.pl, w.rules, w.now, w.now);
	assert_int_equal(w.event_count, 41);
	assert_int_equal(w.events[0].kind, EVENT_MAIL);
	for (unsigned i = 1; i < w.event_count; i++) {
		snprintf(line, sizeof line, "r%u@b.example", i - 1);
		assert_int_equal(w.events[i].address_len, strlen(line));
		assert_memory_equal(w.events[i].address, line, strlen(line));
		assert_int_equal(w.events[i].transaction, 1);
	}
}

/* As in replay: an event for each address, told when its answer is known. */
static void
wait_for_answers(void)
{
	struct pipeline_config c = small_config();

	c.late_events = c.every_address = true;
	front_at_work++; /* no live box tells events late: they wait on the heap */
	pipeline_free(w.pl);
	w.pl = pipeline_new(&c, &w.front.ops, &w.ctr, on_event, NULL);
	assert_non_null(w.pl);
}

static void
a_reply_that_blinds_the_session_ends_the_wait_of_its_event(void **state)
{
	wait_for_answers();
	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	assert_int_equal(w.event_count, 0);
	server("354 what?\r\n");
	assert_int_equal(CTR(blind_replies), 1);
	assert_int_equal(w.event_count, 1);
}

static void
a_session_that_ends_by_verdict_tells_all_its_events(void **state)
{
	static const char *const end[] = { "drop.example", "reset.example" };
	char rcpt[64];

	for (unsigned i = 0; i < 2; i++) {
		w.event_count = 0;
		wait_for_answers();
		greet("250 mx\r\n");
		client("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.mil>\r\n");
		assert_int_equal(w.event_count, 0);
		snprintf(rcpt, sizeof rcpt, "RCPT TO:<x@%s>\r\n", end[i]);
		client(rcpt);
		assert_int_equal(w.event_count, 3);
		assert_int_equal(w.events[1].applied, ACTION_PASS);
		assert_int_equal(w.events[2].applied, i == 0 ? ACTION_DROP : ACTION_RESET);
		assert_int_equal(w.events[2].transaction, 1);
	}
}

static void
a_template_of_two_lines_stands_in_one_slot(void **state)
{
	greet("250 mx\r\n");
	client("MAIL FROM:<a@fout.example>\r\n");
	server("250 ok\r\n");
	client_read_begins("550-5.1.8 fout.example?\r\n550 5.1.8 Zie ");
	w.end[DIR_CLIENT].read_len = 0;
	client("MAIL FROM:<a@tik.example>\r\n");
	server("250 ok\r\n");
	client_read_refusal("550 5.1.8 tik.example lijkt een tikfout voor goed.example: controleer de afzender. (", "");
}

/* The client has had our reply at the first code; it goes on while the server is still speaking. */
static void
a_client_that_goes_on_behind_our_reply_does_not_end_the_servers(void **state)
{
	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	w.end[DIR_CLIENT].read_len = 0;
	client("RCPT TO:<x@army.ml>\r\n");
	server("250-well\r\n");
	client_read_refusal("550 ", "");
	client("RCPT TO:<x@army.mil>\r\n");
	server("250 ok\r\n");
	client_read("");
	server("250 good\r\n");
	client_read("250 good\r\n");
}

/* A gap in the server's stream that does not fill, while it owes the answer to a NOOP of ours. */
static void
going_blind_with_an_answer_outstanding_resets_rather_than_pass_a_250(void **state)
{
	const char *reply = "250 ok\r\n";

	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	w.end[DIR_CLIENT].read_len = 0;
	client("RCPT TO:<x@army.ml>\r\n");
	send_at(DIR_SERVER, w.end[DIR_SERVER].nxt + 1, reply + 1, strlen(reply) - 1, ACK | PSH);
	w.now += 31000000000u;
	pipeline_tick(w.pl, w.rules, w.now, w.now);
	deliver();
	assert_int_equal(CTR(blind_gap), 1);
	assert_int_equal(CTR(verdict_reset), 1);
	assert_true(w.end[DIR_CLIENT].reset);
	assert_true(w.end[DIR_SERVER].reset);
	client_read("");
}

/* What comes of a flow that was reset shows that the RST was lost. */
static void
an_end_that_missed_the_reset_gets_another(void **state)
{
	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	client("RCPT TO:<x@reset.example>\r\n");
	w.end[DIR_CLIENT].reset = w.end[DIR_SERVER].reset = false;
	client("QUIT\r\n");
	assert_true(w.end[DIR_CLIENT].reset);
	send_at(DIR_SERVER, w.end[DIR_SERVER].nxt, NULL, 0, ACK);
	assert_true(w.end[DIR_SERVER].reset);
	server_read("MAIL FROM:<a@example.com>\r\n");
}

/* Beyond what the server answers: one segment of a thousand recipients in all, no answer awaited in between. */
static void
a_thousand_pipelined_refusals_leave_the_good_ones_standing(void **state)
{
	char line[64], wanted[64];
	unsigned refused = 0;

	greet("250-mx\r\n250 SIZE\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	forget_read();
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(line, sizeof line, "RCPT TO:<r%u@army.ml>\r\nRCPT TO:<g%u@army.mil>\r\n", i, i);
		client(line);
		if (i < 8) {
			server("250 noop\r\n");
			w.end[DIR_SERVER].read_len = 0;
		} else {
			snprintf(wanted, sizeof wanted, "RCPT TO:<g%u@army.mil>\r\n", i);
			server_read(wanted);
		}
		snprintf(wanted, sizeof wanted, "250 g%u\r\n", i);
		server(wanted);
		client_read_refusal("550 5.1.2 army.ml", wanted);
		refused++;
	}
	assert_int_equal(CTR(verdict_reject), refused);
	assert_int_equal(CTR(verdict_quit) + CTR(verdict_not_applied) + CTR(verdict_reset), 0);
}

/* The server's packets are held for longer than the limit; the client's octets wait for nothing. */
static void
what_is_held_of_the_server_opens_no_gate_of_the_client(void **state)
{
	const char *reply = "550 no\r\n";
	uint32_t seq;

	greet("250 mx\r\n");
	client("MAIL FROM:<a@example.com>\r\n");
	server("250 ok\r\n");
	client("RCPT TO:<x@army.ml>\r\n"); /* an edited session: replies behind a gap wait */
	server("250 noop\r\n");
	client("DATA\r\n");
	w.end[DIR_CLIENT].read_len = 0;
	seq = w.end[DIR_SERVER].nxt;
	send_at(DIR_SERVER, seq + 3, reply + 3, 5, ACK | PSH);
	w.now += 2000000000u;
	send_at(DIR_SERVER, seq, reply, 1, ACK | PSH);
	w.now += 1500000000u;
	pipeline_tick(w.pl, w.rules, w.now, w.now);
	send_at(DIR_SERVER, seq + 1, reply + 1, 2, ACK | PSH);
	w.end[DIR_SERVER].nxt += 8;
	client_read("550 no\r\n");
	client("RCPT TO:<x@army.ml>\r\n");
	assert_int_equal(CTR(blind_replies) + CTR(blind_gap), 0);
	assert_int_equal(CTR(verdict_reject), 2);
}

/* A server that means one command by its 554, and one that closes but answers on: no later reply slips into the slot.
 */
static void
a_server_that_says_554_to_a_disguise_and_goes_on_keeps_its_slots(void **state)
{
	greet("250-mx\r\n250 SIZE\r\n");
	client("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.ml>\r\nRCPT TO:<y@army.mil>\r\n"
	       "RCPT TO:<z@later.example>\r\nRCPT TO:<v@army.mil>\r\n");
	server("250 from\r\n554-no\r\n554 NOOP here\r\n250 y\r\n250 noop\r\n550 v\r\n");
	struct end *c = &w.end[DIR_CLIENT];
	client_read_begins("250 from\r\n554-no\r\n554 NOOP here\r\n250 y\r\n451 4.1.2 later.example");
	assert_non_null(strstr(c->read, ")\r\n550 v\r\n"));
	c->read_len = 0;
	client("RCPT TO:<x@army.ml>\r\n");
	server("250 noop\r\n");
	client_read_refusal("550 5.1.2 army.ml", "");
	assert_int_equal(CTR(verdict_reset) + CTR(blind_replies), 0);
}

static void
a_421_in_a_disguised_slot_passes_and_so_does_what_follows(void **state)
{
	greet("250-mx\r\n250 SIZE\r\n");
	client("MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.ml>\r\nRCPT TO:<y@later.example>\r\n");
	server("250 from\r\n421 busy\r\n");
	client_read("250 from\r\n421 busy\r\n");
	server("250 noop\r\n");
	client_read_refusal("451 4.1.2 later.example", "");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		TEST(a_good_mail_passes_untouched),
		TEST(an_octet_that_changes_under_way_without_a_verdict_is_counted),
		TEST(a_typo_is_refused_in_the_slot_of_its_own_command),
		TEST(good_recipients_of_the_same_pipelined_group_go_through),
		TEST(a_server_that_offers_pipelining_never_gets_a_noop),
		TEST(where_pipelining_is_offered_a_refused_line_alone_is_answered_at_once),
		TEST(a_typo_in_the_second_mail_of_a_session_is_refused),
		TEST(a_typo_in_mail_from_is_refused),
		TEST(deferring_answers_451),
		TEST(flag_makes_an_event_and_nothing_else),
		TEST(allow_beats_a_rule_on_the_domain_above),
		TEST(a_reset_reaches_both_ends_and_the_command_reaches_none),
		TEST(a_drop_lets_the_flow_vanish),
		TEST(mail_of_an_exempt_address_passes_unread),
		TEST(exempt_addresses_are_the_exempt_ones_only),
		TEST(a_session_from_before_its_address_was_exempted_keeps_its_refusals),
		TEST(a_port_that_is_taken_off_the_list_is_read_for_sessions_that_began_before),
		TEST(a_port_that_is_taken_off_the_list_is_not_read_for_others),
		TEST(behind_starttls_nothing_is_read_or_changed),
		TEST(a_refused_starttls_leaves_the_session_readable),
		TEST(a_chunk_of_bdat_is_skipped_by_its_count),
		TEST(a_line_in_two_segments_is_held_and_judged_whole),
		TEST(a_retransmission_carries_the_same_edit),
		TEST(a_lost_refusal_is_made_again_from_the_servers_retransmission),
		TEST(further_refusals_are_answered_without_the_server),
		TEST(ipv6_behind_a_vlan_tag_is_judged_alike),
		TEST(what_we_send_bears_the_mpls_label_of_its_direction),
		TEST(without_a_known_label_toward_the_client_the_session_ends_with_421),
		TEST(without_rules_everything_passes),
		TEST(one_direction_alone_yields_every_recipient),
		TEST(a_line_typed_octet_by_octet_is_spoilt_in_its_tail),
		TEST(a_line_of_which_only_the_end_is_left_is_spoilt_and_not_reset),
		TEST(octets_that_have_left_keep_their_first_copy),
		TEST(the_first_copy_stands_in_half_a_line_at_a_dot_and_under_a_disguise),
		TEST(a_template_of_two_lines_stands_in_one_slot),
		TEST(a_client_that_goes_on_behind_our_reply_does_not_end_the_servers),
		TEST(going_blind_with_an_answer_outstanding_resets_rather_than_pass_a_250),
		TEST(an_end_that_missed_the_reset_gets_another),
		TEST(what_is_held_of_the_server_opens_no_gate_of_the_client),
		TEST(a_thousand_pipelined_refusals_leave_the_good_ones_standing),
		TEST(a_server_that_says_554_to_a_disguise_and_goes_on_keeps_its_slots),
		TEST(a_421_in_a_disguised_slot_passes_and_so_does_what_follows),
		TEST(a_reply_that_blinds_the_session_ends_the_wait_of_its_event),
		TEST(a_session_that_ends_by_verdict_tells_all_its_events),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
