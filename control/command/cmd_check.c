/* SPDX-License-Identifier: BSD-3-Clause */
/* postern check: every error in rule files, and whether they compile. */
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "build/build.h"
#include "command/commands.h"

static const char usage[] = "usage: postern check [-v] [--json] FILE...\n"
			    "\n"
			    "Reads each FILE as a top rule file, with all it includes, and compiles it. Prints\n"
			    "every error and warning as FILE:LINE:COLUMN. Nothing running is touched.\n"
			    "\n"
			    "  -j, --json     one JSON object for each FILE\n"
			    "  -v, --verbose  list the files that were read, the times, and which slips of protected\n"
			    "                 names do not count, and why: some for each reason, and how many\n"
			    "  -h, --help     print this\n"
			    "\n"
			    "Exit status: 0 no error; 1 errors in a file; 2 wrong usage.\n";

struct check {
	bool json, verbose;
};

/* False: the option is none; *status is the exit status of a command that ends here. */
static bool
parse_options(struct check *c, int argc, char **argv, int *status)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "jvh", longs, NULL)) != -1) {
		if (opt == 'j')
			c->json = true;
		else if (opt == 'v')
			c->verbose = true;
		else {
			*status = opt == 'h' ? EXIT_SUCCESS : 2;
			fputs(usage, opt == 'h' ? stdout : stderr);
			return false;
		}
	}
	if (optind < argc)
		return true;
	*status = 2;
	fputs(usage, stderr);
	return false;
}

static double
seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

/* Files may hold octets that JSON cannot. */
static json_t *
text_of(char *line)
{
	json_t *text = json_string(line);

	for (char *c = line; text == NULL && *c != '\0'; c++)
		if (*c & 0x80)
			*c = '?';
	return text != NULL ? text : json_string(line);
}

/* The messages of a build as an array, a line each; `text` is cut up. Returns owned. */
static json_t *
lines_of(char *text)
{
	json_t *lines = json_array();
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		json_array_append_new(lines, text_of(line));
	return lines;
}

static void
print_json(const char *path, const struct build_result *r, char *messages, char *refusals)
{
	json_t *o = json_pack("{s:s, s:b, s:i, s:i, s:i, s:i, s:i, s:I, s:f, s:f, s:o}", "file", path, "ok",
			      r->blob != NULL, "errors", r->errors, "warnings", r->warnings, "rules", r->rules,
			      "patterns", r->patterns, "files", r->files, "octets", (json_int_t)r->blob_len,
			      "parse_seconds", seconds(r->parse_ns), "compile_seconds", seconds(r->compile_ns),
			      "messages", lines_of(messages));

	if (refusals != NULL)
		json_object_set_new(o, "refusals", lines_of(refusals));
	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(o);
}

static void
print_files(const char *path)
{
	size_t n;
	char **files = build_rule_files(path, &n);

	for (size_t i = 0; i < n; i++)
		printf("  %s\n", files[i]);
	build_rule_files_free(files, n);
}

static void
print_text(const struct check *c, const char *path, const struct build_result *r, const char *messages,
	   const char *refusals)
{
	fputs(messages, stderr);
	if (r->blob == NULL) {
		fprintf(stderr, "%s: %u errors, %u warnings\n", path, r->errors, r->warnings);
		return;
	}
	printf("%s: %u rules, %u patterns, %u files, %u warnings, %.3f s\n", path, r->rules, r->patterns, r->files,
	       r->warnings, seconds(r->parse_ns + r->compile_ns));
	if (!c->verbose)
		return;
	print_files(path);
	fputs(refusals, stdout);
	if (r->lookalikes > 0)
		printf("  %u names of lookalikes; slips of suffixes come on top\n", r->lookalikes);
	printf("  read in %.3f s, compiled in %.3f s to %zu octets\n", seconds(r->parse_ns), seconds(r->compile_ns),
	       r->blob_len);
}

/* What a stream in memory holds. */
struct collected {
	FILE *stream;
	char *text; /* owned */
	size_t len;
};

static bool
collect(struct collected *c)
{
	c->stream = open_memstream(&c->text, &c->len);
	if (c->stream == NULL)
		perror("postern check");
	return c->stream != NULL;
}

static bool
check_file(const struct check *c, const char *path)
{
	struct collected messages = { 0 }, refusals = { 0 };
	struct build_result result;

	if (!collect(&messages) || (c->verbose && !collect(&refusals)))
		return false;
	const struct build_options options = { .jobs = 2, .refusals = refusals.stream };
	bool good = build_rules(path, &options, messages.stream, &result);
	fclose(messages.stream);
	if (refusals.stream != NULL)
		fclose(refusals.stream);
	if (c->json)
		print_json(path, &result, messages.text, refusals.text);
	else
		print_text(c, path, &result, messages.text, refusals.text);
	build_result_free(&result);
	free(messages.text);
	free(refusals.text);
	return good;
}

int
cmd_check(int argc, char **argv)
{
	struct check c = { 0 };
	int status = EXIT_SUCCESS;

	if (!parse_options(&c, argc, argv, &status))
		return status;
	for (int i = optind; i < argc; i++)
		if (!check_file(&c, argv[i]))
			status = EXIT_FAILURE;
	return status;
}
