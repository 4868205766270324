/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * foreign.c RUNDIR - a C program without the library that speaks both of DPDK's datagrams to a primary
 *
 * As foreign.py, shorter: a message, a request with its answer in kind, fds both ways, a question of the primary. The two
 * structs are what DPDK's datagrams look like in memory; the compiler, not a table, gives them their offsets.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MSG, REQ, REP };

struct wire22 {
	int type;
	char name[64];
	int len_param, num_fds;
	uint8_t param[256];
};
struct wire26 {
	int type;
	char name[64] __attribute__((aligned(8)));
	int len_param, num_fds;
	uint8_t param[256] __attribute__((aligned(8)));
	int fds[1];
};
_Static_assert(sizeof(struct wire22) == 332, "22.11");
_Static_assert(sizeof(struct wire26) == 344 && offsetof(struct wire26, fds) == 336, "26.11: 340 of it are sent");

/* what we think in; either layout is made from it */
struct note {
	int type;
	char name[64];
	int len, nfds;
	uint8_t param[256];
	int fds[253];
};

static int s;
static size_t layout;
static struct sockaddr_un server = {.sun_family = AF_UNIX}, me = {.sun_family = AF_UNIX};

static void die(const char *what)
{
	fprintf(stderr, "WRONG: %s (%zu)\n", what, layout);
	unlink(me.sun_path);
	exit(1);
}

static void send_note(const struct note *n)
{
	char ctl[CMSG_SPACE(sizeof(n->fds))] __attribute__((aligned(8))) = {0};
	struct wire22 w22 = {.type = n->type, .len_param = n->len, .num_fds = n->nfds};
	struct wire26 w26 = {.type = n->type, .len_param = n->len, .num_fds = n->nfds};
	struct iovec iov = {.iov_base = layout == 332 ? (void *)&w22 : (void *)&w26, .iov_len = layout};
	struct msghdr h = {.msg_name = &server, .msg_namelen = sizeof(server), .msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c = (struct cmsghdr *)ctl;

	memcpy(w22.name, n->name, sizeof(n->name));
	memcpy(w22.param, n->param, sizeof(n->param));
	memcpy(w26.name, n->name, sizeof(n->name));
	memcpy(w26.param, n->param, sizeof(n->param));
	if (n->nfds > 0) {
		h.msg_control = ctl;
		h.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)n->nfds);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n->nfds);
		memcpy(CMSG_DATA(c), n->fds, sizeof(int) * (size_t)n->nfds);
	}
	if (sendmsg(s, &h, 0) != (ssize_t)layout)
		die("sendmsg");
}

static void receive(struct note *n)
{
	char ctl[CMSG_SPACE(sizeof(n->fds))] __attribute__((aligned(8)));
	struct wire22 w22;
	struct wire26 w26;
	struct iovec iov = {.iov_base = layout == 332 ? (void *)&w22 : (void *)&w26, .iov_len = layout};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl)};
	int came = 0;

	if (recvmsg(s, &h, 0) != (ssize_t)layout || h.msg_flags != 0)
		die("a datagram that is not in kind");
	memset(n, 0, sizeof(*n));
	n->type = layout == 332 ? w22.type : w26.type;
	n->len = layout == 332 ? w22.len_param : w26.len_param;
	n->nfds = layout == 332 ? w22.num_fds : w26.num_fds;
	memcpy(n->name, layout == 332 ? w22.name : w26.name, sizeof(n->name));
	memcpy(n->param, layout == 332 ? w22.param : w26.param, sizeof(n->param));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c != NULL; c = CMSG_NXTHDR(&h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		came = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(n->fds, CMSG_DATA(c), sizeof(int) * (size_t)came);
	}
	if (came != n->nfds)
		die("num_fds is not what came");
}

static void note(struct note *n, int type, const char *name, const void *param, int len)
{
	memset(n, 0, sizeof(*n));
	n->type = type;
	snprintf(n->name, sizeof(n->name), "%s", name);
	if (len > 0)
		memcpy(n->param, param, (size_t)len);
	n->len = len;
}

static int fd_with(const char *text)
{
	int fd = memfd_create("foreign", MFD_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die("memfd");
	return fd;
}

static void fd_has(int fd, const char *text, const char *what)
{
	char buf[100] = "";

	if (pread(fd, buf, sizeof(buf) - 1, 0) < 0 || strcmp(buf, text) != 0)
		die(what);
	close(fd);
}

static void expect(const struct note *n, int type, const char *name, const char *param, int nfds)
{
	if (n->type == type && strcmp(n->name, name) == 0 && n->len == (int)strlen(param) &&
	    memcmp(n->param, param, strlen(param)) == 0 && n->nfds == nfds)
		return;
	fprintf(stderr, "got type %d name %.64s len %d fds %d\n", n->type, n->name, n->len, n->nfds);
	die(name);
}

static void talk(void)
{
	static const char text[] = "text of the foreign peer";
	uint8_t all[256];
	char buf[100] = "";
	struct note n;
	int p[2];

	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)(i * 7);
	note(&n, MSG, "f_msg", "hello from C", 12);
	send_note(&n);
	note(&n, REQ, "f_echo", all, 256);
	send_note(&n);
	receive(&n);
	if (n.type != REP || strcmp(n.name, "f_echo") != 0 || n.len != 256 || memcmp(n.param, all, 256) != 0)
		die("f_echo");

	if (pipe(p) < 0)
		die("pipe");
	note(&n, REQ, "f_fd", NULL, 0);
	n.nfds = 2;
	n.fds[0] = p[1];
	n.fds[1] = fd_with(text);
	send_note(&n);
	close(n.fds[0]);
	close(n.fds[1]);
	receive(&n);
	expect(&n, REP, "f_fd", text, 1);
	fd_has(n.fds[0], "text of the primary", "the primary's fd");
	if (read(p[0], buf, sizeof(buf) - 1) < 0 || strcmp(buf, "from the primary") != 0)
		die("what the primary wrote into our pipe");
	close(p[0]);

	note(&n, MSG, "f_ask_me", NULL, 0);
	send_note(&n);
	receive(&n);
	expect(&n, REQ, "f_question", "what layout?", 1);
	fd_has(n.fds[0], "text of the primary", "the fd in the primary's question");
	note(&n, REP, "f_question", buf, snprintf(buf, sizeof(buf), "%zu", layout));
	n.nfds = 1;
	n.fds[0] = fd_with(text);
	send_note(&n);
	close(n.fds[0]);
	receive(&n);
	expect(&n, MSG, "f_news", "one answered", 0);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	alarm(60);
	for (layout = 332; layout <= 340; layout += 8) {
		s = socket(AF_UNIX, SOCK_DGRAM, 0);
		snprintf(server.sun_path, sizeof(server.sun_path), "%s/mp_socket", argv[1]);
		snprintf(me.sun_path, sizeof(me.sun_path), "%s/mp_socket_%d_%zx", argv[1], (int)getpid(), layout);
		if (bind(s, (struct sockaddr *)&me, sizeof(me)) < 0)
			die("bind");
		talk();
		unlink(me.sun_path);
		close(s);
		printf("ok %zu\n", layout);
	}
	return 0;
}
