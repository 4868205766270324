/* SPDX-License-Identifier: BSD-3-Clause */
/* kvargs.c - "key=value,key=[a,b],key": pure, fuzzed */
#include <rte_kvargs.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/export.h"
#include "pkt/dev.h"

/* where the value that begins here ends: at a comma, or the end; a list in brackets is stepped over. NULL: it never ends */
static char *value_end(char *v)
{
	if (*v == '[') {
		v = strchr(v, ']');
		return v == NULL || (v[1] != ',' && v[1] != '\0') ? NULL : v + 1;
	}
	return v + strcspn(v, RTE_KVARGS_PAIRS_DELIM);
}

static bool valid(const char *key, const char *const keys[])
{
	for (unsigned i = 0; keys != NULL && keys[i] != NULL; i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return keys == NULL;
}

static char *unknown(const char *key, const char *const keys[], char why[SH_ARGS_WHY])
{
	int at = snprintf(why, SH_ARGS_WHY, "'%.40s' is not known; it knows", key);

	for (unsigned i = 0; keys[i] != NULL && at < SH_ARGS_WHY; i++)
		at += snprintf(why + at, (size_t)(SH_ARGS_WHY - at), "%s %s", i > 0 ? "," : "", keys[i]);
	return NULL;
}

/* one pair at s; where the next begins, or NULL, and why */
static char *pair(struct rte_kvargs *kv, char *s, const char *const keys[], char why[SH_ARGS_WHY])
{
	size_t n = strcspn(s, RTE_KVARGS_PAIRS_DELIM RTE_KVARGS_KV_DELIM);
	char *value = s[n] == '=' ? s + n + 1 : NULL;
	char *end = value != NULL ? value_end(value) : s + n;
	bool more;

	if (n == 0 || end == NULL) {
		(void)snprintf(why, SH_ARGS_WHY, "malformed at '%.60s'", s);
		return NULL;
	}
	if (kv->count == RTE_KVARGS_MAX) {
		(void)snprintf(why, SH_ARGS_WHY, "more than %d of KEY=VALUE", RTE_KVARGS_MAX);
		return NULL;
	}
	more = *end != '\0';
	s[n] = *end = '\0';
	if (!valid(s, keys))
		return unknown(s, keys, why);
	kv->pairs[kv->count++] = (struct rte_kvargs_pair){s, value};
	return more ? end + 1 : end;
}

struct rte_kvargs *sh_kvargs(const char *args, const char *const keys[], char why[SH_ARGS_WHY])
{
	struct rte_kvargs *kv = calloc(1, sizeof(*kv));
	char *s = strdup(args);

	if (kv == NULL || s == NULL) {
		(void)snprintf(why, SH_ARGS_WHY, "there is no memory for them");
		free(s);
		free(kv);
		return NULL;
	}
	kv->str = s;
	while (s != NULL && *s != '\0') {
		while (*s == ',')
			s++;
		if (*s != '\0')
			s = pair(kv, s, keys, why);
	}
	if (s != NULL)
		return kv;
	rte_kvargs_free(kv);
	return NULL;
}

SH_EXPORT struct rte_kvargs *rte_kvargs_parse(const char *args, const char *const valid_keys[])
{
	char why[SH_ARGS_WHY];

	return args != NULL ? sh_kvargs(args, valid_keys, why) : NULL;
}

SH_EXPORT struct rte_kvargs *rte_kvargs_parse_delim(const char *args, const char *const valid_keys[],
						    const char *valid_ends)
{
	struct rte_kvargs *kv;
	char *s;

	if (valid_ends == NULL || args == NULL)
		return rte_kvargs_parse(args, valid_keys);
	s = strndup(args, strcspn(args, valid_ends));
	if (s == NULL)
		return NULL;
	kv = rte_kvargs_parse(s, valid_keys);
	free(s);
	return kv;
}

SH_EXPORT void rte_kvargs_free(struct rte_kvargs *kvlist)
{
	if (kvlist != NULL)
		free(kvlist->str);
	free(kvlist);
}

static bool matches(const struct rte_kvargs_pair *p, const char *key)
{
	return key == NULL || strcmp(p->key, key) == 0;
}

SH_EXPORT const char *rte_kvargs_get_with_value(const struct rte_kvargs *kvlist, const char *key, const char *value)
{
	for (unsigned i = 0; kvlist != NULL && i < kvlist->count; i++) {
		const struct rte_kvargs_pair *p = &kvlist->pairs[i];

		if (matches(p, key) && (value == NULL || (p->value != NULL && strcmp(p->value, value) == 0)))
			return p->value;
	}
	return NULL;
}

SH_EXPORT const char *rte_kvargs_get(const struct rte_kvargs *kvlist, const char *key)
{
	return key != NULL ? rte_kvargs_get_with_value(kvlist, key, NULL) : NULL;
}

SH_EXPORT int rte_kvargs_process_opt(const struct rte_kvargs *kvlist, const char *key_match, arg_handler_t handler,
				     void *opaque_arg)
{
	for (unsigned i = 0; kvlist != NULL && i < kvlist->count; i++)
		if (matches(&kvlist->pairs[i], key_match) &&
		    handler(kvlist->pairs[i].key, kvlist->pairs[i].value, opaque_arg) < 0)
			return -1;
	return 0;
}

SH_EXPORT int rte_kvargs_process(const struct rte_kvargs *kvlist, const char *key_match, arg_handler_t handler,
				 void *opaque_arg)
{
	return rte_kvargs_process_opt(kvlist, key_match, handler, opaque_arg);
}

SH_EXPORT unsigned int rte_kvargs_count(const struct rte_kvargs *kvlist, const char *key_match)
{
	unsigned n = 0;

	for (unsigned i = 0; kvlist != NULL && i < kvlist->count; i++)
		n += matches(&kvlist->pairs[i], key_match);
	return n;
}
