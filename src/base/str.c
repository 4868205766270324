/* SPDX-License-Identifier: BSD-3-Clause */
/* str.c - strings in buffers of a known size. */
#include <rte_common.h>
#include <rte_errno.h>
#include <rte_string_fns.h>

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/export.h"

SH_EXPORT int rte_strsplit(char *string, int stringlen, char **tokens, int maxtokens, char delim)
{
	int n = 0;
	bool fresh = true; /* the next byte starts a token */

	if (string == NULL || tokens == NULL) {
		errno = EINVAL;
		return -1;
	}
	for (int i = 0; i < stringlen && string[i] != '\0'; i++) {
		if (fresh) {
			if (n >= maxtokens)
				break;
			tokens[n++] = &string[i];
			fresh = false;
		}
		/* the last token that fits keeps its delimiters */
		if (string[i] == delim && n < maxtokens) {
			string[i] = '\0';
			fresh = true;
		}
	}
	return n;
}

SH_EXPORT ssize_t rte_strscpy(char *dst, const char *src, size_t dsize)
{
	size_t n = strnlen(src, dsize);

	if (n < dsize) {
		memcpy(dst, src, n + 1);
		return (ssize_t)n;
	}
	if (dsize > 0) {
		memcpy(dst, src, dsize - 1);
		dst[dsize - 1] = '\0';
	}
	rte_errno = E2BIG;
	return -E2BIG;
}

SH_EXPORT uint64_t rte_str_to_size(const char *str)
{
	unsigned long long v;
	unsigned shift = 0;
	char *end;

	while (isspace((unsigned char)*str))
		str++;
	errno = 0;
	if (*str == '-') {
		errno = EINVAL;
		return 0;
	}
	v = strtoull(str, &end, 0);
	if (end == str)
		errno = EINVAL;
	if (errno != 0)
		return 0;
	switch (*end) {
	case 'G':
	case 'g':
		shift = 30;
		break;
	case 'M':
	case 'm':
		shift = 20;
		break;
	case 'K':
	case 'k':
		shift = 10;
		break;
	}
	if (v > UINT64_MAX >> shift) {
		errno = ERANGE;
		return 0;
	}
	return v << shift;
}
