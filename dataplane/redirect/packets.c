/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of sessions that move or have moved, in the order in which one meets these functions. */
#include "redirect/redirects.h"
#include "tcp/part.h"
#include "tcp/segment.h"

/* A segment of a quarantine in the dialogue with us, or in place of the server's. True: taken. */
bool
redirect_arrives(struct pipeline *pl, struct packet *p)
{
	struct splice *s = pl->redirects != NULL ? splice_find(pl->redirects->pool, p) : NULL;

	if (s == NULL)
		return false;
	struct flow *f = s->flow;
	const struct tcp_half *server = &f->tcp.half[DIR_SERVER];
	bool sound = pl->config.ignore_checksums || (p->flags & PACKET_CHECKSUM_OK) || checksum_tcp_ok(p);
	bool reset = sound && segment_has(p, TCP_RST) && seq_leq(server->acked, p->h.seq + s->shift.server_seq) &&
		     seq_leq(p->h.seq + s->shift.server_seq, server->nxt);

	if (s->state == SPLICE_LIVE && !reset) {
		s->heard_ns = pl->now_ns;
		shift_in(&s->shift, p);
		p->flags |= PACKET_SPLICED;
		return false;
	}
	if (s->state == SPLICE_LIVE)
		redirect_act_alone(pl, f, s, splice_take(s, SPLICE_GONE));
	else if (s->state < SPLICE_LIVE && s->state != SPLICE_WAIT && sound)
		redirect_act_alone(pl, f, s, splice_far_input(s, p, pl->now_ns));
	pl->ops.release(pl->ops.front, p);
	return true;
}

/* The client is told of the end by us, or has been: what is left of it is ours to take. */
static void
take_client(struct pipeline *pl, struct flow *f, struct splice *s, const struct packet *p)
{
	if (p->dir == DIR_CLIENT)
		splice_client_input(s, p, pl->now_ns);
	else if (!(p->flags & PACKET_SPLICED))
		splice_near_input(s, p, pl->now_ns);
	f->tcp.reset |= s->state == SPLICE_OVER;
}

bool
redirect_segment(struct pipeline *pl, struct flow *f, struct packet *p)
{
	struct splice *s = splice_of(f);

	if (s == NULL)
		return false;
	if (s->state >= SPLICE_FAILED) {
		take_client(pl, f, s, p);
		pl->ops.release(pl->ops.front, p);
		return true;
	}
	if (p->dir != DIR_SERVER || (p->flags & PACKET_SPLICED))
		return false;
	if (s->state == SPLICE_LIVE) {
		splice_near_input(s, p, pl->now_ns);
		pl->ops.release(pl->ops.front, p);
		return true;
	}
	/* The server says something that nobody asked for: the client is to get it, and stays. */
	if (s->state != SPLICE_WAIT && (p->h.payload_len > 0 || segment_has(p, TCP_FIN | TCP_RST)) &&
	    seq_lt(f->tcp.half[DIR_SERVER].nxt, segment_end(p) + segment_has(p, TCP_RST)))
		redirect_act_alone(pl, f, s, (s->state = SPLICE_OVER, s->cause = CTR_redirect_state, SPLICE_FALL_BACK));
	return false;
}

/* All that was said before the flagged line is answered, and the client has the answers. */
static bool
is_quiet(const struct flow *f)
{
	const struct tcp_half *server = &f->tcp.half[DIR_SERVER];
	const struct edit *e = f->edit;

	return smtp_last_alone(&f->smtp) && server->acked == server->nxt && server->held == NULL &&
	       (e == NULL || (e->queue_count == 0 && e->ledger[DIR_SERVER].text_len == 0));
}

void
redirect_settle(struct pipeline *pl, struct flow *f)
{
	struct splice *s = splice_of(f);

	if (s == NULL || s->state >= SPLICE_FAILED)
		return;
	if (f->fate == FLOW_RESET || f->fate == FLOW_DROP) {
		splice_abort(s);
		s->state = SPLICE_OVER;
		return;
	}
	if (s->state == SPLICE_LIVE) {
		tcp_part(&pl->tcp, f, DIR_CLIENT);
		if (s->paced && f->tcp.half[DIR_CLIENT].waits && !splice_paces(f) && edit_room(f->edit)) {
			f->tcp.half[DIR_CLIENT].waits = false; /* once: the loop that calls us ends */
			pl->gate_opened = true;
		}
		return;
	}
	if (f->fate != FLOW_INSPECT || f->tcp.reset) {
		redirect_give_up(pl, f, s);
		return;
	}
	tcp_part(&pl->tcp, f, DIR_CLIENT);
	if (s->state == SPLICE_WAIT && is_quiet(f))
		redirect_decide(pl, f, s);
}

void
redirect_leaves(struct pipeline *pl, struct packet *p)
{
	struct splice *s = p->flow != NULL ? splice_of(p->flow) : NULL;

	if (s == NULL || s->state != SPLICE_LIVE || p->dir != DIR_CLIENT)
		return;
	if ((p->h.payload_len > 0 || segment_has(p, TCP_FIN)) && s->asked_ns <= s->heard_ns)
		s->asked_ns = pl->now_ns;
	shift_out(&s->shift, p);
}
