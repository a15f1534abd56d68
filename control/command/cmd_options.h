/* SPDX-License-Identifier: BSD-3-Clause */
/* What the subcommands that talk to a daemon have in common. */
#ifndef POSTERN_CONTROL_CMD_OPTIONS_H
#define POSTERN_CONTROL_CMD_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "settings/settings.h"

/* Exit codes of `postern`. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct cmd_options {
	const char *config;  /* settings file; NULL: the default */
	const char *socket;  /* NULL: of the settings */
	unsigned timeout_ms; /* 0: not given */
	unsigned watch_ms;   /* 0: once */
	unsigned limit;
	const char *events; /* file; NULL: of the settings */
	bool json, hits;
	int first; /* index of the first argument that is no option */
};

/*
 * Reads the options named in `allowed` (of "c" config, "s" socket, "t" timeout, "j" json, "l" limit, "w" watch, "H"
 * hits, "e" events, "h"). Returns -1 to go on, else the exit code: `usage` was printed.
 */
int cmd_options(int argc, char **argv, const char *allowed, const char *usage, struct cmd_options *o);

/*
 * The settings for a subcommand whose other arguments are `right`, or not. NULL: *status is the exit code; `usage`, or
 * what is wrong with the file, was printed. Owned by the caller: settings_free().
 */
struct settings *cmd_settings(const struct cmd_options *o, bool right, const char *usage, int *status);

/* One JSON object as a line on stdout. */
void cmd_print_json(const json_t *o);

/* The answer's "error" and "messages" on stderr. Returns EXIT_FAILED. */
int cmd_print_error(const json_t *answer);

#endif
