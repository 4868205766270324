/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conf_check.c - may a port be configured so?
 *
 * With the port's seat; nothing is changed. What is checked and in which order follows what programs of DPDK fall back by: offloads
 * (-EINVAL) before RSS (-ENOTSUP). What would do nothing is taken, with a line.
 */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "pkt/port.h"

int sh_conf_refuse(const struct sh_port *p, int err, const char *what)
{
	sh_err("port %u (%s): cannot be configured: %s", p->id, p->name, what);
	return err;
}

static int bits_missing(const struct sh_port *p, const char *what, uint64_t want, uint64_t have)
{
	if ((want & ~have) == 0)
		return 0;
	sh_err("port %u (%s): cannot be configured: %s 0x%llx are not there, of 0x%llx that are asked for; "
	       "rte_eth_dev_info_get() tells which are",
	       p->id, p->name, what, (unsigned long long)(want & ~have), (unsigned long long)want);
	return -EINVAL;
}

static int check_numbers(const struct sh_port *p, struct sh_conf_ask *a)
{
	char line[160];

	if (a->nb_rx == 0 && a->nb_tx == 0) {
		a->nb_rx = p->caps.pref_rxq != 0 ? p->caps.pref_rxq : RTE_ETH_DEV_FALLBACK_RX_NBQUEUES;
		a->nb_tx = p->caps.pref_txq != 0 ? p->caps.pref_txq : RTE_ETH_DEV_FALLBACK_TX_NBQUEUES;
	}
	if (a->nb_rx <= p->caps.max_rxq && a->nb_tx <= p->caps.max_txq)
		return 0;
	(void)snprintf(line, sizeof(line), "%u rx and %u tx queues are asked for; it has at most %u and %u", a->nb_rx,
		       a->nb_tx, p->caps.max_rxq, p->caps.max_txq);
	return sh_conf_refuse(p, -EINVAL, line);
}

static int check_mtu(const struct sh_port *p, uint32_t mtu)
{
	char line[120];

	if ((p->caps.min_mtu == 0 || mtu >= p->caps.min_mtu) && (p->caps.max_mtu == 0 || mtu <= p->caps.max_mtu))
		return 0;
	(void)snprintf(line, sizeof(line), "an MTU of %u; it takes %u to %u", mtu, p->caps.min_mtu, p->caps.max_mtu);
	return sh_conf_refuse(p, -EINVAL, line);
}

static int check_events(const struct sh_port *p, const struct rte_eth_conf *c)
{
	if (c->intr_conf.lsc && !p->caps.lsc)
		return sh_conf_refuse(p, -EINVAL, "its link never changes, there is no event of that (intr_conf.lsc)");
	if (c->intr_conf.rmv && !p->caps.rmv)
		return sh_conf_refuse(p, -EINVAL,
				      "its device cannot vanish, there is no event of that (intr_conf.rmv)");
	return 0;
}

static int check_modes(const struct sh_port *p, const struct rte_eth_conf *c)
{
	uint32_t rx = c->rxmode.mq_mode;
	int r;

	if ((rx & RTE_ETH_MQ_RX_RSS_FLAG) != 0 && p->caps.no_rss)
		return sh_conf_refuse(p, -ENOTSUP, "RSS, and it was made with rss=0");
	r = bits_missing(p, "kinds of RSS", rte_eth_rss_hf_refine(c->rx_adv_conf.rss_conf.rss_hf), p->caps.rss_hf);
	if (r < 0)
		return r;
	if ((unsigned)c->rx_adv_conf.rss_conf.algorithm >= RTE_ETH_HASH_FUNCTION_MAX)
		return sh_conf_refuse(p, -EINVAL, "a hash function that there is not");
	if ((rx & RTE_ETH_MQ_RX_RSS_FLAG) == 0 && (c->rxmode.offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH) != 0)
		return sh_conf_refuse(p, -EINVAL, "a hash of each packet without RSS");
	if ((rx & (RTE_ETH_MQ_RX_DCB_FLAG | RTE_ETH_MQ_RX_VMDQ_FLAG)) != 0 || c->txmode.mq_mode != RTE_ETH_MQ_TX_NONE)
		return sh_conf_refuse(p, -ENOTSUP, "queues by class of traffic or virtual machine");
	return 0;
}

static uint32_t found_mtu(const struct sh_port *p)
{
	uint32_t mtu = sh_load_acq(&p->link_mtu); /* A:PORTLINK */

	if (mtu != 0)
		return RTE_MIN(mtu, (uint32_t)UINT16_MAX); /* a loopback's is larger */
	return p->caps.max_mtu != 0 && p->caps.max_mtu < RTE_ETHER_MTU ? p->caps.max_mtu : RTE_ETHER_MTU;
}

uint16_t sh_port_mtu(const struct sh_port *p)
{
	bool own = sh_load_acq(&p->link_mtu) == 0 && p->conf.mtu != 0; /* A:PORTLINK */

	return (uint16_t)(own ? p->conf.mtu : found_mtu(p));
}

/* its length is one that the port takes: check_rss_key() */
static bool own_key(const struct rte_eth_rss_conf *c)
{
	return c->rss_key != NULL && c->rss_key_len != 0;
}

static int check_rss_key(const struct sh_port *p, const struct rte_eth_conf *c)
{
	const struct rte_eth_rss_conf *rss = &c->rx_adv_conf.rss_conf;

	if ((c->rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG) == 0 || p->caps.key_size == 0 || !own_key(rss) ||
	    rss->rss_key_len == p->caps.key_size)
		return 0;
	return sh_conf_refuse(p, -EINVAL, "the RSS key is of another length than rte_eth_dev_info_get() tells");
}

/* what no port does, and DPDK's drivers of the same name say nothing about */
static void say_idle(const struct sh_port *p, const struct rte_eth_conf *c)
{
	bool lro = (c->rxmode.offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO) != 0;
	bool vlan =
		c->txmode.hw_vlan_reject_tagged || c->txmode.hw_vlan_reject_untagged || c->txmode.hw_vlan_insert_pvid;
	char what[160];

	(void)snprintf(what, sizeof(what), "%s%s%s%s%s",
		       (c->link_speeds & RTE_ETH_LINK_SPEED_FIXED) != 0 ? ", link_speeds (fixed)" : "",
		       lro && c->rxmode.max_lro_pkt_size != 0 ? ", rxmode.max_lro_pkt_size" : "",
		       vlan ? ", txmode.hw_vlan_*" : "", c->lpbk_mode != 0 ? ", lpbk_mode" : "",
		       c->dcb_capability_en != 0 ? ", dcb_capability_en" : "");
	if (what[0] != '\0')
		sh_warn("port %u (%s): settings without effect here: %s", p->id, p->name, what + 2);
}

int sh_conf_check(struct sh_port *p, struct sh_conf_ask *a)
{
	const struct rte_eth_conf *c = a->c;
	int r = check_numbers(p, a);

	if (r == 0)
		r = check_events(p, c);
	if (r < 0)
		return r;
	a->mtu = c->rxmode.mtu != 0 ? c->rxmode.mtu : found_mtu(p);
	r = c->rxmode.mtu != 0 ? check_mtu(p, a->mtu) : 0;
	if (r == 0)
		r = bits_missing(p, "rx offloads", c->rxmode.offloads, p->caps.rx_offloads);
	if (r == 0)
		r = bits_missing(p, "tx offloads", c->txmode.offloads, p->caps.tx_offloads);
	if (r == 0)
		r = check_rss_key(p, c);
	if (r == 0)
		r = check_modes(p, c);
	if (r == 0)
		say_idle(p, c);
	return r;
}
