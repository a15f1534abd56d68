/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules/reader.h"

struct named {
	const char *name;
	unsigned value;
};

static const struct named fields_named[] = {
	{ "rcpt", FIELD_RCPT },
	{ "from", FIELD_FROM },
	{ "any", FIELD_FROM | FIELD_RCPT },
	{ "banner", FIELD_BANNER },
};
#define FIELDS_NAMED (sizeof(fields_named) / sizeof(fields_named[0]))

static const struct named kinds_named[] = {
	{ "domain", KIND_DOMAIN },
	{ "address", KIND_ADDRESS },
	{ "regex", KIND_REGEX },
};

static const struct named *
find(const struct named *table, size_t count, struct view word)
{
	for (size_t i = 0; i < count; i++)
		if (view_equal(view_of(table[i].name, strlen(table[i].name)), word))
			return &table[i];
	return NULL;
}

bool
is_field(struct view word)
{
	return find(fields_named, FIELDS_NAMED, word) != NULL;
}

bool
read_fields(struct reader *r, struct view word, uint16_t column, unsigned *fields)
{
	const struct named *found = find(fields_named, FIELDS_NAMED, word);

	if (found != NULL)
		*fields = found->value;
	else
		message_error(r->messages, reader_at(r, column),
			      "\"%.*s\" is no field; expected rcpt, from, any or banner", (int)word.len, word.at);
	return found != NULL;
}

bool
read_kind(struct reader *r, struct view word, uint16_t column, enum pattern_kind *kind)
{
	const struct named *found = find(kinds_named, 3, word);

	if (found != NULL)
		*kind = found->value;
	else
		message_error(r->messages, reader_at(r, column),
			      "\"%.*s\" is no kind of pattern; expected domain, address or regex", (int)word.len,
			      word.at);
	return found != NULL;
}

bool
read_action(struct reader *r, struct view word, uint16_t column, enum action *action)
{
	*action = action_of(word);
	if (*action != ACTION_PASS && *action < ACTION_ALLOW)
		return true;
	message_error(r->messages, reader_at(r, column),
		      "\"%.*s\" is no action; expected flag, defer, reject, redirect, reset or drop%s", (int)word.len,
		      word.at, *action == ACTION_ALLOW ? " (allow is a statement of its own)" : "");
	return false;
}
