/* SPDX-License-Identifier: BSD-3-Clause */
/* port_dev_test.c - events of ports, the devices behind them, devargs and keys and values as text; in one process */
#include "port_help.h"

/* ---- events, devices, texts ---- */

struct heard {
	int news, destroyed, links;
	uint16_t port;
};

static int hear(uint16_t port, enum rte_eth_event_type ev, void *arg, void *ret)
{
	struct heard *h = arg;

	(void)ret;
	h->news += ev == RTE_ETH_EVENT_NEW;
	h->destroyed += ev == RTE_ETH_EVENT_DESTROY;
	h->links += ev == RTE_ETH_EVENT_INTR_LSC;
	h->port = port;
	return 0;
}

TEST(events_in_the_process_that_makes_them)
{
	struct rte_eth_conf c = {.intr_conf = {.lsc = 1}};
	struct heard h = {0, 0, 0, 99};

	INIT("primary", "--vdev=net_ring0");
	CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, hear, &h), 0);
	CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, hear, &h), 0);
	CHECK_EQ(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_DESTROY, hear, &h), 0);
	CHECK_EQ(rte_eth_dev_callback_register(0, RTE_ETH_EVENT_INTR_LSC, hear, &h), 0);
	CHECK_EQ(rte_eth_dev_callback_register(9, RTE_ETH_EVENT_NEW, hear, &h), -EINVAL);
	CHECK_EQ(rte_eth_dev_callback_register(0, RTE_ETH_EVENT_NEW, NULL, &h), -EINVAL);
	CHECK_EQ(rte_vdev_init("net_null3", NULL), 0);
	CHECK(h.news == 1 && h.port == 1);
	CHECK_EQ(rte_vdev_uninit("net_null3"), 0);
	CHECK_EQ(rte_vdev_uninit("net_null3"), -ENOENT);
	CHECK_EQ(h.destroyed, 1);
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &c), 0);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK(h.links == 1 && h.port == 0);
	CHECK_EQ(rte_eth_dev_set_link_down(0), 0);
	CHECK_EQ(rte_eth_dev_set_link_down(0), 0);
	CHECK_EQ(h.links, 2);
	CHECK_EQ(rte_eth_dev_callback_unregister(0, RTE_ETH_EVENT_INTR_LSC, hear, &h), 0);
	CHECK_EQ(rte_eth_dev_set_link_up(0), 0);
	CHECK_EQ(h.links, 2);
	CHECK_EQ(rte_eth_dev_callback_unregister(RTE_ETH_ALL, RTE_ETH_EVENT_NEW, hear, (void *)-1), 0);
	CHECK_EQ(rte_vdev_init("net_null3", NULL), 0);
	CHECK_EQ(h.news, 1);
}

TEST(devices_behind_ports)
{
	struct rte_dev_iterator it;
	struct rte_eth_dev_info info;
	uint16_t p, n = 0;

	INIT("primary", "--vdev=net_null0,size=80", "--vdev=net_ring0");
	CHECK_EQ(rte_vdev_init("net_null0", NULL), -EEXIST);
	CHECK_EQ(rte_vdev_init("net_nope", NULL), -ENODEV);
	CHECK_EQ(rte_vdev_init(NULL, NULL), -EINVAL);
	CHECK_EQ(rte_eth_dev_info_get(0, &info), 0);
	CHECK_STR(rte_dev_name(info.device), "net_null0");
	CHECK_STR(rte_dev_devargs(info.device)->args, "size=80");
	CHECK_STR(rte_bus_name(rte_dev_bus(info.device)), "vdev");
	CHECK_STR(rte_driver_name(rte_dev_driver(info.device)), "net_null");
	CHECK_EQ(rte_dev_is_probed(info.device), 1);
	CHECK(rte_bus_find_by_name("vdev") != NULL && rte_bus_find_by_name("pci") == NULL);
	RTE_ETH_FOREACH_MATCHING_DEV(p, "net_ring0", &it)
	{
		CHECK_EQ(p, 1);
		n++;
	}
	RTE_ETH_FOREACH_MATCHING_DEV(p, "class=eth", &it)
	n++;
	RTE_ETH_FOREACH_MATCHING_DEV(p, "class=eth,mac=00:00:00:00:00:09", &it)
	n++;
	RTE_ETH_FOREACH_MATCHING_DEV(p, "nonsense", &it)
	n++;
	CHECK_EQ(n, 3);
	CHECK_EQ(rte_devargs_type_count(RTE_DEVTYPE_VIRTUAL), 2);
	CHECK_EQ(rte_dev_iterator_init(&it, "bus=vdev,name=net_ring0"), 0);
	CHECK_STR(rte_dev_name(rte_dev_iterator_next(&it)), "net_ring0");
	CHECK(rte_dev_iterator_next(&it) == NULL);
	CHECK_EQ(rte_dev_iterator_init(&it, "bus=none"), -EINVAL);
	CHECK(rte_dev_iterator_next(&it) == NULL);
}

TEST(devargs_of_any_length)
{
	struct rte_devargs da, *own = calloc(1, sizeof(*own));
	char *text = malloc(100000);
	size_t n = (size_t)snprintf(text, 100, "net_null0,size=64");

	INIT("primary", NULL);
	while (n < 99000)
		n += (size_t)sprintf(text + n, ",copy=1");
	CHECK_EQ(rte_devargs_parsef(&da, "vdev:%s", text), 0);
	CHECK_STR(da.name, "net_null0");
	CHECK_EQ(strlen(da.args), n - strlen("net_null0,"));
	CHECK_STR(rte_bus_name(da.bus), "vdev");
	rte_devargs_reset(&da);
	rte_devargs_reset(NULL);
	CHECK_EQ(rte_devargs_parse(&da, "bus=vdev,name=net_ring1/class=eth,a=b/driver=net_ring,x=y"), 0);
	CHECK_STR(da.name, "net_ring1");
	CHECK_STR(da.args, "x=y");
	rte_devargs_reset(&da);
	CHECK_EQ(rte_devargs_parse(&da, "bogus0"), -EFAULT);
	CHECK_EQ(rte_devargs_parse(&da, "0000:01:00.0"), -EFAULT);
	CHECK_EQ(rte_devargs_parse(&da, "bus=pci,name=x"), -EFAULT);
	CHECK_EQ(rte_devargs_parse(&da, ""), -EINVAL);
	CHECK_EQ(rte_devargs_parse(NULL, "x"), -EINVAL);
	memset(text, 'a', 70);
	text[70] = '\0';
	CHECK_EQ(rte_devargs_parse(&da, text), -EINVAL);
	CHECK_EQ(rte_devargs_parse(own, "net_null4,size=9"), 0);
	CHECK_EQ(rte_devargs_insert(&own), 0);
	CHECK_EQ(rte_devargs_add(RTE_DEVTYPE_VIRTUAL, "net_null4,size=10"), 0);
	CHECK_STR(rte_devargs_next("vdev", NULL)->args, "size=10");
	CHECK(rte_devargs_next("vdev", rte_devargs_next("vdev", NULL)) == NULL);
	CHECK_EQ(rte_devargs_remove(own), 0);
	CHECK(rte_devargs_next(NULL, NULL) == NULL);
	free(text);
}

static int stop_at_b(const char *key, const char *value, void *arg)
{
	++*(int *)arg;
	return key[0] == 'b' && value == NULL ? -1 : 0;
}

TEST(keys_and_values)
{
	static const char *const keys[] = {"a", "b", NULL};
	struct rte_kvargs *kv = rte_kvargs_parse("a=1,b=[x,y=2],a=", keys);
	int n = 0;

	CHECK(kv != NULL);
	CHECK_EQ(kv->count, 3);
	CHECK_STR(rte_kvargs_get(kv, "a"), "1");
	CHECK_STR(rte_kvargs_get(kv, "b"), "[x,y=2]");
	CHECK(rte_kvargs_get(kv, "c") == NULL);
	CHECK_STR(rte_kvargs_get_with_value(kv, "a", ""), "");
	CHECK_EQ(rte_kvargs_count(kv, "a"), 2);
	CHECK_EQ(rte_kvargs_count(kv, NULL), 3);
	CHECK_EQ(rte_kvargs_process(kv, "a", stop_at_b, &n), 0);
	CHECK_EQ(n, 2);
	rte_kvargs_free(kv);
	kv = rte_kvargs_parse_delim("b/a=1", keys, "/");
	CHECK(kv != NULL && kv->count == 1 && kv->pairs[0].value == NULL);
	CHECK_EQ(rte_kvargs_process(kv, NULL, stop_at_b, &n), -1);
	rte_kvargs_free(kv);
	CHECK(rte_kvargs_parse("c=1", keys) == NULL);
	CHECK(rte_kvargs_parse("a=[1", keys) == NULL);
	CHECK(rte_kvargs_parse("=1", keys) == NULL);
	CHECK(rte_kvargs_parse(NULL, keys) == NULL);
	CHECK_EQ(rte_kvargs_process(NULL, NULL, stop_at_b, &n), 0);
	CHECK_EQ(rte_kvargs_process_opt(NULL, NULL, stop_at_b, &n), 0);
	rte_kvargs_free(NULL);
}
