/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_errno.h - why the last call failed
 *
 * rte_errno belongs to the thread. A function sets it when it says that it failed and its contract names the value; what
 * it holds after a call that succeeded means nothing.
 */
#ifndef RTE_ERRNO_H
#define RTE_ERRNO_H

#include <errno.h>

#include <rte_per_lcore.h>

#ifdef __cplusplus
extern "C" {
#endif

RTE_DECLARE_PER_LCORE(int, _rte_errno);

/* The calling thread's error number: a positive value of <errno.h>, or one of those below. May be assigned to. */
#define rte_errno RTE_PER_LCORE(_rte_errno)

#ifndef __ELASTERROR
#define __ELASTERROR 1000
#endif

/* values that <errno.h> does not have */
enum {
	RTE_MIN_ERRNO = __ELASTERROR,
	E_RTE_SECONDARY, /* the call is for the primary process only */
	E_RTE_NO_CONFIG, /* rte_eal_init() has not run */
	RTE_MAX_ERRNO
};

/**
 * The text of an error number: of <errno.h>, one of those above, or any other ("Unknown error 4711").
 *
 * Threads:  any; never blocks. errno and rte_errno are kept.
 * Returns:  a NUL-terminated text, valid until the thread calls again. Never NULL. A negative number is unknown.
 */
const char *rte_strerror(int errnum);

#ifdef __cplusplus
}
#endif

#endif
