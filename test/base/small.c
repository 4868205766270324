/* SPDX-License-Identifier: BSD-3-Clause */
/* small.c - error texts, strings, sizes, bits, byte order, atomics, cycles, random numbers, panic and exit. */
#include <rte_atomic.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memcpy.h>
#include <rte_pause.h>
#include <rte_random.h>
#include <rte_string_fns.h>
#include <rte_version.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"

/* ---- errors ---- */

static void *other_thread(void *arg)
{
	CHECK_EQ(rte_errno, 0);
	rte_errno = 5;
	CHECK_STR(rte_strerror(-3), "Unknown error -3");
	return arg;
}

TEST(each_thread_has_its_own_error)
{
	const char *mine = rte_strerror(4711);
	pthread_t t;

	rte_errno = EINVAL;
	CHECK_EQ(pthread_create(&t, NULL, other_thread, NULL), 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
	CHECK_EQ(rte_errno, EINVAL);
	CHECK_STR(mine, "Unknown error 4711");
}

TEST(every_error_has_a_text)
{
	CHECK_EQ(RTE_MIN_ERRNO, 1000);
	CHECK_EQ(E_RTE_SECONDARY, 1001);
	CHECK_EQ(E_RTE_NO_CONFIG, 1002);
	CHECK_EQ(RTE_MAX_ERRNO, 1003);
	CHECK_HAS(rte_strerror(E_RTE_SECONDARY), "secondary");
	CHECK_HAS(rte_strerror(E_RTE_NO_CONFIG), "rte_eal_init");
	CHECK_STR(rte_strerror(RTE_MAX_ERRNO), "Unknown error 1003");
	CHECK_STR(rte_strerror(EINVAL), "Invalid argument");
	errno = 77;
	rte_errno = 78;
	for (int e = -200; e < 1100; e++)
		CHECK(rte_strerror(e)[0] != '\0');
	CHECK_EQ(errno, 77);
	CHECK_EQ(rte_errno, 78);
}

/* ---- strings ---- */

static int split(const char *s, int len, int max, char **tok)
{
	static char copy[64];

	(void)snprintf(copy, sizeof(copy), "%s", s);
	return rte_strsplit(copy, len, tok, max, ',');
}

TEST(strsplit)
{
	char *t[8];

	CHECK_EQ(split("a,b,,c", 64, 8, t), 4);
	CHECK_STR(t[0], "a");
	CHECK_STR(t[2], "");
	CHECK_STR(t[3], "c");
	CHECK_EQ(split("a,b,,c", 64, 2, t), 2);
	CHECK_STR(t[1], "b,,c");
	CHECK_EQ(split(",a,", 64, 8, t), 2);
	CHECK_STR(t[0], "");
	CHECK_STR(t[1], "a");
	CHECK_EQ(split("", 64, 8, t), 0);
	CHECK_EQ(split("ab,c", 0, 8, t), 0);
	CHECK_EQ(split("ab,c", 2, 8, t), 1);
	CHECK_STR(t[0], "ab,c");
	CHECK_EQ(split("ab", 64, 0, t), 0);
	errno = 0;
	CHECK_EQ(rte_strsplit(NULL, 3, t, 8, ','), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(rte_strsplit((char[]){"x"}, 3, NULL, 8, ','), -1);
}

TEST(copies_that_may_be_cut)
{
	char b[4] = "zzz";

	CHECK_EQ(rte_strscpy(b, "abc", sizeof(b)), 3);
	rte_errno = 0;
	CHECK_EQ(rte_strscpy(b, "defg", sizeof(b)), -E2BIG);
	CHECK_EQ(rte_errno, E2BIG);
	CHECK_STR(b, "def");
	CHECK_EQ(rte_strscpy(b, "x", 0), -E2BIG);
	CHECK_STR(b, "def");
	CHECK_EQ(rte_strlcpy(b, "abcdef", sizeof(b)), 6);
	CHECK_STR(b, "abc");
	CHECK_EQ(strlcpy(b, "a", sizeof(b)), 1);
	CHECK_EQ(strlcat(b, "bcd", sizeof(b)), 4);
	CHECK_STR(b, "abc");
	CHECK_EQ(rte_strlcat(b, "x", 2), 3); /* no NUL in the first two bytes */
	CHECK_STR(b, "abc");
	CHECK_EQ(rte_strlcpy(b, "abc", 0), 3);
	CHECK_EQ(rte_strlcat(b, "abc", 0), 3);
	CHECK_STR(rte_str_skip_leading_spaces(" \t x "), "x ");
}

TEST(sizes_as_people_write_them)
{
	static const struct {
		const char *text;
		uint64_t want;
		int err;
	} t[] = {
		{"1", 1, 0},
		{"1k", 1024, 0},
		{"2M", 2 << 20, 0},
		{"3G", 3ull << 30, 0},
		{"0x10", 16, 0},
		{" 5", 5, 0},
		{"010", 8, 0},
		{"1kB", 1024, 0},
		{"0", 0, 0},
		{"", 0, EINVAL},
		{"x", 0, EINVAL},
		{"-1", 0, EINVAL},
		{" -1", 0, EINVAL},
		{"99999999999999999999", 0, ERANGE},
		{"18446744073709551615k", 0, ERANGE},
	};

	for (unsigned i = 0; i < RTE_DIM(t); i++) {
		CHECK_EQ(rte_str_to_size(t[i].text), t[i].want);
		CHECK_EQ(errno, t[i].err);
	}
}

/* ---- numbers ---- */

TEST(powers_and_bits_at_the_edges)
{
	uint32_t pos = 99;

	CHECK_EQ(rte_align32pow2(0), 0);
	CHECK_EQ(rte_align32pow2(1), 1);
	CHECK_EQ(rte_align32pow2(5), 8);
	CHECK_EQ(rte_align32pow2(0x80000000u), 0x80000000u);
	CHECK_EQ(rte_align32pow2(0x80000001u), 0);
	CHECK_EQ(rte_align64pow2((1ull << 40) + 1), 1ull << 41);
	CHECK_EQ(rte_align32prevpow2(0), 0);
	CHECK_EQ(rte_align32prevpow2(9), 8);
	CHECK_EQ(rte_align64prevpow2(UINT64_MAX) == 1ull << 63, 1);
	CHECK_EQ(rte_combine32ms1b(0x50), 0x7f);
	CHECK_EQ(rte_log2_u32(0), 0);
	CHECK_EQ(rte_log2_u32(1), 0);
	CHECK_EQ(rte_log2_u32(9), 4);
	CHECK_EQ(rte_log2_u64(1ull << 40), 40);
	CHECK_EQ(rte_fls_u32(0), 0);
	CHECK_EQ(rte_fls_u64(1ull << 40), 41);
	CHECK_EQ(rte_bsf32_safe(0, &pos), 0);
	CHECK_EQ(pos, 99);
	CHECK_EQ(rte_bsf64_safe(1ull << 40, &pos), 1);
	CHECK_EQ(pos, 40);
	CHECK_EQ(RTE_ALIGN_MUL_NEAR(14, 10), 10);
	CHECK_EQ(RTE_ALIGN_MUL_NEAR(15, 10), 20);
	CHECK_EQ(RTE_ALIGN_CEIL(65, 64), 128);
	CHECK_EQ(RTE_LEN2MASK(64, uint64_t) == UINT64_MAX, 1);
	CHECK_EQ(RTE_GENMASK32(7, 4), 0xf0);
	CHECK_EQ(RTE_MIN(3, 2), 2);
	CHECK_EQ(RTE_MAX(3, 2), 3);
}

struct behind {
	int a;
} __rte_cache_aligned;
struct __rte_cache_aligned in_front {
	int a;
};
struct guarded {
	int a;
	RTE_CACHE_GUARD;
	int b;
};

TEST(alignment_attributes_work_in_both_places)
{
	struct in_front f;

	CHECK_EQ(sizeof(struct behind), 64);
	CHECK_EQ(sizeof(struct in_front), 64);
	CHECK_EQ(__alignof__(struct in_front), 64);
	CHECK_EQ(offsetof(struct guarded, b), 128);
	CHECK(container_of(&f.a, struct in_front, a) == &f);
	CHECK(rte_is_aligned(&f, 64));
}

TEST(byte_order)
{
	CHECK_EQ(rte_cpu_to_be_16(0x1234), RTE_BE16(0x1234));
	CHECK_EQ(rte_be_to_cpu_32(RTE_BE32(0x12345678)), 0x12345678);
	CHECK(rte_bswap64(0x0102030405060708) == 0x0807060504030201);
	CHECK(RTE_STATIC_BSWAP64(0x0102030405060708) == 0x0807060504030201);
	CHECK(rte_constant_bswap64(0x0102030405060708) == 0x0807060504030201);
	CHECK_EQ(RTE_STATIC_BSWAP32(0x01020304), 0x04030201);
	CHECK_EQ(rte_le_to_cpu_16(RTE_LE16(0x1234)), 0x1234);
	CHECK_EQ(*(const unsigned char *)&(uint32_t){RTE_BE32(0x11223344)}, 0x11);
}

static void *count_up(void *arg)
{
	for (int i = 0; i < 100000; i++)
		rte_atomic32_inc(arg);
	return NULL;
}

TEST(atomics)
{
	rte_atomic32_t n = RTE_ATOMIC32_INIT(0);
	rte_atomic16_t s = RTE_ATOMIC16_INIT(0);
	rte_atomic64_t w = RTE_ATOMIC64_INIT(5);
	RTE_ATOMIC(int) x = 1;
	int want = 1;
	uint64_t d = 7;
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, count_up, &n), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(rte_atomic32_read(&n), 200000);
	CHECK_EQ(rte_atomic16_test_and_set(&s), 1);
	CHECK_EQ(rte_atomic16_test_and_set(&s), 0);
	CHECK_EQ(rte_atomic16_dec_and_test(&s), 1);
	CHECK_EQ(rte_atomic64_add_return(&w, 3), 8);
	CHECK_EQ(rte_atomic64_cmpset(&d, 6, 9), 0);
	CHECK_EQ(rte_atomic64_cmpset(&d, 7, 9), 1);
	CHECK_EQ(rte_atomic64_exchange(&d, 1), 9);
	CHECK(rte_atomic_compare_exchange_strong_explicit(&x, &want, 2, rte_memory_order_relaxed,
							  rte_memory_order_relaxed));
	CHECK_EQ(rte_atomic_load_explicit(&x, rte_memory_order_acquire), 2);
	rte_mb(), rte_wmb(), rte_rmb(), rte_smp_mb(), rte_smp_wmb(), rte_smp_rmb(), rte_io_mb(), rte_io_wmb(),
		rte_io_rmb();
	rte_atomic_thread_fence(rte_memory_order_seq_cst);
	rte_wait_until_equal_64(&d, 1, rte_memory_order_acquire);
	RTE_WAIT_UNTIL_MASKED(&d, 1, ==, 1, __ATOMIC_RELAXED);
}

/* ---- time and chance ---- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

TEST(the_cycle_counter_runs_at_the_speed_it_says)
{
	uint64_t hz = rte_get_tsc_hz(), c = rte_rdtsc_precise(), t = now_ns();
	double want, got;

	rte_delay_us_sleep(100000);
	got = (double)(rte_rdtsc_precise() - c);
	want = (double)(now_ns() - t) * (double)hz / NS_PER_S;
	CHECK(got > want * 0.99);
	CHECK(got < want * 1.01);
	CHECK_EQ(rte_get_timer_hz(), hz);
}

static unsigned delayed;

static void count_us(unsigned us)
{
	delayed += us;
}

TEST(delays_are_not_shorter_than_asked)
{
	uint64_t t = now_ns();

	rte_delay_us(2000);
	CHECK(now_ns() - t >= 2000000);
	t = now_ns();
	rte_delay_us_sleep(2000);
	CHECK(now_ns() - t >= 2000000);
	rte_delay_us_callback_register(count_us);
	rte_delay_ms(3);
	CHECK_EQ(delayed, 3000);
	rte_delay_ms(4294968); /* as microseconds that wraps */
	CHECK_EQ(delayed, (unsigned)(3000 + 4294968000ull));
}

static void *one_number(void *arg)
{
	*(uint64_t *)arg = rte_rand();
	return NULL;
}

TEST(random_numbers)
{
	uint64_t a[4], b[4], of_thread;
	unsigned seen = 0;
	pthread_t t;

	a[0] = rte_rand();
	CHECK_EQ(pthread_create(&t, NULL, one_number, &of_thread), 0);
	pthread_join(t, NULL);
	CHECK(a[0] != of_thread);
	rte_srand(42);
	for (int i = 0; i < 4; i++)
		a[i] = rte_rand();
	rte_srand(42);
	for (int i = 0; i < 4; i++)
		b[i] = rte_rand();
	CHECK(memcmp(a, b, sizeof(a)) == 0);
	rte_srand(43);
	CHECK(rte_rand() != a[0]);
	for (int i = 0; i < 1000; i++) {
		uint64_t v = rte_rand_max(5);
		double d = rte_drand();

		CHECK(v < 5);
		CHECK(d >= 0 && d < 1);
		seen |= 1u << v;
	}
	CHECK_EQ(seen, 31);
	CHECK_EQ(rte_rand_max(0), 0);
	CHECK_EQ(rte_rand_max(1), 0);
	(void)rte_rand_max(UINT64_MAX);
}

TEST(version)
{
	CHECK_EQ(RTE_VERSION, RTE_VERSION_NUM(22, 11, 11, 99));
	CHECK_HAS(rte_version(), "DPDK 22.11.11 (shoal ");
	CHECK_EQ(rte_version_year(), 22);
	CHECK_EQ(rte_version_month(), 11);
	CHECK_EQ(rte_version_minor(), 11);
	CHECK_EQ(rte_version_release(), 99);
	CHECK_STR(rte_version_prefix(), "DPDK");
	CHECK_STR(rte_version_suffix(), "");
}

/* ---- the end ---- */

static void panics(void *arg)
{
	(void)arg;
	rte_panic("no %s left\n", "memory");
}

static void verifies(void *arg)
{
	RTE_VERIFY(arg == NULL);
	RTE_ASSERT(arg != NULL); /* compiled out */
	RTE_VERIFY(arg != NULL);
}

static int at_exit_ran;

static void at_exit(void)
{
	dprintf(STDERR_FILENO, "atexit ran %d\n", ++at_exit_ran);
}

static void exits(void *arg)
{
	CHECK_EQ(atexit(at_exit), 0);
	rte_exit(*(int *)arg, "Cannot %s\n", "go on");
}

TEST(panic_says_where_and_why_and_aborts)
{
	char err[8192];

	CHECK_EQ(t_fork(panics, NULL, err, sizeof(err)), 128 + SIGABRT);
	CHECK_HAS(err, "EAL: PANIC in panics():\nno memory left\n0: ");
	CHECK_EQ(t_fork(verifies, NULL, err, sizeof(err)), 128 + SIGABRT);
	CHECK_HAS(err, "assert \"arg != NULL\" failed\n");
}

TEST(exit_prints_the_cause_and_ends_with_the_code)
{
	char err[8192];
	int code = 3;

	CHECK_EQ(t_fork(exits, &code, err, sizeof(err)), 3);
	CHECK_HAS(err, "EAL: Error - exiting with code: 3\n  Cause: Cannot go on\n");
	CHECK_HAS(err, "atexit ran 1\n");
	code = 0;
	CHECK_EQ(t_fork(exits, &code, err, sizeof(err)), 0);
	CHECK(strstr(err, "Error") == NULL);
	CHECK_HAS(err, "Cannot go on\n");
}
