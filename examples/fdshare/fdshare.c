/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fdshare.c - something that must be opened once, and that every process of the group works with
 *
 *   fdshare --file-prefix fdshare -- own FILE       opens FILE, registers it as "container", waits for SIGINT, revokes
 *   fdshare --proc-type=secondary --file-prefix fdshare -- use     gets it by that name, appends a line, waits to be told
 *
 * The pattern of a VFIO container: the fd is opened in one place, a few bytes beside it say what it is, and nobody closes it
 * before the last user has let go.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <shoal_fd.h>
#include <shoal_member.h>

#define NAME "container"
#define TYPE_LOG 1 /* what the blob of that type holds is the program's own business: here the path */

static int over[2]; /* a pipe: the callback wakes main */

/* on a thread of the library. 0: nothing here uses it any more, the library closes this process' copy now */
static int on_fd(void *arg, enum shoal_fd_event event, const char *name, int fd)
{
	(void)arg;
	if (event == SHOAL_FD_REVOKED)
		dprintf(fd, "member %u lets go\n", (unsigned)(shoal_member_self() & 0xffff));
	printf("told: '%s' is revoked\n", name);
	fflush(stdout);
	return write(over[1], "", 1) == 1 ? 0 : 1;
}

static int own(const char *path)
{
	struct shoal_fd_blob blob = {.type = TYPE_LOG, .len = (uint32_t)strlen(path)};
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	sigset_t stop;
	int sig;

	if (fd < 0 || blob.len > sizeof(blob.data)) {
		perror(path);
		return 1;
	}
	memcpy(blob.data, path, blob.len);
	if (shoal_fd_register(NAME, fd, &blob, NULL) < 0) {
		printf("cannot register: %s\n", rte_strerror(rte_errno));
		return 1;
	}
	close(fd); /* the library has its own */
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &stop, NULL);
	printf("registered '%s'\n", NAME);
	fflush(stdout);
	(void)sigwait(&stop, &sig);
	shoal_fd_dump(stdout);
	if (shoal_fd_revoke(NAME, NULL) < 0) {
		printf("revoked, and not all let go: %s\n", rte_strerror(rte_errno));
		return 1;
	}
	printf("revoked, nobody has it any more\n");
	return 0;
}

static int use(void)
{
	struct shoal_fd_blob blob;
	char c;
	int fd;

	if (pipe(over) < 0 || shoal_fd_event_register(on_fd, NULL) < 0)
		return 1;
	fd = shoal_fd_get(NAME, &blob, NULL);
	if (fd < 0) {
		printf("cannot get '%s': %s\n", NAME, rte_strerror(rte_errno));
		return 1;
	}
	printf("got '%s': type %u, %.*s\n", NAME, blob.type, (int)blob.len, (const char *)blob.data);
	fflush(stdout);
	dprintf(fd, "member %u writes\n", (unsigned)(shoal_member_self() & 0xffff));
	return read(over[0], &c, 1) == 1 ? 0 : 1; /* until it is revoked */
}

int main(int argc, char **argv)
{
	int n = rte_eal_init(argc, argv), r = 2;

	if (n < 0)
		return 1;
	argc -= n;
	argv += n;
	if (argc == 3 && strcmp(argv[1], "own") == 0)
		r = own(argv[2]);
	else if (argc == 2 && strcmp(argv[1], "use") == 0)
		r = use();
	else
		printf("usage: ... -- own FILE | use\n");
	fflush(stdout);
	rte_eal_cleanup();
	return r;
}
