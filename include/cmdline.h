/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file cmdline.h - an interactive command line
 *
 * One thread at a time uses a struct cmdline; cmdline_quit() may be called from the commands it runs.
 */
#ifndef CMDLINE_H
#define CMDLINE_H

#include <rte_common.h>
#include <rte_compat.h>

#include <cmdline_parse.h>
#include <cmdline_rdline.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rdline_status { RDLINE_INIT, RDLINE_RUNNING, RDLINE_EXITED };

struct cmdline;

/**
 * A command line that reads @p s_in and writes @p s_out (-1: none), which stay the caller's; the prompt is shown at once and is
 * copied, @p ctx must live as long. NULL: an argument is NULL, or no memory.
 */
struct cmdline *cmdline_new(cmdline_parse_ctx_t *ctx, const char *prompt, int s_in, int s_out);
/** From the next line on. */
void cmdline_set_prompt(struct cmdline *cl, const char *prompt);
/** Closes its input and output unless they are standard input, output or error. NULL: nothing. */
void cmdline_free(struct cmdline *cl);
/** To its output, blocking as that does. */
void cmdline_printf(const struct cmdline *cl, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** These characters were typed. Their number, or -1: it was ended by Ctrl-D or cmdline_quit(), or cl or buf is NULL. */
int cmdline_in(struct cmdline *cl, const char *buf, int size);
/** One character to the output of the command line that the editor belongs to. Returns 1, or -1. */
int cmdline_write_char(struct rdline *rdl, char c);
struct rdline *cmdline_get_rdline(struct cmdline *cl);
/**
 * If a character is there, take it; never blocks. An enum rdline_status (RDLINE_EXITED: the end, by Ctrl-D, the end of
 * input or cmdline_quit()), or -EINVAL for NULL.
 */
int cmdline_poll(struct cmdline *cl);
/** Read and run commands until Ctrl-D, the end of input or cmdline_quit(). Blocks; signals do not end it. */
void cmdline_interact(struct cmdline *cl);
/** End cmdline_interact() when the command that runs returns. */
void cmdline_quit(struct cmdline *cl);

#ifdef __cplusplus
}
#endif

#endif
