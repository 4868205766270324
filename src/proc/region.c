/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * region.c - make, map and drop the control region
 *
 * It lies at the same address in every member. The creator fills the header before anybody else can have the memfds.
 */
#include "proc/priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB (21u << 26)
#endif

#define MAP_ALIGN (2ull << 20)

int sh_memfd(const char *name)
{
	int fd = sh_fd_up(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL));

	if (fd < 0 && errno == EINVAL) /* a kernel that does not know NOEXEC */
		fd = sh_fd_up(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
	if (fd >= 0)
		return fd;
	int err = -errno;

	if (err == -EPERM || err == -ENOSYS || err == -EACCES)
		sh_err("memfd_create is refused (%s): all shared memory is memfds; allow memfd_create in the seccomp "
		       "profile, or lower vm.memfd_noexec",
		       strerror(-err));
	else if (err == -EMFILE || err == -ENFILE)
		sh_err("no file descriptor left for shared memory: raise ulimit -n");
	else
		sh_err("memfd_create: %s", strerror(-err));
	return err;
}

/* who is in the way? the first mapping that overlaps, as the kernel shows it */
static void say_taken(uint64_t base, uint64_t size)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512], what[400] = "an unknown mapping";
	unsigned long a, b;
	int at = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %n", &a, &b, &at) < 2 || b <= base || a >= base + size)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(what, sizeof(what), "%lx-%lx %.300s", a, b,
			 at > 0 && line[at] != '\0' ? line + at : "(anonymous memory)");
		break;
	}
	if (f != NULL)
		fclose(f);
	sh_err("the group's address range at 0x%llx is taken in this process by %s: start the primary with another "
	       "--base-virtaddr",
	       (unsigned long long)base, what);
}

#define AS_ZONES (64ull << 20) /* for the named zones, and at least as much for the heap */
#define AS_SMALL (12ull << 20) /* tables of the rooms, malloc() */
#define AS_THREADS 3	       /* the library's; then one for each lcore */
#define AS_ARENA                                                                                                       \
	(128ull << 20) /* what glibc's malloc() maps, for a moment, when a thread calls it for the first time */

/* what is mapped now, size bytes more, threads and what else is allocated */
uint64_t sh_as_need_all_kib(uint64_t size)
{
	const struct sh_opts *o = sh_ctx.proc != NULL ? &sh_ctx.proc->o : NULL;
	unsigned long pages = 0, threads = AS_THREADS;
	size_t stack = 8 << 20;
	pthread_attr_t attr;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f != NULL) {
		if (fscanf(f, "%lu", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	if (pthread_attr_init(&attr) == 0) {
		(void)pthread_attr_getstacksize(&attr, &stack);
		pthread_attr_destroy(&attr);
	}
	for (unsigned i = 0; i < SH_LCORES && o != NULL; i++)
		threads += o->lcore_on[i] && i != o->main_lcore;
	size += (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) + AS_SMALL;
	return (size + threads * (stack + AS_ARENA)) >> 10;
}

uint64_t sh_as_need_kib(uint64_t size)
{
	uint64_t heap = sh_ctx.proc != NULL ? sh_ctx.proc->o.memory_max : 0;

	heap = heap > AS_ZONES ? heap : AS_ZONES;
	return sh_as_need_all_kib(size + AS_ZONES + heap + heap / 32);
}

static int say_map(int err, uint64_t base, uint64_t size)
{
	struct rlimit as = {0}, lk = {0};

	(void)getrlimit(RLIMIT_AS, &as);
	(void)getrlimit(RLIMIT_MEMLOCK, &lk);
	if (err == -EEXIST)
		say_taken(base, size);
	else if (err == -EAGAIN)
		sh_err("cannot map %llu KiB of shared memory: the process locks its memory and ulimit -l is %llu KiB; "
		       "raise "
		       "it by %llu KiB",
		       (unsigned long long)size >> 10, (unsigned long long)lk.rlim_cur >> 10,
		       (unsigned long long)size >> 10);
	else if (err == -ENOMEM && as.rlim_cur != RLIM_INFINITY)
		sh_err("cannot map %llu KiB of shared memory: ulimit -v is %llu KiB; raise ulimit -v to %llu KiB",
		       (unsigned long long)size >> 10, (unsigned long long)as.rlim_cur >> 10,
		       (unsigned long long)sh_as_need_kib(size));
	else
		sh_err("cannot map %llu KiB of shared memory at 0x%llx: %s; try another --base-virtaddr",
		       (unsigned long long)size >> 10, (unsigned long long)base, strerror(-err));
	return err;
}

/* a part that grows takes its place in the range */
static int map_part(const struct sh_proc *p, enum sh_group_fd which, void *at, uint64_t len)
{
	return mmap(at, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, p->gfd[which], 0) == MAP_FAILED ? -errno
													     : 0;
}

/* map the control region, each part from its file; header not looked at */
static int map_at(struct sh_proc *p, uint64_t base, uint64_t size)
{
	void *want = (void *)(uintptr_t)base, *at;
	struct sh_region *r = want;
	int err;

	at = mmap(want, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, p->gfd[SH_FD_CTL], 0);
	if (at == MAP_FAILED)
		return say_map(-errno, base, size);
	if (at != want) { /* a kernel that does not know the flag took it for a hint */
		munmap(at, size);
		return say_map(-EEXIST, base, size);
	}
	p->r = at;
	p->map_len = size;
	err = map_part(p, SH_FD_SLOTS, r->slots, sizeof(r->slots));
	if (err == 0)
		err = map_part(p, SH_FD_LANE_TAB, r->lanes, sizeof(r->lanes));
	if (err == 0)
		err = map_part(p, SH_FD_FD_TAB, r->fds, sizeof(r->fds));
	(void)madvise(at, size, MADV_DONTDUMP);
	return err == 0 ? 0 : say_map(err, base, size);
}

static void fill_header(struct sh_proc *p, uint64_t base)
{
	struct sh_region *r = p->r;

	r->layout = SH_REGION_LAYOUT;
	r->max_members = p->o.max_members;
	r->fingerprint = sh_fingerprint();
	r->base = base;
	r->size = sizeof(*r);
	r->born_ns = sh_now_ns();
	r->owner_uid = geteuid();
	sh_store_rlx(&r->next_gen, 1); /* nobody else has the region yet */
	r->magic = SH_REGION_MAGIC;
}

/*
 * The data of the window of huge pages. Where the kernel has no such files, or is not to be asked, an empty one takes the
 * place: mem looks at what it is.
 */
static int huge_memfd(const struct sh_proc *p, const char *name)
{
	int fd = -1;

	if (p->o.huge != SH_HUGE_NEVER)
		fd = sh_fd_up(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_HUGE_2MB));
	return fd >= 0 ? fd : sh_memfd(name);
}

int sh_region_make(struct sh_proc *p)
{
	static const char *const names[SH_GROUP_FDS] = {
		"shoal-ctl",  "shoal-slots", "shoal-lane-table", "shoal-fd-table", "shoal-lanes",
		"shoal-mem",  "shoal-dir",   "shoal-zones",	 "shoal-gates",	   "shoal-steps",
		"shoal-desc", "shoal-heap",  "shoal-desc-2m",	 "shoal-heap-2m"};
	uint64_t base = p->o.base_virtaddr != 0 ? p->o.base_virtaddr : SH_BASE_ADDR;
	struct sh_hello h;
	int err;

	base = (base + MAP_ALIGN - 1) & ~(MAP_ALIGN - 1);
	for (unsigned i = 0; i < SH_GROUP_FDS; i++) {
		p->gfd[i] = i == SH_FD_HEAP1 ? huge_memfd(p, names[i]) : sh_memfd(names[i]);
		if (p->gfd[i] < 0)
			return p->gfd[i];
	}
	err = sh_fsize_need("the control region", sizeof(struct sh_region));
	if (err != 0)
		return err;
	if (sh_ftruncate(p->gfd[SH_FD_CTL], (off_t)SH_REGION_FIXED) != 0 ||
	    sh_ftruncate(p->gfd[SH_FD_FD_TAB], SH_FD_TAB_FIRST) != 0) {
		err = -errno;
		sh_err("cannot size the control region: %s; allow ftruncate in the seccomp profile, or free memory of "
		       "the "
		       "machine or the cgroup",
		       strerror(-err));
		return err;
	}
	for (unsigned i = 0; i < SH_GROUP_FDS; i++)
		if (fcntl(p->gfd[i], F_ADD_SEALS, F_SEAL_SHRINK) != 0) {
			err = -errno;
			sh_err("cannot seal the control region: %s; allow fcntl with F_ADD_SEALS in the seccomp "
			       "profile",
			       strerror(-err));
			return err;
		}
	err = map_at(p, base, sizeof(struct sh_region));
	if (err != 0)
		return err;
	fill_header(p, base);
	sh_hello_join(p, &h, true);
	err = sh_slot_take(p, &h, geteuid(), &p->id);
	if (err == 0)
		err = sh_slot_need(p);
	if (err != 0)
		return err;
	SH_STEP("region_made");
	/* nobody can have seen the word of the primary yet; R:PRIMARY is the handing over of the memfd */
	sh_store_rel(&p->r->primary, p->id);
	return 0;
}

int sh_region_map(struct sh_proc *p, uint64_t base, uint64_t size)
{
	struct stat st;
	int seals = fcntl(p->gfd[SH_FD_CTL], F_GET_SEALS), err;

	if ((seals < 0 && errno != EINVAL) || fstat(p->gfd[SH_FD_CTL], &st) != 0) {
		err = -errno;
		sh_err("cannot look at the group's control region: %s; allow fcntl and fstat in the seccomp profile, "
		       "or free memory",
		       strerror(-err));
		return err;
	}
	if ((uint64_t)st.st_size < SH_REGION_FIXED || seals < 0 || !(seals & F_SEAL_SHRINK)) {
		sh_err("the group handed over something that is not its control region: is another program listening "
		       "in %s?",
		       p->dir);
		return -EBADMSG;
	}
	err = map_at(p, base, size);
	if (err != 0)
		return err;
	if (p->r->magic != SH_REGION_MAGIC || p->r->layout != SH_REGION_LAYOUT ||
	    p->r->fingerprint != sh_fingerprint() || p->r->base != base || p->r->size != size ||
	    p->r->max_members < 1 || p->r->max_members > SH_MEMBERS) {
		sh_err("the group in %s uses another layout of shared memory (%u, this one is %u): use the same "
		       "version in "
		       "all its processes",
		       p->dir, p->r->layout, SH_REGION_LAYOUT);
		return -EPROTONOSUPPORT;
	}
	return 0;
}

void sh_region_drop(struct sh_proc *p)
{
	if (p->r != NULL)
		munmap(p->r, p->map_len);
	p->r = NULL;
	for (unsigned i = 0; i < SH_GROUP_FDS; i++) {
		sh_own_close(p, &p->gfd[i]);
		sh_store_rlx(&p->len[i], 0); /* nobody else looks any more */
	}
}

int sh_slot_need(const struct sh_proc *p)
{
	int err = sh_group_grow(SH_FD_SLOTS, (sh_id_slot(p->id) + 1ull) * sizeof(struct sh_slot));

	if (err != 0)
		sh_err("no memory for this member's part of the control region: %s; raise ulimit -f or the memory "
		       "limit, and allow ftruncate in the seccomp profile",
		       strerror(-err));
	return err;
}
