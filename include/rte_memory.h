/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_memory.h - facts about the memory that the processes of a group share
 *
 * There is one range of addresses, the same in every process; an address in it is its own IO address. What is declared here
 * works; the rest of DPDK's header of this name (segments, events, external memory) is not there.
 */
#ifndef RTE_MEMORY_H
#define RTE_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <rte_common.h>
#include <rte_config.h>

#ifdef __cplusplus
extern "C" {
#endif

/* sizes of pages, in bytes */
#define RTE_PGSIZE_4K (1ULL << 12)
#define RTE_PGSIZE_64K (1ULL << 16)
#define RTE_PGSIZE_256K (1ULL << 18)
#define RTE_PGSIZE_2M (1ULL << 21)
#define RTE_PGSIZE_16M (1ULL << 24)
#define RTE_PGSIZE_256M (1ULL << 28)
#define RTE_PGSIZE_512M (1ULL << 29)
#define RTE_PGSIZE_1G (1ULL << 30)
#define RTE_PGSIZE_4G (1ULL << 32)
#define RTE_PGSIZE_16G (1ULL << 34)

/* a NUMA socket number that means: whichever */
#define SOCKET_ID_ANY -1

/**
 * Keep the page at virt in memory (mlock of one page).
 *
 * Threads:  any. Blocks until the kernel has the page.
 * Returns:  0, or -1 with rte_errno as the kernel says: ENOMEM nothing is mapped there or the limit on locked memory
 *           (ulimit -l) is reached, EPERM not allowed.
 */
int rte_mem_lock_page(const void *virt);

/**
 * The IO address of an address: itself, for any address of the process.
 *
 * Threads:  any; never blocks. Returns RTE_BAD_IOVA for NULL.
 */
rte_iova_t rte_mem_virt2iova(const void *virt);

/**
 * The address that has this IO address, if it lies in the shared memory of the group; else NULL.
 *
 * Threads:  any; never blocks. NULL before rte_eal_init().
 */
void *rte_mem_iova2virt(rte_iova_t iova);

/** Bytes of shared memory that the group may use. 0 before rte_eal_init(). Threads: any. */
uint64_t rte_eal_get_physmem_size(void);

/** A few lines about the shared memory to f: size, use, file. Threads: any. Nothing before rte_eal_init(). */
void rte_dump_physmem_layout(FILE *f);

/** Memory channels as given by -n, 0: unknown. Threads: any. */
unsigned rte_memory_get_nchannel(void);

/** Memory ranks: 0, unknown. Threads: any. */
unsigned rte_memory_get_nrank(void);

/** Whether IO addresses are physical ones: never, 0. Threads: any. */
int rte_eal_using_phys_addrs(void);

#ifdef __cplusplus
}
#endif

#endif
