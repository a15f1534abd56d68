/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The work of the compiling child: from rule files to a blob, through the cache. Blocks, allocates and may be
 * killed at any moment: it runs in a process of its own (compile_child.h).
 */
#ifndef POSTERN_CONTROL_COMPILE_JOB_H
#define POSTERN_CONTROL_COMPILE_JOB_H

#include <stdbool.h>
#include <stdint.h>

struct compile_job {
	const char *rules; /* top rule file */
	const char *operator_name;
	const char *cache; /* directory; "": none */
	unsigned cache_entries;
	uint64_t generation;  /* to write into the blob */
	const char *live_key; /* skip the work where the rules have this key; NULL: never skip */
	unsigned cpu_seconds; /* limits of the child */
	unsigned memory_mb;
};

/* Where the results go: files of the caller, empty at the start. */
struct compile_files {
	int blob;
	int messages; /* errors and warnings, text for people */
	int report; /* JSON: {"done":bool, "cached":bool, "unchanged":bool, "key":S, "files":[S...], "summary":{...}} */
	int listing; /* JSON: array of the rules, see listing.h */
};

/*
 * Does the job. The report is written before the compilation ("files" and "key") and again after it ("done" is true
 * where the blob is written or nothing had to be done; "summary": rules, patterns, warnings, errors, parse_ns,
 * compile_ns). Returns "done".
 */
bool compile_run(const struct compile_job *job, const struct compile_files *out);

#endif
