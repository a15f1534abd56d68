/* SPDX-License-Identifier: BSD-3-Clause */
/* postern-bench: how fast, and beside what limit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "engine", bench_engine, "The pipeline in one process, beside the limit of its loop" },
	{ "capture", bench_capture, "Write a scenario's traffic to a capture file" },
};

static void
print_usage(FILE *out)
{
	fprintf(out, "usage: postern-bench COMMAND [arguments]\n\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\nCOMMAND --help explains a command.\n");
}

int
bench_print_json(json_t *result)
{
	int failed = result == NULL || json_dumpf(result, stdout, JSON_REAL_PRECISION(6)) != 0;

	json_decref(result);
	puts("");
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_usage(stdout);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "postern-bench: \"%s\" is no command\n", argv[1]);
	print_usage(stderr);
	return 2;
}
