/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol.h"
#include "settings/settings_schema.h"

/* What settings_check() let pass and libcyaml still refuses (anchors it cannot resolve, memory) is rare: as it says it.
 */
static void
log_cyaml(cyaml_log_t level, void *path, const char *format, va_list args)
{
	fprintf(stderr, "%s: ", (const char *)path);
	vfprintf(stderr, format, args);
}

static const cyaml_config_t quiet = { .mem_fn = cyaml_mem };

static struct settings_loaded *
load_file(const char *path)
{
	cyaml_config_t config = { .mem_fn = cyaml_mem, .log_fn = log_cyaml, .log_level = CYAML_LOG_ERROR };
	struct settings_loaded *loaded = NULL;
	char name[4096];

	if (!settings_check(path))
		return NULL;
	snprintf(name, sizeof(name), "%s", path);
	config.log_ctx = name;
	if (cyaml_load_file(path, &config, &settings_schema, (cyaml_data_t **)&loaded, NULL) != CYAML_OK)
		return NULL;
	/* An empty file is good settings, too. */
	return loaded != NULL ? loaded : calloc(1, sizeof(*loaded));
}

static bool
default_text(char **text, const char *value)
{
	if (*text == NULL)
		*text = strdup(value);
	return *text != NULL;
}

static void
default_number(unsigned *number, unsigned value)
{
	if (*number == 0)
		*number = value;
}

static bool
default_operator(struct settings *s)
{
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		strcpy(host, "postern");
	return default_text(&s->operator_name, host);
}

static bool
default_mail_ports(struct settings *s)
{
	if (s->dataplane.mail_ports_count > 0)
		return true;
	free(s->dataplane.mail_ports);
	s->dataplane.mail_ports = calloc(2, sizeof(*s->dataplane.mail_ports));
	if (s->dataplane.mail_ports == NULL)
		return false;
	s->dataplane.mail_ports[0] = 25;
	s->dataplane.mail_ports[1] = 587;
	s->dataplane.mail_ports_count = 2;
	return true;
}

static void
default_numbers(struct settings_loaded *l)
{
	struct settings *s = &l->settings;

	default_number(&s->dataplane.workers, 1);
	default_number(&s->dataplane.memory_mb, 512);
	default_number(&s->dataplane.flows, 262144);
	default_number(&s->dataplane.held_packets, 4096);
	default_number(&s->dataplane.held_packets_per_flow, 256);
	default_number(&s->dataplane.hold_ms, 3000);
	default_number(&s->dataplane.refusals_per_session, 8);
	default_number(&s->control.cache_entries, 16);
	default_number(&s->control.compile_seconds, 600);
	default_number(&s->control.compile_memory_mb, 8192);
	default_number(&s->events.ring, 4096);
	default_number(&s->steering.heartbeat_ms, 200);
	s->steering.drain_ms = l->drain_ms != NULL ? *l->drain_ms : 1000;
	default_number(&s->quarantine.sessions, 1024);
	default_number(&s->quarantine.setup_ms, 10000);
	default_number(&s->quarantine.answer_s, 300);
	default_number(&s->quarantine.session_s, 3600);
	default_number(&s->quarantine.check_s, 10);
	s->dataplane.idle_sleep_us = l->idle_sleep_us != NULL ? *l->idle_sleep_us : 100;
	s->dataplane.huge_pages = l->huge_pages == NULL || *l->huge_pages;
	s->dataplane.huge_pages_required = l->huge_pages != NULL && *l->huge_pages;
	s->control.watch = l->watch == NULL || *l->watch;
}

static bool
default_texts(struct settings *s)
{
	return default_operator(s) && default_mail_ports(s) && default_text(&s->rules, "/etc/postern/rules.conf") &&
	       default_text(&s->dataplane.cores, "") && default_text(&s->dataplane.when_blind, "pass") &&
	       default_text(&s->dataplane.user, "") && default_text(&s->quarantine.fallback, "reject") &&
	       default_text(&s->quarantine.interface, "") && default_text(&s->dataplane.socket, PROTOCOL_DP_SOCKET) &&
	       default_text(&s->control.socket, PROTOCOL_CONTROL_SOCKET) &&
	       default_text(&s->control.cache, "/var/cache/postern") &&
	       default_text(&s->events.path, "/var/log/postern/events.json") &&
	       default_text(&s->events.key_file, "/var/lib/postern/event.key") &&
	       default_text(&s->steering.directory, "/sys/fs/bpf/postern");
}

void
device_interface(const char *device, const char *driver, char name[16])
{
	static const char key[] = "iface=";
	const char *argument = strchr(device, ',');

	name[0] = '\0';
	if (strncmp(device, driver, strlen(driver)) != 0)
		return;
	for (; argument != NULL; argument = strchr(argument, ',')) {
		argument++;
		if (strncmp(argument, key, strlen(key)) != 0)
			continue;
		argument += strlen(key);
		snprintf(name, 16, "%.*s", (int)strcspn(argument, ","), argument);
		return;
	}
}

/* What is wrong with the quarantines' own interface; NULL: nothing. */
static const char *
interface_fault(const struct settings *s)
{
	const char *name = s->quarantine.interface;

	if (strlen(name) >= 16 || strpbrk(name, ",/ ") != NULL)
		return "the name of a network interface is wanted, such as eth3";
	if (!s->steering.enabled)
		return "an interface of the quarantines' own takes steering: enabled: true";
	if (s->dataplane.pairs_count > 7)
		return "at most 7 pairs leave room for an interface of the quarantines' own";
	for (unsigned i = 0; i < 2 * s->dataplane.pairs_count; i++) {
		const struct settings_pair *pair = &s->dataplane.pairs[i / 2];
		char port[16];

		device_interface(i % 2 == 0 ? pair->inside : pair->outside, "net_af_xdp", port);
		if (port[0] == '\0')
			return "takes pairs of net_af_xdp; with other ports leave it out: quarantines are reached by "
			       "the port and the next hop of the server";
		if (strcmp(port, name) == 0)
			return "is a port of a pair; an interface of its own, with an address, is wanted";
	}
	return NULL;
}

static bool
check_interface(const char *path, const struct settings *s)
{
	const char *fault = s->quarantine.interface[0] != '\0' ? interface_fault(s) : NULL;

	if (fault != NULL)
		fprintf(stderr, "%s: quarantine: interface: \"%s\": %s\n", path, s->quarantine.interface, fault);
	return fault == NULL;
}

struct settings *
settings_load(const char *path)
{
	struct settings_loaded *loaded;

	if (path == NULL && access(SETTINGS_DEFAULT_PATH, F_OK) == 0)
		path = SETTINGS_DEFAULT_PATH;
	loaded = path != NULL ? load_file(path) : calloc(1, sizeof(*loaded));
	if (loaded == NULL)
		return NULL;
	default_numbers(loaded);
	if (!default_texts(&loaded->settings)) {
		fprintf(stderr, "settings: out of memory\n");
		settings_free(&loaded->settings);
		return NULL;
	}
	if (!check_interface(path, &loaded->settings)) {
		settings_free(&loaded->settings);
		return NULL;
	}
	return &loaded->settings;
}

void
settings_free(struct settings *s)
{
	if (s != NULL)
		cyaml_free(&quiet, &settings_schema, s, 0);
}
