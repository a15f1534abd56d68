/* SPDX-License-Identifier: BSD-3-Clause */
#include "headers/fragment.h"

#include <stdlib.h>
#include <sys/random.h>

#include "headers/datagram.h"

struct fragments {
	struct fragment_limits limits;
	struct packet_ops ops;
	struct counters *ctr;
	struct datagram *pool;
	struct datagram *free;    /* linked by chain */
	struct datagram **bucket; /* incomplete datagrams, linked by chain */
	uint64_t mask;
	uint64_t secret[2];               /* nobody outside can aim datagrams at one bucket */
	struct datagram *oldest, *newest; /* incomplete datagrams */
	uint32_t packets;                 /* fragments held */
};

static bool
allocate(struct fragments *t)
{
	uint64_t buckets = 1;
	while (buckets < t->limits.datagrams)
		buckets *= 2;
	t->mask = buckets - 1;
	t->bucket = calloc(buckets, sizeof(struct datagram *));
	t->pool = calloc(t->limits.datagrams, sizeof(*t->pool));
	if (t->bucket == NULL || t->pool == NULL)
		return false;
	for (uint32_t i = 0; i < t->limits.datagrams; i++) {
		t->pool[i].chain = t->free;
		t->free = &t->pool[i];
	}
	return getrandom(t->secret, sizeof(t->secret), 0) == (ssize_t)sizeof(t->secret);
}

static void
deallocate(struct fragments *t)
{
	free(t->bucket);
	free(t->pool);
	free(t);
}

struct fragments *
fragments_new(const struct fragment_limits *limits, const struct packet_ops *ops, struct counters *ctr)
{
	struct fragments *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->limits = *limits;
	t->ops = *ops;
	t->ctr = ctr;
	if (!allocate(t)) {
		deallocate(t);
		return NULL;
	}
	return t;
}

void
fragments_free(struct fragments *t)
{
	for (uint32_t i = 0; i < t->limits.datagrams; i++)
		for (unsigned k = 0; k < t->pool[i].count; k++)
			t->ops.release(t->ops.front, t->pool[i].piece[k].packet);
	deallocate(t);
}

static void
pass(struct fragments *t, struct packet *p)
{
	t->ops.transmit(t->ops.front, p, other_side(p->side));
}

static struct datagram **
bucket_of(const struct fragments *t, const struct datagram_key *key)
{
	uint64_t h = t->secret[0];

	/* Multiply and fold, as in the flow table; fragments are rare, so a loop will do. */
	for (size_t at = 0; at < sizeof(*key); at += 4) {
		uint32_t word;
		memcpy(&word, (const uint8_t *)key + at, 4);
		unsigned __int128 product = (unsigned __int128)(h ^ word) * (t->secret[1] | 1);
		h = (uint64_t)product ^ (uint64_t)(product >> 64);
	}
	return &t->bucket[h & t->mask];
}

/* Where the pointer to the datagram stands, or the end of its chain. */
static struct datagram **
find(const struct fragments *t, const struct datagram_key *key)
{
	struct datagram **at = bucket_of(t, key);
	while (*at != NULL && memcmp(&(*at)->key, key, sizeof(*key)) != 0)
		at = &(*at)->chain;
	return at;
}

/* A new datagram at `at`, the end of its chain; NULL: the table is full. */
static struct datagram *
begin(struct fragments *t, struct datagram **at, const struct datagram_key *key, uint64_t now_ns)
{
	struct datagram *d = t->free;
	if (d == NULL)
		return NULL;
	t->free = d->chain;
	d->key = *key;
	d->chain = NULL;
	d->since_ns = now_ns;
	d->total = d->octets = 0;
	d->whole = NULL;
	d->count = 0;
	*at = d;
	d->newer = NULL;
	d->older = t->newest;
	*(t->newest != NULL ? &t->newest->newer : &t->oldest) = d;
	t->newest = d;
	return d;
}

/* Takes d out of the chain and the list of incomplete datagrams. */
static void
unlink_incomplete(struct fragments *t, struct datagram *d)
{
	*find(t, &d->key) = d->chain;
	*(d->older != NULL ? &d->older->newer : &t->oldest) = d->newer;
	*(d->newer != NULL ? &d->newer->older : &t->newest) = d->older;
}

/* Gives the slot of d back; its pieces are gone. The whole is an ordinary packet again. */
static void
forget(struct fragments *t, struct datagram *d)
{
	if (d->whole != NULL)
		d->whole->datagram = NULL;
	t->packets -= d->count;
	d->count = 0;
	d->whole = NULL;
	d->chain = t->free;
	t->free = d;
}

/* What came of d leaves, unread, in the order of arrival. */
static void
give_up(struct fragments *t, struct datagram *d, enum counter why)
{
	t->ctr->value[why] += d->count;
	unlink_incomplete(t, d);
	for (unsigned i = 0; i < d->count; i++)
		pass(t, d->piece[i].packet);
	forget(t, d);
}

/* p does not get in, and without it the datagram cannot be read. */
static void
refuse(struct fragments *t, struct datagram *d, struct packet *p, enum counter why)
{
	if (d != NULL)
		give_up(t, d, why);
	t->ctr->value[why]++;
	pass(t, p);
}

struct packet *
fragments_put(struct fragments *t, struct packet *p, uint64_t now_ns)
{
	if (!datagram_may_be_tcp(p)) {
		pass(t, p);
		return NULL;
	}
	struct datagram_key key;
	datagram_key_of(p, &key);
	struct datagram **at = find(t, &key), *d = *at;
	bool full = t->packets >= t->limits.packets || (d != NULL && d->count == DATAGRAM_PIECES);

	if (!full && d == NULL)
		d = begin(t, at, &key, now_ns);
	if (full || d == NULL) {
		refuse(t, d, p, CTR_fragment_cap);
		return NULL;
	}
	if (!datagram_add(d, p, t->ctr)) {
		refuse(t, d, p, CTR_undecoded);
		return NULL;
	}
	t->packets++;
	if (!datagram_complete(d))
		return NULL;
	if (!datagram_join(d, &t->ops, t->ctr)) {
		give_up(t, d, CTR_undecoded);
		return NULL;
	}
	/* Found no more: a later datagram may bear the same id while this one is held (RFC 4963). */
	unlink_incomplete(t, d);
	d->whole->datagram = d;
	return d->whole;
}

/* The datagram of p; NULL for any other packet, copies of a whole among them. */
static struct datagram *
datagram_of(const struct packet *p)
{
	struct datagram *d = p->datagram;
	return d != NULL && d->whole == p ? d : NULL;
}

void
fragments_transmit(struct fragments *t, struct packet *whole, enum side side)
{
	struct datagram *d = datagram_of(whole);

	if (d == NULL) {
		t->ops.transmit(t->ops.front, whole, side);
		return;
	}
	datagram_send(d, &t->ops, t->ctr, side);
	forget(t, d);
	t->ops.release(t->ops.front, whole);
}

void
fragments_release(struct fragments *t, struct packet *whole)
{
	struct datagram *d = datagram_of(whole);

	if (d != NULL) {
		for (unsigned i = 0; i < d->count; i++)
			t->ops.release(t->ops.front, d->piece[i].packet);
		forget(t, d);
	}
	t->ops.release(t->ops.front, whole);
}

void
fragments_expire(struct fragments *t, uint64_t now_ns, unsigned budget)
{
	for (; budget > 0 && t->oldest != NULL; budget--) {
		struct datagram *d = t->oldest;
		if (now_ns != UINT64_MAX && (now_ns < d->since_ns || now_ns - d->since_ns < t->limits.timeout_ns))
			break;
		give_up(t, d, CTR_fragment_timeout);
	}
}
