/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_ring_core.h - what a ring is made of
 *
 * A ring is a struct rte_ring and, right behind it, its slots. It lies in memory that all its users share, at the same
 * address. Programs include rte_ring.h or rte_ring_elem.h; fields are shown for the few programs that read them.
 */
#ifndef RTE_RING_CORE_H
#define RTE_RING_CORE_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include <rte_atomic.h>
#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_config.h>
#include <rte_debug.h>
#include <rte_lcore.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <rte_pause.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTE_TAILQ_RING_NAME "RTE_RING"
#define RTE_RING_MZ_PREFIX "RG_" /* the memzone of a ring "x" is "RG_x" */
/* bytes of a ring's name, with its NUL: what RTE_MEMZONE_NAMESIZE leaves */
#define RTE_RING_NAMESIZE (RTE_MEMZONE_NAMESIZE - sizeof(RTE_RING_MZ_PREFIX) + 1)

/* bulk: all n or none; burst: as many as there are, at most n */
enum rte_ring_queue_behavior { RTE_RING_QUEUE_FIXED = 0, RTE_RING_QUEUE_VARIABLE };

/* who may use one side of a ring at the same time; see rte_ring_create() */
enum rte_ring_sync_type { RTE_RING_SYNC_MT, RTE_RING_SYNC_ST, RTE_RING_SYNC_MT_RTS, RTE_RING_SYNC_MT_HTS };

/* flags of rte_ring_create() */
#define RING_F_SP_ENQ 0x0001
#define RING_F_SC_DEQ 0x0002
#define RING_F_EXACT_SZ 0x0004
#define RING_F_MP_RTS_ENQ 0x0008
#define RING_F_MC_RTS_DEQ 0x0010
#define RING_F_MP_HTS_ENQ 0x0020
#define RING_F_MC_HTS_DEQ 0x0040
/* many producers and many consumers are what a ring has without flags; some programs say so all the same */
#define RING_F_MP_ENQ 0
#define RING_F_MC_DEQ 0
#define __RTE_RING_F_TRACK 0x10000   /* SHOAL_RING_F_TRACK, see shoal_mempool.h */
#define RTE_RING_SZ_MASK 0x7fffffffU /* the largest size */

/* What one side has published: tail, elements put in or taken out, ever. head is there for its name and stays 0. */
struct rte_ring_headtail {
	volatile uint32_t head;
	volatile uint32_t tail;
	RTE_STD_C11
	union {
		enum rte_ring_sync_type sync_type;
		uint32_t single; /* nonzero: not the default mode */
	};
};
struct rte_ring_hts_headtail {
	volatile uint32_t head;
	volatile uint32_t tail;
	enum rte_ring_sync_type sync_type;
};
struct rte_ring_rts_headtail {
	volatile uint32_t head;
	volatile uint32_t tail;
	enum rte_ring_sync_type sync_type;
	uint32_t htd_max; /* kept for rte_ring_get_prod_htd_max(); nobody waits by it */
};

/*
 * Private to the users of one side: the next to come reads what the last one wrote.
 *
 *   owner  CAS 0 -> member: who enters; member -> 0: the same one, or a mender after proof of its death. Not used by ST
 *   bias   the thread that enters without owner, by a word of its own (struct __rte_ring_thread); with the top bit: it no
 *          longer may. 0: nobody. Who is inside by owner
 *   last, streak, patience, since   who was inside by owner last, how often in a row, how often it takes to be given the
 *          bias, when it was given. Who is inside by owner
 *   seen   the other side's tail as last read: never ahead of it. Who is inside
 *   chase, looked   0, or how it goes with who is always there at once (__rte_ring_look()). Who is inside
 *   held   slots handed out by a start of rte_ring_peek.h and not finished. Who is inside
 *   move   of a ring that is tracked: position << 32 | n of the last move, written before tags are. Who is inside
 */
struct __rte_ring_side {
	volatile uint64_t owner;
	volatile uint64_t bias;
	uint32_t seen;
	uint32_t held;
	volatile uint64_t move;
	uint64_t last, since;
	uint32_t streak, patience;
	uint32_t chase, looked;
};

/*
 * A thread as rings know it. name: its member's, with a number of its own in the upper 16 bits; 1: it has none yet. at: a
 * word in the group's memory, where others see which side it is inside of by its bias; 0: of none.
 */
struct __rte_ring_thread {
	uint64_t name;
	uint64_t *at;
};

#define __RTE_RING_PAIR __rte_aligned(128) /* processors fetch lines in pairs */

/*
 * What is read by every operation comes first, and hardly ever changes. Then a pair of lines for each of: what producers
 * share, what they publish, what consumers share, what they publish.
 */
struct rte_ring {
	char name[RTE_RING_NAMESIZE] __rte_aligned(128);
	uint8_t prod_mode, cons_mode; /* enum rte_ring_sync_type */
	uint8_t tracked; /* the tags of what it holds change with it: 1 a ring of the program's, 2 a pool's, 3 as 1, by --track-pools */
	uint64_t lone;			/* 1: not in the group's memory, its users need no name in the group */
	uint32_t size, mask;		/* slots, a power of two */
	uint32_t capacity;		/* elements that fit */
	volatile uint32_t watch;	/* somebody sleeps for this ring, see shoal_ring.h; 0: nobody */
	int flags;			/* of the creation */
	uint8_t prod_plain, cons_plain; /* 1: ST, and not tracked */
	uint16_t detour; /* of a pool: 1 another ring lies behind this one, 2 it is that one (src/obj/pool_round.c) */
	const struct rte_memzone *memzone; /* NULL: rte_ring_init() in memory of the caller's */
	volatile uint64_t magic;	   /* a ring that is complete, or who is making it */
	volatile uint32_t bell[2];	   /* futexes of who sleeps: for elements, for room */
	volatile uint32_t mended[2];	   /* how often a dead producer's or consumer's place was freed */
	uint64_t pool;			   /* the back end of this pool; 0: of none */

	struct __rte_ring_side prod_side __RTE_RING_PAIR;
	RTE_STD_C11
	union {
		struct rte_ring_headtail prod;
		struct rte_ring_hts_headtail hts_prod;
		struct rte_ring_rts_headtail rts_prod;
	} __RTE_RING_PAIR;
	struct __rte_ring_side cons_side __RTE_RING_PAIR;
	RTE_STD_C11
	union {
		struct rte_ring_headtail cons;
		struct rte_ring_hts_headtail hts_cons;
		struct rte_ring_rts_headtail rts_cons;
	} __RTE_RING_PAIR;
};

/* ---- what the inline functions need of the library; not to be called by programs ---- */

/* this process' name in the group: 0 in a forked child, which may not touch a ring. It has a page of its own */
extern uint64_t __rte_ring_self[512];
/* one load from the thread pointer; it is small, so that a dlopen() finds room for it */
#define __RTE_RING_TLS __attribute__((tls_model("initial-exec")))
/* the calling thread */
extern __RTE_RING_TLS __thread struct __rte_ring_thread __rte_ring_thread;
/*
 * Wait until the side (NULL: mode ST) is free, mend it when its owner is dead. How it was entered: by owner, or by bias, which
 * only may be given when it is left by the function that entered; 0: refused, no member of the group.
 */
#define __RTE_RING_BY_OWNER 1
#define __RTE_RING_BY_BIAS 2
int __rte_ring_enter_slow(struct rte_ring *r, struct __rte_ring_side *s, int may_bias);
/* the end of it, for who has taken owner */
int __rte_ring_entered(struct rte_ring *r, struct __rte_ring_side *s, int may_bias);
/* the other side's tail, for who found too few at some of the last looks; room: of n elements there were so many */
uint32_t __rte_ring_look(struct __rte_ring_side *s, const struct rte_ring_headtail *other, uint32_t n, uint32_t room);
/* a tracked ring: all or none, or as many as there are; the tags change */
unsigned int __rte_ring_in_tracked(struct rte_ring *r, void *const *objs, unsigned int n,
				   enum rte_ring_queue_behavior how, unsigned int *left);
unsigned int __rte_ring_out_tracked(struct rte_ring *r, void **objs, unsigned int n, enum rte_ring_queue_behavior how,
				    unsigned int *left);
/* wake who sleeps: side 0 for elements, 1 for room */
void __rte_ring_wake(struct rte_ring *r, unsigned int side);

#ifdef __cplusplus
}
#endif

#endif
