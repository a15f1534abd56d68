/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands between this machine and a gate that works well: one finding a
 * check, each with the command that would change it. Checks only look.
 */
#ifndef POSTERN_CONTROL_DOCTOR_H
#define POSTERN_CONTROL_DOCTOR_H

#include <stdbool.h>

#include <jansson.h>

#include "settings/settings.h"

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_NOTE,    /* could be better */
	DOCTOR_WARNING, /* costs speed or safety */
	DOCTOR_ERROR,   /* the gate does not start, or loses traffic */
};

struct doctor {
	const struct settings *settings; /* borrowed */
	json_t *findings;                /* [{"level", "check", "subject", "text", "fix", "safe"}], in order */
	enum doctor_level worst;
};

/*
 * Adds a finding. `subject`: what was looked at. `fix`: a command of words and blanks, no shell; NULL: none. `safe`:
 * the command interrupts nothing and can be taken back.
 */
__attribute__((format(printf, 7, 8))) void doctor_find(struct doctor *d, enum doctor_level level, const char *check,
						       const char *subject, const char *fix, bool safe,
						       const char *format, ...);

/* Formats a command for doctor_find() into a buffer that lasts until the next call. */
__attribute__((format(printf, 1, 2))) const char *doctor_command(const char *format, ...);

/* First line of a file, without its end. False: cannot be read. */
bool doctor_read(const char *path, char *line, unsigned len);

/* memory, clock, CPUs, privileges */
void doctor_machine(struct doctor *d);
/* what steering needs of the kernel */
void doctor_kernel(struct doctor *d);
/* each port, and the two of a pair together */
void doctor_ports(struct doctor *d);

#endif
