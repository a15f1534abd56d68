/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Steering from user space: puts the program on the interfaces of the pairs,
 * where it stays without us, and opens the maps that it shares. Everything
 * lives as pins in one directory of a BPF file system:
 *
 *   DIR/link-SLOT             the program on an interface; removing it takes the program off
 *   DIR/bypass                the operator's switch, by pair
 *   DIR/layout-N/MAP          the maps of layout.h; xsks_map and target are called MAP-SLOT
 *
 * A slot is 2 * pair + side (0 inside, 1 outside); behind those of the pairs, that of the quarantines' own interface.
 * Functions that fail return
 * false after a sentence in `err`. Not for the packet path unless it says so.
 */
#ifndef POSTERN_BPF_STEER_H
#define POSTERN_BPF_STEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

/* What whoever attaches decides. Borrowed. */
struct steer_setup {
	const char *dir;
	unsigned pairs; /* at most STEER_PAIRS; a pair without names is not steered */
	struct {
		char interface[2][16]; /* kernel names, by side; "": not of the kernel */
		bool closed;           /* without a dataplane mail is dropped, not forwarded */
	} pair[STEER_PAIRS];
	const uint16_t *mail_ports; /* host byte order */
	unsigned mail_ports_count;  /* 0: every port */
	bool keep_ports; /* those of before as well: a running dataplane has sessions there, and passes new ones unread
			  */
	struct steer_prefix4 exempt4[STEER_EXEMPT];
	struct steer_prefix6 exempt6[STEER_EXEMPT];
	unsigned exempt4_count, exempt6_count;
	uint64_t hung_ns, idle_ns; /* as in struct steer_config */
	char apart[16];            /* the quarantines' own interface; "": none, or no room behind the pairs */
	struct steer_quarantine quarantine[STEER_QUARANTINES];
};

/* The slot of the quarantines' own interface, where there is one. */
static inline unsigned
steer_setup_apart(const struct steer_setup *setup)
{
	return 2 * setup->pairs;
}

/* The kernel's name of the interface of a slot; "": there is none, or it is not steered. */
const char *steer_setup_name(const struct steer_setup *setup, unsigned slot);

/* Both ports of the pair are interfaces of the kernel. */
static inline bool
steer_setup_covers(const struct steer_setup *setup, unsigned pair)
{
	return setup->pair[pair].interface[0][0] != '\0' && setup->pair[pair].interface[1][0] != '\0';
}

/*
 * Brings the pins in line with `setup`, whatever was there before, without a
 * gap: a program that is on its interface already is replaced in place, and
 * keeps its maps; interfaces that are no longer named get rid of theirs.
 * Mounts a BPF file system where there is none. Needs CAP_NET_ADMIN, CAP_BPF
 * and CAP_PERFMON, and CAP_SYS_ADMIN for the mount. `generic` (may be NULL):
 * a bit for each slot whose driver has no native XDP.
 */
bool steer_attach(const struct steer_setup *setup, unsigned *generic, char *err, size_t errlen);

/* Takes all programs off and leaves nothing in `dir`, nor `dir` itself. Nothing there is fine. */
bool steer_detach(const char *dir, char *err, size_t errlen);

/* The shared maps, open and mapped. */
struct steer;

/* Returns owned, or NULL: not attached, or not allowed. */
struct steer *steer_open(const char *dir, char *err, size_t errlen);
/* NULL is fine. */
void steer_close(struct steer *s);

/* Frames by cause at a slot, all CPUs together, since it was first attached. */
bool steer_count(const struct steer *s, unsigned slot, struct steer_counters *sum);
bool steer_config(const struct steer *s, struct steer_config *config);

/* What is exempt now: at most STEER_EXEMPT of each family. Returns how many. */
unsigned steer_exempt4(const struct steer *s, struct steer_prefix4 *list);
unsigned steer_exempt6(const struct steer *s, struct steer_prefix6 *list);

/* The switch: mail of the pair passes unread. Holds until it is set again, whatever runs meanwhile. */
bool steer_bypass(const struct steer *s, unsigned pair, bool on);
bool steer_bypassed(const struct steer *s, unsigned pair);

/* Index of the interface that carries the program of a slot, 0: none. *generic: not in the driver. */
unsigned steer_interface(const char *dir, unsigned slot, bool *generic);

/* Words of a counter, in the order of enum steer_counter. */
struct steer_counter_info {
	const char *name, *where, *text;
};
extern const struct steer_counter_info steer_counter_info[STEER_COUNTERS];

/* ---- what follows is for the dataplane: plain loads and stores, no system call ---- */

/* Heartbeats; the caller stores. */
struct steer_live *steer_live(const struct steer *s);

/* A session that is not to be read any more: from now on it goes from interface to interface. Any thread. */
void steer_pass(struct steer *s, const struct steer_key *key, enum steer_state why, uint64_t now_ns);
/*
 * A session that is edited: only this run of the dataplane (steer_live()->epoch) can continue it. Before the first
 * edited octet leaves. False: no room; nobody will notice when it is orphaned. Any thread.
 */
bool steer_edit(struct steer *s, const struct steer_key *key);
/* The session is over. Any thread. */
void steer_edit_done(struct steer *s, const struct steer_key *key);
/* Edited sessions of this run. */
unsigned steer_edited(const struct steer *s);
/* Sessions that are passed now: noted, and not silent for longer than idle_ns. */
unsigned steer_passed(const struct steer *s, uint64_t now_ns);

#endif
