/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules for fuzz targets, compiled by the real engine, and texts as files. */
#ifndef POSTERN_TESTS_FUZZ_RULES_H
#define POSTERN_TESTS_FUZZ_RULES_H

#include <sys/mman.h>
#include <unistd.h>

#include "build/build.h"
#include "fuzz.h"
#include "ruleset/ruleset.h"

/* Octets as a file in memory, with its name. */
struct text_file {
	int fd;
	char path[64];
};

static inline struct text_file
text_file(const void *octets, size_t len)
{
	struct text_file f = { .fd = memfd_create("postern-fuzz", MFD_CLOEXEC) };

	PROMISE(f.fd >= 0 && write(f.fd, octets, len) == (ssize_t)len);
	snprintf(f.path, sizeof f.path, "/proc/self/fd/%d", f.fd);
	return f;
}

/* Every action, all three databases. */
static const char fuzz_rules[] = "rule r1 reject rcpt domain army.ml means=army.mil class=tld\n"
				 "rule r2 reject from domain navy.ml means=navy.mil,navy.example\n"
				 "rule r3 flag any domain af.ml means=af.mil\n"
				 "rule r4 reset rcpt domain reset.example\n"
				 "rule r5 drop rcpt domain drop.example\n"
				 "rule r6 defer any domain later.example template=\"{domain}?\\nNot {means}, {ref}?\"\n"
				 "rule r7 reject rcpt regex ^x+y@few\\. mode=sample:50\n"
				 "rule r8 reject rcpt address boss@corner.example mode=observe\n"
				 "rule r9 redirect rcpt domain attic.example means=attics.example\n"
				 "allow rcpt domain gouv.army.ml\n"
				 "allow from address good@navy.ml\n";

/* Every action on names of servers, beside rules on addresses. */
static const char fuzz_banner_rules[] = "rule b1 reject banner domain army.ml means=army.mil\n"
					"rule b2 defer banner domain later.example template=\"{domain}?\\nNot {ref}\"\n"
					"rule b3 flag banner domain af.ml\n"
					"rule b4 reset banner domain reset.example\n"
					"rule b5 drop banner domain drop.example\n"
					"rule b6 reject banner regex ^@mx[0-9]\\. mode=sample:50\n"
					"rule r1 reject rcpt domain army.ml means=army.mil class=tld\n"
					"allow banner domain gouv.army.ml\n";

/* The blob of `text`. Free with build_result_free(). */
static inline struct build_result
build_text(const char *text)
{
	const struct build_options options = { .operator_name = "example carrier", .generation = 7 };
	struct text_file f = text_file(text, strlen(text));
	struct build_result built;

	PROMISE(build_rules(f.path, &options, stderr, &built));
	close(f.fd);
	return built;
}

static inline struct ruleset *
load_text(const char *text)
{
	struct build_result built = build_text(text);
	char err[256];
	struct ruleset *rules = ruleset_load(view_of(built.blob, built.blob_len), 1, err, sizeof err);

	PROMISE(rules != NULL);
	build_result_free(&built);
	return rules;
}

#endif
