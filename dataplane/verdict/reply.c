/* SPDX-License-Identifier: BSD-3-Clause */
#include "verdict/reply.h"

#define LINE_MAX_OCTETS 512 /* RFC 5321 section 4.5.3.1.5, CRLF included */
#define CANDIDATES      2   /* names that a reply suggests at most */

/* The words of our own texts. Replies are ASCII (RFC 5321 section 4.1.1.1), so other letters are written out. */
static const struct {
	const char *or_; /* between two names that may have been meant */
	const char *mistyped, *refused;
	const char *sender, *recipient;
	const char *too_many, *session;
} texts[LANG_COUNT] = {
	[LANG_EN] = { " or ", "{domain} looks like a mistyped {means}: ", "{domain} is refused here: ",
		      "please check the sender.", "please check the recipient.",
		      "Too many refused recipients in this session, please send the rest again.",
		      "Mail to this server is refused here, see the answer before." },
	[LANG_DE] = { " oder ", "{domain} ist wohl ein Tippfehler, gemeint war {means}: ",
		      "{domain} wird hier abgelehnt: ", "bitte den Absender pruefen.", "bitte den Empfaenger pruefen.",
		      "Zu viele abgelehnte Empfaenger in dieser Sitzung, bitte den Rest erneut senden.",
		      "Post an diesen Server wird hier abgelehnt, siehe die Antwort davor." },
	[LANG_FR] = { " ou ", "{domain} semble une faute de frappe pour {means} : ", "{domain} est refuse ici : ",
		      "veuillez verifier l'expediteur.", "veuillez verifier le destinataire.",
		      "Trop de destinataires refuses dans cette session, veuillez renvoyer les autres.",
		      "Le courrier vers ce serveur est refuse ici, voir la reponse precedente." },
	[LANG_NL] = { " of ", "{domain} lijkt een tikfout voor {means}: ", "{domain} wordt hier geweigerd: ",
		      "controleer de afzender.", "controleer de geadresseerde.",
		      "Te veel geweigerde geadresseerden in deze sessie, stuur de overige opnieuw.",
		      "Post naar deze server wordt hier geweigerd, zie het antwoord hiervoor." },
};

/* Octets under construction; what does not fit is lost and remembered. */
struct text {
	uint8_t *at;
	size_t len, cap;
	bool full;
};

/* Appends one octet as a person can read it: a control octet or one above 126 becomes '?'. */
static void
put_char(struct text *t, uint8_t c)
{
	if (t->len == t->cap) {
		t->full = true;
		return;
	}
	t->at[t->len++] = c >= ' ' && c <= '~' ? c : '?';
}

static void
put(struct text *t, struct view v)
{
	for (size_t i = 0; i < v.len; i++)
		put_char(t, v.at[i]);
}

static struct view
words(const char *s)
{
	return view_of(s, strlen(s));
}

/* "a,b,c" as "a or b". */
static void
put_means(struct text *t, const char *means, enum lang lang)
{
	unsigned candidates = 1;

	for (; *means != '\0'; means++) {
		if (*means != ',')
			put_char(t, (uint8_t)*means);
		else if (++candidates > CANDIDATES)
			return;
		else
			put(t, words(texts[lang].or_));
	}
}

/* The value of the placeholder that `in` begins with. Returns the placeholder's length, 0 where there is none. */
static size_t
put_placeholder(struct text *t, const struct reply_facts *facts, struct view in)
{
	static const char *const names[] = { "{domain}", "{means}", "{operator}", "{ref}" };

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		size_t len = strlen(names[i]);
		if (in.len < len || memcmp(in.at, names[i], len) != 0)
			continue;
		switch (i) {
		case 0:
			put(t, facts->domain);
			break;
		case 1:
			put_means(t, facts->means, facts->lang);
			break;
		case 2:
			put(t, words(facts->operator_name));
			break;
		case 3:
			put(t, words(facts->ref));
			break;
		}
		return len;
	}
	return 0;
}

/* One line of a template, expanded. */
static void
put_expanded(struct text *t, const struct reply_facts *facts, struct view line)
{
	while (line.len > 0) {
		size_t used = *line.at == '{' ? put_placeholder(t, facts, line) : 0;
		if (used == 0) {
			put_char(t, *line.at);
			used = 1;
		}
		line.at += used;
		line.len -= used;
	}
}

static bool
mentions_ref(struct view line)
{
	return memmem(line.at, line.len, "{ref}", 5) != NULL;
}

/* One reply line: code, separator, text, CRLF. A text too long is cut, but not its reference. */
static void
put_line(struct text *t, const char *code, const char *status, const struct reply_facts *facts, struct view line,
	 bool last)
{
	uint8_t octets[LINE_MAX_OCTETS - 2];
	struct text l = { .at = octets, .cap = sizeof octets };

	put(&l, words(code));
	put_char(&l, last ? ' ' : '-');
	put(&l, words(status));
	put_char(&l, ' ');
	put_expanded(&l, facts, line);
	if (l.full && mentions_ref(line)) {
		size_t ref = strlen(facts->ref);
		l.len -= ref + 10 < l.len ? ref + 10 : l.len;
		put(&l, words("... (ref "));
		put(&l, words(facts->ref));
		put(&l, words(")"));
	}
	if (t->cap - t->len < l.len + 2) {
		t->full = true;
		return;
	}
	put(t, view_of(l.at, l.len));
	memcpy(t->at + t->len, "\r\n", 2);
	t->len += 2;
}

/* The end of the first line of `in`, and in *skip the octets of its separator: a line feed, or a backslash and an n. */
static size_t
line_end(struct view in, size_t *skip)
{
	for (size_t i = 0; i < in.len; i++) {
		if (in.at[i] == '\n') {
			*skip = 1;
			return i;
		}
		if (in.at[i] == '\\' && i + 1 < in.len && in.at[i + 1] == 'n') {
			*skip = 2;
			return i;
		}
	}
	*skip = 0;
	return in.len;
}

/* The whole reply of a template; 0 where it does not fit. A separator at the very end begins no further line. */
static size_t
put_reply(const char *code, const char *status, const struct reply_facts *facts, struct view in, uint8_t *out,
	  size_t cap)
{
	struct text t = { .at = out, .cap = cap };
	bool last;

	do {
		size_t skip;
		size_t len = line_end(in, &skip);
		last = len + skip == in.len;
		put_line(&t, code, status, facts, view_of(in.at, len), last);
		in = view_of(in.at + len + skip, in.len - len - skip);
	} while (!last && !t.full);
	return t.full ? 0 : t.len;
}

/* Who refused, and under which number: what a sender quotes to a help desk. */
static const char *
signature(const struct reply_facts *facts)
{
	if (*facts->operator_name == '\0')
		return " (ref {ref})";
	return " ({operator}; ref {ref})";
}

static void
default_template(const struct reply_facts *facts, struct text *t)
{
	put(t, words(*facts->means != '\0' ? texts[facts->lang].mistyped : texts[facts->lang].refused));
	put(t, words(facts->field == FIELD_FROM ? texts[facts->lang].sender : texts[facts->lang].recipient));
	put(t, words(signature(facts)));
}

size_t
reply_text(const struct reply_facts *facts, uint8_t *out, size_t cap)
{
	uint8_t octets[160];
	struct text own = { .at = octets, .cap = sizeof octets };
	struct view template = words(facts->template);
	const char *code = "550", *status = facts->field == FIELD_FROM ? "5.1.8" : "5.1.2";

	if (template.len == 0) {
		default_template(facts, &own);
		template = view_of(own.at, own.len);
	}
	if (facts->action == ACTION_DEFER) {
		code = facts->field == FIELD_BANNER ? "421" : "451";
		status = facts->field == FIELD_FROM ? "4.1.8" : "4.1.2";
	} else if (facts->field == FIELD_BANNER && facts->greeting) {
		code = "554";
	}
	return put_reply(code, status, facts, template, out, cap);
}

size_t
reply_refused(enum lang lang, enum action action, const char *operator_name, uint8_t *out, size_t cap)
{
	struct reply_facts facts = { .lang = lang, .means = "", .operator_name = operator_name, .ref = "" };
	uint8_t octets[160];
	struct text t = { .at = octets, .cap = sizeof octets };
	bool defer = action == ACTION_DEFER;

	put(&t, words(texts[lang].session));
	if (*operator_name != '\0')
		put(&t, words(" ({operator})"));
	return put_reply(defer ? "421" : "503", defer ? "4.3.2" : "5.5.1", &facts, view_of(t.at, t.len), out, cap);
}

size_t
reply_quit(enum lang lang, const char *operator_name, const char *ref, uint8_t *out, size_t cap)
{
	struct reply_facts facts = { .lang = lang, .means = "", .operator_name = operator_name, .ref = ref };
	uint8_t octets[160];
	struct text t = { .at = octets, .cap = sizeof octets };

	put(&t, words(texts[lang].too_many));
	put(&t, words(signature(&facts)));
	return put_reply("421", "4.5.3", &facts, view_of(t.at, t.len), out, cap);
}
