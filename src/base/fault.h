/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fault.h - labelled places where a test may kill this process
 *
 * SH_STEP("lane_published") is a no-op unless built with -Dfault=true. Then SHOAL_DIE_AT=label[:n] in the environment makes
 * the process kill itself with SIGKILL when it passes that label for the n-th time (default 1), and SHOAL_STOP_AT likewise
 * with SIGSTOP.
 */
#ifndef SH_BASE_FAULT_H
#define SH_BASE_FAULT_H

#ifdef SH_FAULT
void sh_fault_step(const char *label);
#define SH_STEP(label) sh_fault_step(label)
#else
#define SH_STEP(label) ((void)0)
#endif

#endif
