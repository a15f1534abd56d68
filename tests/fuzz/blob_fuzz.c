/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A compiled rule set with hostile octets: a good one is damaged step by step,
 * then its digest is made right again, so that what is damaged is believed.
 * Octet 0: 1 the digest stays wrong, 2 the end is cut off, 4 rules without lookalikes. A step:
 *
 *   section (10: the header), offset, how
 *   how & 3: 0 an octet follows; 1 four octets follow; 2 a number at a border; 3 eight octets from another offset
 *
 * What still loads must answer every question within its bounds.
 */
#include <hs.h>

#include "match/match.h"
#include "rules.h"
#include "ruleset/blob.h"
#include "smtp/path.h"
#include "verdict/reply.h"

enum { LONGEST = 600, SECTIONS = 10 };

static const char more_rules[] = "protect corner.example mode=enforce\n"
				 "protect few.mil\n";

/* A copy of the header and of the sections. */
struct damaged {
	uint8_t *at;
	size_t len;
	struct blob_section section[SECTIONS + 1];
	uint32_t borders[12];
};

static void
begin(struct damaged *d, const struct build_result *good)
{
	const struct blob_header *h = (const void *)good->blob;
	const struct blob_section sections[] = {
		h->rules,    h->patterns, h->strings, h->domain_db,    h->address_db,
		h->regex_db, h->names,    h->groups,  h->suffix_slips, h->confusables,
	};
	const uint32_t borders[] = {
		0,
		1,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		(uint32_t)good->blob_len,
		(uint32_t)(h->rules.len / sizeof(struct rule)),
		(uint32_t)(h->patterns.len / sizeof(struct pattern)),
		(uint32_t)h->strings.len,
		(uint32_t)(h->patterns.len / sizeof(struct pattern) - 1),
		(uint32_t)h->strings.len - 1,
		0x80000000 + (uint32_t)(h->groups.len / 4) - 1,
	};

	d->at = fuzz_memory(good->blob_len);
	d->len = good->blob_len;
	memcpy(d->at, good->blob, d->len);
	memcpy(d->section, sections, sizeof sections);
	d->section[SECTIONS] = (struct blob_section){ 0, sizeof *h };
	memcpy(d->borders, borders, sizeof borders);
}

static void
damage(struct damaged *d, struct view *in)
{
	const struct blob_section *s = &d->section[take_octet(in) % (SECTIONS + 1)];
	size_t at = take_be16(in), other;
	uint8_t how = take_octet(in), octets[8] = { 0 };
	uint32_t border;

	if (s->len < sizeof octets)
		return;
	at %= s->len - sizeof octets + 1;
	uint8_t *to = d->at + s->offset + at;
	switch (how & 3) {
	case 0:
		to[0] = take_octet(in);
		break;
	case 1:
		for (unsigned i = 0; i < 4; i++)
			to[i] = take_octet(in);
		break;
	case 2:
		border = d->borders[(how >> 2) % (sizeof d->borders / sizeof d->borders[0])];
		to -= at % 4;
		memcpy(to, &border, sizeof border);
		break;
	default:
		other = take_be16(in) % (s->len - sizeof octets + 1);
		memcpy(octets, d->at + s->offset + other, sizeof octets);
		memcpy(to, octets, sizeof octets);
	}
}

/* Every C string of a table ends inside it. */
static size_t
read_all(const struct rule_tables *t)
{
	size_t sum = strlen(t->operator_name);

	for (uint32_t i = 0; i < t->rule_count; i++)
		sum += strlen(t->strings + t->rules[i].id) + strlen(t->strings + t->rules[i].means) +
		       strlen(t->strings + t->rules[i].template) + strlen(action_name(t->rules[i].action));
	for (uint32_t i = 0; i < t->pattern_count; i++)
		sum += strlen(t->strings + t->patterns[i].means) + strlen(t->strings + t->patterns[i].class_name);
	return sum;
}

static void
refuse(const struct rule_tables *t, const struct verdict *v, const struct subject *s)
{
	uint8_t out[1024];
	const struct reply_facts facts = {
		.action = ACTION_REJECT,
		.field = FIELD_RCPT,
		.template = t->strings + v->rule->template,
		.domain = view_of(s->domain + 1, s->domain_len - 2u),
		.means = verdict_means(v, t),
		.operator_name = t->operator_name,
		.ref = "abcdefghijklm",
	};

	PROMISE(reply_text(&facts, out, sizeof out) <= sizeof out);
	PROMISE(strlen(verdict_class(v, t)) < t->string_len);
}

static void
ask(const struct ruleset *rules)
{
	static const char *const addresses[] = {
		"x@army.ml",
		"x@sub.army.ml",
		"x@gouv.army.ml",
		"good@navy.ml",
		"bob@navy.ml",
		"boss@corner.example",
		"xxy@few.example",
		"x@corner.exmaple",
		"x@c0rner.example",
		"x@few.ml",
		"x@few.mi",
		"x@fwe.mil",
		"x@corner.example",
		"x@cornerr.example",
		"x@corner.exampel",
		"x@xn--crner-jua.example",
		"x@few.mil",
		"x@later.example",
		"x@mail.crner.example",
		"x@",
	};
	static struct subject s;
	struct smtp_path path;

	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
		for (unsigned field = FIELD_FROM; field <= FIELD_RCPT; field++) {
			struct verdict v;
			verdict_begin(&v);
			if (!smtp_path_parse(view_of(addresses[i], strlen(addresses[i])), &path))
				continue;
			subject_build(path.local, path.domain, &s);
			match_address(rules, 0, &s, field, &v);
			verdict_settle(&v, (uint32_t)i * 77);
			PROMISE(v.action < ACTION_COUNT && v.applied < ACTION_COUNT);
			if (v.rule != NULL && s.domain_len > 2)
				refuse(&rules->tables, &v, &s);
		}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct build_result good[2];
	struct view in = view_of(data, len);
	uint8_t marks = take_octet(&in);
	struct damaged d;
	char err[512] = "", text[sizeof fuzz_rules + sizeof more_rules];

	if (len > LONGEST)
		return 0;
	if (good[0].blob == NULL) {
		snprintf(text, sizeof text, "%s%s", fuzz_rules, more_rules);
		good[0] = build_text(text);
		good[1] = build_text(fuzz_rules);
	}
	begin(&d, &good[marks >> 2 & 1]);
	if (marks & 2)
		d.len -= 1 + take_be16(&in) % d.len;
	if (!(marks & 2))
		while (in.len > 0)
			damage(&d, &in);
	/* A copy of the very length, so that a read beyond it is seen. */
	uint8_t *blob = fuzz_memory(d.len);
	memcpy(blob, d.at, d.len);
	if (!(marks & 1) && d.len >= sizeof(struct blob_header))
		blob_digest(view_of(blob, d.len), ((struct blob_header *)blob)->digest);
	struct ruleset *rules = ruleset_load(view_of(blob, d.len), 1, err, sizeof err);
	PROMISE((rules == NULL) == (err[0] != '\0'));
	/* A wrong digest, or a missing end, is noticed. */
	PROMISE(rules == NULL || !(marks & 2));
	PROMISE(rules == NULL || !(marks & 1) || memcmp(blob, good[marks >> 2 & 1].blob, d.len) == 0);
	if (rules != NULL) {
		PROMISE(read_all(&rules->tables) != 0);
		ask(rules);
	}
	ruleset_free(rules);
	free(blob);
	free(d.at);
	return 0;
}
