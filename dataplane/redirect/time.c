/* SPDX-License-Identifier: BSD-3-Clause */
/* What time does to splices, and the end of their flows. */
#include "redirect/redirects.h"

#define LOOK_NS 10000000ULL   /* how often the splices' timers are looked at */
#define QUIT_NS 1000000000ULL /* from a QUIT in place of the client's command to the end of the connection */

/* Somebody has waited for the quarantine for too long. */
static bool
is_silent(const struct pipeline *pl, const struct splice *s)
{
	uint64_t since = s->asked_ns > s->heard_ns ? s->asked_ns : s->heard_ns;
	const struct tcp_half *client = &s->flow->tcp.half[DIR_CLIENT];
	bool waits = s->flow->smtp.slot_count > 0 || seq_lt(client->acked, client->sent);

	return s->state == SPLICE_LIVE && waits && pl->now_ns > since &&
	       pl->now_ns - since >= pl->redirects->table.answer_ms * 1000000ULL;
}

/* The QUIT that stands for a command has spaces behind it, which a server may refuse (OpenSMTPD does): the box closes.
 */
static bool
stays_open(const struct pipeline *pl, const struct splice *s)
{
	const struct flow *f = s->flow;

	return s->state == SPLICE_LIVE && f->edit != NULL && f->edit->quitting && !f->tcp.half[DIR_CLIENT].fin_seen &&
	       !f->tcp.half[DIR_SERVER].fin_seen && pl->now_ns - s->heard_ns >= QUIT_NS;
}

void
redirect_tick(struct pipeline *pl)
{
	struct redirects *r = pl->redirects;
	struct splice *next;

	if (r == NULL || pl->now_ns - r->looked_ns < LOOK_NS)
		return;
	r->looked_ns = pl->now_ns;
	r->closed = 0;
	for (struct splice *s = splice_next(r->pool, NULL); s != NULL; s = next) {
		enum splice_turn turn =
			splice_tick(s, pl->now_ns, r->table.setup_ms * 1000000ULL, r->table.session_s * 1000000000ULL);

		next = splice_next(r->pool, s);
		r->closed += s->state == SPLICE_OVER || (splice_joins(s) && tcp_closed(&s->flow->tcp));
		if (turn == SPLICE_STAY && is_silent(pl, s))
			turn = splice_take(s, SPLICE_LATE);
		if (turn == SPLICE_STAY && stays_open(pl, s))
			turn = splice_take(s, SPLICE_GONE);
		if (turn == SPLICE_STAY && s->state == SPLICE_ENDING && redirect_is_told(s->flow))
			turn = splice_take(s, SPLICE_READY);
		s->flow->tcp.reset |= s->state == SPLICE_OVER && turn == SPLICE_STAY;
		if (turn != SPLICE_STAY)
			redirect_act_alone(pl, s->flow, s, turn);
	}
}

void
redirect_gone(struct pipeline *pl, struct flow *f)
{
	struct splice *s = splice_of(f);

	if (s != NULL && !(splice_joins(s) && tcp_closed(&f->tcp)))
		splice_abort(s);
	if (s != NULL && s->state < SPLICE_LIVE)
		redirect_tell(pl, s, ACTION_RESET);
	if (s != NULL)
		redirect_forget(pl, s);
	if (f->envelope != NULL)
		envelope_drop(pl->redirects->pool, f);
}
