/* SPDX-License-Identifier: BSD-3-Clause */
#include "edit/own.h"
#include "edit/translate.h"

/* Old number behind everything of `dir` that can have arrived. */
static uint32_t
furthest(const struct flow *f, enum direction dir)
{
	const struct tcp_half *h = &f->tcp.half[dir];
	const struct edit *e = f->edit;

	if (e != NULL && e->quitting && dir == DIR_CLIENT)
		return seq_min(h->sent, e->quit_end);
	return h->fin_seen && h->sent == h->fin ? h->fin + 1 : h->sent;
}

/* RSTs that travel in `dir`: at what the receiver has acknowledged, before and behind what stands there, and where more
 * was sent, behind that. */
static void
reset_receiver(const struct edit_exit *out, const struct flow *f, const struct edit_head *head, enum direction dir)
{
	const struct tcp_half *h = &f->tcp.half[dir];
	const struct ledger *l = f->edit != NULL ? &f->edit->ledger[dir] : NULL;
	uint32_t far = furthest(f, dir);
	uint32_t seq[3] = { h->acked, h->acked, far };

	if (!h->started || head->ip_version == 0)
		return;
	if (l != NULL) {
		seq[0] = ledger_standing(l) != NULL ? ledger_start(l, h->acked) : ledger_seq(l, h->acked);
		seq[1] = ledger_seq(l, h->acked);
		seq[2] = ledger_seq(l, far);
	}
	for (unsigned i = 0; i < 3; i++) {
		struct own_segment s = { .seq = seq[i], .ack = f->tcp.half[!dir].acked, .flags = TCP_RST | TCP_ACK };
		if (i == 0 || seq_lt(seq[i - 1], seq[i]))
			own_send(out, f, head, dir, &s);
	}
}

/* The head for frames of `dir`: as last seen there, else that of `like`. */
static struct edit_head
head_for(const struct flow *f, const struct packet *like, enum direction dir)
{
	struct edit_head head = { 0 }, turned;

	if (f->edit != NULL && f->edit->head[dir].ip_version != 0)
		return f->edit->head[dir];
	if (like == NULL)
		return head;
	own_head_of(&head, like);
	if (like->dir == dir)
		return head;
	own_head_turn(&turned, &head);
	return turned;
}

void
edit_reset_again(const struct edit_exit *out, const struct flow *f, const struct packet *p)
{
	struct own_segment s = { .seq = p->h.ack, .flags = TCP_RST };
	struct edit_head head = { 0 };

	if ((p->h.tcp_flags & (TCP_RST | TCP_ACK)) != TCP_ACK)
		return;
	if (f->edit != NULL && f->edit->head[!p->dir].ip_version != 0) {
		own_send(out, f, &f->edit->head[!p->dir], !p->dir, &s);
		return;
	}
	struct edit_head seen = { 0 };
	own_head_of(&seen, p);
	own_head_turn(&head, &seen);
	if (head.ip_version != 0)
		own_send(out, f, &head, !p->dir, &s);
}

void
edit_reset_both(const struct edit_exit *out, struct flow *f, const struct packet *like)
{
	for (unsigned dir = DIR_CLIENT; dir <= DIR_SERVER; dir++) {
		struct edit_head head = head_for(f, like, dir);
		reset_receiver(out, f, &head, dir);
	}
	f->tcp.reset = true;
	f->fate = FLOW_RESET;
}
