/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prog26.c - a program in the spelling of DPDK 26.11: the alignment behind the keyword, __rte_used, 253 fds in a message,
 * thread calls. Built and run in the same ways as prog22.c.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_memzone.h>
#include <rte_string_fns.h>
#include <rte_thread.h>
#include <rte_version.h>

struct __rte_cache_aligned counter {
	uint64_t calls;
};

static struct counter counters[RTE_MAX_LCORE];
static __rte_used const char tag[] = "prog26";
RTE_LOG_REGISTER_DEFAULT(prog_logtype, INFO);

_Static_assert(RTE_MP_MAX_FD_NUM == 253, "fds in one message");
_Static_assert(sizeof(struct counter) == RTE_CACHE_LINE_SIZE, "one line each");

static int on_lcore(void *arg __rte_unused)
{
	counters[rte_lcore_id()].calls++;
	return 0;
}

static uint32_t on_thread(void *arg)
{
	*(int *)arg = 26;
	return 0;
}

int main(int argc, char **argv)
{
	struct rte_mp_msg msg;
	unsigned int id, ran = 0;
	rte_thread_t t;
	void *block;
	int seen = 0;

	if (rte_eal_init(argc, argv) < 0) {
		fprintf(stderr, "cannot init: %s\n", rte_strerror(rte_errno));
		return 1;
	}
	memset(&msg, 0, sizeof(msg));
	rte_strscpy(msg.name, "nobody_hears", sizeof(msg.name));
	if (rte_mp_sendmsg(&msg) != 0) /* a primary without secondaries: sent to nobody */
		rte_exit(EXIT_FAILURE, "send: %s\n", rte_strerror(rte_errno));
	RTE_LCORE_FOREACH_WORKER(id)
	{
		if (rte_eal_remote_launch(on_lcore, NULL, id) != 0)
			return 1;
	}
	on_lcore(NULL);
	rte_eal_mp_wait_lcore();
	RTE_LCORE_FOREACH(id)
	ran += (unsigned int)counters[id].calls;
	if (rte_thread_create(&t, NULL, on_thread, &seen) != 0 || rte_thread_join(t, NULL) != 0)
		return 1;
	block = rte_calloc("prog26", 4, 100, 256);
	if (block == NULL || rte_malloc_virt2iova(block) == RTE_BAD_IOVA)
		return 1;
	rte_free_sensitive(block);
	rte_log((uint32_t)RTE_LOG_INFO, (uint32_t)prog_logtype, "%s has run\n", tag);
	printf("prog26: %u lcores of %u ran, thread %d\n", ran, rte_lcore_count(), seen);
	return rte_eal_cleanup() != 0;
}
