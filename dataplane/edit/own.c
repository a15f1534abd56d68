/* SPDX-License-Identifier: BSD-3-Clause */
#include "edit/own.h"

#include "edit/translate.h"
#include "headers/checksum.h"
#include "headers/decode.h"

#define IPV4_HEADER    20
#define IPV6_HEADER    40
#define TCP_HEADER     20
#define TCP_TIMESTAMPS 12 /* two NOPs in front */
#define HOPS           64
#define PROTOCOL_TCP   6

void
own_head_of(struct edit_head *head, const struct packet *p)
{
	size_t len = p->h.l3 + (p->h.ip_version == 4 ? IPV4_HEADER : IPV6_HEADER);

	head->ip_version = 0;
	if (len > sizeof head->octets)
		return;
	head->ip_version = p->h.ip_version;
	head->l3 = p->h.l3;
	head->pppoe = p->h.pppoe;
	head->link = p->link;
	head->pair = p->pair;
	memcpy(head->octets, p->data, len);
}

void
own_head_turn(struct edit_head *to, const struct edit_head *from)
{
	*to = *from;
	if (from->link != LINK_ETHERNET)
		return;
	memcpy(to->octets, from->octets + 6, 6);
	memcpy(to->octets + 6, from->octets, 6);
}

bool
own_head_is_labelled(const struct edit_head *head)
{
	if (head->link != LINK_ETHERNET)
		return false;
	for (size_t at = 12; at + 2 <= head->l3; at += 4) {
		unsigned type = load_be16(head->octets + at);
		if (type != 0x8100 && type != 0x88a8 && type != 0x9100)
			return type == 0x8847 || type == 0x8848;
	}
	return false;
}

/* A bare IP header like that of `head`: no options, a datagram of its own. Returns its length. */
static uint16_t
write_ip(uint8_t *ip, const struct flow *f, const struct edit_head *head, unsigned from)
{
	if (head->ip_version == 4) {
		memcpy(ip, head->octets + head->l3, IPV4_HEADER);
		ip[0] = 0x45;
		ip[1] &= 0xfc; /* no ECN on what may be a RST or sent again (RFC 3168 sections 6.1.1 and 6.1.5) */
		store_be16(ip + 4, 0);
		store_be16(ip + 6, 0x4000); /* whole, and not to be cut */
		ip[8] = HOPS;
		ip[9] = PROTOCOL_TCP;
		memcpy(ip + 12, f->key.addr[from], 4);
		memcpy(ip + 16, f->key.addr[!from], 4);
		return IPV4_HEADER;
	}
	memcpy(ip, head->octets + head->l3, IPV6_HEADER);
	ip[1] &= 0xcf;
	ip[6] = PROTOCOL_TCP;
	ip[7] = HOPS;
	memcpy(ip + 8, f->key.addr[from], 16);
	memcpy(ip + 24, f->key.addr[!from], 16);
	return IPV6_HEADER;
}

/* Returns the length of the header. */
static uint16_t
write_tcp(uint8_t *tcp, const struct flow *f, enum direction dir, unsigned from, const struct own_segment *s)
{
	bool timestamps = f->tcp.half[0].has_ts && f->tcp.half[1].has_ts && !(s->flags & TCP_RST);
	uint16_t len = TCP_HEADER + (timestamps ? TCP_TIMESTAMPS : 0);

	memset(tcp, 0, len);
	store_be16(tcp, f->key.port[from]);
	store_be16(tcp + 2, f->key.port[!from]);
	store_be32(tcp + 4, s->seq);
	store_be32(tcp + 8, s->ack);
	tcp[12] = (uint8_t)(len / 4 << 4);
	tcp[13] = s->flags;
	store_be16(tcp + 14, s->window);
	if (timestamps) {
		store_be32(tcp + TCP_HEADER, 0x0101080a);
		store_be32(tcp + TCP_HEADER + 4, f->tcp.half[dir].ts_recent);
		store_be32(tcp + TCP_HEADER + 8, f->tcp.half[!dir].ts_recent);
	}
	return len;
}

bool
own_send(const struct edit_exit *out, const struct flow *f, const struct edit_head *head, enum direction dir,
	 const struct own_segment *s)
{
	unsigned from = dir == DIR_CLIENT ? f->client : !f->client;
	uint32_t need = head->l3 + (uint32_t)(IPV6_HEADER + TCP_HEADER + TCP_TIMESTAMPS + s->payload.len);
	struct packet *p = out->ops->alloc(out->ops->front, need);

	if (p == NULL) {
		out->ctr->value[CTR_no_buffer]++;
		return false;
	}
	memcpy(p->data, head->octets, head->l3);
	p->h = (struct headers){ .l3 = head->l3, .pppoe = head->pppoe, .ip_version = head->ip_version };
	p->h.seq = s->seq;
	p->h.ack = s->ack;
	p->h.tcp_flags = s->flags;
	p->h.l4 = (uint16_t)(head->l3 + write_ip(p->data + head->l3, f, head, from));
	p->h.payload = (uint16_t)(p->h.l4 + write_tcp(p->data + p->h.l4, f, dir, from, s));
	p->h.payload_len = (uint16_t)s->payload.len;
	if (s->payload.len > 0)
		memcpy(p->data + p->h.payload, s->payload.at, s->payload.len);
	p->next = NULL;
	p->flow = NULL;
	p->pair = head->pair;
	p->dir = (uint8_t)dir;
	p->link = head->link;
	p->flags = PACKET_JUDGED;
	p->side = dir == DIR_CLIENT ? f->client_side : other_side(f->client_side);
	headers_resize(p);
	checksum_rewrite(p);
	out->transmit(out->ctx, p, other_side(p->side));
	return true;
}

/* Octets of text that one segment may carry to the client (RFC 6691: the MSS does not count options). */
static size_t
text_limit(const struct flow *f)
{
	size_t mss = f->tcp.half[DIR_CLIENT].mss;

	return mss > 64 + TCP_TIMESTAMPS ? mss - TCP_TIMESTAMPS : 64;
}

void
edit_own(const struct edit_exit *out, struct flow *f)
{
	struct edit *e = f->edit;

	if (e == NULL || !(e->due || e->owed) || f->fate == FLOW_RESET || f->fate == FLOW_DROP)
		return;
	const struct ledger *l = &e->ledger[DIR_SERVER];
	const struct ledger_entry *standing = ledger_standing(l);
	struct own_segment s = {
		.seq = ledger_seq(l, e->left[DIR_SERVER]),
		.ack = f->tcp.half[DIR_CLIENT].acked,
		.flags = TCP_ACK,
		.window = f->tcp.half[DIR_SERVER].window,
	};
	if (standing != NULL) {
		size_t limit = text_limit(f);
		if (f->tcp.half[DIR_CLIENT].window == 0)
			return; /* the client opens it with a segment of its own */
		s.payload = view_of(e->text + standing->text, standing->inserted < limit ? standing->inserted : limit);
		s.seq = ledger_start(l, standing->pos);
		s.flags |= TCP_PSH;
		/* All of it, or nothing that the client must not take for answered. */
		s.ack = s.payload.len == standing->inserted ? seq_max(s.ack, e->line_end) : seq_min(s.ack, e->line);
	}
	if (!own_send(out, f, &e->head[DIR_SERVER], DIR_SERVER, &s))
		return;
	out->ctr->value[CTR_own_packets]++;
	e->told = seq_max(e->told, s.ack);
	e->due = e->owed = false;
}
