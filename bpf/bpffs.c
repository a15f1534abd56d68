/* SPDX-License-Identifier: BSD-3-Clause */
#include "bpffs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SYSTEM_BPFFS "/sys/fs/bpf"

static bool
is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

static int
make_dirs(const char *dir)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s", dir) >= sizeof(path))
		return -ENAMETOOLONG;
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(path, 0700) != 0 && errno != EEXIST ? -errno : 0;
}

static int
mount_bpffs(const char *at)
{
	return mount("bpf", at, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") != 0 ? -errno : 0;
}

int
bpffs_make(const char *dir)
{
	bool below_system = strncmp(dir, SYSTEM_BPFFS "/", strlen(SYSTEM_BPFFS "/")) == 0;
	int err = 0;

	if (below_system && !is_bpffs(SYSTEM_BPFFS))
		err = mount_bpffs(SYSTEM_BPFFS);
	if (err == 0)
		err = make_dirs(dir);
	if (err == 0 && !is_bpffs(dir))
		err = mount_bpffs(dir);
	return err;
}

int
bpffs_clear(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int err = 0;

	if (d == NULL)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d)) != NULL && err == 0) {
		char path[PATH_MAX];

		if (strchr(e->d_name, '.') != NULL) /* the kernel's own; ours cannot have a dot */
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_type != DT_DIR)
			err = unlink(path) != 0 ? -errno : 0;
		else
			err = bpffs_clear(path) != 0 || rmdir(path) != 0 ? -errno : 0;
	}
	closedir(d);
	return err;
}

void
bpffs_forget_layouts(const char *dir, const char *current)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char path[PATH_MAX];

		if (strncmp(e->d_name, "layout-", strlen("layout-")) != 0 || strcmp(e->d_name, current) == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (bpffs_clear(path) == 0)
			rmdir(path);
	}
	if (d != NULL)
		closedir(d);
}

int
bpffs_remove(const char *dir)
{
	struct stat here, above;
	char parent[PATH_MAX];

	snprintf(parent, sizeof(parent), "%s/..", dir);
	if (stat(dir, &here) != 0 || stat(parent, &above) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (here.st_dev != above.st_dev && umount(dir) != 0)
		return -errno;
	return rmdir(dir) != 0 ? -errno : 0;
}

int
bpffs_lock(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -errno;
}
