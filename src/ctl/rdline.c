/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rdline.c - a line editor that is fed one character at a time
 *
 * The line is buf[0 .. len), the cursor stands before buf[cur]; a NUL follows. What is on the screen behind the prompt is
 * always the line, with the terminal's cursor at cur: each key changes both.
 *
 *   keys     a key of several characters (escape sequence) is gathered in esc[] until it is one, or cannot become one
 *   history  hist[0] is the newest; hist_at tells which is shown, -1: the line that was being typed, kept in draft
 */
#include <cmdline_rdline.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/export.h"

#define LINE_MAX_LEN 8190
#define PROMPT_MAX 128
#define HISTORY 256
#define ESC_MAX 8

enum state { IDLE, RUNNING, EXITED };

struct rdline {
	enum state state;
	rdline_write_char_t *write_char;
	rdline_validate_t *validate;
	rdline_complete_t *complete;
	void *opaque;
	char prompt[PROMPT_MAX];
	unsigned len, cur, kill_len;
	int hist_n, hist_at;
	char *hist[HISTORY];
	unsigned esc_len;
	char esc[ESC_MAX + 1];
	char buf[LINE_MAX_LEN + 2]; /* room for a line feed and a NUL */
	char draft[LINE_MAX_LEN + 1], kill[LINE_MAX_LEN];
};

/* ---- the screen ---- */

static void show(struct rdline *r, const char *s)
{
	while (*s != '\0')
		r->write_char(r, *s++);
}

static void move(struct rdline *r, unsigned n, char way)
{
	char num[16];

	if (n == 0)
		return;
	snprintf(num, sizeof(num), "\033[%u%c", n, way);
	show(r, num);
}

/* what is right of the cursor has changed */
static void show_right(struct rdline *r)
{
	show(r, "\033[0K");
	show(r, r->buf + r->cur);
	move(r, r->len - r->cur, 'D');
}

SH_EXPORT void rdline_redisplay(struct rdline *rdl)
{
	if (rdl == NULL)
		return;
	show(rdl, "\033M\033E"); /* to the begin of the line */
	show(rdl, rdl->prompt);
	for (unsigned i = 0; i < rdl->cur; i++)
		rdl->write_char(rdl, rdl->buf[i]);
	show_right(rdl);
}

/* ---- the line ---- */

static void insert(struct rdline *r, const char *s, unsigned n)
{
	if (n > LINE_MAX_LEN - r->len)
		n = LINE_MAX_LEN - r->len;
	if (n == 0)
		return;
	memmove(r->buf + r->cur + n, r->buf + r->cur, r->len - r->cur + 1);
	memcpy(r->buf + r->cur, s, n);
	r->len += n;
	for (unsigned i = 0; i < n; i++)
		r->write_char(r, r->buf[r->cur++]);
	if (r->cur < r->len)
		show_right(r);
}

/* take [from, to) out; the cursor stands at from then, on the screen too */
static void cut(struct rdline *r, unsigned from, unsigned to, bool keep)
{
	if (from >= to || to > r->len)
		return;
	if (keep) {
		r->kill_len = to - from;
		memcpy(r->kill, r->buf + from, r->kill_len);
	}
	memmove(r->buf + from, r->buf + to, r->len - to + 1);
	r->len -= to - from;
	for (; r->cur > from; r->cur--)
		r->write_char(r, '\b');
	show_right(r);
}

static void set_line(struct rdline *r, const char *s)
{
	r->len = r->cur = (unsigned)strlen(s);
	memcpy(r->buf, s, r->len + 1);
	rdline_redisplay(r);
}

static unsigned word_left(const struct rdline *r)
{
	unsigned i = r->cur;

	while (i > 0 && r->buf[i - 1] == ' ')
		i--;
	while (i > 0 && r->buf[i - 1] != ' ')
		i--;
	return i;
}

static unsigned word_right(const struct rdline *r)
{
	unsigned i = r->cur;

	while (i < r->len && r->buf[i] == ' ')
		i++;
	while (i < r->len && r->buf[i] != ' ')
		i++;
	return i;
}

static void go(struct rdline *r, unsigned to)
{
	if (to < r->cur)
		move(r, r->cur - to, 'D');
	else
		move(r, to - r->cur, 'C');
	r->cur = to;
}

/* ---- history ---- */

SH_EXPORT int rdline_add_history(struct rdline *rdl, const char *buf)
{
	size_t len;
	char *s;

	if (rdl == NULL || buf == NULL)
		return -EINVAL;
	len = strcspn(buf, "\r\n");
	if (len > LINE_MAX_LEN)
		return -EINVAL;
	if (rdl->hist_n > 0 && strlen(rdl->hist[0]) == len && memcmp(rdl->hist[0], buf, len) == 0)
		return 0;
	s = strndup(buf, len);
	if (s == NULL)
		return -EINVAL;
	if (rdl->hist_n == HISTORY)
		free(rdl->hist[--rdl->hist_n]);
	memmove(rdl->hist + 1, rdl->hist, (size_t)rdl->hist_n * sizeof(rdl->hist[0]));
	rdl->hist[0] = s;
	rdl->hist_n++;
	rdl->hist_at = -1;
	return 0;
}

SH_EXPORT void rdline_clear_history(struct rdline *rdl)
{
	if (rdl == NULL)
		return;
	while (rdl->hist_n > 0)
		free(rdl->hist[--rdl->hist_n]);
	rdl->hist_at = -1;
}

SH_EXPORT char *rdline_get_history_item(struct rdline *rdl, unsigned int i)
{
	return rdl != NULL && i < (unsigned)rdl->hist_n ? rdl->hist[i] : NULL;
}

SH_EXPORT size_t rdline_get_history_buffer_size(struct rdline *rdl)
{
	return rdl != NULL ? (size_t)HISTORY * (LINE_MAX_LEN + 1) : 0;
}

static void walk_history(struct rdline *r, int step)
{
	int to = r->hist_at + step;

	if (to < -1 || to >= r->hist_n)
		return;
	if (r->hist_at == -1)
		memcpy(r->draft, r->buf, r->len + 1);
	r->hist_at = to;
	set_line(r, to < 0 ? r->draft : r->hist[to]);
}

/* ---- completion ---- */

static int offer(struct rdline *r, bool list)
{
	char left[LINE_MAX_LEN + 1], text[LINE_MAX_LEN + 1];
	int state = list ? -1 : 0, ret;

	memcpy(left, r->buf, r->cur);
	left[r->cur] = '\0';
	ret = r->complete(r, left, text, sizeof(text), &state);
	if (ret == RDLINE_RES_COMPLETE) {
		insert(r, text, (unsigned)strlen(text));
		if (r->cur == r->len)
			show(r, "\033[0K");
		return RDLINE_RES_COMPLETE;
	}
	if (ret <= 0)
		return RDLINE_RES_COMPLETE;
	show(r, "\r\n");
	while (ret > 0) {
		show(r, " ");
		show(r, text);
		show(r, "\r\n");
		ret = r->complete(r, left, text, sizeof(text), &state);
	}
	rdline_redisplay(r);
	return RDLINE_RES_COMPLETE;
}

/* ---- keys ---- */

static int enter(struct rdline *r)
{
	show(r, "\r\n");
	r->buf[r->len] = '\n';
	r->buf[r->len + 1] = '\0';
	r->cur = ++r->len;
	r->hist_at = -1;
	r->validate(r, r->buf, r->len);
	return r->state == EXITED ? RDLINE_RES_EXITED : RDLINE_RES_VALIDATED;
}

static void step_left(struct rdline *r)
{
	if (r->cur == 0)
		return;
	show(r, "\033[D");
	r->cur--;
}

static void step_right(struct rdline *r)
{
	if (r->cur == r->len)
		return;
	show(r, "\033[C");
	r->cur++;
}

static int control(struct rdline *r, char c)
{
	switch (c) {
	case 'A' - '@':
		go(r, 0);
		break;
	case 'B' - '@':
		step_left(r);
		break;
	case 'C' - '@':
		show(r, "\r\n");
		rdline_newline(r, r->prompt);
		break;
	case 'D' - '@':
		if (r->len == 0)
			return RDLINE_RES_EOF;
		cut(r, r->cur, r->cur + 1, false);
		break;
	case 'E' - '@':
		go(r, r->len);
		break;
	case 'F' - '@':
		step_right(r);
		break;
	case '\b':
	case 127:
		cut(r, r->cur - (r->cur > 0), r->cur, false);
		break;
	case '\t':
		return offer(r, false);
	case '\n':
	case '\r':
		return enter(r);
	case 'K' - '@':
		cut(r, r->cur, r->len, true);
		break;
	case 'L' - '@':
		show(r, "\033[2J\033[1;1H");
		rdline_redisplay(r);
		break;
	case 'N' - '@':
		walk_history(r, -1);
		break;
	case 'P' - '@':
		walk_history(r, 1);
		break;
	case 'W' - '@':
		cut(r, word_left(r), r->cur, true);
		break;
	case 'Y' - '@':
		insert(r, r->kill, r->kill_len);
		break;
	default:
		break;
	}
	return RDLINE_RES_SUCCESS;
}

static const struct {
	const char *seq; /* behind the escape */
	char as;	 /* the control key that does the same, or a letter for special() */
} escapes[] = {
	{"[A", 'P' - '@'},  {"[B", 'N' - '@'},	{"[C", 'F' - '@'},   {"[D", 'B' - '@'},
	{"[H", 'A' - '@'},  {"[F", 'E' - '@'},	{"OH", 'A' - '@'},   {"OF", 'E' - '@'},
	{"[1~", 'A' - '@'}, {"[4~", 'E' - '@'}, {"[3~", 'x'},	     {"b", 'b'},
	{"f", 'f'},	    {"d", 'd'},		{"\177", 'W' - '@'}, {"\b", 'W' - '@'},
};

static int special(struct rdline *r, char what)
{
	switch (what) {
	case 'x':
		cut(r, r->cur, r->cur + 1, false);
		break;
	case 'b':
		go(r, word_left(r));
		break;
	case 'f':
		go(r, word_right(r));
		break;
	case 'd':
		cut(r, r->cur, word_right(r), true);
		break;
	default:
		return control(r, what);
	}
	return RDLINE_RES_SUCCESS;
}

/* one more character of an escape sequence */
static int escape(struct rdline *r, char c)
{
	bool may = false;

	r->esc[r->esc_len++] = c;
	r->esc[r->esc_len] = '\0';
	for (unsigned i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
		if (strcmp(escapes[i].seq, r->esc + 1) == 0) {
			r->esc_len = 0;
			return special(r, escapes[i].as);
		}
	}
	/* of an unknown key nothing is shown: until its last character */
	may = r->esc_len == 2 ? c == '[' || c == 'O' : (c >= '0' && c <= '9') || c == ';';
	if (!may || r->esc_len == ESC_MAX)
		r->esc_len = 0;
	return RDLINE_RES_SUCCESS;
}

SH_EXPORT int rdline_char_in(struct rdline *rdl, char c)
{
	if (rdl == NULL)
		return -EINVAL;
	if (rdl->state == EXITED)
		return RDLINE_RES_EXITED;
	if (rdl->state != RUNNING)
		return RDLINE_RES_NOT_RUNNING;
	if (rdl->esc_len > 0)
		return escape(rdl, c);
	if (c == '\033') {
		rdl->esc[rdl->esc_len++] = c;
		return RDLINE_RES_SUCCESS;
	}
	if (c == '?')
		return offer(rdl, true);
	if ((unsigned char)c < ' ' || c == 127)
		return control(rdl, c);
	insert(rdl, &c, 1);
	return RDLINE_RES_SUCCESS;
}

/* ---- life ---- */

SH_EXPORT struct rdline *rdline_new(rdline_write_char_t *write_char, rdline_validate_t *validate,
				    rdline_complete_t *complete, void *opaque)
{
	struct rdline *r;

	if (write_char == NULL || validate == NULL || complete == NULL)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	r->write_char = write_char;
	r->validate = validate;
	r->complete = complete;
	r->opaque = opaque;
	r->hist_at = -1;
	return r;
}

SH_EXPORT void rdline_free(struct rdline *rdl)
{
	rdline_clear_history(rdl);
	free(rdl);
}

SH_EXPORT void rdline_reset(struct rdline *rdl)
{
	if (rdl == NULL)
		return;
	rdl->len = rdl->cur = rdl->esc_len = 0;
	rdl->buf[0] = '\0';
	rdl->hist_at = -1;
}

SH_EXPORT void rdline_newline(struct rdline *rdl, const char *prompt)
{
	if (rdl == NULL || prompt == NULL)
		return;
	rdline_reset(rdl);
	if (prompt != rdl->prompt)
		snprintf(rdl->prompt, sizeof(rdl->prompt), "%s", prompt);
	show(rdl, rdl->prompt);
	rdl->state = RUNNING;
}

SH_EXPORT void rdline_stop(struct rdline *rdl)
{
	if (rdl != NULL)
		rdl->state = IDLE;
}

SH_EXPORT void rdline_quit(struct rdline *rdl)
{
	if (rdl != NULL)
		rdl->state = EXITED;
}

SH_EXPORT void rdline_restart(struct rdline *rdl)
{
	if (rdl != NULL)
		rdl->state = RUNNING;
}

SH_EXPORT const char *rdline_get_buffer(struct rdline *rdl)
{
	return rdl != NULL ? rdl->buf : NULL;
}

SH_EXPORT void *rdline_get_opaque(struct rdline *rdl)
{
	return rdl != NULL ? rdl->opaque : NULL;
}
