/* SPDX-License-Identifier: BSD-3-Clause */
/* use.c - macros and inline functions of the public headers in use; facts.sh compiles it as C11 to C23 and C++11 to C++20 */
#include <rte_atomic.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_memcpy.h>
#include <rte_pause.h>
#include <rte_prefetch.h>
#include <rte_random.h>
#include <rte_string_fns.h>
#include <rte_version.h>

#if RTE_VERSION < RTE_VERSION_NUM(22, 11, 0, 0)
#error "older than 22.11"
#endif

#define RTE_LOGTYPE_APP RTE_LOGTYPE_USER1
#define RTE_LOG_DEFAULT_LOGTYPE use.test
RTE_LOG_REGISTER(type_a, use.a, INFO)
RTE_LOG_REGISTER_DEFAULT(type_b, NOTICE)
RTE_LOG_REGISTER_SUFFIX(type_c, sub, DEBUG)

RTE_INIT(before_main)
{
	rte_errno = 0;
}
RTE_FINI(after_main)
{
	rte_errno = 0;
}

static RTE_DEFINE_PER_LCORE(int, mine);

struct __rte_cache_aligned counters {
	uint64_t rx;
	RTE_CACHE_GUARD;
	uint64_t tx;
};
struct message {
	uint8_t kind;
	uint32_t len;
} __rte_packed;
struct __rte_packed_begin message2 {
	uint8_t kind;
	uint32_t len;
} __rte_packed_end;

RTE_TAILQ_HEAD(list, node);
struct node {
	RTE_TAILQ_ENTRY(node) next;
	int v;
};

int use_all(int argc, char **argv);
__rte_unused static int hidden(void);
static int hidden(void)
{
	return 0;
}

static int job(__rte_unused void *arg)
{
	RTE_PER_LCORE(mine)++;
	RTE_LOG(INFO, APP, "lcore %u\n", rte_lcore_id());
	return 0;
}

static uint64_t numbers(uint64_t a, uint64_t b, void *p)
{
	struct counters c = {};
	uint64_t nested = RTE_MIN(RTE_MAX(a, b), RTE_MIN(a, b));
	uint64_t rx = RTE_ALIGN_MUL_NEAR(a, b) + RTE_ALIGN_MUL_CEIL(a, b) + RTE_ALIGN_MUL_FLOOR(a, b);

	RTE_SWAP(a, b);
	RTE_BUILD_BUG_ON(sizeof(struct message) != 5);
	RTE_BUILD_BUG_ON(sizeof(struct message2) != 5);
	c.rx = rx + RTE_LEN2MASK(3, uint64_t) + RTE_ALIGN(a, 8) + RTE_MIN_T(a, 4, uint64_t);
	rte_prefetch0(&c);
	if (container_of(&c.tx, struct counters, tx) != &c)
		rte_panic("container_of\n");
	RTE_VERIFY(c.tx == 0);
	RTE_ASSERT(c.tx == 1);
	p = RTE_PTR_ALIGN(RTE_PTR_ADD(p, 1), 64);
	rx = RTE_PTR_DIFF(p, RTE_PTR_SUB(p, 8)) + RTE_CAST_FIELD(&c, tx, uint32_t);
	if (likely(rte_is_aligned(p, 64)) && unlikely(RTE_IS_POWER_OF_2(a)))
		rx += rte_bsf64(a | 1) + rte_cpu_to_be_32((uint32_t)a) + RTE_BE16(1) + rte_bswap16(7);
	RTE_WAIT_UNTIL_MASKED(&rx, 0, ==, 0, rte_memory_order_acquire);
	return nested + rx + rte_rdtsc() + RTE_SIZEOF_FIELD(struct counters, tx);
}

static void texts(char *to, size_t size, const char *from)
{
	char *tok[4];

	strlcpy(to, from, size);
	strlcat(to, RTE_STR(RTE_MAX_LCORE), size);
	if (rte_strsplit(to, (int)size, tok, RTE_DIM(tok), ',') < 0 || rte_strscpy(to, from, size) < 0)
		RTE_LOG_LINE(ERR, APP, "cut: %s", rte_strerror(rte_errno));
	RTE_LOG_LINE(ERR, APP, "no arguments");
	RTE_LOG_LINE_PREFIX(ERR, APP, "%s: ", from RTE_LOG_COMMA, "prefix and %d", 1);
	RTE_LOG_DP(DEBUG, APP, "%s\n", from);
	RTE_LOG_DP_LINE(INFO, APP, "line");
	printf(RTE_FMT("[" RTE_FMT_HEAD("x%d", ) "]\n", RTE_FMT_TAIL("x%d", 3, )));
}

int use_all(int argc, char **argv)
{
	RTE_ATOMIC(int) flag = 0;
	rte_atomic32_t n = RTE_ATOMIC32_INIT(1);
	struct list head = TAILQ_HEAD_INITIALIZER(head);
	struct node one, *it;
	int expected = 0, r = rte_eal_init(argc, argv);
	char text[32];
	unsigned i;

	if (r < 0)
		rte_exit(EXIT_FAILURE, "Cannot init: %s\n", rte_strerror(rte_errno));
	TAILQ_INSERT_TAIL(&head, &one, next);
	RTE_TAILQ_FOREACH(it, &head, next) r += it == RTE_TAILQ_FIRST(&head);
	RTE_LCORE_FOREACH_WORKER(i)
	{
		if (rte_eal_remote_launch(job, NULL, i) < 0)
			return -1;
	}
	rte_eal_mp_wait_lcore();
	RTE_SET_USED(hidden);
	rte_memcpy(text, argv[0], 8);
	texts(text, sizeof(text), argv[0]);
	rte_atomic32_inc(&n);
	r += rte_atomic_compare_exchange_strong_explicit(&flag, &expected, 1, rte_memory_order_acq_rel,
							 rte_memory_order_acquire);
	rte_delay_ms(1);
	return r + (int)numbers((uint64_t)argc, rte_rand_max(9) + 1, argv) +
	       (rte_eal_process_type() == RTE_PROC_PRIMARY) + rte_gettid() + rte_eal_cleanup() + type_a + type_b +
	       type_c;
}
