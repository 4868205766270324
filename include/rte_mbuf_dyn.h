/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_mbuf_dyn.h - bytes and flags of an mbuf that are given away at run time
 *
 * A field is some of the 36 bytes of mbuf.dynfield1, a flag one of the bits RTE_MBUF_F_FIRST_FREE to _LAST_FREE of ol_flags. Both
 * have a name, and belong to the group: who registers the same name with the same parameters, in whatever process, gets the
 * same place. They are never given back, also when who registered them ends or is killed. Killed while registering: it is
 * registered or not, and nobody waits.
 *
 * New mbufs do not have fields cleared, flags they have.
 */
#ifndef RTE_MBUF_DYN_H
#define RTE_MBUF_DYN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTE_MBUF_DYN_NAMESIZE 64 /* with its NUL. Names that begin with "rte_" are for libraries */

struct rte_mbuf_dynfield {
	char name[RTE_MBUF_DYN_NAMESIZE];
	size_t size;
	size_t align;	    /* a power of 2 */
	unsigned int flags; /* 0 */
};

struct rte_mbuf_dynflag {
	char name[RTE_MBUF_DYN_NAMESIZE];
	unsigned int flags; /* 0 */
};

/**
 * Get a place for a field, or the place it has.
 *
 * Threads:  any. Blocks while another process registers, at most until that one ends.
 * register_offset: at this offset, or SIZE_MAX: at any.
 * Returns:  its offset in struct rte_mbuf; -1 with rte_errno, and one line in the log:
 *             EINVAL        params NULL, size larger than an mbuf, align no power of 2, flags not 0
 *             ENAMETOOLONG  the name has no NUL
 *             EEXIST        the name is registered with other parameters, or elsewhere than asked for
 *             ENOENT        no such room is left
 *             EBUSY         (offset) these bytes are not free
 *             EPERM, ENOMEM, ENOSPC, E_RTE_NO_CONFIG   as rte_memzone_reserve()
 *           After success rte_errno means nothing.
 */
int rte_mbuf_dynfield_register(const struct rte_mbuf_dynfield *params);
int rte_mbuf_dynfield_register_offset(const struct rte_mbuf_dynfield *params, size_t offset);
/** Returns its offset, *params (may be NULL) as registered; -1 with rte_errno: ENOENT, EINVAL name is NULL. Never blocks. */
int rte_mbuf_dynfield_lookup(const char *name, struct rte_mbuf_dynfield *params);

/**
 * The same for flags: the number of a bit. register_bitnum: this bit, or UINT_MAX: any. EINVAL as well: bitnum is 64 or more.
 */
int rte_mbuf_dynflag_register(const struct rte_mbuf_dynflag *params);
int rte_mbuf_dynflag_register_bitnum(const struct rte_mbuf_dynflag *params, unsigned int bitnum);
int rte_mbuf_dynflag_lookup(const char *name, struct rte_mbuf_dynflag *params);

/** All that is registered, and what is free. */
void rte_mbuf_dyn_dump(FILE *out);

/* a pointer of that type to the field at this offset of m */
#define RTE_MBUF_DYNFIELD(m, offset, type) ((type)((uintptr_t)(m) + (offset)))

/* ---- what libraries and drivers know by name ---- */

typedef uint64_t rte_mbuf_timestamp_t;
#define RTE_MBUF_DYNFIELD_TIMESTAMP_NAME "rte_dynfield_timestamp"
#define RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME "rte_dynflag_rx_timestamp"
#define RTE_MBUF_DYNFLAG_TX_TIMESTAMP_NAME "rte_dynflag_tx_timestamp"
#define RTE_MBUF_DYNFIELD_METADATA_NAME "rte_flow_dynfield_metadata"
#define RTE_MBUF_DYNFLAG_METADATA_NAME "rte_flow_dynflag_metadata"
#define RTE_MBUF_DYNFIELD_IP_REASSEMBLY_NAME "rte_dynfield_ip_reassembly"
#define RTE_MBUF_DYNFLAG_IP_REASSEMBLY_INCOMPLETE_NAME "rte_dynflag_ip_reassembly_incomplete"

/**
 * The field in which a port writes when a packet came (tx: reads when it shall go), and the flag that says it holds.
 * Returns 0, *field_offset and *flag (a mask; both may be NULL); -1 with rte_errno as above.
 */
int rte_mbuf_dyn_rx_timestamp_register(int *field_offset, uint64_t *rx_flag);
int rte_mbuf_dyn_tx_timestamp_register(int *field_offset, uint64_t *tx_flag);

#ifdef __cplusplus
}
#endif

#endif
