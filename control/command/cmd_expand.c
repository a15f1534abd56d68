/* SPDX-License-Identifier: BSD-3-Clause */
/* postern expand: what would be taken for a slip of a name. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/commands.h"
#include "lookalike/exempt.h"
#include "lookalike/keyboard.h"
#include "lookalike/lookalike.h"
#include "lookalike/suffix.h"
#include "rules/names.h"

static const char usage[] =
	"usage: postern expand [options] NAME...\n"
	"       postern expand --classes\n"
	"\n"
	"Lists the lookalikes of each protected NAME by the default policy: class, policy and\n"
	"name, a line each, without those in registries that have no strangers (.mil, .gov.uk).\n"
	"Twins in other scripts and labels with two edits are matched without being listed.\n"
	"\n"
	"  -k, --class CLASS  this class only, whatever its policy\n"
	"  -l, --layout NAME  qwerty, qwertz or azerty; may be given again (default: qwerty)\n"
	"  -n, --count        how many names each class yields instead of the names\n"
	"  -C, --classes      list the classes as a table: what each does where the result has no top-level\n"
	"                     domain, and by the letters of the label; definition, example\n"
	"  -h, --help         print this\n"
	"\n"
	"Exit status: 0 done; 1 a NAME cannot be expanded; 2 wrong usage.\n";

struct expand {
	struct protection protection;
	enum slip only; /* SLIP_COUNT: all */
	unsigned layouts;
	struct registries *registries;
	bool count;
	unsigned long counts[SLIP_COUNT];
};

/* A table in the form of the documentation, which has the same lines. */
static void
list_classes(void)
{
	puts("| class | no TLD | 1-3 | 4 | 5 | 6 | 7+ | what | example | seen by |\n"
	     "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
	for (unsigned i = 0; i < SLIP_COUNT; i++) {
		const struct slip_info *c = &slip_info[i];
		printf("| %s |", c->name);
		for (const char *column = c->guard; *column != '\0'; column++)
			printf(" %s |", *column == 'b' ? "block" : *column == 'o' ? "observe" : "-");
		printf(" %s | %s for %s | %s |\n", c->definition, c->example, c->of, c->source);
	}
}

static int
wrong(const char *what, const char *value)
{
	fprintf(stderr, "postern expand: %s \"%s\" is none; see --classes and --help\n", what, value);
	return 2;
}

/* -1: go on; else the exit status. */
static int
parse_options(struct expand *x, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "class", required_argument, NULL, 'k' }, { "layout", required_argument, NULL, 'l' },
		{ "count", no_argument, NULL, 'n' },       { "classes", no_argument, NULL, 'C' },
		{ "help", no_argument, NULL, 'h' },        { NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "k:l:nCh", longs, NULL)) != -1) {
		struct view word = optarg != NULL ? view_of(optarg, strlen(optarg)) : view_of(NULL, 0);
		switch (opt) {
		case 'k':
			x->only = slip_of(word);
			if (x->only == SLIP_COUNT)
				return wrong("class", optarg);
			break;
		case 'l':
			if (layout_of(word) == LAYOUT_COUNT)
				return wrong("layout", optarg);
			x->layouts |= LAYOUT_BIT(layout_of(word));
			break;
		case 'n':
			x->count = true;
			break;
		case 'C':
			list_classes();
			return EXIT_SUCCESS;
		default:
			fputs(usage, opt == 'h' ? stdout : stderr);
			return opt == 'h' ? EXIT_SUCCESS : 2;
		}
	}
	if (optind < argc)
		return -1;
	fputs(usage, stderr);
	return 2;
}

static void
on_lookalike(void *ctx, const struct lookalike *l)
{
	struct expand *x = ctx;

	if ((x->only != SLIP_COUNT && l->slip != x->only) || registries_cover(x->registries, l->name))
		return;
	x->counts[l->slip]++;
	if (!x->count)
		printf("%s\t%s\t%.*s\n", slip_info[l->slip].name, policy_name(l->policy), (int)l->name.len, l->name.at);
}

static bool
expand_name(struct expand *x, const struct suffixes *s, const char *written)
{
	uint8_t canonical[DOMAIN_MAX];
	char why[NAME_WHY_MAX] = "it has no label before its public suffix";
	size_t len = name_domain(view_of(written, strlen(written)), canonical, why);
	struct view name = view_of(canonical, len);
	struct name_parts parts;

	if (len == 0 || !name_parts(s, name, &parts)) {
		fprintf(stderr, "postern expand: \"%s\" cannot be expanded: %s\n", written, why);
		return false;
	}
	memset(x->counts, 0, sizeof(x->counts));
	lookalike_expand(s, name, &x->protection, NULL, EXTENT_ALL, on_lookalike, x);
	for (unsigned i = 0; i < SLIP_COUNT && x->count; i++)
		if (x->counts[i] > 0)
			printf("%s\t%s\t%lu\n", written, slip_info[i].name, x->counts[i]);
	return true;
}

int
cmd_expand(int argc, char **argv)
{
	struct expand x = { .only = SLIP_COUNT };
	int status = parse_options(&x, argc, argv);
	bool good = true;

	if (status >= 0)
		return status;
	protection_default(&x.protection);
	if (x.layouts != 0)
		x.protection.layouts = x.layouts;
	if (x.only != SLIP_COUNT)
		x.protection.policy[x.only] = POLICY_BLOCK;
	struct suffixes *s = suffixes_load(NULL);
	x.registries = s != NULL ? registries_make(s) : NULL;
	if (x.registries == NULL) {
		fputs("postern expand: there is no list of public suffixes\n", stderr);
		suffixes_free(s);
		return EXIT_FAILURE;
	}
	for (int i = optind; i < argc; i++)
		good = expand_name(&x, s, argv[i]) && good;
	registries_free(x.registries);
	suffixes_free(s);
	return good && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
