/* SPDX-License-Identifier: BSD-3-Clause */
/* port_rest_test.c - ports in one process: hash and table, owners, queues started one by one, ways to find ports, what none has */
#include <rte_flow.h>

#include "port_help.h"

TEST(queues_start_and_stop_one_by_one)
{
	struct rte_eth_rxconf rxc = {.rx_deferred_start = 1};
	struct rte_eth_conf c = {.rxmode = {.mtu = 0}};
	struct rte_eth_rxq_info info;
	struct rte_mempool *mp;
	struct rte_mbuf *m[4];

	INIT("primary", "--vdev=net_null0");
	mp = make_pool("mp", 63);
	CHECK_EQ(rte_eth_dev_rx_queue_start(0, 0), -EINVAL);
	CHECK_EQ(rte_eth_dev_configure(0, 2, 1, &c), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 0, 64, 0, NULL, mp), 0);
	CHECK_EQ(rte_eth_rx_queue_setup(0, 1, 64, 0, &rxc, mp), 0);
	CHECK_EQ(rte_eth_dev_rx_queue_start(0, 0), -EINVAL); /* the port is not started */
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 4), 4);
	rte_pktmbuf_free_bulk(m, 4);
	CHECK_EQ(rte_eth_rx_burst(0, 1, m, 4), 0); /* deferred */
	CHECK_EQ(rte_errno, ENETDOWN);
	CHECK_EQ(rte_eth_dev_rx_queue_start(0, 1), 0);
	CHECK_EQ(rte_eth_rx_burst(0, 1, m, 4), 4);
	rte_pktmbuf_free_bulk(m, 4);
	CHECK_EQ(rte_eth_dev_rx_queue_stop(0, 1), 0);
	CHECK_EQ(rte_eth_rx_burst(0, 1, m, 4), 0);
	CHECK_EQ(rte_eth_rx_queue_info_get(0, 1, &info), 0);
	CHECK_EQ(info.queue_state, RTE_ETH_QUEUE_STATE_STOPPED);
	CHECK_EQ(info.conf.rx_deferred_start, 1);
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 4), 4); /* the other one goes on */
	CHECK_EQ(rte_eth_tx_burst(0, 0, m, 4), 0); /* not set up */
	rte_pktmbuf_free_bulk(m, 4);
	CHECK_EQ(rte_eth_dev_tx_queue_start(0, 0), -EINVAL);
	CHECK_EQ(rte_eth_dev_rx_queue_stop(0, 7), -EINVAL);
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	CHECK_EQ(rte_eth_tx_queue_setup(0, 0, 64, 0, NULL), 0);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(rte_eth_rx_burst(0, 1, m, 4), 0); /* deferred again */
	CHECK_EQ(rte_eth_dev_tx_queue_stop(0, 0), 0);
	CHECK_EQ(rte_eth_dev_tx_queue_stop(3, 0), -ENODEV);
	CHECK_EQ(rte_eth_dev_stop(0), 0);
	CHECK_EQ(rte_eth_dev_start(0), 0);
	CHECK_EQ(rte_eth_rx_burst(0, 0, m, 4), 4);
	CHECK_EQ(rte_eth_tx_burst(0, 0, m, 4), 4); /* stopped by itself, started with the port */
}

static int is_vdev(const struct rte_bus *bus, const void *data)
{
	(void)data;
	return strcmp(rte_bus_name(bus), "vdev");
}

TEST(ways_to_find_ports)
{
	struct rte_eth_dev_info info;
	struct rte_dev_iterator it;
	uint16_t p, n = 0;
	char text[2000];
	FILE *f;

	INIT("primary", "--vdev=net_null0", "--vdev=net_null1", "--vdev=net_ring0");
	CHECK_EQ(rte_vdev_uninit("net_null1"), 0);
	CHECK_EQ(rte_eth_find_next(1), 2);
	CHECK_EQ(rte_eth_find_next(3), RTE_MAX_ETHPORTS);
	CHECK_EQ(rte_eth_find_next_owned_by(0, RTE_ETH_DEV_NO_OWNER), 0);
	CHECK_EQ(rte_eth_find_next_owned_by(0, 5), RTE_MAX_ETHPORTS);
	CHECK_EQ(rte_eth_dev_info_get(2, &info), 0);
	CHECK_EQ(rte_eth_find_next_of(0, info.device), 2);
	CHECK_EQ(rte_eth_find_next_sibling(0, 2), 2);
	CHECK_EQ(rte_eth_find_next_sibling(3, 2), RTE_MAX_ETHPORTS);
	RTE_ETH_FOREACH_DEV_OF(p, info.device)
	n++;
	RTE_ETH_FOREACH_DEV_SIBLING(p, 0)
	n++;
	CHECK_EQ(n, 2);
	CHECK_EQ(rte_eth_iterator_init(&it, "class=eth"), 0);
	CHECK_EQ(rte_eth_iterator_next(&it), 0);
	rte_eth_iterator_cleanup(&it); /* a loop that is left */
	CHECK_EQ(rte_eth_iterator_next(&it), RTE_MAX_ETHPORTS);
	CHECK_EQ(rte_eth_iterator_init(&it, "class=eth,unheard=1"), 0);
	CHECK_EQ(rte_eth_iterator_next(&it), RTE_MAX_ETHPORTS);
	CHECK_EQ(rte_eth_iterator_init(&it, NULL), -EINVAL);
	CHECK(rte_bus_find(NULL, is_vdev, NULL) == rte_bus_find_by_name("vdev"));
	CHECK(rte_bus_find(rte_bus_find_by_name("vdev"), is_vdev, NULL) == NULL);
	CHECK(rte_bus_find_by_device(info.device) == rte_dev_bus(info.device));
	CHECK(rte_dev_bus_info(info.device) == NULL);
	CHECK_EQ(rte_dev_numa_node(info.device), 0);
	CHECK(rte_bus_scan() == 0 && rte_bus_probe() == 0 && rte_bus_get_iommu_class() == RTE_IOVA_VA);
	f = fmemopen(text, sizeof(text), "w");
	rte_bus_dump(f);
	rte_devargs_dump(f);
	fclose(f);
	CHECK_HAS(text, "net_ring0, driver net_ring, port 2");
	CHECK_HAS(text, "[vdev]: net_null0,");
	CHECK_EQ(rte_eth_promiscuous_enable(0), 0);
	CHECK_EQ(rte_eth_allmulticast_enable(0), 0);
	CHECK_STR(rte_eth_dev_capability_name(RTE_ETH_DEV_CAPA_RXQ_SHARE), "RXQ_SHARE");
	CHECK(rte_eth_dev_logtype >= 0 && rte_eth_fp_ops[0].rxq != NULL);
}

#define CANNOT(call) CHECK_EQ(call, -ENOTSUP)

TEST(calls_for_what_no_port_has)
{
	struct rte_eth_burst_mode mode;
	struct rte_eth_udp_tunnel tunnel = {.udp_port = 4789, .prot_type = RTE_ETH_TUNNEL_TYPE_VXLAN};
	struct rte_dev_eeprom_info rom;
	struct rte_dev_reg_info reg;
	struct rte_eth_dev_module_info mod;
	struct rte_eth_fc_conf fc = {0};
	struct rte_ether_addr a = {{2, 0, 0, 0, 0, 1}}, none = {{0}};
	struct timespec ts = {0, 0};
	struct rte_flow_error err;
	uint64_t clock;
	char fw[8];

	INIT("primary", "--vdev=net_null0");
	CHECK_EQ(rte_eth_dev_configure(0, 1, 1, &(struct rte_eth_conf){.rxmode = {.mtu = 0}}), 0);
	CANNOT(rte_eth_dev_set_vlan_strip_on_queue(0, 0, 1));
	CHECK_EQ(rte_eth_dev_set_vlan_strip_on_queue(0, 9, 1), -EINVAL);
	CANNOT(rte_eth_dev_mac_addr_add(0, &a, 64));
	CHECK_EQ(rte_eth_rx_burst_mode_get(0, 9, &mode), -EINVAL);
	CHECK_EQ(rte_eth_tx_burst_mode_get(0, 0, NULL), -EINVAL);
	CANNOT(rte_eth_dev_set_vlan_ether_type(0, RTE_ETH_VLAN_TYPE_OUTER, 0x88a8));
	CANNOT(rte_eth_dev_set_vlan_pvid(0, 1, 1));
	CHECK_EQ(rte_eth_dev_vlan_filter(0, 1, 1), -ENOSYS);
	CHECK_EQ(rte_eth_dev_get_vlan_offload(0), 0);
	CHECK_EQ(rte_eth_dev_get_vlan_offload(1), -ENODEV);
	CANNOT(rte_eth_dev_flow_ctrl_set(0, &fc));
	fc.send_xon = 2;
	CHECK_EQ(rte_eth_dev_flow_ctrl_set(0, &fc), -EINVAL);
	CHECK_EQ(rte_eth_dev_flow_ctrl_set(0, NULL), -EINVAL);
	CANNOT(rte_eth_led_off(0));
	CHECK_EQ(rte_eth_dev_uc_hash_table_set(0, &a, 1), -ENOSPC); /* as a table without room */
	CHECK_EQ(rte_eth_dev_uc_hash_table_set(0, &a, 0), -EINVAL);
	CHECK_EQ(rte_eth_dev_uc_hash_table_set(0, &none, 1), -EINVAL);
	CHECK_EQ(rte_eth_dev_uc_hash_table_set(0, NULL, 1), -EINVAL);
	CHECK_EQ(rte_eth_dev_uc_hash_table_set(7, &a, 1), -ENODEV);
	CANNOT(rte_eth_dev_uc_all_hash_table_set(0, 1));
	CANNOT(rte_eth_set_queue_rate_limit(0, 0, 10));
	CANNOT(rte_eth_dev_udp_tunnel_port_add(0, &tunnel));
	CHECK_EQ(rte_eth_set_queue_rate_limit(0, 0, 1000000), -EINVAL); /* faster than the link */
	CHECK_EQ(rte_eth_set_queue_rate_limit(0, 2000, 10), -EINVAL);
	CANNOT(rte_eth_dev_udp_tunnel_port_delete(0, &tunnel));
	tunnel.prot_type = RTE_ETH_TUNNEL_TYPE_MAX;
	CHECK_EQ(rte_eth_dev_udp_tunnel_port_add(0, &tunnel), -EINVAL);
	CHECK_EQ(rte_eth_dev_udp_tunnel_port_delete(0, NULL), -EINVAL);
	CANNOT(rte_eth_dev_get_reg_info(0, &reg));
	CANNOT(rte_eth_dev_get_eeprom_length(0));
	CANNOT(rte_eth_dev_get_eeprom(0, &rom));
	CANNOT(rte_eth_dev_set_eeprom(0, &rom));
	CANNOT(rte_eth_dev_get_module_info(0, &mod));
	CANNOT(rte_eth_dev_get_module_eeprom(0, &rom));
	CANNOT(rte_eth_timesync_enable(0));
	CANNOT(rte_eth_timesync_disable(0));
	CANNOT(rte_eth_timesync_read_rx_timestamp(0, &ts, 0));
	CHECK_EQ(rte_eth_timesync_read_rx_timestamp(0, NULL, 0), -EINVAL);
	CANNOT(rte_eth_timesync_read_tx_timestamp(0, &ts));
	CANNOT(rte_eth_timesync_adjust_time(0, 1));
	CANNOT(rte_eth_timesync_read_time(0, &ts));
	CANNOT(rte_eth_timesync_write_time(0, &ts));
	CHECK_EQ(rte_eth_timesync_write_time(0, NULL), -EINVAL);
	CANNOT(rte_eth_read_clock(0, &clock));
	CHECK_EQ(rte_eth_dev_rx_intr_enable(0, 0), -EINVAL); /* no queue is set up */
	CHECK_EQ(rte_eth_dev_rx_intr_disable(0, 0), -EINVAL);
	CANNOT(rte_eth_dev_rx_intr_ctl(0, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD, NULL));
	CANNOT(rte_eth_dev_rx_intr_ctl_q(0, 0, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD, NULL));
	CANNOT(rte_eth_rx_burst_mode_get(0, 0, &mode));
	CANNOT(rte_eth_tx_burst_mode_get(0, 0, &mode));
	CANNOT(rte_eth_dev_set_mc_addr_list(0, &a, 1));
	CANNOT(rte_eth_dev_fw_version_get(0, fw, sizeof(fw)));
	CANNOT(rte_eth_dev_fw_version_get(0, NULL, 0));
	CHECK_EQ(rte_eth_dev_fw_version_get(0, NULL, 1), -EINVAL);
	CHECK_EQ(rte_eth_dev_rx_intr_ctl_q(0, 9, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD, NULL), -EINVAL);
	CANNOT(rte_eth_tx_done_cleanup(0, 0, 0));
	CHECK(rte_eth_dev_get_sec_ctx(0) == NULL);
	CANNOT(rte_flow_validate(0, NULL, NULL, NULL, &err));
	CHECK_EQ(err.type, RTE_FLOW_ERROR_TYPE_UNSPECIFIED);
	CHECK(rte_flow_create(0, NULL, NULL, NULL, NULL) == NULL && rte_errno == ENOTSUP);
	CANNOT(rte_flow_destroy(0, NULL, &err));
	CANNOT(rte_flow_flush(0, &err));
	CANNOT(rte_flow_isolate(0, 1, &err));
	CHECK_EQ(rte_flow_flush(7, NULL), -ENODEV);
}

static uint16_t add_one(uint16_t port, uint16_t q, struct rte_mbuf *pkts[], uint16_t n, uint16_t max, void *arg)
{
	(void)port, (void)q, (void)pkts, (void)max, (void)arg;
	return (uint16_t)(n + 1);
}

/* what the inline functions call is exported: programs were compiled with them */
TEST(what_inline_functions_call)
{
	struct rte_mempool *mp;
	struct rte_mbuf *m[4];

	INIT("primary", "--vdev=net_null0");
	mp = make_pool("mp", 63);
	start_port(0, 1, mp);
	CHECK_EQ(__rte_eth_rx_first(0, 0, m, 4), 4);
	CHECK_EQ(__rte_eth_tx_first(0, 0, m, 4), 4);
	CHECK_EQ(__rte_eth_rx_first(0, 9, m, 4), 0);
	CHECK_EQ(rte_errno, EINVAL);
	CHECK_EQ(rte_eth_tx_prepare(0, 0, m, 4), 4);
	CHECK_EQ(rte_eth_tx_prepare(0, 5, m, 4), 0);
	CHECK(rte_eth_add_rx_callback(0, 0, add_one, NULL) != NULL);
	CHECK_EQ(rte_eth_call_rx_callbacks(0, 0, m, 2, 4, rte_eth_fp_ops[0].rxq[0].cb), 3);
	CHECK_EQ(rte_eth_call_tx_callbacks(0, 0, m, 2, NULL), 2);
	CHECK_EQ(rte_eth_rss_hf_refine(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L3_DST_ONLY),
		 RTE_ETH_RSS_IPV4);
}

TEST(keys_of_a_configuration)
{
	struct rte_eth_conf c = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_RSS},
				 .rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IP};
	uint8_t key[52], is[40];
	struct rte_eth_rss_conf rc = {.rss_key = is, .rss_key_len = sizeof(is)};
	struct rte_eth_dev_info info;

	INIT("primary", "--vdev=net_null0");
	memset(key, 7, sizeof(key));
	c.rx_adv_conf.rss_conf.rss_key = key;
	c.rx_adv_conf.rss_conf.rss_key_len = sizeof(key);
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &c), -EINVAL);
	c.rx_adv_conf.rss_conf.rss_key_len = sizeof(is);
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &c), 0);
	CHECK_EQ(rte_eth_dev_rss_hash_conf_get(0, &rc), 0);
	CHECK(is[0] == 7 && is[39] == 7);
	c.rx_adv_conf.rss_conf.rss_key = NULL; /* the port's own again */
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &c), 0);
	CHECK_EQ(rte_eth_dev_rss_hash_conf_get(0, &rc), 0);
	CHECK(is[0] == 0x6d && is[39] == 0xfa);
	c.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
	c.rx_adv_conf.rss_conf.rss_hf = 0;
	CHECK_EQ(rte_eth_dev_configure(0, 2, 2, &c), 0);
	rc.rss_hf = 0;
	CHECK_EQ(rte_eth_dev_rss_hash_update(0, &rc), -ENOTSUP); /* configured without RSS */
	CHECK_EQ(rte_eth_dev_info_get(0, &info), 0);
	start_port(0, 1, make_pool("mp", 127));
	CHECK_EQ(rte_eth_dev_rx_intr_enable(0, 0), -ENOTSUP);
	CHECK_EQ(rte_eth_dev_rx_intr_enable(0, 1), -EINVAL);
	CHECK((info.rss_algo_capa & 1u << RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ) != 0);
}

TEST(hash_and_table)
{
	struct rte_eth_conf c = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_RSS},
				 .rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IP};
	struct rte_eth_rss_reta_entry64 t[2];
	uint8_t key[64] = {0};
	struct rte_eth_rss_conf rc = {.rss_key = key, .rss_key_len = sizeof(key)};

	INIT("primary", "--vdev=net_null0", "--vdev=net_ring0");
	CHECK_EQ(rte_eth_dev_configure(0, 3, 3, &c), 0);
	CHECK_EQ(rte_eth_dev_rss_hash_conf_get(0, &rc), 0);
	CHECK_EQ(rc.rss_hf, RTE_ETH_RSS_IP);
	CHECK_EQ(rc.rss_key_len, 40);
	CHECK(key[0] == 0x6d && key[39] == 0xfa);
	key[0] = 1;
	rc.rss_hf = RTE_ETH_RSS_TCP;
	CHECK_EQ(rte_eth_dev_rss_hash_update(0, &rc), 0);
	key[0] = 7;
	CHECK_EQ(rte_eth_dev_rss_hash_conf_get(0, &rc), 0);
	CHECK(key[0] == 1 && rc.rss_hf == RTE_ETH_RSS_TCP);
	rc.rss_hf = RTE_ETH_RSS_ESP;
	CHECK_EQ(rte_eth_dev_rss_hash_update(0, &rc), -EINVAL);
	rc.rss_hf = RTE_ETH_RSS_TCP;
	rc.rss_key_len = 7;
	CHECK_EQ(rte_eth_dev_rss_hash_update(0, &rc), -EINVAL);
	CHECK_EQ(rte_eth_dev_rss_hash_update(0, NULL), -EINVAL);
	rc.rss_key_len = 40;
	rc.rss_hf = RTE_ETH_RSS_IP;
	CHECK_EQ(rte_eth_dev_rss_hash_update(1, &rc), -EINVAL); /* it has no kind of it */
	rc.rss_hf = 0;
	CHECK_EQ(rte_eth_dev_rss_hash_update(1, &rc), -ENOTSUP);
	CHECK_EQ(rte_eth_dev_rss_hash_conf_get(1, &rc), -ENOTSUP);
	memset(t, 0xff, sizeof(t));
	CHECK_EQ(rte_eth_dev_rss_reta_query(0, t, 128), 0);
	for (unsigned i = 0; i < 128; i++)
		CHECK_EQ(t[i / 64].reta[i % 64], i % 3);
	t[0].mask = 2;
	t[1].mask = 0;
	t[0].reta[1] = 2;
	t[0].reta[2] = 0;
	CHECK_EQ(rte_eth_dev_rss_reta_update(0, t, 128), 0);
	memset(t, 0xff, sizeof(t));
	CHECK_EQ(rte_eth_dev_rss_reta_query(0, t, 128), 0);
	CHECK(t[0].reta[1] == 2 && t[0].reta[2] == 2);
	t[1].reta[63] = 3; /* no such queue */
	CHECK_EQ(rte_eth_dev_rss_reta_update(0, t, 128), -EINVAL);
	CHECK_EQ(rte_eth_dev_rss_reta_query(0, t, 64), -EINVAL);
	CHECK_EQ(rte_eth_dev_rss_reta_query(0, NULL, 128), -EINVAL);
	CHECK_EQ(rte_eth_dev_rss_reta_query(1, t, 128), -ENOTSUP);
	t[0].mask = t[1].mask = 0;
	CHECK_EQ(rte_eth_dev_rss_reta_query(0, t, 128), -EINVAL);
}

TEST(what_no_port_has)
{
	struct rte_eth_fc_conf fc;
	uint32_t t[4];

	INIT("primary", "--vdev=net_null0");
	CHECK_EQ(rte_eth_led_on(0), -ENOTSUP);
	CHECK_EQ(rte_eth_led_on(5), -ENODEV);
	CHECK_EQ(rte_eth_dev_flow_ctrl_get(0, &fc), -ENOTSUP);
	CHECK_EQ(rte_eth_dev_flow_ctrl_get(0, NULL), -EINVAL);
	CHECK_EQ(rte_eth_dev_rx_intr_ctl_q_get_fd(0, 0), -1);
	CHECK_EQ(rte_eth_dev_set_vlan_offload(0, 0), 0);
	CHECK_EQ(rte_eth_dev_set_vlan_offload(0, 1), -EINVAL);
	CHECK_EQ(rte_eth_dev_get_supported_ptypes(0, UINT32_MAX, t, 4), 0);
	CHECK_EQ(rte_eth_dev_set_ptypes(0, 0, t, 4), 0);
	CHECK_EQ(t[0], RTE_PTYPE_UNKNOWN);
	CHECK_EQ(rte_eth_dev_pool_ops_supported(0, "ring_mp_mc"), 1);
	CHECK_EQ(rte_eth_dev_is_removed(0), 0);
	CHECK_STR(rte_eth_dev_rx_offload_name(RTE_ETH_RX_OFFLOAD_SCATTER), "SCATTER");
	CHECK_STR(rte_eth_dev_tx_offload_name(3), "UNKNOWN");
	CHECK_STR(rte_eth_link_speed_to_str(RTE_ETH_SPEED_NUM_100G), "100 Gbps");
	CHECK_EQ(rte_eth_speed_bitflag(RTE_ETH_SPEED_NUM_100M, 0), RTE_ETH_LINK_SPEED_100M_HD);
}

TEST(a_port_has_one_owner)
{
	struct rte_eth_dev_owner me = {.name = "me"}, got;
	uint64_t a, b;
	uint16_t p, n = 0;

	INIT("primary", "--vdev=net_null0", "--vdev=net_null1");
	CHECK_EQ(rte_eth_dev_owner_new(&a), 0);
	CHECK_EQ(rte_eth_dev_owner_new(&b), 0);
	CHECK(a != b && a != RTE_ETH_DEV_NO_OWNER);
	me.id = 77;
	CHECK_EQ(rte_eth_dev_owner_set(0, &me), -EINVAL);
	me.id = a;
	CHECK_EQ(rte_eth_dev_owner_set(0, &me), 0);
	CHECK_EQ(rte_eth_dev_owner_set(0, &me), -EPERM);
	CHECK_EQ(rte_eth_dev_count_avail(), 1);
	CHECK_EQ(rte_eth_dev_count_total(), 2);
	RTE_ETH_FOREACH_DEV_OWNED_BY(p, a)
	n++;
	CHECK_EQ(n, 1);
	CHECK_EQ(rte_eth_dev_owner_get(0, &got), 0);
	CHECK(got.id == a && strcmp(got.name, "me") == 0);
	CHECK_EQ(rte_eth_dev_owner_unset(0, b), -EPERM);
	CHECK_EQ(rte_eth_dev_owner_delete(a), 0);
	CHECK_EQ(rte_eth_dev_count_avail(), 2);
	CHECK_EQ(rte_eth_dev_owner_delete(99), -EINVAL);
}
