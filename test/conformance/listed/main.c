/* SPDX-License-Identifier: BSD-3-Clause */
/* main.c - two processes that send each other what is typed; their command line is made of a list of commands */
#include <stdio.h>
#include <stdlib.h>

#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include <cmdline.h>
#include <cmdline_parse.h>
#include <cmdline_socket.h>

#include "commands.h"
#include "shared.h"

struct rte_ring *out, *in;
struct rte_mempool *texts;
bool ended;

static int receive(__rte_unused void *arg)
{
	void *text;

	printf("core %u listens\n", rte_lcore_id());
	fflush(stdout);
	while (!__atomic_load_n(&ended, __ATOMIC_ACQUIRE)) {
		if (rte_ring_dequeue(in, &text) < 0)
			continue;
		printf("core %u: got '%s'\n", rte_lcore_id(), (char *)text);
		fflush(stdout);
		rte_mempool_put(texts, text);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *const names[2] = {"listed there", "listed back"};
	struct cmdline *cl;
	bool first;

	if (rte_eal_init(argc, argv) < 0)
		rte_exit(EXIT_FAILURE, "rte_eal_init() failed\n");
	first = rte_eal_process_type() == RTE_PROC_PRIMARY;
	if (first) {
		out = rte_ring_create(names[0], 64, (int)rte_socket_id(), 0);
		in = rte_ring_create(names[1], 64, (int)rte_socket_id(), 0);
		texts = rte_mempool_create("listed texts", 255, TEXT, 0, 0, NULL, NULL, NULL, NULL,
					   (int)rte_socket_id(), 0);
	} else {
		out = rte_ring_lookup(names[1]);
		in = rte_ring_lookup(names[0]);
		texts = rte_mempool_lookup("listed texts");
	}
	if (out == NULL || in == NULL || texts == NULL)
		rte_exit(EXIT_FAILURE, "no rings or no pool\n");
	rte_eal_mp_remote_launch(receive, NULL, SKIP_MAIN);
	cl = cmdline_stdin_new(listed_ctx, "\nlisted > ");
	if (cl == NULL)
		rte_exit(EXIT_FAILURE, "no command line\n");
	cmdline_interact(cl);
	cmdline_stdin_exit(cl);
	__atomic_store_n(&ended, true, __ATOMIC_RELEASE);
	rte_eal_mp_wait_lcore();
	rte_eal_cleanup();
	return 0;
}
