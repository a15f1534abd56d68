/* SPDX-License-Identifier: BSD-3-Clause */
/* Sentences for the operator, one a line, to stderr. Never on the packet path. Any thread. */
#ifndef POSTERN_LIVE_SAY_H
#define POSTERN_LIVE_SAY_H

/* Writes "postern-dp: SENTENCE\n" in one piece. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

#endif
