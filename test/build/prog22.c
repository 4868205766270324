/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prog22.c - a program in the spelling of DPDK 22.11, built against the installed tree in every way users build
 *
 * It includes only what its DPDK counterpart would, uses RTE_MAX_LCORE and __rte_unused without including rte_config.h,
 * and passes its own options behind "--".
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <rte_per_lcore.h>
#include <rte_string_fns.h>

#define RTE_LOGTYPE_PROG RTE_LOGTYPE_USER1

struct per_lcore_data {
	uint64_t calls;
	unsigned int id;
} __rte_cache_aligned;

static struct per_lcore_data data[RTE_MAX_LCORE];

static int on_lcore(__rte_unused void *arg)
{
	unsigned int id = rte_lcore_id();

	data[id].calls++;
	data[id].id = id;
	return 0;
}

static int action(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg reply;

	memset(&reply, 0, sizeof(reply));
	strlcpy(reply.name, msg->name, sizeof(reply.name));
	return rte_mp_reply(&reply, (const char *)peer);
}

int main(int argc, char **argv)
{
	const struct rte_memzone *mz;
	struct rte_malloc_socket_stats stats;
	unsigned int id, ran = 0;
	size_t room;
	char *block;
	int ret, opt, n = 0;

	ret = rte_eal_init(argc, argv);
	if (ret < 0)
		rte_exit(EXIT_FAILURE, "Cannot init EAL: %s\n", rte_strerror(rte_errno));
	argc -= ret;
	argv += ret;
	while ((opt = getopt(argc, argv, "n:")) != -1)
		if (opt == 'n')
			n = atoi(optarg);
	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		rte_panic("not the primary\n");
	if (unlikely(rte_mp_action_register("prog22", action) != 0))
		rte_exit(EXIT_FAILURE, "register: %s\n", rte_strerror(rte_errno));
	mz = rte_memzone_reserve("prog22", 100, rte_socket_id(), 0);
	if (mz == NULL)
		rte_exit(EXIT_FAILURE, "memzone: %s\n", rte_strerror(rte_errno));
	memset(mz->addr, 0x55, 100);
	rte_eal_mp_remote_launch(on_lcore, NULL, CALL_MAIN);
	rte_eal_mp_wait_lcore();
	RTE_LCORE_FOREACH(id)
	ran += data[id].calls == 1 && data[id].id == id;
	RTE_LOG(INFO, PROG, "%u lcores\n", ran);
	rte_mp_action_unregister("prog22");
	block = rte_zmalloc_socket("prog22", 100, RTE_CACHE_LINE_SIZE, rte_socket_id());
	block = rte_realloc(block, 100000, 0);
	if (block == NULL || block[99] != 0 || rte_malloc_validate(block, &room) != 0 || room < 100000 ||
	    rte_malloc_get_socket_stats(0, &stats) != 0 || stats.alloc_count == 0)
		rte_exit(EXIT_FAILURE, "heap: %s\n", rte_strerror(rte_errno));
	rte_free(block);
	printf("prog22: %d lcores of %u ran, n=%d, zone %s\n", (int)ran, rte_lcore_count(), n,
	       rte_memzone_lookup("prog22") == mz ? "found" : "lost");
	return rte_eal_cleanup() != 0;
}
