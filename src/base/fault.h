/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fault.h - labelled places where a test may kill this process
 *
 * SH_STEP("lane_published") is a no-op unless built with -Dfault=true. Then SHOAL_DIE_AT=label[:n] in the environment makes
 * the process kill itself with SIGKILL when it passes that label for the n-th time (default 1), and SHOAL_STOP_AT likewise
 * with SIGSTOP. SHOAL_HOLD_AT="a<b|c d<e" holds single threads: who comes to a waits until some thread has come to b or c, since
 * the process began; so two of a process come by in an order that the test has chosen. SH_FAIL("label") is false unless SHOAL_FAIL_AT names it in the same way, or as label:*, which is each time:
 * then what follows is to fail.
 * SH_FAULT_NUM("NAME", n) is n unless the environment says otherwise: time limits that a test shall not wait out.
 */
#ifndef SH_BASE_FAULT_H
#define SH_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef SH_FAULT
void sh_fault_step(const char *label);
bool sh_fault_fails(const char *label);
uint64_t sh_fault_num(const char *env, uint64_t dflt);
#define SH_STEP(label) sh_fault_step(label)
#define SH_FAIL(label) sh_fault_fails(label)
#define SH_FAULT_NUM(env, dflt) sh_fault_num(env, dflt)
#else
#define SH_STEP(label) ((void)0)
#define SH_FAIL(label) ((void)(label), false)
#define SH_FAULT_NUM(env, dflt) ((uint64_t)(dflt))
#endif

#endif
