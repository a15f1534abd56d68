/* SPDX-License-Identifier: BSD-3-Clause */
#include "machine.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

enum { NICE = -20 };

bool
machine_pin(unsigned core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0) {
		fprintf(stderr, "postern-bench: there is no core %u; this machine has %ld, from 0\n", core,
			sysconf(_SC_NPROCESSORS_ONLN));
		return false;
	}
	machine_precede();
	return true;
}

void
machine_precede(void)
{
	setpriority(PRIO_PROCESS, 0, NICE); /* without privilege it goes without */
}

double
machine_hz(void)
{
	struct timespec from, to;
	double best = 0, nearest = 1e18;

	for (unsigned i = 0; i < 5; i++) {
		clock_gettime(CLOCK_MONOTONIC, &from);
		uint64_t begin = __rdtsc();
		do
			clock_gettime(CLOCK_MONOTONIC, &to);
		while ((to.tv_sec - from.tv_sec) * 1000000000L + to.tv_nsec - from.tv_nsec < 20000000);
		double ns = (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
		double hz = (double)(__rdtsc() - begin) * 1e9 / ns;
		/* The shortest overrun was the least disturbed. */
		if (ns < nearest) {
			nearest = ns;
			best = hz;
		}
	}
	return best;
}

/* The value of the first line of `path` that begins with `key`; "" where there is none. */
static void
fact_of(const char *path, const char *key, char *out, size_t size)
{
	FILE *file = fopen(path, "r");
	char line[4096];

	out[0] = '\0';
	while (file != NULL && out[0] == '\0' && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		const char *value = line + strlen(key);
		value += strspn(value, " \t:");
		snprintf(out, size, "%.*s", (int)strcspn(value, "\n"), value);
	}
	if (file != NULL)
		fclose(file);
}

static void
put_fact(json_t *facts, const char *name, const char *path, const char *key)
{
	char value[256];

	fact_of(path, key, value, sizeof(value));
	json_object_set_new(facts, name, json_string(value));
}

static void
put_cache(json_t *facts, const char *name, unsigned index)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu0/cache/index%u/size", index);
	put_fact(facts, name, path, "");
}

json_t *
machine_facts(void)
{
	json_t *facts = json_object();
	struct utsname system;
	double load[3] = { 0 };

	put_fact(facts, "cpu", "/proc/cpuinfo", "model name");
	put_fact(facts, "family", "/proc/cpuinfo", "cpu family");
	put_fact(facts, "model", "/proc/cpuinfo", "model\t");
	put_cache(facts, "l1d", 0);
	put_cache(facts, "l2", 2);
	put_cache(facts, "l3", 3);
	put_fact(facts, "memory", "/proc/meminfo", "MemTotal");
	put_fact(facts, "huge_pages", "/sys/kernel/mm/transparent_hugepage/enabled", "");
	put_fact(facts, "hypervisor", "/sys/hypervisor/type", "");
	json_object_set_new(facts, "cores", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
	if (uname(&system) == 0)
		json_object_set_new(facts, "kernel", json_sprintf("%s %s", system.sysname, system.release));
	if (getloadavg(load, 3) > 0)
		json_object_set_new(facts, "load", json_real(load[0]));
	json_object_set_new(facts, "tsc_hz", json_real(machine_hz()));
	json_object_set_new(facts, "compiler", json_string(__VERSION__));
#ifdef __OPTIMIZE__
	json_object_set_new(facts, "optimised", json_true());
#else
	json_object_set_new(facts, "optimised", json_false());
#endif
	return facts;
}
