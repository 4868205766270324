/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file cmdline_rdline.h - a line editor that is fed one character at a time
 *
 * Keys: arrows, Home, End, Delete, Backspace, Ctrl-A B C D E F K L N P W Y, Alt-B, Alt-F, Alt-D, Alt-Backspace, Tab, '?'.
 * What it shows goes out through the write_char callback. A line has at most 8190 characters, more are not taken. Not
 * thread-safe for one editor; nothing blocks.
 */
#ifndef CMDLINE_RDLINE_H
#define CMDLINE_RDLINE_H

#include <stddef.h>
#include <stdio.h>

#include <rte_compat.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rdline;

/** Put one character on the screen; its result is not looked at. */
typedef int(rdline_write_char_t)(struct rdline *rdl, char c);
/** A line is complete: @p buf holds it with its line feed and NUL, size bytes without the NUL. May stop or quit the editor. */
typedef void(rdline_validate_t)(struct rdline *rdl, const char *buf, unsigned int size);
/** As cmdline_complete(). */
typedef int(rdline_complete_t)(struct rdline *rdl, const char *buf, char *dstbuf, unsigned int dstsize, int *state);

/** NULL: a callback is missing, or no memory. */
struct rdline *rdline_new(rdline_write_char_t *write_char, rdline_validate_t *validate, rdline_complete_t *complete,
			  void *opaque);
void rdline_free(struct rdline *rdl);

/** Begin a line: show the prompt (cut to 127 characters). Each of these does nothing for NULL. */
void rdline_newline(struct rdline *rdl, const char *prompt);
/** No characters are taken until rdline_newline() or rdline_restart(). */
void rdline_stop(struct rdline *rdl);
/** As rdline_stop(), and rdline_char_in() returns RDLINE_RES_EXITED. */
void rdline_quit(struct rdline *rdl);
/** Take characters again. */
void rdline_restart(struct rdline *rdl);
/** Show prompt and line again. */
void rdline_redisplay(struct rdline *rdl);
/** Forget the line and a key that is half typed. */
void rdline_reset(struct rdline *rdl);

#define RDLINE_RES_SUCCESS 0
#define RDLINE_RES_VALIDATED 1
#define RDLINE_RES_COMPLETE 2
#define RDLINE_RES_NOT_RUNNING -1
#define RDLINE_RES_EOF -2 /**< Ctrl-D on an empty line */
#define RDLINE_RES_EXITED -3

/** One character was typed. One of RDLINE_RES_*; -EINVAL for NULL. */
int rdline_char_in(struct rdline *rdl, char c);

/** The line as it is now, with its NUL; valid until the next call. NULL for NULL. */
const char *rdline_get_buffer(struct rdline *rdl);

/** Remember a line, unless it is the last one again. 0; -EINVAL: NULL or too long (or no memory). The oldest are forgotten. */
int rdline_add_history(struct rdline *rdl, const char *buf);
void rdline_clear_history(struct rdline *rdl);
/** The i-th line, 0 is the newest; valid until the next call. NULL: there are not so many. */
char *rdline_get_history_item(struct rdline *rdl, unsigned int i);
/** Bytes that the history may hold. */
size_t rdline_get_history_buffer_size(struct rdline *rdl);
/** What rdline_new() was given. */
void *rdline_get_opaque(struct rdline *rdl);

#ifdef __cplusplus
}
#endif

#endif
