/* SPDX-License-Identifier: BSD-3-Clause */
#include "headers/datagram.h"

#include "headers/checksum.h"
#include "headers/decode.h"
#include "headers/proto.h"

/* The 16 bits with the offset: octets at offset of p's payload in the datagram, and whether more follow. */
static uint8_t *
offset_field(const struct packet *p)
{
	return p->h.ip_version == 4 ? p->data + p->h.l3 + IPV4_FRAGMENT : p->data + p->h.l4 + 2;
}

static uint32_t
piece_start(const struct packet *p)
{
	uint16_t field = load_be16(offset_field(p));
	return p->h.ip_version == 4 ? (uint32_t)(field & IPV4_OFFSET) * 8 : field & IPV6_OFFSET;
}

static bool
piece_more(const struct packet *p)
{
	return (load_be16(offset_field(p)) & (p->h.ip_version == 4 ? IPV4_MORE : IPV6_MORE)) != 0;
}

void
datagram_key_of(const struct packet *p, struct datagram_key *key)
{
	const uint8_t *ip = p->data + p->h.l3;

	*key = (struct datagram_key){
		.vlan_outer = p->h.vlan_outer,
		.vlan_inner = p->h.vlan_inner,
		.ip_version = p->h.ip_version,
		.pair = p->pair,
		.side = p->side,
	};
	/* RFC 791 adds the protocol to the key: it is TCP in all that are kept. */
	if (p->h.ip_version == 4) {
		memcpy(key->addr[0], ip + IPV4_SOURCE, 4);
		memcpy(key->addr[1], ip + IPV4_DESTINATION, 4);
		key->id = load_be16(ip + IPV4_ID);
	} else {
		memcpy(key->addr, ip + IPV6_SOURCE, 32);
		key->id = load_be32(p->data + p->h.l4 + 4);
	}
}

bool
datagram_may_be_tcp(const struct packet *p)
{
	if (p->h.ip_version == 4)
		return p->data[p->h.l3 + IPV4_PROTOCOL] == PROTO_TCP;
	switch (p->data[p->h.l4]) {
	case PROTO_TCP:
	case PROTO_ROUTING:
	case PROTO_HOP_BY_HOP:
	case PROTO_DEST_OPTIONS:
	case PROTO_AH:
		return true;
	default:
		return false;
	}
}

/* Octets in front of the datagram's payload when it is whole. */
static uint32_t
header_len(const struct packet *first)
{
	return first->h.l4;
}

/* A piece must fit to what is there: one end, units of 8 octets before it, nothing behind it. */
static bool
fits(const struct datagram *d, const struct packet *p, uint32_t start, uint32_t end)
{
	bool more = piece_more(p);

	if (end == start || end > UINT16_MAX || (more && (end - start) % 8 != 0))
		return false;
	if (d->total != 0)
		return more ? end <= d->total : end == d->total;
	if (more)
		return true;
	for (unsigned i = 0; i < d->count; i++)
		if (d->piece[i].end > end)
			return false;
	return true;
}

/* First copy wins: the octets of [start, end) that `old` holds replace those of p. */
static void
overwrite(const struct piece *old, struct packet *p, uint32_t start, uint32_t end, struct counters *ctr)
{
	uint32_t from = start > old->start ? start : old->start;
	uint32_t to = end < old->end ? end : old->end;

	for (uint32_t at = from; at < to; at++) {
		uint8_t first = old->packet->data[old->packet->h.payload + at - old->start];
		uint8_t *octet = &p->data[p->h.payload + at - start];
		ctr->value[CTR_overlap_rewritten] += *octet != first;
		*octet = first;
	}
}

bool
datagram_add(struct datagram *d, struct packet *p, struct counters *ctr)
{
	uint32_t start = piece_start(p), end = start + p->h.payload_len;

	if (d->count == DATAGRAM_PIECES || !fits(d, p, start, end))
		return false;
	for (unsigned i = 0; i < d->count; i++)
		overwrite(&d->piece[i], p, start, end, ctr);
	d->piece[d->count++] = (struct piece){ .packet = p, .start = start, .end = end };
	d->octets += end - start;
	if (!piece_more(p))
		d->total = end;
	p->next = NULL;
	return true;
}

/* The end of the piece that holds octet `at` and reaches farthest, or `at` where none does. */
static uint32_t
reach(const struct datagram *d, uint32_t at)
{
	uint32_t end = at;
	for (unsigned i = 0; i < d->count; i++)
		if (d->piece[i].start <= at && d->piece[i].end > end)
			end = d->piece[i].end;
	return end;
}

bool
datagram_complete(const struct datagram *d)
{
	if (d->total == 0 || d->octets < d->total)
		return false;
	uint32_t at = 0, end;
	while ((end = reach(d, at)) > at)
		at = end;
	return at == d->total;
}

static const struct packet *
first_piece(const struct datagram *d)
{
	unsigned i = 0;
	while (d->piece[i].start != 0)
		i++;
	return d->piece[i].packet;
}

/* The header that named the fragment header names what stood behind it instead. */
static void
unlink_fragment_header(uint8_t *data, const struct headers *h, uint8_t next)
{
	size_t name = (size_t)h->l3 + IPV6_NEXT;
	size_t at = (size_t)h->l3 + IPV6_HEADER_LEN;

	while (at < h->l4) {
		uint8_t kind = data[name];
		name = at;
		at += kind == PROTO_AH ? ((size_t)data[at + 1] + 2) * 4 : ((size_t)data[at + 1] + 1) * 8;
	}
	data[name] = next;
}

/* The headers in `data` become those of a whole packet of `len` octets. */
static void
make_whole_header(uint8_t *data, const struct packet *first, uint32_t len)
{
	const struct headers *h = &first->h;
	uint8_t *ip = data + h->l3;

	if (h->ip_version == 4) {
		uint16_t field = load_be16(ip + IPV4_FRAGMENT);
		store_be16(ip + IPV4_TOTAL, (uint16_t)(len - h->l3));
		store_be16(ip + IPV4_FRAGMENT, (uint16_t)(field & ~(IPV4_MORE | IPV4_OFFSET)));
		checksum_ipv4_header(ip);
	} else {
		store_be16(ip + IPV6_PAYLOAD, (uint16_t)(len - h->l3 - IPV6_HEADER_LEN));
		unlink_fragment_header(data, h, first->data[h->l4]);
	}
	if (h->pppoe != 0)
		store_be16(data + h->pppoe + PPPOE_LENGTH, (uint16_t)(len - h->l3 + 2));
}

bool
datagram_join(struct datagram *d, const struct packet_ops *ops, struct counters *ctr)
{
	const struct packet *first = first_piece(d);
	uint32_t header = header_len(first), len = header + d->total;

	if (len - first->h.l3 > UINT16_MAX)
		return false;
	struct packet *w = ops->alloc(ops->front, len + PACKET_TAILROOM);
	if (w == NULL) {
		ctr->value[CTR_no_buffer]++;
		return false;
	}
	memcpy(w->data, first->data, header);
	make_whole_header(w->data, first, len);
	for (unsigned i = 0; i < d->count; i++) {
		const struct piece *piece = &d->piece[i];
		memcpy(w->data + header + piece->start, piece->packet->data + piece->packet->h.payload,
		       piece->end - piece->start);
	}
	w->room -= len - w->len;
	w->len = len;
	w->next = NULL;
	w->flow = NULL;
	w->time_ns = d->piece[d->count - 1].packet->time_ns;
	w->pair = first->pair;
	w->side = first->side;
	w->link = first->link;
	w->flags = 0;
	w->dir = 0;
	w->h = (struct headers){ 0 };
	d->whole = w;
	return true;
}

/* Sets the lengths of fragment p to `len` octets of payload at `start`. */
static void
resize_piece(struct packet *p, uint32_t start, uint32_t len, bool more)
{
	uint8_t *field = offset_field(p);
	uint16_t old = load_be16(field);

	p->h.payload_len = (uint16_t)len;
	if (p->h.ip_version == 4)
		store_be16(field, (uint16_t)((old & ~(IPV4_MORE | IPV4_OFFSET)) | start / 8 | (more ? IPV4_MORE : 0)));
	else
		store_be16(field, (uint16_t)((old & ~(IPV6_MORE | IPV6_OFFSET)) | start | (more ? IPV6_MORE : 0)));
	headers_resize(p);
	if (p->h.ip_version == 4)
		checksum_ipv4_header(p->data + p->h.l3);
}

/* Where the whole goes, its piece goes: a session that has moved has other addresses than those that came, and may have
 * another port. */
static void
take_addresses(const struct packet *whole, struct packet *p)
{
	bool v4 = p->h.ip_version == 4;
	size_t at = v4 ? IPV4_SOURCE : IPV6_SOURCE, len = v4 ? 8 : 32;
	const uint8_t *from = whole->data + whole->h.l3 + at;

	if (p->pair != whole->pair && headers_relink(p, whole->data, &whole->h))
		p->pair = whole->pair;
	uint8_t *to = p->data + p->h.l3 + at;
	if (!(whole->flags & PACKET_JUDGED) || memcmp(to, from, len) == 0)
		return;
	memcpy(to, from, len);
	if (v4)
		checksum_ipv4_header(p->data + p->h.l3);
}

/* The payload of the whole as it is to leave. */
struct content {
	const uint8_t *at;
	uint32_t total;
	uint32_t unit; /* octets that a piece other than the last may carry */
	bool resized;  /* longer or shorter than the pieces as they came */
};

/* How far a piece reaches now: the last one takes what was added, as far as it has room and `unit` allows. */
static uint32_t
new_end(const struct content *c, const struct piece *piece)
{
	if (piece_more(piece->packet) || c->total <= piece->end)
		return piece->end < c->total ? piece->end : c->total;
	uint32_t len = piece->end - piece->start, most = len + piece->packet->room;
	uint32_t end = piece->start + (len > c->unit ? len : c->unit);
	if (end > piece->start + most)
		end = piece->start + most;
	return end >= c->total ? c->total : piece->start + (end - piece->start) / 8 * 8;
}

/* Sends one piece with the octets of the whole; releases it where nothing is left for it. */
static void
send_piece(const struct content *c, struct piece *piece, const struct packet_ops *ops, enum side side)
{
	struct packet *p = piece->packet;
	uint32_t end = new_end(c, piece);
	bool more = end < c->total;

	if (end <= piece->start) {
		ops->release(ops->front, p);
		return;
	}
	/* A piece that more are said to follow may reach the end, too: as it came, it keeps its mark. */
	if (c->resized && (end != piece->end || more != piece_more(p)))
		resize_piece(p, piece->start, end - piece->start, more);
	memcpy(p->data + p->h.payload, c->at + piece->start, end - piece->start);
	ops->transmit(ops->front, p, side);
}

/* A further fragment behind the ones that came, with the headers of `like`. Returns owned, or NULL: no buffer. */
static struct packet *
make_piece(const struct content *c, uint32_t start, uint32_t len, const struct packet *like,
	   const struct packet_ops *ops)
{
	struct packet *p = ops->alloc(ops->front, like->h.payload + len);

	if (p == NULL)
		return NULL;
	memcpy(p->data, like->data, like->h.payload);
	p->h = like->h;
	p->time_ns = like->time_ns;
	p->pair = like->pair;
	p->side = like->side;
	p->link = like->link;
	p->flags = 0;
	p->flow = NULL;
	p->datagram = NULL;
	p->next = NULL;
	resize_piece(p, start, len, start + len < c->total);
	memcpy(p->data + p->h.payload, c->at + start, len);
	return p;
}

/* What has no place in the pieces that came, in further ones; linked by next, in order. */
static struct packet *
make_rest(const struct content *c, const struct datagram *d, const struct packet_ops *ops, struct counters *ctr)
{
	struct packet *first = NULL, **link = &first;
	const struct packet *like = NULL;
	uint32_t at = 0, len;

	for (unsigned i = 0; i < d->count; i++) {
		uint32_t end = new_end(c, &d->piece[i]);
		at = end > at ? end : at;
		if (!piece_more(d->piece[i].packet))
			like = d->piece[i].packet;
	}
	for (; at < c->total; at += len, link = &(*link)->next) {
		len = c->total - at < c->unit ? c->total - at : c->unit;
		*link = make_piece(c, at, len, like, ops);
		if (*link == NULL) {
			/* Lost as on a congested line: the sender's TCP brings it again. */
			ctr->value[CTR_no_buffer]++;
			break;
		}
	}
	return first;
}

/* The most that a piece other than the last one carries. */
static uint32_t
piece_unit(const struct datagram *d)
{
	uint32_t unit = 8;
	for (unsigned i = 0; i < d->count; i++) {
		const struct piece *piece = &d->piece[i];
		if (piece_more(piece->packet) && piece->end - piece->start > unit)
			unit = piece->end - piece->start;
	}
	return unit;
}

void
datagram_send(struct datagram *d, const struct packet_ops *ops, struct counters *ctr, enum side side)
{
	for (unsigned i = 0; i < d->count; i++)
		take_addresses(d->whole, d->piece[i].packet);
	uint32_t header = header_len(first_piece(d)); /* of now */
	struct content c = {
		.at = d->whole->data + header,
		.total = d->whole->len - header,
		.unit = piece_unit(d),
	};
	c.resized = c.total != d->total;
	struct packet *rest = make_rest(&c, d, ops, ctr);

	for (unsigned i = 0; i < d->count; i++)
		send_piece(&c, &d->piece[i], ops, side);
	while (rest != NULL) {
		struct packet *p = rest;
		rest = p->next;
		p->next = NULL;
		ops->transmit(ops->front, p, side);
	}
}
