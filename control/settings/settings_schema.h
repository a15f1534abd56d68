/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys, types and limits of the settings file: one table for checking, loading and freeing. */
#ifndef POSTERN_CONTROL_SETTINGS_SCHEMA_H
#define POSTERN_CONTROL_SETTINGS_SCHEMA_H

#include <cyaml/cyaml.h>

#include "settings/settings.h"

/* What libcyaml fills. A key that is missing leaves 0; where 0 may stand in the file, a pointer tells. */
struct settings_loaded {
	struct settings settings; /* first: settings_free() finds the rest by it */
	bool *huge_pages;
	bool *watch;
	unsigned *idle_sleep_us;
	unsigned *drain_ms;
};

extern const cyaml_schema_value_t settings_schema;

/* Limits of a number, or the words that a text may be; `key` alone names it. NULL: any text. */
struct settings_limit {
	const char *key;
	unsigned long min, max;
	const char *words[4];
};

const struct settings_limit *settings_limit_of(const char *key);

/*
 * Checks the file at `path` against the schema, with the line of whatever is
 * wrong. False after "file:line:column: ..." on stderr; all wrong keys are told.
 */
bool settings_check(const char *path);

#endif
