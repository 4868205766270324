/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_devargs.c - any text as a device, and as "key=value,..."
 *
 * Held against rte_devargs.h and rte_kvargs.h: pairs put together again are the same pairs; all that is found lies in the copy of
 * the text; of a device that is refused nothing is left, one that is taken has a name, and written anew it is the same device.
 */
#include <string.h>

#include <rte_bus.h>
#include <rte_devargs.h>
#include <rte_kvargs.h>
#include <rte_log.h>

#include "help_must.h"

static void inside(const struct rte_kvargs *kv, const char *p, size_t size)
{
	MUST(p >= kv->str && p + strlen(p) <= kv->str + size);
}

static int count(const char *key, const char *value, void *n)
{
	MUST(key != NULL && key[0] != '\0' && strpbrk(key, ",=") == NULL);
	MUST(value == NULL || value[0] == '[' || strchr(value, ',') == NULL);
	++*(unsigned *)n;
	return 0;
}

/* the text of these pairs */
static char *joined(const struct rte_kvargs *kv, size_t size)
{
	char *text = calloc(1, size + 2), *at = text;

	if (text == NULL)
		abort();
	for (unsigned i = 0; i < kv->count; i++)
		at += sprintf(at, "%s%s%s%s", i > 0 ? "," : "", kv->pairs[i].key, kv->pairs[i].value != NULL ? "=" : "",
			      kv->pairs[i].value != NULL ? kv->pairs[i].value : "");
	return text;
}

static bool same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void pairs(const char *text, size_t size)
{
	static const char *const keys[] = {"a", "size", NULL};
	struct rte_kvargs *kv = rte_kvargs_parse(text, NULL), *again, *few = rte_kvargs_parse(text, keys);
	unsigned n = 0;
	char *whole;

	MUST(few == NULL || kv != NULL);
	rte_kvargs_free(few);
	if (kv == NULL)
		return;
	MUST(kv->count <= RTE_KVARGS_MAX);
	MUST(rte_kvargs_process_opt(kv, NULL, count, &n) == 0 && n == kv->count && rte_kvargs_count(kv, NULL) == n);
	whole = joined(kv, size);
	again = rte_kvargs_parse(whole, NULL);
	MUST(again != NULL && again->count == kv->count);
	for (unsigned i = 0; i < kv->count; i++) {
		inside(kv, kv->pairs[i].key, size);
		if (kv->pairs[i].value != NULL)
			inside(kv, kv->pairs[i].value, size);
		MUST(rte_kvargs_count(kv, kv->pairs[i].key) > 0);
		MUST(same(kv->pairs[i].key, again->pairs[i].key) && same(kv->pairs[i].value, again->pairs[i].value));
	}
	rte_kvargs_free(again);
	rte_kvargs_free(rte_kvargs_parse_delim(text, NULL, "/;"));
	rte_kvargs_free(kv);
	free(whole);
}

static void device(const char *text)
{
	struct rte_devargs da, again;
	int r = rte_devargs_parse(&da, text);

	MUST(r <= 0);
	if (r < 0) {
		MUST(da.data == NULL && da.args == NULL);
		return;
	}
	MUST(memchr(da.name, '\0', sizeof(da.name)) != NULL && da.args != NULL && da.data != NULL);
	if (da.bus_str == NULL && da.cls_str == NULL && da.name[0] != '\0') {
		MUST(strcmp(rte_bus_name(da.bus), "vdev") == 0);
		MUST(rte_devargs_parsef(&again, "%s:%s,%s", rte_bus_name(da.bus), da.name, da.args) == 0);
		MUST(strcmp(da.name, again.name) == 0 && strcmp(da.args, again.args) == 0);
		rte_devargs_reset(&again);
	}
	rte_devargs_reset(&da);
	MUST(da.data == NULL && da.args == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size > 4096)
		return 0;
	text = malloc(size + 1);
	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	rte_log_set_global_level(RTE_LOG_EMERG); /* a line for each refusal is of no use here */
	pairs(text, size);
	device(text);
	free(text);
	return 0;
}
