/* SPDX-License-Identifier: BSD-3-Clause */
/* cycles.c - how fast the cycle counter runs, and waiting. */
#include <rte_cycles.h>

#include <errno.h>
#include <pthread.h>
#include <time.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "base/atom.h"
#include "base/clock.h"
#include "base/export.h"

static struct {
	pthread_once_t once;
	uint64_t hz;
} tsc = {.once = PTHREAD_ONCE_INIT};

/* What the processor or the machine it runs in says, 0 when it says nothing. */
static uint64_t told_hz(void)
{
#if defined(__x86_64__) || defined(__i386__)
	unsigned a, b, c, d;

	/* 0x15: crystal in ecx, ratio ebx / eax */
	if (__get_cpuid_count(0x15, 0, &a, &b, &c, &d) && a != 0 && b != 0 && c != 0)
		return (uint64_t)c * b / a;
	/* hypervisors that offer leaf 0x40000010 give kHz in eax */
	if (__get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 31)) != 0) {
		__cpuid(0x40000000, a, b, c, d);
		if (a >= 0x40000010) {
			__cpuid(0x40000010, a, b, c, d);
			return (uint64_t)a * 1000;
		}
	}
	return 0;
#elif defined(__aarch64__)
	uint64_t hz;

	__asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hz));
	return hz;
#else
	return SH_NS_PER_S;
#endif
}

/* the clock and the counter at the same moment: of some tries the one that took least */
static uint64_t both(uint64_t *cycles)
{
	uint64_t best = UINT64_MAX, at = 0;

	for (int i = 0; i < 16; i++) {
		uint64_t before = rte_rdtsc_precise(), now = sh_now_ns(), took = rte_rdtsc_precise() - before;

		if (took < best) {
			best = took;
			at = now;
			*cycles = before + took / 2;
		}
	}
	return at;
}

static void find_hz(void)
{
	uint64_t c0 = 0, c1 = 0, t0, t1;

	tsc.hz = told_hz();
	if (tsc.hz != 0)
		return;
	t0 = both(&c0);
	rte_delay_us_sleep(10000);
	t1 = both(&c1);
	tsc.hz = (uint64_t)((double)(c1 - c0) * SH_NS_PER_S / (double)(t1 - t0));
}

SH_EXPORT uint64_t rte_get_tsc_hz(void)
{
	pthread_once(&tsc.once, find_hz);
	return tsc.hz;
}

SH_EXPORT void rte_delay_us_block(unsigned int us)
{
	uint64_t end = sh_deadline(us * SH_NS_PER_US);

	while (sh_now_ns() < end)
		sh_pause();
}

SH_EXPORT void rte_delay_us_sleep(unsigned int us)
{
	uint64_t end = sh_deadline(us * SH_NS_PER_US);
	struct timespec ts = {.tv_sec = (time_t)(end / SH_NS_PER_S), .tv_nsec = (long)(end % SH_NS_PER_S)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		continue;
}

SH_EXPORT rte_delay_us_fn rte_delay_us = rte_delay_us_block;

SH_EXPORT void rte_delay_us_callback_register(void (*userfunc)(unsigned int))
{
	rte_delay_us = userfunc;
}
