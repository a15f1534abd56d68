/* SPDX-License-Identifier: BSD-3-Clause */
#include "splice/present.h"

static const char *const names[PRESENT_ATTRIBUTE_COUNT] = {
#define X(name) #name,
	PRESENT_ATTRIBUTES(X)
#undef X
};

/* What is being written. What does not fit is left out as a whole. */
struct writer {
	uint8_t *out;
	size_t len, room;
	bool full;
};

static void
put(struct writer *w, uint8_t c)
{
	if (w->len < w->room)
		w->out[w->len++] = c;
	else
		w->full = true;
}

static void
put_text(struct writer *w, const char *text)
{
	while (*text != '\0')
		put(w, (uint8_t)*text++);
}

static void
put_number(struct writer *w, unsigned n, unsigned base)
{
	if (n >= base)
		put_number(w, n / base, base);
	put(w, (uint8_t) "0123456789abcdef"[n % base]);
}

/* RFC 3461 section 4: what is not printable, and "+" and "=", in hexadecimal. */
static void
put_xtext(struct writer *w, struct view value)
{
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.at[i];
		if (c > ' ' && c < 127 && c != '+' && c != '=') {
			put(w, c);
			continue;
		}
		put(w, '+');
		put(w, (uint8_t) "0123456789ABCDEF"[c >> 4]);
		put(w, (uint8_t) "0123456789ABCDEF"[c & 15]);
	}
}

static void
put_address(struct writer *w, const uint8_t *address, uint8_t ip_version)
{
	if (ip_version == 6)
		put_text(w, "IPV6:");
	for (unsigned i = 0; i < (ip_version == 4 ? 4 : 8); i++) {
		if (i > 0)
			put(w, ip_version == 4 ? '.' : ':');
		if (ip_version == 4)
			put_number(w, address[i], 10);
		else
			put_number(w, load_be16(address + 2 * (size_t)i), 16);
	}
}

/* What the client calls itself: the word behind the verb. */
static struct view
name_in(struct view hello)
{
	size_t from = 0, to;

	while (from < hello.len && hello.at[from] > ' ')
		from++;
	while (from < hello.len && (hello.at[from] == ' ' || hello.at[from] == '\t'))
		from++;
	for (to = from; to < hello.len && hello.at[to] > ' '; to++)
		;
	return view_of(hello.at + from, to - from);
}

static bool
is_extended(struct view hello)
{
	return hello.len > 0 && ascii_lower(hello.at[0]) != 'h';
}

static void
put_value(struct writer *w, enum present_attribute attribute, const struct present_ends *e)
{
	struct view name = name_in(e->hello);

	switch (attribute) {
	case PRESENT_ADDR:
		put_address(w, e->client, e->ip_version);
		break;
	case PRESENT_DESTADDR:
		put_address(w, e->server, e->ip_version);
		break;
	case PRESENT_PORT:
		put_number(w, e->client_port, 10);
		break;
	case PRESENT_DESTPORT:
		put_number(w, e->server_port, 10);
		break;
	case PRESENT_PROTO:
		put_text(w, is_extended(e->hello) ? "ESMTP" : "SMTP");
		break;
	case PRESENT_HELO:
		if (name.len > 0)
			put_xtext(w, name);
		else
			put_text(w, "[UNAVAILABLE]");
		break;
	case PRESENT_NAME: /* the box asks no DNS */
	case PRESENT_ATTRIBUTE_COUNT:
		put_text(w, "[UNAVAILABLE]");
		break;
	}
}

uint32_t
present_attribute(struct view word)
{
	for (unsigned i = 0; i < PRESENT_ATTRIBUTE_COUNT; i++) {
		size_t at = 0;
		while (at < word.len && names[i][at] != '\0' &&
		       ascii_lower(word.at[at]) == ascii_lower((uint8_t)names[i][at]))
			at++;
		if (at == word.len && names[i][at] == '\0')
			return UINT32_C(1) << i;
	}
	return 0;
}

size_t
present_line(enum present how, uint32_t attributes, const struct present_ends *ends, uint8_t *out)
{
	struct writer w = { .out = out, .room = PRESENT_LINE - 2 };

	if (how == PRESENT_OFF || !(attributes & 1u << PRESENT_ADDR))
		return 0;
	put_text(&w, how == PRESENT_XCLIENT ? "XCLIENT" : "XFORWARD");
	for (unsigned i = 0; i < PRESENT_ATTRIBUTE_COUNT; i++) {
		size_t before = w.len;
		if (!(attributes & 1u << i))
			continue;
		put(&w, ' ');
		put_text(&w, names[i]);
		put(&w, '=');
		put_value(&w, i, ends);
		if (w.full)
			w.len = before;
		w.full = false;
	}
	out[w.len++] = '\r';
	out[w.len++] = '\n';
	return w.len;
}
