/* SPDX-License-Identifier: BSD-3-Clause */
#include "command/cmd_options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },  { "socket", required_argument, NULL, 's' },
	{ "timeout", required_argument, NULL, 't' }, { "json", no_argument, NULL, 'j' },
	{ "limit", required_argument, NULL, 'l' },   { "watch", required_argument, NULL, 'w' },
	{ "hits", no_argument, NULL, 'H' },          { "events", required_argument, NULL, 'e' },
	{ "help", no_argument, NULL, 'h' },          { 0 },
};

/* Seconds, with a fraction where wanted, as milliseconds: 1 ms to a day. */
static bool
seconds(const char *text, unsigned *ms)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end != '\0' || !(s >= 0.001 && s <= 86400)) {
		fprintf(stderr, "postern: \"%s\" is no time; expected seconds from 0.001 to 86400\n", text);
		return false;
	}
	*ms = (unsigned)(s * 1000);
	return true;
}

static bool
count(const char *text, unsigned *n)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || v < 1 || v > 1000000) {
		fprintf(stderr, "postern: \"%s\" is no limit; expected a number from 1 to 1000000\n", text);
		return false;
	}
	*n = (unsigned)v;
	return true;
}

static bool
take(int option, struct cmd_options *o)
{
	switch (option) {
	case 'c':
		o->config = optarg;
		return true;
	case 's':
		o->socket = optarg;
		return true;
	case 't':
		return seconds(optarg, &o->timeout_ms);
	case 'w':
		return seconds(optarg, &o->watch_ms);
	case 'l':
		return count(optarg, &o->limit);
	case 'j':
		o->json = true;
		return true;
	case 'H':
		o->hits = true;
		return true;
	case 'e':
		o->events = optarg;
		return true;
	default:
		return false;
	}
}

int
cmd_options(int argc, char **argv, const char *allowed, const char *usage, struct cmd_options *o)
{
	int c;

	memset(o, 0, sizeof(*o));
	optind = 0; /* glibc: start anew, whatever was parsed before */
	while ((c = getopt_long(argc, argv, "c:s:t:jl:w:He:h", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return EXIT_OK;
		}
		if (c == '?' || strchr(allowed, c) == NULL || !take(c, o)) {
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	o->first = optind;
	return -1;
}

struct settings *
cmd_settings(const struct cmd_options *o, bool right, const char *usage, int *status)
{
	*status = EXIT_USAGE;
	if (!right) {
		fputs(usage, stderr);
		return NULL;
	}
	*status = EXIT_FAILED;
	return settings_load(o->config);
}

void
cmd_print_json(const json_t *o)
{
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
}

int
cmd_print_error(const json_t *answer)
{
	const char *error = json_string_value(json_object_get(answer, "error"));
	const char *messages = json_string_value(json_object_get(answer, "messages"));

	fputs(messages != NULL ? messages : "", stderr);
	fprintf(stderr, "postern: %s\n", error != NULL ? error : "the answer says it failed, but not why");
	return EXIT_FAILED;
}
