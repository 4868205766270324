/* SPDX-License-Identifier: BSD-3-Clause */
/* cmdline_int.h - between the files of the command line. All of it private to one process and one thread at a time. */
#ifndef SH_CTL_CMDLINE_INT_H
#define SH_CTL_CMDLINE_INT_H

#include <stdbool.h>
#include <termios.h>

#include <cmdline.h>

struct cmdline {
	cmdline_parse_ctx_t *ctx;
	struct rdline *rdl;
	char *prompt;
	int in, out;
	unsigned depth;	   /* calls of cmdline_in() under way, one in the other: what is shown waits in held[] */
	unsigned held_len; /* so that a prompt, or all that a key shows, goes out in one piece */
	char held[1024];
	bool raw; /* the terminal was set for us; before: how it was */
	struct termios before;
};

/* word.c: where a word that a token has to take ends */
unsigned sh_word_len(const char *s);
static inline bool sh_blank(char c)
{
	return c == ' ' || c == '\t';
}

#endif
