/* SPDX-License-Identifier: BSD-3-Clause */
/* Splices, envelopes, and which splice a segment of a quarantine belongs to. */
#include <stdlib.h>

#include "flow/hash.h"
#include "splice/owners.h"
#include "splice/splice.h"

struct splice_pool {
	struct flow_secret secret;
	struct splice *all, *free, *used;
	struct envelope *envelopes, *free_envelopes;
	struct splice **bucket;
	struct owners *owners; /* NULL: there is no other worker */
	unsigned worker;
	uint32_t mask; /* buckets less one */
	unsigned count;
};

struct splice_pool *
splice_pool_new(unsigned splices, unsigned envelopes, const uint8_t secret[16])
{
	struct splice_pool *pool = calloc(1, sizeof *pool);
	uint32_t buckets = 1;

	if (pool == NULL)
		return NULL;
	while (buckets < splices)
		buckets *= 2;
	memcpy(&pool->secret, secret, sizeof pool->secret);
	pool->mask = buckets - 1;
	pool->all = calloc(splices, sizeof *pool->all);
	pool->envelopes = calloc(envelopes, sizeof *pool->envelopes);
	pool->bucket = calloc(buckets, sizeof(struct splice *));
	if (pool->all == NULL || pool->envelopes == NULL || pool->bucket == NULL) {
		splice_pool_free(pool);
		return NULL;
	}
	for (unsigned i = splices; i-- > 0; pool->free = &pool->all[i]) {
		pool->all[i].id = i;
		pool->all[i].next = pool->free;
	}
	for (unsigned i = envelopes; i-- > 0; pool->free_envelopes = &pool->envelopes[i])
		pool->envelopes[i].next_free = pool->free_envelopes;
	return pool;
}

void
splice_pool_share(struct splice_pool *pool, struct owners *owners, unsigned worker)
{
	pool->owners = owners;
	pool->worker = worker;
}

void
splice_pool_free(struct splice_pool *pool)
{
	if (pool == NULL)
		return;
	free(pool->all);
	free(pool->envelopes);
	free(pool->bucket);
	free(pool);
}

struct envelope *
envelope_of(struct splice_pool *pool, struct flow *f)
{
	struct envelope *e = f->envelope;

	if (e != NULL || (e = pool->free_envelopes) == NULL)
		return e;
	pool->free_envelopes = e->next_free;
	memset(e, 0, offsetof(struct envelope, hello)); /* the lines are written before they are read */
	f->envelope = e;
	return e;
}

void
envelope_drop(struct splice_pool *pool, struct flow *f)
{
	struct envelope *e = f->envelope;

	if (e == NULL)
		return;
	if (e->splice != NULL)
		splice_free(pool, e->splice);
	e->next_free = pool->free_envelopes;
	pool->free_envelopes = e;
	f->envelope = NULL;
}

struct splice *
splice_new(struct splice_pool *pool, struct flow *f, const struct edit_exit *out, uint64_t now_ns)
{
	struct splice *s = pool->free;
	uint32_t id;

	if (s == NULL)
		return NULL;
	pool->free = s->next;
	id = s->id;
	memset(s, 0, sizeof *s);
	s->id = id;
	s->flow = f;
	s->out = out;
	s->begun_ns = s->heard_ns = now_ns;
	s->next = pool->used;
	if (s->next != NULL)
		s->next->prev = s;
	pool->used = s;
	pool->count++;
	f->envelope->splice = s;
	return s;
}

static struct splice **
bucket_of(const struct splice_pool *pool, const struct flow_key *key)
{
	return &pool->bucket[flow_hash(key, &pool->secret) & pool->mask];
}

static void
unlist(struct splice_pool *pool, struct splice *s)
{
	struct splice **at = bucket_of(pool, &s->key);

	while (*at != s)
		at = &(*at)->chain;
	*at = s->chain;
	if (pool->owners != NULL)
		owners_drop(pool->owners, &s->key, pool->worker);
}

void
splice_free(struct splice_pool *pool, struct splice *s)
{
	if (s->listed)
		unlist(pool, s);
	*(s->prev != NULL ? &s->prev->next : &pool->used) = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	s->flow->envelope->splice = NULL;
	s->flow = NULL;
	s->next = pool->free;
	pool->free = s;
	pool->count--;
}

struct splice *
splice_next(const struct splice_pool *pool, const struct splice *s)
{
	return s != NULL ? s->next : pool->used;
}

unsigned
splice_count(const struct splice_pool *pool)
{
	return pool->count;
}

static struct splice *
find(const struct splice_pool *pool, const struct flow_key *key)
{
	struct splice *s = *bucket_of(pool, key);

	while (s != NULL && memcmp(&s->key, key, sizeof *key) != 0)
		s = s->chain;
	return s;
}

struct splice *
splice_find(const struct splice_pool *pool, const struct packet *p)
{
	struct flow_key key;
	struct splice *s;
	unsigned end;

	if (pool->count == 0)
		return NULL;
	flow_key_of(p, &key, &end);
	s = find(pool, &key);
	if (s == NULL || p->h.src_port != s->to.port)
		return NULL;
	return s->to.apart || p->side != s->flow->client_side ? s : NULL;
}

bool
splice_list(struct splice_pool *pool, struct splice *s)
{
	struct splice **at = bucket_of(pool, &s->key);

	if (find(pool, &s->key) != NULL || (pool->owners != NULL && !owners_claim(pool->owners, &s->key, pool->worker)))
		return false;
	s->chain = *at;
	*at = s;
	s->listed = true;
	return true;
}
