/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The spread over several workers, in software: both directions of a flow and
 * its fragments must meet the same worker, which hashing by a NIC promises for
 * some drivers only. Worker 0 owns the ports, hands each frame to the worker of its flow over a
 * ring, and sends what the others hand back. Each ring has one writer and one
 * reader.
 */
#ifndef POSTERN_IO_SPREAD_H
#define POSTERN_IO_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

#define WORKERS_MAX 64

struct doze;
struct rte_ring;
struct owners;
struct settings;

struct spread {
	unsigned workers;
	struct rte_ring *in[WORKERS_MAX];  /* worker 0 -> worker i; [0] unused */
	struct rte_ring *out[WORKERS_MAX]; /* worker i -> worker 0; [0] unused */
	struct owners *owners;             /* of connections to quarantines; NULL: none is ever made */
	struct doze *doze[WORKERS_MAX];    /* of worker i, borrowed: who fills its ring wakes it */
};

/* Makes the rings. False after a sentence on stderr. Main thread. */
bool spread_init(struct spread *spread, const struct settings *s);
void spread_free(struct spread *spread);

/* Sessions of one worker that may be at quarantines, those included that are closed and stay for a while. */
unsigned spread_splices(const struct settings *s);

/*
 * Equal for both directions of a flow and for its fragments: a hash of the IP
 * addresses alone, found behind up to three VLAN tags. 0 for anything else.
 * Pure. `len` octets at `frame`, which may be hostile.
 */
uint32_t spread_hash(const uint8_t *frame, uint32_t len);

/*
 * The port number of an mbuf between workers: the slot where the frame came in
 * or is to leave; whether its worker was looked up (it is not looked up again);
 * and, on the way to the owner of the ports, which worker it is for, plus one.
 */
enum { HAND_SLOT = 0xff, HAND_FOUND = 0x8000, HAND_WORKER = 0x7f00, HAND_SHIFT = 8 };

/* The worker, below `workers`, of a frame. */
static inline unsigned
spread_worker(const uint8_t *frame, uint32_t len, unsigned workers)
{
	return (unsigned)((uint64_t)spread_hash(frame, len) * workers >> 32);
}

#endif
