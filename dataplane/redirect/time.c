/* SPDX-License-Identifier: BSD-3-Clause */
/* What time does to splices, and the end of their flows. */
#include "redirect/redirects.h"

#define LOOK_NS   10000000ULL    /* how often the splices' timers are looked at */
#define LINGER_NS 5000000000ULL  /* for FINs that are sent again */
#define HALF_NS   60000000000ULL /* for the second FIN, while nothing comes */
#define QUIT_NS   1000000000ULL  /* from a QUIT in place of the client's command to the end of the connection */

/* The client waits for an answer, or an acknowledgement. */
static bool
is_waited_for(const struct splice *s)
{
	const struct tcp_half *client = &s->flow->tcp.half[DIR_CLIENT];

	return s->flow->smtp.slot_count > 0 || seq_lt(client->acked, client->sent);
}

/* Somebody has waited for the quarantine for too long. */
static bool
is_silent(const struct pipeline *pl, const struct splice *s)
{
	uint64_t since = s->asked_ns > s->heard_ns ? s->asked_ns : s->heard_ns;

	return s->state == SPLICE_LIVE && is_waited_for(s) && pl->now_ns > since &&
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

/* One end has said FIN, nothing is owed, and the other one does not close. */
static bool
is_left_half(const struct pipeline *pl, const struct splice *s)
{
	const struct tcp_half *client = &s->flow->tcp.half[DIR_CLIENT], *server = &s->flow->tcp.half[DIR_SERVER];
	uint64_t since = s->asked_ns > s->heard_ns ? s->asked_ns : s->heard_ns;

	return s->state == SPLICE_LIVE && (client->fin_seen || server->fin_seen) && pl->now_ns - since >= HALF_NS;
}

bool
redirect_is_over(const struct splice *s)
{
	return s->state == SPLICE_OVER || (splice_joins(s) && tcp_closed(&s->flow->tcp));
}

/* Gives s back. What comes later of its flow is answered as on any connection that was reset: its numbers lead nowhere.
 */
static void
retire(struct pipeline *pl, struct splice *s)
{
	struct flow *f = s->flow;
	bool quiet = splice_joins(s) && !f->tcp.reset; /* it has ended in order */

	redirect_tell_open(pl, s);
	if (!quiet || !splice_has_left(s))
		splice_abort(s);
	if (f->fate != FLOW_DROP)
		f->fate = FLOW_RESET;
	f->tcp.reset = true;
	tcp_discard_all(&pl->tcp, f);
	redirect_forget(pl, s);
	envelope_drop(pl->redirects->pool, f);
}

bool
redirect_make_room(struct pipeline *pl)
{
	struct splice *found = NULL;

	for (struct splice *s = splice_next(pl->redirects->pool, NULL); s != NULL && pl->redirects->closed > 0;
	     s = splice_next(pl->redirects->pool, s)) {
		bool holds = s->flow->tcp.half[0].held != NULL || s->flow->tcp.half[1].held != NULL;
		if (!redirect_is_over(s) || holds)
			continue;
		if (found == NULL || (splice_has_left(s) && s->over_ns <= found->over_ns))
			found = s;
	}
	if (found == NULL)
		return false;
	pl->redirects->closed--;
	retire(pl, found);
	return true;
}

/* A splice whose session is over lasts as long as somebody may ask again. */
static void
look_over(struct pipeline *pl, struct splice *s)
{
	s->over_ns = s->over_ns != 0 ? s->over_ns : pl->now_ns;
	s->flow->tcp.reset |= s->state == SPLICE_OVER;
	splice_tick_near(s, pl->now_ns);
	if (pl->now_ns - s->over_ns >= LINGER_NS && splice_has_left(s))
		retire(pl, s);
	else
		pl->redirects->closed++;
}

static void
look(struct pipeline *pl, struct splice *s)
{
	const struct quarantine_table *t = &pl->redirects->table;

	if (redirect_is_over(s)) {
		look_over(pl, s);
		return;
	}
	enum splice_turn turn = splice_tick(s, pl->now_ns, t->setup_ms * 1000000ULL, t->session_s * 1000000000ULL);
	if (turn == SPLICE_STAY && is_silent(pl, s))
		turn = splice_take(s, SPLICE_LATE);
	if (turn == SPLICE_STAY && stays_open(pl, s))
		turn = splice_take(s, SPLICE_GONE);
	if (turn == SPLICE_STAY && s->state == SPLICE_ENDING && redirect_is_told(s->flow))
		turn = splice_take(s, SPLICE_READY);
	if (turn != SPLICE_STAY) {
		redirect_act_alone(pl, s->flow, s, turn);
	} else if (!is_waited_for(s) && is_left_half(pl, s)) {
		splice_abort(s);
		splice_reset_client(s);
	}
}

void
redirect_tick(struct pipeline *pl)
{
	struct redirects *r = pl->redirects;

	if (r == NULL || pl->now_ns - r->looked_ns < LOOK_NS)
		return;
	r->looked_ns = pl->now_ns;
	r->closed = 0;
	for (struct splice *s = splice_next(r->pool, NULL); s != NULL; s = r->next) {
		r->next = splice_next(r->pool, s);
		look(pl, s);
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
	if (s != NULL) {
		redirect_tell_open(pl, s);
		redirect_forget(pl, s);
	}
	if (f->envelope != NULL)
		envelope_drop(pl->redirects->pool, f);
}
