/* SPDX-License-Identifier: BSD-3-Clause */
/* libcyaml tells the line of what came before a mistake; the tree of libyaml has the place of the mistake itself. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "settings/prefix.h"
#include "settings/settings_schema.h"

struct check {
	const char *path;
	yaml_document_t document;
	unsigned mistakes;
};

static void check_value(struct check *c, const char *key, const cyaml_schema_value_t *schema, yaml_node_t *node);

__attribute__((format(printf, 3, 4))) static void
mistake(struct check *c, const yaml_mark_t *at, const char *format, ...)
{
	char sentence[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	fprintf(stderr, "%s:%zu:%zu: %s\n", c->path, at->line + 1, at->column + 1, sentence);
	c->mistakes++;
}

static const char *
scalar(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

static const cyaml_schema_field_t *
field_of(const cyaml_schema_field_t *fields, const char *key)
{
	for (; fields->key != NULL; fields++)
		if (strcmp(fields->key, key) == 0)
			return fields;
	return NULL;
}

static void
unknown_key(struct check *c, const cyaml_schema_field_t *fields, const yaml_node_t *node)
{
	char known[512] = "";
	size_t len = 0;

	for (; fields->key != NULL && len < sizeof(known); fields++)
		len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", len > 0 ? ", " : "", fields->key);
	mistake(c, &node->start_mark, "unknown key \"%s\"; known here: %s", scalar(node), known);
}

/* Any two equal keys: which of them counts would be a guess. */
static bool
seen_before(struct check *c, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
	const char *key = scalar(yaml_document_get_node(&c->document, pair->key));

	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < pair; p++) {
		const yaml_node_t *other = yaml_document_get_node(&c->document, p->key);

		if (other->type == YAML_SCALAR_NODE && strcmp(scalar(other), key) == 0)
			return true;
	}
	return false;
}

static bool
has_key(struct check *c, const yaml_node_t *map, const char *key)
{
	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		const yaml_node_t *node = yaml_document_get_node(&c->document, p->key);

		if (node->type == YAML_SCALAR_NODE && strcmp(scalar(node), key) == 0)
			return true;
	}
	return false;
}

static void
check_mapping(struct check *c, const cyaml_schema_field_t *fields, yaml_node_t *map)
{
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		yaml_node_t *key = yaml_document_get_node(&c->document, p->key);
		const cyaml_schema_field_t *field;

		if (key->type != YAML_SCALAR_NODE) {
			mistake(c, &key->start_mark, "a key is a word");
			continue;
		}
		field = field_of(fields, scalar(key));
		if (field == NULL)
			unknown_key(c, fields, key);
		else if (seen_before(c, map, p))
			mistake(c, &key->start_mark, "\"%s\" stands here twice; once is enough", field->key);
		else
			check_value(c, field->key, &field->value, yaml_document_get_node(&c->document, p->value));
	}
	for (; fields->key != NULL; fields++)
		if ((fields->value.flags & CYAML_FLAG_OPTIONAL) == 0 && !has_key(c, map, fields->key))
			mistake(c, &map->start_mark, "\"%s\" is missing here", fields->key);
}

static void
check_sequence(struct check *c, const char *key, const cyaml_schema_value_t *schema, yaml_node_t *list)
{
	long count = list->data.sequence.items.top - list->data.sequence.items.start;

	if (count > (long)schema->sequence.max)
		mistake(c, &list->start_mark, "%s: %ld entries; at most %u are possible", key, count,
			schema->sequence.max);
	for (yaml_node_item_t *i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++)
		check_value(c, key, schema->sequence.entry, yaml_document_get_node(&c->document, *i));
}

static void
check_number(struct check *c, const char *key, const yaml_node_t *node)
{
	const struct settings_limit *limit = settings_limit_of(key);
	const char *text = scalar(node);
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (isdigit((unsigned char)text[0]) && (text[0] != '0' || text[1] == '\0') && *end == '\0' && errno == 0 &&
	    value >= limit->min && value <= limit->max)
		return;
	mistake(c, &node->start_mark, "%s: \"%s\"; a number from %lu to %lu is wanted", key, text, limit->min,
		limit->max);
}

static void
check_bool(struct check *c, const char *key, const yaml_node_t *node)
{
	if (strcmp(scalar(node), "true") != 0 && strcmp(scalar(node), "false") != 0)
		mistake(c, &node->start_mark, "%s: \"%s\"; true or false is wanted", key, scalar(node));
}

static void
check_prefix(struct check *c, const char *key, const yaml_node_t *node)
{
	struct prefix p;
	const char *wrong = prefix_parse(scalar(node), &p);

	if (wrong != NULL)
		mistake(c, &node->start_mark, "%s: \"%s\"; %s", key, scalar(node), wrong);
}

static void
check_text(struct check *c, const char *key, const cyaml_schema_value_t *schema, const yaml_node_t *node)
{
	const struct settings_limit *limit = settings_limit_of(key);

	if (node->data.scalar.length != strlen(scalar(node)))
		mistake(c, &node->start_mark, "%s: a NUL inside a text", key);
	if (node->data.scalar.length < schema->string.min)
		mistake(c, &node->start_mark, "%s: an empty text; something is wanted here", key);
	if (strcmp(key, "exempt") == 0)
		check_prefix(c, key, node);
	if (limit == NULL)
		return;
	for (const char *const *word = limit->words; *word != NULL; word++)
		if (strcmp(*word, scalar(node)) == 0)
			return;
	mistake(c, &node->start_mark, "%s: \"%s\"; %s or %s is wanted", key, scalar(node), limit->words[0],
		limit->words[1]);
}

static void
check_value(struct check *c, const char *key, const cyaml_schema_value_t *schema, yaml_node_t *node)
{
	static const char *const kind[] = {
		[YAML_NO_NODE] = "nothing",
		[YAML_SCALAR_NODE] = "a single value",
		[YAML_SEQUENCE_NODE] = "a list",
		[YAML_MAPPING_NODE] = "keys with values",
	};
	yaml_node_type_t wanted = schema->type == CYAML_MAPPING    ? YAML_MAPPING_NODE
				  : schema->type == CYAML_SEQUENCE ? YAML_SEQUENCE_NODE
								   : YAML_SCALAR_NODE;

	if (node->type != wanted) {
		mistake(c, &node->start_mark, "%s: %s; %s is wanted", key, kind[node->type],
			wanted == YAML_MAPPING_NODE ? "an indented list of keys" : kind[wanted]);
		return;
	}
	if (schema->type == CYAML_MAPPING)
		check_mapping(c, schema->mapping.fields, node);
	else if (schema->type == CYAML_SEQUENCE)
		check_sequence(c, key, schema, node);
	else if (schema->type == CYAML_UINT)
		check_number(c, key, node);
	else if (schema->type == CYAML_BOOL)
		check_bool(c, key, node);
	else
		check_text(c, key, schema, node);
}

static void
check_document(struct check *c)
{
	yaml_node_t *root = yaml_document_get_root_node(&c->document);

	if (root != NULL)
		check_value(c, "settings", &settings_schema, root);
}

bool
settings_check(const char *path)
{
	struct check c = { .path = path };
	yaml_parser_t parser;
	FILE *file = fopen(path, "re");

	if (file == NULL) {
		fprintf(stderr, "%s: cannot be read: %s\n", path, strerror(errno));
		return false;
	}
	if (!yaml_parser_initialize(&parser)) {
		fclose(file);
		fprintf(stderr, "%s: out of memory\n", path);
		return false;
	}
	yaml_parser_set_input_file(&parser, file);
	if (yaml_parser_load(&parser, &c.document)) {
		check_document(&c);
		yaml_document_delete(&c.document);
	} else {
		mistake(&c, &parser.problem_mark, "no YAML: %s",
			parser.problem != NULL ? parser.problem : "unreadable");
	}
	yaml_parser_delete(&parser);
	fclose(file);
	return c.mistakes == 0;
}
