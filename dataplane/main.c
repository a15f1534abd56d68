/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * postern-dp, the dataplane process. From top to bottom of main(): settings,
 * EAL, ports, workers, control socket, fewer privileges; then requests and
 * signals until it is told to stop; then everything backwards. With steering,
 * the program in the kernel carries the line before, after and beside all that.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_launch.h>
#include <rte_mempool.h>

#include "io/clock.h"
#include "io/eal.h"
#include "io/mempool.h"
#include "io/worker.h"
#include "live/box.h"
#include "live/notify.h"
#include "live/privileges.h"
#include "live/requests.h"
#include "live/say.h"
#include "live/server.h"
#include "ruleset/ruleset.h"
#include "settings/prefix.h"

enum { LINK_LOOK_MS = 50 };

struct options {
	const char *config; /* NULL: the default path */
	bool check;
};

static const char usage[] = "usage: postern-dp [-c FILE] [--check]\n"
			    "  -c, --config FILE  settings; default " SETTINGS_DEFAULT_PATH " where it exists\n"
			    "      --check        read the settings, say whether they are good, and end\n"
			    "      --version      print the version, and end\n"
			    "      --help         print this, and end\n";

/* Returns -1 to go on, else the exit status. */
static int
parse_options(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'k':
			o->check = true;
			break;
		case 'v':
			printf("postern-dp %s\n", POSTERN_VERSION);
			return 0;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "postern-dp: \"%s\" is one word too many\n%s", argv[optind], usage);
	return 2;
}

/* All threads inherit the mask: signals arrive at the descriptor, and nowhere else. */
static int
open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGPIPE);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool
start_ports(struct box *box)
{
	unsigned workers = box->settings->dataplane.workers;

	scope_of(box->settings, &box->scope);
	if (!steering_attach(&box->steering, box->settings) || !eal_start(box->settings) ||
	    !ports_find(&box->ports, box->settings))
		return false;
	box->pool = mempool_new(box->settings, &box->ports);
	if (box->pool == NULL || !ports_open(&box->ports, box->pool, &box->scope))
		return false;
	if (workers > 1 && !spread_init(&box->spread, box->settings))
		return false;
	steering_begin(&box->steering, workers);
	return true;
}

static bool
make_workers(struct box *box)
{
	const struct worker_common common = {
		.settings = box->settings,
		.ports = &box->ports,
		.pool = box->pool,
		.rules = &box->rules,
		.spread = box->spread.workers > 0 ? &box->spread : NULL,
		.steering = &box->steering,
		.stop = &box->stop,
		.running = &box->running,
	};

	if (!publication_init(&box->rules, box->settings->dataplane.workers, ruleset_free)) {
		say("no memory for the workers' states");
		return false;
	}
	for (unsigned i = 0; i < box->settings->dataplane.workers; i++) {
		box->worker[i] = worker_new(&common, i);
		if (box->worker[i] == NULL)
			return false;
		box->rings[i] = box->worker[i]->events;
		box->workers++;
	}
	return true;
}

/* The directory of a key that is about to be made; one that cannot be made is told by whoever opens the file. */
static void
make_directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash != NULL && slash != path ? strndup(path, (size_t)(slash - path)) : NULL;

	if (dir != NULL)
		mkdir(dir, 0700);
	free(dir);
}

static bool
start_writer(struct box *box, const struct identity *id)
{
	struct event_writer_config config = {
		.path = box->settings->events.path,
		.clear_addresses = box->settings->events.clear_addresses,
		.rings = box->rings,
		.rings_count = box->workers,
		.uid = id->uid,
		.gid = id->gid,
	};
	const char *key_file = box->settings->events.key_file;

	make_directory_of(key_file);
	if (!event_key_load(key_file, &config.key)) {
		say("events: key_file: \"%s\": %s", key_file,
		    errno == EINVAL ? "not a key, which is 32 octets long; remove it to have one made"
				    : strerror(errno));
		return false;
	}
	box->writer = event_writer_start(&config);
	return box->writer != NULL;
}

static bool
launch_workers(struct box *box, int (*run)(void *worker))
{
	for (unsigned i = 0; i < box->workers; i++)
		if (rte_eal_remote_launch(run, box->worker[i], eal_lcore(i)) != 0) {
			say("worker %u does not start", i);
			return false;
		}
	return true;
}

static bool
start(struct box *box)
{
	struct identity id;

	box->start_ns = clock_monotonic();
	box->uid = getuid();
	if (!identity_find(box->settings->dataplane.user, &id) || !start_ports(box) || !make_workers(box) ||
	    !start_writer(box, &id))
		return false;
	box->server = server_open(box->settings->dataplane.socket, box->uid, request_answer, box);
	if (box->server == NULL || !launch_workers(box, worker_prepare))
		return false;
	rte_eal_mp_wait_lcore();
	return identity_become(&id) && launch_workers(box, worker_run);
}

/* False: the process is to end. */
static bool
take_signals(struct box *box, int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			event_writer_reopen(box->writer);
		} else if (info.ssi_signo != SIGPIPE) {
			say("signal %u: stopping", info.ssi_signo);
			return false;
		}
	}
	return true;
}

/* Tells the watchdog that all workers live, where that is so. Returns when to look again, -1: nobody watches. */
static int
watchdog_ms(struct box *box)
{
	uint64_t limit = notify_watchdog_ns();

	if (limit == 0)
		return -1;
	if (clock_monotonic() - steering_alive(&box->steering) < limit / 2)
		notify("WATCHDOG=1");
	return (int)(limit / 4 / 1000000);
}

/* Cards negotiate for seconds: how long is told once, for each port. Returns when to look again, -1: all are up. */
static int
links_ms(struct box *box)
{
	return ports_linked(&box->ports, box->start_ns, clock_monotonic()) ? -1 : LINK_LOOK_MS;
}

/* The sooner of two waits, of which -1 is none. */
static int
sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static void
serve(struct box *box, int signals)
{
	struct pollfd wait[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = server_fd(box->server), .events = POLLIN },
	};

	say("ready: %u pair%s, %u worker%s, no rules yet: everything passes", box->ports.pairs,
	    box->ports.pairs == 1 ? "" : "s", box->workers, box->workers == 1 ? "" : "s");
	if (box->settings->quarantine.servers_count > 0)
		say("redirect: %u quarantine%s, %u sessions a worker; until posternd tells which are well: \"%s\"",
		    box->settings->quarantine.servers_count, box->settings->quarantine.servers_count == 1 ? "" : "s",
		    box->settings->quarantine.sessions, box->settings->quarantine.fallback);
	else
		say("redirect: no quarantine in the settings: what is to be redirected is refused, \"%s\"",
		    box->settings->quarantine.fallback);
	notify("READY=1");
	for (;;) {
		poll(wait, 2, sooner(watchdog_ms(box), links_ms(box)));
		if ((wait[0].revents & POLLIN) != 0 && !take_signals(box, signals))
			return;
		if ((wait[1].revents & POLLIN) != 0)
			server_run(box->server);
	}
}

static void
stop(struct box *box)
{
	notify("STOPPING=1");
	steering_retire(&box->steering);
	atomic_store(&box->stop, true);
	rte_eal_mp_wait_lcore();
	server_close(box->server);
	event_writer_stop(box->writer);
	if (box->steering.maps != NULL)
		eal_quiet();
	ports_close(&box->ports);
	for (unsigned i = 0; i < box->workers; i++)
		worker_free(box->worker[i]);
	if (box->rules.qsbr != NULL)
		publication_done(&box->rules);
	spread_free(&box->spread);
	steering_close(&box->steering);
	rte_mempool_free(box->pool);
	eal_stop();
}

int
main(int argc, char **argv)
{
	static struct box box;
	struct options options = { 0 };
	int status = parse_options(argc, argv, &options);
	int signals;

	if (status >= 0)
		return status;
	box.settings = settings_load(options.config);
	if (box.settings == NULL)
		return 1;
	if (options.check) {
		printf("the settings are good\n");
		settings_free(box.settings);
		return 0;
	}
	signals = open_signals();
	status = 1;
	if (signals >= 0 && start(&box)) {
		serve(&box, signals);
		status = 0;
	}
	stop(&box);
	settings_free(box.settings);
	return status;
}
