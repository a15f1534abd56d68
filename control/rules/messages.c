/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdlib.h>

#include "rules/messages.h"

__attribute__((format(printf, 4, 0))) static void
add(struct messages *m, struct place place, enum severity severity, const char *format, va_list args)
{
	char *text;

	if (severity == SEVERITY_ERROR)
		m->errors++;
	else
		m->warnings++;
	if (m->count == MESSAGES_MAX || vasprintf(&text, format, args) < 0)
		return;
	/* Quoted from a file: it must not speak to the terminal. */
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	m->at = source_grow(m->at, &m->cap, m->count, sizeof(*m->at));
	m->at[m->count++] = (struct message){ .place = place, .severity = severity, .text = text };
}

void
message_error(struct messages *m, struct place place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(m, place, SEVERITY_ERROR, format, args);
	va_end(args);
}

void
message_warning(struct messages *m, struct place place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(m, place, SEVERITY_WARNING, format, args);
	va_end(args);
}

static int
difference(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int
by_place(const void *left, const void *right)
{
	const struct message *a = left, *b = right;
	int d = difference(a->place.file, b->place.file);

	if (d == 0)
		d = difference(a->place.line, b->place.line);
	if (d == 0)
		d = difference(a->place.column, b->place.column);
	if (d == 0)
		d = difference(a->severity, b->severity);
	return d != 0 ? d : strcmp(a->text, b->text);
}

void
messages_sort(struct messages *m)
{
	if (m->count > 1)
		qsort(m->at, m->count, sizeof(*m->at), by_place);
}

void
messages_print(const struct messages *m, const struct ruleset_source *s, FILE *out)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct message *one = &m->at[i];
		fputs(s->files[one->place.file], out);
		if (one->place.line > 0)
			fprintf(out, ":%u:%u", one->place.line, one->place.column);
		fprintf(out, ": %s: %s\n", one->severity == SEVERITY_ERROR ? "error" : "warning", one->text);
	}
	size_t unseen = (size_t)m->errors + m->warnings - m->count;
	if (unseen > 0)
		fprintf(out, "... and %zu further messages\n", unseen);
}

void
messages_free(struct messages *m)
{
	for (size_t i = 0; i < m->count; i++)
		free(m->at[i].text);
	free(m->at);
}
