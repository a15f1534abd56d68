/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of sessions that move or have moved, in the order in which one meets these functions. */
#include "redirect/redirects.h"
#include "splice/owners.h"
#include "tcp/part.h"
#include "tcp/segment.h"

/* A segment from the address and port of a quarantine. */
static bool
is_far(const struct redirects *r, const struct packet *p)
{
	const uint8_t *source = p->data + p->h.l3 + (p->h.ip_version == 4 ? IPV4_SOURCE : IPV6_SOURCE);

	for (unsigned i = 0; i < r->table.count; i++) {
		const struct quarantine *q = &r->table.entry[i];
		if (q->port == p->h.src_port && q->ip_version == p->h.ip_version &&
		    memcmp(q->addr, source, q->ip_version == 4 ? 4 : 16) == 0)
			return true;
	}
	return false;
}

/* Of a session of another worker: handed to it. True: taken. */
static bool
hand_on(struct pipeline *pl, struct packet *p)
{
	struct flow_key key;
	unsigned end;

	if (pl->config.owners == NULL || (p->flags & PACKET_HANDED) || !is_far(pl->redirects, p))
		return false;
	flow_key_of(p, &key, &end);
	int worker = owners_find(pl->config.owners, &key);
	if (worker < 0 || (unsigned)worker == pl->config.worker)
		return false;
	pl->ctr->value[CTR_redirect_handed]++;
	if (p->datagram != NULL) /* its pieces are ours; no server that minds the path's MTU sends such */
		pl->ops.release(pl->ops.front, p);
	else
		pl->config.hand(pl->front.front, p, (unsigned)worker);
	return true;
}

/* Of no session, by the quarantine's own port, behind which there is nowhere to forward it to. True: taken. */
static bool
is_stray(struct pipeline *pl, struct packet *p)
{
	if (p->pair != pl->config.apart)
		return false;
	pl->ctr->value[CTR_redirect_stray]++;
	pl->ops.release(pl->ops.front, p);
	return true;
}

/* By the quarantine's own port to that of its session. False: there is no room. */
static bool
join_flow(const struct splice *s, struct packet *p)
{
	return !s->to.apart || route_put(&s->near_route, p, true);
}

/* A segment of a quarantine in the dialogue with us, or in place of the server's. True: taken. */
bool
redirect_arrives(struct pipeline *pl, struct packet *p)
{
	struct splice *s = pl->redirects != NULL ? splice_find(pl->redirects->pool, p) : NULL;

	if (s == NULL)
		return pl->redirects != NULL && (hand_on(pl, p) || is_stray(pl, p));
	struct flow *f = s->flow;
	const struct tcp_half *server = &f->tcp.half[DIR_SERVER];
	bool sound = pl->config.ignore_checksums || (p->flags & PACKET_CHECKSUM_OK) || checksum_tcp_ok(p);
	bool reset = sound && segment_has(p, TCP_RST) && seq_leq(server->acked, p->h.seq + s->shift.server_seq) &&
		     seq_leq(p->h.seq + s->shift.server_seq, server->nxt);

	if (splice_joins(s) && !reset && join_flow(s, p)) {
		s->heard_ns = pl->now_ns;
		shift_in(&s->shift, p);
		p->flags |= PACKET_SPLICED;
		return false;
	}
	if (splice_joins(s) && reset)
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

/* A closing quarantine leaves the client without an answer. */
static bool
owes_answer(const struct flow *f, const struct splice *s)
{
	if (f->edit != NULL && f->edit->quitting) /* owed is our 421 alone */
		return f->edit->queue_count > 0;
	return s->state == SPLICE_ENDING ||
	       (!s->bye && (f->smtp.slot_count > 0 || smtp_in_body(&f->smtp) || f->smtp.now.open));
}

/* Takes the FIN off p, a sound segment with octets. Returns it, owned, as a segment of its own; NULL: no buffer. */
static struct packet *
part_fin(struct pipeline *pl, struct packet *p)
{
	struct packet *fin = pl->ops.alloc(pl->ops.front, p->h.payload);

	p->h.tcp_flags &= (uint16_t)~TCP_FIN;
	p->data[p->h.l4 + TCP_FLAGS] &= (uint8_t)~TCP_FIN;
	p->flags |= PACKET_JUDGED;
	checksum_rewrite(p);
	if (fin == NULL)
		return NULL; /* the quarantine sends it again */
	memcpy(fin->data, p->data, p->h.payload);
	packet_like(fin, p);
	fin->h.payload_len = 0;
	fin->h.seq += p->h.payload_len;
	fin->h.tcp_flags |= TCP_FIN;
	store_be32(fin->data + fin->h.l4 + TCP_SEQ, fin->h.seq);
	fin->data[fin->h.l4 + TCP_FLAGS] |= TCP_FIN;
	headers_resize(fin);
	checksum_rewrite(fin);
	fin->flags = (uint8_t)(PACKET_JUDGED | PACKET_SPLICED | (p->flags & PACKET_CHECKSUM_OK));
	return fin;
}

/*
 * A FIN of the quarantine, without octets. Where it owes an answer, the client
 * does not get it, but one of ours, once it has all that was said before. True: taken.
 */
static bool
take_fin(struct pipeline *pl, struct flow *f, struct splice *s, struct packet *p)
{
	const struct tcp_half *server = &f->tcp.half[DIR_SERVER];

	if (server->fin_seen || (p->h.seq == server->nxt && !owes_answer(f, s)))
		return false;
	if (p->h.seq == server->nxt)
		redirect_act_alone(pl, f, s, splice_take(s, SPLICE_GONE));
	pl->ops.release(pl->ops.front, p);
	return true;
}

/* A segment of the quarantine that closes: its octets first, for they may be the answer that is owed. */
static bool
far_closes(struct pipeline *pl, struct flow *f, struct splice *s, struct packet *p)
{
	bool sound = pl->config.ignore_checksums || (p->flags & PACKET_CHECKSUM_OK) || checksum_tcp_ok(p);
	uint8_t fate = f->fate;

	if (!sound)
		return false; /* nobody takes it */
	if (p->h.payload_len == 0)
		return take_fin(pl, f, s, p);
	struct packet *fin = part_fin(pl, p);
	edit_arrive(f, p);
	tcp_input(&pl->tcp, f, p);
	pipeline_settle(pl, f, fate);
	if (fin == NULL || take_fin(pl, f, s, fin))
		return true;
	fate = f->fate;
	edit_arrive(f, fin);
	tcp_input(&pl->tcp, f, fin);
	pipeline_settle(pl, f, fate);
	return true;
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
	if (p->dir == DIR_SERVER && (p->flags & PACKET_SPLICED) && segment_has(p, TCP_FIN))
		return far_closes(pl, f, s, p);
	if (p->dir != DIR_SERVER || (p->flags & PACKET_SPLICED))
		return false;
	if (splice_joins(s)) {
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

	if (s == NULL && f->envelope != NULL && tcp_closed(&f->tcp)) /* nothing of it will be said elsewhere */
		envelope_drop(pl->redirects->pool, f);
	if (s == NULL || s->state >= SPLICE_FAILED)
		return;
	if (f->fate == FLOW_RESET || f->fate == FLOW_DROP) {
		splice_abort(s);
		if (s->state < SPLICE_LIVE)
			redirect_tell(pl, s, f->fate == FLOW_DROP ? ACTION_DROP : ACTION_RESET);
		s->state = SPLICE_OVER;
		return;
	}
	if (s->state == SPLICE_ENDING) {
		if (redirect_is_told(f))
			redirect_act(pl, f, s, splice_take(s, SPLICE_READY));
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

enum side
redirect_leaves(struct pipeline *pl, struct packet *p, enum side side)
{
	struct splice *s = p->flow != NULL ? splice_of(p->flow) : NULL;

	if (s == NULL || !splice_joins(s) || p->dir != DIR_CLIENT)
		return side;
	if ((p->h.payload_len > 0 || segment_has(p, TCP_FIN)) && s->asked_ns <= s->heard_ns)
		s->asked_ns = pl->now_ns;
	shift_out(&s->shift, p);
	return s->to.apart && route_put(&s->far_route, p, false) ? s->far_route.side : side;
}
