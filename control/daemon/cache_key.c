/* SPDX-License-Identifier: BSD-3-Clause */
/* What a compiled rule set depends on, as one number. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hs.h>
#include <sodium.h>

#include "daemon/cache.h"
#include "ruleset/blob.h"

/* Every piece goes in with its length, so that no two lists of pieces read alike. */
static void
add(crypto_hash_sha256_state *sha, const void *at, size_t len)
{
	uint64_t n = len;

	crypto_hash_sha256_update(sha, (const uint8_t *)&n, sizeof(n));
	crypto_hash_sha256_update(sha, at, len);
}

static void
add_text(crypto_hash_sha256_state *sha, const char *text)
{
	add(sha, text, strlen(text));
}

/* Digest of a file's octets, or false. */
static bool
digest_file(const char *path, uint8_t digest[32])
{
	uint8_t buffer[16384];
	crypto_hash_sha256_state content;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	crypto_hash_sha256_init(&content);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		crypto_hash_sha256_update(&content, buffer, (unsigned long long)n);
	close(fd);
	crypto_hash_sha256_final(&content, digest);
	return n == 0;
}

static void
add_file(crypto_hash_sha256_state *sha, const char *path)
{
	uint8_t digest[32];
	size_t len = strlen(path);
	bool directory = len > 0 && path[len - 1] == '/';
	bool read = !directory && digest_file(path, digest);

	add_text(sha, path);
	add(sha, digest, read ? sizeof(digest) : 0);
}

/* Another build of this program may expand or lay out the same rules otherwise. */
static void
add_program(crypto_hash_sha256_state *sha)
{
	struct stat st;

	if (stat("/proc/self/exe", &st) < 0)
		return;
	add(sha, &st.st_size, sizeof(st.st_size));
	add(sha, &st.st_mtim.tv_sec, sizeof(st.st_mtim.tv_sec));
	add(sha, &st.st_mtim.tv_nsec, sizeof(st.st_mtim.tv_nsec));
}

static void
add_engine(crypto_hash_sha256_state *sha)
{
	uint32_t abi = BLOB_ABI;
	hs_platform_info_t cpu = { 0 };

	hs_populate_platform(&cpu);
	add(sha, &abi, sizeof(abi));
	add_text(sha, hs_version());
	add(sha, &cpu.tune, sizeof(cpu.tune));
	add(sha, &cpu.cpu_features, sizeof(cpu.cpu_features));
}

void
cache_key(char *const *files, size_t n, const char *operator_name, char key[CACHE_KEY_LEN])
{
	crypto_hash_sha256_state sha;
	uint8_t digest[32];

	crypto_hash_sha256_init(&sha);
	add_engine(&sha);
	add_program(&sha);
	add_text(&sha, operator_name);
	for (size_t i = 0; i < n; i++)
		add_file(&sha, files[i]);
	crypto_hash_sha256_final(&sha, digest);
	sodium_bin2hex(key, CACHE_KEY_LEN, digest, sizeof(digest));
}
