/* SPDX-License-Identifier: BSD-3-Clause */
/* fake.c - see fake.h. A member is gone when its process is a zombie or not there: here one process is one address space. */
#include "fake.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chan/internal.h"
#include "chan/piece.h"
#include "mem/mem.h"

struct sh_ctx sh_ctx;

static struct {
	struct sh_region *region;
	int fd[SH_GROUP_FDS]; /* from SH_FD_MEM on */
	sh_id_t self;
	sh_event_fn fn;
	bool huge;
} fake;

struct sh_region *sh_region(void)
{
	return fake.region;
}
uint64_t sh_as_need_all_kib(uint64_t size)
{
	return size >> 10;
}

int sh_group_fd(enum sh_group_fd which)
{
	return which >= SH_FD_MEM ? fake.fd[which] : -1;
}

int sh_on_event(sh_event_fn fn, void *arg)
{
	(void)arg;
	fake.fn = fn;
	return 0;
}

void f_event(enum sh_event ev, sh_id_t id)
{
	fake.fn(NULL, ev, id);
}

bool sh_member_alive(sh_id_t id)
{
	uint64_t w =
		id != 0 && sh_id_slot(id) < SH_MEMBERS ? sh_load_acq(&fake.region->members[sh_id_slot(id)].word) : 0;

	return sh_word_gen(w) == sh_id_gen(id) && sh_word_state(w) >= SH_INIT && sh_word_state(w) <= SH_LEAVING;
}

static char state_of(const struct sh_member *m)
{
	char path[64], state = 'X';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/stat", m->pid);
	f = fopen(path, "re");
	if (f != NULL) {
		if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = 'X';
		fclose(f);
	}
	return state;
}

bool sh_member_stopped(sh_id_t id)
{
	return sh_member_alive(id) && state_of(&fake.region->members[sh_id_slot(id)]) == 'T';
}

int sh_member_probe(sh_id_t id)
{
	struct sh_member *m = &fake.region->members[sh_id_slot(id)];
	uint64_t w = sh_load_acq(&m->word);
	char state;

	if (sh_word_gen(w) != sh_id_gen(id) || sh_word_state(w) == SH_DEAD)
		return 1; /* the slot went to another: only one of a dead member does */
	state = state_of(m);
	if (state != 'Z' && state != 'X')
		return 0;
	(void)sh_cas(&m->word, &w, sh_word(sh_id_gen(id), SH_DEAD)); /* not of whoever may have the slot by now */
	return 1;
}

/* A slot goes to another member only after proof, as in proc: else the owner of a lock could be taken for dead */
static sh_id_t new_member(void)
{
	uint32_t gen = sh_add(&fake.region->next_gen, 1) + 1, slot = gen % SH_MEMBERS, tries = 0;

	for (;; slot = (slot + 1) % SH_MEMBERS) {
		uint64_t w = sh_load_acq(&fake.region->members[slot].word);

		if (w == 0 || sh_member_probe(SH_ID(slot, sh_word_gen(w))) == 1)
			break;
		CHECK(++tries < SH_MEMBERS);
	}
	sh_store_rel(&fake.region->members[slot].word, sh_word(gen, SH_JOINING));
	return SH_ID(slot, gen);
}

static void become(sh_id_t id)
{
	struct sh_member *m = &fake.region->members[sh_id_slot(id)];

	fake.self = id;
	m->pid = (uint32_t)getpid();
	sh_store_rel(&m->word, sh_word(sh_id_gen(id), SH_ACTIVE));
	sh_ctx.self = &fake.self;
}

void *f_shared(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

void f_huge(bool on)
{
	fake.huge = on;
}

void f_group_bare(void)
{
	CHECK_EQ(setenv("SHOAL_LOOK_MS", "0", 0), 0); /* no thread that looks by the clock, unless a case wants one */
	fake.region = f_shared(sizeof(*fake.region));
	fake.region->base = SH_BASE_ADDR;
	for (unsigned i = SH_FD_MEM; i < SH_GROUP_FDS; i++) {
		unsigned flags = fake.huge && i == SH_FD_HEAP1 ? MFD_HUGETLB : 0;

		fake.fd[i] = memfd_create("fake-mem", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);
		CHECK(fake.fd[i] >= 0);
	}
	become(new_member());
}

void f_group(void)
{
	f_group_bare();
	CHECK_EQ(sh_mem_start(), 0);
}

void f_group_again(void)
{
	if (fake.region != NULL) {
		sh_mem_stop();
		munmap(fake.region, sizeof(*fake.region));
		for (unsigned i = SH_FD_MEM; i < SH_GROUP_FDS; i++)
			close(fake.fd[i]);
	}
	f_group();
}

pid_t f_member(int (*fn)(void *arg), void *arg, sh_id_t *ret)
{
	sh_id_t id = new_member();
	pid_t pid;

	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		become(id);
		_exit(fn(arg));
	}
	fake.region->members[sh_id_slot(id)].pid = (uint32_t)pid; /* as it does itself; it may die before that */
	if (ret != NULL)
		*ret = id;
	return pid;
}

int f_wait(pid_t pid)
{
	int st;

	while (waitpid(pid, &st, 0) < 0)
		CHECK_EQ(errno, EINTR);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

uint64_t f_heap_held(void)
{
	struct stat st;
	uint64_t held = 0;

	for (unsigned i = SH_FD_HEAP0; i < SH_GROUP_FDS; i += 2) {
		CHECK_EQ(fstat(fake.fd[i], &st), 0);
		held += (uint64_t)st.st_blocks * 512;
	}
	return held;
}

void f_sound(const char *when)
{
	char why[256] = "";
	int r = sh_mem_audit(why, sizeof(why));

	if (r != 0)
		t_fail(__FILE__, __LINE__, "%s: audit says %d: %s", when, r, why);
}

/* ---- who coordinates and asks: a process alone with its memory ---- */

sh_id_t sh_member_at(unsigned slot, enum sh_state *st)
{
	uint64_t w = sh_load_acq(&fake.region->members[slot].word);

	if (st != NULL)
		*st = sh_word_state(w);
	return sh_word_state(w) >= SH_INIT && sh_word_state(w) <= SH_LEAVING ? SH_ID(slot, sh_word_gen(w)) : 0;
}

sh_id_t sh_primary_id(void)
{
	return 0;
}

void sh_internal_serve(enum sh_service svc, sh_service_fn fn, void *arg)
{
	(void)svc;
	(void)fn;
	(void)arg;
}

void sh_internal_poke(enum sh_service svc)
{
	(void)svc;
}

void sh_internal_poke_others(enum sh_service svc)
{
	(void)svc;
}

/* nothing travels */
void sh_piece_ops_set(const struct sh_piece_ops *ops)
{
	(void)ops;
}
bool sh_piece_travels(const void *p, size_t size)
{
	(void)p, (void)size;
	return false;
}

void sh_internal_due(struct sh_int_due *due)
{
	(void)due;
}

void sh_internal_done(const struct sh_int_due *due, int code)
{
	(void)due;
	(void)code;
}

int sh_internal_ask(struct sh_int_answer *a, unsigned n, const struct sh_int_ask *q)
{
	(void)q;
	for (unsigned i = 0; i < n; i++)
		a[i].outcome = SH_INT_GONE;
	return 0;
}
