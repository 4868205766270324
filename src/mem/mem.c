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
#include "base/log.h"
#include "mem/priv.h"
#include "proc/proc.h"
#include "proc/region.h"

static struct {
	struct sh_mem m;
	pthread_mutex_t quiet;
	pid_t pid; /* who started it */
} room = {.m = {.fd = -1}, .quiet = PTHREAD_MUTEX_INITIALIZER};

/* ---- lock and mend ---- */

/*
 * Steps that follow from a commit. Each can be done twice, so whoever mends does them again. Pages go back only now,
 * when nobody can look them up any more.
 */
void sh_mem_settle(struct sh_mem *m)
{
	struct sh_mem_hdr *h = m->h;
	uint64_t len;

	sh_store_rel(&h->pub_dir, 0);
	len = sh_load_rlx(&h->punch_len); /* relaxed: under the lock */
	if (len != 0) {
		SH_STEP("mem_punch");
		sh_mem_punch(m, sh_load_rlx(&h->punch_off), len);
		SH_STEP("mem_punched");
		sh_store_rel(&h->punch_len, 0);
	}
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
	r = sh_lock_take(&m->h->lock, "shared memory");
	if (r < 0)
		return r;
	if (r == SH_LOCK_MEND)
		mend(m);
	*ret = m;
	return 0;
}

void sh_mem_unlock(struct sh_mem *m)
{
	sh_lock_leave(&m->h->lock);
}

/* Watcher thread. Nobody needs to call us for a dead owner's pages to go back: whoever hears of it first mends. */
static void on_event(void *arg, enum sh_event ev, sh_id_t id)
{
	(void)arg;
	if (ev != SH_EV_DEATH)
		return;
	pthread_mutex_lock(&room.quiet);
	if (room.m.h != NULL && sh_lock_inherit(&room.m.h->lock, id) == SH_LOCK_MEND) {
		mend(&room.m);
		sh_mem_unlock(&room.m);
	}
	pthread_mutex_unlock(&room.quiet);
}

/* ---- start ---- */

static uint64_t fingerprint(void)
{
	const uint64_t part[] = {sizeof(struct sh_mem_hdr),
				 offsetof(struct sh_mem_hdr, undo),
				 offsetof(struct sh_mem_hdr, zones),
				 offsetof(struct sh_mem_hdr, ext),
				 sizeof(struct sh_ext),
				 SH_DIR_NAME,
				 SH_MEM_WINDOW,
				 SH_MEM_DATA};
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

static int map_window(struct sh_mem *m, uint64_t at)
{
	void *p = mmap((void *)(uintptr_t)at, SH_MEM_WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE,
		       m->fd, 0);
	int e = errno;
	char what[256];

	if (p != MAP_FAILED && (uint64_t)(uintptr_t)p != at) { /* a kernel that takes the address as a hint */
		munmap(p, SH_MEM_WINDOW);
		p = MAP_FAILED;
		e = EEXIST;
	}
	if (p == MAP_FAILED) {
		if (e == EEXIST) {
			in_the_way(at, SH_MEM_WINDOW, what, sizeof(what));
			sh_err("cannot map the group's memory at 0x%llx, there is: %s; give the primary another "
			       "--base-virtaddr",
			       (unsigned long long)at, what);
		} else {
			sh_err("cannot map the group's memory: %s; %llu MiB of address space are needed: raise ulimit "
			       "-v, "
			       "and ulimit -l if the program locks its memory",
			       strerror(e), SH_MEM_WINDOW >> 20);
		}
		return e > 0 ? -e : -ENOMEM;
	}
	madvise(p, SH_MEM_WINDOW, MADV_DONTDUMP); /* a core dump would back what nobody uses; if refused it is larger */
	m->h = p;
	return 0;
}

/* a window of a group that is being created: nobody else can see it before sh_proc_announce() */
static int create(struct sh_mem *m)
{
	struct sh_mem_hdr *h = m->h;
	int r = sh_mem_back(m, 0, SH_MEM_PAGE);

	if (r == 0) /* from here on the file is as long as the tables: none of them can be beyond its end */
		r = sh_mem_back(m, SH_MEM_DATA - SH_MEM_PAGE, SH_MEM_PAGE);
	if (r == 0)
		r = sh_mem_back_entry(m, &h->ext[0]);
	if (r < 0) {
		sh_err("cannot create the group's memory: %s", r == -EFBIG ? "the limit on file size, which counts for "
									     "memory as well, is below 2 MiB: raise "
									     "ulimit -f"
									   : "the kernel has no memory for it");
		return r == -EFBIG ? -ENOMEM : r;
	}
	/* no member can take from the others what they have mapped. Best effort: proc may have sealed it already */
	(void)fcntl(m->fd, F_ADD_SEALS, F_SEAL_SHRINK);
	h->layout = SH_MEM_LAYOUT;
	h->zone_max = sh_zone_wanted();
	h->fingerprint = fingerprint();
	h->window = SH_MEM_WINDOW;
	h->limit = SH_MEM_LIMIT;
	sh_store_rlx(&h->ext[1].off, SH_MEM_DATA); /* relaxed, all: before the magic */
	sh_store_rlx(&h->ext[1].len, SH_MEM_LIMIT - SH_MEM_DATA);
	sh_store_rlx(&h->ext[1].use, SH_EXT_FREE);
	sh_store_rlx(&h->ext_first, 1);
	sh_store_rlx(&h->ext_high, 2);
	sh_store_rel(&h->magic, SH_MEM_MAGIC); /* R:MEMMAGIC */
	return 0;
}

static int verify(const struct sh_mem *m, uint64_t size)
{
	const struct sh_mem_hdr *h = m->h;

	if (size >= SH_MEM_DATA && sh_load_acq(&h->magic) == SH_MEM_MAGIC && /* A:MEMMAGIC */
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
	if (room.m.h != NULL)
		munmap(room.m.h, SH_MEM_WINDOW);
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
	r = map_window(&m, sh_region()->base + SH_RANGE_MEM);
	if (m.h == NULL) /* exactly when r < 0 */
		return r;
	r = st.st_size == 0 ? create(&m) : verify(&m, (uint64_t)st.st_size);
	pthread_mutex_lock(&room.quiet);
	room.m = m;
	room.pid = getpid();
	pthread_mutex_unlock(&room.quiet);
	if (r == 0)
		r = sh_on_event(on_event, NULL);
	if (r < 0) {
		forget();
		return r;
	}
	sh_ctx.mem = &room.m;
	return 0;
}

bool sh_mem_contains(uint64_t addr)
{
	const struct sh_mem *m = sh_ctx.mem;
	uint64_t at = (uint64_t)(uintptr_t)(m != NULL ? m->h : NULL);

	return m != NULL && addr >= at && addr - at < m->h->limit;
}

uint64_t sh_mem_total(void)
{
	const struct sh_mem *m = sh_ctx.mem;

	return m != NULL ? m->h->limit - SH_MEM_DATA : 0;
}

void sh_mem_stop(void)
{
	sh_ctx.mem = NULL;
	forget();
}
