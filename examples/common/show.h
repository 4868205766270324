/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * show.h - what a demo shows: titles, a table that moves, and claims that have been checked
 *
 * On a terminal a table is drawn over itself while things happen; elsewhere it comes once a step. A claim is printed as "ok:"
 * when it holds; the first that does not ends the program with 1, and what it has started ends with it: show_at_end().
 * Include in one file of a program.
 */
#ifndef EXAMPLES_SHOW_H
#define EXAMPLES_SHOW_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool show_tty;
static unsigned show_drawn; /* lines of the table above the cursor */
static unsigned show_checks;

static inline void show_begin(void)
{
	show_tty = isatty(1);
}

/* end is called before the program ends by a claim that does not hold */
static void (*show_end)(void);
static inline void show_at_end(void (*end)(void))
{
	show_end = end;
}

__attribute__((format(printf, 1, 2))) static inline void show_title(const char *fmt, ...)
{
	va_list ap;

	printf("\n== ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	show_drawn = 0;
}

/* before and after the lines of a table */
static inline void show_table_begin(void)
{
	if (show_tty && show_drawn != 0)
		printf("\033[%uA", show_drawn);
}

static inline void show_table_end(unsigned lines)
{
	show_drawn = lines;
	fflush(stdout);
}

/* so much of all as a bar of so many characters, at most 40 */
static inline void show_bar(double part, double all, int width)
{
	int n = all > 0 ? (int)(part * width / all) : 0;

	n = n < 0 ? 0 : n > width ? width : n;
	printf("%.*s%.*s", n, "########################################", width - n,
	       "........................................");
}

static inline void show_line(bool so, const char *fmt, va_list ap)
{
	printf(so ? "   ok: " : "   DIFFERENT: ");
	vprintf(fmt, ap);
	printf("\n");
	fflush(stdout);
	show_drawn = 0;
	if (so)
		return;
	if (show_end != NULL)
		show_end();
	exit(1);
}

__attribute__((format(printf, 2, 3))) static inline void show_claim(bool so, const char *fmt, ...)
{
	va_list ap;

	show_checks++;
	va_start(ap, fmt);
	show_line(so, fmt, ap);
	va_end(ap);
}

/* what must hold by the way: not a word about it if it does */
__attribute__((format(printf, 2, 3))) static inline void show_must(bool so, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!so)
		show_line(so, fmt, ap);
	va_end(ap);
}

/* what another process has said, in lines of at most 79 columns: not in the midst of a table */
static inline void show_said(const char *who, const char *text)
{
	int first = printf("   %s says: ", who), col = first;

	for (const char *at = text + strspn(text, " "); *at != '\0'; at += strspn(at, " ")) {
		int n = (int)strcspn(at, " ");

		if (col > first && col + 1 + n > 79) {
			printf("\n%*s", first, "");
			col = first;
		}
		col += printf("%s%.*s", col > first ? " " : "", n, at);
		at += n;
	}
	printf("\n");
	show_drawn = 0;
}

static inline void show_nap(unsigned ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

#endif
