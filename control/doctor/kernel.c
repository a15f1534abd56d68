/* SPDX-License-Identifier: BSD-3-Clause */
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include <bpf/libbpf.h>

#include "doctor.h"

/* What opening ports and attaching the program takes; all of it is given up afterwards (dataplane: user). */
static const struct {
	unsigned bit;
	const char *name, *what;
} capabilities[] = {
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN", "attaching programs to interfaces" },
	{ CAP_NET_RAW, "CAP_NET_RAW", "AF_XDP sockets" },
	{ CAP_BPF, "CAP_BPF", "loading programs" },
	{ CAP_PERFMON, "CAP_PERFMON", "loading programs" },
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "the driver's way of adopting a program (by its id)" },
	{ CAP_IPC_LOCK, "CAP_IPC_LOCK", "packet memory" },
};

static void
check_capabilities(struct doctor *d)
{
	unsigned long long effective = 0;
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");
	unsigned missing = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "CapEff: %llx", &effective);
	if (f != NULL)
		fclose(f);
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		if (effective >> capabilities[i].bit & 1)
			continue;
		missing++;
		doctor_find(d, DOCTOR_ERROR, "capabilities", capabilities[i].name, NULL, false,
			    "not here, and a dataplane started from here would lack it: %s", capabilities[i].what);
	}
	if (missing == 0)
		doctor_find(d, DOCTOR_OK, "capabilities", "start", NULL, false, "all that a start takes");
}

static void
check_feature(struct doctor *d, const char *name, int there)
{
	if (there == 1)
		doctor_find(d, DOCTOR_OK, "bpf", name, NULL, false, "there");
	else if (there == 0)
		doctor_find(d, DOCTOR_ERROR, "bpf", name, NULL, false,
			    "this kernel lacks it: no steering (5.11 or newer is wanted)");
	else
		doctor_find(d, DOCTOR_WARNING, "bpf", name, NULL, false, "cannot be found out: %s", strerror(-there));
}

static void
check_bpf(struct doctor *d)
{
	struct utsname kernel;
	char jit[16] = "";

	if (uname(&kernel) == 0)
		doctor_find(d, DOCTOR_OK, "kernel", kernel.release, NULL, false, "%s", kernel.machine);
	check_feature(d, "XDP programs", libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, NULL));
	check_feature(d, "socket maps", libbpf_probe_bpf_map_type(BPF_MAP_TYPE_XSKMAP, NULL));
	check_feature(d, "device maps", libbpf_probe_bpf_map_type(BPF_MAP_TYPE_DEVMAP, NULL));
	check_feature(d, "coarse clock",
		      libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_ktime_get_coarse_ns, NULL));
	if (doctor_read("/proc/sys/net/core/bpf_jit_enable", jit, sizeof(jit)))
		doctor_find(d, jit[0] == '0' ? DOCTOR_WARNING : DOCTOR_OK, "bpf", "JIT",
			    jit[0] == '0' ? "sysctl -w net.core.bpf_jit_enable=1" : NULL, true, "%s",
			    jit[0] == '0' ? "programs are interpreted" : "on");
}

static void
check_bpffs(struct doctor *d)
{
	struct statfs fs;
	bool mounted = statfs("/sys/fs/bpf", &fs) == 0 && fs.f_type == BPF_FS_MAGIC;

	doctor_find(d, mounted ? DOCTOR_OK : DOCTOR_NOTE, "bpffs", "/sys/fs/bpf", NULL, false, "%s",
		    mounted ? "mounted" : "not mounted; whoever attaches the steering program mounts what it needs");
}

static int
quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

void
doctor_kernel(struct doctor *d)
{
	libbpf_set_print(quiet);
	check_capabilities(d);
	check_bpf(d);
	check_bpffs(d);
}
