/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * line_buffered.c - linked to each listing: its lines are seen when they are printed, also through a pipe
 */
#include <stdio.h>

__attribute__((constructor)) static void line_buffered(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
}
