/* SPDX-License-Identifier: BSD-3-Clause */
/** @file rte_ip.h - IPv4 and IPv6; who comes to IPv6 by this name gets the addresses of its header as 22.11 has them (rte_ip6.h) */
#ifndef RTE_IP_H
#define RTE_IP_H

#include <rte_compat.h>

#define SHOAL_IPV6_BY_RTE_IP 1
#include <rte_ip4.h>
#include <rte_ip6.h>

#endif
