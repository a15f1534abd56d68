/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The link to the dataplane: hands over sealed blobs, and notices when the dataplane comes, goes or restarts. Every
 * question has a time limit; between attempts to connect the link waits 50 ms to 2 s. Loop thread only.
 */
#ifndef POSTERN_CONTROL_HANDOVER_H
#define POSTERN_CONTROL_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

struct handover_answer {
	char error[512]; /* "": the rule set is live */
	bool refused;    /* the dataplane said no, or ended over it; else it could not be asked */
	uint64_t generation, swap_ns, quiesce_ns, packets_lost;
};

typedef void handover_done(void *ctx, const struct handover_answer *a);

/* The dataplane answers, and judges by rule set `generation` (0: none yet). Called again after each of its restarts. */
typedef void handover_present(void *ctx, uint64_t generation);

struct handover {
	uv_loop_t *loop;
	char *path;
	int fd;           /* -1: not connected */
	uv_poll_t *poll;  /* freed when its handle is closed */
	uv_timer_t timer; /* while an answer is awaited: its limit; while not connected: the next attempt */
	unsigned backoff_ms, timeout_ms;
	bool ping, load;    /* answers that are awaited, in this order */
	bool closing, away; /* away: already said so in the log */
	int blob;           /* being loaded; borrowed */
	handover_present *present;
	handover_done *done;
	void *ctx;
};

/* Starts to look for a dataplane at `path` (copied). `timeout_ms`: limit of one answer. */
int handover_init(struct handover *h, uv_loop_t *loop, const char *path, unsigned timeout_ms, handover_present *present,
		  void *ctx);

/*
 * Hands `blob` over (a sealed memfd of blob_len octets, borrowed until done). `done` is called once, with the ctx of
 * init, perhaps before this returns. One at a time. A dataplane that is away is an error at once, not something to
 * wait for. The limit of the answer grows by 1 s per 32 MiB.
 */
void handover_load(struct handover *h, int blob, size_t blob_len, handover_done *done);

void handover_close(struct handover *h);

#endif
