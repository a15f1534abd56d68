/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"

#define HUGE_PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define CLOCKS     "/sys/devices/system/clocksource/clocksource0/"

static bool
is_pci(const char *device)
{
	return memchr(device, ':', strcspn(device, ",")) != NULL;
}

static bool
any_pci(const struct settings *s)
{
	for (unsigned i = 0; i < s->dataplane.pairs_count; i++)
		if (is_pci(s->dataplane.pairs[i].inside) || is_pci(s->dataplane.pairs[i].outside))
			return true;
	return false;
}

static void
check_huge_pages(struct doctor *d)
{
	const struct settings *s = d->settings;
	unsigned wanted = (s->dataplane.memory_mb + 1) / 2, there = 0, all = 0;
	char line[64];

	if (!s->dataplane.huge_pages) {
		doctor_find(d, any_pci(s) ? DOCTOR_ERROR : DOCTOR_NOTE, "huge_pages", "memory", NULL, false,
			    "the settings say huge_pages: false: slower, and no PCI ports");
		return;
	}
	if (doctor_read(HUGE_PAGES "free_hugepages", line, sizeof(line)))
		sscanf(line, "%u", &there);
	if (doctor_read(HUGE_PAGES "nr_hugepages", line, sizeof(line)))
		sscanf(line, "%u", &all);
	if (there >= wanted)
		doctor_find(d, DOCTOR_OK, "huge_pages", "memory", NULL, false, "%u of 2 MB are free, %u are wanted",
			    there, wanted);
	else
		doctor_find(d, any_pci(s) || s->dataplane.huge_pages_required ? DOCTOR_ERROR : DOCTOR_WARNING,
			    "huge_pages", "memory",
			    doctor_command("sysctl -w vm.nr_hugepages=%u", all - there + wanted), true,
			    "%u of 2 MB are free, %u are wanted (dataplane: memory_mb; none if postern-dp runs now)",
			    there, wanted);
}

static void
check_iommu(struct doctor *d)
{
	DIR *groups = opendir("/sys/kernel/iommu_groups");
	unsigned count = 0;

	if (!any_pci(d->settings)) {
		doctor_find(d, DOCTOR_OK, "iommu", "machine", NULL, false, "no PCI port: not needed");
	} else {
		for (struct dirent *e; groups != NULL && (e = readdir(groups)) != NULL;)
			count += e->d_name[0] != '.';
		doctor_find(d, count > 0 ? DOCTOR_OK : DOCTOR_WARNING, "iommu", "machine", NULL, false,
			    count > 0 ? "%u groups"
				      : "%u groups: a PCI port could reach all memory; on the kernel's command line: "
					"intel_iommu=on iommu=pt (AMD: iommu=pt)",
			    count);
	}
	if (groups != NULL)
		closedir(groups);
}

static void
check_clock(struct doctor *d)
{
	char now[64] = "", all[256] = "";
	bool tsc;

	if (!doctor_read(CLOCKS "current_clocksource", now, sizeof(now)))
		return;
	doctor_read(CLOCKS "available_clocksource", all, sizeof(all));
	tsc = strstr(all, "tsc") != NULL;
	if (strcmp(now, "tsc") == 0 || strcmp(now, "kvm-clock") == 0)
		doctor_find(d, DOCTOR_OK, "clock", now, NULL, false, "read without a system call");
	else
		doctor_find(d, DOCTOR_WARNING, "clock", now, NULL, false, "each look at the clock is a system call%s",
			    tsc ? "; to change that: echo tsc > " CLOCKS "current_clocksource"
				: ", and the kernel holds the TSC of this machine for unreliable");
}

static void
check_cpus(struct doctor *d)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned workers = d->settings->dataplane.workers;
	char isolated[256] = "";

	doctor_read("/sys/devices/system/cpu/isolated", isolated, sizeof(isolated));
	if (cpus <= (long)workers)
		doctor_find(d, DOCTOR_WARNING, "cpus", "machine", NULL, false,
			    "%ld CPUs for %u workers and everything else: frames will be lost under load", cpus,
			    workers);
	else if (isolated[0] == '\0')
		doctor_find(d, DOCTOR_NOTE, "cpus", "machine", NULL, false,
			    "no CPU is isolated: other processes delay workers by up to some 30 ms (measured); on the "
			    "kernel's command line: isolcpus=1-%u nohz_full=1-%u, and in the settings cores: \"0-%u\"",
			    workers, workers, workers);
	else
		doctor_find(d, DOCTOR_OK, "cpus", isolated, NULL, false, "isolated");
}

static void
check_user(struct doctor *d)
{
	const char *user = d->settings->dataplane.user;

	if (user[0] == '\0')
		doctor_find(d, DOCTOR_WARNING, "user", "postern-dp", NULL, false,
			    "it would stay root; in the settings: dataplane: user: postern");
	else if (getpwnam(user) == NULL)
		doctor_find(d, DOCTOR_ERROR, "user", user,
			    doctor_command("useradd --system --no-create-home --shell /usr/sbin/nologin %s", user),
			    true, "no such user");
	else
		doctor_find(d, DOCTOR_OK, "user", user, NULL, false, "what postern-dp becomes, without privileges");
}

void
doctor_machine(struct doctor *d)
{
	check_huge_pages(d);
	check_iommu(d);
	check_clock(d);
	check_cpus(d);
	check_user(d);
}
