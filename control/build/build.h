/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rule files to a blob: read -> parse -> check -> patterns -> compile ->
 * serialise. posternd calls it in a child process with limits; replay and
 * explain call it in their own. Allocates; nothing here runs on a packet path.
 */
#ifndef POSTERN_CONTROL_BUILD_BUILD_H
#define POSTERN_CONTROL_BUILD_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct build_options {
	const char *operator_name; /* appears in refusals; NULL: "" */
	uint64_t generation;       /* goes into the blob and from there into each verdict */
	unsigned jobs;             /* threads for compiling; 0 or 1: the caller's own */
	FILE *refusals;            /* gets slips of protected names that do not count, build/refusals.h; NULL: none */
};

struct build_result {
	uint8_t *blob; /* owned; NULL where only checked or failed */
	size_t blob_len;
	unsigned rules, patterns, files, errors, warnings;
	unsigned
		lookalikes; /* names in the table, where names are protected; those that suffix slips add come on top */
	uint32_t *lookalikes_of; /* owned: those of each rule, by its index; NULL where no name is protected */
	unsigned lookalikes_of_count;
	uint64_t parse_ns, compile_ns;
};

/*
 * Builds the rule set whose top file is `path`. Every error and warning is
 * written to `messages` as "file:line:column: error: ...", sorted. True: r
 * holds a blob; false: there were errors (r->errors > 0) and no blob. Either
 * way build_result_free() is safe. Borrows its arguments.
 */
bool build_rules(const char *path, const struct build_options *o, FILE *messages, struct build_result *r);
void build_result_free(struct build_result *r);

/*
 * The files a rule set consists of and the directories in which further ones
 * could appear, for watching and hashing: files as they were named, in the
 * order of reading; then directories, each with a '/' at its end. Files that
 * are missing are listed too. Errors in them do not matter. Returns owned
 * (build_rule_files_free) and sets *n.
 */
char **build_rule_files(const char *path, size_t *n);
void build_rule_files_free(char **files, size_t n);

#endif
