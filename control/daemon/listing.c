/* SPDX-License-Identifier: BSD-3-Clause */
#include "daemon/listing.h"

#include "build/build.h"
#include "rules/messages.h"
#include "rules/parser.h"
#include "socket/wire.h"

static json_t *
text_of(const struct ruleset_source *s, uint32_t offset)
{
	const char *text = source_string(s, offset);

	return wire_text(text, strlen(text));
}

static const char *
field_name(unsigned fields)
{
	if (fields == FIELD_FROM)
		return "from";
	if (fields == FIELD_BANNER)
		return "banner";
	return fields == FIELD_RCPT ? "rcpt" : "any";
}

static json_t *
mode_text(const struct source_rule *rule)
{
	switch ((enum mode)rule->mode) {
	case MODE_OBSERVE:
		return json_string("observe");
	case MODE_SAMPLE:
		return json_sprintf("sample:%u%%", rule->sample);
	case MODE_ENFORCE:
	case MODE_COUNT:
		break;
	}
	return json_string("enforce");
}

static json_t *
place_of(const struct ruleset_source *s, struct place place)
{
	const char *file = s->files[place.file];
	json_t *name = wire_text(file, strlen(file));
	json_t *at = json_sprintf("%s:%u", json_string_value(name), (unsigned)place.line);

	json_decref(name);
	return at;
}

static json_t *
describe(const struct ruleset_source *s, const struct source_pattern *p)
{
	static const char *const kinds[KIND_COUNT] = { "domain", "address", "regex" };
	const struct source_rule *rule = &s->rules[p->rule];
	struct view text = source_text(s, p);

	return json_pack("{s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "id", text_of(s, rule->id), "action",
			 action_name((enum action)p->action), "field", field_name(rule->fields), "kind", kinds[p->kind],
			 "pattern", wire_text((const char *)text.at, text.len), "means",
			 text_of(s, p->means != 0 ? p->means : rule->means), "mode", mode_text(rule), "at",
			 place_of(s, p->place));
}

/* The policy that most classes were given; POLICY_GUARD: no such. */
static enum policy
common_policy(const struct protection *p)
{
	unsigned count[POLICY_GUARD + 1] = { 0 };

	for (unsigned i = 0; i < SLIP_COUNT; i++)
		count[p->policy[i]]++;
	for (unsigned i = 0; i < POLICY_GUARD; i++)
		if (count[i] > SLIP_COUNT / 2)
			return (enum policy)i;
	return POLICY_GUARD;
}

/* What classes= says, as short as it can be said. */
static json_t *
classes_text(const struct protection *p)
{
	char text[SLIP_COUNT * 48] = "";
	size_t len = 0;
	enum policy common = common_policy(p);

	if (common != POLICY_GUARD)
		len = (size_t)sprintf(text, "all:%s,", policy_name(common));
	for (unsigned i = 0; i < SLIP_COUNT && len < sizeof(text) - 48; i++)
		if (p->policy[i] != common)
			len += (size_t)snprintf(text + len, 48, "%s:%s,", slip_info[i].name,
						policy_name((enum policy)p->policy[i]));
	return json_stringn(text, len > 0 ? len - 1 : 0);
}

static json_t *
describe_protect(const struct ruleset_source *s, const struct source_protect *p, const struct build_result *built)
{
	const struct source_rule *rule = &s->rules[p->rule];
	json_t *o = json_pack("{s:o, s:s, s:s, s:s, s:o, s:s, s:o, s:o}", "id", text_of(s, rule->id), "action",
			      action_name((enum action)rule->action), "field", field_name(rule->fields), "kind",
			      "protect", "pattern", text_of(s, p->means), "means", "", "mode", mode_text(rule), "at",
			      place_of(s, p->place));
	json_t *classes = classes_text(&s->protections[p->protection]);

	if (json_string_length(classes) > 0)
		json_object_set(o, "classes", classes);
	json_decref(classes);
	if (p->group != 0)
		json_object_set_new(o, "group", text_of(s, p->group));
	if (p->rule < built->lookalikes_of_count)
		json_object_set_new(o, "lookalikes", json_integer(built->lookalikes_of[p->rule]));
	return o;
}

json_t *
listing_of(const char *path, const struct build_result *built)
{
	json_t *list = json_array();
	struct ruleset_source source;
	struct messages messages = { 0 };

	source_init(&source);
	rules_parse(path, &source, &messages);
	for (size_t i = 0; i < source.protect_count && i < LISTING_MAX; i++)
		json_array_append_new(list, describe_protect(&source, &source.protects[i], built));
	for (size_t i = 0; i < source.pattern_count && i < LISTING_MAX; i++)
		json_array_append_new(list, describe(&source, &source.patterns[i]));
	messages_free(&messages);
	source_free(&source);
	return list;
}
