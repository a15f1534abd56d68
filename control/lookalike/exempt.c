/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "lookalike/exempt.h"
#include "match/names.h"

/* How the languages of the world abbreviate government, and forces. */
static const char *const words[] = { "gov", "gob",        "gouv", "govt", "gub",   "go",
				     "gc",  "government", "mil",  "mod",  "police" };
static const char *const closed[] = { "mil", "gov", "int" };

void
exempt_registries(const struct suffixes *s, exempt_sink *sink, void *ctx)
{
	char name[32];

	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++)
		sink(ctx, view_of(closed[i], strlen(closed[i])));
	for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
		size_t len = strlen(words[w]);
		memcpy(name, words[w], len);
		name[len] = '.';
		for (char a = 'a'; a <= 'z'; a++)
			for (char b = 'a'; b <= 'z'; b++) {
				name[len + 1] = a;
				name[len + 2] = b;
				struct view suffix = view_of(name, len + 3);
				if (suffixes_delegated(s, suffix) && suffixes_public(s, suffix))
					sink(ctx, suffix);
			}
	}
}

#define REGISTRIES_MAX 8192

struct registries {
	uint64_t at[REGISTRIES_MAX]; /* fingerprints, ascending */
	size_t count;
};

static void
take(void *ctx, struct view suffix)
{
	struct registries *r = ctx;

	if (r->count < REGISTRIES_MAX)
		r->at[r->count++] = names_fingerprint(NAMES_DOMAIN, suffix);
}

static int
compare(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

struct registries *
registries_make(const struct suffixes *s)
{
	struct registries *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	exempt_registries(s, take, r);
	qsort(r->at, r->count, sizeof(*r->at), compare);
	return r;
}

void
registries_free(struct registries *r)
{
	free(r);
}

bool
registries_cover(const struct registries *r, struct view name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (i > 0 && name.at[i - 1] != '.')
			continue;
		uint64_t fingerprint = names_fingerprint(NAMES_DOMAIN, view_of(name.at + i, name.len - i));
		if (bsearch(&fingerprint, r->at, r->count, sizeof(*r->at), compare) != NULL)
			return true;
	}
	return false;
}
