/* SPDX-License-Identifier: BSD-3-Clause */
/** @file cmdline_socket.h - a command line on the terminal, or out of a file */
#ifndef CMDLINE_SOCKET_H
#define CMDLINE_SOCKET_H

#include <cmdline_parse.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Commands out of a file; what it shows goes nowhere. NULL: @p path cannot be read (errno), or as cmdline_new(). */
struct cmdline *cmdline_file_new(cmdline_parse_ctx_t *ctx, const char *prompt, const char *path);
/**
 * Commands from standard input, which may be a terminal, a pipe or a file; output to standard output. A terminal is set so that
 * every key arrives at once and is not shown by it, Ctrl-C included. NULL as cmdline_new().
 */
struct cmdline *cmdline_stdin_new(cmdline_parse_ctx_t *ctx, const char *prompt);
/** Put the terminal back as it was. Does not free: cmdline_free() may follow. */
void cmdline_stdin_exit(struct cmdline *cl);

#ifdef __cplusplus
}
#endif

#endif
