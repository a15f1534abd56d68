/* SPDX-License-Identifier: BSD-3-Clause */
#include "edit/ledger.h"

#include <string.h>

#include "base/seq.h"

static const struct {
	char word[4];
	char fill;
} overlays[OVERLAY_COUNT] = {
	[OVERLAY_NOOP] = { "NOOP", ' ' },
	[OVERLAY_QUIT] = { "QUIT", ' ' },
};

static bool
is_overlay(const struct ledger_entry *e)
{
	return e->text >= LEDGER_OVERLAY && e->text != LEDGER_FIXED;
}

/* Its octets are part of the text. */
static bool
has_text(const struct ledger_entry *e)
{
	return e->text < LEDGER_OVERLAY;
}

static uint32_t
entry_end(const struct ledger_entry *e)
{
	return e->pos + e->removed;
}

/* Stands between two octets: nothing of the sender's carries it. */
static bool
stands(const struct ledger_entry *e)
{
	return e->removed == 0;
}

void
ledger_init(struct ledger *l, uint32_t acked)
{
	*l = (struct ledger){ .floor = acked - LEDGER_PAST, .heard = acked };
}

static bool
append(struct ledger *l, struct ledger_entry e)
{
	if (l->count == LEDGER_ENTRIES || seq_lt(e.pos, l->floor))
		return false;
	if (l->count > 0 && seq_lt(e.pos, entry_end(&l->entry[l->count - 1])))
		return false;
	l->entry[l->count++] = e;
	return true;
}

bool
ledger_insert(struct ledger *l, uint32_t pos, uint32_t removed, uint16_t len)
{
	struct ledger_entry e = { .pos = pos, .removed = removed, .inserted = len, .text = l->text_len };

	if (removed == 0 || removed > LEDGER_PAST || l->text_len + len >= LEDGER_OVERLAY || !append(l, e))
		return false;
	l->text_len = (uint16_t)(l->text_len + len);
	return true;
}

bool
ledger_stand(struct ledger *l, uint32_t pos, uint16_t len)
{
	struct ledger_entry e = { .pos = pos, .inserted = len, .text = l->text_len };
	struct ledger_entry *last = l->count > 0 ? &l->entry[l->count - 1] : NULL;

	if (len == 0 || l->text_len + len >= LEDGER_OVERLAY)
		return false;
	if (last != NULL && stands(last) && last->pos == pos)
		last->inserted = (uint16_t)(last->inserted + len);
	else if (!append(l, e))
		return false;
	l->text_len = (uint16_t)(l->text_len + len);
	return true;
}

bool
ledger_spoil(struct ledger *l, uint32_t pos, uint32_t removed)
{
	struct ledger_entry e = {
		.pos = pos, .removed = removed, .inserted = sizeof LEDGER_SPOILER - 1, .text = LEDGER_FIXED
	};

	return removed > 0 && removed <= LEDGER_PAST && append(l, e);
}

const struct ledger_entry *
ledger_standing(const struct ledger *l)
{
	for (unsigned i = 0; i < l->count; i++)
		if (stands(&l->entry[i]))
			return &l->entry[i];
	return NULL;
}

bool
ledger_overlay(struct ledger *l, uint32_t pos, uint16_t len, enum overlay what)
{
	uint16_t text = (uint16_t)(LEDGER_OVERLAY + what);

	return len > 0 && append(l, (struct ledger_entry){ .pos = pos, .removed = len, .inserted = len, .text = text });
}

bool
ledger_grow(struct ledger *l, uint32_t pos, uint32_t more)
{
	struct ledger_entry *last = l->count > 0 ? &l->entry[l->count - 1] : NULL;

	if (last == NULL || is_overlay(last) || stands(last) || entry_end(last) != pos)
		return ledger_insert(l, pos, more, 0);
	if (more > LEDGER_PAST - last->removed)
		return false;
	last->removed += more;
	return true;
}

/* Old number to new. What stands at `old` lies behind the result where `before`, else in front of it. */
static uint32_t
to_new(const struct ledger *l, uint32_t old, bool before)
{
	uint32_t shift = l->shift;

	for (unsigned i = 0; i < l->count; i++) {
		const struct ledger_entry *e = &l->entry[i];
		if (seq_lt(old, e->pos) || (old == e->pos && (before || !stands(e))))
			break;
		if (seq_lt(old, entry_end(e)))
			return is_overlay(e) ? old + shift : e->pos + shift + e->inserted;
		shift += e->inserted - e->removed;
	}
	return old + shift;
}

uint32_t
ledger_seq(const struct ledger *l, uint32_t old)
{
	return to_new(l, old, false);
}

uint32_t
ledger_start(const struct ledger *l, uint32_t old)
{
	return to_new(l, seq_max(old, l->floor), true);
}

/* New to old; a number inside an insertion goes to its start, or to its end when `up`. */
static uint32_t
to_old(const struct ledger *l, uint32_t new_number, bool up)
{
	uint32_t shift = l->shift;

	for (unsigned i = 0; i < l->count; i++) {
		const struct ledger_entry *e = &l->entry[i];
		uint32_t start = e->pos + shift;
		if (seq_lt(new_number, start))
			break;
		if (seq_lt(new_number, start + e->inserted)) {
			if (is_overlay(e) || new_number == start)
				break;
			return up ? entry_end(e) : e->pos;
		}
		shift += e->inserted - e->removed;
	}
	return new_number - shift;
}

uint32_t
ledger_ack(const struct ledger *l, uint32_t new_ack)
{
	return to_old(l, new_ack, false);
}

uint32_t
ledger_ack_up(const struct ledger *l, uint32_t new_ack)
{
	return to_old(l, new_ack, true);
}

bool
ledger_touches(const struct ledger *l, uint32_t old, uint32_t len)
{
	if (len == 0)
		return false;
	if (seq_lt(old, l->floor))
		return true;
	for (unsigned i = 0; i < l->count; i++) {
		const struct ledger_entry *e = &l->entry[i];
		if (seq_lt(e->pos, old + len) && (stands(e) ? seq_leq(old, e->pos) : seq_lt(old, entry_end(e))))
			return true;
	}
	return false;
}

/* Where the octets of a rewritten segment go. */
struct sink {
	uint8_t *at;
	size_t len, cap;
	bool full;
};

/* `len` further octets of room, or NULL. */
static uint8_t *
sink_room(struct sink *s, size_t len)
{
	if (s->full || len > s->cap - s->len) {
		s->full = true;
		return NULL;
	}
	s->len += len;
	return s->at + s->len - len;
}

static void
sink_put(struct sink *s, const uint8_t *from, size_t len)
{
	uint8_t *to = len > 0 ? sink_room(s, len) : NULL;

	if (to != NULL)
		memcpy(to, from, len);
}

/* Octets [skip, skip + len) of an overlay. */
static void
sink_overlay(struct sink *s, enum overlay what, size_t skip, size_t len)
{
	uint8_t *to = sink_room(s, len);

	if (to == NULL)
		return;
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(skip + i < 4 ? overlays[what].word[skip + i] : overlays[what].fill);
}

size_t
ledger_rewrite(const struct ledger *l, const uint8_t *text, uint32_t old, const uint8_t *in, size_t len, uint8_t *out,
	       size_t cap)
{
	struct sink s = { .at = out, .cap = cap };
	uint32_t end = old + (uint32_t)len;
	uint32_t at = seq_min(seq_max(old, l->floor), end); /* next old octet to deal with */

	for (unsigned i = 0; i < l->count && seq_lt(at, end); i++) {
		const struct ledger_entry *e = &l->entry[i];
		if (stands(e) ? seq_lt(e->pos, at) : seq_leq(entry_end(e), at))
			continue;
		if (seq_leq(end, e->pos))
			break;
		if (seq_lt(at, e->pos)) {
			sink_put(&s, in + (at - old), e->pos - at);
			at = e->pos;
		}
		uint32_t stop = seq_min(end, entry_end(e));
		if (is_overlay(e))
			sink_overlay(&s, (enum overlay)(e->text - LEDGER_OVERLAY), at - e->pos, stop - at);
		else if (at == e->pos)
			sink_put(&s, has_text(e) ? text + e->text : (const uint8_t *)LEDGER_SPOILER, e->inserted);
		at = stop;
	}
	if (seq_lt(at, end))
		sink_put(&s, in + (at - old), end - at);
	return s.full ? SIZE_MAX : s.len;
}

/* The receiver's ack may lie inside of what stands: the octets below it are done with. Returns how many. */
static uint16_t
fold_standing(struct ledger *l, struct ledger_entry *e)
{
	int32_t done = seq_diff(l->heard, e->pos + l->shift);

	if (done <= 0)
		return 0;
	if (done > e->inserted)
		done = e->inserted;
	e->inserted = (uint16_t)(e->inserted - done);
	e->text = (uint16_t)(e->text + done);
	l->shift += (uint32_t)done;
	return (uint16_t)done;
}

void
ledger_hear(struct ledger *l, uint32_t new_ack)
{
	l->heard = seq_max(l->heard, new_ack);
}

uint16_t
ledger_fold(struct ledger *l, uint32_t acked)
{
	uint16_t freed = 0;
	uint16_t n = 0;

	for (; n < l->count && seq_leq(entry_end(&l->entry[n]), acked); n++) {
		struct ledger_entry *e = &l->entry[n];
		if (stands(e)) {
			uint16_t done = fold_standing(l, e);
			if (done > 0) /* whoever has a part of it has all before it */
				l->floor = seq_max(l->floor, e->pos);
			freed = (uint16_t)(freed + done);
			if (e->inserted > 0)
				break;
		}
		l->shift += e->inserted - e->removed;
		l->floor = entry_end(e);
		if (has_text(e))
			freed = (uint16_t)(freed + e->inserted);
	}
	l->floor = seq_max(l->floor, acked - LEDGER_PAST);
	l->count = (uint16_t)(l->count - n);
	l->text_len = (uint16_t)(l->text_len - freed);
	memmove(l->entry, l->entry + n, l->count * sizeof l->entry[0]);
	for (unsigned i = 0; i < l->count; i++)
		if (has_text(&l->entry[i]))
			l->entry[i].text = (uint16_t)(l->entry[i].text - freed);
	return freed;
}
