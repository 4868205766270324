/* SPDX-License-Identifier: BSD-3-Clause */
/* replay.c - run a directory of inputs through a fuzzer's function: what was found once stays found, in every build */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long size;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0) {
		perror(path);
		exit(1);
	}
	rewind(f);
	/* exactly as long as the input: one byte too far is out of bounds */
	data = malloc(size > 0 ? (size_t)size : 1);
	if (data == NULL || fread(data, 1, (size_t)size, f) != (size_t)size) {
		perror(path);
		exit(1);
	}
	fclose(f);
	(void)LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
}

int main(int argc, char **argv)
{
	struct dirent **e;
	char path[4096];
	int n, ran = 0;

	if (argc != 2 || (n = scandir(argv[1], &e, NULL, alphasort)) < 0) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 1;
	}
	if (LLVMFuzzerInitialize != NULL)
		(void)LLVMFuzzerInitialize(&argc, &argv);
	(void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 0; i < n; i++) {
		if (e[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", argv[1], e[i]->d_name);
			printf("%s\n", e[i]->d_name); /* the last one named is the one that broke it */
			fflush(stdout);
			run_file(path);
			ran++;
		}
		free(e[i]);
	}
	free(e);
	printf("%d inputs\n%d passed, 0 failed, 0 skipped\n", ran, ran > 0);
	return ran > 0 ? 0 : 1; /* a corpus that is gone proves nothing */
}
