/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * primary.c - digests what secondaries hand over: a file descriptor, read to its end, or one large payload
 *
 *   primary --file-prefix fdpass
 *
 * The action that receives an fd only passes it on to the main thread: reading to EOF may take long, and while an action runs
 * no other one does. The fd is ours from then on, whether its sender lives or not. Ends on SIGINT or SIGTERM.
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#if __has_include(<shoal.h>)
#include <shoal.h>
#define HAVE_PAYLOADS 1 /* DPDK's own messages end at 256 bytes */
#endif

#include "../common/sha256.h"

static int to_main[2]; /* fd numbers: the action writes, main reads */

static int on_digest_fd(const struct rte_mp_msg *msg, const void *peer)
{
	(void)peer;
	if (msg->num_fds != 1) {
		for (int i = 0; i < msg->num_fds; i++)
			close(msg->fds[i]);
		printf("[primary] %d fds came instead of one\n", msg->num_fds);
		return -1;
	}
	printf("[primary] got the fd of '%.*s'\n", msg->len_param, (const char *)msg->param);
	if (write(to_main[1], &msg->fds[0], sizeof(int)) != sizeof(int)) {
		close(msg->fds[0]);
		return -1;
	}
	return 0;
}

static void digest_fd(int fd)
{
	struct sha256 s;
	char buf[65536], hex[65];
	uint64_t total = 0;
	ssize_t n;

	sha256_init(&s);
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		sha256_add(&s, buf, (size_t)n);
		total += (uint64_t)n;
	}
	close(fd);
	sha256_end(&s, hex);
	if (n < 0)
		printf("[primary] fd: %m after %" PRIu64 " bytes\n", total);
	else
		printf("[primary] fd: %" PRIu64 " bytes, sha256 %s\n", total, hex);
}

#ifdef HAVE_PAYLOADS
/* a request with a payload of any size; the answer is the digest as text */
static int on_digest_bytes(const struct shoal_in *in, void *arg)
{
	struct sha256 s;
	char hex[65];
	struct shoal_msg reply = {.data = hex, .len = sizeof(hex)};

	(void)arg;
	sha256_init(&s);
	sha256_add(&s, in->data, in->len);
	sha256_end(&s, hex);
	printf("[primary] payload: %zu bytes, sha256 %s\n", in->len, hex);
	return shoal_reply(in->peer, &reply);
}
#endif

static int start(void)
{
	if (pipe(to_main) < 0) {
		printf("[primary] no pipe: %m\n");
		return -1;
	}
	if (rte_mp_action_register("digest_fd", on_digest_fd) < 0) {
		printf("[primary] cannot register digest_fd: %s\n", rte_strerror(rte_errno));
		return -1;
	}
#ifdef HAVE_PAYLOADS
	if (shoal_action_register("digest_bytes", on_digest_bytes, NULL) < 0) {
		printf("[primary] cannot register digest_bytes: %s\n", rte_strerror(rte_errno));
		return -1;
	}
#endif
	return 0;
}

int main(int argc, char **argv)
{
	struct pollfd p[2] = {{.events = POLLIN}, {.events = POLLIN}};
	sigset_t stop;
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	if (rte_eal_init(argc, argv) < 0) {
		printf("[primary] cannot start: %s\n", rte_strerror(rte_errno));
		return 1;
	}
	if (start() < 0)
		return 1;
	printf("[primary] ready\n");
	p[0].fd = to_main[0];
	p[1].fd = signalfd(-1, &stop, SFD_CLOEXEC);
	while (poll(p, 2, -1) > 0 && p[1].revents == 0)
		if (read(to_main[0], &fd, sizeof(fd)) == sizeof(fd))
			digest_fd(fd);
	rte_mp_action_unregister("digest_fd");
	rte_eal_cleanup();
	return 0;
}
