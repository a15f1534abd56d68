/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures through the pipeline, to events and totals. */
#ifndef POSTERN_REPLAY_REPLAY_H
#define POSTERN_REPLAY_REPLAY_H

#include <stdbool.h>
#include <stdio.h>

#include "event/event.h"
#include "pipeline.h"

struct replay_options {
	const struct ruleset *rules; /* borrowed; NULL: nothing matches */
	const uint16_t *ports;       /* host byte order; port_count 0: any port, by dialogue */
	unsigned port_count;
	bool ignore_checksums;
	const char *write; /* capture to write what leaves to; NULL: none */
	/* Each address in order, and its capture's name. Called from replay_file(). */
	void (*event)(void *ctx, const char *capture, const struct event *e);
	void *ctx;
};

struct replay_totals {
	struct counters counters;
	double seconds; /* wall clock spent in the pipeline and in reading */
};

struct replay;

/* Returns owned, or NULL after a sentence on stderr. */
struct replay *replay_new(const struct replay_options *o);

/*
 * Runs one capture file through: reads it in order, then lets go of what is
 * held. Flows do not outlive their file. False after a sentence on stderr:
 * the file cannot be read, or is of a link type that is not supported.
 */
bool replay_file(struct replay *r, const char *path);

/* Adds up; takes r. Returns false where what was to be written could not be. */
bool replay_done(struct replay *r, struct replay_totals *totals);

#endif
