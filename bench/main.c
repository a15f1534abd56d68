/* SPDX-License-Identifier: BSD-3-Clause */
/* postern-bench: how fast, and beside what limit. */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "machine.h"
#include "script.h"

static int bench_machine(int argc, char **argv);

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* NULL: a script of this name beside our sources */
	const char *summary;
} commands[] = {
	{ "engine", bench_engine, "The pipeline in one process, beside the limit of its loop" },
	{ "wire", NULL, "Throughput and latency of postern-dp between two ports" },
	{ "generator", bench_generator, "What wire sends with" },
	{ "machine", bench_machine, "Facts of this machine, as results carry them" },
	{ "capture", bench_capture, "Write a scenario's traffic to a capture file" },
	{ "domains", bench_domains, "Print the domains of the rule sets" },
	{ "reload", bench_reload, "Rule sets swapped under load" },
	{ "scale", bench_scale, "1 to N workers, and a model of more" },
	{ "compare", NULL, "The same capture through us and others" },
	{ "report", NULL, "One page of the results in a directory" },
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

/* Does not return but where the script cannot be run. */
static int
run_script(const char *name, char **argv)
{
	char path[4096], build[4096] = "";

	/* BUILD/bench/postern-bench: scripts find the other programs beside it. */
	if (readlink("/proc/self/exe", build, sizeof(build) - 1) > 0)
		setenv("POSTERN_BUILD", dirname(dirname(build)), 1);
	snprintf(path, sizeof(path), "%s/%s.py", BENCH_SCRIPTS, name);
	argv[0] = path;
	execv(path, argv);
	perror(path);
	return EXIT_FAILURE;
}

/* The domains that generated rule sets hold, the first N. */
int
bench_domains(int argc, char **argv)
{
	unsigned n = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	char domain[48];

	if (n == 0) {
		fputs("usage: postern-bench domains N\n", stderr);
		return 2;
	}
	for (unsigned i = 0; i < n; i++) {
		rule_domain(i, domain);
		puts(domain);
	}
	return EXIT_SUCCESS;
}

static int
bench_machine(int argc, char **argv)
{
	return bench_print_json(machine_facts());
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
			return commands[i].run != NULL ? commands[i].run(argc - 1, argv + 1)
						       : run_script(commands[i].name, argv + 1);
	fprintf(stderr, "postern-bench: \"%s\" is no command\n", argv[1]);
	print_usage(stderr);
	return 2;
}
