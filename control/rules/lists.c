/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bare lists: one domain or address a line, or lines of a hosts file
 * ("0.0.0.0 name name"). # begins a comment anywhere; "*." and a dot in
 * front, CRLF and the names that hosts files have for the host itself are
 * tolerated. All of a list is one rule.
 */
#include <arpa/inet.h>

#include "rules/reader.h"

/* Names of the host itself; nobody means to block them. */
static const char *const local_names[] = {
	"localhost",    "localhost.localdomain", "local",        "broadcasthost",  "ip6-localhost", "ip6-loopback",
	"ip6-localnet", "ip6-mcastprefix",       "ip6-allnodes", "ip6-allrouters", "ip6-allhosts",  "0.0.0.0",
};

static bool
is_local_name(struct view word)
{
	for (size_t i = 0; i < sizeof(local_names) / sizeof(local_names[0]); i++)
		if (view_equal(word, view_of(local_names[i], strlen(local_names[i]))))
			return true;
	return false;
}

static bool
is_ip(struct view word)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t octets[16];

	if (word.len >= sizeof(text))
		return false;
	memcpy(text, word.at, word.len);
	text[word.len] = '\0';
	return inet_pton(AF_INET, text, octets) == 1 || inet_pton(AF_INET6, text, octets) == 1;
}

/* Takes the next word out of `line`; its column goes to *column. Empty at the end of the line. */
static struct view
next_word(struct view line, size_t *at)
{
	while (*at < line.len && (line.at[*at] == ' ' || line.at[*at] == '\t' || line.at[*at] == '\r'))
		(*at)++;
	size_t from = *at;
	while (*at < line.len && line.at[*at] != ' ' && line.at[*at] != '\t' && line.at[*at] != '\r')
		(*at)++;
	return view_of(line.at + from, *at - from);
}

static struct view
without_wildcard(struct view word)
{
	size_t skip = word.len > 2 && word.at[0] == '*' && word.at[1] == '.' ? 2 : word.len > 1 && word.at[0] == '.';

	return view_of(word.at + skip, word.len - skip);
}

static void
add_name(struct reader *r, const struct options *o, struct source_pattern *p, struct view word)
{
	if (o->take != NULL) {
		o->take(r, o, without_wildcard(word), p->place);
		return;
	}
	p->kind = memchr(word.at, '@', word.len) != NULL ? KIND_ADDRESS : KIND_DOMAIN;
	if (check_banner_kind(r, o->fields, (enum pattern_kind)p->kind, p->place))
		reader_add_pattern(r, p, without_wildcard(word));
}

static void
read_entry(struct reader *r, const struct options *o, struct source_pattern *p, struct view line)
{
	const uint8_t *comment = line.len > 0 ? memchr(line.at, '#', line.len) : NULL;
	if (comment != NULL)
		line.len = (size_t)(comment - line.at);
	size_t at = 0;
	struct view word = next_word(line, &at);
	bool hosts = is_ip(word);

	if (hosts)
		word = next_word(line, &at);
	for (unsigned n = 0; word.len > 0; word = next_word(line, &at), n++) {
		p->place = reader_at(r, (uint16_t)(word.at - line.at + 1));
		if (n > 0 && !hosts) {
			message_error(r->messages, p->place, "\"%.*s\" follows a domain; expected one domain a line",
				      (int)word.len, word.at);
			return;
		}
		if (!hosts || !is_local_name(word))
			add_name(r, o, p, word);
	}
}

static uint32_t
rule_of_list(struct reader *r, const struct options *o)
{
	bool named = o->given & OPTION_BIT(OPTION_ID);

	if (named && r->list_rule != NO_RULE)
		return r->list_rule;
	struct source_rule rule = { .id = named ? o->id : reader_make_id(r, r->source->files[r->place.file], 0),
				    .means = o->means,
				    .template = o->template,
				    .action = o->action,
				    .fields = (uint8_t)o->fields,
				    .mode = o->mode,
				    .sample = o->sample,
				    .lang = (uint8_t)o->lang,
				    .place = { .file = r->place.file, .line = 1, .column = 1 } };
	uint32_t index = source_add_rule(r->source, &rule);
	if (named)
		r->list_rule = index;
	return index;
}

void
read_list(struct reader *r, struct view octets, const struct options *o)
{
	struct source_pattern pattern = { .rule = o->take == NULL ? rule_of_list(r, o) : 0,
					  .bulk = true,
					  .class_name = o->class_name,
					  .action = o->action,
					  .confidence = o->confidence,
					  .force = o->force || o->action == ACTION_ALLOW };
	struct place place = { .file = r->place.file };
	size_t before = r->source->pattern_count;
	unsigned errors = r->messages->errors;
	struct view line;

	while (next_line(&octets, &line)) {
		place.line++;
		r->place = place;
		if (line.len > LINE_MAX_OCTETS)
			message_error(r->messages, reader_at(r, 1),
				      "the line is too long; expected at most 8192 octets");
		else
			read_entry(r, o, &pattern, line);
	}
	if (o->take == NULL && r->source->pattern_count == before && r->messages->errors == errors)
		message_warning(r->messages, (struct place){ .file = place.file },
				"the list holds no domain: its rule matches nothing");
}
