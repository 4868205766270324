/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * layout.h - what lies in the header window, byte by byte, and what describes the windows of pages
 *
 *   offset   file    what                                      backed
 *   0        MEM     struct sh_mem_hdr: words, locks, journal  at creation
 *   works    MEM     what is being backed or punched, a page   at creation
 *   peers    MEM     who let a time limit pass, a page         at creation
 *   dir      DIR     name directory, 8192 x 128 bytes          page by page, when first used
 *   zones    ZONES   memzone table, 4096 x 128 bytes           page by page, when first used
 *   gates    GATES   of threads, 4096 x 64 bytes               page by page, when first used
 *   2 MiB    STEPS   step tables of the windows                page by page, when a window grows
 *
 * In two further files for each window: its descriptors, a line for each unit, and its data.
 *
 * Each table is mapped longer than its file; the size of the file is the growth mark, and all below it has pages: a table
 * grows at its end, by fallocate(), and nobody looks at an entry behind it. Who dies between growing a table and using
 * the entry leaves a page that serves the next one. Every offset here counts from the
 * start of the memory range (region base + SH_RANGE_MEM), so that further windows can follow in the same terms.
 * All words are written under hdr.lock and through the journal (journal.h), unless the table says otherwise. Readers
 * without the lock look at dir_high, at directory entries and at what a published entry points to, nothing else.
 */
#ifndef SH_MEM_LAYOUT_H
#define SH_MEM_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include <rte_memzone.h>

#include "base/atom.h"
#include "mem/lock.h"

#define SH_MEM_MAGIC 0x73686d656d000001ull
#define SH_MEM_LAYOUT 11u /* raised whenever a byte in it changes its meaning */
#define SH_MEM_PAGE 4096ull
#define SH_MEM_STEP (2ull << 20)    /* unit of growth */
#define SH_MEM_WINDOW (64ull << 20) /* address space of the header window */
#define SH_STEPS_OFF (2ull << 20)   /* step tables: a row for the n-th step of all windows */

#define SH_UNDO_MAX 192
#define SH_DIR_SLOTS 8192
#define SH_ZONE_SLOTS 4096

typedef _Atomic uint64_t sh_w64;

/* kinds of named objects */
enum sh_kind { SH_KIND_ZONE = 1, SH_KIND_RING, SH_KIND_POOL, SH_KIND_PORT };
#define SH_DIR_NAME 64 /* with its NUL */

/*
 * A name.
 *
 *   field      written by                         read by     ordering
 *   word       the lock's owner: the commit       all         R:DIR <-> A:DIR: who sees it used sees the rest
 *   others     the lock's owner while word says   all         behind word; readers look at word again afterwards
 *              free
 */
struct sh_dirent {
	sh_w64 word;		      /* serial << 16 | kind << 8 | used */
	sh_w64 hash;		      /* of the name */
	sh_w64 obj;		      /* SH_KIND_ZONE: index in the zone table */
	sh_w64 owner;		      /* member id of who made it: for listing only, it may be long gone */
	sh_w64 name[SH_DIR_NAME / 8]; /* padded with zeros */
	uint64_t pad[4];
};
_Static_assert(sizeof(struct sh_dirent) == 128, "a page holds a whole number of them");
#define SH_DIR_USED 1ull
#define sh_dir_kind(w) ((enum sh_kind)(((w) >> 8) & 0xff))

/* A memzone. mz is what users hold: written before the name is published, constant until the zone is freed. */
struct sh_zone {
	struct rte_memzone mz;
	sh_w64 use; /* index in the directory + 1; 0: free. Under the lock */
	sh_w64 run; /* first unit of the run that it is, or is in. Under the lock */
	sh_w64 guard; /* member that frees it or mends what is in it, one at a time; of a dead one: nobody. Taken before H */
	uint64_t pad[4];
};
_Static_assert(sizeof(struct rte_memzone) == 72, "as programs know it");
_Static_assert(sizeof(struct sh_zone) == 128, "a page holds a whole number of them");

/* ---- windows of pages ---- */

#define SH_WINDOWS 2 /* 0: ordinary pages, perhaps joined by the kernel. 1: huge pages of 2 MiB */
#define SH_UNIT_SHIFT 14
#define SH_UNIT (1ull << SH_UNIT_SHIFT)
#define SH_UNIT_W_SHIFT 26
#define SH_UNIT_W1 (1u << SH_UNIT_W_SHIFT) /* where the numbers of window 1 start; 1 TiB a window */
#define SH_UNIT_NONE UINT32_MAX
#define SH_STEP_UNITS 128u /* of 2 MiB: size and alignment of growth */
#define SH_STEPS_MAX (SH_UNIT_W1 / SH_STEP_UNITS)
#define SH_BINS 104		    /* of free runs: four to each power of 2 */
#define SH_RANGE_PAGES (4ull << 30) /* first window's descriptors: offset from the header */

/* what a run is, in the descriptor of its first unit */
enum sh_pg {
	SH_PG_INNER = 0, /* not a first unit; also the last of a run in use */
	SH_PG_FREE,
	SH_PG_FREE_END, /* the last of a free run of two or more */
	SH_PG_BUSY,	/* somebody is backing it or giving it back: owner says who. In the list pg.busy */
	SH_PG_ZONE,	/* a large memzone */
	SH_PG_ZSPAN,	/* small memzones */
	SH_PG_SPAN,	/* a thread's small blocks */
	SH_PG_BLOCK,	/* a large block */
	SH_PG_LAST
};

/*
 * A unit.
 *
 *   field   written by                                            read by
 *   use     under H, journalled: kind << 32 | units. Only the     all, of a run that they have: relaxed
 *           first and the last unit of a run have a meaning
 *   link    under H, journalled: previous << 32 | next, each      under H
 *           a unit + 1, 0: none. FREE: in its bin. BUSY: in busy
 *   owner   under H, journalled, with use; then the kind's own    as the kind says
 *   own     the same. Who frees a small block may count down the upper half of own[4], late, whatever the run is by then:
 *           no other kind uses it
 */
#define SH_DESC_OWN 5
struct sh_desc {
	sh_w64 use;
	sh_w64 link;
	sh_w64 owner;
	sh_w64 own[SH_DESC_OWN];
};
_Static_assert(sizeof(struct sh_desc) == 64, "a line");

/*
 * 2 MiB of a window. bit: which units are backed; set and cleared (one atomic step: neighbours share the word) under G by
 * who has the run they lie in, which must not be of anybody else meanwhile.
 */
struct sh_step {
	_Atomic uint64_t bit[2];
};
_Static_assert(SH_STEP_UNITS == 128, "two words of bits");

/*
 * Small zones share a run of kind ZSPAN: places of one size, at most 256. Of its first descriptor: own[0..3] one bit for
 * each place, set: taken; own[4] the class; link in the list of those that have a free place.
 */
#define SH_ZONE_SMALL 32768ull
#define SH_ZCLASSES 32
#define SH_ZPLACES 256

struct sh_win_hdr {
	uint64_t desc_off, heap_off; /* from the header. Constant, 0: no such window */
	uint64_t units;		     /* most that there may be. Constant */
	uint64_t page;		     /* bytes. Constant */
	sh_w64 end; /* units that exist. Under H, journalled; only grows. R:PGEND in sh_set() <-> A:PGEND */
	uint64_t pad[3];
	sh_w64 map[2]; /* which bins have something. This and below: under H, journalled */
	sh_w64 head[SH_BINS];
	sh_w64 pad2[2];
};

/*
 *   field      written by
 *   w          see above
 *   busy       under H, journalled: the list of BUSY runs, a unit + 1
 *   used       under H, journalled: units in runs that are not free
 *   oldest,    under H, journalled: the list of free runs that have pages, a unit + 1
 *   newest
 *   decay      the creator: how long freed pages are kept, ms + 1; 0: for ever
 *   keep       the creator: units that stay backed, whoever uses them or nobody
 *   max        the creator: most units that may be backed at a time
 *   backed     under G: units that are backed, about to be, or on their way out. A mender of G counts them anew
 *   gone       under G: units that were counted in backed and are not any more, ever. What it may grow to is reckoned with it
 *   want, seq  as in struct sh_lock
 *   watch      or, and: what there is to be looked after (enum sh_watch), by all; strays.c
 *   looked,    CAS old -> now by who looks, ms; then who that was. Hints: of two who look each finds what the other left
 *   looker
 */
enum sh_watch {
	SH_WATCH = 1,	   /* there are holes, or free pages that are to go */
	SH_WATCH_LATE = 2, /* something was made SH_NOBODY's */
	SH_WATCH_IDLE = 4  /* a span that another thread owns may be wholly free */
};
struct sh_pages_hdr {
	struct sh_win_hdr w[SH_WINDOWS];
	sh_w64 busy, used;
	sh_w64 oldest, newest;
	uint64_t decay;
	uint64_t keep;
	uint64_t max;
	sh_w64 backed, gone;
	_Atomic uint32_t want, seq; /* who finds nothing free but BUSY runs sleeps on seq; who hands one out wakes */
	sh_w64 watch, looked, looker;
};

/*
 * Units of a BUSY run, at most a step, whose bits and pages are being brought together: written and cleared under G, by who
 * has the run or coordinates for it. In between no lock is held. owner decides, last when it is written: 0, nobody.
 *
 *   owner   member id
 *   run     n << 32 | unit
 *   held    units in pg.backed that have no bit: those that are to come, or to go
 */
#define SH_WORKS 128
struct sh_work {
	sh_w64 owner, run, held;
	uint64_t pad;
};

/*
 * Spans without a thread (heap.h).
 *
 *   field    written by
 *   orphan   under H, journalled: for each class a list by link, a unit + 1
 *   reaped   under H: generation of the last member of this slot whose spans are orphans now. Read by all: a hint
 *   gates    CAS: entries from here on were never used
 *   looked   under H: when decay last looked for spans that are wholly free, ms. Read by all: a hint
 */
struct sh_spans_hdr {
	sh_w64 orphan[64];
	_Atomic uint32_t reaped[256];
	sh_w64 gates, looked;
};

/*
 * Whoever changes the circles of a thread's spans is at its gate: the thread itself, or somebody who takes spans from it.
 *
 *   owner    CAS 0, or of a dead one -> me: a thread's first block    all, under H or its own
 *            0: it ends
 *   holder   CAS 0 -> owner: the thread. Under H: CAS 0, or one that  R:GATE <-> A:GATE: who comes in sees what who went out did
 *            has died -> who takes. 0: who leaves
 *   fences   the owner, with owner: its process takes part in         who takes
 *            membarrier(2)
 */
#define SH_GATES 4096
struct sh_gate {
	sh_w64 owner, holder;
	sh_w64 fences;
	uint64_t pad[5];
} __attribute__((aligned(SH_LINE)));
_Static_assert(sizeof(struct sh_gate) == SH_LINE, "a line");

/*
 * An exchange (exchange.h), one at a time. All of it is written under G, but for numbers; phase, kind, busy, unit and units
 * under H too when it is opened.
 *
 *   numbers    fetch_add by requesters: names of requests
 *   phase      last when it is opened: R:XCHG <-> A:XCHG. IDLE: the rest means nothing
 *   coord      who does it; requester: for whom
 *   stint      raised when a coordinator takes it: one whose number it is no longer does nothing more
 *   epoch      how many there were: who has missed one looks at everything
 *   seq        futex; raised when one is closed
 *   observe    a bit for each member's slot; valid while a member of that slot lives. See observe.h
 */
enum sh_xkind { SH_X_GROW = 1, SH_X_SHRINK };
enum sh_xphase { SH_X_IDLE = 0, SH_X_START, SH_X_SYNC, SH_X_BACK, SH_X_AGAIN, SH_X_STAY };
struct sh_xchg {
	sh_w64 numbers;
	sh_w64 phase, kind, number, coord, requester;
	sh_w64 busy, unit, units;
	sh_w64 stint, epoch;
	_Atomic uint32_t seq;
	uint32_t pad;
	sh_w64 observe[3][4];
};

/*
 * A slot's part in exchanges, so that a member that is stopped is waited for once, not by every exchange. Hints: relaxed. A death
 * leaves a word that the next member of the slot makes old.
 *
 *   heard    the member adds 1 whenever it has come to the end of something it was asked for, or looked what it missed; and
 *            when it starts
 *   silent   who waited for it in vain: heard, as it was when it was asked, + 1. It has not come on since while that is so
 */
struct sh_xpeer {
	_Atomic uint32_t heard, silent;
};

struct sh_undo {
	sh_w64 off; /* of a word in the header */
	sh_w64 old;
};

/*
 *   field          written by
 *   magic..window  the creator, magic last; then constant
 *   lock, grow     lock.c
 *   undo_n, undo   journal.c
 *   pub_*          the lock's owner, through the journal: a directory word whose store is the commit. Index + 1
 *   xchg           see struct sh_xchg
 *   others         the lock's owner, through the journal
 */
struct sh_mem_hdr {
	sh_w64 magic;
	uint32_t layout;
	uint32_t zone_max;    /* how many zones there may be */
	uint64_t fingerprint; /* of sizes and offsets compiled in */
	uint64_t window;      /* bytes of address space */
	uint64_t pad[4];
	struct sh_lock grow; /* G. Order: G before H, which is the order of their addresses */
	struct sh_lock lock; /* H */
	sh_w64 undo_n;
	sh_w64 pub_dir, pub_word;
	sh_w64 dir_high; /* entries at and above were never used. Also read without the lock: see struct sh_dirent */
	sh_w64 zone_high, zone_n;
	sh_w64 zone_used;	   /* bytes in zones */
	sh_w64 zspan[SH_ZCLASSES]; /* runs of small zones with a free place, by class; a unit + 1 */
	struct sh_xchg xchg;
	struct sh_undo undo[SH_UNDO_MAX];
	struct sh_pages_hdr pg __attribute__((aligned(4096)));
	struct sh_spans_hdr sp __attribute__((aligned(64)));
	struct sh_work works[SH_WORKS] __attribute__((aligned(4096)));
	struct sh_xpeer peers[256] __attribute__((aligned(4096))); /* SH_MEMBERS of them */
	struct sh_dirent dir[SH_DIR_SLOTS] __attribute__((aligned(4096)));
	struct sh_zone zones[SH_ZONE_SLOTS] __attribute__((aligned(4096)));
	struct sh_gate gates[SH_GATES] __attribute__((aligned(4096)));
};
#define SH_MEM_FIXED offsetof(struct sh_mem_hdr, dir) /* length of the file MEM */
_Static_assert(SH_MEM_FIXED == 4 * SH_MEM_PAGE,
	       "words, locks and journal are a page, runs another, then works, then peers");
_Static_assert(sizeof(struct sh_mem_hdr) <= SH_STEPS_OFF, "steps come behind");
_Static_assert(SH_STEPS_OFF + SH_WINDOWS * SH_STEPS_MAX * sizeof(struct sh_step) <= SH_MEM_WINDOW, "all steps fit");

#endif
