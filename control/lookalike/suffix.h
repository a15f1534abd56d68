/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Public suffixes and delegated top-level domains, as libpsl knows them: the
 * file of the distribution's package publicsuffix where it is newer than what
 * libpsl was built with, else that.
 */
#ifndef POSTERN_CONTROL_LOOKALIKE_SUFFIX_H
#define POSTERN_CONTROL_LOOKALIKE_SUFFIX_H

#include "base/bytes.h"

struct suffixes;

/* Reads the newest list at hand; `path`: a list to prefer, or NULL. NULL: there is none. suffixes_free() takes it. */
struct suffixes *suffixes_load(const char *path);
void suffixes_free(struct suffixes *s);

/* The last label of `name` is a delegated top-level domain. */
bool suffixes_delegated(const struct suffixes *s, struct view name);
/* Strangers register under `name`, directly (of ICANN's section: not a host's customers). */
bool suffixes_public(const struct suffixes *s, struct view name);
/* The public suffix `name` ends in (borrowed from it), at least its last label. */
struct view suffixes_of(const struct suffixes *s, struct view name);

#endif
