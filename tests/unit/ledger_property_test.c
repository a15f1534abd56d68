/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two ends that lose, repeat, reorder, cut and damage their segments talk
 * through the edit stage. What must come out is known octet by octet from a
 * naive model: the box appends to `wanted` whatever each octet that it reads
 * for the first time is to become.
 *
 * POSTERN_SEED and POSTERN_STEPS repeat or lengthen a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "chance.h"
#include "edit/edit.h"
#include "frame.h"

#define STREAM  1600
#define WANTED  8192
#define LINES   14
#define FLIGHT  24
#define SEGMENT 220

static bool
one_in(uint32_t n)
{
	return rnd(n) == 0;
}

/* A flagged client line and the slot of its answer. */
struct line {
	uint32_t pos, len, eol;
	bool exposed; /* its octets leave as they come: what is left of it at the verdict is spoiled */
	uint32_t slot, slot_len;
	bool alone; /* its answer is to stand between two octets of the server's, where it can */
	bool edited;
	uint32_t text_end; /* standing: offset in `wanted` behind the answer; 0: it does not stand */
	uint8_t reply[300];
	uint32_t reply_len;
};

/* One direction: the sender's stream, the naive model, the receiver. Offsets count from the first octet. */
struct way {
	uint32_t isn; /* number of the first octet, either side */
	uint8_t stream[STREAM];
	uint32_t len;
	uint32_t una, nxt, top;                              /* sender; len + 1: the FIN too. top: highest ever sent */
	uint32_t edge;                                       /* sender may send below */
	uint32_t read;                                       /* the box has read below */
	uint32_t new_start[STREAM + 2], new_end[STREAM + 2]; /* by old offset: octets of `wanted` that it became */
	uint32_t text[STREAM + 2]; /* by old offset: 1 + where the text begins that stands in front of it; 0: none */
	uint8_t wanted[WANTED];
	uint32_t wanted_len;
	uint8_t have[WANTED + 1]; /* receiver: octets it has, the FIN last */
	uint32_t rcv_nxt;
	bool fin;      /* the receiver has it */
	uint8_t scale; /* of the receiver's window */
	bool want_ack;
};

struct world {
	struct way way[2];
	struct line line[LINES];
	unsigned lines, decided, slots;
	uint64_t stood, waited;
	const struct packet *at_hand; /* of the client, being read */
	uint8_t version;
	struct flow flow;
	struct edit_pool *pool;
	struct front front;
	struct counters ctr;
	struct edit_exit out;
	struct packet *to_box[FLIGHT], *to_end[FLIGHT];
	unsigned to_box_count, to_end_count;
	bool calm; /* no more loss: everything must come to its end */
	uint64_t accepted;
};

static void
make_lines(struct world *w)
{
	uint32_t pos = 0, slot = 0;

	for (w->lines = 0; w->lines < LINES; w->lines++) {
		struct line *l = &w->line[w->lines];
		l->pos = pos + rnd(one_in(2) ? 3 : 60);
		l->eol = 1 + rnd(2);
		l->len = 6 + l->eol + rnd(70);
		l->exposed = one_in(4);
		l->alone = !l->exposed && one_in(3);
		l->slot = slot + rnd(one_in(2) ? 2 : 60);
		l->slot_len = 1 + rnd(60);
		l->reply_len = 1 + rnd(one_in(3) ? 300 : 80);
		for (uint32_t i = 0; i < l->reply_len; i++)
			l->reply[i] = (uint8_t)('A' + rnd(26));
		pos = l->pos + l->len;
		slot = l->slot + l->slot_len;
		if (pos > w->way[0].len || slot > w->way[1].len)
			break;
	}
}

static void
world_begin(struct world *w, struct edit_pool *pool)
{
	memset(w, 0, sizeof *w);
	w->pool = pool;
	front_init(&w->front);
	w->out = (struct edit_exit){
		.transmit = front_transmit, .ops = &w->front.ops, .ctr = &w->ctr, .ctx = &w->front
	};
	w->version = one_in(2) ? 4 : 6;
	for (unsigned d = 0; d < 2; d++) {
		struct way *y = &w->way[d];
		struct tcp_half *h = &w->flow.tcp.half[d];
		y->isn = one_in(2) ? 0u - rnd(STREAM) : rnd(UINT32_MAX);
		y->len = 50 + rnd(STREAM - 50);
		for (uint32_t i = 0; i < y->len; i++)
			y->stream[i] = (uint8_t)('a' + rnd(26));
		y->edge = 600;
		y->scale = (uint8_t)rnd(5);
		h->sent = h->clear = h->read = h->nxt = h->acked = y->isn;
		h->started = true;
		h->mss = (uint16_t)(40 + rnd(300));
	}
	w->flow.tcp.half[0].wscale = w->way[1].scale;
	w->flow.tcp.half[1].wscale = w->way[0].scale;
	make_lines(w);
}

static void
append(struct way *y, const void *octets, uint32_t len)
{
	memcpy(y->wanted + y->wanted_len, octets, len);
	y->wanted_len += len;
}

/* The last line read is judged, and its octets below `left` have left: the others become the spoiler. */
static void
spoil(struct world *w, struct line *l, uint32_t left)
{
	struct way *y = &w->way[0];
	struct edit *e = edit_of(w->pool, &w->flow);
	uint32_t from = left > l->pos ? left : l->pos;

	l->edited = edit_spoil(e, y->isn + l->pos, l->len, y->isn + left, view_of(l->reply, l->reply_len));
	w->accepted += l->edited;
	if (!l->edited)
		return;
	y->wanted_len = y->new_start[from];
	append(y, LEDGER_SPOILER, sizeof LEDGER_SPOILER - 1);
	y->new_end[from] = y->wanted_len;
	for (uint32_t at = from + 1; at < l->pos + l->len; at++)
		y->new_start[at] = y->new_end[at] = y->wanted_len;
}

/* Nothing is outstanding before the answer to the next line, and the server has not ended. */
static bool
can_stand(const struct world *w, const struct line *l, uint32_t left)
{
	const struct edit *e = w->flow.edit;

	/* What was answered has arrived. */
	return left <= l->pos && w->way[0].rcv_nxt >= w->way[0].new_start[l->pos] && e->queue_count == 0 &&
	       !e->in_slot && w->way[1].read < w->way[1].len && edit_can_stand(e, w->flow.tcp.half[DIR_SERVER].nxt);
}

/* The last line read never reaches the server: its answer stands where the server is. */
static void
answer_alone(struct world *w, struct line *l)
{
	struct way *y = &w->way[0], *z = &w->way[1];
	struct edit *e = w->flow.edit;
	uint32_t pos = y->isn + l->pos;

	assert_true(edit_remove(e, pos, l->len, view_of(l->reply, l->reply_len)));
	assert_true(edit_stand(e, w->flow.tcp.half[DIR_SERVER].nxt, pos, l->len));
	y->wanted_len = y->new_start[l->pos];
	for (uint32_t at = l->pos; at < l->pos + l->len; at++)
		y->new_start[at] = y->new_end[at] = y->wanted_len;
	if (z->text[z->read] == 0)
		z->text[z->read] = 1 + z->wanted_len;
	append(z, l->reply, l->reply_len);
	l->text_end = z->wanted_len;
	w->stood++;
}

/* The box reads octet `at` of the client for the first time; what lies below `left` has left. */
static void
read_client(struct world *w, uint32_t at, uint32_t left)
{
	struct way *y = &w->way[0];

	y->new_start[at] = y->wanted_len;
	y->wanted[y->wanted_len++] = y->stream[at];
	y->new_end[at] = y->wanted_len;
	if (w->decided == w->lines)
		return;
	struct line *l = &w->line[w->decided];
	if (at == l->pos && !l->exposed && !l->alone) {
		l->edited = edit_disguise(edit_of(w->pool, &w->flow), DISGUISE_NOOP, y->isn + l->pos, l->len, l->eol,
					  view_of(l->reply, l->reply_len));
		w->accepted += l->edited;
	}
	uint32_t in = at - l->pos;
	if (l->edited && at >= l->pos && in < l->len - l->eol)
		y->wanted[y->wanted_len - 1] = (uint8_t)(in < 4 ? "NOOP"[in] : ' ');
	if (at != l->pos + l->len - 1)
		return;
	if (l->exposed)
		spoil(w, l, left);
	if (l->alone && edit_of(w->pool, &w->flow) != NULL) {
		edit_note(&w->flow, w->at_hand);
		if (can_stand(w, l, left))
			answer_alone(w, l);
	}
	w->decided++;
}

/* The box reads octets [from, to) of the server for the first time: pieces of slots go to the edit stage. */
static void
read_server(struct world *w, uint32_t from, uint32_t to)
{
	struct way *y = &w->way[1];

	for (uint32_t at = from; at < to; at++) {
		struct line *l = w->slots < w->lines ? &w->line[w->slots] : NULL;
		bool in_slot = l != NULL && at >= l->slot && l->edited;
		y->new_start[at] = y->wanted_len;
		if (!in_slot) {
			y->wanted[y->wanted_len++] = y->stream[at];
		} else if (at == l->slot) {
			append(y, l->reply, l->reply_len);
		}
		y->new_end[at] = y->wanted_len;
		if (in_slot && (at == l->slot || at == from)) {
			uint32_t end = l->slot + l->slot_len < to ? l->slot + l->slot_len : to;
			assert_true(edit_reply(w->flow.edit, y->isn + at, end - at, at == l->slot,
					       end == l->slot + l->slot_len));
		}
		if (l != NULL && at == l->slot + l->slot_len - 1)
			w->slots++;
	}
}

/* Every octet of `wanted` that old octets [from, to) became has reached the receiver; to may be len + 1 (FIN). */
static bool
receiver_has(const struct way *y, uint32_t from, uint32_t to)
{
	for (uint32_t at = from; at < to; at++) {
		if (at == y->len) {
			if (y->have[y->wanted_len] == 0)
				return false;
			continue;
		}
		for (uint32_t n = y->new_start[at]; n < y->new_end[at]; n++)
			if (y->have[n] == 0)
				return false;
	}
	return true;
}

/* All text that stands in front of old octets below `to` has reached the receiver. */
static bool
receiver_has_text(const struct way *y, uint32_t to)
{
	for (uint32_t at = 0; at < to && at < y->len; at++)
		for (uint32_t n = y->text[at]; n != 0 && n <= y->new_start[at]; n++)
			if (y->have[n - 1] == 0)
				return false;
	return true;
}

/* Offset in `wanted` behind everything that old octets below `edge` become, as far as is known now. */
static uint32_t
new_edge(const struct way *y, uint32_t edge)
{
	if (edge <= y->read)
		return edge == 0 ? 0 : y->new_end[edge - 1];
	return y->wanted_len + (edge - y->read);
}

/* What leaves the box tells the sender of `y` nothing that is not so. p->time_ns: 1 + the advertised edge; 0: a
 * segment of our own. */
static void
check_ack(const struct world *w, const struct packet *p)
{
	const struct way *y = &w->way[!p->dir];
	uint32_t ack = p->h.ack - y->isn;
	uint32_t edge = ack + ((uint32_t)p->h.window << y->scale);

	/* An ack from before a fold may be mapped too low, even below the first octet: late, and of no account. */
	if ((int32_t)ack < 0)
		ack = 0;
	if ((int32_t)edge < 0)
		edge = 0;
	assert_true(ack <= y->top);
	assert_true(receiver_has(y, 0, ack) && receiver_has_text(y, ack));
	/* Nothing tells the client that a line is acknowledged whose answer it lacks, but what brings the answer. */
	const struct way *own = &w->way[p->dir];
	uint32_t brought = p->h.seq - own->isn + p->h.payload_len;
	for (const struct line *l = w->line; p->dir == DIR_SERVER && l < w->line + w->lines; l++)
		assert_true(l->text_end == 0 || ack <= l->pos || own->rcv_nxt >= l->text_end || brought >= l->text_end);
	if (p->time_ns == 0)
		return; /* of our own: the window is that of the server's last segment */
	/* Octets that the receiver has had need no credit: a late ack may be mapped roughly among them. */
	assert_true(new_edge(y, edge) < p->time_ns || new_edge(y, edge) <= y->rcv_nxt);

	const uint8_t *at = p->data + p->h.l4 + 20, *end = p->data + p->h.payload;
	while (at < end) {
		if (*at == 1) {
			at++;
			continue;
		}
		for (unsigned b = 2; *at == 5 && b < at[1]; b += 8) {
			uint32_t left = load_be32(at + b) - y->isn, right = load_be32(at + b + 4) - y->isn;
			assert_true(left < right && right <= y->top);
			assert_true(receiver_has(y, left, right));
		}
		assert_true(at[1] >= 2);
		at += at[1];
	}
}

static unsigned
sack_blocks(const struct way *y, uint8_t out[40])
{
	unsigned len = 4;

	if (one_in(6) && y->rcv_nxt > 4) { /* RFC 2883: what came twice */
		uint32_t left = rnd(y->rcv_nxt - 2);
		store_be32(out + len, y->isn + left);
		store_be32(out + len + 4, y->isn + left + 1 + rnd(y->rcv_nxt - left));
		len += 8;
	}
	for (uint32_t at = y->rcv_nxt; at <= y->wanted_len && len < 28; at++) {
		if (y->have[at] == 0)
			continue;
		uint32_t left = at;
		while (at <= y->wanted_len && y->have[at] != 0)
			at++;
		store_be32(out + len, y->isn + left);
		store_be32(out + len + 4, y->isn + at);
		len += 8;
	}
	if (len == 4)
		return 0;
	memcpy(out, "\x01\x01\x05", 3);
	out[3] = (uint8_t)(len - 2);
	return len;
}

static void
damage(struct packet *p)
{
	uint32_t at = p->h.l4 + 4 + rnd(p->h.payload + p->h.payload_len - p->h.l4 - 4u);

	if (at == p->h.l4 + 12u || at == p->h.l4 + 13u)
		return;
	p->data[at] ^= (uint8_t)(1 << rnd(8));
	p->pair = 1;
	assert_int_equal(headers_decode(p), DECODE_TCP);
}

/* The end that sends way `d` puts [from, to) of it on the wire, with all it has to say about the other way. */
static void
emit(struct world *w, unsigned d, uint32_t from, uint32_t to)
{
	struct way *y = &w->way[d], *z = &w->way[!d];
	bool fin = to == y->len + 1 && from < to;
	uint32_t len = to - from - fin;
	uint16_t window = (uint16_t)((w->calm ? 4000u : rnd(one_in(8) ? 100 : 3000)) >> z->scale);
	uint8_t sack[40];
	struct frame f = {
		.seq = y->isn + from,
		.ack = z->isn + z->rcv_nxt + z->fin,
		.dir = (uint8_t)d,
		.version = w->version,
		.flags = (uint8_t)(ACK | (fin ? FIN : 0) | (one_in(3) ? PSH : 0)),
		.window = window,
		.payload = view_of(y->stream + from, len),
		.padding = (uint8_t)(one_in(9) ? 6 : 0),
	};

	f.options = view_of(sack, sack_blocks(z, sack));
	struct packet *p = frame_make(&w->front, &f);
	p->time_ns = 1 + z->rcv_nxt + z->fin + ((uint32_t)window << z->scale);
	if (!w->calm && one_in(40))
		damage(p);
	y->top = y->top > to ? y->top : to;
	z->want_ack = false;
	if (w->to_box_count == FLIGHT)
		front_release(&w->front, w->to_box[--w->to_box_count]);
	w->to_box[w->to_box_count++] = p;
}

/* The next line that the box will judge; NULL: none. */
static const struct line *
next_line(const struct world *w)
{
	return w->decided < w->lines ? &w->line[w->decided] : NULL;
}

/*
 * How far the sender of way d may go: the server answers a flagged line only once the box has judged it; the client
 * sends a line alone when all before it is answered.
 */
static uint32_t
limit_of(const struct world *w, unsigned d)
{
	const struct way *y = &w->way[d];
	const struct line *l = next_line(w);
	uint32_t limit = y->len + 1;

	if (l != NULL && d == 1 && l->slot < limit)
		limit = l->slot;
	bool answered = y->una >= (l != NULL ? l->pos : 0) && (w->flow.edit == NULL || !edit_owes(w->flow.edit));
	if (l != NULL && d == 0 && l->alone && l->pos < limit && !answered && !w->calm)
		limit = l->pos > y->nxt ? l->pos : y->nxt;
	return limit;
}

static void
send_something(struct world *w, unsigned d)
{
	struct way *y = &w->way[d];
	uint32_t limit = limit_of(w, d);
	uint32_t from = y->nxt, len = 1 + rnd(one_in(2) ? 12 : SEGMENT);

	limit = limit < y->edge ? limit : y->edge;
	if (one_in(3) && y->top > 0) { /* again, from anywhere, also what is acknowledged */
		uint32_t back = rnd(one_in(4) ? 400 : 40);
		from = one_in(2) || back > y->una ? y->una : y->una - back;
		from += one_in(2) ? rnd(y->top - from + 1) : 0;
		limit = y->top;
	} else if (one_in(5)) {
		len = 0;
	}
	if (from >= limit || len == 0) {
		emit(w, d, y->nxt, y->nxt);
		return;
	}
	const struct line *l = next_line(w);
	if (l != NULL && d == 0 && l->alone && from <= l->pos && from + len > l->pos &&
	    l->pos + l->len - from <= SEGMENT)
		len = l->pos + l->len - from; /* a line in one piece */
	uint32_t to = limit - from < len ? limit : from + len;
	emit(w, d, from, to);
	y->nxt = y->nxt > to ? y->nxt : to;
}

/* An end receives. Takes p. */
static void
receive(struct world *w, struct packet *p)
{
	struct way *y = &w->way[p->dir], *z = &w->way[!p->dir];
	uint32_t at = p->h.seq - y->isn, len = p->h.payload_len;

	if (p->pair == 0) {
		for (uint32_t i = 0; i < len; i++) {
			y->have[at + i] = 1;
		}
		if (p->h.tcp_flags & FIN)
			y->have[y->wanted_len] = 1;
		y->want_ack |= len > 0 || (p->h.tcp_flags & FIN) || seq_lt(p->h.seq, y->isn + y->rcv_nxt);
		while (y->rcv_nxt < y->wanted_len && y->have[y->rcv_nxt] != 0)
			y->rcv_nxt++;
		y->fin = y->rcv_nxt == y->wanted_len && y->have[y->wanted_len] != 0;
		uint32_t ack = p->h.ack - z->isn;
		if (seq_leq(z->una, ack)) {
			z->una = ack;
			z->edge = ack + ((uint32_t)p->h.window << z->scale);
			z->nxt = z->nxt > ack ? z->nxt : ack;
		}
	}
	front_release(&w->front, p);
}

static void
check_octets(const struct way *y, const struct packet *p)
{
	uint32_t at = p->h.seq - y->isn, len = p->h.payload_len;

	assert_true(len == 0 || at + len <= y->wanted_len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(p->data[p->h.payload + i], y->wanted[at + i]);
	if (p->h.tcp_flags & FIN) {
		assert_int_equal(y->read, y->len);
		assert_int_equal(at + len, y->wanted_len);
	}
}

/* What leaves the box is read as the wire has it, and checked. */
static void
inspect(struct world *w, struct packet *p)
{
	size_t options = (size_t)(p->h.payload - p->h.l4 - 20);
	size_t mss = w->flow.tcp.half[!p->dir].mss;
	size_t most = mss > options + 64 ? mss - options : 64;

	assert_int_equal(headers_decode(p), DECODE_TCP);
	if (p->time_ns == 0)
		p->pair = 0; /* its headers may be those of a damaged segment */
	assert_true(checksum_tcp_ok(p) == (p->pair == 0));
	assert_true(p->h.payload_len <= (most > SEGMENT ? most : SEGMENT));
	if (p->pair == 0) {
		check_octets(&w->way[p->dir], p);
		check_ack(w, p);
	}
}

/* The client's next octets are not read before there is room for an answer: as if they were lost. */
static bool
must_wait(struct world *w, const struct packet *p)
{
	const struct way *y = &w->way[0];

	if (p->dir != DIR_CLIENT || p->h.payload_len == 0 || w->flow.edit == NULL || edit_room(w->flow.edit) ||
	    seq_leq(p->h.seq + p->h.payload_len, y->isn + y->read))
		return false;
	w->waited++;
	return true;
}

/* The octets of p that are new are read. */
static void
read_on(struct world *w, const struct packet *p)
{
	struct way *y = &w->way[p->dir];
	struct tcp_half *h = &w->flow.tcp.half[p->dir];
	uint32_t from = y->read, end = p->h.seq - y->isn + p->h.payload_len;

	if (p->h.payload_len == 0 || end <= from || (int32_t)end <= 0)
		return;
	y->read = end;
	h->nxt = y->isn + end;
	if (p->dir == DIR_SERVER)
		read_server(w, from, end);
	w->at_hand = p;
	for (uint32_t i = from; p->dir == DIR_CLIENT && i < end; i++)
		read_client(w, i, from);
	h->sent = h->clear = h->read = h->nxt;
}

/* What the tcp stage does, as far as it matters here: marks, order, and the reader. False: p does not leave. */
static bool
stage(struct world *w, struct packet *p)
{
	struct tcp_half *h = &w->flow.tcp.half[p->dir];
	struct tcp_half *opposite = &w->flow.tcp.half[!p->dir];

	edit_arrive(&w->flow, p);
	if (!checksum_tcp_ok(p))
		return true;
	if (seq_lt(h->nxt, p->h.seq) && (p->h.payload_len > 0 || (p->h.tcp_flags & FIN)))
		return false; /* a gap: as if lost */
	if (seq_leq(p->h.ack, opposite->nxt + 1))
		opposite->acked = seq_max(opposite->acked, p->h.ack);
	h->window = p->h.window;
	edit_accept(&w->flow, p);
	if (must_wait(w, p))
		return false;
	read_on(w, p);
	return true;
}

static void
box(struct world *w, struct packet *p)
{
	if (stage(w, p))
		edit_leave(&w->out, &w->flow, p);
	else
		front_release(&w->front, p);
	edit_own(&w->out, &w->flow);
	while ((p = front_take(&w->front)) != NULL) {
		inspect(w, p);
		if (w->to_end_count == FLIGHT)
			front_release(&w->front, w->to_end[--w->to_end_count]);
		w->to_end[w->to_end_count++] = p;
	}
}

static struct packet *
pick(struct packet **flight, unsigned *count)
{
	unsigned i = rnd(one_in(4) ? *count : 1);
	struct packet *p = flight[i];

	memmove(flight + i, flight + i + 1, (--*count - i) * sizeof *flight);
	return p;
}

static struct packet *
duplicate(struct world *w, const struct packet *p)
{
	struct packet *q = front_alloc(&w->front, p->len + PACKET_TAILROOM);
	uint8_t *data = q->data;

	*q = *p;
	q->data = data;
	q->room = FRAME_ROOM - p->len;
	memcpy(data, p->data, p->len);
	return q;
}

/* A packet arrives at the box or behind it, or twice, or not at all. */
static void
deliver(struct world *w, bool at_box)
{
	struct packet **flight = at_box ? w->to_box : w->to_end;
	unsigned *count = at_box ? &w->to_box_count : &w->to_end_count;

	if (*count == 0)
		return;
	struct packet *p = pick(flight, count);
	if (!w->calm && one_in(12)) {
		front_release(&w->front, p);
		return;
	}
	w->front.allocs_left = UINT32_MAX;
	if (!w->calm && one_in(12) && *count < FLIGHT)
		flight[(*count)++] = duplicate(w, p);
	if (!at_box) {
		receive(w, p);
		return;
	}
	w->front.allocs_left = !w->calm && one_in(10) ? rnd(2) : UINT32_MAX;
	box(w, p);
}

static void
step(struct world *w)
{
	unsigned d = rnd(2);

	switch (rnd(5)) {
	case 0:
		send_something(w, d);
		break;
	case 1:
		if (w->way[!d].want_ack)
			emit(w, d, w->way[d].nxt, w->way[d].nxt);
		break;
	case 2:
	case 3:
		deliver(w, true);
		break;
	case 4:
		deliver(w, false);
		break;
	}
}

/* Nothing is lost any more, and only the first unacknowledged octets of either way are sent, again and again. */
static void
finish(struct world *w)
{
	struct way *y = w->way;

	w->calm = true;
	for (unsigned round = 0; y[0].una < y[0].len + 1 || y[1].una < y[1].len + 1; round++) {
		assert_true(round < 8 * STREAM);
		unsigned d = round % 2;
		uint32_t limit = limit_of(w, d), to = y[d].una + 1 + rnd(100);
		emit(w, d, y[d].una, to < limit ? to : limit);
		do {
			deliver(w, true);
			deliver(w, false);
			for (unsigned e = 0; e < 2; e++)
				if (y[e].want_ack)
					emit(w, !e, w->way[!e].nxt, w->way[!e].nxt);
		} while (w->to_box_count > 0 || w->to_end_count > 0);
	}
	for (unsigned d = 0; d < 2; d++) {
		assert_int_equal(y[d].rcv_nxt, y[d].wanted_len);
		assert_true(y[d].fin);
	}
}

static void
both_ends_get_exactly_the_edited_streams_and_true_numbers(void **state)
{
	uint64_t seed = seed_of_run();
	uint64_t steps = from_environment("POSTERN_STEPS", 1500000);
	struct edit_pool *pool = edit_pool_new(1);
	static struct world w;
	uint64_t done = 0, sessions = 0, edits = 0, stood = 0, waited = 0, split = 0, edited = 0, starved = 0;

	random_begin(seed, 0);
	for (; done < steps; sessions++) {
		world_begin(&w, pool);
		for (unsigned n = 500 + rnd(3000); n > 0; n--, done++)
			step(&w);
		while (w.to_box_count > 0 || w.to_end_count > 0) {
			deliver(&w, true);
			deliver(&w, false);
		}
		finish(&w);
		assert_int_equal(w.front.alive, 0);
		assert_true(w.flow.edit == NULL || w.flow.edit->queue_count == 0);
		edit_drop(pool, &w.flow);
		edits += w.accepted;
		stood += w.stood;
		waited += w.waited;
		edited += w.ctr.value[CTR_edited_packets];
		split += w.ctr.value[CTR_split_packets];
		starved += w.ctr.value[CTR_no_buffer];
	}
	edit_pool_free(pool);
	print_message("%llu steps, %llu sessions, %llu edits, %llu texts stood, %llu waits, %llu edited packets, %llu "
		      "split, %llu without buffer\n",
		      (unsigned long long)done, (unsigned long long)sessions, (unsigned long long)edits,
		      (unsigned long long)stood, (unsigned long long)waited, (unsigned long long)edited,
		      (unsigned long long)split, (unsigned long long)starved);
	assert_true(edits > 0 && stood > 0 && waited > 0 && split > 0 && starved > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_get_exactly_the_edited_streams_and_true_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
