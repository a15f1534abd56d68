/* SPDX-License-Identifier: BSD-3-Clause */
/* postern steer, postern bypass: the program in the kernel, by hand. Both work whether or not a dataplane runs. */
#include <stdlib.h>
#include <string.h>

#include "command/cmd_options.h"
#include "command/commands.h"
#include "steer/steer_setup.h"

static const char steer_usage[] =
	"usage: postern steer attach|detach [--config FILE]\n"
	"  attach  put the steering program on the interfaces of the settings, or renew it there with\n"
	"          what the settings say now; nothing is lost meanwhile (postern-dp does the same at its start)\n"
	"  detach  take it off; without it nothing passes between the interfaces but through postern-dp\n";

static const char bypass_usage[] =
	"usage: postern bypass on|off [PAIR] [--config FILE]\n"
	"  on   from now on mail passes unread, whatever runs; until \"off\", or until the machine restarts\n"
	"  off  mail is read again\n"
	"  PAIR  number of the pair in the settings, from 0; all where it is left out\n";

static int
failed(const char *err)
{
	fprintf(stderr, "postern: %s\n", err);
	return EXIT_FAILED;
}

static int
attach(const struct settings *s)
{
	struct steer_setup setup;
	unsigned generic;
	char err[512];

	steer_setup(s, &setup);
	if (!steer_attach(&setup, &generic, err, sizeof(err)))
		return failed(err);
	for (unsigned slot = 0; slot < STEER_SLOTS; slot++)
		if (steer_setup_name(&setup, slot)[0] != '\0')
			printf("%s: attached, %s\n", steer_setup_name(&setup, slot),
			       generic >> slot & 1 ? "generic (slow: the driver has no XDP)" : "native");
	return EXIT_OK;
}

static int
detach(const struct settings *s)
{
	char err[512];

	return steer_detach(s->steering.directory, err, sizeof(err)) ? EXIT_OK : failed(err);
}

int
cmd_steer(int argc, char **argv)
{
	struct cmd_options o;
	int status = cmd_options(argc, argv, "c", steer_usage, &o);
	const char *word = status < 0 && o.first + 1 == argc ? argv[o.first] : "";
	struct settings *s;

	if (status >= 0)
		return status;
	s = cmd_settings(&o, strcmp(word, "attach") == 0 || strcmp(word, "detach") == 0, steer_usage, &status);
	if (s == NULL)
		return status;
	status = strcmp(word, "attach") == 0 ? attach(s) : detach(s);
	settings_free(s);
	return status;
}

static int
switch_pairs(const struct settings *s, long only, bool on)
{
	struct steer_setup setup;
	unsigned switched = 0;
	struct steer *maps;
	char err[512];

	steer_setup(s, &setup);
	maps = steer_open(setup.dir, err, sizeof(err));
	if (maps == NULL)
		return failed(err);
	for (unsigned pair = 0; pair < setup.pairs; pair++) {
		if (!steer_setup_covers(&setup, pair) || (only >= 0 && pair != (unsigned)only))
			continue;
		if (!steer_bypass(maps, pair, on))
			break;
		printf("pair %u (%s, %s): %s\n", pair, setup.pair[pair].interface[0], setup.pair[pair].interface[1],
		       on ? "bypassed, mail passes unread" : "mail is read");
		switched++;
	}
	steer_close(maps);
	return switched > 0 ? EXIT_OK : failed("no such pair, or none with steering");
}

/* The number of a pair; -1: all; -2: no number. */
static long
pair_of(const char *text)
{
	char *end;
	long pair;

	if (text == NULL)
		return -1;
	pair = strtol(text, &end, 10);
	return end == text || *end != '\0' || pair < 0 || pair >= STEER_PAIRS ? -2 : pair;
}

int
cmd_bypass(int argc, char **argv)
{
	struct cmd_options o;
	int status = cmd_options(argc, argv, "c", bypass_usage, &o);
	int words = argc - o.first;
	struct settings *s;
	long pair;
	bool on, off;

	if (status >= 0)
		return status;
	on = words >= 1 && strcmp(argv[o.first], "on") == 0;
	off = words >= 1 && strcmp(argv[o.first], "off") == 0;
	pair = pair_of(words == 2 ? argv[o.first + 1] : NULL);
	s = cmd_settings(&o, (on || off) && words <= 2 && pair != -2, bypass_usage, &status);
	if (s == NULL)
		return status;
	status = switch_pairs(s, pair, on);
	settings_free(s);
	return status;
}
