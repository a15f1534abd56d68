/* SPDX-License-Identifier: BSD-3-Clause */
/* postern doctor: looks at this machine and the settings, says what is wrong and how to change it. */
#include <getopt.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/cmd_options.h"
#include "command/commands.h"
#include "doctor/doctor.h"

#define WORDS_MAX 16

extern char **environ;

static const char usage[] = "usage: postern doctor [--fix] [--json] [--config FILE]\n"
			    "  --fix   run the commands that interrupt nothing and can be taken back\n"
			    "  --json  the findings as one JSON object\n"
			    "Ends with 0 where the gate could start, 1 where something stands against it.\n";

static const char *const levels[] = { "ok", "note", "warning", "ERROR" };

void
doctor_find(struct doctor *d, enum doctor_level level, const char *check, const char *subject, const char *fix,
	    bool safe, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	d->worst = level > d->worst ? level : d->worst;
	json_array_append_new(d->findings,
			      json_pack("{s:s,s:s,s:s,s:s,s:s?,s:b}", "level",
					level == DOCTOR_ERROR ? "error" : levels[level], "check", check, "subject",
					subject, "text", text, "fix", fix, "safe", fix != NULL && safe));
}

const char *
doctor_command(const char *format, ...)
{
	static char command[256];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return command;
}

bool
doctor_read(const char *path, char *line, unsigned len)
{
	FILE *f = fopen(path, "re");
	bool read = f != NULL && fgets(line, (int)len, f) != NULL;

	if (f != NULL)
		fclose(f);
	if (read)
		line[strcspn(line, "\n")] = '\0';
	return read;
}

static void
examine(struct doctor *d)
{
	json_decref(d->findings);
	d->findings = json_array();
	d->worst = DOCTOR_OK;
	doctor_machine(d);
	doctor_kernel(d);
	doctor_ports(d);
}

static const char *
text(const json_t *o, const char *name)
{
	const char *value = json_string_value(json_object_get(o, name));

	return value != NULL ? value : "";
}

static void
print(const json_t *findings)
{
	const json_t *f;
	size_t i;

	json_array_foreach(findings, i, f)
	{
		const char *level = text(f, "level"), *fix = text(f, "fix");

		printf("%-8s %-13s %-16s %s\n", strcmp(level, "error") == 0 ? "ERROR" : level, text(f, "check"),
		       text(f, "subject"), text(f, "text"));
		if (fix[0] != '\0')
			printf("%-39s to change it: %s%s\n", "", fix,
			       json_is_true(json_object_get(f, "safe")) ? "" : "   (interrupts; not done by --fix)");
	}
}

/* A command of words and blanks. True: it ended with 0. */
static bool
run(const char *command)
{
	char *copy = strdup(command), *words[WORDS_MAX + 1], *at = copy;
	unsigned n = 0;
	int status = -1;
	pid_t pid;

	while (copy != NULL && n < WORDS_MAX && (words[n] = strsep(&at, " ")) != NULL)
		n++;
	words[n] = NULL;
	if (n > 0 && posix_spawnp(&pid, words[0], NULL, NULL, words, environ) == 0)
		waitpid(pid, &status, 0);
	free(copy);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Runs every safe command; tells on stderr, so that JSON stays JSON. */
static void
fix(const json_t *findings)
{
	const json_t *f;
	size_t i;

	json_array_foreach(findings, i, f) if (json_is_true(json_object_get(f, "safe")))
		fprintf(stderr, "postern: %s: %s\n", text(f, "fix"), run(text(f, "fix")) ? "done" : "failed");
}

static int
take_options(int argc, char **argv, const char **config, bool *json, bool *fixing)
{
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "fix", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "c:jfh", known, NULL)) != -1) {
		if (c == 'c')
			*config = optarg;
		else if (c == 'j')
			*json = true;
		else if (c == 'f')
			*fixing = true;
		else {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_OK : EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fputs(usage, stderr);
	return EXIT_USAGE;
}

int
cmd_doctor(int argc, char **argv)
{
	struct doctor d = { 0 };
	const char *config = NULL;
	bool json = false, fixing = false;
	int status = take_options(argc, argv, &config, &json, &fixing);
	struct settings *s;

	if (status >= 0)
		return status;
	d.settings = s = settings_load(config);
	if (s == NULL)
		return EXIT_FAILED;
	examine(&d);
	if (fixing) {
		fix(d.findings);
		examine(&d);
	}
	status = d.worst == DOCTOR_ERROR ? EXIT_FAILED : EXIT_OK;
	if (json) {
		json_t *all = json_pack("{s:b,s:O}", "ok", status == EXIT_OK, "findings", d.findings);

		cmd_print_json(all);
		json_decref(all);
	} else {
		print(d.findings);
	}
	json_decref(d.findings);
	settings_free(s);
	return status;
}
