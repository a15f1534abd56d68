/* SPDX-License-Identifier: BSD-3-Clause */
#include "edit/translate.h"

#include "headers/checksum.h"
#include "tcp/options.h"

#define TCP_HEADER_MAX 60

/*
 * The blocks of one SACK option (RFC 2018 section 3), `len` octets at `option`.
 * Left edges round up and right edges down, so that nothing is reported which
 * the receiver does not have. What rounds to nothing, or (a D-SACK, RFC 2883)
 * reports on octets below the floor, whose numbers are forgotten, goes.
 */
static void
translate_sack(const struct ledger *l, uint8_t *option, size_t len)
{
	size_t kept = 2;

	for (size_t at = 2; at + 8 <= len; at += 8) {
		uint32_t left = ledger_ack_up(l, load_be32(option + at));
		uint32_t right = ledger_ack(l, load_be32(option + at + 4));
		if (seq_leq(right, left) || seq_lt(left, l->floor))
			continue;
		store_be32(option + kept, left);
		store_be32(option + kept + 4, right);
		kept += 8;
	}
	if (kept == 2)
		kept = 0;
	else
		option[1] = (uint8_t)kept;
	memset(option + kept, TCP_OPTION_NOP, len - kept);
}

static void
translate_options(const struct ledger *l, uint8_t *at, const uint8_t *end)
{
	for (size_t len; (at = tcp_option(at, end)) != NULL; at += len) {
		len = at[1]; /* of the option that came: what is left of it may be shorter */
		if (at[0] == TCP_OPTION_SACK && len % 8 == 2)
			translate_sack(l, at, len);
	}
}

/* The window that lets the sender come as far in its own numbers as the receiver allows, and no more than was said. */
static uint16_t
translate_window(const struct ledger *l, const struct packet *p, uint8_t scale, uint32_t new_ack)
{
	if (l->count == 0)
		return p->h.window;
	if (scale > TCP_WSCALE_MAX)
		scale = TCP_WSCALE_MAX;
	uint32_t edge = ledger_ack(l, new_ack + ((uint32_t)p->h.window << scale));
	int32_t credit = seq_diff(edge, p->h.ack);
	uint32_t window = credit > 0 ? (uint32_t)credit >> scale : 0;

	return (uint16_t)(window < p->h.window ? window : p->h.window);
}

/* What the client may know to be acknowledged: nothing from a line on whose answer of ours it may still lack. */
static uint32_t
tell_client(struct edit *e, uint32_t ack)
{
	if (ledger_standing(&e->ledger[DIR_SERVER]) != NULL)
		ack = seq_min(ack, e->line);
	e->told = seq_max(e->told, ack);
	return ack;
}

bool
edit_translate(const struct flow *f, struct packet *p, uint32_t seq, uint8_t flags)
{
	const struct ledger *opposite = &f->edit->ledger[!p->dir];
	uint8_t *tcp = p->data + p->h.l4;
	size_t len = (size_t)(p->h.payload - p->h.l4);
	uint8_t before[TCP_HEADER_MAX];

	memcpy(before, tcp, len);
	store_be32(tcp + 4, seq);
	tcp[13] = flags;
	if ((before[13] & TCP_URG) && !(flags & TCP_URG))
		store_be16(tcp + 18, 0);
	if (flags & TCP_ACK) {
		store_be16(tcp + 14, translate_window(opposite, p, f->tcp.half[p->dir].wscale, load_be32(tcp + 8)));
		store_be32(tcp + 8, p->dir == DIR_SERVER ? tell_client(f->edit, p->h.ack) : p->h.ack);
		translate_options(opposite, tcp + 20, tcp + len);
	}
	return checksum_follow(tcp, before, len);
}
