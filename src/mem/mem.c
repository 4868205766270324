/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mem.c - the room starts and stops, its lock and its mend
 *
 * Process-private state: one struct sh_mem. quiet guards it against the watcher thread, which may hear of a death while
 * the room stops.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "mem/heap.h"
#include "mem/exchange.h"
#include "mem/observe.h"
#include "mem/priv.h"
#include "proc/opts.h"
#include "proc/proc.h"
#include "proc/region.h"

static struct {
	struct sh_mem m;
	pthread_mutex_t quiet;
	pid_t pid;		     /* who started it */
	sh_id_t leaving[SH_MEMBERS]; /* by slot, under quiet: told of and not gone yet. 0: none */
} room = {.m = {.fd = -1}, .quiet = PTHREAD_MUTEX_INITIALIZER};

/* ---- lock and mend ---- */

/* what follows from a commit; it can be done twice, so whoever mends does it again */
void sh_mem_settle(struct sh_mem *m)
{
	sh_store_rel(&m->h->pub_dir, 0);
}

/* the last owner died: take back what it had not made final, finish what it had */
static void mend(struct sh_mem *m)
{
	SH_STEP("mem_mend");
	sh_recover(m->h);
	SH_STEP("mem_mend_recovered");
	sh_mem_settle(m);
	SH_STEP("mem_mend_settled");
}

int sh_mem_lock(struct sh_mem **ret)
{
	struct sh_mem *m = sh_ctx.mem;
	int r;

	if (m == NULL)
		return -ENODEV;
	r = sh_lock_ask(&m->h->lock, "shared memory");
	if (r < 0)
		return r;
	if (r == SH_LOCK_MEND)
		mend(m);
	*ret = m;
	return 0;
}

int sh_mem_trylock(struct sh_mem **ret)
{
	struct sh_mem *m = sh_ctx.mem;
	int r = m != NULL ? sh_lock_try(&m->h->lock) : -ENODEV;

	if (r == 0)
		*ret = m;
	return r;
}

void sh_mem_unlock(struct sh_mem *m)
{
	sh_lock_leave(&m->h->lock);
}

int sh_mem_lock_grow(struct sh_mem **ret)
{
	struct sh_mem *m = sh_ctx.mem;
	int r;

	if (m == NULL)
		return -ENODEV;
	r = sh_lock_ask(&m->h->grow, "growth of shared memory");
	if (r < 0)
		return r;
	if (r == SH_LOCK_MEND)
		sh_back_mend(m);
	*ret = m;
	return 0;
}

void sh_mem_unlock_grow(struct sh_mem *m)
{
	sh_lock_leave(&m->h->grow);
}

/* Watcher thread. Nobody needs to call us for a dead owner's pages to go back: whoever hears of it first mends. */
static void gone(struct sh_mem *m, sh_id_t id)
{
	if (m->h != NULL && sh_lock_inherit(&m->h->grow, id) == SH_LOCK_MEND) {
		sh_back_mend(m);
		sh_mem_unlock_grow(m);
	}
	if (m->h != NULL && sh_lock_inherit(&m->h->lock, id) == SH_LOCK_MEND) {
		mend(m);
		sh_mem_unlock(m);
	}
	/* relaxed: a look without the lock; who makes runs BUSY frees them itself unless it dies */
	if (m->h != NULL && sh_load_rlx(&m->h->pg.busy) != 0 && sh_mem_trylock(&m) == 0) {
		bool freed = sh_pages_reap(m);

		sh_mem_unlock(m);
		if (freed)
			sh_pages_held(m);
	}
	/* not waiting for it: who needs pages there, or finds that there are too few, does it as well */
	if (m->h != NULL && sh_back_left(m, id) && sh_lock_try(&m->h->grow) == 0) {
		sh_back_mend(m);
		sh_mem_unlock_grow(m);
	}
	if (sh_ctx.mem != NULL)
		sh_orphan_event(id);
	if (m->h != NULL && m->h->pg.decay > 1) /* what it would have given back; at once: its givers did */
		sh_decay_note(m);
	if (m->h != NULL) {
		sh_watch_holes(m);
		sh_decay_join(m); /* it may have died before it told others */
		sh_exchange_gone(m, id);
	}
}

/* One that leaves is told of when it begins to: it may hold a lock, and its threads their spans, until it is gone. */
static void on_event(void *arg, enum sh_event ev, sh_id_t id)
{
	(void)arg;
	pthread_mutex_lock(&room.quiet);
	if ((ev == SH_EV_DEATH || ev == SH_EV_LEAVE) && !sh_member_alive(id))
		gone(&room.m, id);
	else if (ev == SH_EV_LEAVE) {
		sh_id_t *was = &room.leaving[sh_id_slot(id)];

		if (*was != 0 && *was != id)
			gone(&room.m, *was); /* its slot has been given to another */
		*was = id;
	}
	for (unsigned s = 0; ev == SH_EV_LOOK && s < SH_MEMBERS; s++)
		if (room.leaving[s] != 0 && !sh_member_alive(room.leaving[s])) {
			gone(&room.m, room.leaving[s]);
			room.leaving[s] = 0;
		}
	pthread_mutex_unlock(&room.quiet);
}

/* ---- start ---- */

static uint64_t fingerprint(void)
{
	const uint64_t part[] = {sizeof(struct sh_mem_hdr),
				 offsetof(struct sh_mem_hdr, undo),
				 offsetof(struct sh_mem_hdr, zones),
				 offsetof(struct sh_mem_hdr, gates),
				 offsetof(struct sh_mem_hdr, works),
				 SH_WINDOWS,
				 offsetof(struct sh_mem_hdr, pg),
				 sizeof(struct sh_pages_hdr),
				 sizeof(struct sh_step),
				 SH_STEPS_OFF,
				 SH_PG_LAST,
				 SH_DIR_NAME,
				 SH_MEM_WINDOW,
				 SH_UNDO_MAX};
	uint64_t f = 0xcbf29ce484222325ull;

	for (unsigned i = 0; i < sizeof(part) / sizeof(part[0]); i++)
		f = (f ^ part[i]) * 0x100000001b3ull;
	return f;
}

/* which mapping lies in [at, at + len)? */
static void in_the_way(uint64_t at, uint64_t len, char *what, size_t cap)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned long from, to;

	snprintf(what, cap, "another mapping");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%lx-%lx", &from, &to) == 2 && from < at + len && to > at) {
			line[strcspn(line, "\n")] = '\0';
			snprintf(what, cap, "%.*s", (int)cap - 1, line);
			break;
		}
	}
	if (f != NULL)
		fclose(f);
}

/* at exactly this address; NULL and *err, and a line. rest: what is to be mapped from here on, this included */
static void *map_at(int fd, uint64_t at, uint64_t len, uint64_t rest, int *err)
{
	bool huge = fd == sh_group_fd(SH_FD_HEAP1);
	void *p = mmap((void *)(uintptr_t)at, len, huge ? PROT_READ : PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, fd, 0);
	char what[256];

	*err = p == MAP_FAILED ? -errno : 0;
	if (p != MAP_FAILED && (uint64_t)(uintptr_t)p != at) { /* a kernel that takes the address as a hint */
		munmap(p, len);
		*err = -EEXIST;
	}
	if (*err == -EEXIST) {
		in_the_way(at, len, what, sizeof(what));
		sh_err("cannot map the group's memory at 0x%llx, there is: %s; give the primary another "
		       "--base-virtaddr",
		       (unsigned long long)at, what);
	} else if (*err != 0) {
		sh_err("cannot map the group's memory: %s; %llu MiB of address space are needed: raise ulimit -v to "
		       "%llu "
		       "KiB, and ulimit -l if the program locks its memory",
		       strerror(-*err), (unsigned long long)rest >> 20, (unsigned long long)sh_as_need_all_kib(rest));
	}
	if (*err != 0)
		return NULL;
	madvise(p, len, MADV_DONTDUMP); /* a core dump would back what nobody uses; if refused it is larger */
	return p;
}

/* ---- the windows of pages ---- */

#define up_2m(x) (((x) + SH_MEM_STEP - 1) & ~(SH_MEM_STEP - 1))

static void unmap_windows(struct sh_mem *m)
{
	for (unsigned w = 0; w < SH_WINDOWS; w++) {
		if (m->w[w].heap != NULL)
			munmap(m->w[w].heap, m->w[w].bytes);
		if (m->w[w].desc != NULL)
			munmap(m->w[w].desc, m->w[w].bytes / SH_UNIT * sizeof(struct sh_desc));
		m->w[w] = (struct sh_win){.fd_heap = -1, .fd_desc = -1};
	}
}

/* where they lie and how long they are: constant from now on */
static int plan_windows(struct sh_pages_hdr *pg)
{
	uint64_t max = sh_pages_default_max(), units = up_2m(max) >> SH_UNIT_SHIFT, at = SH_RANGE_PAGES;
	bool is[SH_WINDOWS];
	int r = sh_huge_plan(sh_group_fd(SH_FD_HEAP1), &is[0], &is[1]);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < SH_WINDOWS; i++) {
		struct sh_win_hdr *w = &pg->w[i];

		if (!is[i])
			continue;
		w->units = units;
		w->page = i == 1 ? SH_MEM_STEP : SH_MEM_PAGE;
		w->desc_off = at;
		w->heap_off = at + up_2m(units * sizeof(struct sh_desc));
		at = w->heap_off + (units << SH_UNIT_SHIFT);
	}
	pg->max = max >> SH_UNIT_SHIFT;
	pg->decay = sh_ctx.opts != NULL ? sh_ctx.opts->mem_decay : 0;
	return 0;
}

/* address space of the windows from this one on, as the header says */
static uint64_t windows_bytes(const struct sh_pages_hdr *pg, unsigned from)
{
	uint64_t n = 0;

	for (unsigned w = from; w < SH_WINDOWS; w++)
		n += pg->w[w].units * (SH_UNIT + sizeof(struct sh_desc));
	return n;
}

/* the same of all, before the header is mapped; of a group that is being made: as far as its options say */
static uint64_t windows_ahead(int fd)
{
	uint64_t max = sh_pages_default_max();
	struct sh_pages_hdr pg;

	if (pread(fd, &pg, sizeof(pg), offsetof(struct sh_mem_hdr, pg)) == (ssize_t)sizeof(pg))
		return windows_bytes(&pg, 0);
	return (max + max / SH_UNIT * sizeof(struct sh_desc)) * (sh_group_fd(SH_FD_HEAP1) >= 0 ? 2 : 1);
}

static int map_windows(struct sh_mem *m)
{
	static const enum sh_group_fd fd[SH_WINDOWS][2] = {{SH_FD_DESC0, SH_FD_HEAP0}, {SH_FD_DESC1, SH_FD_HEAP1}};
	uint64_t base = (uint64_t)(uintptr_t)m->h, rest;
	int r = 0;

	for (unsigned w = 0; r == 0 && w < SH_WINDOWS; w++) {
		const struct sh_win_hdr *wh = &m->h->pg.w[w];
		struct sh_win *v = &m->w[w];

		if (wh->units == 0)
			continue;
		v->fd_desc = sh_group_fd(fd[w][0]);
		v->fd_heap = sh_group_fd(fd[w][1]);
		v->page = wh->page;
		v->bytes = wh->units << SH_UNIT_SHIFT;
		rest = windows_bytes(&m->h->pg, w);
		v->desc = map_at(v->fd_desc, base + wh->desc_off, wh->units * sizeof(struct sh_desc), rest, &r);
		if (r == 0)
			v->heap = map_at(v->fd_heap, base + wh->heap_off, v->bytes, rest, &r);
		/* a file of huge pages grows to the length of a mapping that may write: so it may only from here on */
		if (r == 0 && w == 1 && mprotect(v->heap, v->bytes, PROT_READ | PROT_WRITE) < 0)
			r = -errno;
	}
	m->thp = r == 0 && m->w[0].heap != NULL && sh_huge_joined() &&
		 madvise(m->w[0].heap, m->w[0].bytes, MADV_HUGEPAGE) == 0;
	if (r < 0)
		unmap_windows(m);
	return r;
}

/* a window of a group that is being created: nobody else can see it before sh_proc_announce() */
static int create(struct sh_mem *m)
{
	struct sh_mem_hdr *h = m->h;
	struct sh_pages_hdr pg;
	int r;

	memset(&pg, 0, sizeof(pg));
	r = plan_windows(&pg);
	if (r < 0)
		return r;
	/* the tables have a chance to grow */
	r = sh_fsize_ok(SH_STEPS_OFF) ? sh_file_back(m->fd, 0, SH_MEM_FIXED) : -EFBIG;
	if (r < 0) {
		if (r == -EFBIG)
			sh_err("cannot create the group's memory: the limit on file size, which counts for memory as "
			       "well, is below 2 MiB: raise ulimit -f");
		else
			sh_err("cannot create the group's memory: %s; free memory of the machine or the cgroup, or "
			       "allow fallocate in the seccomp profile",
			       strerror(errno));
		return -ENOMEM;
	}
	/* no member can take from the others what they have mapped. Best effort: proc may have sealed it already */
	for (unsigned i = SH_FD_MEM; i < SH_GROUP_FDS; i++)
		(void)fcntl(sh_group_fd(i), F_ADD_SEALS, F_SEAL_SHRINK);
	h->layout = SH_MEM_LAYOUT;
	h->zone_max = sh_zone_wanted();
	h->fingerprint = fingerprint();
	h->window = SH_MEM_WINDOW;
	memcpy(&h->pg, &pg, sizeof(pg));
	sh_store_rel(&h->magic, SH_MEM_MAGIC); /* R:MEMMAGIC */
	return 0;
}

static int verify(const struct sh_mem *m, uint64_t size)
{
	const struct sh_mem_hdr *h = m->h;

	if (size >= SH_MEM_FIXED && sh_load_acq(&h->magic) == SH_MEM_MAGIC && /* A:MEMMAGIC */
	    h->layout == SH_MEM_LAYOUT && h->fingerprint == fingerprint() && h->window == SH_MEM_WINDOW)
		return 0;
	sh_err("the group's memory has another layout than this program's library knows (%llu bytes): build both "
	       "against "
	       "the same version",
	       (unsigned long long)size);
	return -EPROTO;
}

static void forget(void)
{
	if (room.pid != getpid()) /* a child of fork() that starts anew: its parent's watcher may have held it */
		pthread_mutex_init(&room.quiet, NULL);
	pthread_mutex_lock(&room.quiet);
	sh_ctx.mem = NULL;
	if (room.m.h != NULL) {
		unmap_windows(&room.m);
		munmap(room.m.h, SH_MEM_WINDOW);
	}
	room.m.h = NULL;
	room.m.fd = -1;
	pthread_mutex_unlock(&room.quiet);
}

int sh_mem_start(void)
{
	struct sh_mem m = {.fd = sh_group_fd(SH_FD_MEM)};
	struct stat st;
	int r;

	if (sh_ctx.mem != NULL || sh_region() == NULL)
		return -EALREADY;
	if (fstat(m.fd, &st) < 0) {
		r = -errno;
		sh_err("the group handed over no memory: %s", strerror(errno));
		return r;
	}
	m.h = map_at(m.fd, sh_region()->base + SH_RANGE_MEM, SH_MEM_WINDOW, SH_MEM_WINDOW + windows_ahead(m.fd), &r);
	if (m.h == NULL) /* exactly when r < 0 */
		return r;
	r = sh_tables_map(&m);
	if (r < 0)
		sh_err("cannot map the tables of the group's memory: %s; raise vm.max_map_count", strerror(-r));
	else
		(void)madvise(m.h, SH_MEM_WINDOW, MADV_DONTDUMP);
	if (r == 0)
		r = st.st_size == 0 ? create(&m) : verify(&m, (uint64_t)st.st_size);
	if (r == 0)
		r = map_windows(&m);
	pthread_mutex_lock(&room.quiet);
	room.m = m;
	room.pid = getpid();
	pthread_mutex_unlock(&room.quiet);
	if (r == 0)
		r = sh_heap_start();
	if (r == 0)
		r = sh_on_event(on_event, NULL);
	if (r < 0) {
		forget();
		return r;
	}
	sh_decay_start();
	sh_ctx.mem = &room.m;
	sh_heap_open();
	r = sh_exchange_start(&room.m);
	if (r == 0 && st.st_size == 0)
		r = sh_pages_first(&room.m);
	if (r < 0)
		sh_mem_stop();
	else
		sh_decay_join(&room.m);
	return r;
}

bool sh_mem_contains(uint64_t addr)
{
	return sh_addr_unit((const void *)(uintptr_t)addr) != SH_UNIT_NONE;
}

bool sh_mem_in_callback(void)
{
	return sh_observe_inside();
}

bool sh_mem_has_huge(void)
{
	return sh_ctx.mem != NULL && sh_ctx.mem->w[1].heap != NULL;
}

uint64_t sh_mem_total(void)
{
	const struct sh_mem *m = sh_ctx.mem;

	return m != NULL ? m->h->pg.max << SH_UNIT_SHIFT : 0;
}

void sh_mem_stop(void)
{
	sh_heap_shut();	 /* before all: who is inside may need whatever there is to give a span back */
	sh_decay_stop(); /* then: it may be inside a callback, and what that is told by goes with the next */
	if (sh_self() == 0)
		sh_observe_forget();
	else if (sh_ctx.mem != NULL)
		sh_exchange_stop(sh_ctx.mem);
	sh_seg_stop(); /* no callback is told of memory any more */
	sh_heap_stop();
	forget();
	SH_STEP("span_room_gone");
}
