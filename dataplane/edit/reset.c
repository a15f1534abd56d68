/* SPDX-License-Identifier: BSD-3-Clause */
#include "edit/translate.h"

#include "headers/checksum.h"

#define IPV4_HEADER  20
#define IPV6_HEADER  40
#define TCP_HEADER   20
#define HOPS         64
#define PROTOCOL_TCP 6

static void
swap(uint8_t *a, uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t octet = a[i];
		a[i] = b[i];
		b[i] = octet;
	}
}

/* A bare IP header from `from`: same ends, no options, `len` octets behind it. Returns its length. */
static uint16_t
write_ip(uint8_t *ip, const uint8_t *from, uint8_t version, uint16_t len)
{
	if (version == 4) {
		memcpy(ip, from, IPV4_HEADER);
		ip[0] = 0x45;
		ip[1] &= 0xfc; /* no ECN on a RST (RFC 3168 section 6.1.1) */
		store_be16(ip + 2, (uint16_t)(IPV4_HEADER + len));
		store_be16(ip + 4, 0);
		store_be16(ip + 6, 0x4000); /* whole, and not to be cut */
		ip[8] = HOPS;
		ip[9] = PROTOCOL_TCP;
		return IPV4_HEADER;
	}
	memcpy(ip, from, IPV6_HEADER);
	ip[1] &= 0xcf;
	store_be16(ip + 4, len);
	ip[6] = PROTOCOL_TCP;
	ip[7] = HOPS;
	return IPV6_HEADER;
}

/* Turns the frame round: link addresses, IP addresses, ports. */
static void
turn(struct packet *p)
{
	uint8_t *ip = p->data + p->h.l3;
	uint8_t *tcp = p->data + p->h.l4;

	if (p->link == LINK_ETHERNET)
		swap(p->data, p->data + 6, 6);
	if (p->h.ip_version == 4)
		swap(ip + 12, ip + 16, 4);
	else
		swap(ip + 8, ip + 24, 16);
	swap(tcp, tcp + 2, 2);
}

/* Makes and sends one RST that travels in `dir`. */
static void
send_reset(const struct edit_exit *out, const struct flow *f, const struct packet *like, enum direction dir,
	   uint32_t seq, uint32_t ack)
{
	struct packet *p = out->ops->alloc(out->ops->front, (uint32_t)like->h.l3 + IPV6_HEADER + TCP_HEADER);

	if (p == NULL) {
		out->ctr->value[CTR_no_buffer]++;
		return;
	}
	memcpy(p->data, like->data, like->h.l3);
	p->h = like->h;
	p->h.l4 = p->h.l3 + write_ip(p->data + p->h.l3, like->data + like->h.l3, like->h.ip_version, TCP_HEADER);
	p->h.payload = p->h.l4 + TCP_HEADER;
	p->h.payload_len = 0;
	p->h.tcp_flags = TCP_RST | TCP_ACK;
	p->h.seq = seq;
	p->h.ack = ack;
	uint8_t *tcp = p->data + p->h.l4;
	memset(tcp, 0, TCP_HEADER);
	memcpy(tcp, like->data + like->h.l4, 4);
	store_be32(tcp + 4, seq);
	store_be32(tcp + 8, ack);
	tcp[12] = TCP_HEADER / 4 << 4;
	tcp[13] = TCP_RST | TCP_ACK;
	p->room -= p->h.payload;
	p->len = p->h.payload;
	p->next = NULL;
	p->flow = like->flow;
	p->time_ns = like->time_ns;
	p->pair = like->pair;
	p->dir = (uint8_t)dir;
	p->link = like->link;
	p->flags = PACKET_JUDGED;
	p->side = dir == DIR_CLIENT ? f->client_side : other_side(f->client_side);
	if (dir != like->dir)
		turn(p);
	checksum_rewrite(p);
	out->transmit(out->ctx, p, other_side(p->side));
}

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

/* RSTs that travel in `dir`: at what the receiver has acknowledged, and where more was sent, behind that. */
static void
reset_receiver(const struct edit_exit *out, const struct flow *f, const struct packet *like, enum direction dir)
{
	const struct tcp_half *h = &f->tcp.half[dir];
	uint32_t ack = f->tcp.half[!dir].acked;
	uint32_t seq[2] = { h->acked, furthest(f, dir) };

	if (!h->started)
		return;
	for (unsigned i = 0; i < 2; i++) {
		if (i > 0 && seq_leq(seq[1], seq[0]))
			break;
		uint32_t n = f->edit != NULL ? ledger_seq(&f->edit->ledger[dir], seq[i]) : seq[i];
		send_reset(out, f, like, dir, n, ack);
	}
}

void
edit_reset_both(const struct edit_exit *out, struct flow *f, const struct packet *like)
{
	reset_receiver(out, f, like, DIR_CLIENT);
	reset_receiver(out, f, like, DIR_SERVER);
	f->tcp.reset = true;
	f->fate = FLOW_RESET;
}
