/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An argument of MAIL or RCPT: path, domain, subjects of the engine, refusal
 * and event. The same octets are also taken for the first of a flow. Views lie
 * inside the input, canonical forms are stable, what we write can be read.
 */
#include <ctype.h>
#include <jansson.h>

#include "event/event.h"
#include "fuzz.h"
#include "smtp/domain.h"
#include "smtp/path.h"
#include "smtp/sniff.h"
#include "verdict/reply.h"

static void
path_lies_inside(struct view arg)
{
	struct smtp_path path;

	if (!smtp_path_parse(arg, &path))
		return;
	PROMISE(view_inside(path.address, arg) && view_inside(path.params, arg));
	PROMISE(view_inside(path.local, path.address) && view_inside(path.domain, path.address));
}

/* What stands in a rule and what comes from the wire must meet: the form of a form is itself. */
static void
canonical_form_is_stable(struct view in)
{
	uint8_t out[DOMAIN_MAX], again[DOMAIN_MAX];
	size_t len = domain_canonical(in, out);

	PROMISE(len <= sizeof out);
	for (size_t i = 0; i < len; i++)
		PROMISE(out[i] < 128 && out[i] == ascii_lower(out[i]) && out[i] != '\n');
	if (len > 0)
		PROMISE(domain_canonical(view_of(out, len), again) == len && memcmp(out, again, len) == 0);
}

/* Lines of at most 512 octets, each with a code, a mark of the last one, and nothing but printing characters. */
static void
reply_is_smtp(struct view text, unsigned code)
{
	char digits[4];

	snprintf(digits, sizeof digits, "%u", code);
	while (text.len > 0) {
		const uint8_t *feed = memchr(text.at, '\n', text.len);
		PROMISE(feed != NULL);
		size_t line = (size_t)(feed - text.at) + 1;
		PROMISE(line >= 6 && line <= 512 && feed[-1] == '\r' && memcmp(text.at, digits, 3) == 0);
		PROMISE(text.at[3] == (line == text.len ? ' ' : '-'));
		for (size_t i = 0; i + 2 < line; i++)
			PROMISE(text.at[i] >= ' ' && text.at[i] < 127);
		text = view_of(text.at + line, text.len - line);
	}
}

static void
refusal_is_smtp(struct view domain, struct view template)
{
	char text[600];
	uint8_t out[1024];
	size_t len = 0;

	/* A template comes from a rule file: printing ASCII, NUL-terminated. */
	for (size_t i = 0; i < template.len && len + 1 < sizeof text; i++)
		if (template.at[i] == '\n' || (template.at[i] >= ' ' && template.at[i] < 127))
			text[len++] = (char)template.at[i];
	text[len] = '\0';
	const struct reply_facts facts = {
		.action = ACTION_REJECT,
		.field = FIELD_RCPT,
		.template = text,
		.domain = domain,
		.means = "army.mil",
		.operator_name = "example carrier",
		.ref = "abcdefghijklm",
	};
	len = reply_text(&facts, out, sizeof out);
	PROMISE(len <= sizeof out);
	reply_is_smtp(view_of(out, len), 550);
	PROMISE(reply_text(&facts, out, 20) <= 20);
}

/* An event is one line of JSON that a parser takes, and hides the local part. */
static void
event_is_json(const struct smtp_path *path, const struct subject *s)
{
	static const struct event_key key;
	struct event e = {
		.ip_version = 4, .action = ACTION_FLAG, .applied = ACTION_FLAG, .rule = "r1", .means = "army.mil"
	};
	char out[4096];
	size_t cut = path->address.len < sizeof e.address ? path->address.len : sizeof e.address;

	if (cut > 0)
		memcpy(e.address, path->address.at + path->address.len - cut, cut);
	e.address_len = (uint16_t)cut;
	if (s->domain_len >= 2) {
		e.domain_len = (uint16_t)(s->domain_len - 2);
		memcpy(e.domain, s->domain + 1, e.domain_len);
	}
	for (int clear = 0; clear < 2; clear++) {
		size_t len = event_json(&e, &key, clear, clear ? "a.pcap" : NULL, out, sizeof out);
		PROMISE(len > 0 && len < sizeof out && out[len] == '\0' && memchr(out, '\n', len) == NULL);
		json_t *json = json_loadb(out, len, JSON_REJECT_DUPLICATES, NULL);
		PROMISE(json != NULL);
		json_decref(json);
	}
}

static void
subjects_keep_their_sentinels(struct view arg)
{
	static struct subject s;
	struct smtp_path path;

	if (!smtp_path_parse(arg, &path))
		return;
	subject_build(path.local, path.domain, &s);
	PROMISE(s.domain_len <= sizeof s.domain && s.address_len <= sizeof s.address);
	if (s.domain_len > 0) {
		PROMISE(s.domain_len > 2 && s.domain[0] == '.' && s.domain[s.domain_len - 1] == '\n');
		PROMISE(memchr(s.domain, '\n', s.domain_len) == s.domain + s.domain_len - 1);
		refusal_is_smtp(view_of(s.domain + 1, s.domain_len - 2u), path.local);
	}
	event_is_json(&path, &s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t *feed = len > 0 ? memchr(data, '\n', len) : NULL;
	struct view all = view_of(data, len), line = view_of(data, feed != NULL ? (size_t)(feed - data) : len);

	smtp_sniff_client(all);
	smtp_sniff_server(all);
	path_lies_inside(all);
	/* A line of the dialogue ends at its line feed. */
	canonical_form_is_stable(line);
	subjects_keep_their_sentinels(line);
	return 0;
}
