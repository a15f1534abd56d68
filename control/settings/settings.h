/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The settings of one box, for postern-dp, posternd and postern: one YAML file
 * (default /etc/postern/postern.yaml), every key optional, documented in
 * control/postern.yaml.example. Read once at start; never touched by workers.
 */
#ifndef POSTERN_CONTROL_SETTINGS_H
#define POSTERN_CONTROL_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SETTINGS_DEFAULT_PATH "/etc/postern/postern.yaml"

/* Two ports that are one line: what comes in at one leaves at the other. */
struct settings_pair {
	char *inside; /* "0000:3b:00.0" (PCI), or an EAL vdev: "net_af_xdp0,iface=eth1" */
	char *outside;
	char *fail; /* with steering: what happens to mail without a dataplane: "open" (NULL too) or "closed" */
};

/* A mail server that keeps mail for review. */
struct settings_quarantine {
	char *name;
	char *address; /* IPv4 or IPv6 */
	unsigned port;
	char *xclient; /* "off", "xclient" or "xforward": how it is told of the client; NULL: off */
};

struct settings {
	char *operator_name; /* operator: appears in refusals; default: the host name */
	char *rules;         /* rules: the top rule file; default /etc/postern/rules.conf */

	struct {
		struct settings_pair *pairs;
		unsigned pairs_count;
		unsigned workers;         /* default 1 */
		char *cores;              /* "0-1": core list of the EAL; default: first workers+1 cores */
		bool huge_pages;          /* default true; false is --no-huge */
		bool huge_pages_required; /* "huge_pages: true" stands in the file: without them the dataplane does not
					     start */
		unsigned memory_mb;       /* default 512 */
		char **eal_args;          /* further EAL arguments, verbatim */
		unsigned eal_args_count;
		uint16_t *mail_ports; /* default 25, 587 */
		unsigned mail_ports_count;
		char **exempt; /* addresses and prefixes, either end: never read; at most SCOPE_EXEMPT_MAX */
		unsigned exempt_count;
		unsigned flows;                 /* per worker; default 262144 */
		unsigned packets;               /* buffers in the pool; default 0: enough for the ports and workers */
		unsigned held_packets;          /* cap per worker; default 4096 */
		unsigned held_packets_per_flow; /* default 256 */
		unsigned hold_ms;               /* default 3000 */
		unsigned refusals_per_session;  /* as NOOP; further ones are answered by the box; default 8 */
		bool ignore_checksums;          /* default false */
		unsigned idle_sleep_us;         /* longest micro-sleep of an idle worker; 0: never; default 100 */
		char *when_blind;               /* "pass" or "reset"; default pass */
		char *user;                     /* to become after start; "": stay */
		char *socket;                   /* default PROTOCOL_DP_SOCKET */
	} dataplane;

	struct {
		char *socket;               /* default PROTOCOL_CONTROL_SOCKET */
		char *cache;                /* directory of compiled rule sets; default /var/cache/postern; "": none */
		unsigned cache_entries;     /* kept; default 16 */
		unsigned compile_seconds;   /* limit of the compiling child; default 600 */
		unsigned compile_memory_mb; /* default 8192 */
		bool watch;                 /* reload when a rule file changes; default true */
	} control;

	struct {
		char *path;           /* file of JSON lines; "": none; default /var/log/postern/events.json */
		bool clear_addresses; /* default false: keyed hashes */
		char *key_file; /* 32 octets for the hash; made when missing; default /var/lib/postern/event.key */
		unsigned ring;  /* events between worker and writer; default 4096 */
	} events;

	/* Where the action redirect brings mail. */
	struct {
		struct settings_quarantine *servers;
		unsigned servers_count;
		char *interface;    /* of the kernel, which all of them are reached by; default "": as the flow goes */
		char *fallback;     /* "reject" or "defer": what happens where none can take it; default reject */
		unsigned sessions;  /* of one worker at quarantines at a time; default 1024 */
		unsigned setup_ms;  /* for connection, EHLO and MAIL; default 10000 */
		unsigned answer_s;  /* silence that somebody waits through; default 300 */
		unsigned session_s; /* the longest session; default 3600 */
		unsigned check_s;   /* between two looks at its health; default 10 */
	} quarantine;

	/* The kernel carries what is not mail, and everything while there is no dataplane. Ports of net_af_xdp only. */
	struct {
		bool enabled;          /* default false */
		char *directory;       /* of pins, on a BPF file system; default /sys/fs/bpf/postern */
		unsigned heartbeat_ms; /* a dataplane that gave no sign of life for longer is hung; default 200 */
		unsigned drain_ms; /* at the end, for sessions that only the dataplane can go on with; default 1000 */
	} steering;
};

/*
 * Reads `path` over the defaults; `path` NULL: the default path where it exists, else defaults alone.
 * Returns owned, or NULL after printing "file:line: what is wrong, what would be accepted" to stderr.
 */
struct settings *settings_load(const char *path);

/* Writes to `name` (16 octets) the kernel interface of a device of that driver, "" for one of any other. Pure. */
void device_interface(const char *device, const char *driver, char name[16]);
void settings_free(struct settings *s);

#endif
