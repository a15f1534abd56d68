/* SPDX-License-Identifier: BSD-3-Clause */
/* postern reload: the rules as they are in the files now, live. */
#include <stdio.h>
#include <stdlib.h>

#include "socket/client.h"
#include "command/cmd_options.h"
#include "command/commands.h"
#include "settings/settings.h"

/* Beyond the time that compiling may take: hand-over, and a run that is under way when we ask. */
#define GRACE_S 30

static const char usage[] = "usage: postern reload [--config FILE] [--socket PATH] [--timeout S] [--json]\n"
			    "Compiles the rule files and makes them live, or says why not; then the old rules go on.\n";

static json_int_t
number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static int
print_live(const json_t *a)
{
	const char *messages = json_string_value(json_object_get(a, "messages"));

	fputs(messages != NULL ? messages : "", stderr);
	printf("generation %lld live: %lld rules, %lld patterns, %s in %.0f ms, swapped in %.3f ms, %lld packets "
	       "lost\n",
	       (long long)number(a, "generation"), (long long)number(a, "rules"), (long long)number(a, "patterns"),
	       json_is_true(json_object_get(a, "cached")) ? "from the cache" : "compiled",
	       (double)number(a, "prepared_ns") / 1e6, (double)number(a, "swap_ns") / 1e6,
	       (long long)number(a, "packets_lost"));
	return EXIT_OK;
}

static int
print_failed(const json_t *a)
{
	cmd_print_error(a);
	if (number(a, "generation") > 0)
		fprintf(stderr, "postern: generation %lld keeps judging\n", (long long)number(a, "generation"));
	return EXIT_FAILED;
}

static json_t *
ask(const char *path, const char *cmd, unsigned timeout_ms)
{
	json_t *request = client_request(cmd);
	char err[512];
	json_t *a = client_ask("posternd", path, request, timeout_ms, err, sizeof(err));

	json_decref(request);
	if (a == NULL)
		fprintf(stderr, "postern: %s\n", err);
	return a;
}

/* A dead or hung daemon shows at the ping, in no more than 2 s: a reload itself may rightly take minutes. */
static int
reload(const char *path, unsigned timeout_ms, bool json)
{
	unsigned first_ms = timeout_ms < CLIENT_TIMEOUT_MS ? timeout_ms : CLIENT_TIMEOUT_MS;
	json_t *a = ask(path, "ping", first_ms);
	int status;

	if (a == NULL)
		return EXIT_FAILED;
	json_decref(a);
	a = ask(path, "reload", timeout_ms);
	if (a == NULL)
		return EXIT_FAILED;
	status = json_is_true(json_object_get(a, "ok")) ? EXIT_OK : EXIT_FAILED;
	if (json)
		cmd_print_json(a);
	else
		status = status == EXIT_OK ? print_live(a) : print_failed(a);
	json_decref(a);
	return status;
}

int
cmd_reload(int argc, char **argv)
{
	struct cmd_options o;
	int status = cmd_options(argc, argv, "cstj", usage, &o);
	struct settings *s;

	if (status >= 0)
		return status;
	s = cmd_settings(&o, o.first == argc, usage, &status);
	if (s == NULL)
		return status;
	status = reload(o.socket != NULL ? o.socket : s->control.socket,
			o.timeout_ms > 0 ? o.timeout_ms : (s->control.compile_seconds * 2 + GRACE_S) * 1000, o.json);
	settings_free(s);
	return status;
}
