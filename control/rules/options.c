/* SPDX-License-Identifier: BSD-3-Clause */
#include "lookalike/keyboard.h"
#include "rules/names.h"
#include "rules/reader.h"

/* Longest texts that an event and a reply have room for. */
#define MEANS_MAX    127
#define CLASS_MAX    31
#define TEMPLATE_MAX 1024

struct value {
	struct reader *r;
	struct view text;
	uint16_t column;
};

/* A reason with the value in it. Returns false. */
static bool
refuse(const struct value *v, const char *name, const char *why)
{
	message_error(v->r->messages, reader_at(v->r, v->column), "%s=\"%.*s\": %s", name, (int)v->text.len, v->text.at,
		      why);
	return false;
}

static bool
is_word(struct view v, const char *word)
{
	return view_equal(v, view_of(word, strlen(word)));
}

/* A whole number from 1 to 100; 0: none. */
static uint8_t
per_cent(struct view v)
{
	unsigned n = 0;

	for (size_t i = 0; i < v.len; i++) {
		if (v.at[i] < '0' || v.at[i] > '9' || i == 3)
			return 0;
		n = n * 10 + (v.at[i] - '0');
	}
	return n <= 100 ? (uint8_t)n : 0;
}

/* The candidates of means=, comma between them, each made canonical. */
static bool
read_means(const struct value *v, struct options *o)
{
	char why[NAME_WHY_MAX];
	uint8_t text[MEANS_MAX + 1];
	size_t used = 0, from = 0;

	for (size_t i = 0; i <= v->text.len; i++) {
		uint8_t domain[DOMAIN_MAX];
		if (i < v->text.len && v->text.at[i] != ',')
			continue;
		size_t len = name_domain(view_of(v->text.at + from, i - from), domain, why);
		if (len == 0)
			return refuse(v, "means", why);
		if (used + len + 1 > sizeof(text))
			return refuse(v, "means", "too long; expected at most 127 octets");
		memcpy(text + used, domain, len);
		used += len;
		text[used++] = ',';
		from = i + 1;
	}
	o->means = source_intern(v->r->source, view_of(text, used - 1));
	return true;
}

static bool
read_mode(const struct value *v, struct options *o)
{
	o->sample = 0;
	if (is_word(v->text, "observe"))
		o->mode = MODE_OBSERVE;
	else if (is_word(v->text, "enforce"))
		o->mode = MODE_ENFORCE;
	else {
		o->mode = MODE_SAMPLE;
		if (v->text.len > 7 && memcmp(v->text.at, "sample:", 7) == 0)
			o->sample = per_cent(view_of(v->text.at + 7, v->text.len - 7));
		if (o->sample == 0)
			return refuse(v, "mode", "expected observe, enforce or sample:P with P from 1 to 100");
	}
	return true;
}

/* Octets of the placeholder at the start of `v`, 0 where it is none that we know. */
static size_t
placeholder_len(struct view v)
{
	static const char *const known[] = { "{domain}", "{means}", "{operator}", "{ref}" };

	for (unsigned i = 0; i < 4; i++)
		if (v.len >= strlen(known[i]) && memcmp(v.at, known[i], strlen(known[i])) == 0)
			return strlen(known[i]);
	return 0;
}

static bool
read_template(const struct value *v, struct options *o)
{
	if (v->text.len == 0 || v->text.len > TEMPLATE_MAX)
		return refuse(v, "template", "expected 1 to 1024 octets");
	for (size_t i = 0; i < v->text.len; i++) {
		if (v->text.at[i] >= 0x80)
			return refuse(v, "template", "a reply is ASCII (RFC 5321); expected no other character");
		if (v->text.at[i] == '{' && placeholder_len(view_of(v->text.at + i, v->text.len - i)) == 0)
			return refuse(v, "template",
				      "unknown placeholder; expected {domain}, {means}, {operator} or {ref}");
	}
	o->template = source_intern(v->r->source, v->text);
	return true;
}

static bool
read_lang(const struct value *v, struct options *o)
{
	o->lang = lang_of(v->text);
	return o->lang != LANG_COUNT || refuse(v, "lang", "expected en, de, fr or nl");
}

static bool
name_octet(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("._:-", c) != NULL;
}

static bool
is_name(struct view v, size_t max)
{
	if (v.len == 0 || v.len > max)
		return false;
	for (size_t i = 0; i < v.len; i++)
		if (!name_octet(v.at[i]))
			return false;
	return true;
}

static bool
read_class(const struct value *v, struct options *o)
{
	if (!is_name(v->text, CLASS_MAX))
		return refuse(v, "class", "expected 1 to 31 of letters, digits and . _ : -");
	o->class_name = source_intern(v->r->source, v->text);
	return true;
}

static bool
read_confidence(const struct value *v, struct options *o)
{
	o->confidence = per_cent(v->text);
	return o->confidence > 0 || refuse(v, "confidence", "expected a whole number from 1 to 100");
}

static bool
read_force(const struct value *v, struct options *o)
{
	o->force = is_word(v->text, "yes");
	return o->force || is_word(v->text, "no") || refuse(v, "force", "expected yes or no");
}

static bool
read_id(const struct value *v, struct options *o)
{
	if (!is_name(v->text, RULE_ID_MAX))
		return refuse(v, "id", "expected 1 to 63 of letters, digits and . _ : -");
	o->id = source_intern(v->r->source, v->text);
	return true;
}

static bool
read_list_action(const struct value *v, struct options *o)
{
	if (is_word(v->text, "allow")) {
		o->action = ACTION_ALLOW;
		return true;
	}
	return read_action(v->r, v->text, v->column, &o->action);
}

static bool
read_list_field(const struct value *v, struct options *o)
{
	return read_fields(v->r, v->text, v->column, &o->fields);
}

static bool
read_format(const struct value *v, struct options *o)
{
	o->format = is_word(v->text, "list") ? FORMAT_LIST : FORMAT_RULES;
	return o->format == FORMAT_LIST || is_word(v->text, "rules") || refuse(v, "format", "expected list or rules");
}

/* Takes the next of the words between commas out of *rest. False at the end. */
static bool
next_of_list(struct view *rest, struct view *word)
{
	if (rest->at == NULL)
		return false;
	const uint8_t *comma = memchr(rest->at, ',', rest->len);
	*word = view_of(rest->at, comma != NULL ? (size_t)(comma - rest->at) : rest->len);
	*rest = comma != NULL ? view_of(comma + 1, rest->len - word->len - 1) : view_of(NULL, 0);
	return true;
}

static bool
read_layouts(const struct value *v, struct options *o)
{
	struct view rest = v->text, word;

	while (next_of_list(&rest, &word)) {
		enum layout l = layout_of(word);
		if (l == LAYOUT_COUNT)
			return refuse(v, "layouts", "expected qwerty, qwertz or azerty, with commas between them");
		o->protection.layouts |= LAYOUT_BIT(l);
	}
	return true;
}

/* NAME:POLICY or NAME, which means block; NAME may be "all". */
static bool
read_class_policy(const struct value *v, struct view word, struct protection *p)
{
	const uint8_t *colon = word.len > 0 ? memchr(word.at, ':', word.len) : NULL;
	struct view name = view_of(word.at, colon != NULL ? (size_t)(colon - word.at) : word.len);
	enum policy policy = POLICY_BLOCK;
	enum slip slip = slip_of(name);

	if (colon != NULL)
		policy = policy_of(view_of(colon + 1, word.len - name.len - 1));
	if (policy == POLICY_GUARD)
		return refuse(v, "classes", "a policy is block, observe or off; expected NAME:POLICY");
	if (slip == SLIP_COUNT && !is_word(name, "all"))
		return refuse(v, "classes", "a class is unknown; postern expand --classes lists them");
	if (slip == SLIP_COUNT)
		memset(p->policy, (int)policy, sizeof(p->policy));
	else
		p->policy[slip] = (uint8_t)policy;
	return true;
}

static bool
read_classes(const struct value *v, struct options *o)
{
	struct view rest = v->text, word;
	bool good = true;

	while (good && next_of_list(&rest, &word))
		good = read_class_policy(v, word, &o->protection);
	return good;
}

static bool
read_group(const struct value *v, struct options *o)
{
	o->group = reader_group(v->r, v->text);
	return o->group != NULL ||
	       refuse(v, "group", "there is no such group; expected a name that a group statement above defines");
}

static const struct {
	const char *name;
	bool (*read)(const struct value *v, struct options *o);
} known[OPTION_COUNT] = {
	[OPTION_MEANS] = { "means", read_means },          [OPTION_MODE] = { "mode", read_mode },
	[OPTION_TEMPLATE] = { "template", read_template }, [OPTION_LANG] = { "lang", read_lang },
	[OPTION_CLASS] = { "class", read_class },          [OPTION_CONFIDENCE] = { "confidence", read_confidence },
	[OPTION_FORCE] = { "force", read_force },          [OPTION_ID] = { "id", read_id },
	[OPTION_ACTION] = { "action", read_list_action },  [OPTION_FIELD] = { "field", read_list_field },
	[OPTION_FORMAT] = { "format", read_format },       [OPTION_LAYOUTS] = { "layouts", read_layouts },
	[OPTION_CLASSES] = { "classes", read_classes },    [OPTION_GROUP] = { "group", read_group },
};

/* "means=, mode= or id=" of what a statement takes. */
static void
list_allowed(unsigned allowed, char *out, size_t cap)
{
	size_t used = 0;

	for (unsigned i = 0; i < OPTION_COUNT && used < cap; i++) {
		if (!(allowed & OPTION_BIT(i)))
			continue;
		unsigned after = allowed & ~(OPTION_BIT(i + 1) - 1);
		const char *joint = after == 0 ? "" : (after & (after - 1)) == 0 ? " or " : ", ";
		used += (size_t)snprintf(out + used, cap - used, "%s=%s", known[i].name, joint);
	}
}

static bool
read_option(struct reader *r, const struct word *w, unsigned allowed, struct options *o)
{
	struct value v = { .r = r, .text = w->value, .column = w->value_column };
	char expected[256];

	for (unsigned i = 0; i < OPTION_COUNT && w->key.len > 0; i++) {
		if (!(allowed & OPTION_BIT(i)) || !is_word(w->key, known[i].name))
			continue;
		if (o->given & OPTION_BIT(i)) {
			message_error(r->messages, reader_at(r, w->column), "%s= is given twice; expected it once",
				      known[i].name);
			return false;
		}
		o->given |= OPTION_BIT(i);
		o->column[i] = w->column;
		return known[i].read(&v, o);
	}
	list_allowed(allowed, expected, sizeof(expected));
	message_error(r->messages, reader_at(r, w->column), "\"%.*s\" is no option here; expected %s", (int)w->text.len,
		      w->text.at, expected);
	return false;
}

void
options_default(struct options *o)
{
	*o = (struct options){ .action = ACTION_FLAG, .fields = FIELD_RCPT, .mode = MODE_ENFORCE };
	protection_default(&o->protection);
	o->protection.layouts = 0;
}

bool
options_read(struct reader *r, const struct line *l, unsigned first, unsigned allowed, struct options *o)
{
	bool good = true;

	options_default(o);
	for (unsigned i = first; i < l->count; i++)
		good = read_option(r, &l->words[i], allowed, o) && good;
	return good;
}

bool
read_rule_id(struct reader *r, const struct word *w, uint32_t *id)
{
	if (!is_name(w->text, RULE_ID_MAX)) {
		message_error(r->messages, reader_at(r, w->column),
			      "\"%.*s\" is no rule id; expected 1 to 63 of letters, digits and . _ : -",
			      (int)w->text.len, w->text.at);
		return false;
	}
	*id = source_intern(r->source, w->text);
	return true;
}
