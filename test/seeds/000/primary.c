/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * primary.c - the listing of seed 000, as it stands there; what had to change is marked "fix:"
 */
#include "common.h"
#include <rte_eal.h>
#include <rte_errno.h>

int secondary_fd = -1;

static int hello_msg_reply(const struct rte_mp_msg *msg, const void *peer) { // fix: static
  printf("recv:");
  printf("%s\n", (char *)msg->param);
  printf("recv len %d\n", msg->len_param);
  secondary_fd = msg->fds[0];
  return 0; // fix: the listing returns nothing
}

int main(int argc, char **argv) { // fix: char *argv
  int ret = rte_eal_init(argc, argv);
  if (ret < 0) {
    printf("Error message: %s\n", rte_strerror(rte_errno));
    return -1;
  }

  rte_mp_action_register("hello_register", hello_msg_reply);
  printf("ready\n"); // fix: the test starts the secondary then; the reader did it by hand

  while (secondary_fd < 0) {
    sleep(1);
  }

  char buf[256];
  while (read(secondary_fd, buf, sizeof(buf) - 1)) {
    printf("%s\n", buf);
  }
  return 0;
}
