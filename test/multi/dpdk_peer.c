/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpdk_peer.c primary|secondary EAL-OPTIONS - a real DPDK process, for foreign_test.c
 *
 * Linked to DPDK, not to us. The primary only stands there until its stdin ends. The secondary waits for a line and then uses
 * DPDK's own calls on whoever listens at mp_socket by then.
 */
#include <dirent.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

static sem_t called, told;

static void die(const char *what)
{
	fprintf(stderr, "WRONG: %s: %s\n", what, rte_strerror(rte_errno));
	_exit(1);
}

static void msg_init(struct rte_mp_msg *m, const char *name, const char *text)
{
	memset(m, 0, sizeof(*m));
	snprintf(m->name, sizeof(m->name), "%s", name);
	m->len_param = snprintf((char *)m->param, sizeof(m->param), "%s", text);
}

static int fd_with(const char *text)
{
	int fd = memfd_create("dpdk", 0);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
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

static int on_question(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg reply;

	if (msg->num_fds != 1 || memcmp(msg->param, "what layout?", 12) != 0)
		die("the question");
	fd_has(msg->fds[0], "text of the primary", "the fd in the question");
	msg_init(&reply, msg->name, "332");
	reply.fds[0] = fd_with("text of the foreign peer");
	reply.num_fds = 1;
	if (rte_mp_reply(&reply, peer) < 0)
		die("rte_mp_reply");
	close(reply.fds[0]);
	return 0;
}

static int on_news(const struct rte_mp_msg *msg, const void *peer)
{
	(void)peer;
	if (msg->len_param != 12 || memcmp(msg->param, "one answered", 12) != 0)
		die("the news");
	sem_post(&told);
	return 0;
}

static int on_async(const struct rte_mp_msg *req, const struct rte_mp_reply *reply)
{
	if (reply->nb_received != 1 || reply->msgs[0].len_param != req->len_param ||
	    memcmp(reply->msgs[0].param, req->param, (size_t)req->len_param) != 0)
		die("the asynchronous answer");
	sem_post(&called);
	return 0;
}

/* tell the test the name of our socket: it carries our pid */
static void say_socket(void)
{
	char want[64];
	DIR *d = opendir(rte_eal_get_runtime_dir());
	struct dirent *e;

	snprintf(want, sizeof(want), "mp_socket_%d_", (int)getpid());
	while (d != NULL && (e = readdir(d)) != NULL)
		if (strncmp(e->d_name, want, strlen(want)) == 0)
			printf("socket %s\n", e->d_name);
	if (d != NULL)
		closedir(d);
}

static void talk(void)
{
	struct timespec ts = {.tv_sec = 5};
	struct rte_mp_reply reply;
	struct rte_mp_msg m;
	char buf[100] = "";
	int p[2];

	msg_init(&m, "f_msg", "hello from DPDK");
	if (rte_mp_sendmsg(&m) < 0)
		die("rte_mp_sendmsg");
	msg_init(&m, "f_echo", "asked by DPDK");
	if (rte_mp_request_sync(&m, &reply, &ts) < 0 || reply.nb_sent != 1 || reply.nb_received != 1 ||
	    reply.msgs[0].len_param != m.len_param || memcmp(reply.msgs[0].param, m.param, 256) != 0)
		die("rte_mp_request_sync");
	free(reply.msgs);
	printf("ok request_sync\n");
	if (rte_mp_request_async(&m, &ts, on_async) < 0)
		die("rte_mp_request_async");
	sem_wait(&called);
	printf("ok request_async\n");

	msg_init(&m, "f_fd", "");
	if (pipe(p) < 0)
		die("pipe");
	m.fds[0] = p[1];
	m.fds[1] = fd_with("text of the foreign peer");
	m.num_fds = 2;
	if (rte_mp_request_sync(&m, &reply, &ts) < 0 || reply.nb_received != 1 || reply.msgs[0].num_fds != 1)
		die("a request with fds");
	close(p[1]);
	fd_has(reply.msgs[0].fds[0], "text of the primary", "the primary's fd");
	if (read(p[0], buf, sizeof(buf) - 1) < 0 || strcmp(buf, "from the primary") != 0)
		die("what the primary wrote into our pipe");
	free(reply.msgs);
	printf("ok fds\n");

	msg_init(&m, "f_ask_me", "");
	if (rte_mp_sendmsg(&m) < 0)
		die("f_ask_me");
	sem_wait(&told);
	printf("ok asked and told\n");
}

int main(int argc, char **argv)
{
	bool primary = argc > 1 && strcmp(argv[1], "primary") == 0;
	char line[64];

	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(600);
	sem_init(&called, 0, 0);
	sem_init(&told, 0, 0);
	if (argc < 2 || rte_eal_init(argc - 1, argv + 1) < 0) {
		printf("dpdk cannot start: %s\n", rte_strerror(rte_errno));
		return 1;
	}
	if (!primary)
		say_socket(); /* while its directory is still where it was */
	printf("dpdk ready\n");
	if (primary) {
		while (fgets(line, sizeof(line), stdin) != NULL)
			;
		return 0;
	}
	if (rte_mp_action_register("f_question", on_question) < 0 || rte_mp_action_register("f_news", on_news) < 0)
		die("rte_mp_action_register");
	if (fgets(line, sizeof(line), stdin) == NULL)
		return 1;
	talk();
	return 0;
}
