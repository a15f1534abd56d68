/* SPDX-License-Identifier: BSD-3-Clause */
/* postern show: what a running box does, from the daemon that knows. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "cmd_options.h"
#include "commands.h"
#include "settings.h"
#include "show.h"

static const char usage[] =
	"usage: postern show stats|flows|rules|events [--config FILE] [--socket PATH] [--timeout S] [--limit N]\n"
	"                    [--watch S] [--json]\n"
	"  stats   counters, ports and buffers of the dataplane\n"
	"  flows   mail connections it follows\n"
	"  events  the last verdicts, oldest first\n"
	"  rules   the rules compiled last, and what is wrong with the files since\n"
	"  --limit N  at most N flows, events or rules\n"
	"  --watch S  again every S seconds, until interrupted\n";

static const struct view_of_box {
	const char *name;
	bool dataplane; /* else posternd */
	void (*print)(FILE *out, const json_t *answer);
} views[] = {
	{ "stats", true, show_stats },
	{ "flows", true, show_flows },
	{ "events", true, show_events },
	{ "rules", false, show_rules },
};

static const struct view_of_box *
find(const char *name)
{
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		if (strcmp(views[i].name, name) == 0)
			return &views[i];
	return NULL;
}

static int
show_once(const struct view_of_box *view, const char *path, const struct cmd_options *o)
{
	json_t *request = client_request(view->name), *answer;
	char err[512];
	int status = EXIT_OK;

	if (o->limit > 0)
		json_object_set_new(request, "limit", json_integer(o->limit));
	answer = client_ask(view->dataplane ? "postern-dp" : "posternd", path, request,
			    o->timeout_ms > 0 ? o->timeout_ms : CLIENT_TIMEOUT_MS, err, sizeof(err));
	json_decref(request);
	if (answer == NULL) {
		fprintf(stderr, "postern: %s\n", err);
		return EXIT_FAILED;
	}
	if (!json_is_true(json_object_get(answer, "ok")))
		status = cmd_print_error(answer);
	else if (o->json)
		cmd_print_json(answer);
	else
		view->print(stdout, answer);
	json_decref(answer);
	return status;
}

static int
show(const struct view_of_box *view, const char *path, const struct cmd_options *o)
{
	struct timespec pause = { .tv_sec = o->watch_ms / 1000, .tv_nsec = (long)(o->watch_ms % 1000) * 1000000 };
	int status = show_once(view, path, o);

	while (status == EXIT_OK && o->watch_ms > 0) {
		nanosleep(&pause, NULL);
		if (!o->json)
			fputs("\033[H\033[2J", stdout);
		status = show_once(view, path, o);
		fflush(stdout);
	}
	return status;
}

int
cmd_show(int argc, char **argv)
{
	const struct view_of_box *view = NULL;
	struct cmd_options o;
	int status = cmd_options(argc, argv, "cstjlw", usage, &o);
	struct settings *s;

	if (status >= 0)
		return status;
	if (o.first + 1 == argc)
		view = find(argv[o.first]);
	if (view == NULL) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	s = settings_load(o.config);
	if (s == NULL)
		return EXIT_FAILED;
	status = show(view,
		      o.socket != NULL  ? o.socket
		      : view->dataplane ? s->dataplane.socket
					: s->control.socket,
		      &o);
	settings_free(s);
	return status;
}
