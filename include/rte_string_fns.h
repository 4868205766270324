/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_string_fns.h - strings in buffers of a known size
 *
 * Also gives the BSD names strlcpy() and strlcat() where the C library has none. All functions may be called from any
 * thread and never block.
 */
#ifndef RTE_STRING_FNS_H
#define RTE_STRING_FNS_H

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <rte_common.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Cut a string into tokens, in place: every delimiter before the last token becomes a NUL.
 *
 * Two delimiters in a row enclose an empty token; one at the very end starts none. When there are more than maxtokens, the
 * last token is all the rest, delimiters included. At most stringlen bytes are looked at, less if a NUL comes first.
 *
 * Returns: the number of tokens, 0 for an empty string; -1 with errno EINVAL when string or tokens is NULL.
 */
int rte_strsplit(char *string, int stringlen, char **tokens, int maxtokens, char delim);

/**
 * Copy a string, cut to what fits in dsize bytes with its NUL.
 *
 * Returns: bytes copied, without the NUL; -E2BIG (and rte_errno E2BIG) when it was cut, or dsize is 0.
 */
ssize_t rte_strscpy(char *dst, const char *src, size_t dsize);

/** Copy, cut to what fits in size bytes with its NUL. Returns the length of src: it was cut if that is not below size. */
static inline size_t rte_strlcpy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src);

	if (size > 0) {
		size_t n = len < size ? len : size - 1;

		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}

/** Append, cut likewise. Returns the length that dst would have had with room enough. */
static inline size_t rte_strlcat(char *dst, const char *src, size_t size)
{
	const char *end = size > 0 ? (const char *)memchr(dst, '\0', size) : dst;
	size_t have = end != NULL ? (size_t)(end - dst) : size;

	return have + rte_strlcpy(dst + have, src, size - have);
}

/** The first character that is not white space (the string's end if there is none). */
static inline const char *rte_str_skip_leading_spaces(const char *src)
{
	while (isspace((unsigned char)*src))
		src++;
	return src;
}

/* the C library has them from glibc 2.38 on, where the standard asked for permits */
#if !(defined(__GLIBC__) && (__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 38)) && defined(__USE_MISC))
#ifndef strlcpy
#define strlcpy(dst, src, size) rte_strlcpy(dst, src, size)
#endif
#ifndef strlcat
#define strlcat(dst, src, size) rte_strlcat(dst, src, size)
#endif
#endif

#ifdef __cplusplus
}
#endif

#endif
