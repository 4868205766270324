/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_kvargs.h - "key=value,key=value": what stands after a device's name
 *
 * A value that begins with '[' goes on to the next ']', commas included. A key may stand without "=value" (its value is NULL), and
 * more than once. Private to the process.
 */
#ifndef RTE_KVARGS_H
#define RTE_KVARGS_H

#include <rte_compat.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTE_KVARGS_MAX 32
#define RTE_KVARGS_PAIRS_DELIM ","
#define RTE_KVARGS_KV_DELIM "="

/* a negative value ends rte_kvargs_process(). value may be NULL */
typedef int (*arg_handler_t)(const char *key, const char *value, void *opaque);

struct rte_kvargs_pair {
	char *key, *value;
};

struct rte_kvargs {
	char *str; /* where the keys and values lie */
	unsigned int count;
	struct rte_kvargs_pair pairs[RTE_KVARGS_MAX];
};

/**
 * valid_keys: ends with NULL; NULL: any key. Returns what rte_kvargs_free() takes; NULL: args is NULL or malformed, has more
 * than RTE_KVARGS_MAX keys or one that is not valid, or there is no memory.
 */
struct rte_kvargs *rte_kvargs_parse(const char *args, const char *const valid_keys[]);
/** Only as far as the first character that stands in valid_ends (NULL: all of it). */
struct rte_kvargs *rte_kvargs_parse_delim(const char *args, const char *const valid_keys[], const char *valid_ends);
void rte_kvargs_free(struct rte_kvargs *kvlist); /* NULL is allowed */
/** The value of a key's first place; NULL: it is not there, or has none. with_value: the first that has this value, or any. */
const char *rte_kvargs_get(const struct rte_kvargs *kvlist, const char *key);
const char *rte_kvargs_get_with_value(const struct rte_kvargs *kvlist, const char *key, const char *value);
/** Call handler for each place of a key, NULL: of all. Returns 0; -1: a handler returned a negative value; kvlist NULL: 0. */
int rte_kvargs_process(const struct rte_kvargs *kvlist, const char *key_match, arg_handler_t handler, void *opaque_arg);
int rte_kvargs_process_opt(const struct rte_kvargs *kvlist, const char *key_match, arg_handler_t handler,
			   void *opaque_arg);
unsigned int rte_kvargs_count(const struct rte_kvargs *kvlist, const char *key_match);

#ifdef __cplusplus
}
#endif

#endif
