/* SPDX-License-Identifier: BSD-3-Clause */
#include "script.h"

#include <stdarg.h>
#include <stdlib.h>

#include "chance.h"
#include "tcp/stream.h"

static const char *const words[] = {
	"the",   "quarterly", "report",  "is",     "attached", "and",     "was",      "sent",   "to",
	"every", "office",    "that",    "asked",  "for",      "it;",     "please",   "answer", "before",
	"noon",  "on",        "Monday,", "or",     "call",     "us.",     "Regards,", "Bo",     "meeting",
	"notes", "from",      "last",    "week's", "session",  "follow.", "invoice",  "4711",   "=C3=A4hnlich",
};

/* Takes a string; the script owns its octets. */
static void
say(struct script *s, enum direction dir, char *octets, size_t len)
{
	s->line[s->lines++] = (struct line){ .octets = view_of(octets, len), .dir = (uint8_t)dir };
}

__attribute__((format(printf, 3, 4))) static void
sayf(struct script *s, enum direction dir, const char *format, ...)
{
	char *octets;
	va_list args;

	va_start(args, format);
	int len = vasprintf(&octets, format, args);
	va_end(args);
	if (len >= 0)
		say(s, dir, octets, (size_t)len);
}

/* One line of text of 20 to 76 octets; some begin with a dot, which is doubled on the wire. */
static size_t
text_line(uint64_t *seed, char *out)
{
	size_t want = 20 + chance_below(seed, 56), len = 0;

	if (chance_below(seed, 40) == 0)
		len += (size_t)sprintf(out + len, "..");
	while (len < want)
		len += (size_t)sprintf(out + len, "%s ", words[chance_below(seed, sizeof(words) / sizeof(words[0]))]);
	memcpy(out + len - 1, "\r\n", 2);
	return len + 1;
}

/* A message of about `octets`, header, text and dot line. */
static void
say_mail(struct script *s, unsigned octets, unsigned n, uint64_t *seed)
{
	char *mail = malloc(octets + 1024);
	size_t len = 0;

	if (mail == NULL)
		return;
	len += (size_t)sprintf(mail,
			       "Received: from client%u.example.org ([10.1.2.3])\r\n\tby mx.example.net with ESMTP "
			       "id 4XyZ%u;\r\n\tMon, 21 Jul 2025 09:30:00 +0000 (UTC)\r\nFrom: user%u@example.org\r\n"
			       "To: someone@example.net\r\nSubject: report %u\r\nMIME-Version: 1.0\r\n"
			       "Content-Type: text/plain; charset=utf-8\r\n\r\n",
			       n, n, n, n);
	while (len < octets)
		len += text_line(seed, mail + len);
	memcpy(mail + len, ".\r\n", 3);
	say(s, DIR_CLIENT, mail, len + 3);
}

static void
say_random(struct script *s, enum direction dir, size_t octets, uint64_t *seed)
{
	char *noise = malloc(octets + 8);

	if (noise == NULL)
		return;
	for (size_t i = 0; i < octets; i += 8) {
		uint64_t r = chance(seed);
		memcpy(noise + i, &r, 8);
	}
	say(s, dir, noise, octets);
}

static void
say_tls(struct script *s, const struct scenario *sc, uint64_t *seed)
{
	sayf(s, DIR_CLIENT, "STARTTLS\r\n");
	sayf(s, DIR_SERVER, "220 2.0.0 Ready to start TLS\r\n");
	say_random(s, DIR_CLIENT, 517, seed);
	say_random(s, DIR_SERVER, 3200, seed);
	say_random(s, DIR_CLIENT, sc->mail + 400, seed);
	say_random(s, DIR_SERVER, 300, seed);
}

/* The recipients; the flagged one is the last, so that the mail goes on to the others. */
static void
say_envelope(struct script *s, const struct scenario *sc, unsigned n, const char *flagged)
{
	char second[96] = "";

	if (flagged != NULL)
		snprintf(second, sizeof(second), "RCPT TO:<colonel%u@%s>\r\n", n, flagged);
	if (sc->pipelined) {
		sayf(s, DIR_CLIENT, "MAIL FROM:<user%u@example.org> SIZE=%u\r\nRCPT TO:<someone%u@example.net>\r\n%s%s",
		     n, sc->mail, n, second, sc->mail > 0 ? "DATA\r\n" : "");
		sayf(s, DIR_SERVER, "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n%s%s", flagged != NULL ? "250 2.1.5 Ok\r\n" : "",
		     sc->mail > 0 ? "354 End data with <CR><LF>.<CR><LF>\r\n" : "");
		return;
	}
	sayf(s, DIR_CLIENT, "MAIL FROM:<user%u@example.org> SIZE=%u\r\n", n, sc->mail);
	sayf(s, DIR_SERVER, "250 2.1.0 Ok\r\n");
	sayf(s, DIR_CLIENT, "RCPT TO:<someone%u@example.net>\r\n", n);
	sayf(s, DIR_SERVER, "250 2.1.5 Ok\r\n");
	if (flagged != NULL) {
		sayf(s, DIR_CLIENT, "%s", second);
		sayf(s, DIR_SERVER, "250 2.1.5 Ok\r\n");
	}
	if (sc->mail > 0) {
		sayf(s, DIR_CLIENT, "DATA\r\n");
		sayf(s, DIR_SERVER, "354 End data with <CR><LF>.<CR><LF>\r\n");
	}
}

static void
write_script(struct script *s, const struct scenario *sc, unsigned n, const char *flagged)
{
	uint64_t seed = n + 1;

	sayf(s, DIR_SERVER, "220 mx.example.net ESMTP\r\n");
	sayf(s, DIR_CLIENT, "EHLO client%u.example.org\r\n", n);
	sayf(s, DIR_SERVER,
	     "250-mx.example.net\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-ETRN\r\n250-STARTTLS\r\n"
	     "250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n");
	if (sc->tls) {
		say_tls(s, sc, &seed);
		return;
	}
	say_envelope(s, sc, n, flagged);
	if (sc->mail > 0) {
		say_mail(s, sc->mail, n, &seed);
		sayf(s, DIR_SERVER, "250 2.0.0 Ok: queued as 4XyZ%u\r\n", n);
	}
	sayf(s, DIR_CLIENT, "QUIT\r\n");
	sayf(s, DIR_SERVER, "221 2.0.0 Bye\r\n");
}

bool
scripts_init(struct scripts *all, const struct scenario *s)
{
	char domain[48];

	/* 4 MB of text, so that it is not the same few lines of cache that are looked at again and again. */
	all->count = s->mail > 512 * 1024 ? 8 : s->mail > 62500 ? 4000000 / s->mail : 64;
	all->script = calloc(2 * all->count, sizeof(*all->script));
	for (unsigned i = 0; all->script != NULL && i < all->count; i++) {
		rule_domain(s->patterns > 0 ? i * 977 % s->patterns : i, domain);
		write_script(&all->script[i], s, i, NULL);
		write_script(&all->script[all->count + i], s, i, domain);
	}
	return all->script != NULL;
}

void
scripts_free(struct scripts *all)
{
	for (unsigned i = 0; all->script != NULL && i < 2 * all->count; i++)
		for (unsigned k = 0; k < all->script[i].lines; k++)
			free((void *)(uintptr_t)all->script[i].line[k].octets.at);
	free(all->script);
}
