/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One frame of any link type: octet 0 is the link type, the rest the frame.
 * What headers_decode() finds lies inside the frame; checksums and lengths that
 * we write are those that we read.
 */
#include "base/packet.h"
#include "fuzz.h"
#include "headers/checksum.h"
#include "headers/decode.h"

enum { ROOM = 64 };

static void
headers_lie_inside(const struct packet *p)
{
	const struct headers *h = &p->h;

	PROMISE(h->ip_version == 4 || h->ip_version == 6);
	PROMISE(h->l3 + (h->ip_version == 4 ? 20u : 40u) <= h->l4);
	PROMISE(h->pppoe == 0 || h->pppoe < h->l3);
	PROMISE(h->l4 <= h->payload);
	PROMISE((uint32_t)h->payload + h->payload_len <= p->len);
	PROMISE(h->vlan_outer < 4096 && h->vlan_inner < 4096);
}

/* Whatever the checksums were, the rewritten ones are right, and wrong again when an octet changes. */
static void
checksum_is_the_one_that_is_read(struct packet *p)
{
	uint8_t *window = p->data + p->h.l4 + 14;

	checksum_rewrite(p);
	PROMISE(checksum_tcp_ok(p));
	checksum_adjust32(p->data + p->h.l4 + 16, load_be16(window), 0x1234);
	store_be16(window, 0x1234);
	PROMISE(checksum_tcp_ok(p));
	store_be16(window, 0x1235);
	PROMISE(!checksum_tcp_ok(p));
}

/* Grown and shrunk, the segment reads as what it was made. */
static void
a_resized_segment_reads_so(struct packet *p, unsigned payload_len)
{
	struct headers before = p->h;

	if ((unsigned)(before.payload - before.l3) + payload_len > UINT16_MAX ||
	    before.payload + payload_len > p->len + p->room)
		return;
	p->h.payload_len = (uint16_t)payload_len;
	uint32_t all = p->len + p->room;
	headers_resize(p);
	PROMISE(p->len + p->room == all);
	PROMISE(headers_decode(p) == DECODE_TCP);
	PROMISE(p->h.payload_len == payload_len && p->h.payload == before.payload && p->h.l3 == before.l3);
	checksum_is_the_one_that_is_read(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct view in = view_of(data, len);
	struct packet p = { .link = (uint8_t)(take_octet(&in) % (LINK_COOKED2 + 1)), .room = ROOM };

	if (in.len > UINT16_MAX)
		return 0;
	/* First in a buffer that ends with the frame, so that a read beyond it is seen. */
	p.len = (uint32_t)in.len;
	p.data = fuzz_memory(in.len);
	if (in.len > 0)
		memcpy(p.data, in.at, in.len);
	enum decode_result found = headers_decode(&p);
	if (found == DECODE_TCP || found == DECODE_FRAGMENT)
		headers_lie_inside(&p);
	if (found == DECODE_TCP) {
		PROMISE(p.h.payload >= p.h.l4 + 20);
		checksum_is_the_one_that_is_read(&p);
		p.data = realloc(p.data, in.len + ROOM);
		PROMISE(p.data != NULL);
		unsigned payload_len = p.h.payload_len;
		a_resized_segment_reads_so(&p, payload_len + 9);
		a_resized_segment_reads_so(&p, payload_len / 2);
		a_resized_segment_reads_so(&p, 0);
	}
	free(p.data);
	return 0;
}
