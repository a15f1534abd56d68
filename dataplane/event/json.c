/* SPDX-License-Identifier: BSD-3-Clause */
/* Written by hand, not with a library: one event is a dozen appends into a buffer, without a heap. */
#include <arpa/inet.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "event/event.h"

/* A bounded text; `full` once something did not fit. */
struct text {
	char *at;
	size_t len, cap;
	bool full;
};

static void
put(struct text *t, const char *from, size_t len)
{
	if (t->full || len > t->cap - t->len) {
		t->full = true;
		return;
	}
	if (len > 0)
		memcpy(t->at + t->len, from, len);
	t->len += len;
}

__attribute__((format(printf, 2, 3))) static void
put_format(struct text *t, const char *format, ...)
{
	char small[256];
	va_list args;

	va_start(args, format);
	int len = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	put(t, small, (size_t)len);
}

static void
put_text(struct text *t, const char *from)
{
	put(t, from, strlen(from));
}

/* Decimal, of `least` digits or more. */
static void
put_number(struct text *t, uint64_t n, unsigned least)
{
	char digits[20];
	unsigned at = sizeof(digits);

	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0 || sizeof(digits) - at < least);
	put(t, digits + at, sizeof(digits) - at);
}

/*
 * Octets of the UTF-8 sequence at the start of `v` (RFC 3629 section 4), 0 where there is none. The second octet's
 * range excludes overlong forms, surrogates and numbers above U+10FFFF.
 */
static size_t
utf8_len(struct view v)
{
	static const struct {
		uint8_t first, last, low, high, len;
	} form[] = {
		{ 0x00, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
		if (v.at[0] < form[i].first || v.at[0] > form[i].last)
			continue;
		if (v.len < form[i].len || (form[i].len > 1 && (v.at[1] < form[i].low || v.at[1] > form[i].high)))
			return 0;
		for (size_t k = 2; k < form[i].len; k++)
			if ((v.at[k] & 0xc0) != 0x80)
				return 0;
		return form[i].len;
	}
	return 0;
}

/* Octets at the start of `v` that stand for themselves. */
static size_t
plain_len(struct view v)
{
	size_t n = 0;

	while (n < v.len && v.at[n] >= 0x20 && v.at[n] < 0x7f && v.at[n] != '"' && v.at[n] != '\\')
		n++;
	return n;
}

/* The inside of a JSON string (RFC 8259 section 7). A NUL is replaced as well: many readers take no \u0000. */
static void
put_escaped(struct text *t, struct view v)
{
	for (;;) {
		size_t plain = plain_len(v);
		put(t, (const char *)v.at, plain);
		v = view_of(v.at + plain, v.len - plain);
		if (v.len == 0)
			return;
		uint8_t c = v.at[0];
		size_t len = utf8_len(v);
		if (len == 0 || c == '\0')
			put(t, "\xef\xbf\xbd", 3);
		else if (c == '"' || c == '\\')
			put_format(t, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			put_format(t, "\\u%04x", c);
		else
			put(t, (const char *)v.at, len);
		len += len == 0;
		v = view_of(v.at + len, v.len - len);
	}
}

/* ,"key":"value"; nothing where the value is empty. */
static void
put_string(struct text *t, const char *key, const char *value)
{
	if (value[0] == '\0')
		return;
	put(t, ",\"", 2);
	put_text(t, key);
	put(t, "\":\"", 3);
	put_escaped(t, view_of(value, strlen(value)));
	put(t, "\"", 1);
}

/* RFC 3339, UTC, milliseconds. */
static void
put_time(struct text *t, uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	put(t, ",\"time\":\"", 9);
	put_number(t, (unsigned)tm.tm_year + 1900, 4);
	put(t, "-", 1);
	put_number(t, (unsigned)tm.tm_mon + 1, 2);
	put(t, "-", 1);
	put_number(t, (unsigned)tm.tm_mday, 2);
	put(t, "T", 1);
	put_number(t, (unsigned)tm.tm_hour, 2);
	put(t, ":", 1);
	put_number(t, (unsigned)tm.tm_min, 2);
	put(t, ":", 1);
	put_number(t, (unsigned)tm.tm_sec, 2);
	put(t, ".", 1);
	put_number(t, ns / 1000000 % 1000, 3);
	put(t, "Z\"", 2);
}

static void
put_end(struct text *t, uint8_t ip_version, const uint8_t *addr, uint16_t port)
{
	char ip[INET6_ADDRSTRLEN];

	inet_ntop(ip_version == 6 ? AF_INET6 : AF_INET, addr, ip, sizeof(ip));
	put(t, "[", ip_version == 6);
	put_text(t, ip);
	put(t, "]", ip_version == 6);
	put(t, ":", 1);
	put_number(t, port, 1);
}

static void
put_flow(struct text *t, const struct event *e)
{
	put(t, ",\"flow\":\"", 9);
	put_end(t, e->ip_version, e->client_addr, e->client_port);
	put(t, " > ", 3);
	put_end(t, e->ip_version, e->server_addr, e->server_port);
	put_text(t, "\",\"transaction\":");
	put_number(t, e->transaction, 1);
}

/* What stands before the last @; all of it where there is none (bang forms). */
static struct view
local_part(struct view address)
{
	for (size_t i = address.len; i-- > 0;)
		if (address.at[i] == '@')
			return view_of(address.at, i);
	return address;
}

static void
put_hash(struct text *t, struct view local, const struct event_key *key)
{
	uint8_t lower[sizeof(((struct event *)0)->address)], hash[crypto_generichash_BYTES_MIN];
	char hex[16 + 1];

	for (size_t i = 0; i < local.len; i++)
		lower[i] = ascii_lower(local.at[i]);
	crypto_generichash(hash, sizeof(hash), lower, local.len, key->octets, sizeof(key->octets));
	sodium_bin2hex(hex, sizeof(hex), hash, 8);
	put(t, hex, 16);
}

static void
put_address(struct text *t, const struct event *e, const struct event_key *key, bool clear)
{
	struct view address = view_of(e->address, e->address_len);

	put(t, ",\"address\":\"", 12);
	if (address.len == 0) {
		put(t, "<>", 2);
	} else if (clear) {
		put_escaped(t, address);
	} else {
		put_hash(t, local_part(address), key);
		if (e->domain_len > 0)
			put(t, "@", 1);
		put_escaped(t, view_of(e->domain, e->domain_len));
	}
	put(t, "\"", 1);
}

static void
put_verdict(struct text *t, const struct event *e)
{
	put_string(t, "verdict", action_name(e->applied));
	if (e->action == ACTION_PASS)
		return;
	put_string(t, "rule", e->rule);
	put_string(t, "class", e->class_name);
	put_string(t, "means", e->means);
	put_string(t, "action", action_name(e->action));
	put_string(t, "ref", e->ref);
	put_string(t, "quarantine", e->quarantine);
	put_string(t, "answer", e->answer);
}

size_t
event_json(const struct event *e, const struct event_key *key, bool clear, const char *capture, char *out, size_t cap)
{
	static const char *const kind[] = {
		[EVENT_MAIL] = "mail", [EVENT_RCPT] = "rcpt", [EVENT_QUEUED] = "queued", [EVENT_BANNER] = "banner"
	};
	struct text t = { .at = out, .cap = cap };

	put_text(&t, "{\"event\":\"");
	put_text(&t, kind[e->kind]);
	put(&t, "\"", 1);
	if (capture != NULL)
		put_string(&t, "capture", capture);
	put_time(&t, e->time_ns);
	put_flow(&t, e);
	if (e->kind != EVENT_BANNER)
		put_address(&t, e, key, clear);
	put_verdict(&t, e);
	if (e->domain_len > 0) {
		put(&t, ",\"domain\":\"", 11);
		put_escaped(&t, view_of(e->domain, e->domain_len));
		put(&t, "\"", 1);
	}
	put_text(&t, ",\"generation\":");
	put_number(&t, e->generation, 1);
	put(&t, "}", 1);
	put(&t, "", 1);
	return t.full ? 0 : t.len - 1;
}
