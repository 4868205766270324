/* SPDX-License-Identifier: BSD-3-Clause */
/* burst.c - the slow side of bursts: the first one on a queue; callbacks on packets; tx buffers */
#include <errno.h>
#include <stdlib.h>

#include <rte_errno.h>

#include "base/export.h"
#include "base/log.h"
#include "pkt/port.h"

SH_EXPORT uint16_t __rte_eth_rx_first(uint16_t port_id, uint16_t queue_id, struct rte_mbuf **rx_pkts, uint16_t nb_pkts)
{
	struct __rte_eth_queue *e = sh_queue_claim(port_id, false, queue_id);

	return e != NULL ? e->burst(e->data, rx_pkts, nb_pkts) : 0;
}

SH_EXPORT uint16_t __rte_eth_tx_first(uint16_t port_id, uint16_t queue_id, struct rte_mbuf **tx_pkts, uint16_t nb_pkts)
{
	struct __rte_eth_queue *e = sh_queue_claim(port_id, true, queue_id);

	return e != NULL ? e->burst(e->data, tx_pkts, nb_pkts) : 0;
}

/* ---- callbacks ---- */

SH_EXPORT uint16_t rte_eth_call_rx_callbacks(uint16_t port_id, uint16_t queue_id, struct rte_mbuf **rx_pkts,
					     uint16_t nb_rx, uint16_t nb_pkts, void *opaque)
{
	const struct rte_eth_rxtx_callback *cb = opaque;

	for (; cb != NULL; cb = sh_load_acq(SH_APTR(&cb->next)) /* A:PORTCB */)
		nb_rx = cb->fn.rx(port_id, queue_id, rx_pkts, nb_rx, nb_pkts, cb->arg);
	return nb_rx;
}

SH_EXPORT uint16_t rte_eth_call_tx_callbacks(uint16_t port_id, uint16_t queue_id, struct rte_mbuf **tx_pkts,
					     uint16_t nb_pkts, void *opaque)
{
	const struct rte_eth_rxtx_callback *cb = opaque;

	for (; cb != NULL; cb = sh_load_acq(SH_APTR(&cb->next)) /* A:PORTCB */)
		nb_pkts = cb->fn.tx(port_id, queue_id, tx_pkts, nb_pkts, cb->arg);
	return nb_pkts;
}

/* the list of a queue of a configured port, or NULL and rte_errno */
static void **list_of(uint16_t port, bool tx, uint16_t queue)
{
	struct sh_port *p = sh_port(port);

	if (p == NULL || queue >= (tx ? p->nb_txq : p->nb_rxq)) {
		sh_err("port %u has no %s queue %u to call back for; configure it first", port, tx ? "tx" : "rx",
		       queue);
		rte_errno = EINVAL;
		return NULL;
	}
	return &sh_entry(sh_ports(), port, tx, queue)->cb;
}

static const struct rte_eth_rxtx_callback *add(void **list, struct rte_eth_rxtx_callback made, bool first)
{
	struct rte_eth_rxtx_callback *cb;

	if (list == NULL)
		return NULL;
	cb = malloc(sizeof(*cb));
	if (cb == NULL) {
		rte_errno = ENOMEM;
		return NULL;
	}
	*cb = made;
	sh_lock_calm(&sh_ports()->cb_lock);
	while (!first && *list != NULL)
		list = (void **)&((struct rte_eth_rxtx_callback *)*list)->next;
	cb->next = *list;
	cb->all = sh_ports()->pkt_cbs;
	sh_ports()->pkt_cbs = cb;
	sh_store_rel(SH_APTR(list), cb); /* R:PORTCB */
	sh_unlock_calm(&sh_ports()->cb_lock);
	return cb;
}

static bool no_fn(bool none)
{
	if (none) {
		sh_err("no function to call back is given");
		rte_errno = EINVAL;
	}
	return none;
}

SH_EXPORT const struct rte_eth_rxtx_callback *rte_eth_add_rx_callback(uint16_t port_id, uint16_t queue_id,
								      rte_rx_callback_fn fn, void *user_param)
{
	struct rte_eth_rxtx_callback cb = {.fn.rx = fn, .arg = user_param};

	return no_fn(fn == NULL) ? NULL : add(list_of(port_id, false, queue_id), cb, false);
}

SH_EXPORT const struct rte_eth_rxtx_callback *rte_eth_add_first_rx_callback(uint16_t port_id, uint16_t queue_id,
									    rte_rx_callback_fn fn, void *user_param)
{
	struct rte_eth_rxtx_callback cb = {.fn.rx = fn, .arg = user_param};

	return no_fn(fn == NULL) ? NULL : add(list_of(port_id, false, queue_id), cb, true);
}

SH_EXPORT const struct rte_eth_rxtx_callback *rte_eth_add_tx_callback(uint16_t port_id, uint16_t queue_id,
								      rte_tx_callback_fn fn, void *user_param)
{
	struct rte_eth_rxtx_callback cb = {.fn.tx = fn, .arg = user_param};

	return no_fn(fn == NULL) ? NULL : add(list_of(port_id, true, queue_id), cb, false);
}

static int del(uint16_t port, bool tx, uint16_t queue, const struct rte_eth_rxtx_callback *cb)
{
	struct rte_eth_rxtx_callback **all;
	void **list;
	int r = -EINVAL;

	if (sh_port(port) == NULL)
		return -ENODEV;
	if (cb == NULL || queue >= SH_QUEUES)
		return -EINVAL;
	list = &sh_entry(sh_ports(), port, tx, queue)->cb;
	sh_lock_calm(&sh_ports()->cb_lock);
	while (*list != NULL && *list != cb)
		list = (void **)&((struct rte_eth_rxtx_callback *)*list)->next;
	if (*list == cb) {
		sh_store_rel(SH_APTR(list), cb->next); /* R:PORTCB; cb itself still leads on */
		for (all = &sh_ports()->pkt_cbs; *all != cb; all = &(*all)->all)
			;
		*all = cb->all;
		r = 0;
	}
	sh_unlock_calm(&sh_ports()->cb_lock);
	return r;
}

SH_EXPORT int rte_eth_remove_rx_callback(uint16_t port_id, uint16_t queue_id,
					 const struct rte_eth_rxtx_callback *user_cb)
{
	return del(port_id, false, queue_id, user_cb);
}

SH_EXPORT int rte_eth_remove_tx_callback(uint16_t port_id, uint16_t queue_id,
					 const struct rte_eth_rxtx_callback *user_cb)
{
	return del(port_id, true, queue_id, user_cb);
}

/* ---- tx buffers ---- */

SH_EXPORT void rte_eth_tx_buffer_drop_callback(struct rte_mbuf **pkts, uint16_t unsent, void *userdata)
{
	(void)userdata;
	rte_pktmbuf_free_bulk(pkts, unsent);
}

SH_EXPORT void rte_eth_tx_buffer_count_callback(struct rte_mbuf **pkts, uint16_t unsent, void *userdata)
{
	rte_pktmbuf_free_bulk(pkts, unsent);
	if (userdata != NULL)
		*(uint64_t *)userdata += unsent;
}

SH_EXPORT int rte_eth_tx_buffer_set_err_callback(struct rte_eth_dev_tx_buffer *buffer, buffer_tx_error_fn callback,
						 void *userdata)
{
	if (buffer == NULL) {
		sh_err("rte_eth_tx_buffer_set_err_callback: the buffer is NULL");
		return -EINVAL;
	}
	buffer->error_callback = callback != NULL ? callback : rte_eth_tx_buffer_drop_callback;
	buffer->error_userdata = userdata;
	return 0;
}

SH_EXPORT int rte_eth_tx_buffer_init(struct rte_eth_dev_tx_buffer *buffer, uint16_t size)
{
	if (buffer == NULL) {
		sh_err("rte_eth_tx_buffer_init: the buffer is NULL");
		return -EINVAL;
	}
	buffer->size = size;
	buffer->length = 0; /* DPDK leaves what calloc() gave */
	if (buffer->error_callback == NULL)
		return rte_eth_tx_buffer_set_err_callback(buffer, rte_eth_tx_buffer_drop_callback, NULL);
	return 0;
}
