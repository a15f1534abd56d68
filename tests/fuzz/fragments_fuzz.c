/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fragments of a few datagrams: each step is a head, then
 *
 *   head & 7   0 to 3  a fragment of IPv4: id (head >> 4 & 3), offset / 8, octets; head & 8: more follow
 *              4       the same of IPv6
 *              5       time passes, old ones go
 *              6       any frame: length, octets
 *              7       buffers that may still be made
 *
 * A whole datagram is kept, or goes on at once, cut, grown, or thrown away, by its id.
 * Every fragment leaves or goes back once; where nothing was edited and no
 * octets came twice it leaves as it came.
 */
#include "base/counters.h"
#include "headers/checksum.h"
#include "headers/decode.h"
#include "headers/fragment.h"
#include "line.h"

enum { LONGEST = 4000, KEPT = 4 };

static struct world {
	struct line line;
	struct counters ctr;
	struct fragments *table;
	struct packet *kept[KEPT]; /* whole datagrams that did not leave at once */
	uint64_t now;
	bool edited; /* from here on octets may differ */
	unsigned given, left, lost;
} w;

static void
leaves(struct line *line, const struct car *car, enum side side)
{
	PROMISE(side == SIDE_OUTSIDE);
	PROMISE(car->given || w.edited);
	w.left += car->given;
	if (!w.edited && w.ctr.value[CTR_overlap_rewritten] == 0)
		PROMISE(line_as_it_came(car));
	if (!w.edited)
		PROMISE(car->packet.len == car->came_len);
}

static void
lost(struct line *line, const struct car *car)
{
	w.lost++;
}

/* What the pipeline may do with a whole datagram. Takes p. */
static void
treat(struct packet *p, unsigned how)
{
	struct packet **place = &w.kept[how % KEPT];

	PROMISE(p->next == NULL);
	enum decode_result found = headers_decode(p);
	PROMISE(found != DECODE_FRAGMENT);
	if (how & 4 && found == DECODE_TCP && p->h.payload_len > 1) {
		w.edited = true;
		p->data[p->h.payload] ^= 1;
		p->h.payload_len = (uint16_t)(how & 8 ? p->h.payload_len + (p->room < 20 ? p->room : 20) : 1);
		headers_resize(p);
		checksum_rewrite(p);
	}
	if (how & 16) {
		w.edited = true;
		fragments_release(w.table, p);
	} else if (how & 32) {
		if (*place != NULL)
			fragments_transmit(w.table, *place, SIDE_OUTSIDE);
		*place = p;
	} else {
		fragments_transmit(w.table, p, SIDE_OUTSIDE);
	}
}

static void
put(struct view frame, unsigned how)
{
	struct packet *p = line_frame(&w.line, frame, 0);

	w.given++;
	p->time_ns = w.now;
	if (headers_decode(p) == DECODE_FRAGMENT)
		p = fragments_put(w.table, p, w.now);
	if (p != NULL)
		treat(p, how);
}

static void
put_fragment(uint8_t head, struct view *in, bool six)
{
	uint8_t frame[14 + 48 + 255] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	uint8_t *ip = frame + 14;
	unsigned offset = take_octet(in), how = take_octet(in);
	struct view octets = take_view(in, take_octet(in));
	unsigned more = head >> 3 & 1, id = head >> 4 & 3;
	size_t header = six ? 48 : 20;

	store_be16(frame + 12, six ? 0x86dd : 0x0800);
	if (six) {
		ip[0] = 0x60;
		store_be16(ip + 4, (uint16_t)(8 + octets.len));
		ip[6] = 44;
		ip[23] = 1;
		ip[39] = 2;
		ip[40] = 6;
		store_be16(ip + 42, (uint16_t)(offset << 3 | more));
		ip[47] = (uint8_t)id;
	} else {
		ip[0] = 0x45;
		store_be16(ip + 2, (uint16_t)(20 + octets.len));
		ip[5] = (uint8_t)id;
		store_be16(ip + 6, (uint16_t)(more << 13 | offset));
		ip[9] = 6;
		ip[15] = 1;
		ip[19] = 2;
	}
	if (octets.len > 0)
		memcpy(ip + header, octets.at, octets.len);
	put(view_of(frame, 14 + header + octets.len), how);
}

static void
step(struct view *in)
{
	uint8_t head = take_octet(in);

	switch (head & 7) {
	case 5:
		w.now += take_octet(in);
		fragments_expire(w.table, w.now, head >> 4);
		break;
	case 6:
		put(take_view(in, take_octet(in)), head >> 2);
		break;
	case 7:
		w.line.allocs_left = take_octet(in);
		w.edited |= w.line.allocs_left < 16;
		break;
	default:
		put_fragment(head, in, (head & 7) == 4);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct fragment_limits limits = { .datagrams = 4, .packets = 24, .timeout_ns = 100 };
	struct view in = view_of(data, len);

	if (len > LONGEST)
		return 0;
	memset(&w, 0, sizeof w);
	line_init(&w.line, leaves);
	w.line.lost = lost;
	w.table = fragments_new(&limits, &w.line.ops, &w.ctr);
	PROMISE(w.table != NULL);
	while (in.len > 0)
		step(&in);
	for (unsigned i = 0; i < KEPT; i++)
		if (w.kept[i] != NULL)
			fragments_transmit(w.table, w.kept[i], SIDE_OUTSIDE);
	fragments_expire(w.table, UINT64_MAX, UINT32_MAX);
	fragments_free(w.table);
	PROMISE(w.line.alive == 0);
	PROMISE(w.left + w.lost == w.given);
	PROMISE(w.edited || w.lost == 0);
	return 0;
}
