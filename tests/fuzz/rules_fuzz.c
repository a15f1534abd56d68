/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rule files and lists: up to three files, NUL between them: rules.conf, which
 * may include a.list and b.conf. They are read and checked, not compiled. A
 * slash is read as a bar, so that no other file is looked for.
 */
#include <sys/stat.h>

#include "fuzz.h"
#include "rules/check.h"
#include "rules/parser.h"
#include "smtp/domain.h"

#include <fcntl.h>
#include <unistd.h>

enum { LONGEST = 20000, FILES = 3 };

static const char *const names[FILES] = { "rules.conf", "a.list", "b.conf" };
static char dir[] = "/tmp/postern-fuzz-XXXXXX";

static void
leave_dir(void)
{
	for (unsigned i = 0; i < FILES; i++)
		unlink(names[i]);
	if (chdir("/") == 0)
		rmdir(dir);
}

static void
enter_dir(void)
{
	static bool entered;

	if (entered)
		return;
	PROMISE(mkdtemp(dir) != NULL && chdir(dir) == 0);
	atexit(leave_dir);
	entered = true;
}

static void
write_file(const char *name, struct view octets)
{
	uint8_t *copy = fuzz_memory(octets.len);
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	for (size_t i = 0; i < octets.len; i++)
		copy[i] = octets.at[i] == '/' ? '|' : octets.at[i];
	PROMISE(fd >= 0 && write(fd, copy, octets.len) == (ssize_t)octets.len);
	close(fd);
	free(copy);
}

/* What was read can be made a table: every offset is good, every name canonical. */
static void
source_is_sound(const struct ruleset_source *s)
{
	for (size_t i = 0; i < s->rule_count; i++) {
		const struct source_rule *r = &s->rules[i];
		size_t id = strlen(source_string(s, r->id));
		PROMISE(id > 0 && id < 64);
		PROMISE(r->action > ACTION_PASS && r->action < ACTION_COUNT && r->mode < MODE_COUNT &&
			r->sample <= 100);
		PROMISE(r->fields > 0 && r->fields <= FIELDS_ALL);
		PROMISE(r->means < s->strings.len && r->template <s->strings.len);
	}
	for (size_t i = 0; i < s->pattern_count; i++) {
		const struct source_pattern *p = &s->patterns[i];
		struct view text = source_text(s, p);
		uint8_t again[DOMAIN_MAX];
		PROMISE(text.len > 0 && text.at[text.len] == '\0' && p->rule < s->rule_count);
		PROMISE(s->rules[p->rule].fields != FIELD_BANNER || p->kind != KIND_ADDRESS);
		PROMISE(p->means < s->strings.len && p->class_name < s->strings.len && p->confidence <= 100);
		if (p->kind == KIND_DOMAIN)
			PROMISE(domain_canonical(text, again) == text.len && memcmp(again, text.at, text.len) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct view rest = view_of(data, len);
	struct ruleset_source source;
	struct messages messages = { 0 };
	char *text = NULL;
	size_t text_len;

	if (len > LONGEST)
		return 0;
	enter_dir();
	for (unsigned i = 0; i < FILES; i++) {
		const uint8_t *nul = rest.len > 0 && i + 1 < FILES ? memchr(rest.at, '\0', rest.len) : NULL;
		struct view octets = take_view(&rest, nul != NULL ? (size_t)(nul - rest.at) : rest.len);
		take_octet(&rest);
		write_file(names[i], octets);
	}
	source_init(&source);
	rules_parse("rules.conf", &source, &messages);
	rules_check(&source, &messages);
	messages_sort(&messages);
	FILE *memory = open_memstream(&text, &text_len);
	PROMISE(memory != NULL);
	messages_print(&messages, &source, memory);
	fclose(memory);
	PROMISE((messages.errors + messages.warnings > 0) == (text_len > 0));
	if (messages.errors == 0)
		source_is_sound(&source);
	free(text);
	messages_free(&messages);
	source_free(&source);
	return 0;
}
