/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * carried_test.c - a driver that works in the primary alone, from one end to the other: made and removed for a secondary that asks,
 * its fd offered there and used in all
 *
 * The driver is this file's: the table of drivers here is instead of the library's. A "box" is a file without a name: what is sent is
 * appended to it.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include <rte_memzone.h>
#include <shoal_fd.h>

#include "pkt/dev.h"
#include "port_help.h"
#include "proc/proc.h"

struct board {
	uint64_t prober, remover, configurer;
};

static struct board *board(void)
{
	const struct rte_memzone *mz = rte_memzone_lookup("board");

	CHECK(mz != NULL);
	return mz->addr;
}

/* ---- the driver ---- */

static int box_probe(struct sh_port *p)
{
	board()->prober = sh_self();
	if (strcmp(p->args, "bad=1") == 0)
		return -EDOM;
	p->caps = (struct sh_port_caps){
		.max_rxq = 1, .max_txq = 4, .max_macs = 1, .max_mtu = UINT16_MAX, .max_rx_pktlen = UINT16_MAX};
	sh_store_rlx(&p->mac[0], 2);
	return 0;
}

static void box_remove(struct sh_port *p)
{
	(void)p;
	board()->remover = sh_self();
}

static int box_attach(struct sh_here *h)
{
	struct shoal_fd_blob blob = {.type = 7};
	char name[SHOAL_FD_NAME_LEN];
	int fd, r = sh_port_fd_name(h->p, "box", name, sizeof(name));

	if (r < 0)
		return r;
	if (sh_is_primary()) {
		fd = memfd_create("box", MFD_CLOEXEC);
		CHECK(fd >= 0);
		if (shoal_fd_register(name, fd, &blob, NULL) < 0)
			return -rte_errno;
	} else {
		fd = shoal_fd_get(name, &blob, NULL);
		if (fd < 0)
			return -rte_errno;
	}
	h->local = (void *)(uintptr_t)(fd + 1);
	return 0;
}

static void box_detach(struct sh_here *h)
{
	char name[SHOAL_FD_NAME_LEN];
	int fd = (int)(uintptr_t)h->local - 1;

	if (sh_is_primary() && sh_port_fd_name(h->p, "box", name, sizeof(name)) == 0) {
		(void)shoal_fd_revoke(name, &(struct timespec){0});
		close(fd);
	} else {
		(void)shoal_fd_put(fd);
	}
}

static int box_configure(struct sh_here *h)
{
	(void)h;
	board()->configurer = sh_self();
	return 0;
}

struct box_queue {
	struct sh_queue *q;
	int fd;
};

static uint16_t box_tx(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	struct box_queue *b = data;
	uint64_t bytes = 0;

	if (!sh_queue_enter(b->q))
		return sh_queue_lost(b->q, pkts, n);
	for (uint16_t i = 0; i < n; i++) {
		CHECK_EQ(write(b->fd, rte_pktmbuf_mtod(pkts[i], void *), pkts[i]->data_len), pkts[i]->data_len);
		bytes += pkts[i]->data_len;
	}
	rte_pktmbuf_free_bulk(pkts, n);
	sh_queue_count(b->q, n, bytes);
	sh_queue_leave(b->q);
	return n;
}

static uint16_t box_rx(void *data, struct rte_mbuf **pkts, uint16_t n)
{
	(void)data, (void)pkts, (void)n;
	return 0;
}

static int box_open(struct sh_here *h, struct sh_queue *q, struct sh_io *io)
{
	struct box_queue *b = calloc(1, sizeof(*b));

	CHECK(b != NULL);
	*b = (struct box_queue){q, (int)(uintptr_t)h->local - 1};
	*io = (struct sh_io){q->tx ? box_tx : box_rx, b};
	return 0;
}

static void box_shut(struct sh_here *h, struct sh_queue *q, struct sh_io *io)
{
	(void)h, (void)q;
	free(io->data);
}

static const struct sh_driver box = {
	.name = "net_box",
	.shared = 8,
	.primary = true,
	.probe = box_probe,
	.remove = box_remove,
	.attach = box_attach,
	.detach = box_detach,
	.configure = box_configure,
	.open = box_open,
	.shut = box_shut,
};

const struct sh_driver *const sh_drivers[] = {&box, NULL};

const struct sh_driver *sh_driver_named(const char *name)
{
	return strcmp(name, box.name) == 0 ? &box : NULL;
}

const struct sh_driver *sh_driver_of(const char *device)
{
	return strncmp(device, box.name, strlen(box.name)) == 0 ? &box : NULL;
}

/* ---- a secondary: "add ARGS", "del", "vdev", "unvdev", "conf", "start", "stop", "send TEXT": what it returned ---- */

static int sends(const char *text)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rte_mempool_lookup("mp"));
	char *at;

	CHECK(m != NULL);
	at = rte_pktmbuf_append(m, (uint16_t)strlen(text));
	memcpy(at, text, strlen(text));
	return rte_eth_tx_burst(port_named("net_box0"), 1, &m, 1);
}

static int obey(const char *line)
{
	struct rte_eth_conf conf = {0};

	if (strncmp(line, "add ", 4) == 0)
		return rte_eal_hotplug_add("vdev", "net_box0", line + 4);
	if (strncmp(line, "send ", 5) == 0)
		return sends(line + 5);
	if (strcmp(line, "del") == 0)
		return rte_eal_hotplug_remove("vdev", "net_box0");
	if (strcmp(line, "vdev") == 0)
		return rte_vdev_init("net_box0", NULL);
	if (strcmp(line, "unvdev") == 0)
		return rte_vdev_uninit("net_box0");
	if (strcmp(line, "conf") == 0)
		return rte_eth_dev_configure(port_named("net_box0"), 1, 1, &conf);
	if (strcmp(line, "start") == 0)
		return rte_eth_dev_start(port_named("net_box0"));
	return rte_eth_dev_stop(port_named("net_box0"));
}

ROLE(asker)
{
	char line[64];

	INIT("secondary", NULL);
	t_tell("up");
	while (t_hear(line, sizeof(line)) && strcmp(line, "bye") != 0)
		t_tell("ret %d", obey(line));
	return rte_eal_cleanup();
}

static void asks(struct t_proc *p, const char *what, int want)
{
	char ret[32];

	snprintf(ret, sizeof(ret), "ret %d", want);
	t_say(p, what);
	CHECK_STR(t_expect(p, "ret"), ret);
}

static struct t_proc *asker(void)
{
	struct t_proc *p = t_spawn("asker", NULL);

	t_expect(p, "up");
	return p;
}

static struct board *primary(void)
{
	const struct rte_memzone *mz;

	INIT("primary", NULL);
	mz = rte_memzone_reserve("board", sizeof(struct board), SOCKET_ID_ANY, 0);
	CHECK(mz != NULL);
	memset(mz->addr, 0, sizeof(struct board));
	return mz->addr;
}

static void bye(struct t_proc *p)
{
	t_say(p, "bye");
	CHECK_EQ(t_wait(p), 0);
}

/* ---- the cases ---- */

TEST(the_primary_makes_it_for_who_asks)
{
	struct rte_eth_conf conf = {0};
	struct board *b = primary();
	struct t_proc *p, *q;
	char text[16] = "", name[SHOAL_FD_NAME_LEN];
	uint16_t id;
	int fd;

	(void)make_pool("mp", 255);
	p = asker();
	q = asker();
	asks(p, "add k=v", 0);
	CHECK_EQ(b->prober, sh_self());
	id = port_named("net_box0");
	CHECK_STR(sh_port(id)->args, "k=v");
	asks(q, "add k=v", 0); /* it is there */

	CHECK_EQ(rte_eth_dev_configure(id, 1, 2, &conf), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(id, 1, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_dev_start(id), 0);
	CHECK_EQ(sh_port_fd_name(sh_port(id), "box", name, sizeof(name)), 0);
	asks(q, "send hello", 1); /* through the fd that the primary offered */
	fd = shoal_fd_get(name, NULL, NULL);
	CHECK(fd >= 0);
	CHECK_EQ(pread(fd, text, sizeof(text) - 1, 0), 5);
	CHECK_STR(text, "hello");
	CHECK_EQ(shoal_fd_put(fd), 0);

	asks(p, "del", 0);
	CHECK_EQ(b->remover, sh_self());
	CHECK_EQ(rte_eth_dev_count_avail(), 0);
	asks(p, "add k=v", 0); /* and again */
	asks(q, "del", 0);
	bye(p);
	bye(q);
}

TEST(what_the_primarys_driver_refuses_is_told_who_asked)
{
	struct board *b = primary();
	struct t_proc *p = asker();

	asks(p, "add bad=1", -EDOM);
	CHECK_EQ(b->prober, sh_self());
	CHECK_EQ(rte_eth_dev_count_avail(), 0);
	asks(p, "add k=v", 0);
	bye(p);
}

TEST(its_operations_are_refused_elsewhere)
{
	struct board *b = primary();
	struct t_proc *p = asker();
	struct rte_eth_conf conf = {0};

	asks(p, "vdev", -ENOTSUP);
	CHECK_HAS(t_stderr(p), "its driver works in the primary alone: make it there");
	CHECK_EQ(b->prober, 0);
	asks(p, "add k=v", 0);
	asks(p, "conf", -ENOTSUP);
	asks(p, "start", -ENOTSUP);
	asks(p, "stop", -ENOTSUP);
	asks(p, "unvdev", -ENOTSUP);
	CHECK_HAS(t_stderr(p), "its driver works in the primary alone: call it there");
	CHECK_EQ(b->configurer, 0);
	CHECK_EQ(rte_eth_dev_configure(port_named("net_box0"), 1, 1, &conf), 0); /* the seat was given up */
	CHECK_EQ(b->configurer, sh_self());
	bye(p);
}

ROLE(maker)
{
	char line[8];

	(void)primary();
	t_tell("up");
	(void)t_hear(line, sizeof(line));
	return 0;
}

TEST(without_a_primary_there_is_nobody_to_make_it)
{
	struct t_proc *a = t_spawn("maker", NULL), *p;

	t_expect(a, "up");
	p = asker();
	t_kill(a, SIGKILL);
	CHECK_EQ(t_wait(a), 128 + SIGKILL);
	asks(p, "add k=v", -ENODEV);
	CHECK_HAS(t_stderr(p), "its driver works in the primary, and there is none");
	bye(p);
}
