/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * protect NAME|*.SUFFIX|@FILE [action= mode= field= template= lang= layouts= classes= group= id=]
 * exempt  NAME|@FILE
 * group   NAME [action= mode= field= template= lang= layouts= classes=]
 */
#include <stdlib.h>
#include <unistd.h>

#include "lookalike/keyboard.h"
#include "rules/names.h"
#include "rules/reader.h"

const struct group *
reader_group(const struct reader *r, struct view name)
{
	for (unsigned i = 0; i < r->group_count; i++) {
		const char *known = source_string(r->source, r->groups[i]->name);
		if (view_equal(name, view_of(known, strlen(known))))
			return r->groups[i];
	}
	return NULL;
}

static bool
given(const struct options *o, enum option option)
{
	return o->given & OPTION_BIT(option);
}

/* What the line does not say, its group says; what neither says: refuse, but observe first. */
static void
complete(struct options *o)
{
	static const struct options none;
	const struct options *g = o->group != NULL ? &o->group->options : &none;

	if (!given(o, OPTION_ACTION))
		o->action = given(g, OPTION_ACTION) ? g->action : ACTION_REJECT;
	if (!given(o, OPTION_MODE)) {
		o->mode = given(g, OPTION_MODE) ? g->mode : MODE_OBSERVE;
		o->sample = g->sample;
	}
	if (!given(o, OPTION_FIELD))
		o->fields = given(g, OPTION_FIELD) ? g->fields : FIELD_RCPT;
	if (!given(o, OPTION_TEMPLATE))
		o->template = g->template;
	if (!given(o, OPTION_LANG))
		o->lang = g->lang;
	if (!given(o, OPTION_LAYOUTS))
		o->protection.layouts = given(g, OPTION_LAYOUTS) ? g->protection.layouts : LAYOUT_BIT(LAYOUT_QWERTY);
	for (unsigned i = 0; i < SLIP_COUNT && given(g, OPTION_CLASSES); i++)
		if (o->protection.policy[i] == POLICY_GUARD)
			o->protection.policy[i] = g->protection.policy[i];
}

static uint32_t
id_of(struct reader *r, const char *kind, struct view name)
{
	char id[RULE_ID_MAX + 1];
	int len = snprintf(id, sizeof(id), "%s:%.*s", kind, (int)name.len, name.at);

	return source_intern(r->source, view_of(id, len < RULE_ID_MAX ? (size_t)len : RULE_ID_MAX));
}

/* Canonical form of a name in a statement. 0: it is none, which was reported. */
static size_t
canonical_name(struct reader *r, struct view name, struct place place, uint8_t out[DOMAIN_MAX])
{
	char why[NAME_WHY_MAX];
	size_t len = name_domain(name, out, why);

	if (len == 0)
		message_error(r->messages, place, "\"%.*s\" is no domain: %s", (int)name.len, name.at, why);
	return len;
}

/* One name, as a rule of its own. */
static void
protect_name(struct reader *r, const struct options *o, struct view written, struct place place)
{
	uint8_t canonical[DOMAIN_MAX];
	size_t len = canonical_name(r, written, place, canonical);
	struct view name = view_of(canonical, len);

	if (len == 0)
		return;
	if (memchr(canonical, '.', len) == NULL) {
		message_error(r->messages, place,
			      "\"%.*s\" is a top-level domain; expected a domain below it, or *.%.*s", (int)len,
			      canonical, (int)len, canonical);
		return;
	}
	struct source_rule rule = { .id = given(o, OPTION_ID) ? o->id : id_of(r, "protect", name),
				    .means = source_intern(r->source, name),
				    .template = o->template,
				    .action = (uint8_t)o->action,
				    .fields = (uint8_t)o->fields,
				    .mode = (uint8_t)o->mode,
				    .sample = o->sample,
				    .lang = (uint8_t)o->lang,
				    .named_by_us = o->owner != 0,
				    .place = place };
	uint32_t index = source_add_rule(r->source, &rule);
	source_add_protect(r->source, name, index, &o->protection, o->group != NULL ? o->group->name : 0, place);
}

static void
exempt_name(struct reader *r, const struct options *o, struct view written, struct place place)
{
	uint8_t canonical[DOMAIN_MAX];
	size_t len = canonical_name(r, written, place, canonical);

	if (len > 0)
		source_add_exempt(r->source, view_of(canonical, len), o->owner, place);
}

static uint32_t
exempt_rule(struct reader *r, uint32_t id)
{
	struct source_rule rule = { .id = id,
				    .action = ACTION_ALLOW,
				    .fields = FIELDS_ALL,
				    .mode = MODE_ENFORCE,
				    .named_by_us = true,
				    .place = r->place };

	return source_add_rule(r->source, &rule);
}

/* A list that comes with Postern was read: its names are exempt, in its own name. */
static void
exempt_list(struct reader *r, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
	struct options o;

	options_default(&o);
	o.format = FORMAT_LIST;
	o.take = exempt_name;
	o.owner = exempt_rule(r, id_of(r, "exempt", view_of(base, strcspn(base, "."))));
	reader_include(r, path, &o, r->place);
}

static void
read_shipped(struct reader *r)
{
	static const char *const lists[] = { "exempt/mail-providers.list", "exempt/own-names.list" };

	if (r->shipped_read)
		return;
	r->shipped_read = true;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		char *path = reader_shipped(lists[i]);
		exempt_list(r, path);
		free(path);
	}
}

/* The names of a file, one a line. */
static void
take_list(struct reader *r, const char *path, struct options *o, struct place place)
{
	o->format = FORMAT_LIST;
	o->given &= ~OPTION_BIT(OPTION_ID);
	reader_include(r, path, o, place);
}

/* *.SUFFIX: the second levels that are known, by a list that comes with Postern. */
static void
protect_wildcard(struct reader *r, struct options *o, struct view suffix, struct place place)
{
	char name[64];

	snprintf(name, sizeof(name), "second-level/%.*s.list", (int)(suffix.len < 32 ? suffix.len : 32), suffix.at);
	char *path = reader_shipped(name);
	if (suffix.len == 0 || suffix.len > 32 || memchr(suffix.at, '/', suffix.len) != NULL || access(path, R_OK) != 0)
		message_error(r->messages, place,
			      "the names below \"%.*s\" are not known; expected *.mil, or @FILE with the names in it",
			      (int)suffix.len, suffix.at);
	else {
		o->owner = 1;
		take_list(r, path, o, place);
	}
	free(path);
}

/* The first word behind the statement. NULL, with a report, where there is none. */
static const struct word *
subject_word(struct reader *r, const char *form)
{
	const struct word *w = r->line.words;

	if (r->line.count > 1 && w[1].text.len > 0)
		return &w[1];
	message_error(r->messages, reader_at(r, (uint16_t)(w[0].column + w[0].text.len)),
		      "the statement is incomplete; expected %s", form);
	return NULL;
}

void
statement_protect(struct reader *r)
{
	const struct word *w = subject_word(r, "protect NAME [key=value...]");
	struct options o;

	if (w == NULL || !options_read(r, &r->line, 2, OPTIONS_PROTECT, &o))
		return;
	struct view text = w->text;
	struct place place = reader_at(r, w->column);
	complete(&o);
	o.take = protect_name;
	if (!check_redirect(r, o.action, o.fields, place))
		return;
	if (text.at[0] == '@') {
		char *path = reader_resolve(r, view_of(text.at + 1, text.len - 1));
		take_list(r, path, &o, place);
		free(path);
	} else if (text.len > 2 && text.at[0] == '*' && text.at[1] == '.')
		protect_wildcard(r, &o, view_of(text.at + 2, text.len - 2), place);
	else
		protect_name(r, &o, text, place);
	read_shipped(r);
}

void
statement_exempt(struct reader *r)
{
	const struct word *w = subject_word(r, "exempt NAME or exempt @FILE");
	struct options o;

	if (w == NULL || !options_read(r, &r->line, 2, OPTION_BIT(OPTION_ID), &o))
		return;
	struct view text = w->text;
	o.take = exempt_name;
	o.owner = exempt_rule(
		r, given(&o, OPTION_ID) ? o.id : reader_make_id(r, r->source->files[r->place.file], r->place.line));
	if (text.at[0] == '@') {
		char *path = reader_resolve(r, view_of(text.at + 1, text.len - 1));
		take_list(r, path, &o, reader_at(r, w->column));
		free(path);
	} else
		exempt_name(r, &o, text, reader_at(r, w->column));
}

void
statement_group(struct reader *r)
{
	const struct word *w = subject_word(r, "group NAME [key=value...]");
	uint32_t name;
	struct options o;

	if (w == NULL || !read_rule_id(r, w, &name) || !options_read(r, &r->line, 2, OPTIONS_GROUP, &o))
		return;
	if (reader_group(r, w->text) != NULL || r->group_count == GROUPS_MAX) {
		message_error(r->messages, reader_at(r, w->column), "group \"%.*s\" is %s", (int)w->text.len,
			      w->text.at,
			      r->group_count == GROUPS_MAX ? "one too many; expected at most 256"
							   : "defined already; expected another name");
		return;
	}
	struct group *group = calloc(1, sizeof(*group));
	if (group == NULL)
		abort();
	group->name = name;
	group->options = o;
	r->groups[r->group_count++] = group;
}
