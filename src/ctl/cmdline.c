/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmdline.c - an editor (rdline.c), a context (parse.c), an input and an output
 *
 * Input is read one character at a time: what a command leaves unread belongs to whoever reads next, the program itself
 * after cmdline_interact(), or the command while it runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmdline_socket.h>

#include "base/export.h"
#include "base/fd.h"
#include "ctl/cmdline_int.h"

static void write_all(int fd, const char *s, size_t n)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	while (fd >= 0 && n > 0) {
		ssize_t k = write(fd, s, n);

		if (k > 0) {
			s += k;
			n -= (size_t)k;
		} else if (k < 0 && errno == EAGAIN) {
			(void)poll(&p, 1, -1);
		} else if (k < 0 && errno != EINTR) {
			return;
		}
	}
}

static void flush(struct cmdline *cl)
{
	unsigned n = cl->held_len;

	cl->held_len = 0;
	write_all(cl->out, cl->held, n);
}

SH_EXPORT int cmdline_write_char(struct rdline *rdl, char c)
{
	struct cmdline *cl = rdline_get_opaque(rdl);

	if (cl == NULL)
		return -1;
	cl->held[cl->held_len++] = c;
	if (cl->depth == 0 || cl->held_len == sizeof(cl->held))
		flush(cl);
	return 1;
}

SH_EXPORT void cmdline_printf(const struct cmdline *cl, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	if (cl == NULL || fmt == NULL || cl->out < 0)
		return;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	write_all(cl->out, text, (size_t)n);
	free(text);
}

static void run_line(struct rdline *rdl, const char *buf, unsigned int size)
{
	struct cmdline *cl = rdline_get_opaque(rdl);
	char *line = strndup(buf, size); /* the command may use the editor */
	unsigned depth = cl->depth;

	flush(cl);
	if (line == NULL)
		return;
	cl->depth = 0; /* what the command writes goes out in its order */
	switch (cmdline_parse(cl, line)) {
	case CMDLINE_PARSE_AMBIGUOUS:
		cmdline_printf(cl, "Ambiguous command\n");
		break;
	case CMDLINE_PARSE_NOMATCH:
		cmdline_printf(cl, "Command not found\n");
		break;
	case CMDLINE_PARSE_BAD_ARGS:
		cmdline_printf(cl, "Bad arguments\n");
		break;
	default:
		break;
	}
	cl->depth = depth;
	if (line[0] != '\n')
		(void)rdline_add_history(rdl, line);
	free(line);
}

static int complete_line(struct rdline *rdl, const char *buf, char *dst, unsigned int size, int *state)
{
	return cmdline_complete(rdline_get_opaque(rdl), buf, state, dst, size);
}

SH_EXPORT struct cmdline *cmdline_new(cmdline_parse_ctx_t *ctx, const char *prompt, int s_in, int s_out)
{
	struct cmdline *cl;

	if (ctx == NULL || prompt == NULL)
		return NULL;
	cl = calloc(1, sizeof(*cl));
	if (cl == NULL)
		return NULL;
	cl->ctx = ctx;
	cl->in = s_in;
	cl->out = s_out;
	cl->prompt = strdup(prompt);
	cl->rdl = rdline_new(cmdline_write_char, run_line, complete_line, cl);
	if (cl->prompt == NULL || cl->rdl == NULL) {
		free(cl->prompt);
		rdline_free(cl->rdl);
		free(cl);
		return NULL;
	}
	cl->depth = 1;
	rdline_newline(cl->rdl, prompt);
	cl->depth = 0;
	flush(cl);
	return cl;
}

SH_EXPORT void cmdline_free(struct cmdline *cl)
{
	if (cl == NULL)
		return;
	if (cl->in > STDERR_FILENO)
		close(cl->in);
	if (cl->out > STDERR_FILENO && cl->out != cl->in)
		close(cl->out);
	rdline_free(cl->rdl);
	free(cl->prompt);
	free(cl);
}

SH_EXPORT void cmdline_set_prompt(struct cmdline *cl, const char *prompt)
{
	char *copy = cl != NULL && prompt != NULL ? strdup(prompt) : NULL;

	if (copy == NULL)
		return;
	free(cl->prompt);
	cl->prompt = copy;
}

SH_EXPORT struct rdline *cmdline_get_rdline(struct cmdline *cl)
{
	return cl != NULL ? cl->rdl : NULL;
}

SH_EXPORT void cmdline_quit(struct cmdline *cl)
{
	if (cl != NULL)
		rdline_quit(cl->rdl);
}

static int type_all(struct cmdline *cl, const char *buf, int size)
{
	for (int i = 0; i < size; i++) {
		switch (rdline_char_in(cl->rdl, buf[i])) {
		case RDLINE_RES_VALIDATED:
			rdline_newline(cl->rdl, cl->prompt);
			break;
		case RDLINE_RES_EOF:
		case RDLINE_RES_EXITED:
			return -1;
		default:
			break;
		}
	}
	return size;
}

SH_EXPORT int cmdline_in(struct cmdline *cl, const char *buf, int size)
{
	int n;

	if (cl == NULL || buf == NULL)
		return -1;
	cl->depth++;
	n = type_all(cl, buf, size);
	cl->depth--;
	flush(cl);
	return n;
}

SH_EXPORT void cmdline_interact(struct cmdline *cl)
{
	ssize_t n;
	char c;

	if (cl == NULL)
		return;
	do {
		n = read(cl->in, &c, 1);
		if (n < 0 && errno == EAGAIN)
			(void)poll(&(struct pollfd){.fd = cl->in, .events = POLLIN}, 1, -1);
		else if (n == 0 || (n < 0 && errno != EINTR))
			break;
	} while (n < 0 || cmdline_in(cl, &c, 1) >= 0);
}

SH_EXPORT int cmdline_poll(struct cmdline *cl)
{
	struct pollfd p;
	ssize_t n;
	char c;

	if (cl == NULL)
		return -EINVAL;
	p = (struct pollfd){.fd = cl->in, .events = POLLIN};
	if (poll(&p, 1, 0) <= 0)
		return RDLINE_RUNNING;
	n = read(cl->in, &c, 1);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return RDLINE_RUNNING;
	if (n <= 0 || cmdline_in(cl, &c, 1) < 0) {
		rdline_quit(cl->rdl);
		return RDLINE_EXITED;
	}
	return RDLINE_RUNNING;
}

/* ---- files and terminals ---- */

SH_EXPORT struct cmdline *cmdline_file_new(cmdline_parse_ctx_t *ctx, const char *prompt, const char *path)
{
	struct cmdline *cl;
	int fd;

	if (ctx == NULL || prompt == NULL || path == NULL)
		return NULL;
	fd = sh_fd_up(open(path, O_RDONLY | O_CLOEXEC));
	if (fd < 0)
		return NULL;
	cl = cmdline_new(ctx, prompt, fd, -1);
	if (cl == NULL)
		close(fd);
	return cl;
}

SH_EXPORT struct cmdline *cmdline_stdin_new(cmdline_parse_ctx_t *ctx, const char *prompt)
{
	struct termios before, keys;
	bool tty = tcgetattr(STDIN_FILENO, &before) == 0;
	struct cmdline *cl;

	if (tty && ctx != NULL && prompt != NULL) {
		keys = before;
		keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
		keys.c_cc[VMIN] = 1;
		keys.c_cc[VTIME] = 0;
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &keys);
	}
	cl = cmdline_new(ctx, prompt, STDIN_FILENO, STDOUT_FILENO);
	if (cl == NULL) {
		if (tty)
			(void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
		return NULL;
	}
	cl->raw = tty;
	cl->before = before;
	return cl;
}

SH_EXPORT void cmdline_stdin_exit(struct cmdline *cl)
{
	if (cl == NULL || !cl->raw)
		return;
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &cl->before);
	cl->raw = false;
}
