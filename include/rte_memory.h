/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_memory.h - facts about the memory that the processes of a group share
 *
 * There is one range of addresses, the same in every process; an address in it is its own IO address. What is declared here
 * works; what is not there of DPDK's header of this name: external memory (rte_extmem_*), for no device of this library takes
 * memory that is not the group's, and rte_mem_set_dma_mask().
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

/*
 * Segments. A list is a stretch of addresses with pages of one size; a segment of it what is backed by memory, or not, at a
 * time: 16 KiB of ordinary pages, or one huge page. Lists and segments that a call returns or shows are the library's, not
 * to be written, and good until rte_eal_cleanup(). Memory may grow and shrink at any moment: a segment may have no memory
 * any more unless something in it is the caller's.
 */

/** What is or can be backed at a time. */
struct rte_memseg {
	rte_iova_t iova; /**< the same as addr */
	__extension__ union {
		void *addr;
		uint64_t addr_64;
	};
	size_t len;
	uint64_t hugepage_sz; /**< len */
	int32_t socket_id;    /**< 0 */
	uint32_t nchannel;    /**< 0 */
	uint32_t nrank;	      /**< 0 */
	uint32_t flags;	      /**< 0 */
} __attribute__((__packed__));

/** Addresses with pages of one size. DPDK's memseg_arr is not there. */
struct rte_memseg_list {
	__extension__ union {
		void *base_va;
		uint64_t addr_64;
	};
	uint64_t page_sz; /**< bytes of a segment */
	int socket_id;
	volatile uint32_t version; /**< 0 */
	size_t len;		   /**< bytes of addresses, backed or not */
	unsigned int external;	   /**< 0 */
	unsigned int heap;	   /**< 1 */
};

/**
 * The segment that an address lies in.
 *
 * Threads:  any; may wait for another thread in such a call.
 * Returns:  NULL when no memory of the group is there, or it is not in msl (NULL: any list); NULL with rte_errno
 *           E_RTE_NO_CONFIG before rte_eal_init(), ENOMEM.
 */
struct rte_memseg *rte_mem_virt2memseg(const void *virt, const struct rte_memseg_list *msl);

/** The list that an address lies in, backed or not. Otherwise as rte_mem_virt2memseg(). */
struct rte_memseg_list *rte_mem_virt2memseg_list(const void *virt);

typedef int (*rte_memseg_walk_t)(const struct rte_memseg_list *msl, const struct rte_memseg *ms, void *arg);
typedef int (*rte_memseg_contig_walk_t)(const struct rte_memseg_list *msl, const struct rte_memseg *ms, size_t len,
					void *arg);
typedef int (*rte_memseg_list_walk_t)(const struct rte_memseg_list *msl, void *arg);

/**
 * Call func for each segment that is backed; for each stretch of them without a gap; for each list.
 *
 * No lock is held: func may allocate and free. What comes or goes meanwhile is seen or not. The _thread_unsafe forms are
 * the same. func returns 0 to go on; what else it returns ends the walk.
 *
 * Threads:  any.
 * Returns:  0, or what func returned last; -1 with rte_errno E_RTE_NO_CONFIG before rte_eal_init(), ENOMEM.
 */
int rte_memseg_walk(rte_memseg_walk_t func, void *arg);
int rte_memseg_contig_walk(rte_memseg_contig_walk_t func, void *arg);
int rte_memseg_list_walk(rte_memseg_list_walk_t func, void *arg);
int rte_memseg_walk_thread_unsafe(rte_memseg_walk_t func, void *arg);
int rte_memseg_contig_walk_thread_unsafe(rte_memseg_contig_walk_t func, void *arg);
int rte_memseg_list_walk_thread_unsafe(rte_memseg_list_walk_t func, void *arg);

/**
 * The file that a segment's memory is in; where in it. The fd is the library's: to be handed on or mapped, not to be closed.
 *
 * Threads:  any.
 * Returns:  the fd; 0; or -1 with rte_errno EINVAL: ms is no segment that a call of this library has shown, or offset is
 *           NULL; E_RTE_NO_CONFIG before rte_eal_init().
 */
int rte_memseg_get_fd(const struct rte_memseg *ms);
int rte_memseg_get_fd_offset(const struct rte_memseg *ms, size_t *offset);
int rte_memseg_get_fd_thread_unsafe(const struct rte_memseg *ms);
int rte_memseg_get_fd_offset_thread_unsafe(const struct rte_memseg *ms, size_t *offset);

/**
 * Do all addresses that the group's memory may have fit into so many bits?
 *
 * Threads:  any; never blocks. 0: yes (also before rte_eal_init()); -1: no, or maskbits is over 63.
 */
int rte_mem_check_dma_mask(uint8_t maskbits);
int rte_mem_check_dma_mask_thread_unsafe(uint8_t maskbits);

/*
 * Memory events: what the group's memory gains and loses, told to every process that asks. While one does, memory that nobody
 * has yet comes in two steps: it is backed, every process that observes is told and says yes, then it is used. A process
 * that dies meanwhile is not waited for; one that does not answer within 5 s says no. One that is stopped (SIGSTOP) is waited
 * for once: an allocation that needs more memory is NULL after 5 s, or 15 s if it is the primary that is stopped, and
 * those after it at once, until that process goes on or ends.
 *
 * Callbacks and validators run on a thread of the library or on the one that allocates, one at a time in a process, with no
 * lock held. Inside, what memory there is can be allocated and freed; an allocation that would need more of it gives NULL.
 */
enum rte_mem_event {
	RTE_MEM_EVENT_ALLOC = 0, /**< it is there from now on */
	RTE_MEM_EVENT_FREE,	 /**< it is about to go: nobody uses it any more */
};
#define RTE_MEM_EVENT_CALLBACK_NAME_LEN 64
typedef void (*rte_mem_event_callback_t)(enum rte_mem_event event_type, const void *addr, size_t len, void *arg);

/**
 * Have clb called after memory has come and before it goes, also for what other processes do, from the next change on.
 *
 * Threads:  any, also inside a callback; waits for one that runs.
 * Returns:  0; -1 with rte_errno EINVAL (name or clb NULL, name empty), ENAMETOOLONG (64 characters or more), EEXIST (this
 *           name with this arg), ENOMEM, E_RTE_NO_CONFIG before rte_eal_init(), EPERM in a forked child.
 */
int rte_mem_event_callback_register(const char *name, rte_mem_event_callback_t clb, void *arg);

/**
 * It is not called any more, and not running (unless this is called inside it).
 *
 * Threads:  any, also inside a callback.
 * Returns:  0; -1 with rte_errno EINVAL, ENAMETOOLONG, ENOENT (no such name with this arg), E_RTE_NO_CONFIG, EPERM.
 */
int rte_mem_event_callback_unregister(const char *name, void *arg);

#define RTE_MEM_ALLOC_VALIDATOR_NAME_LEN 64
typedef int (*rte_mem_alloc_validator_t)(int socket_id, size_t cur_limit, size_t new_len);

/**
 * Have clb asked whenever the group's memory would become more than limit bytes; it refuses by returning other than 0. In any
 * process: the allocation, whoever made it, gets NULL and ENOMEM, and what was told of it is taken back everywhere. socket_id
 * is 0 for all memory there is; others are accepted and never asked.
 *
 * Threads:  any, also inside a callback.
 * Returns:  as rte_mem_event_callback_register(); EINVAL also for a negative socket_id, EEXIST for this name and socket.
 */
int rte_mem_alloc_validator_register(const char *name, rte_mem_alloc_validator_t clb, int socket_id, size_t limit);

/** As rte_mem_event_callback_unregister(), by name and socket. */
int rte_mem_alloc_validator_unregister(const char *name, int socket_id);

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
