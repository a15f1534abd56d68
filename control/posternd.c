/* SPDX-License-Identifier: BSD-3-Clause */
/* The control daemon: one loop that never blocks, with a socket for requests, the rule files and the dataplane. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>
#include <uv.h>

#include "daemon/log.h"
#include "quarantine/quarantine.h"
#include "reload.h"
#include "daemon/rules_answer.h"
#include "daemon/server.h"
#include "settings/settings.h"
#include "daemon/watch.h"

#define RULES_LIMIT 1000 /* of an answer, where the request says nothing */

struct daemon {
	struct settings *settings;
	uv_loop_t loop;
	uv_signal_t hangup, terminate, interrupt;
	struct server server;
	struct watch watch;
	struct reload reload;
	struct quarantines quarantines;
};

/* ---- requests ---- */

static void
request_ping(struct daemon *d, uint64_t client, const json_t *request)
{
	server_answer(&d->server, client,
		      json_pack("{s:b, s:I, s:s, s:b}", "ok", 1, "pid", (json_int_t)getpid(), "version",
				POSTERN_VERSION, "end", 1));
}

static void
request_reload(struct daemon *d, uint64_t client, const json_t *request)
{
	reload_ask(&d->reload, client);
}

static void
emit(void *ctx, uint64_t client, json_t *datagram)
{
	struct daemon *d = ctx;

	server_answer(&d->server, client, datagram);
}

static void
request_rules(struct daemon *d, uint64_t client, const json_t *request)
{
	const json_t *limit = json_object_get(request, "limit");
	json_int_t n = json_is_integer(limit) ? json_integer_value(limit) : RULES_LIMIT;

	rules_answer(&d->reload, n > 0 ? (size_t)n : 0, emit, d, client);
}

static void
request_quarantine(struct daemon *d, uint64_t client, const json_t *request)
{
	server_answer(&d->server, client, quarantines_answer(&d->quarantines));
}

static const struct {
	const char *cmd;
	void (*serve)(struct daemon *d, uint64_t client, const json_t *request);
} requests[] = {
	{ "ping", request_ping },
	{ "reload", request_reload },
	{ "rules", request_rules },
	{ "quarantine", request_quarantine },
};

static void
on_request(void *ctx, uint64_t client, const json_t *request)
{
	const char *cmd = json_string_value(json_object_get(request, "cmd"));
	struct daemon *d = ctx;

	for (size_t i = 0; cmd != NULL && i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (strcmp(cmd, requests[i].cmd) == 0) {
			requests[i].serve(d, client, request);
			return;
		}
	}
	server_refuse(&d->server, client, "unknown \"cmd\"; there are ping, reload, rules and quarantine");
}

/* ---- what the reload tells ---- */

static void
on_answer(void *ctx, uint64_t who, const json_t *answer)
{
	struct daemon *d = ctx;

	server_answer(&d->server, who, json_incref((json_t *)(uintptr_t)answer));
}

static void
on_files(void *ctx, json_t *files)
{
	struct daemon *d = ctx;
	size_t n = json_array_size(files);
	const char **names = calloc(n + 1, sizeof(*names));

	if (!d->settings->control.watch || names == NULL) {
		free(names);
		return;
	}
	for (size_t i = 0; i < n; i++)
		names[i] = json_string_value(json_array_get(files, i));
	watch_files(&d->watch, names, n);
	free(names);
}

/* ---- what starts one ---- */

static void
on_change(void *ctx)
{
	struct daemon *d = ctx;

	reload_notice(&d->reload, false);
}

static void
on_hangup(uv_signal_t *handle, int number)
{
	struct daemon *d = handle->data;

	log_line("SIGHUP: reloading");
	reload_notice(&d->reload, true);
}

static void
on_stop(uv_signal_t *handle, int number)
{
	struct daemon *d = handle->data;

	log_line("%s: ending; the dataplane keeps its rules", strsignal(number));
	server_close(&d->server);
	watch_close(&d->watch);
	reload_close(&d->reload);
	quarantines_close(&d->quarantines);
	uv_close((uv_handle_t *)&d->hangup, NULL);
	uv_close((uv_handle_t *)&d->terminate, NULL);
	uv_close((uv_handle_t *)&d->interrupt, NULL);
}

static void
catch_signal(struct daemon *d, uv_signal_t *handle, uv_signal_cb cb, int number)
{
	uv_signal_init(&d->loop, handle);
	handle->data = d;
	uv_signal_start(handle, cb, number);
}

/* ---- start ---- */

static int
run(struct daemon *d)
{
	const char *rules[] = { d->settings->rules };
	int err;

	uv_loop_init(&d->loop);
	err = server_init(&d->server, &d->loop, d->settings->control.socket, on_request, d);
	if (err < 0) {
		log_line("cannot listen at %s: %s", d->settings->control.socket,
			 err == -EADDRINUSE ? "another posternd runs there" : strerror(-err));
		return 1;
	}
	catch_signal(d, &d->hangup, on_hangup, SIGHUP);
	catch_signal(d, &d->terminate, on_stop, SIGTERM);
	catch_signal(d, &d->interrupt, on_stop, SIGINT);
	watch_init(&d->watch, &d->loop, on_change, d);
	if (d->settings->control.watch)
		watch_files(&d->watch, rules, 1);
	reload_init(&d->reload, &d->loop, d->settings, on_answer, on_files, d);
	quarantines_init(&d->quarantines, &d->loop, d->settings);
	reload_notice(&d->reload, true);
	log_line("version " POSTERN_VERSION ", rules %s, requests at %s", d->settings->rules,
		 d->settings->control.socket);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_loop_close(&d->loop);
	return 0;
}

static void
usage(FILE *out)
{
	fputs("usage: posternd [--config FILE]\n"
	      "Compiles the rules, hands them to postern-dp and keeps them up to date.\n"
	      "  -c, --config FILE  settings; default " SETTINGS_DEFAULT_PATH " where it exists\n"
	      "  -V, --version\n"
	      "  -h, --help\n",
	      out);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct daemon d = { 0 };
	const char *config = NULL;
	int o, status;

	while ((o = getopt_long(argc, argv, "c:Vh", options, NULL)) != -1) {
		if (o == 'c') {
			config = optarg;
		} else if (o == 'V' || o == 'h') {
			o == 'V' ? (void)puts("posternd " POSTERN_VERSION) : usage(stdout);
			return 0;
		} else {
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return 2;
	}
	if (sodium_init() < 0 || (d.settings = settings_load(config)) == NULL)
		return 1;
	status = run(&d);
	settings_free(d.settings);
	return status;
}
