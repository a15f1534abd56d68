/* SPDX-License-Identifier: BSD-3-Clause */
/* postern explain: what the rules say about names, without a dataplane. */
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "build/build.h"
#include "command/commands.h"
#include "command/explain_near.h"
#include "match/match.h"
#include "ruleset/ruleset.h"
#include "settings/settings.h"
#include "smtp/path.h"

static const char usage[] =
	"usage: postern explain [options] [NAME... | -]\n"
	"\n"
	"Says what the rules do to a domain or address: the verdict once a rule is enforced,\n"
	"even where its mode is observe or sample. Without NAME, or with -, names are read\n"
	"from standard input, one a line.\n"
	"\n"
	"  -r, --rules FILE   judge by this rule file (default: the configured one, else the\n"
	"                     one that came with Postern)\n"
	"  -c, --config FILE  settings file\n"
	"  -f, --field FIELD  rcpt, from, any (rcpt's verdict, else from's: the default) or\n"
	"                     banner: NAME is that of a server, in its greeting and its answer to EHLO\n"
	"  -n, --near         instead of the verdict, the protected names closest to NAME: name,\n"
	"                     protected name, distance, class of the slip\n"
	"  -t, --tsv          columns name, verdict, rule, class, means; - where there is none\n"
	"  -j, --json         one JSON object a name\n"
	"  -h, --help         print this\n"
	"\n"
	"Verdicts: pass, flag, defer, reject, reset, drop, allow, and exempt: it is not judged\n"
	"as a lookalike, by the rule named.\n"
	"Exit status: 0 all names were judged; 1 the rules or a name cannot be read; 2 wrong usage.\n";

enum format { FORMAT_TEXT, FORMAT_TSV, FORMAT_JSON };

struct explain {
	const char *rules_path, *config_path;
	unsigned fields;
	enum format format;
	bool near;
	struct ruleset *rules;
};

static bool
parse_field(struct explain *x, const char *word)
{
	static const struct {
		const char *word;
		unsigned fields;
	} known[] = { { "rcpt", FIELD_RCPT },
		      { "from", FIELD_FROM },
		      { "any", FIELD_RCPT | FIELD_FROM },
		      { "banner", FIELD_BANNER } };

	for (int i = 0; i < 4; i++)
		if (strcmp(word, known[i].word) == 0) {
			x->fields = known[i].fields;
			return true;
		}
	fprintf(stderr, "postern explain: --field \"%s\" is none; expected rcpt, from, any or banner\n", word);
	return false;
}

/* -1: go on; else the exit status. */
static int
parse_options(struct explain *x, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "rules", required_argument, NULL, 'r' }, { "config", required_argument, NULL, 'c' },
		{ "field", required_argument, NULL, 'f' }, { "near", no_argument, NULL, 'n' },
		{ "tsv", no_argument, NULL, 't' },         { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },        { NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "r:c:f:ntjh", longs, NULL)) != -1) {
		switch (opt) {
		case 'r':
			x->rules_path = optarg;
			break;
		case 'c':
			x->config_path = optarg;
			break;
		case 'f':
			if (!parse_field(x, optarg))
				return 2;
			break;
		case 'n':
			x->near = true;
			break;
		case 't':
			x->format = FORMAT_TSV;
			break;
		case 'j':
			x->format = FORMAT_JSON;
			break;
		default:
			fputs(usage, opt == 'h' ? stdout : stderr);
			return opt == 'h' ? EXIT_SUCCESS : 2;
		}
	}
	return -1;
}

/* The rule file to judge by; owned. NULL: the settings are wrong, and that was said. */
static char *
rules_path(const struct explain *x)
{
	if (x->rules_path != NULL)
		return strdup(x->rules_path);
	struct settings *settings = settings_load(x->config_path);
	if (settings == NULL)
		return NULL;
	const char *path = settings->rules;
	if (access(path, R_OK) != 0 && x->config_path == NULL)
		path = access(POSTERN_RULES_INSTALLED, R_OK) == 0 ? POSTERN_RULES_INSTALLED : POSTERN_RULES_IN_TREE;
	char *owned = strdup(path);
	settings_free(settings);
	return owned;
}

static bool
load_rules(struct explain *x)
{
	const struct build_options options = { .generation = 1, .jobs = 2 };
	struct build_result built;
	char err[256], *path = rules_path(x);

	if (path == NULL)
		return false;
	if (build_rules(path, &options, stderr, &built)) {
		x->rules = ruleset_load(view_of(built.blob, built.blob_len), 1, err, sizeof(err));
		if (x->rules == NULL)
			fprintf(stderr, "postern explain: %s: %s\n", path, err);
	}
	build_result_free(&built);
	free(path);
	return x->rules != NULL;
}

/* A name with @ is an address, read as on the wire; one without is a bare domain. */
static bool
subject_of(struct view name, struct subject *s)
{
	uint8_t canonical[DOMAIN_MAX];
	struct smtp_path path;

	if (memchr(name.at, '@', name.len) != NULL) {
		if (!smtp_path_parse(name, &path))
			return false;
		subject_build(path.local, path.domain, s);
		return true;
	}
	if (domain_canonical(name, canonical) == 0)
		return false;
	subject_build(view_of(NULL, 0), name, s);
	return true;
}

/* The recipient's verdict where there is one, else the sender's. */
static void
judge(const struct explain *x, const struct subject *s, struct verdict *v)
{
	static const unsigned order[] = { FIELD_RCPT, FIELD_FROM, FIELD_BANNER };

	const struct pattern *exempt = NULL;

	verdict_begin(v);
	for (int i = 0; i < 3 && v->rule == NULL; i++)
		if (x->fields & order[i]) {
			match_address(x->rules, 0, s, order[i], v);
			exempt = exempt != NULL ? exempt : v->exempt;
		}
	v->exempt = exempt;
}

static const char *
or_dash(const char *s)
{
	return s[0] != '\0' ? s : "-";
}

/* What there is to say about a name. Strings are borrowed from the rule set; "" where there is none. */
struct finding {
	struct view name;
	const char *verdict, *rule, *class_name, *means, *mode;
};

static struct finding
finding_of(const struct explain *x, struct view name, const struct verdict *v)
{
	static const char *const modes[MODE_COUNT] = { "observe", "sample", "enforce" };
	const struct rule_tables *t = &x->rules->tables;

	bool exempt = v->rule == NULL && v->exempt != NULL;
	const struct rule *rule = exempt ? &t->rules[v->exempt->rule] : v->rule;

	return (struct finding){
		.name = name,
		.verdict = exempt ? "exempt" : action_name(v->action),
		.rule = rule != NULL ? t->strings + rule->id : "",
		.class_name = verdict_class(v, t),
		.means = verdict_means(v, t),
		.mode = v->rule != NULL ? modes[v->rule->mode] : "",
	};
}

static void
print_text(const struct finding *f)
{
	printf("%.*s: %s", (int)f->name.len, f->name.at, f->verdict);
	if (f->rule[0] != '\0')
		printf(", rule %s", f->rule);
	if (f->class_name[0] != '\0')
		printf(", class %s", f->class_name);
	if (f->means[0] != '\0')
		printf(", means %s", f->means);
	if (f->mode[0] != '\0' && strcmp(f->mode, "enforce") != 0)
		printf(" (for now only flagged: mode %s)", f->mode);
	putchar('\n');
}

static void
print_json(const struct finding *f)
{
	const char *const pairs[][2] = { { "verdict", f->verdict },
					 { "rule", f->rule },
					 { "class", f->class_name },
					 { "means", f->means },
					 { "mode", f->mode } };
	json_t *o = json_object();
	json_t *name = json_stringn((const char *)f->name.at, f->name.len);

	json_object_set_new(o, "name", name != NULL ? name : json_string("?"));
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (pairs[i][1][0] != '\0')
			json_object_set_new(o, pairs[i][0], json_string(pairs[i][1]));
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

/* Judges one name. False: it is no name at all; it is reported, and passes as it would on the wire. */
static bool
explain_name(const struct explain *x, struct view name)
{
	struct subject s = { 0 };
	struct verdict v;

	verdict_begin(&v);
	bool good = subject_of(name, &s);
	if (good)
		judge(x, &s, &v);
	else
		fprintf(stderr, "postern explain: \"%.*s\" is neither a domain nor an address\n", (int)name.len,
			name.at);
	struct finding f = finding_of(x, name, &v);
	switch (x->format) {
	case FORMAT_TEXT:
		print_text(&f);
		break;
	case FORMAT_TSV:
		printf("%.*s\t%s\t%s\t%s\t%s\n", (int)name.len, name.at, f.verdict, or_dash(f.rule),
		       or_dash(f.class_name), or_dash(f.means));
		break;
	case FORMAT_JSON:
		print_json(&f);
		break;
	}
	return good;
}

static bool
explain_lines(const struct explain *x, FILE *in)
{
	char *line = NULL;
	size_t cap = 0;
	bool good = true;

	for (ssize_t len; (len = getline(&line, &cap, in)) > 0;) {
		while (len > 0 && strchr("\r\n \t", line[len - 1]) != NULL)
			len--;
		if (len > 0)
			good = explain_name(x, view_of(line, (size_t)len)) && good;
	}
	free(line);
	return good && !ferror(in);
}

static int
near(const struct explain *x, int argc, char **argv)
{
	char *path = rules_path(x);
	bool good = path != NULL;

	for (int i = optind; i < argc && path != NULL; i++)
		good = explain_near(path, argv[i]) && good;
	free(path);
	return good && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
cmd_explain(int argc, char **argv)
{
	struct explain x = { .fields = FIELD_RCPT | FIELD_FROM };
	int status = parse_options(&x, argc, argv);

	if (status >= 0)
		return status;
	if (x.near)
		return near(&x, argc, argv);
	if (!load_rules(&x))
		return EXIT_FAILURE;
	bool good = optind < argc || explain_lines(&x, stdin);
	for (int i = optind; i < argc; i++)
		good = (strcmp(argv[i], "-") == 0 ? explain_lines(&x, stdin)
						  : explain_name(&x, view_of(argv[i], strlen(argv[i])))) &&
		       good;
	ruleset_free(x.rules);
	return good && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
