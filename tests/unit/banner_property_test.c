/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Servers refused by their name, over paths that lose, repeat, reorder, damage and cut. A client that does not take the
 * refusal for an answer says what it likes: it reads no 2yz or 3yz reply but that to QUIT, and the server no command
 * but QUIT, EHLO and HELO. Servers with other names are not touched.
 *
 * POSTERN_SEED and POSTERN_STEPS (frames through the box) choose or lengthen a run; each run is another with
 * POSTERN_LONG.
 */
#include "model_ends.h"
#include "small.h"

#define STEPS 200000

static const char *const commands[] = {
	"MAIL FROM:<a@client.example>\r\n",
	"RCPT TO:<x@other.example>\r\n",
	"DATA\r\n",
	"RSET\r\n",
	"STARTTLS\r\n",
	"AUTH PLAIN AGEAYg==\r\n",
	"VRFY x\r\n",
	"BDAT 23 LAST\r\nRCPT TO:<x@y.example>\r\n",
	"EHLO again.example\r\n",
	"HELO again.example\r\n",
	"NOOP\r\n",
	"\r\n",
	"X\r\n",
	"What?\r\n",
};
enum { COMMANDS = sizeof commands / sizeof commands[0], SCRIPT = 16 };

static struct dialogue {
	enum { INNOCENT, GREETS, ANSWERS } name; /* where the server says the name that a rule refuses */
	const char *script[SCRIPT];
	unsigned lines, said, answered;
	bool pipelined;
	uint32_t read, taken;
	bool refused; /* the client has read a refusal */
} d;

static struct counters ctr;
static unsigned sessions, refusals, resets, leaks, calm;

/* Octets left before they could be judged: what is flagged may pass, or costs the session. */
static bool
exposed(void)
{
	return ctr.value[CTR_exposed_lines] + ctr.value[CTR_blind_gap] + ctr.value[CTR_blind_hold_cap] > 0;
}

static void
say(unsigned dir, const char *text)
{
	struct model_end *e = &net.end[dir];
	size_t len = strlen(text);

	if (e->closing || e->reset)
		return;
	memcpy(e->out + e->out_len, text, len);
	e->out_len += (uint32_t)len;
}

static void
write_script(void)
{
	d = (struct dialogue){ .name = rnd(4) == 0 ? INNOCENT : rnd(2) ? GREETS : ANSWERS };
	d.pipelined = d.name == GREETS && rnd(4) == 0;
	if (d.name != GREETS)
		d.script[d.lines++] = "EHLO client.example\r\n";
	for (unsigned n = d.name == INNOCENT ? 0 : rnd(SCRIPT - 4); n > 0; n--)
		d.script[d.lines++] = commands[rnd(COMMANDS)];
	d.script[d.lines++] = "QUIT\r\n";
}

static bool
begins(const char *line, const char *word)
{
	return strncmp(line, word, strlen(word)) == 0;
}

static void
server_line(const char *line, size_t len)
{
	if (begins(line, "QUIT")) {
		say(DIR_SERVER, "221 bye\r\n");
		net.end[DIR_SERVER].closing = true;
	} else if (begins(line, "EHLO") || begins(line, "HELO")) {
		bool other = d.name == INNOCENT || (d.name == GREETS && rnd(3) == 0);
		say(DIR_SERVER, other    ? "250-mx.example\r\n250 PIPELINING\r\n"
				: rnd(4) ? "250-mx.army.ml Hello\r\n250 PIPELINING\r\n"
					 : "250 mx.army.ml\r\n");
	} else if (begins(line, "NOOP")) {
		say(DIR_SERVER, rnd(2) ? "250 ok\r\n" : "250-well\r\n250 ok\r\n");
	} else {
		bool spoilt = len > 4 && memcmp(line + len - 4, "@@\r\n", 4) == 0;
		if (len > 5 && !spoilt && !exposed())
			wrong("the server got \"%.*s\"", (int)len, line);
		say(DIR_SERVER, "500 what\r\n");
	}
}

static void
server_read(void)
{
	struct model_end *e = &net.end[DIR_SERVER];

	for (;;) {
		const char *in = (const char *)e->in + d.taken;
		const char *lf = e->got > d.taken ? memchr(in, '\n', e->got - d.taken) : NULL;
		if (lf == NULL)
			break;
		d.taken += (uint32_t)(lf + 1 - in);
		server_line(in, (size_t)(lf + 1 - in));
	}
	if (e->peer_closed && e->got == e->peer_fin)
		e->closing = true;
}

static void
client_reply(const char *line, size_t len)
{
	bool first = d.answered == 0, last = d.answered == d.lines;
	bool positive = line[0] == '2' || line[0] == '3';

	d.refused |= begins(line, "554 5.1.2 mx.army.ml looks") || begins(line, "550 5.1.2 mx.army.ml looks");
	if (positive && d.name != INNOCENT && !exposed() && !(first && d.name == ANSWERS) &&
	    !(last && begins(line, "221")))
		wrong("the client got \"%.*s\"", (int)len, line);
	if (d.answered++ == d.lines)
		net.end[DIR_CLIENT].closing = true;
}

static void
client_read(void)
{
	struct model_end *e = &net.end[DIR_CLIENT];

	for (;;) {
		const char *in = (const char *)e->in + d.read;
		const char *lf = e->got > d.read ? memchr(in, '\n', e->got - d.read) : NULL;
		if (lf == NULL)
			break;
		d.read += (uint32_t)(lf + 1 - in);
		if (in[3] != '-')
			client_reply(in, (size_t)(lf - in));
	}
	while (d.answered > 0 && d.said < d.lines && (d.pipelined || d.said < d.answered))
		say(DIR_CLIENT, d.script[d.said++]);
	if (e->peer_closed && e->got == e->peer_fin)
		e->closing = true;
}

static void
take_from_box(void)
{
	struct packet *p;

	while ((p = front_take(&net.front)) != NULL) {
		if (headers_decode(p) != DECODE_TCP) {
			front_release(&net.front, p);
			continue;
		}
		p->dir = p->h.src_port == 25;
		launch(p, true);
	}
}

static void
through_box(struct packet *p)
{
	p->time_ns = net.now;
	p->dir = 0;
	p->next = NULL;
	p->flags = 0;
	pipeline_burst(net.pl, net.rules, &p, 1, net.now, net.now);
	net.boxed++;
	take_from_box();
}

static void
tick(void)
{
	pipeline_tick(net.pl, net.rules, net.now, net.now);
	take_from_box();
}

static void
on_event(void *ctx, const struct event *e)
{
	assert_int_equal(e->kind, EVENT_BANNER);
}

static void
begin_session(void)
{
	static const char *const greetings[] = { "220 mx.army.ml ESMTP\r\n",
						 "220-mx.army.ml ESMTP\r\n220-no spam\r\n220 ok\r\n",
						 "220 mx.army.ml\r\n" };
	struct pipeline_config c = small_config();

	memset(&ctr, 0, sizeof ctr);
	box_counters = &ctr;
	session_number = sessions;
	c.noop_limit = rnd(3) * 4;
	net.pl = pipeline_new(&c, &net.front.ops, &ctr, on_event, NULL);
	assert_non_null(net.pl);
	write_script();
	draw_weather(2);
	ends_connect(rnd(4) ? 0xffffff00u + rnd(200) : rnd(UINT32_MAX),
		     rnd(4) ? 0xffffff00u + rnd(200) : rnd(UINT32_MAX));
	while (net.flying_count > 0)
		step();
	say(DIR_SERVER, d.name == GREETS ? greetings[rnd(3)] : "220 mx.example ESMTP\r\n");
	end_push(DIR_SERVER);
}

static bool
is_calm(void)
{
	return net.weather.loss + net.weather.duplicate + net.weather.corrupt + net.weather.reorder == 0;
}

/* A pipelining client that says EHLO in its midst has gone too far to be answered in order; and what a client says
 * behind the command that became QUIT can be delivered to nobody. */
static bool
may_be_reset(void)
{
	return d.pipelined || ctr.value[CTR_verdict_quit] > 0 || (exposed() && !is_calm());
}

static void
check(void)
{
	bool reset = net.end[0].reset || net.end[1].reset || ctr.value[CTR_verdict_reset] > 0;

	resets += reset;
	refusals += d.refused;
	leaks += d.name != INNOCENT && !d.refused && !reset;
	assert_int_equal(ctr.value[CTR_changed_unjudged], 0);
	if (d.name == INNOCENT) {
		assert_int_equal(ctr.value[CTR_edited_packets] + ctr.value[CTR_translated_packets] + reset, 0);
		assert_int_equal(d.answered, d.lines + 1);
		return;
	}
	if (reset && !may_be_reset())
		wrong("reset without a cause");
	calm += is_calm();
	if (!d.refused && !reset && (is_calm() || !exposed()))
		wrong("the server was not refused");
	if (!reset && !(net.end[0].peer_closed && net.end[1].peer_closed))
		wrong("an end was left open");
}

static void
nothing_passes_in_a_session_that_is_refused_for_its_servers_name(void **state)
{
	uint64_t seed = seed_of_run();
	uint64_t steps = from_environment("POSTERN_STEPS", STEPS);

	front_init(&net.front);
	net.now = 1000 * MS;
	for (; net.boxed < steps; sessions++) {
		random_begin(seed, sessions);
		begin_session();
		for (unsigned n = 0; step(); n++)
			if (n > 300000)
				wrong("session %u does not end", sessions);
		pipeline_drain(net.pl, net.rules, net.now, net.now);
		take_from_box();
		while (net.flying_count > 0)
			front_release(&net.front, net.flying[--net.flying_count].p);
		check();
		pipeline_free(net.pl);
		assert_int_equal(net.front.alive, 0);
	}
	print_message("%llu frames, %u sessions: %u refused, %u reset, %u passed in part; %u on a calm path\n",
		      (unsigned long long)net.boxed, sessions, refusals, resets, leaks, calm);
	assert_true(refusals > sessions / 3);
}

static int
compile_rules(void **state)
{
	net.rules = compile("rule b1 reject banner domain army.ml means=army.mil\n");
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
		cmocka_unit_test(nothing_passes_in_a_session_that_is_refused_for_its_servers_name),
	};
	return cmocka_run_group_tests(tests, compile_rules, free_rules);
}
