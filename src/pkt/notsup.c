/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * notsup.c - what no driver here has: each call says whether there is such a port, and then that it cannot
 *
 * A driver that gets one of these gives it an operation in dev.h, and the call moves to set.c.
 */
#include <errno.h>
#include <stdio.h>

#include <rte_flow.h>

#include "base/export.h"
#include "base/log.h"
#include "pkt/port.h"

static int cannot(const char *fn, uint16_t port)
{
	if (sh_port(port) != NULL)
		return -ENOTSUP;
	sh_err("%s: there is no port %u; rte_eth_dev_count_avail() says how many there are", fn, port);
	return -ENODEV;
}

/* the same; but what would be refused by any port is said to be wrong: why, if bad */
static int cannot_if(const char *fn, uint16_t port, bool bad, const char *why)
{
	int r = cannot(fn, port);

	if (r != -ENOTSUP || !bad)
		return r;
	sh_err("%s: port %u: %s", fn, port, why);
	return -EINVAL;
}

/* a pointer that must be there */
static int cannot_ptr(const char *fn, uint16_t port, const void *p)
{
	return cannot_if(fn, port, p == NULL, "a pointer is NULL");
}

/* an rx queue that must be there, and set up */
static int cannot_rxq(const char *fn, uint16_t port, uint16_t queue)
{
	struct sh_port *p = sh_port(port);
	struct sh_queue *q = p != NULL ? sh_queue_of(p, false, queue) : NULL;

	if (p == NULL || (q != NULL && sh_load_acq(&q->state) != SH_Q_NONE)) /* A:QSTATE */
		return cannot(fn, port);
	sh_err("%s: port %u: rx queue %u is not set up", fn, port, queue);
	return -EINVAL;
}

/* a queue that is configured, and a pointer */
static int cannot_queue(const char *fn, uint16_t port, uint16_t queue, bool tx, bool null)
{
	struct sh_port *p = sh_port(port);

	if (p == NULL || (queue < (tx ? p->nb_txq : p->nb_rxq) && !null))
		return cannot(fn, port);
	sh_err("%s: port %u: there is no %s queue %u, or a pointer is NULL", fn, port, tx ? "tx" : "rx", queue);
	return -EINVAL;
}

#define NOT_RXQ(name)                                                                                                  \
	SH_EXPORT int name(uint16_t port_id, uint16_t queue_id)                                                        \
	{                                                                                                              \
		return cannot_rxq(#name, port_id, queue_id);                                                           \
	}
#define NOT(name, ...)                                                                                                 \
	SH_EXPORT int name(uint16_t port_id, ##__VA_ARGS__)                                                            \
	{                                                                                                              \
		return cannot(#name, port_id);                                                                         \
	}
#define NOT_PTR(name, type, arg)                                                                                       \
	SH_EXPORT int name(uint16_t port_id, type arg)                                                                 \
	{                                                                                                              \
		return cannot_ptr(#name, port_id, arg);                                                                \
	}

SH_EXPORT int rte_eth_dev_set_vlan_strip_on_queue(uint16_t port_id, uint16_t rx_queue_id, int on)
{
	(void)on;
	return cannot_queue("rte_eth_dev_set_vlan_strip_on_queue", port_id, rx_queue_id, false, false);
}

NOT(rte_eth_dev_set_vlan_ether_type, enum rte_vlan_type vlan_type, uint16_t tag_type)
NOT(rte_eth_dev_set_vlan_pvid, uint16_t pvid, int on)
NOT_PTR(rte_eth_dev_flow_ctrl_get, struct rte_eth_fc_conf *, fc_conf)

SH_EXPORT int rte_eth_dev_flow_ctrl_set(uint16_t port_id, struct rte_eth_fc_conf *fc_conf)
{
	return cannot_if("rte_eth_dev_flow_ctrl_set", port_id, fc_conf == NULL || fc_conf->send_xon > 1,
			 "fc_conf is NULL, or its send_xon neither 0 nor 1");
}

NOT(rte_eth_led_on)
NOT(rte_eth_led_off)

/* no port has room in such a table: it is full, and nothing is in it */
SH_EXPORT int rte_eth_dev_uc_hash_table_set(uint16_t port_id, struct rte_ether_addr *addr, uint8_t on)
{
	int r = cannot_if("rte_eth_dev_uc_hash_table_set", port_id,
			  addr == NULL || rte_is_zero_ether_addr(addr) || on == 0,
			  "the address is NULL, zero, or not in the table");

	return r == -ENOTSUP ? -ENOSPC : r;
}

NOT(rte_eth_dev_uc_all_hash_table_set, uint8_t on)

SH_EXPORT int rte_eth_set_queue_rate_limit(uint16_t port_id, uint16_t queue_idx, uint32_t tx_rate)
{
	struct rte_eth_link link = {0};
	bool bad =
		sh_port(port_id) != NULL && (queue_idx > sh_port(port_id)->caps.max_txq ||
					     rte_eth_link_get_nowait(port_id, &link) < 0 || tx_rate > link.link_speed);

	return cannot_if("rte_eth_set_queue_rate_limit", port_id, bad, "there is no such queue, or the link is slower");
}

static int tunnel(const char *fn, uint16_t port, const struct rte_eth_udp_tunnel *t)
{
	return cannot_if(fn, port, t == NULL || t->prot_type >= RTE_ETH_TUNNEL_TYPE_MAX,
			 "tunnel_udp is NULL, or its prot_type unknown");
}

SH_EXPORT int rte_eth_dev_udp_tunnel_port_add(uint16_t port_id, struct rte_eth_udp_tunnel *tunnel_udp)
{
	return tunnel("rte_eth_dev_udp_tunnel_port_add", port_id, tunnel_udp);
}

SH_EXPORT int rte_eth_dev_udp_tunnel_port_delete(uint16_t port_id, struct rte_eth_udp_tunnel *tunnel_udp)
{
	return tunnel("rte_eth_dev_udp_tunnel_port_delete", port_id, tunnel_udp);
}

NOT_PTR(rte_eth_dev_get_reg_info, struct rte_dev_reg_info *, info)
NOT(rte_eth_dev_get_eeprom_length)
NOT_PTR(rte_eth_dev_get_eeprom, struct rte_dev_eeprom_info *, info)
NOT_PTR(rte_eth_dev_set_eeprom, struct rte_dev_eeprom_info *, info)
NOT_PTR(rte_eth_dev_get_module_info, struct rte_eth_dev_module_info *, modinfo)
NOT_PTR(rte_eth_dev_get_module_eeprom, struct rte_dev_eeprom_info *, info)
NOT(rte_eth_timesync_enable)
NOT(rte_eth_timesync_disable)

SH_EXPORT int rte_eth_timesync_read_rx_timestamp(uint16_t port_id, struct timespec *timestamp, uint32_t flags)
{
	(void)flags;
	return cannot_ptr("rte_eth_timesync_read_rx_timestamp", port_id, timestamp);
}

NOT_PTR(rte_eth_timesync_read_tx_timestamp, struct timespec *, timestamp)
NOT(rte_eth_timesync_adjust_time, int64_t delta)
NOT_PTR(rte_eth_timesync_read_time, struct timespec *, time)
NOT_PTR(rte_eth_timesync_write_time, const struct timespec *, time)
NOT_PTR(rte_eth_read_clock, uint64_t *, clock)
NOT_RXQ(rte_eth_dev_rx_intr_enable)
NOT_RXQ(rte_eth_dev_rx_intr_disable)
NOT(rte_eth_dev_rx_intr_ctl, int epfd, int op, void *data)

SH_EXPORT int rte_eth_dev_rx_intr_ctl_q(uint16_t port_id, uint16_t queue_id, int epfd, int op, void *data)
{
	(void)epfd, (void)op, (void)data;
	return cannot_queue("rte_eth_dev_rx_intr_ctl_q", port_id, queue_id, false, false);
}

SH_EXPORT int rte_eth_rx_burst_mode_get(uint16_t port_id, uint16_t queue_id, struct rte_eth_burst_mode *mode)
{
	return cannot_queue("rte_eth_rx_burst_mode_get", port_id, queue_id, false, mode == NULL);
}

SH_EXPORT int rte_eth_tx_burst_mode_get(uint16_t port_id, uint16_t queue_id, struct rte_eth_burst_mode *mode)
{
	return cannot_queue("rte_eth_tx_burst_mode_get", port_id, queue_id, true, mode == NULL);
}

NOT(rte_eth_dev_set_mc_addr_list, struct rte_ether_addr *mc_addr_set, uint32_t nb_mc_addr)

SH_EXPORT int rte_eth_dev_fw_version_get(uint16_t port_id, char *fw_version, size_t fw_size)
{
	return cannot_if("rte_eth_dev_fw_version_get", port_id, fw_version == NULL && fw_size > 0, "a pointer is NULL");
}

NOT(rte_eth_tx_done_cleanup, uint16_t queue_id, uint32_t free_cnt)

SH_EXPORT int rte_eth_dev_rx_intr_ctl_q_get_fd(uint16_t port_id, uint16_t queue_id)
{
	(void)queue_id;
	(void)cannot("rte_eth_dev_rx_intr_ctl_q_get_fd", port_id);
	return -1;
}

SH_EXPORT int rte_eth_dev_get_vlan_offload(uint16_t port_id)
{
	int r = cannot("rte_eth_dev_get_vlan_offload", port_id);

	return r == -ENOTSUP ? 0 : r;
}

/* nothing is on: what leaves it so is done */
SH_EXPORT int rte_eth_dev_set_vlan_offload(uint16_t port_id, int offload_mask)
{
	int r = cannot("rte_eth_dev_set_vlan_offload", port_id);

	return r != -ENOTSUP ? r : offload_mask == 0 ? 0 : -EINVAL;
}

SH_EXPORT int rte_eth_dev_vlan_filter(uint16_t port_id, uint16_t vlan_id, int on)
{
	int r = cannot("rte_eth_dev_vlan_filter", port_id);

	(void)vlan_id, (void)on;
	return r == -ENOTSUP ? -ENOSYS : r;
}

SH_EXPORT int rte_eth_dev_pool_ops_supported(uint16_t port_id, const char *pool)
{
	int r = cannot_ptr("rte_eth_dev_pool_ops_supported", port_id, pool);

	return r == -ENOTSUP ? 1 : r;
}

SH_EXPORT void *rte_eth_dev_get_sec_ctx(uint16_t port_id)
{
	(void)port_id;
	return NULL;
}

/* nothing has to be brought into another form; a packet of more segments than the port takes cannot be sent */
SH_EXPORT uint16_t rte_eth_tx_prepare(uint16_t port_id, uint16_t queue_id, struct rte_mbuf **tx_pkts, uint16_t nb_pkts)
{
	struct sh_port *p = sh_port(port_id);
	uint16_t most = p != NULL ? p->caps.max_segs : 0, n = 0;

	if (p != NULL && queue_id < p->nb_txq) {
		if (most == 0)
			return nb_pkts;
		while (n < nb_pkts && tx_pkts[n]->nb_segs <= most)
			n++;
		if (n == nb_pkts)
			return n;
	}
	rte_errno = p == NULL ? ENODEV : EINVAL;
	return n;
}

/* ---- rte_flow.h ---- */

static int flow(const char *fn, uint16_t port, struct rte_flow_error *error)
{
	int r = cannot(fn, port);

	if (error != NULL)
		*error = (struct rte_flow_error){RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL, "this port applies no rules"};
	rte_errno = -r;
	return r;
}

SH_EXPORT int rte_flow_validate(uint16_t port_id, const struct rte_flow_attr *attr,
				const struct rte_flow_item pattern[], const struct rte_flow_action actions[],
				struct rte_flow_error *error)
{
	(void)attr, (void)pattern, (void)actions;
	return flow("rte_flow_validate", port_id, error);
}

SH_EXPORT struct rte_flow *rte_flow_create(uint16_t port_id, const struct rte_flow_attr *attr,
					   const struct rte_flow_item pattern[], const struct rte_flow_action actions[],
					   struct rte_flow_error *error)
{
	(void)attr, (void)pattern, (void)actions;
	(void)flow("rte_flow_create", port_id, error);
	return NULL;
}

SH_EXPORT int rte_flow_destroy(uint16_t port_id, struct rte_flow *f, struct rte_flow_error *error)
{
	(void)f;
	return flow("rte_flow_destroy", port_id, error);
}

SH_EXPORT int rte_flow_flush(uint16_t port_id, struct rte_flow_error *error)
{
	return flow("rte_flow_flush", port_id, error);
}

SH_EXPORT int rte_flow_isolate(uint16_t port_id, int set, struct rte_flow_error *error)
{
	(void)set;
	return flow("rte_flow_isolate", port_id, error);
}
