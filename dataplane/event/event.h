/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An event: what was judged, by which rule, with what outcome. Fixed size and
 * self-contained (a rule set may be gone when the event is written), so it
 * can cross a ring by copy. The clear local part exists only in here, inside
 * the process; event_json() hashes it unless told otherwise.
 */
#ifndef POSTERN_EVENT_EVENT_H
#define POSTERN_EVENT_EVENT_H

#include "base/bytes.h"
#include "base/packet.h"
#include "smtp/domain.h"
#include "verdict/verdict.h"

#define EVENT_REF_LEN 13 /* characters of a reference, RFC 4648 base32 lower case */

enum event_kind {
	EVENT_MAIL,
	EVENT_RCPT,
	EVENT_QUEUED, /* a quarantine has accepted the mail; the rest as in the event of its recipient */
	EVENT_BANNER, /* the server has said its name: there is no address, the name is the domain */
};

struct event {
	uint64_t time_ns;                         /* wall clock, ns since 1970 (replay: capture time) */
	uint64_t generation;                      /* of the rule set that judged */
	uint8_t client_addr[16], server_addr[16]; /* IPv4: first 4 octets */
	uint16_t client_port, server_port;
	uint16_t transaction;
	uint16_t address_len; /* octets of address, as sent */
	uint16_t domain_len;  /* octets of domain, canonical */
	uint8_t ip_version;
	uint8_t kind;    /* enum event_kind */
	uint8_t action;  /* enum action of the rule; ACTION_PASS: no rule matched */
	uint8_t applied; /* enum action that took place */
	uint8_t worker;
	char ref[EVENT_REF_LEN + 1]; /* "" where the address was not flagged */
	char rule[64];
	char class_name[32];
	char means[128];
	char quarantine[32];  /* where the recipient went, "": nowhere */
	char answer[128];     /* EVENT_QUEUED: the reply of the quarantine, its queue id in it */
	uint8_t address[384]; /* cut at its front where longer */
	uint8_t domain[DOMAIN_MAX + 1];
};

/* Key for hashing local parts: BLAKE2b of libsodium, per installation, so that hashes of one box compare. */
struct event_key {
	uint8_t octets[32];
};

/*
 * Reads the key at `path`; makes one of random octets (mode 0600) where the
 * file is missing. False with errno where it can neither be read nor made;
 * EINVAL: the file is not 32 octets long. Control thread only.
 */
bool event_key_load(const char *path, struct event_key *key);

/* The reference of a unique number: 13 characters of RFC 4648 base32, lower case, and NUL. Pure. */
void event_ref(uint64_t number, char ref[EVENT_REF_LEN + 1]);

/*
 * One JSON object without line end, to out. `capture`: NULL for live events.
 * `clear`: addresses as sent, else "HASH@domain" with HASH = 16 hex digits of
 * the keyed hash of the lower-cased local part. NUL and octets that are not
 * UTF-8 appear as U+FFFD. The null reverse-path appears as "<>"; a banner has no address. Keys: event, capture
 * (where given), time, flow, transaction, address, verdict (what was applied,
 * "pass" where no rule matched), then where a rule matched rule, class, means,
 * action, ref; last domain and generation. Empty ones are left out. A NUL follows,
 * not counted. Returns octets, 0 where cap is too small (4096 suffices).
 */
size_t event_json(const struct event *e, const struct event_key *key, bool clear, const char *capture, char *out,
		  size_t cap);

#endif
