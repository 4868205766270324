/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file cmdline_parse.h - commands as lists of tokens
 *
 * A command (struct cmdline_inst) is a row of tokens; a context is a NULL-terminated table of commands. A line matches a
 * command when each of its words is taken by the token at that place. Tokens are separated by blanks or tabs; '#' begins a
 * comment. What a token makes of its word is stored in a result of CMDLINE_PARSE_RESULT_BUFSIZE bytes, at the token's offset,
 * and the command's function gets that result.
 *
 * Not thread-safe for one struct cmdline; nothing here blocks.
 */
#ifndef CMDLINE_PARSE_H
#define CMDLINE_PARSE_H

#include <stddef.h>

#include <rte_compat.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CMDLINE_PARSE_SUCCESS 0
#define CMDLINE_PARSE_AMBIGUOUS -1 /**< more than one command takes the line */
#define CMDLINE_PARSE_NOMATCH -2   /**< no command begins so */
#define CMDLINE_PARSE_BAD_ARGS -3  /**< some command begins so, none takes the rest */

#define CMDLINE_PARSE_COMPLETE_FINISHED 0
#define CMDLINE_PARSE_COMPLETE_AGAIN 1
#define CMDLINE_PARSE_COMPLETED_BUFFER 2

#define CMDLINE_PARSE_RESULT_BUFSIZE 8192

struct cmdline;
struct cmdline_token_ops;

/** First member of every token. */
struct cmdline_token_hdr {
	struct cmdline_token_ops *ops;
	unsigned int offset; /**< where in the result the token's value is stored */
};
typedef struct cmdline_token_hdr cmdline_parse_token_hdr_t;

/** What a kind of token can do. A program may bring kinds of its own. */
struct cmdline_token_ops {
	/**
	 * Does the text begin with such a word? Stores its value in @p res (NULL: only asks), which has @p ressize bytes.
	 * Returns the length of the word, or -1.
	 */
	int (*parse)(cmdline_parse_token_hdr_t *tk, const char *text, void *res, unsigned int ressize);
	/** How many words there are to choose from; NULL or 0: cannot be listed. */
	int (*complete_get_nb)(cmdline_parse_token_hdr_t *tk);
	/** The idx-th of them, with its NUL, into @p dst of @p size bytes. 0, or -1. */
	int (*complete_get_elt)(cmdline_parse_token_hdr_t *tk, int idx, char *dst, unsigned int size);
	/** What such a word is, for people. 0, or -1. */
	int (*get_help)(cmdline_parse_token_hdr_t *tk, char *dst, unsigned int size);
};

/**
 * A command. @p f gets the result, the command line it was typed at, and @p data.
 *
 * With tokens[0] NULL the tokens are found at run time: f(&token, NULL, &tokens[i]) with token, of type
 * cmdline_parse_token_hdr_t *, set to NULL before, stores the i-th token there, or leaves NULL at the end.
 */
struct cmdline_inst {
	void (*f)(void *result, struct cmdline *cl, void *data);
	void *data;
	const char *help_str;
/* C++ compilers take it, and would say each time that it is C's */
#if defined(__cplusplus) && defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc99-extensions"
#endif
	__extension__ cmdline_parse_token_hdr_t *tokens[]; /**< ends with NULL */
#if defined(__cplusplus) && defined(__clang__)
#pragma clang diagnostic pop
#endif
};
typedef struct cmdline_inst cmdline_parse_inst_t;
/** A context is an array of these; it ends with NULL. */
typedef cmdline_parse_inst_t *cmdline_parse_ctx_t;

/**
 * Run the first line of @p buf, which ends with a line feed or carriage return.
 * Returns the bytes of that line, its end included; 0: there is no whole line; or CMDLINE_PARSE_AMBIGUOUS, _NOMATCH, _BAD_ARGS
 * (also for NULL). Empty lines and comments are lines that call nothing.
 */
int cmdline_parse(struct cmdline *cl, const char *buf);

/** As cmdline_parse(), but calls nothing. */
int cmdline_parse_check(struct cmdline *cl, const char *buf);

/**
 * How could the line @p buf go on?
 *
 * Begin with *state 0 (complete, else list) or -1 (list). Returns CMDLINE_PARSE_COMPLETED_BUFFER: dst holds what can be appended
 * to buf; CMDLINE_PARSE_COMPLETE_AGAIN: dst holds one line of the list, call again with the same state for the next;
 * CMDLINE_PARSE_COMPLETE_FINISHED: no more.
 */
int cmdline_complete(struct cmdline *cl, const char *buf, int *state, char *dst, unsigned int size);

/** Does a word end at this character: blank, tab, line end, '#' or NUL? */
int cmdline_isendoftoken(char c);
/** Does a command end at this character: line end, '#' or NUL? */
int cmdline_isendofcommand(char c);

#ifdef __cplusplus
}
#endif

#endif
