/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An SMTP dialogue of any octets in both directions. Octet 0: marks (1: it
 * began before us; 6: how it is cut; 8: the server's name is asked for); then pieces, each of a head, a length and
 * octets:
 *
 *   head   0x80 the server's   0x40 one octet follows, which is repeated 17 * length times
 *          0x20 force the gate first   0x10 disguise the next RCPT
 *
 * Read whole, and octet by octet or in other cuts, the dialogue must yield the
 * same items; readers consume no more than they were given, and get on.
 */
#include "fuzz.h"
#include "../unit/smtp_script.h"

enum { LONGEST = 6000 };
enum { SERVER = 0x80, REPEAT = 0x40, FORCE = 0x20, DISGUISE = 0x10 };

/* What is read is what was given, from its first octet on. */
static void
readers_are_honest(bool midstream, struct view in)
{
	struct smtp_pool *pool = smtp_pool_new(1);
	struct smtp_session s;
	struct smtp_item item;
	uint64_t line = 0;

	smtp_session_init(&s, midstream);
	for (unsigned i = 0; in.len > 0; i++) {
		smtp_client(&s, pool, in, &item);
		PROMISE(item.used <= in.len);
		PROMISE(item.used > 0 ||
			(item.step != STEP_MORE && item.step != STEP_COMMAND && item.step != STEP_BODY));
		line += item.used;
		if (item.step == STEP_COMMAND) {
			PROMISE(item.eol_len <= 2 && item.eol_len <= item.line_len && item.line_len <= line);
			line = 0;
		}
		if (item.step == STEP_COMMAND && item.has_path)
			PROMISE(item.line_len <= SMTP_LINE_MAX && (item.verb == VERB_MAIL || item.verb == VERB_RCPT));
		if (item.step == STEP_OPAQUE || item.step == STEP_BLIND)
			break;
		if (item.step == STEP_GATE) {
			PROMISE(item.used == 0);
			smtp_gate_force(&s);
		}
		in = view_of(in.at + item.used, in.len - item.used);
	}
	smtp_session_done(&s, pool);
	smtp_pool_free(pool);
}

static void
play_piece(struct play *p, struct view *in)
{
	uint8_t head = take_octet(in);
	size_t len = take_octet(in), piece = p->piece;
	uint8_t filling[17 * 255]; /* longer than a line that is read */
	struct view octets;

	if (head & REPEAT) {
		memset(filling, take_octet(in), 17 * len);
		octets = view_of(filling, 17 * len);
	} else {
		octets = take_view(in, len);
	}
	if (head & FORCE) {
		smtp_gate_force(&p->session);
		play_client(p);
	}
	if (head & DISGUISE)
		p->disguise_next = true;
	/* Filling in larger pieces: what waits behind a gate is looked at anew with each. */
	if (head & REPEAT && piece > 0)
		p->piece = 97;
	/* No more than the log of a script can hold. */
	if (p->waiting_len + p->held_len < 1024 && p->log_len < 8192)
		play_octets(p, head & SERVER ? 'S' : 'C', (const char *)octets.at, octets.len);
	p->piece = piece;
	PROMISE(p->session.slot_count <= SMTP_SLOTS && p->session.slot_first < SMTP_SLOTS);
}

/* Plays the input in pieces of `piece` octets, or cut at random by `seed`. Returns owned. */
static struct play *
play_input(struct view in, bool midstream, bool named, size_t piece, unsigned seed)
{
	struct play *p = play_new(midstream);

	p->session.naming = named ? NAME_ASKED : NAME_UNASKED;
	p->piece = piece;
	p->seed = seed;
	while (in.len > 0 && !p->over)
		play_piece(p, &in);
	play_text(p);
	return p;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct {
		size_t piece;
		unsigned seed;
	} cut[] = { { 1, 0 }, { 3, 0 }, { 0, 1 }, { 0, 2 } };
	struct view in = view_of(data, len);
	uint8_t marks = take_octet(&in);
	bool midstream = marks & 1, named = marks & 8;
	unsigned piece = marks >> 1 & 3;

	if (len > LONGEST)
		return 0;
	struct play *whole = play_input(in, midstream, named, 0, 0);
	struct play *parts = play_input(in, midstream, named, cut[piece].piece, cut[piece].seed);
	/* A session that began before us looks for its first command where segments begin: there the cuts count. */
	if (!midstream && strcmp(whole->log, parts->log) != 0) {
		fprintf(stderr, "whole:\n%s\ncut %u:\n%s\n", whole->log, piece, parts->log);
		PROMISE(strcmp(whole->log, parts->log) == 0);
	}
	play_free(whole);
	play_free(parts);
	readers_are_honest(midstream, in);
	return 0;
}
