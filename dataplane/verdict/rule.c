/* SPDX-License-Identifier: BSD-3-Clause */
#include "verdict/rule.h"

static const char *const names[ACTION_COUNT] = {
	[ACTION_PASS] = "pass",         [ACTION_FLAG] = "flag",   [ACTION_DEFER] = "defer", [ACTION_REJECT] = "reject",
	[ACTION_REDIRECT] = "redirect", [ACTION_RESET] = "reset", [ACTION_DROP] = "drop",   [ACTION_ALLOW] = "allow",
};

const char *
action_name(enum action a)
{
	return (unsigned)a < ACTION_COUNT ? names[a] : "?";
}

enum action
action_of(struct view word)
{
	for (unsigned a = 0; a < ACTION_COUNT; a++)
		if (view_equal(word, view_of(names[a], strlen(names[a]))))
			return (enum action)a;
	return ACTION_COUNT;
}

enum lang
lang_of(struct view word)
{
	static const char codes[LANG_COUNT][3] = {
		[LANG_EN] = "en",
		[LANG_DE] = "de",
		[LANG_FR] = "fr",
		[LANG_NL] = "nl",
	};

	for (unsigned l = 0; l < LANG_COUNT; l++)
		if (view_equal(word, view_of(codes[l], 2)))
			return (enum lang)l;
	return LANG_COUNT;
}
