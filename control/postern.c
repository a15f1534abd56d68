/* SPDX-License-Identifier: BSD-3-Clause */
/* postern: the operator's command. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/commands.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "check", cmd_check, "Report every error in rule files, without touching anything" },
	{ "expand", cmd_expand, "List what would be taken for a slip of a name" },
	{ "explain", cmd_explain, "Say what the rules do to a domain or address, and why" },
	{ "reload", cmd_reload, "Compile the rules and hand them to the dataplane" },
	{ "show", cmd_show, "Show statistics, flows, rules or events of a running box" },
	{ "suggest", cmd_suggest, "Propose exemptions and promotions from observed events" },
	{ "replay", cmd_replay, "Run capture files through the filter" },
	{ "apply", cmd_apply, "Have mail_ports and exempt taken over as the settings have them now" },
	{ "steer", cmd_steer, "Put the steering program on the interfaces, or take it off" },
	{ "bypass", cmd_bypass, "Let mail pass unread, whatever runs, or have it read again" },
	{ "doctor", cmd_doctor, "Say what stands between this machine and a gate that works well" },
};

static void
print_usage(FILE *out)
{
	fprintf(out, "usage: postern COMMAND [arguments]\n\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "  %-10s %s\n", "help", "Explain a command: postern help COMMAND");
	fprintf(out, "\n  --version  print the version\n  --help     print this\n");
}

static const struct command *
find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int
unknown(const char *name)
{
	fprintf(stderr, "postern: \"%s\" is no command\n", name);
	print_usage(stderr);
	return 2;
}

static int
help(int argc, char **argv)
{
	char option[] = "--help";

	if (argc < 2) {
		print_usage(stdout);
		return EXIT_SUCCESS;
	}
	const struct command *command = find(argv[1]);
	char *args[] = { argv[1], option, NULL };
	return command != NULL ? command->run(2, args) : unknown(argv[1]);
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("postern %s\n", POSTERN_VERSION);
		return EXIT_SUCCESS;
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help(argc - 1, argv + 1);
	const struct command *command = find(argv[1]);
	return command != NULL ? command->run(argc - 1, argv + 1) : unknown(argv[1]);
}
