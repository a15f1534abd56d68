/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs every file that is named, and every file of every folder that is named, through the target. */
#include <dirent.h>
#include <string.h>

#include "fuzz.h"

static unsigned inputs;

static bool
run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *octets = NULL;
	long len = -1;

	if (file != NULL && fseek(file, 0, SEEK_END) == 0)
		len = ftell(file);
	if (len >= 0) {
		rewind(file);
		octets = fuzz_memory((size_t)len);
	}
	bool whole = octets != NULL && fread(octets, 1, (size_t)len, file) == (size_t)len;
	if (file != NULL)
		fclose(file);
	if (whole) {
		/* Should the input kill the process, the last line names it. */
		printf("%s\n", path);
		fflush(stdout);
		LLVMFuzzerTestOneInput(octets, (size_t)len);
		inputs++;
	} else {
		perror(path);
	}
	free(octets);
	return whole;
}

static bool
run(const char *path)
{
	DIR *dir = opendir(path);
	char name[4096];
	bool good = true;

	if (dir == NULL)
		return run_file(path);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (e->d_name[0] != '.')
			good &= run_file(name);
	}
	closedir(dir);
	return good;
}

int
main(int argc, char **argv)
{
	bool good = true;

	for (int i = 1; i < argc; i++)
		good &= run(argv[i]);
	printf("%u inputs\n", inputs);
	return good && inputs > 0 ? 0 : 1;
}
