/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * region.h - the control region: bytes that every member maps at one address
 *
 *   offset   file       what                     who writes
 *   0        CTL        struct sh_region header  its creator, before anybody else can see it; then constant, but for the
 *                                                words with a line of their own below
 *   members  CTL        struct sh_member[256]    see the table at the struct
 *   chan     CTL        SH_CHAN_SIZE             the channel's, for the whole group
 *   slots    SLOTS      struct sh_slot[256]      what each member has for itself
 *   lanes    LANE_TAB   SH_LANE_TAB_SIZE         the table of lanes (chan/lane.h)
 *   fds      FD_TAB     SH_FD_TAB_SIZE           names of shared fds (chan/fdtab.h)
 *
 * Files are memfds, sealed against shrinking, handed over at join; each part is mapped as long as it can become. CTL has
 * its full length. The others are as long as somebody needed them: the length of a file is the growth mark. Beyond it there
 * is nothing, so who locks, dumps or reads all mappings backs nothing there, and a load or store ends in SIGBUS: hence who
 * goes by a number that another process wrote asks sh_group_has() first. Who needs a further entry makes the file longer
 * (sh_group_grow()), and only then says that the entry is there. A length is never taken back: who dies in between leaves
 * a file that serves the next one. Pages are backed at first touch.
 */
#ifndef SH_PROC_REGION_H
#define SH_PROC_REGION_H

#include <stddef.h>
#include <stdint.h>

#include "base/atom.h"
#include "ctx.h"

#define SH_REGION_MAGIC 0x73686f616c000001ull /* "shoal", 1 */
#define SH_REGION_LAYOUT 7u		      /* raised whenever a byte in shared memory changes its meaning */
#define SH_MEMBERS 256
#define SH_INBOX_SIZE 4096
#define SH_BORN 1024
#define SH_BORN_LEFT (1ull << 48)
#define SH_CHAN_SIZE 4096
#define SH_INTERNAL_SIZE 12288
#define SH_RINGS_SIZE 4096
#define SH_PIECES_SIZE 8192
#define SH_LANE_TAB_SIZE (3 * 1024 * 1024)
#define SH_FD_TAB_SIZE (768 * 1024)
#define SH_FD_TAB_FIRST 8192	       /* bytes of it that are there from the start: its words */
#define SH_BASE_ADDR 0x550000000000ull /* where the group's range starts, unless --base-virtaddr says otherwise */
#define SH_RANGE_CTL 0ull	       /* the control region's offset in the range */
#define SH_RANGE_MEM (1ull << 32)      /* the first memory window's offset in the range */

/* memfds that belong to the group and are handed to every member at join, in this order */
enum sh_group_fd {
	SH_FD_CTL,
	SH_FD_SLOTS, /* the parts of the control region that grow */
	SH_FD_LANE_TAB,
	SH_FD_FD_TAB,
	SH_FD_LANES, /* the lanes themselves */
	SH_FD_MEM,   /* memory: its header, and the tables that grow (mem/layout.h) */
	SH_FD_DIR,
	SH_FD_ZONES,
	SH_FD_GATES,
	SH_FD_STEPS,
	SH_FD_DESC0, /* descriptors and data of the window of ordinary pages */
	SH_FD_HEAP0,
	SH_FD_DESC1, /* the same of huge pages; where there are none the files stay empty */
	SH_FD_HEAP1,
	SH_GROUP_FDS
};

enum sh_state {
	SH_FREE = 0, /* nobody */
	SH_JOINING,  /* slot given, the newcomer has not mapped yet */
	SH_INIT,     /* mapped, still inside rte_eal_init: is not sent to, not counted */
	SH_ACTIVE,   /* rte_eal_init has returned */
	SH_LEAVING,  /* in rte_eal_cleanup */
	SH_DEAD,     /* its address space is gone (proven), being cleaned up */
};

/*
 * One member. 256 bytes.
 *
 *   field       written by                                    read by       ordering
 *   word        CAS: server of the join FREE -> JOINING,      all           R:MEMBER release <-> A:MEMBER acquire: who sees
 *               the member itself -> INIT -> ACTIVE ->                      a state sees the fields below of that generation
 *               LEAVING -> FREE; whoever has proof -> DEAD,
 *               the caretaker DEAD -> FREE
 *   others      the server of its join, while it is JOINING   all           behind word
 *   ready_ns    the member itself, before it is ACTIVE;       all           behind word
 *               UINT64_MAX from LEAVING on: it left, it did not die
 *   cpu         the member's inbox consumer                   senders       relaxed: a hint for spinning
 *   count[]     the member itself                             all           relaxed: counters
 */
struct sh_member {
	_Atomic uint64_t word; /* generation << 8 | enum sh_state; JOINING: from bit 40 the server, see member.c */
	uint32_t pid;	       /* as the member sees itself: for printing only */
	uint32_t uid;
	uint32_t role;	 /* 0 primary, 1 secondary, as at join; the truth about the primary is sh_region.primary */
	uint32_t pid_ns; /* in which pid is its number: the namespace's inode, 0 unknown */
	uint64_t start_ns;
	_Atomic uint64_t ready_ns;
	char name[16];	      /* comm, printable */
	char sock[64];	      /* name of its datagram socket in the runtime directory */
	_Atomic uint32_t cpu; /* where its inbox was last consumed; UINT32_MAX unknown */
	uint32_t pad2;
	_Atomic uint64_t count[12]; /* enum sh_count of the channel; two of them are counted at the listener, too */
} __attribute__((aligned(256)));

/*
 * What a member has for itself, whether it is used or not: all that is known of a slot is that its file reaches behind it
 * once somebody was given the slot (sh_slot_there()).
 *
 *   inbox      the channel's (chan/inbox.h); zeroed by the server of a join, while the slot is JOINING
 *   internal   the member: what it asks of other members' runtimes (chan/internal.c)
 *   rings      the member: which rings its threads are inside of (obj/bias.c)
 *   pieces     pieces of the heap that it has sent (chan/piece.h)
 */
struct sh_slot {
	unsigned char inbox[SH_INBOX_SIZE] __attribute__((aligned(4096)));
	unsigned char internal[SH_INTERNAL_SIZE];
	unsigned char rings[SH_RINGS_SIZE];
	unsigned char pieces[SH_PIECES_SIZE];
};

struct sh_region {
	uint64_t magic;
	uint32_t layout;
	uint32_t max_members; /* --max-members */
	uint64_t fingerprint; /* of the sizes and offsets compiled in: two builds either agree or refuse each other */
	uint64_t base;	      /* address of the range */
	uint64_t size;	      /* bytes of this region */
	uint64_t born_ns;
	uint32_t owner_uid;
	_Atomic uint32_t closed; /* rte_mp_disable(): the primary takes no more joins. Set once, relaxed is enough */
	/* A line of its own. CAS by whoever is primary-to-be after proof that the holder is gone. R:PRIMARY <-> A:PRIMARY */
	_Atomic sh_id_t primary __attribute__((aligned(SH_LINE)));
	/* raised after every change of any member word; for those who poll. next_gen: source of generations, from 1 */
	_Atomic uint32_t epoch;
	_Atomic uint32_t next_gen;
	_Atomic uint32_t next_slot; /* where the search for a free slot starts: a slot is reused as late as possible */
	/* a bit for each slot: its member is refused membarrier(2). It alone writes its bit; see obj/fence.c */
	_Atomic uint64_t refused[SH_MEMBERS / 64] __attribute__((aligned(SH_LINE)));
	struct sh_member members[SH_MEMBERS] __attribute__((aligned(4096)));
	/*
	 * Who was ever ACTIVE, by generation % SH_BORN: sh_id_t, with SH_BORN_LEFT when it left in good order. Each member writes
	 * its own, before it is ACTIVE and before it is LEAVING; read by all, R:BORN <-> A:BORN. So a member that came and went
	 * between two looks at the table is told of, unless SH_BORN others joined meanwhile.
	 */
	_Atomic uint64_t born[SH_BORN] __attribute__((aligned(SH_LINE)));
	unsigned char chan[SH_CHAN_SIZE] __attribute__((aligned(4096)));
	struct sh_slot slots[SH_MEMBERS];
	unsigned char lanes[SH_LANE_TAB_SIZE] __attribute__((aligned(4096)));
	unsigned char fds[SH_FD_TAB_SIZE] __attribute__((aligned(4096)));
};
#define SH_REGION_FIXED offsetof(struct sh_region, slots) /* length of the file CTL */

/* places in count[] */
#define SH_COUNT_MALFORMED 3
#define SH_COUNT_DENIED 6

#define sh_word(gen, st) (((uint64_t)(gen) << 8) | (uint64_t)(st))
#define sh_word_gen(w) ((uint32_t)((w) >> 8))
#define sh_word_state(w) ((enum sh_state)((w)&0xff))

#endif
