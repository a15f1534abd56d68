/* SPDX-License-Identifier: BSD-3-Clause */
/* postern show: what a running box does, from the daemon or the kernel that knows. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "socket/client.h"
#include "command/cmd_options.h"
#include "command/commands.h"
#include "command/hits.h"
#include "command/show.h"
#include "steer/steer_json.h"
#include "steer/steer_setup.h"

static const char usage[] =
	"usage: postern show stats|flows|rules|events|steer|quarantine [--config FILE] [--socket "
	"PATH] [--timeout S] [--limit N]\n"
	"                    [--watch S] [--json]\n"
	"       postern show rules --hits [--events FILE] [--config FILE] [--limit N] [--watch S] [--json]\n"
	"  stats   counters, ports and buffers of the dataplane\n"
	"  flows   mail connections it follows\n"
	"  events  the last verdicts, oldest first\n"
	"  steer   what the program in the kernel does with frames, also when no dataplane runs\n"
	"  quarantine  where redirected mail goes, whether that is well, and what was not redirected\n"
	"  rules   the rules compiled last, and what is wrong with the files since\n"
	"  --hits     from the event file: how often each rule and class was hit, and how many\n"
	"             different addresses that concerned, of recipients, or of senders where the\n"
	"             rule is about these; of a large file its last 256 MB\n"
	"  --events FILE  that file instead of the one in the settings; - is standard input\n"
	"  --limit N  at most N flows, events or rules\n"
	"  --watch S  again every S seconds, until interrupted\n";

static const struct view_of_box {
	const char *name;
	enum { ASK_DATAPLANE, ASK_DAEMON, ASK_KERNEL, READ_EVENTS } whom;
	void (*print)(FILE *out, const json_t *answer);
} views[] = {
	{ "stats", ASK_DATAPLANE, show_stats },   { "flows", ASK_DATAPLANE, show_flows },
	{ "events", ASK_DATAPLANE, show_events }, { "rules", ASK_DAEMON, show_rules },
	{ "steer", ASK_KERNEL, show_steer },      { "quarantine", ASK_DAEMON, show_quarantine },
}, hits_view = { "rules", READ_EVENTS, show_hits };

static const struct view_of_box *
find(const char *name)
{
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		if (strcmp(views[i].name, name) == 0)
			return &views[i];
	return NULL;
}

static json_t *
ask_daemon(const struct view_of_box *view, const struct settings *s, const struct cmd_options *o, char *err,
	   size_t errlen)
{
	bool dataplane = view->whom == ASK_DATAPLANE;
	const char *path = dataplane ? s->dataplane.socket : s->control.socket;
	json_t *request = client_request(view->name), *answer;

	if (o->limit > 0)
		json_object_set_new(request, "limit", json_integer(o->limit));
	answer = client_ask(dataplane ? "postern-dp" : "posternd", o->socket != NULL ? o->socket : path, request,
			    o->timeout_ms > 0 ? o->timeout_ms : CLIENT_TIMEOUT_MS, err, errlen);
	json_decref(request);
	return answer;
}

static json_t *
ask_kernel(const struct settings *s, char *err, size_t errlen)
{
	struct steer *maps = steer_open(s->steering.directory, err, errlen);
	struct steer_setup setup;
	json_t *answer;

	if (maps == NULL)
		return NULL;
	steer_setup(s, &setup);
	answer = steer_json(maps, &setup);
	steer_close(maps);
	if (answer == NULL) {
		snprintf(err, errlen, "the maps of the steering program cannot be read");
		return NULL;
	}
	steer_json_modes(answer, setup.dir);
	json_object_set_new(answer, "ok", json_true());
	return answer;
}

static json_t *
read_events(const struct settings *s, const struct cmd_options *o, char *err, size_t errlen)
{
	const char *path = o->events != NULL ? o->events : s->events.path;
	struct hits hits = { .by = HITS_BY_CLASS };
	json_t *answer = NULL;

	if (path[0] == '\0')
		snprintf(err, errlen, "no event file is written (events.path); expected --events FILE");
	else if (!hits_read(&hits, path, true))
		snprintf(err, errlen, "%s: %s", path, strerror(errno));
	else {
		hits_sort(&hits);
		answer = hits_json(&hits, o->limit > 0 ? o->limit : SIZE_MAX);
	}
	hits_free(&hits);
	return answer;
}

static json_t *
answer_of(const struct view_of_box *view, const struct settings *s, const struct cmd_options *o, char *err,
	  size_t errlen)
{
	switch (view->whom) {
	case ASK_KERNEL:
		return ask_kernel(s, err, errlen);
	case READ_EVENTS:
		return read_events(s, o, err, errlen);
	case ASK_DATAPLANE:
	case ASK_DAEMON:
		break;
	}
	return ask_daemon(view, s, o, err, errlen);
}

static int
show_once(const struct view_of_box *view, const struct settings *s, const struct cmd_options *o)
{
	json_t *answer;
	char err[512];
	int status = EXIT_OK;

	answer = answer_of(view, s, o, err, sizeof(err));
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
show(const struct view_of_box *view, const struct settings *s, const struct cmd_options *o)
{
	struct timespec pause = { .tv_sec = o->watch_ms / 1000, .tv_nsec = (long)(o->watch_ms % 1000) * 1000000 };
	int status = show_once(view, s, o);

	while (status == EXIT_OK && o->watch_ms > 0) {
		nanosleep(&pause, NULL);
		if (!o->json)
			fputs("\033[H\033[2J", stdout);
		status = show_once(view, s, o);
		fflush(stdout);
	}
	return status;
}

int
cmd_show(int argc, char **argv)
{
	const struct view_of_box *view = NULL;
	struct cmd_options o;
	int status = cmd_options(argc, argv, "cstjlwHe", usage, &o);
	struct settings *s;

	if (status >= 0)
		return status;
	if (o.first + 1 == argc)
		view = find(argv[o.first]);
	if (o.hits && view != NULL)
		view = view->print == show_rules ? &hits_view : NULL;
	s = cmd_settings(&o, view != NULL && (o.events == NULL || o.hits), usage, &status);
	if (s == NULL)
		return status;
	status = show(view, s, &o);
	settings_free(s);
	return status;
}
