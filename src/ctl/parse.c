/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * parse.c - lines held against the commands of a context: run one, or say how it could go on
 *
 * No state: completion walks through the possible continuations once at each call, up to the one that is asked for. A list of
 * all of n is n walks, as the interface has it.
 */
#include <stdio.h>
#include <string.h>

#include <cmdline_parse_string.h>

#include "base/export.h"
#include "ctl/cmdline_int.h"

#define WORD_MAX STR_MULTI_TOKEN_SIZE

/* the i-th token of a command, NULL behind the last */
static cmdline_parse_token_hdr_t *token_of(cmdline_parse_inst_t *inst, unsigned i)
{
	cmdline_parse_token_hdr_t *tk = NULL;

	if (inst->tokens[0] != NULL)
		return inst->tokens[i];
	inst->f(&tk, NULL, (void *)&inst->tokens[i]);
	return tk;
}

static const char *skip_blanks(const char *s)
{
	while (sh_blank(*s))
		s++;
	return s;
}

/* bytes that the word takes, or -1. res: NULL, or all of the result */
static int take(cmdline_parse_token_hdr_t *tk, const char *s, unsigned char *res)
{
	int n;

	if (tk->ops == NULL || tk->ops->parse == NULL || tk->offset >= CMDLINE_PARSE_RESULT_BUFSIZE)
		return -1;
	n = tk->ops->parse(tk, s, res != NULL ? res + tk->offset : NULL, CMDLINE_PARSE_RESULT_BUFSIZE - tk->offset);
	return n > 0 && cmdline_isendoftoken(s[n]) ? n : -1;
}

/* how many tokens take their words, most at the most; *end: what follows them */
static unsigned match(cmdline_parse_inst_t *inst, const char *s, unsigned most, unsigned char *res, const char **end)
{
	cmdline_parse_token_hdr_t *tk;
	unsigned i = 0;

	s = skip_blanks(s);
	while (i < most && !cmdline_isendofcommand(*s) && (tk = token_of(inst, i)) != NULL) {
		int n = take(tk, s, res);

		if (n < 0)
			break;
		s = skip_blanks(s + n);
		i++;
	}
	*end = s;
	return i;
}

/* ---- run ---- */

/* bytes of the first line with its end, 0: it has none. *empty: no command in it */
static int line_len(const char *s, bool *empty)
{
	int n = 0;

	*empty = cmdline_isendofcommand(*skip_blanks(s));
	while (s[n] != '\n' && s[n] != '\r')
		if (s[n++] == '\0')
			return 0;
	while (s[n] == '\n' || s[n] == '\r')
		n++;
	return n;
}

static int find(cmdline_parse_ctx_t *ctx, const char *s, unsigned char *res, cmdline_parse_inst_t **ret)
{
	int err = CMDLINE_PARSE_NOMATCH;

	*ret = NULL;
	for (; *ctx != NULL; ctx++) {
		/* the result is that of the first that matches */
		unsigned char *to = *ret == NULL ? res : NULL;
		const char *end;
		unsigned n;

		if (to != NULL)
			memset(to, 0, CMDLINE_PARSE_RESULT_BUFSIZE);
		n = match(*ctx, s, UINT32_MAX, to, &end);
		if (n > 0 && cmdline_isendofcommand(*end) && token_of(*ctx, n) == NULL) {
			if (*ret != NULL)
				return CMDLINE_PARSE_AMBIGUOUS;
			*ret = *ctx;
		} else if (n > 0) {
			err = CMDLINE_PARSE_BAD_ARGS;
		}
	}
	return *ret != NULL ? CMDLINE_PARSE_SUCCESS : err;
}

static int parse(struct cmdline *cl, const char *buf, bool run)
{
	_Alignas(max_align_t) unsigned char res[CMDLINE_PARSE_RESULT_BUFSIZE];
	cmdline_parse_inst_t *inst;
	bool empty;
	int n, err;

	if (cl == NULL || buf == NULL)
		return CMDLINE_PARSE_BAD_ARGS;
	n = line_len(buf, &empty);
	if (n == 0 || empty)
		return n;
	err = find(cl->ctx, buf, res, &inst);
	if (err < 0)
		return err;
	if (run)
		inst->f(res, cl, inst->data);
	return n;
}

SH_EXPORT int cmdline_parse(struct cmdline *cl, const char *buf)
{
	return parse(cl, buf, true);
}

SH_EXPORT int cmdline_parse_check(struct cmdline *cl, const char *buf)
{
	return parse(cl, buf, false);
}

/* ---- complete ---- */

/* where the line ends that is being typed: its whole words, and the one that may go on */
struct tail {
	const char *line;
	const char *word; /* "" when the line ends with a blank */
	unsigned words;	  /* before it */
};

static struct tail tail_of(const char *s)
{
	struct tail t = {.line = s};

	for (;;) {
		const char *w = skip_blanks(s);

		s = w + sh_word_len(w);
		if (*s == '\0' || !sh_blank(*s)) {
			t.word = w;
			return t;
		}
		t.words++;
	}
}

/* one way to go on */
struct way {
	cmdline_parse_inst_t *inst;
	cmdline_parse_token_hdr_t *tk; /* NULL: the command is complete */
	char text[WORD_MAX];	       /* the whole word; "": it can be many */
};

/* a walk through the ways, each word of each command looked at once */
struct walk {
	const struct tail *t;
	cmdline_parse_ctx_t *ctx; /* the command it is at */
	bool inside;		  /* way is of that command, and what follows counts */
	int word, words;	  /* the token's next, how many it lists */
	unsigned ways;		  /* of this command until now */
	struct way way;		  /* where it is */
};

/* go to the words of this command; false: what is typed is not of it */
static bool begin(struct walk *k, cmdline_parse_inst_t *inst)
{
	cmdline_parse_token_hdr_t *tk;
	const char *end;

	if (match(inst, k->t->line, k->t->words, NULL, &end) != k->t->words)
		return false;
	tk = token_of(inst, k->t->words);
	k->way.inst = inst;
	k->way.tk = tk;
	k->word = k->words = 0;
	k->ways = 0;
	if (tk != NULL && tk->ops != NULL && tk->ops->complete_get_nb != NULL && tk->ops->complete_get_elt != NULL)
		k->words = tk->ops->complete_get_nb(tk);
	return true;
}

/* the next of the token's words that goes on from the typed one */
static bool next_word(struct walk *k)
{
	cmdline_parse_token_hdr_t *tk = k->way.tk;
	const char *typed = k->t->word;
	char *text = k->way.text;

	while (k->word < k->words)
		if (tk->ops->complete_get_elt(tk, k->word++, text, WORD_MAX) == 0 && text[0] != '\0' &&
		    strncmp(text, typed, strlen(typed)) == 0)
			return true;
	text[0] = '\0';
	return false;
}

/* does this token take words that cannot be listed, and the typed one is such? */
static bool takes_any(cmdline_parse_token_hdr_t *tk, const char *typed)
{
	char first[WORD_MAX];

	if (tk->ops == NULL)
		return false;
	if (tk->ops->complete_get_nb != NULL && tk->ops->complete_get_nb(tk) > 0 && tk->ops->complete_get_elt != NULL &&
	    (tk->ops->complete_get_elt(tk, 0, first, sizeof(first)) != 0 || first[0] != '\0'))
		return false;
	return typed[0] == '\0' || take(tk, typed, NULL) > 0;
}

/* of a command of which no word goes on: any word, or its end */
static bool goes_on(const struct walk *k)
{
	if (k->way.tk == NULL)
		return k->t->words > 0 && k->t->word[0] == '\0';
	return takes_any(k->way.tk, k->t->word);
}

static bool next_way(struct walk *k)
{
	for (; *k->ctx != NULL; k->ctx++, k->inside = false) {
		if (!k->inside && !begin(k, *k->ctx))
			continue;
		k->inside = true;
		if (next_word(k) || (k->ways == 0 && goes_on(k))) {
			k->ways++;
			return true;
		}
	}
	return false;
}

static bool nth_way(cmdline_parse_ctx_t *ctx, const struct tail *t, unsigned n, struct way *w)
{
	struct walk k = {.t = t, .ctx = ctx};

	do {
		if (!next_way(&k))
			return false;
	} while (n-- > 0);
	*w = k.way;
	return true;
}

/* what all ways have in common behind the typed word, and a blank if there is but one; "": nothing. false: there is no way */
static bool common(cmdline_parse_ctx_t *ctx, const struct tail *t, char *dst, size_t size)
{
	struct walk k = {.t = t, .ctx = ctx};
	size_t typed = strlen(t->word), len = 0;
	unsigned n;

	dst[0] = '\0';
	for (n = 0; next_way(&k); n++) {
		const char *text = k.way.text;
		size_t i = 0;

		if (text[0] == '\0') {
			dst[0] = '\0';
			return true;
		}
		if (n == 0) {
			len = (size_t)snprintf(dst, size, "%s", text + typed);
			len = len < size ? len : size - 1;
		}
		while (i < len && text[typed + i] == dst[i])
			i++;
		len = i;
		dst[len] = '\0';
	}
	if (n == 1 && len + 1 < size)
		memcpy(dst + len, " ", 2);
	return n != 0;
}

static void describe(const struct way *w, char *dst, unsigned size)
{
	const char *help = w->inst->help_str != NULL ? w->inst->help_str : "No help";
	char kind[64] = "";

	if (w->tk == NULL) {
		snprintf(dst, size, "[RETURN]");
		return;
	}
	if (w->tk->ops->get_help != NULL)
		(void)w->tk->ops->get_help(w->tk, kind, sizeof(kind));
	snprintf(dst, size, "%s%s[%s]: %s", w->text, w->text[0] != '\0' ? " " : "", kind, help);
}

SH_EXPORT int cmdline_complete(struct cmdline *cl, const char *buf, int *state, char *dst, unsigned int size)
{
	struct tail t;
	struct way w;
	int n;

	if (cl == NULL || buf == NULL || state == NULL || dst == NULL || size == 0)
		return -1;
	t = tail_of(buf);
	if (*state <= 0) {
		if (*state == 0 && t.word[0] != '\0') {
			if (!common(cl->ctx, &t, dst, size))
				return CMDLINE_PARSE_COMPLETE_FINISHED;
			if (dst[0] != '\0')
				return CMDLINE_PARSE_COMPLETED_BUFFER;
		}
	}
	dst[0] = '\0';
	n = *state > 0 ? *state : 0;
	if (!nth_way(cl->ctx, &t, (unsigned)n, &w))
		return CMDLINE_PARSE_COMPLETE_FINISHED;
	describe(&w, dst, size);
	*state = n + 1;
	return CMDLINE_PARSE_COMPLETE_AGAIN;
}
