/* SPDX-License-Identifier: BSD-3-Clause */
/* Verdicts into ledger entries: lines of the client overwritten, replies of the server replaced. */
#include "edit/edit.h"

/* Puts `reply` behind all text. Caller has checked queue_fits(). */
static void
queue_put(struct edit *e, struct view reply)
{
	memcpy(e->text + e->ledger[DIR_SERVER].text_len + e->queue_text, reply.at, reply.len);
	e->queue[e->queue_count++] = (uint16_t)reply.len;
	e->queue_text = (uint16_t)(e->queue_text + reply.len);
}

static bool
queue_fits(const struct edit *e, size_t len)
{
	size_t used = (size_t)e->ledger[DIR_SERVER].text_len + e->queue_text;

	return e->queue_count < EDIT_QUEUE && len > 0 && len <= sizeof e->text - used;
}

/* Overlays client octets [pos, end), of which none may have left, and queues the reply. */
static bool
overwrite(struct edit *e, uint32_t pos, uint32_t end, enum overlay what, struct view reply)
{
	if (end - pos > UINT16_MAX || seq_lt(pos, e->left[DIR_CLIENT]) || !queue_fits(e, reply.len))
		return false;
	if (!ledger_overlay(&e->ledger[DIR_CLIENT], pos, (uint16_t)(end - pos), what))
		return false;
	queue_put(e, reply);
	return true;
}

bool
edit_disguise(struct edit *e, enum disguise how, uint32_t pos, uint32_t len, uint32_t eol_len, struct view reply)
{
	enum overlay what = how == DISGUISE_QUIT ? OVERLAY_QUIT : OVERLAY_NOOP;

	if (len < eol_len + 4 || !overwrite(e, pos, pos + len - eol_len, what, reply))
		return false;
	if (how == DISGUISE_QUIT) {
		e->quitting = true;
		e->quit_end = pos + len;
	}
	return true;
}

bool
edit_spoil(struct edit *e, uint32_t pos, uint32_t len, uint32_t eol_len, uint32_t sent, struct view reply)
{
	uint32_t end = pos + len - eol_len;
	uint32_t from = seq_max(pos, sent);

	if (seq_diff(end, from) < 2)
		return false;
	return overwrite(e, from, end, OVERLAY_AT, reply);
}

bool
edit_reply(struct edit *e, uint32_t seq, uint32_t used, bool first, bool last)
{
	struct ledger *l = &e->ledger[DIR_SERVER];

	if (used == 0)
		return true;
	if (seq_lt(seq, e->left[DIR_SERVER]) || first == e->in_slot)
		return false;
	if (first ? e->queue_count == 0 || !ledger_insert(l, seq, used, e->queue[0]) : !ledger_grow(l, seq, used))
		return false;
	e->in_slot = !last;
	if (!first)
		return true;
	e->queue_text = (uint16_t)(e->queue_text - e->queue[0]);
	e->queue_count--;
	memmove(e->queue, e->queue + 1, e->queue_count * sizeof e->queue[0]);
	return true;
}
