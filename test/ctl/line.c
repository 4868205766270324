/* SPDX-License-Identifier: BSD-3-Clause */
/* line.c - lines typed at a command line: what runs, what is shown. What DPDK 22.11 shows was measured key by key. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmdline.h>
#include <cmdline_parse_num.h>
#include <cmdline_parse_string.h>
#include <cmdline_socket.h>

#include "check.h"

struct res {
	cmdline_fixed_string_t a, b;
	uint32_t n;
};
static char called[256];

static void f(void *r, struct cmdline *cl, void *data)
{
	const struct res *x = r;

	snprintf(called, sizeof(called), "%s %s %s %u", (const char *)data, x->a, x->b, x->n);
	cmdline_printf(cl, "ran %s\n", (const char *)data);
	if (strcmp(x->b, "quit") == 0)
		cmdline_quit(cl);
}

static cmdline_parse_token_string_t verb = TOKEN_STRING_INITIALIZER(struct res, a, "set#setall#get"),
				    any = TOKEN_STRING_INITIALIZER(struct res, b, NULL),
				    set = TOKEN_STRING_INITIALIZER(struct res, a, "set");
static cmdline_parse_token_num_t count = TOKEN_NUM_INITIALIZER(struct res, n, RTE_UINT32);
static cmdline_parse_inst_t one = {
	.f = f, .data = "one", .help_str = "first", .tokens = {(void *)&verb, (void *)&any, (void *)&count, NULL}};
static cmdline_parse_inst_t two = {
	.f = f, .data = "two", .help_str = "second", .tokens = {(void *)&set, (void *)&any, NULL}};
static cmdline_parse_inst_t three = {.f = f, .data = "three", .tokens = {(void *)&set, (void *)&any, NULL}};
static cmdline_parse_ctx_t ctx[] = {&one, &two, NULL}, doubled[] = {&two, &three, NULL};

TEST(a_line_runs_the_command_that_takes_it)
{
	static const struct {
		const char *s;
		int ret;
		const char *called;
	} row[] = {
		{"set x\n", 6, "two set x 0"},
		{"set x 5\n", 8, "one set x 5"},
		{"set x 5 6\n", CMDLINE_PARSE_BAD_ARGS, ""},
		{"setall x y\n", CMDLINE_PARSE_BAD_ARGS, ""},
		{"se x\n", CMDLINE_PARSE_NOMATCH, ""},
		{"get x 1 # c\n", 12, "one get x 1"},
		{"  \n", 3, ""},
		{"#c\n", 3, ""},
		{"", 0, ""},
		{"set x", 0, ""},
		{"\n\nset x\n", 2, ""},
		{"set\tx\r", 6, "two set x 0"},
	};
	struct cmdline *cl = cmdline_new(ctx, "", -1, -1), *d = cmdline_new(doubled, "", -1, -1);

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		called[0] = '\0';
		CHECK_EQ(cmdline_parse_check(cl, row[i].s), row[i].ret);
		CHECK_STR(called, "");
		CHECK_EQ(cmdline_parse(cl, row[i].s), row[i].ret);
		CHECK_STR(called, row[i].called);
	}
	CHECK_EQ(cmdline_parse(d, "set x\n"), CMDLINE_PARSE_AMBIGUOUS);
	CHECK_EQ(cmdline_parse(NULL, "x\n"), CMDLINE_PARSE_BAD_ARGS);
	CHECK_EQ(cmdline_parse(cl, NULL), CMDLINE_PARSE_BAD_ARGS);
	CHECK(cmdline_new(NULL, "x", -1, -1) == NULL && cmdline_new(ctx, NULL, -1, -1) == NULL);
	cmdline_free(cl);
	cmdline_free(d);
	cmdline_free(NULL);
}

TEST(where_words_end)
{
	for (int c = 0; c < 128; c++) {
		CHECK_EQ(cmdline_isendoftoken((char)c) != 0, c == 0 || strchr(" \t\n\r#", c) != NULL);
		CHECK_EQ(cmdline_isendofcommand((char)c) != 0, c == 0 || strchr("\n\r#", c) != NULL);
	}
}

/* all that cmdline_complete() has to say, in one line */
static const char *ways(struct cmdline *cl, const char *typed, int state)
{
	static char all[1024];
	size_t n = 0;
	char dst[200];
	int r;

	all[0] = '\0';
	while ((r = cmdline_complete(cl, typed, &state, dst, sizeof(dst))) > 0) {
		bool put_in = r == CMDLINE_PARSE_COMPLETED_BUFFER;

		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s%s", put_in ? "+" : "", dst, put_in ? "" : "|");
		if (put_in)
			break;
	}
	return all;
}

TEST(a_line_is_completed_or_its_ways_listed)
{
#define VERBS "set [Mul-choice STRING]: first|setall [Mul-choice STRING]: first|"
	struct cmdline *cl = cmdline_new(ctx, "", -1, -1), *d = cmdline_new(doubled, "", -1, -1);

	CHECK_STR(ways(cl, "", 0), VERBS "get [Mul-choice STRING]: first|set [Fixed STRING]: second|");
	CHECK_STR(ways(cl, "s", 0), "+et");
	CHECK_STR(ways(cl, "se", 0), "+t");
	CHECK_STR(ways(cl, "set", 0), VERBS "set [Fixed STRING]: second|");
	CHECK_STR(ways(cl, "seta", 0), "+ll ");
	CHECK_STR(ways(cl, "seta", -1), "setall [Mul-choice STRING]: first|");
	CHECK_STR(ways(cl, "g", 0), "+et ");
	CHECK_STR(ways(cl, "x", 0), "");
	CHECK_STR(ways(cl, "set ", 0), "[Any STRING]: first|[Any STRING]: second|");
	CHECK_STR(ways(cl, "set x ", 0), "[UINT32]: first|[RETURN]|");
	CHECK_STR(ways(cl, "set x z", 0), "");
	CHECK_STR(ways(cl, "get x 1 ", 0), "[RETURN]|");
	CHECK_STR(ways(d, "set ", -1), "[Any STRING]: second|[Any STRING]: No help|");
	cmdline_free(cl);
	cmdline_free(d);
}

/* a token that lists many words, and counts how often it is asked for one */
#define LISTED 300
static unsigned long asked;

static int any_of_many(cmdline_parse_token_hdr_t *tk, const char *s, void *res, unsigned int size)
{
	(void)tk;
	(void)res;
	(void)size;
	return (int)strcspn(s, " \t\r\n#");
}

static int how_many(cmdline_parse_token_hdr_t *tk)
{
	(void)tk;
	return LISTED;
}

static int one_of_many(cmdline_parse_token_hdr_t *tk, int i, char *dst, unsigned int size)
{
	(void)tk;
	asked++;
	snprintf(dst, size, "object_%03d", i);
	return 0;
}

TEST(each_word_is_looked_at_once)
{
	static struct cmdline_token_ops ops = {any_of_many, how_many, one_of_many, NULL};
	static cmdline_parse_token_hdr_t many = {&ops, 0};
	static cmdline_parse_inst_t show = {.f = f, .data = "show", .tokens = {(void *)&set, &many, NULL}};
	static cmdline_parse_ctx_t list[] = {&show, NULL};
	struct cmdline *cl = cmdline_new(list, "", -1, -1);
	int state = 0, n = 0;
	char dst[200];

	asked = 0;
	CHECK_EQ(cmdline_complete(cl, "set o", &state, dst, sizeof(dst)), CMDLINE_PARSE_COMPLETED_BUFFER);
	CHECK_STR(dst, "bject_");
	CHECK(asked <= LISTED + 1);
	/* each call walks up to its own: it has nothing but the number of it */
	for (asked = 0, state = -1; cmdline_complete(cl, "set o", &state, dst, sizeof(dst)) > 0; n++) {
		CHECK(asked <= (unsigned)n + 1);
		asked = 0;
	}
	CHECK_EQ(n, LISTED);
	CHECK(asked <= LISTED + 1);
	cmdline_free(cl);
}

/* ---- the editor ---- */

static struct cmdline *open_line(cmdline_parse_ctx_t *c, int p[2])
{
	CHECK_EQ(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	return cmdline_new(c, "> ", -1, p[1]);
}

/* what is shown for these keys */
static const char *shows(struct cmdline *cl, int fd, const char *keys)
{
	static char out[4096];
	ssize_t n;

	CHECK_EQ(cmdline_in(cl, keys, (int)strlen(keys)), (int)strlen(keys));
	n = read(fd, out, sizeof(out) - 1);
	out[n > 0 ? n : 0] = '\0';
	return out;
}

TEST(keys_show_what_they_do)
{
	static const struct {
		const char *keys, *shown;
	} row[] = {
		{"", "> "},
		{"set x\n", "set x\r\nran two\n> "},
		{"bogus\n", "bogus\r\nCommand not found\n> "},
		{"set\n", "set\r\nBad arguments\n> "},
		{"\n", "\r\n> "},
		{"\033[A", "\033M\033E> set\033[0K"},
		{"\033[A", "\033M\033E> bogus\033[0K"},
		{"\020", "\033M\033E> set x\033[0K"},
		{"\016\016", "\033M\033E> bogus\033[0K\033M\033E> set\033[0K"},
		{"\001", "\033[3D"},
		{"\013", "\033[0K"},
		{"\031", "set"},
		{"\027", "\b\b\b\033[0K"},
		{"abc\002\002X", "abc\033[D\033[DX\033[0Kbc\033[2D"},
		{"\004", "\033[0Kc\033[1D"},
		{"\005", "\033[1C"},
		{"\177\b", "\b\033[0K\b\033[0K"},
		{"\033b\033f", "\033[1D\033[1C"},
		{"\003", "\r\n> "},
		{"one two", "one two"},
		{"\033\177", "\b\b\b\033[0K"},
		{"\033[D\033[D\033[C\033[3~", "\033[D\033[D\033[C\033[0K"},
		{"\033[H\033d", "\033[3D\033[0K"},
		{"\033[Z\033q\025", ""},
		{"seta\t", "setall \033[0K"},
		{"?", "\r\n [Any STRING]: first\r\n\033M\033E> setall \033[0K"},
		{"\014", "\033[2J\033[1;1H\033M\033E> setall \033[0K"},
		{"y zz\t?", "y zz"},
	};
	struct cmdline *cl;
	int p[2];

	cl = open_line(ctx, p);
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		CHECK_STR(shows(cl, p[0], row[i].keys), row[i].shown);
	CHECK_STR(rdline_get_buffer(cmdline_get_rdline(cl)), "setall y zz");
	cmdline_set_prompt(cl, "new> ");
	CHECK_STR(shows(cl, p[0], "\n"), "\r\nBad arguments\nnew> ");
	CHECK_EQ(cmdline_write_char(cmdline_get_rdline(cl), '!'), 1);
	CHECK_STR(shows(cl, p[0], ""), "!");
	CHECK_EQ(cmdline_in(cl, "\004", 1), -1); /* the end */
	cmdline_free(cl);
	close(p[0]);
}

TEST(a_command_ends_its_line)
{
	struct cmdline *cl;
	int p[2];

	cl = open_line(ctx, p);
	CHECK_EQ(cmdline_in(cl, "set quit\nset x\n", 15), -1);
	CHECK_STR(called, "two set quit 0");
	CHECK_EQ(cmdline_in(cl, "set x\n", 6), -1);
	CHECK_STR(called, "two set quit 0");
	CHECK_EQ(cmdline_in(NULL, "", 0), -1);
	cmdline_free(cl);
	close(p[0]);
}

TEST(a_line_as_long_as_it_may_be)
{
	static char keys[9000];
	struct cmdline *cl = cmdline_new(ctx, "", -1, -1);

	memset(keys, 'x', sizeof(keys));
	CHECK_EQ(cmdline_in(cl, keys, sizeof(keys)), sizeof(keys));
	CHECK_EQ(strlen(rdline_get_buffer(cmdline_get_rdline(cl))), 8190);
	CHECK_EQ(cmdline_in(cl, "\001y\027\031\013\n", 6), 6); /* each key at the limit */
	cmdline_free(cl);
}

static int nothing_shown(struct rdline *r, char c)
{
	return *(int *)rdline_get_opaque(r) = c;
}
static void stops(struct rdline *r, const char *buf, unsigned size)
{
	CHECK_EQ(strlen(buf), size);
	rdline_stop(r);
}
static int no_ways(struct rdline *r, const char *buf, char *dst, unsigned size, int *state)
{
	return 0;
}

TEST(an_editor_by_itself)
{
	int last = 0;
	char text[16];
	struct rdline *r = rdline_new(nothing_shown, stops, no_ways, &last);

	CHECK(rdline_new(NULL, stops, no_ways, NULL) == NULL);
	CHECK_EQ(rdline_char_in(r, 'a'), RDLINE_RES_NOT_RUNNING);
	CHECK_EQ(rdline_char_in(NULL, 'a'), -EINVAL);
	rdline_newline(r, "p>");
	CHECK_EQ(last, '>');
	CHECK_EQ(rdline_char_in(r, 'a'), RDLINE_RES_SUCCESS);
	CHECK_EQ(last, 'a');
	CHECK_EQ(rdline_char_in(r, '\t'), RDLINE_RES_COMPLETE);
	rdline_redisplay(r);
	CHECK_EQ(rdline_char_in(r, '\n'), RDLINE_RES_VALIDATED);
	CHECK_EQ(rdline_char_in(r, 'b'), RDLINE_RES_NOT_RUNNING);
	rdline_restart(r);
	rdline_reset(r);
	CHECK_STR(rdline_get_buffer(r), "");
	CHECK_EQ(rdline_char_in(r, 4), RDLINE_RES_EOF);
	for (int i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "line %d", i);
		CHECK_EQ(rdline_add_history(r, text), 0);
		CHECK_EQ(rdline_add_history(r, text), 0); /* once */
	}
	CHECK_STR(rdline_get_history_item(r, 0), "line 299");
	CHECK_STR(rdline_get_history_item(r, 255), "line 44");
	CHECK(rdline_get_history_item(r, 256) == NULL && rdline_get_history_buffer_size(r) > 8190);
	rdline_clear_history(r);
	CHECK(rdline_get_history_item(r, 0) == NULL);
	rdline_quit(r);
	CHECK_EQ(rdline_char_in(r, 'a'), RDLINE_RES_EXITED);
	rdline_free(r);
}

/* ---- inputs ---- */

TEST(a_file_of_commands)
{
	char path[300];
	struct cmdline *cl;
	FILE *file;

	snprintf(path, sizeof(path), "%s/commands", t_tmpdir());
	CHECK(cmdline_file_new(ctx, "> ", path) == NULL);
	file = fopen(path, "w");
	fputs("set x\n# set y\nget z 7\n", file);
	fclose(file);
	cl = cmdline_file_new(ctx, "> ", path);
	cmdline_interact(cl);
	CHECK_STR(called, "one get z 7");
	cmdline_free(cl);
	cl = cmdline_file_new(ctx, "> ", path);
	while (cmdline_poll(cl) == RDLINE_RUNNING)
		;
	CHECK_STR(called, "one get z 7");
	CHECK_EQ(cmdline_poll(NULL), -EINVAL);
	cmdline_free(cl);
}

ROLE(at_stdin)
{
	struct cmdline *cl = cmdline_stdin_new(ctx, "> ");
	struct termios t;

	if (tcgetattr(0, &t) == 0 && (t.c_lflag & (ICANON | ECHO | ISIG)) != 0)
		return 2;
	cmdline_interact(cl);
	cmdline_stdin_exit(cl);
	if (tcgetattr(0, &t) == 0 && (t.c_lflag & (ICANON | ECHO | ISIG)) != (ICANON | ECHO | ISIG))
		return 3;
	cmdline_free(cl);
	return 0;
}

TEST(a_pipe_of_commands)
{
	struct t_proc *p = t_spawn("at_stdin", NULL);

	t_say(p, "set x");
	CHECK_STR(t_expect(p, "ran"), "ran two");
	t_say(p, "set quit");
	CHECK_EQ(t_wait(p), 0);
}

static ssize_t read_until(int fd, char *buf, size_t cap, const char *end)
{
	size_t n = 0;

	while (n < cap - 1) {
		ssize_t k = read(fd, buf + n, cap - 1 - n);

		if (k <= 0)
			break;
		n += (size_t)k;
		buf[n] = '\0';
		if (strstr(buf, end) != NULL)
			return (ssize_t)n;
	}
	return -1;
}

static void on_tty(void *arg)
{
	int tty = open(arg, O_RDWR);

	dup2(tty, 0);
	dup2(tty, 1);
	_exit(role_at_stdin(0, NULL));
}

/* who sits at the other end: 0 when each key showed what it should */
static int type(int fd)
{
	char buf[1024];

	if (read_until(fd, buf, sizeof(buf), "> ") < 0 || write(fd, "se\t x\r", 6) != 6)
		return 1;
	if (read_until(fd, buf, sizeof(buf), "ran two\r\n> ") < 0 || strstr(buf, "set\033[0K x\r\r\n") == NULL)
		return 2;
	return write(fd, "\004", 1) == 1 ? 0 : 3;
}

TEST(a_terminal)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), st;
	char name[100];
	pid_t pid;

	CHECK(fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0);
	CHECK_EQ(ptsname_r(fd, name, sizeof(name)), 0);
	pid = fork();
	if (pid == 0)
		_exit(type(fd));
	CHECK_EQ(t_fork(on_tty, name, NULL, 0), 0);
	CHECK_EQ(waitpid(pid, &st, 0), pid);
	CHECK_EQ(st, 0);
}
