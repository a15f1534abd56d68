/* SPDX-License-Identifier: BSD-3-Clause */
#include "command/show.h"

#include <string.h>

#include "base/counters.h"
#include "command/table.h"

#define COLUMNS(a) (a), sizeof(a) / sizeof((a)[0])

static json_int_t
number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static void
show_uptime(FILE *out, json_int_t s)
{
	if (s >= 86400)
		fprintf(out, "%lld d %lld h", (long long)(s / 86400), (long long)(s / 3600 % 24));
	else if (s >= 3600)
		fprintf(out, "%lld h %lld min", (long long)(s / 3600), (long long)(s / 60 % 60));
	else
		fprintf(out, "%lld min %lld s", (long long)(s / 60), (long long)(s % 60));
}

/* The counters of one group, in the order of counters.def. */
static void
show_group(FILE *out, const char *group, const json_t *total)
{
	fprintf(out, "\n%s\n", group);
	for (unsigned i = 0; i < CTR_COUNT; i++) {
		char text[32];

		if (strcmp(counter_info[i].group, group) != 0)
			continue;
		table_number((uint64_t)number(total, counter_info[i].name), text);
		fprintf(out, "%20s  %-20s %s\n", text, counter_info[i].name, counter_info[i].text);
	}
}

static void
show_ports(FILE *out, const json_t *ports)
{
	static const struct table_column columns[] = {
		{ "PAIR", "pair", true },
		{ "SIDE", "side", false },
		{ "DEVICE", "device", false },
		{ "LINK", "link_up", false },
		{ "MAIL BY", "mail_by", false },
		{ "RX", "rx_packets", true },
		{ "TX", "tx_packets", true },
		{ "RX OCTETS", "rx_octets", true },
		{ "TX OCTETS", "tx_octets", true },
		{ "MISSED", "rx_missed", true },
		{ "NO BUFFER", "rx_no_buffer", true },
		{ "RX ERRORS", "rx_errors", true },
		{ "TX ERRORS", "tx_errors", true },
	};

	if (json_array_size(ports) == 0)
		return;
	fputs("\nports\n", out);
	table_print(out, COLUMNS(columns), ports);
}

void
show_stats(FILE *out, const json_t *answer)
{
	const json_t *file = json_object_get(answer, "event_file"), *packets = json_object_get(answer, "packets");
	const char *before = "";

	fprintf(out, "generation %lld, up ", (long long)number(answer, "generation"));
	show_uptime(out, number(answer, "uptime_s"));
	fprintf(out, ", %zu workers\n", json_array_size(json_object_get(answer, "workers")));
	for (unsigned i = 0; i < CTR_COUNT; i++) {
		if (strcmp(counter_info[i].group, before) != 0)
			show_group(out, before = counter_info[i].group, json_object_get(answer, "total"));
	}
	show_ports(out, json_object_get(answer, "ports"));
	if (packets != NULL)
		fprintf(out, "\npacket buffers: %lld of %lld free\n", (long long)number(packets, "free"),
			(long long)number(packets, "size"));
	if (json_object_get(answer, "steering") != NULL) {
		fputs("\nsteering\n", out);
		show_steer(out, json_object_get(answer, "steering"));
	}
	if (file != NULL)
		fprintf(out, "event file: %lld lines written, %lld lost%s\n", (long long)number(file, "written"),
			(long long)number(file, "lost"),
			json_is_true(json_object_get(file, "failing")) ? "; writing fails now" : "");
}

void
show_flows(FILE *out, const json_t *answer)
{
	static const struct table_column columns[] = {
		{ "CLIENT", "client", false },    { "SERVER", "server", false },  { "VLAN", "vlan", true },
		{ "INNER", "vlan_inner", true },  { "FATE", "fate", false },      { "BLIND", "blind", false },
		{ "MAILS", "transaction", true }, { "REFUSED", "refused", true }, { "HELD", "held", true },
		{ "EDITED", "edited", false },    { "IDLE S", "idle_s", true },   { "WORKER", "worker", true },
	};
	const json_t *flows = json_object_get(answer, "flows");

	table_print(out, COLUMNS(columns), flows);
	fprintf(out, "%zu flows\n", json_array_size(flows));
}

static size_t
protected_names(const json_t *rules)
{
	size_t i, n = 0;
	json_t *rule;

	json_array_foreach((json_t *)(uintptr_t)rules, i, rule)
	{
		const char *kind = json_string_value(json_object_get(rule, "kind"));
		n += kind != NULL && strcmp(kind, "protect") == 0;
	}
	return n;
}

void
show_rules(FILE *out, const json_t *answer)
{
	static const struct table_column columns[] = {
		{ "ID", "id", false },     { "ACTION", "action", false },   { "FIELD", "field", false },
		{ "KIND", "kind", false }, { "PATTERN", "pattern", false }, { "MEANS", "means", false },
		{ "MODE", "mode", false }, { "GROUP", "group", false },     { "LOOKALIKES", "lookalikes", true },
		{ "AT", "at", false },     { "CLASSES", "classes", false },
	};
	const json_t *rules = json_object_get(answer, "rules");
	const char *error = json_string_value(json_object_get(answer, "last_error"));

	table_print(out, COLUMNS(columns), rules);
	size_t names = protected_names(rules);
	fprintf(out, "generation %lld: %zu of %lld patterns shown, from %lld files and directories\n",
		(long long)number(answer, "generation"), json_array_size(rules) - names,
		(long long)number(answer, "patterns_total"), (long long)number(answer, "files_total"));
	if (names > 0)
		fprintf(out,
			"%zu protected names; slips of their suffixes are matched besides the lookalikes counted\n",
			names);
	if (number(answer, "live") != number(answer, "generation"))
		fprintf(out, "the dataplane judges by generation %lld\n", (long long)number(answer, "live"));
	if (error != NULL)
		fprintf(out, "last error: %s\n", error);
}

void
show_hits(FILE *out, const json_t *answer)
{
	static const struct table_column columns[] = {
		{ "RULE", "rule", false },    { "CLASS", "class", false },
		{ "HITS", "hits", true },     { "RECIPIENTS", "recipients", true },
		{ "MORE", "or_more", false }, { "MEANS", "means", false },
	};
	const json_t *rows = json_object_get(answer, "hits");

	table_print(out, COLUMNS(columns), rows);
	fprintf(out, "%zu of %lld rules with their classes", json_array_size(rows),
		(long long)number(answer, "entries"));
	if (json_is_true(json_object_get(answer, "tail")))
		fputs("; only the end of the event file was read", out);
	if (number(answer, "left_out") > 0)
		fprintf(out, "; %lld events of further ones are not counted", (long long)number(answer, "left_out"));
	fputc('\n', out);
}

/* What the dataplane has to say: how many may move at a time, and what became of recipients, each cause by itself. */
static void
show_redirects(FILE *out, const json_t *dataplane)
{
	const json_t *counters = json_object_get(dataplane, "counters");

	if (dataplane == NULL || json_is_null(dataplane)) {
		fputs("nothing is redirected: the dataplane has not been told yet\n", out);
		return;
	}
	fprintf(out,
		"workers: %" JSON_INTEGER_FORMAT ", each with up to %" JSON_INTEGER_FORMAT
		" sessions there at a time\n",
		json_integer_value(json_object_get(dataplane, "workers")),
		json_integer_value(json_object_get(dataplane, "sessions")));
	for (unsigned c = 0; c < CTR_COUNT; c++) {
		json_int_t value = json_integer_value(json_object_get(counters, counter_info[c].name));
		if (value > 0)
			fprintf(out, "%12" JSON_INTEGER_FORMAT "  %s\n", value, counter_info[c].text);
	}
}

static bool
any_well(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *state = json_string_value(json_object_get(json_array_get(list, i), "state"));
		if (state != NULL && strcmp(state, "well") == 0)
			return true;
	}
	return false;
}

void
show_quarantine(FILE *out, const json_t *answer)
{
	static const struct table_column columns[] = {
		{ "NAME", "name", false },   { "ADDRESS", "address", false }, { "PORT", "port", true },
		{ "STATE", "state", false }, { "FOR S", "for_s", true },      { "CHECKS", "checks", true },
		{ "BY", "by", false },       { "ERROR", "error", false },     { "CAPABILITIES", "capabilities", false },
	};
	const json_t *list = json_object_get(answer, "quarantines");

	table_print(out, COLUMNS(columns), list);
	fprintf(out, "%zu quarantines; where none can take a mail: %s\n", json_array_size(list),
		json_string_value(json_object_get(answer, "fallback")));
	if (json_array_size(list) == 0) {
		fputs("nothing is redirected: the settings have no quarantine\n", out);
		return;
	}
	if (!any_well(list))
		fputs("nothing is redirected: none of them is well\n", out);
	show_redirects(out, json_object_get(answer, "dataplane"));
}

void
show_events(FILE *out, const json_t *answer)
{
	static const struct table_column columns[] = {
		{ "TIME", "time", false },       { "EVENT", "event", false }, { "VERDICT", "verdict", false },
		{ "ADDRESS", "address", false }, { "RULE", "rule", false },   { "CLASS", "class", false },
		{ "MEANS", "means", false },     { "REF", "ref", false },     { "FLOW", "flow", false },
	};
	const json_t *events = json_object_get(answer, "events");

	for (size_t i = 0; i < json_array_size(events); i++) { /* of a server's name there is no address */
		json_t *event = json_array_get(events, i);
		if (json_object_get(event, "address") == NULL)
			json_object_set(event, "address", json_object_get(event, "domain"));
	}
	table_print(out, COLUMNS(columns), events);
	fprintf(out, "%zu events\n", json_array_size(events));
}
