/* SPDX-License-Identifier: BSD-3-Clause */
#include "replay/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* A mapping is brought in and let go by windows, so that a large file costs no more memory than a small one. */
enum { READ_AHEAD = 1 << 20, WINDOW = 4 << 20, FRAME_MAX = 262144 };

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14; older ones refuse it, and fault page by page */
#endif

/* Of a classic capture file, in the byte order of who wrote it. */
struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snap, link;
};
struct record_header {
	uint32_t seconds, fraction, captured, length;
};

enum { MAGIC_MICRO = 0xa1b2c3d4, MAGIC_NANO = 0xa1b23c4d };

struct capture {
	pcap_t *pcap; /* has checked the file's header; reads what is not mapped */
	uint8_t *map; /* NULL: not mapped */
	size_t size, at;
	size_t window; /* end of the one that was brought in last */
	uint32_t snap;
	bool nano, swapped;
	char error[PCAP_ERRBUF_SIZE];
};

static uint32_t
number(const struct capture *c, uint32_t n)
{
	return c->swapped ? __builtin_bswap32(n) : n;
}

/* True where the records of the mapped file are those that read_record() knows. */
static bool
is_classic(struct capture *c)
{
	struct file_header h;

	memcpy(&h, c->map, sizeof h);
	c->swapped = h.magic == __builtin_bswap32(MAGIC_MICRO) || h.magic == __builtin_bswap32(MAGIC_NANO);
	c->nano = number(c, h.magic) == MAGIC_NANO;
	uint16_t minor = c->swapped ? __builtin_bswap16(h.minor) : h.minor;
	return (c->nano || number(c, h.magic) == MAGIC_MICRO) && minor == 4;
}

static void
map_file(struct capture *c, FILE *file)
{
	struct stat st;

	if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size < sizeof(struct file_header))
		return;
	void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fileno(file), 0);
	if (map == MAP_FAILED)
		return;
	c->map = map;
	c->size = (size_t)st.st_size;
	c->at = sizeof(struct file_header);
	c->snap = (uint32_t)pcap_snapshot(c->pcap);
	if (!is_classic(c)) {
		munmap(map, c->size);
		c->map = NULL;
	}
}

struct capture *
capture_open(const char *path, char *err)
{
	struct capture *c = calloc(1, sizeof *c);
	FILE *file = fopen(path, "rb");

	if (c == NULL || file == NULL) {
		snprintf(err, PCAP_ERRBUF_SIZE, "%s: %s", path, strerror(errno));
		free(c);
		if (file != NULL)
			fclose(file);
		return NULL;
	}
	setvbuf(file, NULL, _IOFBF, READ_AHEAD);
	c->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, err);
	if (c->pcap == NULL) {
		fclose(file);
		free(c);
		return NULL;
	}
	map_file(c, file);
	return c;
}

void
capture_close(struct capture *c)
{
	if (c->map != NULL)
		munmap(c->map, c->size);
	pcap_close(c->pcap);
	free(c);
}

int
capture_link(const struct capture *c)
{
	return pcap_datalink(c->pcap);
}

/* The window at hand has been read: the next one in, the one before out. */
static void
move_window(struct capture *c)
{
	size_t begin = c->window, left = c->size - begin;

	if (begin >= 2 * (size_t)WINDOW)
		madvise(c->map + begin - 2 * WINDOW, WINDOW, MADV_DONTNEED);
	c->window += left < WINDOW ? left : WINDOW;
	madvise(c->map + begin, c->window - begin, MADV_POPULATE_READ);
}

static int
damaged(struct capture *c, const char *what, size_t wanted)
{
	snprintf(c->error, sizeof c->error, "%s of %zu octets at offset %zu of a file of %zu", what, wanted, c->at,
		 c->size);
	return -1;
}

/* One record of the mapped file; of a frame longer than the file says frames are, its beginning. */
static int
read_record(struct capture *c, struct capture_frame *f)
{
	struct record_header h;
	size_t left = c->size - c->at;

	if (left == 0)
		return 0;
	if (left < sizeof h)
		return damaged(c, "truncated header", sizeof h);
	memcpy(&h, c->map + c->at, sizeof h);
	uint32_t len = number(c, h.captured);
	if (len > FRAME_MAX)
		return damaged(c, "impossible frame", len);
	if (len > left - sizeof h)
		return damaged(c, "truncated frame", len);
	f->octets = view_of(c->map + c->at + sizeof h, len < c->snap ? len : c->snap);
	f->time_ns = number(c, h.seconds) * UINT64_C(1000000000) +
		     number(c, h.fraction) * (c->nano ? UINT64_C(1) : UINT64_C(1000));
	c->at += sizeof h + len;
	while (c->window < c->at)
		move_window(c);
	return 1;
}

int
capture_next(struct capture *c, struct capture_frame *f)
{
	struct pcap_pkthdr *h;
	const u_char *octets;

	if (c->map != NULL)
		return read_record(c, f);
	int got = pcap_next_ex(c->pcap, &h, &octets);
	if (got == PCAP_ERROR)
		snprintf(c->error, sizeof c->error, "%s", pcap_geterr(c->pcap));
	if (got != 1)
		return got == PCAP_ERROR ? -1 : 0;
	f->octets = view_of(octets, h->caplen);
	f->time_ns = (uint64_t)h->ts.tv_sec * 1000000000u + (uint64_t)h->ts.tv_usec; /* ns: as asked for */
	return 1;
}

const char *
capture_error(const struct capture *c)
{
	return c->error;
}
