/* SPDX-License-Identifier: BSD-3-Clause */
#include "lookalike/exempt.h"

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
