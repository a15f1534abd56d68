/* SPDX-License-Identifier: BSD-3-Clause */
/* A packet leaves: octets, numbers and lengths by the ledgers of its flow. */
#include "edit/translate.h"

#include "headers/checksum.h"
#include "headers/decode.h"

/* No receiver is served by segments shorter than this, whatever MSS it announced. */
#define SPLIT_MIN 64

/* What of a segment is to leave, in old numbers. */
struct extent {
	uint32_t seq;
	uint32_t len;
	uint8_t flags;
	bool repeat; /* all of it has passed before */
};

/* Behind the QUIT line nothing of the client is forwarded. */
static struct extent
extent_of(const struct edit *e, const struct packet *p)
{
	struct extent x = { .seq = p->h.seq, .len = p->h.payload_len, .flags = p->data[p->h.l4 + 13] };

	if (e->quitting && p->dir == DIR_CLIENT) {
		if (seq_lt(e->quit_end, x.seq + x.len))
			x.flags &= (uint8_t)~TCP_FIN;
		x.seq = seq_min(x.seq, e->quit_end);
		if (x.len > e->quit_end - x.seq)
			x.len = e->quit_end - x.seq;
	}
	x.repeat = x.len > 0 && seq_leq(x.seq + x.len, e->left[p->dir]);
	return x;
}

/* Only octets that arrived without a gap count: a stray segment, ahead or far behind, says nothing about what has left.
 */
static void
note_left(struct flow *f, uint8_t dir, uint32_t end)
{
	if (f->tcp.half[dir].nxt - end < LEDGER_PAST)
		f->edit->left[dir] = seq_max(f->edit->left[dir], end);
}

/* The session behind a QUIT disguise can come no further by itself, and the client has all that it was to get. */
static bool
quit_is_over(const struct flow *f, const struct packet *p)
{
	const struct edit *e = f->edit;
	const struct tcp_half *server = &f->tcp.half[DIR_SERVER];
	bool fin = p->data[p->h.l4 + 13] & TCP_FIN;

	if (!e->quitting || p->dir != DIR_CLIENT || seq_leq(p->h.seq + p->h.payload_len, e->quit_end))
		return false;
	bool closed = server->fin_seen && seq_lt(server->fin, server->acked);
	bool told = e->queue_count == 0 && e->ledger[DIR_SERVER].text_len == 0;

	return (closed && (fin || p->h.payload_len > 0)) || (told && fin);
}

/* Octets of payload that one segment may carry to the receiver of p (RFC 6691: the MSS does not count options). */
static size_t
payload_limit(const struct flow *f, const struct packet *p)
{
	size_t plain = p->h.ip_version == 4 ? 40 : 60;
	size_t headers = (size_t)(p->h.payload - p->h.l3);
	size_t limit = f->tcp.half[!p->dir].mss;

	limit = limit > headers - plain + SPLIT_MIN ? limit - (headers - plain) : SPLIT_MIN;
	if (limit < p->h.payload_len)
		limit = p->h.payload_len; /* as long as what came: the path carries it, or the port cuts it (TSO) */
	return limit < UINT16_MAX - headers ? limit : UINT16_MAX - headers;
}

/* Gives p `len` octets of payload, the lengths and checksums that go with it. There is room. */
static void
fill(struct packet *p, const uint8_t *octets, size_t len)
{
	if (len > 0)
		memcpy(p->data + p->h.payload, octets, len);
	p->h.payload_len = (uint16_t)len;
	headers_resize(p);
	p->flags |= PACKET_JUDGED;
	checksum_rewrite(p);
}

/* A further segment behind p, with its headers: NULL when the pool is empty. */
static struct packet *
another(const struct edit_exit *out, const struct packet *p, size_t len)
{
	struct packet *q = out->ops->alloc(out->ops->front, p->h.payload + (uint32_t)len);

	if (q == NULL)
		return NULL;
	memcpy(q->data, p->data, p->h.payload);
	q->room -= p->h.payload;
	q->len = p->h.payload;
	packet_like(q, p);
	q->flags = PACKET_JUDGED;
	return q;
}

/* Piece `index` of a segment: its place in the stream, a datagram id of its own, flags of the whole at its ends. */
static void
label(struct packet *q, unsigned index, size_t offset, bool last)
{
	uint8_t *ip = q->data + q->h.l3;
	uint8_t *tcp = q->data + q->h.l4;

	store_be32(tcp + 4, load_be32(tcp + 4) + (uint32_t)offset);
	if (!last)
		tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (index > 0)
		tcp[13] &= (uint8_t)~TCP_CWR;
	/* Half the id space away from the sender's own (RFC 6864 section 4.3: of no account where DF is set). */
	if (index > 0 && q->h.ip_version == 4)
		store_be16(ip + 4, (uint16_t)(load_be16(ip + 4) + 0x8000 + index));
}

/* Takes a list of packets that are not to leave. */
static void
release_all(const struct edit_exit *out, struct packet *list)
{
	while (list != NULL) {
		struct packet *next = list->next;
		out->ops->release(out->ops->front, list);
		list = next;
	}
}

/* Takes p: sends `len` octets in its place, in as many segments as they need. All of them, or none (false). */
static bool
send_octets(const struct edit_exit *out, const struct flow *f, struct packet *p, const uint8_t *octets, size_t len)
{
	size_t limit = payload_limit(f, p);
	size_t room = p->len + p->room - p->h.payload;
	size_t first = len < limit ? len : limit;
	unsigned index = 0;

	first = first < room ? first : room;
	p->next = NULL;
	struct packet **tail = &p->next;
	for (size_t at = first, part; at < len; at += part) {
		part = len - at < limit ? len - at : limit;
		*tail = another(out, p, part);
		if (*tail == NULL) {
			out->ctr->value[CTR_no_buffer]++;
			release_all(out, p);
			return false;
		}
		label(*tail, ++index, at, at + part == len);
		fill(*tail, octets + at, part);
		tail = &(*tail)->next;
	}
	label(p, 0, 0, index == 0);
	fill(p, octets, first);
	out->ctr->value[CTR_edited_packets]++;
	out->ctr->value[CTR_split_packets] += index > 0;
	for (struct packet *next; p != NULL; p = next) {
		next = p->next;
		p->next = NULL;
		out->transmit(out->ctx, p, other_side(p->side));
	}
	return true;
}

/* Takes p, of which `x` is to leave with other octets than it came with. */
static void
leave_changed(const struct edit_exit *out, struct flow *f, struct packet *p, struct extent x)
{
	const struct ledger *l = &f->edit->ledger[p->dir];
	uint8_t octets[UINT16_MAX + EDIT_TEXT];

	if (!out->trust_checksums && !(p->flags & PACKET_CHECKSUM_OK) && !checksum_tcp_ok(p)) {
		out->ops->release(out->ops->front, p);
		return;
	}
	const uint8_t *in = p->data + p->h.payload + (x.seq - p->h.seq);
	size_t len = ledger_rewrite(l, f->edit->text, x.seq, in, x.len, octets, sizeof octets);
	uint32_t seq = ledger_start(l, x.seq);
	if (len == 0 && (x.flags & TCP_FIN))
		seq = ledger_start(l, x.seq + x.len);
	else if (len == 0 && x.repeat)
		seq--;
	edit_translate(f, p, seq, x.flags & (uint8_t)~TCP_URG);
	uint8_t dir = p->dir;
	bool stray = p->flags & PACKET_STRAY;
	if (send_octets(out, f, p, octets, len) && !stray)
		note_left(f, dir, x.seq + x.len);
}

/* Not inlined: who calls it for few flows saves no registers for the others. */
__attribute__((noinline)) void
edit_leave(const struct edit_exit *out, struct flow *f, struct packet *p)
{
	struct edit *e = f->edit;

	if (e == NULL || (p->h.tcp_flags & TCP_SYN)) {
		out->transmit(out->ctx, p, other_side(p->side));
		return;
	}
	edit_fold(f);
	if (quit_is_over(f, p)) {
		edit_reset_both(out, f, p);
		out->ops->release(out->ops->front, p);
		return;
	}
	struct extent x = extent_of(e, p);
	const struct ledger *l = &e->ledger[p->dir];
	if (x.len < p->h.payload_len || ledger_touches(l, x.seq, x.len)) {
		leave_changed(out, f, p, x);
		return;
	}
	if (edit_translate(f, p, ledger_seq(l, x.seq), x.flags))
		out->ctr->value[CTR_translated_packets]++;
	/* the number of a bare ack may lie behind octets that are held */
	if (x.len > 0 && !(p->flags & PACKET_STRAY))
		note_left(f, p->dir, x.seq + x.len);
	out->transmit(out->ctx, p, other_side(p->side));
}
