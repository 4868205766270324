/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.c - the server's half of the listing in seed 002 (its 7.1); what had to change is marked "fix:"
 *
 * Its reply has another name than the request. That is an error of the listing: rte_mp_reply() must say so.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_string_fns.h>

static unsigned long server_rx_pkts = 42; // fix: not in the listing

// Server注册消息处理函数
static int handle_client_request(const struct rte_mp_msg *msg,
                                  const void *peer)
{
    printf("Received request from client\n");

    // 处理请求
    struct rte_mp_msg reply;
    reply.num_fds = 0; // fix: the listing leaves it as it was on the stack
    strlcpy(reply.name, "server_reply", sizeof(reply.name));
    reply.len_param = snprintf((char *)reply.param, sizeof(reply.param), // fix: the cast
                               "Stats: RX=%lu", server_rx_pkts);

    // 发送回复
    int ret = rte_mp_reply(&reply, peer); // fix: return rte_mp_reply(), but we want to see it
    printf("rte_mp_reply returned %d, errno EINVAL: %s\n", ret, rte_errno == EINVAL ? "yes" : "no");
    return ret;
}

int main(int argc, char **argv) // fix: the listing has no main
{
    char c;

    if (rte_eal_init(argc, argv) < 0)
        return 1;
    // 注册
    rte_mp_action_register("client_request", handle_client_request);
    printf("ready\n");
    while (read(0, &c, 1) > 0)
        ;
    rte_eal_cleanup();
    return 0;
}
