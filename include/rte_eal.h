/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_eal.h - join a group of processes, and leave it
 *
 * A group is all processes with one --file-prefix in one runtime directory: one primary and its secondaries. The messages
 * between them (rte_mp_*) are in rte_eal_mp.h, which this header includes.
 */
#ifndef RTE_EAL_H
#define RTE_EAL_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <rte_config.h>
#include <rte_compat.h>
#include <rte_per_lcore.h>
#if defined(__has_include)
#if __has_include(<rte_eal_mp.h>)
#include <rte_eal_mp.h>
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* a group's config file starts with it */
#define RTE_MAGIC 19820526

/* bytes of a thread's name with its NUL */
#define RTE_MAX_THREAD_NAME_LEN 16

enum rte_proc_type_t {
	RTE_PROC_AUTO = -1,   /* to be decided: primary if there is none */
	RTE_PROC_PRIMARY = 0, /* the one that started the group, or took it over */
	RTE_PROC_SECONDARY,
	RTE_PROC_INVALID
};

/** What this process is in its group. RTE_PROC_INVALID before init. A secondary that took over says PRIMARY. */
enum rte_proc_type_t rte_eal_process_type(void);

/**
 * Take options from the command line, start or join the group, start the lcores.
 *
 * Options end at "--" or at the first argument that is none after reordering: argv is permuted so that what is the
 * program's own comes last. On success argv[returned value] is the program's name again, so that a program goes on with
 * argc -= ret, argv += ret and a getopt() of its own. The caller becomes the main lcore and is bound to its CPUs.
 *
 * Threads:  one; call it early, before other threads use the library.
 * Blocks:   bounded by --join-timeout while a primary is starting up.
 * Returns:  the number of arguments used; -1 with rte_errno and one log line that says what was wrong and what to do.
 *             EINVAL options that are unknown, malformed or in conflict
 *             EALREADY it has been called, and rte_eal_cleanup() has not
 *             ENOENT, EEXIST, ETIMEDOUT, EACCES, EPROTONOSUPPORT, ENOSPC there is no primary, there is one, it does not finish its
 *               own init, this user or secondaries are not let in, another version or DPDK itself is there, the table is full
 *             ENODEV --vdev names a port; ENAMETOOLONG, ENOTDIR, EROFS, EISDIR, ELOOP the runtime directory cannot be used
 *             ENOMEM, EMFILE, ENFILE, EFBIG, EAGAIN a limit of this process or of the machine (EAGAIN: of threads)
 *             EPERM, ENOSYS a system call is refused, by a seccomp profile or a security module
 *             EPROTO, EBADMSG, ECONNRESET, ESTALE the member that let this one in broke off, or thought it dead
 *           -h and --log-level=help print to stdout and end the process with status 0.
 */
int rte_eal_init(int argc, char **argv);

/**
 * Leave the group and give everything back: workers, threads, memory, files of this process. A worker that is still in a
 * function is left to it. A new rte_eal_init() may follow.
 *
 * What the library calls on its own threads (actions, callbacks of requests, of pieces that come back, of members, ports,
 * descriptors, memory) is waited for first: such a function has shared memory to its end, also what is queued for actions runs
 * first, and none begins after that. One that does not return for 5 s is named in the log, and waited for.
 *
 * Threads:  one; no other call of the library may run, but for functions on workers that use nothing shared any more, and for
 *           messages and requests of other threads, which it ends (rte_eal_mp.h). Threads may end at any time, during it and after.
 * Returns:  0; -1 with rte_errno EALREADY (nothing to leave), EPERM (a child of fork(): only its parent may leave) or EDEADLK
 *           (inside an action or a callback, whose end it would have to wait for).
 */
int rte_eal_cleanup(void);

/**
 * Is there a living primary? config_file_path: the group's config file, NULL for one's own group.
 *
 * Threads:  any. Harmless in the primary itself, where it says 1.
 * Returns:  1 or 0.
 */
int rte_eal_primary_proc_alive(const char *config_file_path);

/* a function that prints the program's own options below those of the library when -h is given */
typedef void (*rte_usage_hook_t)(const char *prgname);
/** Set it, before init. Returns the one before, or NULL. */
rte_usage_hook_t rte_set_application_usage_hook(rte_usage_hook_t usage_func);

/** 1 or 0: was --no-huge (--no-pci, --create-uio-dev) not given (not given, given)? */
int rte_eal_has_hugepages(void);
int rte_eal_has_pci(void);
int rte_eal_create_uio_dev(void);

/* what addresses devices would be given */
enum rte_iova_mode {
	RTE_IOVA_DC = 0, /* either */
	RTE_IOVA_PA = (1 << 0),
	RTE_IOVA_VA = (1 << 1)
};
/** RTE_IOVA_VA: there are no devices that need physical addresses. RTE_IOVA_DC before init. */
enum rte_iova_mode rte_eal_iova_mode(void);

/** What --mbuf-pool-ops-name said, or NULL. */
const char *rte_eal_mbuf_user_pool_ops(void);

/** The group's runtime directory: "/.../dpdk/<prefix>", valid as long as the process; "" before init. */
const char *rte_eal_get_runtime_dir(void);

/** The kernel's number of the calling thread; the second asks the kernel only once in each thread. */
int rte_sys_gettid(void);
RTE_DECLARE_PER_LCORE(int, _thread_id);
static inline int rte_gettid(void)
{
	if (RTE_PER_LCORE(_thread_id) == -1)
		RTE_PER_LCORE(_thread_id) = rte_sys_gettid();
	return RTE_PER_LCORE(_thread_id);
}

#ifdef __cplusplus
}
#endif

#endif
