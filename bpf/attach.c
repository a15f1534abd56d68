/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "bpffs.h"
#include "pins.h"
#include "steer.h"
#include "steer.skel.h"

/* One attachment under way. */
struct attach {
	const struct steer_setup *setup;
	unsigned interface[STEER_SLOTS]; /* 0: not steered */
	struct steer_bpf *copy[STEER_SLOTS];
	unsigned generic; /* bits by slot */
	char *err;
	size_t errlen;
};

#define FAIL(a, ...) steer_fail((a)->err, (a)->errlen, __VA_ARGS__)

const char *
steer_setup_name(const struct steer_setup *setup, unsigned slot)
{
	if (slot == steer_setup_apart(setup))
		return setup->apart;
	if (slot / 2 >= setup->pairs || !steer_setup_covers(setup, slot / 2))
		return "";
	return setup->pair[slot / 2].interface[slot % 2];
}

static const char *
name_of(const struct attach *a, unsigned slot)
{
	return steer_setup_name(a->setup, slot);
}

static bool
find_interfaces(struct attach *a)
{
	for (unsigned slot = 0; slot < STEER_SLOTS; slot++) {
		if (name_of(a, slot)[0] == '\0')
			continue;
		a->interface[slot] = if_nametoindex(name_of(a, slot));
		if (a->interface[slot] == 0)
			return FAIL(a, "no interface \"%s\"", name_of(a, slot));
	}
	return true;
}

/* Where a map is pinned: its own for each copy, or one for all. */
static void
path_of(const struct attach *a, const struct bpf_map *map, unsigned slot, char path[PATH_MAX])
{
	const char *name = bpf_map__name(map);
	bool own = strcmp(name, "xsks_map") == 0 || strcmp(name, "target") == 0;

	if (strcmp(name, "bypass") == 0)
		bypass_path(path, a->setup->dir);
	else
		pin_path(path, a->setup->dir, name, own ? (int)slot : -1);
}

/* What libbpf makes of constants and the like is no map of ours. */
static bool
is_internal(const struct bpf_map *map)
{
	return bpf_map__is_internal(map) || strchr(bpf_map__name(map), '.') != NULL;
}

/* Takes the maps that an earlier attachment left. */
static bool
reuse_maps(struct attach *a, struct steer_bpf *copy, unsigned slot)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, copy->obj)
	{
		char path[PATH_MAX];
		int fd, err;

		if (is_internal(map))
			continue;
		path_of(a, map, slot, path);
		fd = bpf_obj_get(path);
		if (fd < 0 && errno == ENOENT)
			continue;
		err = fd < 0 ? -errno : bpf_map__reuse_fd(map, fd);
		if (fd >= 0)
			close(fd);
		if (err != 0)
			return FAIL(a, "%s: %s", path, strerror(-err));
	}
	return true;
}

static bool
pin_maps(struct attach *a, struct steer_bpf *copy, unsigned slot)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, copy->obj)
	{
		char path[PATH_MAX];

		if (is_internal(map))
			continue;
		path_of(a, map, slot, path);
		if (bpf_obj_pin(bpf_map__fd(map), path) != 0 && errno != EEXIST)
			return FAIL(a, "%s: %s", path, strerror(errno));
	}
	return true;
}

static bool
load_copy(struct attach *a, unsigned slot)
{
	struct steer_bpf *copy = steer_bpf__open();
	__u32 first = 0, target = a->interface[slot ^ 1];
	int err;

	a->copy[slot] = copy;
	if (copy == NULL)
		return FAIL(a, "the steering program cannot be opened: %s", strerror(errno));
	copy->rodata->slot = slot;
	copy->rodata->apart = slot == steer_setup_apart(a->setup);
	memcpy((void *)copy->rodata->quarantine, a->setup->quarantine, sizeof(a->setup->quarantine));
	if (!reuse_maps(a, copy, slot))
		return false;
	err = steer_bpf__load(copy);
	if (err != 0)
		return FAIL(a, "the kernel does not take the steering program: %s%s", strerror(-err),
			    err == -EPERM ? " (CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN are needed)" : "");
	if (!pin_maps(a, copy, slot))
		return false;
	if (target != 0 && bpf_map_update_elem(bpf_map__fd(copy->maps.target), &first, &target, BPF_ANY) != 0)
		return FAIL(a, "interface \"%s\" cannot be the target of another: %s", name_of(a, slot ^ 1),
			    strerror(errno));
	return true;
}

/* The settings, for all copies. What hashes depend on stays as it is. */
static bool
write_config(struct attach *a, int fd)
{
	const struct steer_setup *s = a->setup;
	struct steer_config config;
	__u32 first = 0;

	if (bpf_map_lookup_elem(fd, &first, &config) != 0)
		return FAIL(a, "the map of settings cannot be read: %s", strerror(errno));
	if (config.seed == 0 && getrandom(&config.seed, sizeof(config.seed), 0) != sizeof(config.seed))
		return FAIL(a, "no random numbers: %s", strerror(errno));
	config.hung_ns = s->hung_ns;
	config.idle_ns = s->idle_ns;
	config.exempt = s->exempt4_count + s->exempt6_count;
	for (unsigned i = 0; i < s->pairs; i++)
		config.closed[i] = s->pair[i].closed;
	if (!s->keep_ports || s->mail_ports_count == 0)
		memset(config.mail_ports, s->mail_ports_count == 0 ? 0xff : 0, sizeof(config.mail_ports));
	for (unsigned i = 0; i < s->mail_ports_count; i++)
		config.mail_ports[s->mail_ports[i] / 64] |= UINT64_C(1) << s->mail_ports[i] % 64;
	if (bpf_map_update_elem(fd, &first, &config, BPF_ANY) != 0)
		return FAIL(a, "the map of settings cannot be written: %s", strerror(errno));
	return true;
}

/* Makes the keys of the map those of the list, `len` octets each: new ones first, so that what stays is never missing.
 */
static bool
write_exempt(struct attach *a, int map, const void *list, unsigned count, size_t len)
{
	const char *wanted = list;
	char key[sizeof(struct steer_prefix6)], last[sizeof(struct steer_prefix6)];
	const __u8 yes = 1;
	bool any = false;

	for (unsigned i = 0; i < count; i++)
		if (bpf_map_update_elem(map, wanted + i * len, &yes, BPF_ANY) != 0)
			return FAIL(a, "a map of exempt prefixes cannot be written: %s", strerror(errno));
	while (bpf_map_get_next_key(map, any ? last : NULL, key) == 0) {
		bool stays = false;

		for (unsigned i = 0; i < count && !stays; i++)
			stays = memcmp(wanted + i * len, key, len) == 0;
		if (!stays && bpf_map_delete_elem(map, key) != 0)
			return FAIL(a, "a map of exempt prefixes cannot be written: %s", strerror(errno));
		if (stays) {
			memcpy(last, key, len);
			any = true;
		}
	}
	return true;
}

/* The driver runs the program, or, where it cannot, the kernel behind it does. Returns a descriptor or a negated errno.
 */
static int
make_link(struct attach *a, unsigned slot, int prog)
{
	LIBBPF_OPTS(bpf_link_create_opts, native, .flags = XDP_FLAGS_DRV_MODE);
	LIBBPF_OPTS(bpf_link_create_opts, generic, .flags = XDP_FLAGS_SKB_MODE);
	int fd = bpf_link_create(prog, (int)a->interface[slot], BPF_XDP, &native);

	if (fd >= 0 || errno == EBUSY || errno == EEXIST || errno == EPERM)
		return fd >= 0 ? fd : -errno;
	fd = bpf_link_create(prog, (int)a->interface[slot], BPF_XDP, &generic);
	a->generic |= fd >= 0 ? 1U << slot : 0;
	return fd >= 0 ? fd : -errno;
}

static bool
new_link(struct attach *a, unsigned slot, const char *path)
{
	int fd = make_link(a, slot, bpf_program__fd(a->copy[slot]->progs.xsk_def_prog));
	int err;

	if (fd == -EBUSY || fd == -EEXIST)
		return FAIL(a, "interface \"%s\" carries another XDP program; to remove it: ip link set %s xdp off",
			    name_of(a, slot), name_of(a, slot));
	if (fd < 0)
		return FAIL(a, "interface \"%s\" takes no XDP program: %s", name_of(a, slot), strerror(-fd));
	err = bpf_obj_pin(fd, path) != 0 ? errno : 0;
	close(fd);
	return err == 0 || FAIL(a, "%s: %s", path, strerror(err));
}

/* In place where the program is on its interface already: not a packet passes without one. */
static bool
link_copy(struct attach *a, unsigned slot)
{
	char path[PATH_MAX];
	int fd, err;

	link_path(path, a->setup->dir, slot);
	fd = bpf_obj_get(path);
	if (fd >= 0 && link_interface(fd) == a->interface[slot]) {
		err = bpf_link_update(fd, bpf_program__fd(a->copy[slot]->progs.xsk_def_prog), NULL) != 0 ? errno : 0;
		close(fd);
		return err == 0 ||
		       FAIL(a, "the program on \"%s\" cannot be replaced: %s", name_of(a, slot), strerror(err));
	}
	if (fd >= 0)
		close(fd);
	unlink(path);
	return new_link(a, slot, path);
}

/* Links of interfaces that are not named any more, and maps of other releases. */
static void
remove_rest(struct attach *a)
{
	for (unsigned slot = 0; slot < STEER_SLOTS; slot++) {
		char path[PATH_MAX];

		link_path(path, a->setup->dir, slot);
		if (a->interface[slot] == 0)
			unlink(path);
	}
	bpffs_forget_layouts(a->setup->dir, LAYOUT_DIR);
}

static bool
attach_all(struct attach *a)
{
	const struct steer_bpf *any = NULL;

	for (unsigned slot = 0; slot < STEER_SLOTS; slot++)
		if (a->interface[slot] != 0 && !load_copy(a, slot))
			return false;
		else if (a->interface[slot] != 0)
			any = a->copy[slot];
	if (any == NULL)
		return FAIL(a, "no pair whose two ports are interfaces of the kernel (net_af_xdp)");
	if (!write_exempt(a, bpf_map__fd(any->maps.exempt4), a->setup->exempt4, a->setup->exempt4_count,
			  sizeof(a->setup->exempt4[0])) ||
	    !write_exempt(a, bpf_map__fd(any->maps.exempt6), a->setup->exempt6, a->setup->exempt6_count,
			  sizeof(a->setup->exempt6[0])) ||
	    !write_config(a, bpf_map__fd(any->maps.config)))
		return false;
	for (unsigned slot = 0; slot < STEER_SLOTS; slot++)
		if (a->interface[slot] != 0 && !link_copy(a, slot))
			return false;
	remove_rest(a);
	return true;
}

static int
quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

bool
steer_attach(const struct steer_setup *setup, unsigned *generic, char *err, size_t errlen)
{
	struct attach a = { .setup = setup, .err = err, .errlen = errlen };
	libbpf_print_fn_t before = libbpf_set_print(quiet);
	char layout[PATH_MAX];
	int lock = -1, status;
	bool done = false;

	snprintf(layout, sizeof(layout), "%s/" LAYOUT_DIR, setup->dir);
	status = bpffs_make(setup->dir);
	if (status == 0)
		status = bpffs_make(layout);
	if (status == 0)
		status = lock = bpffs_lock(setup->dir);
	if (status < 0)
		steer_fail(err, errlen, "%s: %s", setup->dir, strerror(-status));
	else
		done = find_interfaces(&a) && attach_all(&a);
	for (unsigned slot = 0; slot < STEER_SLOTS; slot++)
		steer_bpf__destroy(a.copy[slot]);
	if (lock >= 0)
		close(lock);
	libbpf_set_print(before);
	if (generic != NULL)
		*generic = a.generic;
	return done;
}

bool
steer_detach(const char *dir, char *err, size_t errlen)
{
	int status = bpffs_clear(dir);

	if (status == 0)
		status = bpffs_remove(dir);
	return status == 0 || steer_fail(err, errlen, "%s: %s", dir, strerror(-status));
}
