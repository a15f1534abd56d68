/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "rules/names.h"
#include "rules/parser.h"
#include "rules/reader.h"

/* A statement takes the whole line; a new one needs a line here and a function. */
static const struct {
	const char *word;
	void (*read)(struct reader *r);
} statements[] = {
	{ "rule", statement_rule },       { "allow", statement_allow },   { "include", statement_include },
	{ "protect", statement_protect }, { "exempt", statement_exempt }, { "group", statement_group },
};

struct place
reader_at(const struct reader *r, uint16_t column)
{
	struct place place = r->place;

	place.column = column;
	return place;
}

uint32_t
reader_make_id(struct reader *r, const char *path, uint32_t line)
{
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
	char id[RULE_ID_MAX + 1];
	int len = (int)strlen(base);

	if (line > 0) {
		len = snprintf(id, sizeof(id), "%.48s:%u", base, line);
	} else {
		const char *dot = strrchr(base, '.');
		len = snprintf(id, sizeof(id), "%.*s", dot != NULL && dot > base ? (int)(dot - base) : len, base);
	}
	if (len > RULE_ID_MAX)
		len = RULE_ID_MAX;
	for (int i = 0; i < len; i++)
		if ((uint8_t)id[i] <= ' ' || (uint8_t)id[i] >= 0x7f)
			id[i] = '_';
	return source_intern(r->source, view_of(id, (size_t)len));
}

void
reader_add_pattern(struct reader *r, struct source_pattern *p, struct view text)
{
	static const char *const nouns[KIND_COUNT] = { "domain", "address", "regular expression" };
	char why[NAME_WHY_MAX] = "it is empty";
	uint8_t canonical[ADDRESS_MAX];
	size_t len = text.len;

	if (p->kind == KIND_DOMAIN)
		len = name_domain(text, canonical, why);
	else if (p->kind == KIND_ADDRESS)
		len = name_address(text, canonical, why);
	if (len == 0)
		message_error(r->messages, p->place, "\"%.*s\" is no %s: %s", (int)text.len, text.at, nouns[p->kind],
			      why);
	else
		source_add_pattern(r->source, p, p->kind == KIND_REGEX ? text : view_of(canonical, len));
}

/* FIELD KIND PATTERN from word `first` on. */
struct scope {
	unsigned fields;
	enum pattern_kind kind;
	const struct word *pattern;
};

/* A server says a name, never an address. */
bool
check_banner_kind(struct reader *r, unsigned fields, enum pattern_kind kind, struct place place)
{
	if (fields != FIELD_BANNER || kind != KIND_ADDRESS)
		return true;
	message_error(r->messages, place,
		      "a banner has the name of a server, not an address; expected domain or regex");
	return false;
}

/* A session moves by its recipient: a sender or a server's name alone says nothing of where the mail is going. */
bool
check_redirect(struct reader *r, enum action action, unsigned fields, struct place place)
{
	if (action != ACTION_REDIRECT || fields == FIELD_RCPT || fields == 0)
		return true;
	message_error(r->messages, place, "redirect is for recipients; expected the field rcpt, or the action reject");
	return false;
}

static bool
read_scope(struct reader *r, unsigned first, struct scope *scope)
{
	const struct word *w = &r->line.words[first];

	scope->pattern = &w[2];
	bool good = read_fields(r, w[0].text, w[0].column, &scope->fields);
	good = read_kind(r, w[1].text, w[1].column, &scope->kind) && good;
	return good && check_banner_kind(r, scope->fields, scope->kind, reader_at(r, w[1].column));
}

/* Reports a line that ends before its `wanted` words. */
static bool
has_words(struct reader *r, unsigned wanted, const char *form)
{
	const struct word *last = &r->line.words[r->line.count - 1];

	if (r->line.count >= wanted)
		return true;
	message_error(r->messages, reader_at(r, (uint16_t)(last->column + last->text.len)),
		      "the statement is incomplete; expected %s", form);
	return false;
}

/* A template on an action that answers nothing is a misunderstanding. */
static void
warn_template(struct reader *r, const struct options *o, enum action action)
{
	if ((o->given & OPTION_BIT(OPTION_TEMPLATE)) && action != ACTION_REJECT && action != ACTION_DEFER)
		message_warning(r->messages, reader_at(r, o->column[OPTION_TEMPLATE]),
				"template= has no effect with %s; only reject and defer answer", action_name(action));
}

/* The head of a rule is known even where the rest is wrong, so that ids that come twice are found in the same go. */
static uint32_t
add_rule(struct reader *r, uint32_t id, enum action action, unsigned fields, const struct options *o)
{
	struct source_rule rule = { .id = id,
				    .means = o->means,
				    .template = o->template,
				    .action = (uint8_t)action,
				    .fields = (uint8_t)fields,
				    .mode = (uint8_t)o->mode,
				    .sample = o->sample,
				    .lang = (uint8_t)o->lang,
				    .place = reader_at(r, r->line.words[1].column) };

	return source_add_rule(r->source, &rule);
}

void
statement_rule(struct reader *r)
{
	const struct word *w = r->line.words;
	enum action action = ACTION_FLAG;
	bool short_form = r->line.count > 2 && is_field(w[2].text);
	unsigned first = short_form ? 2 : 3;
	struct options o;
	struct scope scope = { 0 };
	uint32_t id = 0;

	if (!has_words(r, first + 3, "rule ID ACTION FIELD KIND PATTERN [key=value...]"))
		return;
	bool named = read_rule_id(r, &w[1], &id), good = named;
	if (!short_form)
		good = read_action(r, w[2].text, w[2].column, &action) && good;
	good = read_scope(r, first, &scope) && good;
	good = check_redirect(r, action, scope.fields, reader_at(r, w[first].column)) && good;
	good = options_read(r, &r->line, first + 3, OPTIONS_RULE, &o) && good;
	uint32_t rule = named ? add_rule(r, id, action, scope.fields, &o) : 0;
	if (!good)
		return;
	warn_template(r, &o, action);
	struct source_pattern pattern = { .rule = rule,
					  .class_name = o.class_name,
					  .kind = (uint8_t)scope.kind,
					  .action = (uint8_t)action,
					  .confidence = o.confidence,
					  .force = o.force,
					  .place = reader_at(r, scope.pattern->column) };
	reader_add_pattern(r, &pattern, scope.pattern->text);
}

void
statement_allow(struct reader *r)
{
	const struct word *w = r->line.words;
	struct options o;
	struct scope scope;

	if (!has_words(r, 4, "allow FIELD KIND PATTERN [id=NAME]"))
		return;
	bool good = read_scope(r, 1, &scope);
	good = options_read(r, &r->line, 4, OPTIONS_ALLOW, &o) && good;
	if (!good)
		return;
	bool named = o.given & OPTION_BIT(OPTION_ID);
	uint32_t id = named ? o.id : reader_make_id(r, r->source->files[r->place.file], r->place.line);
	struct source_rule rule = { .id = id,
				    .action = ACTION_ALLOW,
				    .fields = (uint8_t)scope.fields,
				    .mode = MODE_ENFORCE,
				    .named_by_us = !named,
				    .place = reader_at(r, w[0].column) };
	struct source_pattern pattern = { .rule = source_add_rule(r->source, &rule),
					  .kind = scope.kind,
					  .action = ACTION_ALLOW,
					  .force = true,
					  .place = reader_at(r, scope.pattern->column) };
	reader_add_pattern(r, &pattern, scope.pattern->text);
}

#define STATEMENTS (sizeof(statements) / sizeof(statements[0]))

/* Writes "rule, allow, ... or group". */
static void
list_statements(char *out, size_t cap)
{
	size_t used = 0;

	for (size_t i = 0; i < STATEMENTS && used < cap; i++) {
		const char *joint = i + 1 == STATEMENTS ? "" : i + 2 == STATEMENTS ? " or " : ", ";
		used += (size_t)snprintf(out + used, cap - used, "%s%s", statements[i].word, joint);
	}
}

static void
read_statement(struct reader *r)
{
	const struct word *w = &r->line.words[0];
	char expected[128];

	for (size_t i = 0; i < STATEMENTS; i++)
		if (view_equal(w->text, view_of(statements[i].word, strlen(statements[i].word)))) {
			statements[i].read(r);
			return;
		}
	list_statements(expected, sizeof(expected));
	message_error(r->messages, reader_at(r, w->column), "\"%.*s\" is no statement; expected %s", (int)w->text.len,
		      w->text.at, expected);
}

bool
next_line(struct view *octets, struct view *line)
{
	if (octets->len == 0)
		return false;
	const uint8_t *end = memchr(octets->at, '\n', octets->len);
	size_t len = end != NULL ? (size_t)(end - octets->at) : octets->len, taken = len + (end != NULL);
	*line = view_of(octets->at, len);
	*octets = view_of(octets->at + taken, octets->len - taken);
	return true;
}

void
read_rules(struct reader *r, struct view octets)
{
	struct place place = { .file = r->place.file };
	struct lex_error err;
	struct view line;

	while (next_line(&octets, &line)) {
		place.line++;
		r->place = place;
		if (!lex_line(line, &r->line, &err))
			message_error(r->messages, reader_at(r, err.column), "%s", err.what);
		else if (r->line.count > 0)
			read_statement(r);
	}
}

void
rules_parse(const char *path, struct ruleset_source *source, struct messages *messages)
{
	struct reader *r = calloc(1, sizeof(*r));
	struct options o;

	if (r == NULL)
		abort();
	r->source = source;
	r->messages = messages;
	r->list_rule = NO_RULE;
	options_default(&o);
	read_file(r, path, &o, (struct place){ 0 });
	for (unsigned i = 0; i < r->group_count; i++)
		free(r->groups[i]);
	free(r);
}
