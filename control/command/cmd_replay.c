/* SPDX-License-Identifier: BSD-3-Clause */
/* postern replay: what the box would have seen, said and done about captured traffic. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build/build.h"
#include "command/commands.h"
#include "replay/replay.h"
#include "ruleset/ruleset.h"
#include "settings/settings.h"

static const char usage[] =
	"usage: postern replay [options] CAPTURE...\n"
	"\n"
	"Runs capture files (pcap, pcapng) through the same pipeline as postern-dp and\n"
	"prints each envelope address with its verdict. Nothing is sent anywhere.\n"
	"\n"
	"  -r, --rules FILE        judge by this rule file (default: the configured one, if it is there)\n"
	"  -c, --config FILE       settings file\n"
	"  -j, --json              one JSON object a line, a summary as the last line\n"
	"  -p, --ports LIST|any    mail ports, comma separated (default 25,587); any: SMTP is known by its dialogue\n"
	"  -k, --ignore-checksums  take wrong TCP checksums as right (captures of a sender with checksum offload)\n"
	"      --clear             print addresses in clear (default: keyed hash of the local part)\n"
	"  -w, --write OUT.pcap    write what would have left the box\n"
	"  -h, --help              this text\n"
	"\n"
	"Exit status: 0 all captures were read; 1 a capture, rule file or output failed; 2 wrong usage.\n";

struct replay_command {
	struct replay_options options;
	const char *rules;
	const char *config;
	bool json;
	bool clear;
	uint16_t ports[32];
	struct event_key key;
	uint64_t addresses, flagged;
};

static bool
parse_ports(struct replay_command *c, const char *list)
{
	char *end;

	c->options.port_count = 0;
	if (strcmp(list, "any") == 0)
		return true;
	for (;; list = end + 1) {
		errno = 0;
		unsigned long port = strtoul(list, &end, 10);
		if (end == list || errno != 0 || port == 0 || port > 65535 ||
		    c->options.port_count == sizeof c->ports / sizeof c->ports[0] || (*end != ',' && *end != '\0')) {
			fprintf(stderr, "postern replay: --ports takes up to 32 port numbers (1-65535) separated by "
					"commas, or `any`\n");
			return false;
		}
		c->ports[c->options.port_count++] = (uint16_t)port;
		if (*end == '\0')
			return true;
	}
}

/* 0: go on; otherwise exit status + 1. */
static int
parse_options(struct replay_command *c, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "rules", required_argument, NULL, 'r' },
		{ "config", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "ports", required_argument, NULL, 'p' },
		{ "clear", no_argument, NULL, 'C' },
		{ "ignore-checksums", no_argument, NULL, 'k' },
		{ "write", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "r:c:jp:kw:h", longs, NULL)) != -1) {
		switch (opt) {
		case 'r':
			c->rules = optarg;
			break;
		case 'c':
			c->config = optarg;
			break;
		case 'j':
			c->json = true;
			break;
		case 'p':
			if (!parse_ports(c, optarg))
				return 3;
			break;
		case 'C':
			c->clear = true;
			break;
		case 'k':
			c->options.ignore_checksums = true;
			break;
		case 'w':
			c->options.write = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		default:
			fputs(usage, stderr);
			return 3;
		}
	}
	if (optind == argc) {
		fputs(usage, stderr);
		return 3;
	}
	return 0;
}

static void
print_event(void *ctx, const char *capture, const struct event *e)
{
	struct replay_command *c = ctx;
	char line[4096];

	c->addresses += e->kind != EVENT_BANNER;
	c->flagged += e->action != ACTION_PASS && e->action != ACTION_ALLOW;
	if (event_json(e, &c->key, c->clear, capture, line, sizeof line) == 0)
		return;
	if (c->json) {
		puts(line);
		return;
	}
	json_t *o = json_loads(line, 0, NULL);
	const char *rule = json_string_value(json_object_get(o, "rule"));
	const char *means = json_string_value(json_object_get(o, "means"));
	const char *subject = e->kind == EVENT_BANNER ? "domain" : "address";
	printf("%-8s %-4s %s%s%s%s%s\n", json_string_value(json_object_get(o, "verdict")),
	       json_string_value(json_object_get(o, "event")), json_string_value(json_object_get(o, subject)),
	       rule != NULL ? "  rule " : "", rule != NULL ? rule : "", means != NULL ? "  means " : "",
	       means != NULL ? means : "");
	json_decref(o);
}

static void
print_summary(const struct replay_command *c, const struct replay_totals *t, int captures)
{
	const uint64_t *v = t->counters.value;
	json_t *blind = json_object();

	for (int i = 0; i < CTR_COUNT; i++) {
		if (strcmp(counter_info[i].group, "cause") == 0 && v[i] > 0)
			json_object_set_new(blind, counter_info[i].name, json_integer((json_int_t)v[i]));
	}
	if (c->json) {
		json_t *o = json_pack("{s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:O, s:I, s:f}", "event", "summary",
				      "captures", captures, "packets", (json_int_t)v[CTR_rx_packets], "bytes",
				      (json_int_t)v[CTR_rx_octets], "flows", (json_int_t)v[CTR_flows_created],
				      "addresses", (json_int_t)c->addresses, "flagged", (json_int_t)c->flagged, "tls",
				      (json_int_t)v[CTR_sessions_tls], "blind", blind, "changed_unjudged",
				      (json_int_t)v[CTR_changed_unjudged], "seconds", t->seconds);
		json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
		putchar('\n');
		json_decref(o);
	} else {
		char *causes = json_dumps(blind, 0);
		printf("%d captures, %llu packets, %llu octets, %llu flows (%llu TLS), %llu addresses, %llu flagged, "
		       "not inspected: %s, %.3f s\n",
		       captures, (unsigned long long)v[CTR_rx_packets], (unsigned long long)v[CTR_rx_octets],
		       (unsigned long long)v[CTR_flows_created], (unsigned long long)v[CTR_sessions_tls],
		       (unsigned long long)c->addresses, (unsigned long long)c->flagged, causes, t->seconds);
		free(causes);
	}
	json_decref(blind);
}

/* The rule set to judge by. False: it was asked for and is wrong. */
static bool
load_rules(struct replay_command *c, const struct settings *s, struct ruleset **rules)
{
	const struct build_options options = { .operator_name = s->operator_name, .generation = 1, .jobs = 1 };
	const char *path = c->rules != NULL ? c->rules : s->rules;
	struct build_result built;
	char err[256];

	*rules = NULL;
	if (c->rules == NULL && access(path, R_OK) != 0) {
		fprintf(stderr, "postern replay: %s is not there and no --rules was given: nothing is flagged\n", path);
		return true;
	}
	if (!build_rules(path, &options, stderr, &built))
		return false;
	*rules = ruleset_load(view_of(built.blob, built.blob_len), 1, err, sizeof err);
	build_result_free(&built);
	if (*rules == NULL)
		fprintf(stderr, "postern replay: %s: %s\n", path, err);
	return *rules != NULL;
}

static int
run(struct replay_command *c, int captures, char **paths)
{
	struct replay_totals totals;
	struct replay *r;
	bool ok = true;

	c->options.event = print_event;
	c->options.ctx = c;
	r = replay_new(&c->options);
	if (r == NULL)
		return 1;
	for (int i = 0; i < captures; i++)
		ok &= replay_file(r, paths[i]);
	ok &= replay_done(r, &totals);
	print_summary(c, &totals, captures);
	return ok && fflush(stdout) == 0 ? 0 : 1;
}

int
cmd_replay(int argc, char **argv)
{
	struct replay_command c = { .ports = { 25, 587 }, .options = { .port_count = 2 } };
	struct ruleset *rules = NULL;
	struct settings *settings;
	int status = parse_options(&c, argc, argv);

	if (status != 0)
		return status - 1;
	c.options.ports = c.ports;
	settings = settings_load(c.config);
	if (settings == NULL)
		return 1;
	if (!c.clear && !event_key_load(settings->events.key_file, &c.key))
		randombytes_buf(c.key.octets, sizeof c.key.octets);
	status = 1;
	if (load_rules(&c, settings, &rules)) {
		c.options.rules = rules;
		status = run(&c, argc - optind, argv + optind);
	}
	ruleset_free(rules);
	settings_free(settings);
	return status;
}
