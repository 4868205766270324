/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client.c - the listing of seed 004 (its 4.4), its gaps filled; what had to change is marked "fix:"
 */
#include "common.h"

static int async_reply_callback(const struct rte_mp_msg *request,
                                 const struct rte_mp_reply *reply)
{
    printf("[ASYNC] 回调被调用\n");

    for (int i = 0; i < reply->nb_received; i++) {
        printf("[ASYNC] 回复: %s\n", (char *)reply->msgs[i].param);
    }

    return 0;  // 内存自动管理
}

int main(int argc, char **argv)
{
    // 1. EAL初始化
    if (rte_eal_init(argc, argv) < 0) // fix: looked at
        return 1;

    // 2. 查找共享内存
    struct shared_info *info = rte_memzone_lookup(MZ_SHARED_INFO)->addr;

    unsigned sync_count = 1, async_count = 1; // fix: the listing does not say where they start; its output does
    unsigned n = 0; // fix

    // 3. 主循环
    while (!force_quit && !info->force_quit) { // fix: the server's word is looked at too
        bool should_send_sync = n % 30 == 0, should_send_async = n % 50 == 0; // fix: 3 s and 5 s
        n++; // fix

        // 每3秒发送同步请求
        if (should_send_sync) {
            struct rte_mp_msg req;
            struct rte_mp_reply reply;
            struct timespec ts = {.tv_sec = 5};

            // 构造请求
            memset(&req, 0, sizeof(req));
            strlcpy(req.name, MSG_HELLO_REQUEST, sizeof(req.name));
            snprintf((char *)req.param, sizeof(req.param),
                     "SYNC Hello %u from Client", sync_count++); // fix: "from Client", as the output has it
            req.len_param = strlen((char *)req.param) + 1;

            // 同步请求
            if (rte_mp_request_sync(&req, &reply, &ts) == 0) {
                if (reply.nb_received > 0) {
                    printf("[SYNC] 回复: %s\n", (char *)reply.msgs[0].param);
                    free(reply.msgs);  // 必须释放
                }
            }
        }

        // 每5秒发送异步请求
        if (should_send_async) {
            struct rte_mp_msg req;
            struct timespec ts = {.tv_sec = 5};

            memset(&req, 0, sizeof(req));
            strlcpy(req.name, MSG_HELLO_ASYNC_REQUEST, sizeof(req.name));
            snprintf((char *)req.param, sizeof(req.param),
                     "ASYNC Hello %u from Client", async_count++); // fix: "from Client"
            req.len_param = strlen((char *)req.param) + 1;

            // 异步请求
            if (rte_mp_request_async(&req, &ts, async_reply_callback) == 0) {
                printf("[ASYNC] 请求已发送\n");
            }
        }

        usleep(100000);
    }

    rte_eal_cleanup();
    return 0; // fix
}
