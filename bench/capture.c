/* SPDX-License-Identifier: BSD-3-Clause */
/* postern-bench capture: a scenario's traffic as a file, for programs that read captures. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "traffic.h"

enum { BATCH = 2048, SNAP = 65535 };

static const char usage[] = "usage: postern-bench capture SCENARIO MEGABYTES OUT.pcap\n"
			    "\n"
			    "Writes what a scenario's sessions say to each other, from its first SYN on.\n";

/* The header of a capture file with nanoseconds, in the machine's byte order. */
struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snap, link;
};

struct record_header {
	uint32_t seconds, nanoseconds, captured, length;
};

/* Takes the frames: they are written, and arrive unchanged. Returns octets, or 0 where the file is full. */
static size_t
write_frames(FILE *out, struct buffers *b, struct buffer **frames, unsigned n, uint64_t now_ns, double mpps)
{
	struct packet_ops ops = buffers_ops(b);
	struct packet *burst[1];
	size_t octets = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct descriptor *d = &frames[i]->d;
		uint64_t at = now_ns + (uint64_t)((double)i * 1000 / mpps);
		const struct record_header h = {
			.seconds = (uint32_t)(at / 1000000000),
			.nanoseconds = (uint32_t)(at % 1000000000),
			.captured = d->length,
			.length = d->length,
		};
		if (fwrite(&h, sizeof(h), 1, out) != 1 || fwrite(d->address + d->offset, d->length, 1, out) != 1)
			return 0;
		octets += sizeof(h) + d->length;
		buffers_receive(&frames[i], 1, burst, at);
		ops.transmit(ops.front, burst[0], other_side(burst[0]->side));
	}
	buffers_flush(b);
	return octets;
}

static bool
write_capture(const struct scenario *s, struct traffic *t, struct buffers *b, FILE *out, size_t limit)
{
	const struct file_header h = { .magic = 0xa1b23c4d, .major = 2, .minor = 4, .snap = SNAP, .link = 1 };
	struct buffer *frames[BATCH];
	uint64_t now_ns = 1750000000000000000;
	size_t octets = sizeof(h), some;

	if (fwrite(&h, sizeof(h), 1, out) != 1)
		return false;
	while (octets < limit) {
		unsigned n = traffic_make(t, frames, BATCH);
		some = write_frames(out, b, frames, n, now_ns, s->mpps);
		if (some == 0 && n > 0)
			return false;
		traffic_deliver(t);
		octets += some;
		now_ns += (uint64_t)(n * 1000.0 / s->mpps);
	}
	return true;
}

int
bench_capture(int argc, char **argv)
{
	struct scenario s;
	struct scripts scripts = { 0 };
	struct buffers buffers;
	struct traffic *t = NULL;
	FILE *out = NULL;
	bool good = false;

	if (argc != 4) {
		fputs(usage, argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
		return 2;
	}
	if (!scenario_read(&s, argv[1]))
		return 2;
	if (buffers_init(&buffers, 4 * BATCH) && scripts_init(&scripts, &s) &&
	    (t = traffic_new(&s, &scripts, &buffers)) != NULL && (out = fopen(argv[3], "w")) != NULL)
		good = write_capture(&s, t, &buffers, out, strtoul(argv[2], NULL, 10) << 20);
	if (out != NULL && fclose(out) != 0)
		good = false;
	if (!good)
		perror(argv[3]);
	traffic_free(t);
	scripts_free(&scripts);
	buffers_free(&buffers);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
