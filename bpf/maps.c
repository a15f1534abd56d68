/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "marks.h"
#include "pins.h"
#include "steer.h"

struct steer {
	int config, bypass, counters, exempt4, exempt6;
	struct steer_live *live;
	struct marks passed, edited;
	uint64_t idle_ns;
};

const struct steer_counter_info steer_counter_info[STEER_COUNTERS] = {
#define STEER(name, where, text) { #name, #where, text },
#include "steer.def"
#undef STEER
};

bool
steer_fail(char *err, size_t errlen, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err, errlen, format, args);
	va_end(args);
	return false;
}

void
pin_path(char path[PATH_MAX], const char *dir, const char *name, int slot)
{
	if (slot < 0)
		snprintf(path, PATH_MAX, "%s/" LAYOUT_DIR "/%s", dir, name);
	else
		snprintf(path, PATH_MAX, "%s/" LAYOUT_DIR "/%s-%d", dir, name, slot);
}

void
link_path(char path[PATH_MAX], const char *dir, unsigned slot)
{
	snprintf(path, PATH_MAX, "%s/link-%u", dir, slot);
}

void
bypass_path(char path[PATH_MAX], const char *dir)
{
	snprintf(path, PATH_MAX, "%s/bypass", dir);
}

static int
open_map(const char *dir, const char *name)
{
	char path[PATH_MAX];

	pin_path(path, dir, name, -1);
	return bpf_obj_get(path);
}

/* Maps the values of an array; the mapping outlives the descriptor. NULL: errno says why. */
static void *
map_memory(const char *dir, const char *name, size_t len)
{
	int fd = open_map(dir, name);
	void *memory;

	if (fd < 0)
		return NULL;
	memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return memory != MAP_FAILED ? memory : NULL;
}

static bool
open_all(struct steer *s, const char *dir)
{
	struct steer_config config;
	char path[PATH_MAX];

	bypass_path(path, dir);
	s->config = open_map(dir, "config");
	s->counters = open_map(dir, "counters");
	s->exempt4 = open_map(dir, "exempt4");
	s->exempt6 = open_map(dir, "exempt6");
	s->bypass = bpf_obj_get(path);
	if (s->config < 0 || s->counters < 0 || s->exempt4 < 0 || s->exempt6 < 0 || s->bypass < 0 ||
	    !steer_config(s, &config))
		return false;
	s->live = map_memory(dir, "live", sizeof(struct steer_live));
	s->passed.bucket = map_memory(dir, "passed", STEER_PASSED_BUCKETS * sizeof(struct steer_bucket));
	s->edited.bucket = map_memory(dir, "edited", STEER_EDITED_BUCKETS * sizeof(struct steer_bucket));
	s->passed.buckets = STEER_PASSED_BUCKETS;
	s->edited.buckets = STEER_EDITED_BUCKETS;
	s->passed.seed = s->edited.seed = config.seed;
	s->idle_ns = config.idle_ns;
	return s->live != NULL && s->passed.bucket != NULL && s->edited.bucket != NULL;
}

struct steer *
steer_open(const char *dir, char *err, size_t errlen)
{
	struct steer *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		steer_fail(err, errlen, "out of memory");
		return NULL;
	}
	s->config = s->bypass = s->counters = s->exempt4 = s->exempt6 = -1;
	if (open_all(s, dir))
		return s;
	if (errno == ENOENT)
		steer_fail(err, errlen, "steering is not attached: nothing in %s", dir);
	else
		steer_fail(err, errlen, "steering, %s: %s", dir, strerror(errno));
	steer_close(s);
	return NULL;
}

static void
close_map(int fd)
{
	if (fd >= 0)
		close(fd);
}

void
steer_close(struct steer *s)
{
	if (s == NULL)
		return;
	close_map(s->config);
	close_map(s->bypass);
	close_map(s->counters);
	close_map(s->exempt4);
	close_map(s->exempt6);
	if (s->live != NULL)
		munmap(s->live, sizeof(struct steer_live));
	if (s->passed.bucket != NULL)
		munmap(s->passed.bucket, s->passed.buckets * sizeof(struct steer_bucket));
	if (s->edited.bucket != NULL)
		munmap(s->edited.bucket, s->edited.buckets * sizeof(struct steer_bucket));
	free(s);
}

bool
steer_count(const struct steer *s, unsigned slot, struct steer_counters *sum)
{
	int cpus = libbpf_num_possible_cpus();
	struct steer_counters *each = cpus > 0 ? calloc((size_t)cpus, sizeof(*each)) : NULL;
	__u32 key = slot;

	memset(sum, 0, sizeof(*sum));
	if (each == NULL || bpf_map_lookup_elem(s->counters, &key, each) != 0) {
		free(each);
		return false;
	}
	for (int cpu = 0; cpu < cpus; cpu++)
		for (unsigned i = 0; i < STEER_COUNTERS; i++)
			sum->packets[i] += each[cpu].packets[i];
	free(each);
	return true;
}

bool
steer_config(const struct steer *s, struct steer_config *config)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(s->config, &key, config) == 0;
}

/* Keys of a map, `len` octets each, at most STEER_EXEMPT. */
static unsigned
keys_of(int map, void *list, size_t len)
{
	char *at = list;
	unsigned n = 0;

	while (n < STEER_EXEMPT && bpf_map_get_next_key(map, n > 0 ? at - len : NULL, at) == 0) {
		at += len;
		n++;
	}
	return n;
}

unsigned
steer_exempt4(const struct steer *s, struct steer_prefix4 *list)
{
	return keys_of(s->exempt4, list, sizeof(*list));
}

unsigned
steer_exempt6(const struct steer *s, struct steer_prefix6 *list)
{
	return keys_of(s->exempt6, list, sizeof(*list));
}

bool
steer_bypass(const struct steer *s, unsigned pair, bool on)
{
	__u32 key = pair, value = on;

	return bpf_map_update_elem(s->bypass, &key, &value, BPF_ANY) == 0;
}

bool
steer_bypassed(const struct steer *s, unsigned pair)
{
	__u32 key = pair, value = 0;

	return bpf_map_lookup_elem(s->bypass, &key, &value) == 0 && value != 0;
}

unsigned
link_interface(int fd)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 ? info.xdp.ifindex : 0;
}

unsigned
steer_interface(const char *dir, unsigned slot, bool *generic)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	char path[PATH_MAX];
	unsigned interface;
	int fd;

	link_path(path, dir, slot);
	fd = bpf_obj_get(path);
	interface = link_interface(fd);
	close_map(fd);
	*generic = interface != 0 && bpf_xdp_query((int)interface, 0, &query) == 0 &&
		   query.attach_mode == XDP_ATTACHED_SKB;
	return interface;
}

struct steer_live *
steer_live(const struct steer *s)
{
	return s->live;
}

void
steer_pass(struct steer *s, const struct steer_key *key, enum steer_state why, uint64_t now_ns)
{
	marks_put(&s->passed, key, why, now_ns, UINT64_MAX);
}

/* Marks of other runs are of sessions that are over or orphaned: they give way, those of this run do not. */
bool
steer_edit(struct steer *s, const struct steer_key *key)
{
	return marks_put(&s->edited, key, STEER_EDITED, s->live->epoch, s->live->epoch);
}

void
steer_edit_done(struct steer *s, const struct steer_key *key)
{
	marks_remove(&s->edited, key, s->live->epoch);
}

unsigned
steer_edited(const struct steer *s)
{
	return marks_count(&s->edited, s->live->epoch);
}

unsigned
steer_passed(const struct steer *s, uint64_t now_ns)
{
	return marks_count(&s->passed, now_ns > s->idle_ns ? now_ns - s->idle_ns : 0);
}
