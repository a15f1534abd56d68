/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The frames of a capture file, one after the other. A classic pcap file is
 * mapped: libpcap would copy each frame, and the C library before it. What
 * cannot be mapped, and pcapng, is read by libpcap.
 */
#ifndef POSTERN_REPLAY_CAPTURE_H
#define POSTERN_REPLAY_CAPTURE_H

#include <pcap/pcap.h>
#include <stdbool.h>

#include "base/bytes.h"

struct capture;

struct capture_frame {
	struct view octets; /* borrowed, valid until the next call */
	uint64_t time_ns;   /* since 1970 */
};

/* Returns owned, or NULL with a sentence in `err` (PCAP_ERRBUF_SIZE octets). The file must not shrink meanwhile. */
struct capture *capture_open(const char *path, char *err);
/* Takes c. */
void capture_close(struct capture *c);

/* Its link type, as libpcap numbers them (DLT_*). */
int capture_link(const struct capture *c);

/* The next frame. 1: there is one; 0: that was the last; -1: the file is damaged from here on, see capture_error(). */
int capture_next(struct capture *c, struct capture_frame *f);
/* What is wrong, borrowed. */
const char *capture_error(const struct capture *c);

#endif
