/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <xdp/libxdp.h>

#include "io/eal.h"
#include "io/port.h"
#include "io/spread.h"
#include "live/say.h"

#define HUGE_DIR "/sys/kernel/mm/hugepages"

enum {
	ARGS_MAX = 128,
	CPUS_MAX = CPU_SETSIZE,
};

/* EAL keeps pointers into its arguments, and may reorder them: they live as long as the process. */
static char *arguments[ARGS_MAX + 1];
static int argument_count;

__attribute__((format(printf, 1, 2))) static void
add(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (argument_count < ARGS_MAX && vasprintf(&text, format, args) >= 0)
		arguments[argument_count++] = text;
	va_end(args);
}

/* MiB of free huge pages, all sizes. */
static unsigned long
huge_free_mb(void)
{
	DIR *dir = opendir(HUGE_DIR);
	unsigned long total = 0;
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		char path[512];
		unsigned long kb, pages = 0;
		FILE *f;

		if (sscanf(e->d_name, "hugepages-%lukB", &kb) != 1)
			continue;
		snprintf(path, sizeof(path), HUGE_DIR "/%s/free_hugepages", e->d_name);
		f = fopen(path, "re");
		if (f == NULL)
			continue;
		if (fscanf(f, "%lu", &pages) == 1)
			total += pages * kb / 1024;
		fclose(f);
	}
	if (dir != NULL)
		closedir(dir);
	return total;
}

/* "0-3,6" to CPU numbers. Returns how many, 0 where the list makes no sense. */
static unsigned
parse_cores(const char *list, unsigned *cpu)
{
	unsigned count = 0;

	while (*list != '\0') {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (end == list)
			return 0;
		if (*end == '-') {
			list = end + 1;
			last = strtoul(list, &end, 10);
			if (end == list)
				return 0;
		}
		for (; first <= last && count < CPUS_MAX; first++)
			cpu[count++] = (unsigned)first;
		if (*end != ',' && *end != '\0')
			return 0;
		list = *end == ',' ? end + 1 : end;
	}
	return count;
}

/* The CPUs that this process may run on. */
static unsigned
allowed_cores(unsigned *cpu)
{
	cpu_set_t set;
	unsigned count = 0;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 0;
	for (unsigned i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set))
			cpu[count++] = i;
	return count;
}

/* Logical core 0 is the main thread, 1 to n the workers; where there are fewer CPUs they take turns. */
static bool
add_cores(const struct settings *s)
{
	static unsigned cpu[CPUS_MAX];
	const char *list = s->dataplane.cores;
	unsigned count = list != NULL && list[0] != '\0' ? parse_cores(list, cpu) : allowed_cores(cpu);
	unsigned wanted = s->dataplane.workers + 1;
	char text[WORKERS_MAX * 16] = "";
	size_t len = 0;

	if (count == 0) {
		say("dataplane: cores: \"%s\" is no list of cores; \"0-1\" or \"0,2,4\" is wanted", list ? list : "");
		return false;
	}
	for (unsigned i = 0; i < wanted && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u@%u", i > 0 ? "," : "", i, cpu[i % count]);
	if (count < wanted)
		say("%u cores for %u workers and the main thread: they share, which costs speed", count,
		    s->dataplane.workers);
	add("--lcores=%s", text);
	return true;
}

static bool
add_memory(const struct settings *s)
{
	unsigned wanted = s->dataplane.memory_mb;
	unsigned long there = s->dataplane.huge_pages ? huge_free_mb() : 0;

	if (there >= wanted) {
		add("--in-memory");
		add("-m%u", wanted);
		return true;
	}
	if (s->dataplane.huge_pages)
		say("%u MB of huge pages wanted (dataplane: memory_mb), %lu MB free. To get them: "
		    "sysctl -w vm.nr_hugepages=%u",
		    wanted, there, (wanted + 1) / 2);
	if (s->dataplane.huge_pages_required) {
		say("the settings say huge_pages: true, so this is the end; without that line it would go on without "
		    "them");
		return false;
	}
	say("running without huge pages: more TLB misses (measured: some 10 to 20 %% less throughput on AF_XDP), "
	    "slower start, and no PCI ports");
	add("--no-huge");
	add("-m%u", wanted);
	return true;
}

static bool
is_pci(const char *device)
{
	return memchr(device, ':', strcspn(device, ",")) != NULL;
}

static void
add_devices(const struct settings *s)
{
	unsigned pci = 0;

	for (unsigned i = 0; i < 2 * s->dataplane.pairs_count; i++) {
		const struct settings_pair *pair = &s->dataplane.pairs[i / 2];
		const char *device = i % 2 == 0 ? pair->inside : pair->outside;

		if (is_pci(device)) {
			add("-a%s", device);
			pci++;
		} else {
			add("--vdev=%s", device);
		}
	}
	if (s->quarantine.interface[0] != '\0')
		add("--vdev=" APART_DEVICE ",iface=%s", s->quarantine.interface);
	if (pci == 0)
		add("--no-pci");
}

/* Of what the libraries below the AF_XDP driver have to say, only the warnings are for people. */
static int
print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

static int
print_libxdp(enum libxdp_print_level level, const char *format, va_list args)
{
	/* With steering, the program has no count of users on purpose: it must stay when the last one goes. */
	return level == LIBXDP_WARN && strstr(format, "program refcnt") == NULL ? vfprintf(stderr, format, args) : 0;
}

static int
print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

void
eal_quiet(void)
{
	libbpf_set_print(print_nothing);
	rte_log_set_level_pattern("pmd.net.af_xdp", RTE_LOG_EMERG);
}

bool
eal_start(const struct settings *s)
{
	libbpf_set_print(print_libbpf);
	libxdp_set_print(print_libxdp);
	add("postern-dp");
	if (!add_cores(s) || !add_memory(s))
		return false;
	/* Nothing is shared with other DPDK processes; statistics have a socket of our own. */
	add("--no-shconf");
	add("--file-prefix=postern");
	add("--no-telemetry");
	add("--log-level=warning");
	add_devices(s);
	for (unsigned i = 0; i < s->dataplane.eal_args_count; i++)
		add("%s", s->dataplane.eal_args[i]);
	if (rte_eal_init(argument_count, arguments) < 0) {
		say("DPDK does not start: %s; its own lines above may say more. Its arguments were:",
		    rte_strerror(rte_errno));
		for (int i = 1; i < argument_count; i++)
			say("    %s", arguments[i]);
		return false;
	}
	return true;
}

unsigned
eal_lcore(unsigned index)
{
	return index + 1;
}

void
eal_stop(void)
{
	rte_eal_cleanup();
	/* EAL makes this directory and puts nothing into it. After a change of user it stays, empty. */
	rmdir(rte_eal_get_runtime_dir());
}
