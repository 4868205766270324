/* SPDX-License-Identifier: BSD-3-Clause */
/* commands.c - what the commands of commands.list do */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_string_fns.h>

#include <cmdline.h>

#include "commands.h"
#include "shared.h"

static char things[8][TEXT];

void cmd_send_parsed(void *parsed_result, __rte_unused struct cmdline *cl, __rte_unused void *data)
{
	struct cmd_send_result *res = parsed_result;
	void *text;

	if (rte_mempool_get(texts, &text) < 0)
		return;
	strlcpy(text, res->message, TEXT);
	if (rte_ring_enqueue(out, text) < 0)
		rte_mempool_put(texts, text);
}

void cmd_help_parsed(__rte_unused void *parsed_result, struct cmdline *cl, __rte_unused void *data)
{
	cmdline_printf(cl, "send, attach, detach, list, set mode, route, count; quit\n");
}

void cmd_quit_parsed(__rte_unused void *parsed_result, struct cmdline *cl, __rte_unused void *data)
{
	cmdline_quit(cl);
}

/* the place of this thing; "": of a free one; NULL: none */
static char *place(const char *name)
{
	for (unsigned i = 0; i < RTE_DIM(things); i++)
		if (strcmp(things[i], name) == 0)
			return things[i];
	return NULL;
}

void cmd_attach_parsed(void *parsed_result, struct cmdline *cl, __rte_unused void *data)
{
	struct cmd_attach_result *res = parsed_result;
	char *at = place("");

	if (at == NULL || place(res->devargs) != NULL)
		cmdline_printf(cl, "cannot attach %s\n", res->devargs);
	else
		strlcpy(at, res->devargs, TEXT);
}

void cmd_detach_parsed(void *parsed_result, struct cmdline *cl, __rte_unused void *data)
{
	struct cmd_detach_result *res = parsed_result;
	char *at = place(res->devargs);

	if (at == NULL)
		cmdline_printf(cl, "cannot detach %s\n", res->devargs);
	else
		at[0] = '\0';
}

void cmd_list_parsed(__rte_unused void *parsed_result, struct cmdline *cl, __rte_unused void *data)
{
	cmdline_printf(cl, "things:\n");
	for (unsigned i = 0; i < RTE_DIM(things); i++)
		if (things[i][0] != '\0')
			cmdline_printf(cl, "%u\t%s\n", i, things[i]);
}

void cmd_set_mode_parsed(void *parsed_result, struct cmdline *cl, __rte_unused void *data)
{
	struct cmd_set_mode_result *res = parsed_result;

	cmdline_printf(cl, "mode is now %s\n", res->mode);
}

static const char *print(const cmdline_ipaddr_t *ip, char *to)
{
	return inet_ntop(ip->family, &ip->addr, to, INET6_ADDRSTRLEN);
}

void cmd_route_parsed(void *parsed_result, struct cmdline *cl, __rte_unused void *data)
{
	struct cmd_route_result *res = parsed_result;
	char a[3][INET6_ADDRSTRLEN];

	cmdline_printf(cl, "addresses %s, %s, %s\n", print(&res->any, a[0]), print(&res->four, a[1]),
		       print(&res->six, a[2]));
}

void cmd_count_unsigned_parsed(void *parsed_result, struct cmdline *cl, __rte_unused void *data)
{
	struct cmd_count_unsigned_result *res = parsed_result;

	cmdline_printf(cl, "unsigned %u %u %" PRIu32 " %" PRIu64 "\n", res->a, res->b, res->c, res->d);
}

void cmd_count_signed_parsed(void *parsed_result, struct cmdline *cl, __rte_unused void *data)
{
	struct cmd_count_signed_result *res = parsed_result;

	cmdline_printf(cl, "signed %d %d %" PRId32 " %" PRId64 "\n", res->a, res->b, res->c, res->d);
}
