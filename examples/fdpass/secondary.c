/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * secondary.c - hands a file to the primary: through a pipe whose fd it sends, or as one large payload
 *
 *   secondary --proc-type=secondary --file-prefix fdpass -- [--payload] FILE
 *
 * Through the pipe: a child feeds it, we send the reading end and are gone, most likely before the first byte is read.
 * As a payload: one request that carries the whole file; the answer is the primary's digest.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#if __has_include(<shoal.h>)
#include <shoal.h>
#define HAVE_PAYLOADS 1
#endif

/* a pipe that a child process fills from the file; returns its reading end or -1. Before rte_eal_init: forks. */
static int pipe_from(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC), p[2];
	char buf[65536];
	ssize_t n;

	if (file < 0 || pipe(p) < 0)
		return -1;
	switch (fork()) {
	case -1:
		return -1;
	case 0:
		close(p[0]); /* when nobody reads any more, SIGPIPE ends the child */
		close(STDOUT_FILENO);
		while ((n = read(file, buf, sizeof(buf))) > 0)
			for (ssize_t done = 0, k; done < n; done += k)
				if ((k = write(p[1], buf + done, (size_t)(n - done))) < 0)
					_exit(1);
		_exit(n < 0);
	}
	close(file);
	close(p[1]);
	return p[0];
}

static int send_fd(int fd, const char *path)
{
	struct rte_mp_msg msg;
	int ret;

	memset(&msg, 0, sizeof(msg));
	snprintf(msg.name, sizeof(msg.name), "digest_fd");
	snprintf((char *)msg.param, sizeof(msg.param), "%s", path);
	msg.len_param = (int)strlen((char *)msg.param);
	msg.fds[0] = fd;
	msg.num_fds = 1;
	ret = rte_mp_sendmsg(&msg);
	if (ret < 0)
		printf("[secondary] not sent: %s\n", rte_strerror(rte_errno));
	else
		printf("[secondary] fd sent, I leave\n");
	close(fd); /* what was sent is a duplicate, and the primary's */
	return ret;
}

#ifdef HAVE_PAYLOADS
static int send_payload(const char *path)
{
	uint64_t to = SHOAL_TO_PRIMARY;
	struct timespec limit = {.tv_sec = 30};
	struct shoal_msg msg = {.name = "digest_bytes"};
	struct shoal_answers *ans = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *data;

	if (fd < 0 || fstat(fd, &st) < 0) {
		printf("[secondary] cannot read '%s': %m\n", path);
		return -1;
	}
	/* one byte at least: an empty file cannot be mapped */
	data = mmap(NULL, (size_t)st.st_size + 1, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (data == MAP_FAILED)
		return -1;
	msg.data = data;
	msg.len = (size_t)st.st_size;
	if (shoal_request(&to, 1, &msg, &limit, &ans) < 0) {
		printf("[secondary] payload: no answer: %s\n", rte_strerror(rte_errno));
		shoal_answers_free(ans);
		return -1;
	}
	printf("[secondary] payload: %zu bytes sent, the primary says sha256 %.*s\n", msg.len, (int)ans->a[0].len,
	       (const char *)ans->a[0].data);
	shoal_answers_free(ans);
	munmap(data, (size_t)st.st_size + 1);
	return 0;
}
#else
static int send_payload(const char *path)
{
	printf("[secondary] %s: built with DPDK, whose messages end at 256 bytes\n", path);
	return -1;
}
#endif

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[argc - 1] : "";
	bool payload = argc > 2 && strcmp(argv[argc - 2], "--payload") == 0;
	int fd = -1, ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!payload && (fd = pipe_from(path)) < 0) {
		printf("[secondary] cannot read '%s': %m\n", path);
		return 1;
	}
	if (rte_eal_init(argc, argv) < 0) {
		printf("[secondary] cannot start: is the primary running?\n");
		return 2;
	}
	ret = payload ? send_payload(path) : send_fd(fd, path);
	rte_eal_cleanup();
	return ret < 0;
}
