/* SPDX-License-Identifier: BSD-3-Clause */
/* Verdicts into ledger entries: lines of the client overwritten, replies of the server replaced. */
#include "edit/edit.h"

/* Puts `reply` behind all text. Caller has checked queue_fits(). */
static void
queue_put(struct edit *e, struct view reply)
{
	edit_text_take(e);
	memcpy(e->text + e->ledger[DIR_SERVER].text_len + e->queue_text, reply.at, reply.len);
	e->queue[e->queue_count++] = (uint16_t)reply.len;
	e->queue_text = (uint16_t)(e->queue_text + reply.len);
}

/* The first n replies have found their place. */
static void
queue_take(struct edit *e, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		e->queue_text = (uint16_t)(e->queue_text - e->queue[i]);
	e->queue_count = (uint8_t)(e->queue_count - n);
	memmove(e->queue, e->queue + n, e->queue_count * sizeof e->queue[0]);
}

static bool
queue_fits(const struct edit *e, size_t len)
{
	/* one octet more for each, since it may ride on one of the server's */
	size_t used = (size_t)e->ledger[DIR_SERVER].text_len + e->queue_text + e->queue_count + 1;

	return e->queue_count < EDIT_QUEUE && len > 0 && used + len <= EDIT_TEXT;
}

bool
edit_room(const struct edit *e)
{
	const struct ledger_entry *standing = ledger_standing(&e->ledger[DIR_SERVER]);

	if (standing != NULL && standing->pos != e->left[DIR_SERVER])
		return false;
	/* Each queued reply makes one entry at most, and one may be made for a slot that comes in pieces. */
	return e->ledger[DIR_SERVER].count + e->queue_count + 1 < LEDGER_ENTRIES &&
	       e->ledger[DIR_CLIENT].count < LEDGER_ENTRIES && queue_fits(e, EDIT_REPLY);
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
edit_spoil(struct edit *e, uint32_t pos, uint32_t len, uint32_t sent, struct view reply)
{
	uint32_t end = pos + len;
	uint32_t from = seq_max(pos, sent);

	if (!seq_lt(from, end) || seq_lt(from, e->left[DIR_CLIENT]) || !queue_fits(e, reply.len))
		return false;
	if (!ledger_spoil(&e->ledger[DIR_CLIENT], from, end - from))
		return false;
	queue_put(e, reply);
	return true;
}

bool
edit_reply(struct edit *e, uint32_t seq, uint32_t used, bool first, bool last)
{
	struct ledger *l = &e->ledger[DIR_SERVER];

	if (used == 0) {
		e->in_slot = e->in_slot && !last;
		return true;
	}
	if (seq_lt(seq, e->left[DIR_SERVER]) || first == e->in_slot)
		return false;
	if (first ? e->queue_count == 0 || !ledger_insert(l, seq, used, e->queue[0]) : !ledger_grow(l, seq, used))
		return false;
	e->in_slot = !last;
	if (first)
		queue_take(e, 1);
	return true;
}

void
edit_skip(struct edit *e)
{
	if (e->queue_count == 0)
		return;
	uint8_t *first = e->text + e->ledger[DIR_SERVER].text_len;
	memmove(first, first + e->queue[0], (size_t)(e->queue_text - e->queue[0]));
	queue_take(e, 1);
}

bool
edit_refuse(struct edit *e, uint32_t seq, uint32_t used, struct view reply)
{
	if (edit_owes(e) || seq_lt(seq, e->left[DIR_SERVER]) || !queue_fits(e, reply.len))
		return false;
	if (!ledger_insert(&e->ledger[DIR_SERVER], seq, used, (uint16_t)reply.len))
		return false;
	edit_text_take(e);
	memcpy(e->text + e->ledger[DIR_SERVER].text_len - reply.len, reply.at, reply.len);
	e->in_slot = true;
	return true;
}

bool
edit_remove(struct edit *e, uint32_t pos, uint32_t len, struct view reply)
{
	if (seq_lt(pos, e->left[DIR_CLIENT]) || !queue_fits(e, reply.len))
		return false;
	if (!ledger_grow(&e->ledger[DIR_CLIENT], pos, len))
		return false;
	queue_put(e, reply);
	return true;
}

bool
edit_ride(struct edit *e, uint32_t seq, const uint8_t *octet, unsigned n)
{
	struct ledger *l = &e->ledger[DIR_SERVER];
	unsigned len = octet != NULL;

	for (unsigned i = 0; i < n && i < e->queue_count; i++)
		len += e->queue[i];
	if (n > e->queue_count || seq_lt(seq, e->left[DIR_SERVER]))
		return false;
	uint8_t *text = e->text + l->text_len;
	if (!ledger_insert(l, seq, 1, (uint16_t)len))
		return false;
	if (octet != NULL) {
		memmove(text + 1, text, e->queue_text);
		*text = *octet;
	}
	queue_take(e, n);
	return true;
}

bool
edit_can_stand(const struct edit *e, uint32_t seq)
{
	const struct ledger *l = &e->ledger[DIR_SERVER];
	const struct ledger_entry *standing = ledger_standing(l);

	return e->head[DIR_SERVER].ip_version != 0 && seq == e->left[DIR_SERVER] && l->count < LEDGER_ENTRIES &&
	       (standing == NULL || standing->pos == seq);
}

bool
edit_stand(struct edit *e, uint32_t seq, uint32_t pos, uint32_t len)
{
	struct ledger *l = &e->ledger[DIR_SERVER];
	bool first = ledger_standing(l) == NULL;

	if (e->queue_count == 0 || !edit_can_stand(e, seq) || !ledger_stand(l, seq, e->queue[0]))
		return false;
	queue_take(e, 1);
	if (first)
		e->line = pos;
	e->line_end = pos + len;
	e->due = true;
	return true;
}
