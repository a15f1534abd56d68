/* SPDX-License-Identifier: BSD-3-Clause */
#include <libpsl.h>
#include <stdlib.h>

#include "lookalike/suffix.h"
#include "smtp/domain.h"

struct suffixes {
	psl_ctx_t *psl;
};

struct suffixes *
suffixes_load(const char *path)
{
	struct suffixes *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->psl = psl_latest(path);
	if (s->psl == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void
suffixes_free(struct suffixes *s)
{
	if (s == NULL)
		return;
	psl_free(s->psl);
	free(s);
}

static bool
is_suffix(const struct suffixes *s, struct view name)
{
	char text[DOMAIN_MAX + 1];

	if (name.len > DOMAIN_MAX)
		return false;
	memcpy(text, name.at, name.len);
	text[name.len] = '\0';
	return psl_is_public_suffix2(s->psl, text, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) != 0;
}

/* Where the label behind the next dot at or after `i` begins; name.len where there is none. */
static size_t
next_label(struct view name, size_t i)
{
	const uint8_t *dot = memchr(name.at + i, '.', name.len - i);

	return dot != NULL ? (size_t)(dot - name.at) + 1 : name.len;
}

static struct view
last_label(struct view name)
{
	size_t i = name.len;

	while (i > 0 && name.at[i - 1] != '.')
		i--;
	return view_of(name.at + i, name.len - i);
}

/* libpsl takes names under some top-level domains that do not exist for suffixes: the last label is asked, too. */
bool
suffixes_public(const struct suffixes *s, struct view name)
{
	return is_suffix(s, name) && is_suffix(s, last_label(name));
}

bool
suffixes_delegated(const struct suffixes *s, struct view name)
{
	return suffixes_public(s, last_label(name));
}

struct view
suffixes_of(const struct suffixes *s, struct view name)
{
	for (size_t i = 0; i < name.len; i = next_label(name, i))
		if (suffixes_public(s, view_of(name.at + i, name.len - i)))
			return view_of(name.at + i, name.len - i);
	return last_label(name);
}
