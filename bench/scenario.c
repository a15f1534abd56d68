/* SPDX-License-Identifier: BSD-3-Clause */
#include "scenario.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum kind { TEXT, COUNT, SHARE, RATE, CHOICE };

static const struct key {
	const char *name;
	enum kind kind;
	size_t at;
	const char *choice[2]; /* CHOICE: the words for false and true */
	const char *text;
} keys[] = {
#define AT(field) offsetof(struct scenario, field)
	{ "title", TEXT, AT(title), { 0 }, "one line for the report" },
	{ "flows", COUNT, AT(flows), { 0 }, "sessions at once" },
	{ "mail", COUNT, AT(mail), { 0 }, "octets of message text; 0: envelope only" },
	{ "segments", COUNT, AT(segments), { 0 }, "segments an end sends before the other answers" },
	{ "dialogue", CHOICE, AT(pipelined), { "lockstep", "pipelined" }, "one command a segment, or several" },
	{ "transport", CHOICE, AT(tls), { "clear", "tls" }, "tls: STARTTLS, then opaque octets" },
	{ "timestamps", CHOICE, AT(timestamps), { "no", "yes" }, "TCP timestamps" },
	{ "flagged", SHARE, AT(flagged), { 0 }, "per cent of the sessions that name a recipient of a rule" },
	{ "ipv6", SHARE, AT(ipv6), { 0 }, "per cent of the sessions" },
	{ "qinq", SHARE, AT(qinq), { 0 }, "per cent of the sessions that carry two VLAN tags" },
	{ "reorder", SHARE, AT(reorder), { 0 }, "per cent of the data segments that overtake one" },
	{ "flood", SHARE, AT(flood), { 0 }, "per cent of all packets: SYNs from everywhere" },
	{ "other", SHARE, AT(other), { 0 }, "per cent of all packets: no mail" },
	{ "size", COUNT, AT(size), { 0 }, "octets of a frame that is no mail; 0: IMIX" },
	{ "patterns", COUNT, AT(patterns), { 0 }, "domains in the rule set" },
	{ "capacity", COUNT, AT(capacity), { 0 }, "flows the table holds; 0: enough" },
	{ "payload", CHOICE, AT(dram), { "l3", "dram" }, "where a received packet lies" },
	{ "checksum", CHOICE, AT(software), { "nic", "software" }, "who verifies TCP checksums" },
	{ "mpps", RATE, AT(mpps), { 0 }, "millions of packets in a second of the box's clock" },
	{ "rounds", COUNT, AT(rounds), { 0 }, "how often each lane is measured" },
	{ "batches", COUNT, AT(batches), { 0 }, "batches of 2,048 packets a round" },
	{ "lanes", TEXT, AT(lanes), { 0 }, "letters of --lanes; without: all" },
	{ "limit-cycles", RATE, AT(limit_cycles), { 0 }, "budget: cycles a packet, at most" },
	{ "limit-share", RATE, AT(limit_share), { 0 }, "budget: of the Mpps of headers and flow lookup, at least" },
	{ "limit-of", TEXT, AT(limit_of), { 0 }, "budget: another scenario, beside which ..." },
	{ "limit-ratio", RATE, AT(limit_ratio), { 0 }, "... it takes so many times the cycles, at most" },
#undef AT
};

void
scenario_keys(FILE *out)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		fprintf(out, "  %-12s %s\n", keys[i].name, keys[i].text);
}

static const struct key *
find(const char *name)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

/* NULL, or what would have been accepted. */
static const char *
set(struct scenario *s, const struct key *k, const char *value)
{
	void *at = (char *)s + k->at;
	char *end;

	switch (k->kind) {
	case TEXT:
		snprintf(at, sizeof(s->title), "%s", value);
		return NULL;
	case COUNT:
		*(unsigned *)at = (unsigned)strtoul(value, &end, 10);
		return *end == '\0' && *value >= '0' && *value <= '9' ? NULL : "a whole number";
	case SHARE:
	case RATE:
		*(double *)at = strtod(value, &end);
		if (*end == '\0' && *(double *)at >= 0 && (k->kind == RATE || *(double *)at <= 100))
			return NULL;
		return k->kind == RATE ? "a number above 0" : "a number from 0 to 100";
	case CHOICE:
		*(bool *)at = strcmp(value, k->choice[1]) == 0;
		return *(bool *)at || strcmp(value, k->choice[0]) == 0 ? NULL : k->choice[0];
	}
	return NULL;
}

static void
name_of(const char *path, char *name, size_t size)
{
	const char *slash = strrchr(path, '/');

	snprintf(name, size, "%s", slash != NULL ? slash + 1 : path);
	char *dot = strrchr(name, '.');
	if (dot != NULL && strcmp(dot, ".scenario") == 0)
		*dot = '\0';
}

/* One line; empty ones and comments are fine. */
static bool
take_line(struct scenario *s, const char *path, unsigned number, char *line)
{
	char *name = line + strspn(line, " \t"), *value;

	line[strcspn(line, "#\r\n")] = '\0';
	size_t len = strcspn(name, " \t");
	if (len == 0)
		return true;
	value = name + len + strspn(name + len, " \t");
	name[len] = '\0';
	for (size_t n = strlen(value); n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t');)
		value[--n] = '\0';
	const struct key *k = find(name);
	if (k == NULL) {
		fprintf(stderr, "%s:%u: error: no key \"%s\"; these are known:\n", path, number, name);
		scenario_keys(stderr);
		return false;
	}
	const char *wanted = set(s, k, value);
	if (wanted == NULL)
		return true;
	fprintf(stderr, "%s:%u: error: %s is \"%s\"; expected %s%s%s\n", path, number, name, value, wanted,
		k->kind == CHOICE ? " or " : "", k->kind == CHOICE ? k->choice[1] : "");
	return false;
}

bool
scenario_read(struct scenario *s, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[512];
	bool good = true;

	*s = (struct scenario){
		.flows = 100000,
		.mail = 20000,
		.segments = 2,
		.timestamps = true,
		.patterns = 10000,
		.mpps = 2,
		.rounds = 7,
		.batches = 150,
	};
	if (file == NULL) {
		perror(path);
		return false;
	}
	name_of(path, s->name, sizeof(s->name));
	for (unsigned number = 1; good && fgets(line, sizeof(line), file) != NULL; number++)
		good = take_line(s, path, number, line);
	fclose(file);
	if (good && (s->flows == 0 || s->flows > 1u << 23 || s->segments == 0 || s->rounds == 0 || s->batches == 0 ||
		     s->mpps <= 0 || s->flood + s->other > 99)) {
		fprintf(stderr,
			"%s: error: flows must be 1 to 8388608, segments, rounds, batches and mpps above 0, flood "
			"and other at most 99 together\n",
			path);
		good = false;
	}
	if (s->capacity == 0)
		s->capacity = s->flows > 65536 ? 4 * s->flows : 262144;
	return good;
}
