/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exchange_role.c - the role "x" of the tests of the exchange, and what registering its callbacks refuses
 *
 * The role "x" is a member that observes. Its callbacks keep a bit for each unit, so that "check" can say whether what it was
 * told is what there is. stderr of all roles goes to one file, in which the steps are read. It hears
 *   events, noevents     registers, unregisters a callback
 *   veto KIB, noveto     a validator that says no above so much
 *   take KIB             a run of pages: "took UNIT" or "err N"; give UNIT
 *   malloc BYTES         rte_malloc(), of which one is kept: "ptr" or "null ERRNO"; free: rte_free() of it: "freed"
 *   held                 "held KIB": what the files of the windows hold
 *   inside, freeinside   its callbacks allocate, free that block from now on; what: "inside ptr|null ERRNO"
 *   leaveinside          they call rte_eal_cleanup()
 *   shrink, shrinks      takes a step (as often as it takes) and gives its pages back: "shrunk N"
 *   act TO, block, go    has TO take a step of pages inside an action; its callbacks wait for "go" from now on
 *   late                 from now on what goes may be gone before its callback is told
 *   fd NAME              shoal_fd_register(), which the primary is asked for: "fd 0"
 *   check                "check ok KIB": callbacks were told what there is, the audit finds nothing, so much is backed
 *   bye                  rte_eal_cleanup()
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <shoal.h>
#include <shoal_fd.h>
#include <shoal_member.h>

#include "check.h"
#include "mem/exchange.h"
#include "mem/observe.h"
#include "mem/priv.h"
#include "proc/proc.h"

#define UNITS (1u << 16) /* of each window, 1 GiB: more than any case here uses */

/* ---- the role ---- */

/* atomic: between a callback's thread and the one that looks lie other processes, which TSan does not see */
static _Atomic unsigned char told_[SH_WINDOWS][UNITS];
#define told(u) told_[sh_unit_w(u)][sh_unit_idx(u)]
static atomic_int wrong, blocking, late; /* late: what goes may be gone when it is told */
static sem_t go;
static struct {
	_Atomic(void *) inside;
	atomic_int err;
} in_cb;
static void *block;
static pthread_t takers[64];
static unsigned takers_n; /* joined at the end: who leaves has no thread in a call */

static void on_event(enum rte_mem_event ev, const void *addr, size_t len, void *arg)
{
	uint32_t u = sh_addr_unit(addr);

	wrong += arg != told_ || u == SH_UNIT_NONE || len % SH_UNIT != 0;
	for (uint32_t i = 0; i < len / SH_UNIT; i++) {
		wrong += told(u + i) == (ev == RTE_MEM_EVENT_ALLOC);
		told(u + i) = ev == RTE_MEM_EVENT_ALLOC;
		/* after it came, before it goes: it can be read */
		wrong += !late && !sh_unit_backed(sh_ctx.mem, u + i);
	}
	if (blocking) {
		t_tell("inside");
		while (sem_wait(&go) != 0)
			;
	}
}

/* registered by "inside": what an allocation in a callback gets */
static void on_event_alloc(enum rte_mem_event ev, const void *addr, size_t len, void *arg)
{
	(void)addr;
	(void)len;
	(void)arg;
	if (ev != RTE_MEM_EVENT_ALLOC)
		return;
	in_cb.inside = rte_malloc(NULL, 64, 0);
	if (rte_malloc(NULL, 600 << 20, 0) == NULL)
		in_cb.err = rte_errno;
}

/* registered by "freeinside": what was allocated before is freed in a callback */
static void on_event_free(enum rte_mem_event ev, const void *addr, size_t len, void *arg)
{
	(void)ev;
	(void)addr;
	(void)len;
	(void)arg;
	rte_free(block);
	block = NULL;
}

/* registered by "leaveinside" */
static void on_event_leave(enum rte_mem_event ev, const void *addr, size_t len, void *arg)
{
	(void)ev;
	(void)addr;
	(void)len;
	(void)arg;
	in_cb.err = rte_eal_cleanup() == 0 ? 0 : rte_errno;
}

static int validate(int socket, size_t limit, size_t total)
{
	wrong += socket != 0 || total <= limit;
	return -1;
}

/* is this so of each unit that there is? */
static bool each(bool (*fn)(uint32_t u))
{
	struct sh_mem *m = sh_ctx.mem;

	for (uint32_t w = 0; w < SH_WINDOWS; w++)
		for (uint32_t i = 0; i < sh_load_acq(&m->h->pg.w[w].end); i++)
			if (!fn((w << SH_UNIT_W_SHIFT) + i))
				return false;
	return true;
}

static bool told_so(uint32_t u)
{
	return sh_unit_backed(sh_ctx.mem, u) == told(u);
}

static bool be_told(uint32_t u)
{
	told(u) = sh_unit_backed(sh_ctx.mem, u);
	return true;
}

static uint64_t held(void)
{
	struct stat a, b = {.st_blocks = 0};

	CHECK_EQ(fstat(sh_group_fd(SH_FD_HEAP0), &a), 0);
	(void)fstat(sh_group_fd(SH_FD_HEAP1), &b); /* where the kernel has such files */
	return ((uint64_t)a.st_blocks + (uint64_t)b.st_blocks) * 512;
}

static void c_check(void)
{
	struct sh_pages_stat st;
	char why[256] = "";

	CHECK_EQ(sh_pages_stat(&st), 0);
	if (!each(told_so))
		t_tell("check wrong view");
	else if (wrong != 0)
		t_tell("check %d wrong calls", wrong);
	else if (held() != st.backed)
		t_tell("check the files have %llu KiB, not %llu", (unsigned long long)held() >> 10,
		       (unsigned long long)st.backed >> 10);
	else if (sh_mem_audit(why, sizeof(why)) != 0)
		t_tell("check audit: %s", why);
	else
		t_tell("check ok %llu", (unsigned long long)st.backed >> 10);
}

static void c_take(const char *kib)
{
	struct sh_pages_ask ask = {.units = (uint32_t)(strtoul(kib, NULL, 10) / 16), .kind = SH_PG_BLOCK};
	uint32_t u = 0;
	int r;

	ask.owner = sh_self();
	r = sh_pages_take(&ask, &u);
	if (r == 0)
		t_tell("took %u", u);
	else
		t_tell("err %d", r == -ECANCELED ? ENOMEM : -r);
}

/* what decay does with a free run, with the run of a block */
static void c_shrink(bool again)
{
	struct sh_pages_ask ask = {.units = SH_STEP_UNITS, .align = SH_STEP_UNITS};
	struct sh_hold h;
	int r;

	do {
		r = sh_pages_hold(&ask, &h);
	} while (again && r == -ECANCELED);
	if (r < 0) {
		t_tell("shrunk %d", r == -ECANCELED ? ENOMEM : -r);
		return;
	}
	r = sh_shrink_commit(sh_ctx.mem, h.want.free, h.units);
	sh_pages_unhold(sh_ctx.mem, &h);
	t_tell("shrunk %d", -r);
}

static int act_take(const struct shoal_in *in, void *arg)
{
	(void)arg;
	c_take(in->data);
	return 0;
}

static void c_events(void)
{
	CHECK_EQ(rte_mem_event_callback_register("told", on_event, told_), 0);
	each(be_told);
	t_tell("ok");
}

static void c_malloc(uint64_t bytes)
{
	block = rte_malloc(NULL, bytes, 0);
	if (block != NULL)
		t_tell("ptr");
	else
		t_tell("null %d", rte_errno);
}

/* those that have ended make room */
static void join_takers(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < takers_n; i++)
		if (pthread_tryjoin_np(takers[i], NULL) != 0)
			takers[n++] = takers[i];
	takers_n = n;
}

static void *run_take(void *kib)
{
	c_take(kib);
	free(kib);
	return NULL;
}

static void obey(char **a)
{
	struct shoal_msg msg = {.name = "take", .data = a[2], .len = a[2] != NULL ? strlen(a[2]) + 1 : 0};
	uint64_t to = a[1] != NULL ? strtoull(a[1], NULL, 10) : 0;

	if (strcmp(a[0], "events") == 0) {
		c_events();
	} else if (strcmp(a[0], "noevents") == 0) {
		CHECK_EQ(rte_mem_event_callback_unregister("told", told_), 0);
		t_tell("ok");
	} else if (strcmp(a[0], "inside") == 0) {
		CHECK_EQ(rte_mem_event_callback_register("allocates", on_event_alloc, NULL), 0);
		t_tell("ok");
	} else if (strcmp(a[0], "freeinside") == 0) {
		CHECK_EQ(rte_mem_event_callback_register("frees", on_event_free, NULL), 0);
		t_tell("ok");
	} else if (strcmp(a[0], "leaveinside") == 0) {
		CHECK_EQ(rte_mem_event_callback_register("leaves", on_event_leave, NULL), 0);
		t_tell("ok");
	} else if (strcmp(a[0], "what") == 0) {
		t_tell("inside %s %d", in_cb.inside != NULL ? "ptr" : "null", in_cb.err);
	} else if (strcmp(a[0], "veto") == 0) {
		CHECK_EQ(rte_mem_alloc_validator_register("no", validate, 0, to << 10), 0);
		t_tell("ok");
	} else if (strcmp(a[0], "noveto") == 0) {
		CHECK_EQ(rte_mem_alloc_validator_unregister("no", 0), 0);
		t_tell("ok");
	} else if (strcmp(a[0], "take") == 0) {
		join_takers();
		CHECK(takers_n < sizeof(takers) / sizeof(takers[0]));
		CHECK_EQ(pthread_create(&takers[takers_n++], NULL, run_take, strdup(a[1])), 0);
	} else if (strcmp(a[0], "give") == 0) {
		t_tell("gave %d", -sh_pages_give((uint32_t)to));
	} else if (strcmp(a[0], "malloc") == 0) {
		c_malloc(to);
	} else if (strcmp(a[0], "free") == 0) {
		rte_free(block);
		t_tell("freed");
	} else if (strcmp(a[0], "held") == 0) {
		t_tell("held %llu", (unsigned long long)held() >> 10);
	} else if (strncmp(a[0], "shrink", 6) == 0) {
		c_shrink(a[0][6] == 's');
	} else if (strcmp(a[0], "act") == 0) {
		CHECK_EQ(shoal_send(&to, 1, &msg, NULL, NULL), 0);
	} else if (strcmp(a[0], "block") == 0) {
		blocking = late = 1;
		t_tell("ok");
	} else if (strcmp(a[0], "late") == 0) {
		late = 1;
		t_tell("ok");
	} else if (strcmp(a[0], "go") == 0) {
		blocking = 0;
		sem_post(&go);
	} else if (strcmp(a[0], "fd") == 0) {
		t_tell("fd %d", shoal_fd_register(a[1], 0, NULL, NULL) < 0 ? rte_errno : 0);
	} else if (strcmp(a[0], "check") == 0) {
		c_check();
	}
}

/* argv: type, file for stderr, options with a space between them */
static int join(char **argv, char *opts)
{
	char *av[16] = {(char *)"x", (char *)"--proc-type", argv[1], (char *)"-l", (char *)"0"};
	char *save = NULL;
	int n = 5;

	for (char *o = strtok_r(opts, " ", &save); o != NULL && n < 14; o = strtok_r(NULL, " ", &save))
		av[n++] = o;
	return rte_eal_init(n, av);
}

ROLE(x)
{
	char line[256], opts[256], *a[4], *save;
	int fd = open(argv[2], O_WRONLY | O_APPEND | O_CREAT, 0600);

	CHECK(fd >= 0 && dup2(fd, 2) == 2);
	sem_init(&go, 0, 0);
	snprintf(opts, sizeof(opts), "%s", argv[3]);
	if (join(argv, opts) < 0) {
		t_tell("failed %d", rte_errno);
		return 1;
	}
	shoal_action_register("take", act_take, NULL);
	t_tell("up %llu", (unsigned long long)shoal_member_self());
	while (t_hear(line, sizeof(line)) && strcmp(line, "bye") != 0) {
		save = NULL;
		for (int i = 0; i < 4; i++)
			a[i] = strtok_r(i == 0 ? line : NULL, " ", &save);
		obey(a);
	}
	while (takers_n > 0)
		pthread_join(takers[--takers_n], NULL);
	return rte_eal_cleanup();
}

/* ---- what is wrong is said ---- */

static int refused(int r)
{
	return r == -1 ? rte_errno : -r;
}

static void in_child(void *arg)
{
	(void)arg;
	_exit(refused(rte_mem_event_callback_register("child", on_event, NULL)) == EPERM ? 0 : 1);
}

TEST(registration_says_what_is_wrong)
{
	char *av[] = {(char *)"t", (char *)"-l", (char *)"0", (char *)"--no-shconf"}, longest[65];

	memset(longest, 'n', 64);
	longest[64] = '\0';
	CHECK_EQ(refused(rte_mem_event_callback_register("early", on_event, NULL)), E_RTE_NO_CONFIG);
	CHECK(rte_eal_init(4, av) >= 0);
	CHECK_EQ(refused(rte_mem_event_callback_register(NULL, on_event, NULL)), EINVAL);
	CHECK_EQ(refused(rte_mem_event_callback_register("", on_event, NULL)), EINVAL);
	CHECK_EQ(refused(rte_mem_event_callback_register("a", NULL, NULL)), EINVAL);
	CHECK_EQ(refused(rte_mem_event_callback_register(longest, on_event, NULL)), ENAMETOOLONG);
	CHECK_EQ(refused(rte_mem_event_callback_register(longest + 1, on_event, NULL)), 0);
	CHECK_EQ(refused(rte_mem_event_callback_register(longest + 1, on_event_alloc, NULL)), EEXIST);
	CHECK_EQ(refused(rte_mem_event_callback_register(longest + 1, on_event, told_)), 0);
	CHECK_EQ(refused(rte_mem_event_callback_unregister(longest + 1, av)), ENOENT);
	CHECK_EQ(refused(rte_mem_event_callback_unregister(longest + 1, NULL)), 0);
	CHECK_EQ(refused(rte_mem_event_callback_unregister(longest + 1, NULL)), ENOENT);
	CHECK_EQ(refused(rte_mem_alloc_validator_register("v", validate, -1, 1)), EINVAL);
	CHECK_EQ(refused(rte_mem_alloc_validator_register("v", NULL, 0, 1)), EINVAL);
	CHECK_EQ(refused(rte_mem_alloc_validator_register("v", validate, 0, 1)), 0);
	CHECK_EQ(refused(rte_mem_alloc_validator_register("v", validate, 0, 2)), EEXIST);
	CHECK_EQ(refused(rte_mem_alloc_validator_register("v", validate, 1, 2)), 0);
	CHECK_EQ(refused(rte_mem_alloc_validator_unregister("v", 2)), ENOENT);
	CHECK_EQ(refused(rte_mem_alloc_validator_unregister("v", 0)), 0);
	CHECK_EQ(t_fork(in_child, NULL, NULL, 0), 0);
	CHECK_EQ(rte_eal_cleanup(), 0);
	CHECK_EQ(refused(rte_mem_alloc_validator_unregister("v", 1)), E_RTE_NO_CONFIG);
}
