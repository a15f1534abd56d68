/* SPDX-License-Identifier: BSD-3-Clause */
/* postern apply: what is read, as the settings have it now, to whoever runs. */
#include <stdlib.h>
#include <string.h>

#include "command/cmd_options.h"
#include "command/commands.h"
#include "settings/prefix.h"
#include "socket/client.h"
#include "steer/steer_setup.h"

static const char usage[] =
	"usage: postern apply [--config FILE]\n"
	"The running dataplane takes over mail_ports and exempt as the settings have them now, for sessions that\n"
	"begin from then on, and with steering the program in the kernel does, which takes over fail and\n"
	"heartbeat_ms as well. No packet is lost. All other settings are read at a start.\n";

static json_t *
scope_request(const struct settings *s)
{
	json_t *request = client_request("scope"), *ports = json_array(), *exempt = json_array();

	for (unsigned i = 0; i < s->dataplane.mail_ports_count; i++)
		json_array_append_new(ports, json_integer(s->dataplane.mail_ports[i]));
	for (unsigned i = 0; i < s->dataplane.exempt_count; i++)
		json_array_append_new(exempt, json_string(s->dataplane.exempt[i]));
	json_object_set_new(request, "mail_ports", ports);
	json_object_set_new(request, "exempt", exempt);
	return request;
}

static int
failed(const char *err)
{
	fprintf(stderr, "postern: %s\n", err);
	return EXIT_FAILED;
}

/* The dataplane first: what the kernel brings to it, it is to read. */
static int
apply_dataplane(const struct settings *s)
{
	json_t *request = scope_request(s), *answer;
	int status = EXIT_OK;
	char err[512];

	answer = client_ask("postern-dp", s->dataplane.socket, request, CLIENT_TIMEOUT_MS, err, sizeof(err));
	json_decref(request);
	if (answer == NULL)
		return failed(err);
	if (!json_is_true(json_object_get(answer, "ok")))
		status = cmd_print_error(answer);
	json_decref(answer);
	return status;
}

static int
apply_kernel(const struct settings *s, bool dataplane)
{
	struct steer_setup setup;
	char err[512];

	if (!s->steering.enabled)
		return EXIT_OK;
	steer_setup(s, &setup);
	setup.keep_ports = dataplane;
	return steer_attach(&setup, NULL, err, sizeof(err)) ? EXIT_OK : failed(err);
}

int
cmd_apply(int argc, char **argv)
{
	struct cmd_options o;
	int status = cmd_options(argc, argv, "c", usage, &o), kernel;
	struct settings *s;

	if (status >= 0)
		return status;
	s = cmd_settings(&o, o.first == argc, usage, &status);
	if (s == NULL)
		return status;
	status = apply_dataplane(s);
	kernel = apply_kernel(s, status == EXIT_OK);
	settings_free(s);
	return status != EXIT_OK ? status : kernel;
}
