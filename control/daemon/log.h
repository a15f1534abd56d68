/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of the daemon's log, on stderr: the service manager stores them. */
#ifndef POSTERN_CONTROL_LOG_H
#define POSTERN_CONTROL_LOG_H

void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
