/* SPDX-License-Identifier: BSD-3-Clause */
/* word.c - where words and commands end; tokens that are words. Pure. */
#include <stdio.h>
#include <string.h>

#include <cmdline_parse_string.h>

#include "base/export.h"
#include "ctl/cmdline_int.h"

SH_EXPORT int cmdline_isendofcommand(char c)
{
	return c == '\0' || c == '\n' || c == '\r' || c == '#';
}

SH_EXPORT int cmdline_isendoftoken(char c)
{
	return cmdline_isendofcommand(c) || sh_blank(c);
}

unsigned sh_word_len(const char *s)
{
	unsigned n = 0;

	while (!cmdline_isendoftoken(s[n]))
		n++;
	return n;
}

static const char *choices_of(const cmdline_parse_token_hdr_t *tk)
{
	return ((const cmdline_parse_token_string_t *)(const void *)tk)->string_data.str;
}

static bool is_multi(const char *choices)
{
	return choices != NULL && choices[0] == '\0';
}

/* the idx-th of "a#b#c" and its length; NULL: there are not so many */
static const char *choice(const char *choices, int idx, size_t *len)
{
	while (idx-- > 0) {
		choices = strchr(choices, '#');
		if (choices == NULL)
			return NULL;
		choices++;
	}
	*len = strcspn(choices, "#");
	return choices;
}

static int put(const char *s, size_t len, void *res, unsigned size)
{
	if (res == NULL)
		return (int)len;
	if (size <= len)
		return -1;
	memcpy(res, s, len);
	((char *)res)[len] = '\0';
	return (int)len;
}

SH_EXPORT int cmdline_parse_string(cmdline_parse_token_hdr_t *tk, const char *srcbuf, void *res, unsigned int ressize)
{
	const char *choices, *c;
	size_t len = 0, n;

	if (tk == NULL || srcbuf == NULL || *srcbuf == '\0')
		return -1;
	choices = choices_of(tk);
	if (is_multi(choices)) { /* all but the blanks before the end */
		while (!cmdline_isendofcommand(srcbuf[len]))
			len++;
		if (len == 0 || len >= STR_MULTI_TOKEN_SIZE || (res != NULL && ressize < STR_MULTI_TOKEN_SIZE))
			return -1;
		return put(srcbuf, len, res, ressize);
	}
	len = sh_word_len(srcbuf);
	if (len == 0 || (choices == NULL && len >= STR_TOKEN_SIZE) || (res != NULL && ressize < STR_TOKEN_SIZE))
		return -1;
	if (choices == NULL)
		return put(srcbuf, len, res, ressize);
	/* one that has blanks in it takes as many words, with these very blanks */
	for (int i = 0; (c = choice(choices, i, &n)) != NULL; i++)
		if (n != 0 && n < STR_TOKEN_SIZE && strncmp(c, srcbuf, n) == 0 && cmdline_isendoftoken(srcbuf[n]))
			return put(srcbuf, n, res, ressize);
	return -1;
}

SH_EXPORT int cmdline_complete_get_nb_string(cmdline_parse_token_hdr_t *tk)
{
	const char *c;
	int n = 1;

	if (tk == NULL)
		return -1;
	c = choices_of(tk);
	if (c == NULL)
		return 0;
	while ((c = strchr(c, '#')) != NULL) {
		c++;
		n++;
	}
	return n;
}

SH_EXPORT int cmdline_complete_get_elt_string(cmdline_parse_token_hdr_t *tk, int idx, char *dstbuf, unsigned int size)
{
	const char *c;
	size_t len;

	if (tk == NULL || dstbuf == NULL || idx < 0 || choices_of(tk) == NULL)
		return -1;
	c = choice(choices_of(tk), idx, &len);
	return c == NULL || put(c, len, dstbuf, size) < 0 ? -1 : 0;
}

SH_EXPORT int cmdline_get_help_string(cmdline_parse_token_hdr_t *tk, char *dstbuf, unsigned int size)
{
	const char *c, *text = "Any STRING";

	if (tk == NULL || dstbuf == NULL)
		return -1;
	c = choices_of(tk);
	if (is_multi(c))
		text = "Any STRINGS";
	else if (c != NULL)
		text = strchr(c, '#') != NULL ? "Mul-choice STRING" : "Fixed STRING";
	snprintf(dstbuf, size, "%s", text);
	return 0;
}

SH_EXPORT struct cmdline_token_ops cmdline_token_string_ops = {
	.parse = cmdline_parse_string,
	.complete_get_nb = cmdline_complete_get_nb_string,
	.complete_get_elt = cmdline_complete_get_elt_string,
	.get_help = cmdline_get_help_string,
};
