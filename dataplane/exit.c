/* SPDX-License-Identifier: BSD-3-Clause */
/* How packets leave: those of edited flows by edit, fragments as they came, those to a quarantine by another side. */
#include "internal.h"

/* What the stages call instead of the front end's own operations: a datagram may stand for many fragments. */
static struct packet *
ops_alloc(void *ctx, uint32_t need)
{
	struct pipeline *pl = ctx;

	return pl->front.alloc(pl->front.front, need);
}

static void
ops_release(void *ctx, struct packet *p)
{
	struct pipeline *pl = ctx;

	fragments_release(pl->fragments, p);
}

/* The last station: counts, then hands to the port. */
static void
front_transmit(void *ctx, struct packet *p, enum side side)
{
	struct pipeline *pl = ctx;

	pl->ctr->value[CTR_tx_packets]++;
	pl->ctr->value[CTR_tx_octets] += p->len;
	pl->front.transmit(pl->front.front, p, side);
}

static void
front_release(void *ctx, struct packet *p)
{
	struct pipeline *pl = ctx;

	pl->front.release(pl->front.front, p);
}

/* What few packets are: on its way out, a sample is looked at, one to a quarantine turned, a datagram cut. */
static inline bool
is_special(const struct pipeline *pl, const struct packet *p)
{
	return (p->flags & PACKET_SAMPLE) || p->datagram != NULL || pl->redirects != NULL;
}

/* Out of line, so that other packets do not pay for it. */
__attribute__((noinline)) static void
transmit_special(struct pipeline *pl, struct packet *p, enum side side)
{
	if ((p->flags & (PACKET_SAMPLE | PACKET_JUDGED)) == PACKET_SAMPLE && checksum_payload(p) != p->sum)
		pl->ctr->value[CTR_changed_unjudged] += p->h.payload_len;
	if (pl->redirects != NULL)
		side = redirect_leaves(pl, p, side);
	if (p->datagram == NULL)
		front_transmit(pl, p, side);
	else
		fragments_transmit(pl->fragments, p, side);
}

static void
ops_transmit(void *ctx, struct packet *p, enum side side)
{
	struct pipeline *pl = ctx;

	if (is_special(pl, p))
		transmit_special(pl, p, side);
	else
		front_transmit(pl, p, side);
}

void
pipeline_forward(struct pipeline *pl, struct packet *p)
{
	ops_transmit(pl, p, other_side(p->side)); /* by name: most packets of any traffic leave here */
}

void
pipeline_forward_burst(struct pipeline *pl, struct packet **burst, unsigned n)
{
	uint64_t octets = 0, plain = 0;

	for (unsigned i = 0; i < n; i++) {
		struct packet *p = burst[i];
		if (is_special(pl, p)) {
			pipeline_forward(pl, p);
			continue;
		}
		octets += p->len;
		plain++;
		pl->front.transmit(pl->front.front, p, other_side(p->side));
	}
	pl->ctr->value[CTR_tx_packets] += plain;
	pl->ctr->value[CTR_tx_octets] += octets;
}

void
exit_segment(void *ctx, struct flow *f, struct packet *p)
{
	struct pipeline *pl = ctx;

	if (f->fate == FLOW_DROP || f->fate == FLOW_RESET)
		pl->ops.release(pl->ops.front, p);
	else if (f->edit == NULL)
		pipeline_forward(pl, p);
	else
		edit_leave(&pl->exit, f, p);
}

void
exit_init(struct pipeline *pl, const struct packet_ops *front)
{
	pl->front = *front;
	pl->ops = (struct packet_ops){
		.alloc = ops_alloc, .release = ops_release, .transmit = ops_transmit, .front = pl
	};
	pl->exit = (struct edit_exit){ .transmit = ops_transmit,
				       .ops = &pl->ops,
				       .ctr = pl->ctr,
				       .ctx = pl,
				       .trust_checksums = pl->config.ignore_checksums };
}

struct packet_ops
exit_last(struct pipeline *pl)
{
	return (struct packet_ops){
		.alloc = ops_alloc, .release = front_release, .transmit = front_transmit, .front = pl
	};
}
