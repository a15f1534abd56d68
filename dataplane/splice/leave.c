/* SPDX-License-Identifier: BSD-3-Clause */
/* Taking leave of the server: RSET, QUIT, FIN, each when the one before is answered. */
#include "splice/ends.h"
#include "tcp/options.h"

enum leave { LEAVE_RSET, LEAVE_QUIT, LEAVE_FIN };

static void
say_near(struct splice *s, const char *line, bool fin, uint64_t now_ns)
{
	const struct end_wire wire = splice_near_wire(s);

	end_say(&s->near, &wire, view_of(line, strlen(line)), fin, now_ns);
}

void
splice_leave(struct splice *s, uint64_t now_ns)
{
	s->leave = LEAVE_RSET;
	say_near(s, "RSET\r\n", false, now_ns);
}

static void
near_answered(struct splice *s, uint64_t now_ns)
{
	if (s->leave == LEAVE_RSET) {
		s->leave = LEAVE_QUIT;
		say_near(s, "QUIT\r\n", false, now_ns);
	} else if (s->leave == LEAVE_QUIT) {
		s->leave = LEAVE_FIN;
		say_near(s, "", true, now_ns);
	}
}

static void
near_octets(struct splice *s, struct view data, uint64_t now_ns)
{
	size_t used;

	while (data.len > 0) {
		int code = answer_read(&s->near_answer, data, &used);
		data = view_of(data.at + used, data.len - used);
		if (code != 0)
			near_answered(s, now_ns);
		if (code < 0)
			return;
	}
}

void
splice_near_input(struct splice *s, const struct packet *p, uint64_t now_ns)
{
	const struct tcp_options options = tcp_options_read(p);
	const struct end_segment segment = splice_segment(p, &options);
	const struct end_wire wire = splice_near_wire(s);
	struct view data = { 0 };
	unsigned got = end_input(&s->near, &wire, &segment, &data, now_ns);

	if (got & END_DATA)
		near_octets(s, data, now_ns);
	if ((got & END_FIN) && !s->near.fin_said) {
		s->leave = LEAVE_FIN;
		say_near(s, "", true, now_ns);
	}
}
