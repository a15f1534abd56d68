/* SPDX-License-Identifier: BSD-3-Clause */
/* The answers of the daemons, printed for people. Private to `postern show`. Each borrows the merged answer. */
#ifndef POSTERN_CONTROL_SHOW_H
#define POSTERN_CONTROL_SHOW_H

#include <stdio.h>

#include <jansson.h>

void show_stats(FILE *out, const json_t *answer);
void show_flows(FILE *out, const json_t *answer);
void show_rules(FILE *out, const json_t *answer);
void show_hits(FILE *out, const json_t *answer);
void show_quarantine(FILE *out, const json_t *answer);
void show_events(FILE *out, const json_t *answer);
void show_steer(FILE *out, const json_t *answer);

#endif
