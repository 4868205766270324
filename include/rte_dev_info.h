/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_dev_info.h - what devices with registers, an EEPROM or a plugged module tell. No driver here has any. */
#ifndef RTE_DEV_INFO_H
#define RTE_DEV_INFO_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rte_dev_reg_info {
	void *data;
	uint32_t offset, length, width, version;
};

struct rte_dev_eeprom_info {
	void *data;
	uint32_t offset, length, magic;
};

struct rte_eth_dev_module_info {
	uint32_t type, eeprom_len;
};

#define RTE_ETH_MODULE_SFF_8079 0x1
#define RTE_ETH_MODULE_SFF_8079_LEN 256
#define RTE_ETH_MODULE_SFF_8472 0x2
#define RTE_ETH_MODULE_SFF_8472_LEN 512
#define RTE_ETH_MODULE_SFF_8636 0x3
#define RTE_ETH_MODULE_SFF_8636_LEN 256
#define RTE_ETH_MODULE_SFF_8636_MAX_LEN 640
#define RTE_ETH_MODULE_SFF_8436 0x4
#define RTE_ETH_MODULE_SFF_8436_LEN 256
#define RTE_ETH_MODULE_SFF_8436_MAX_LEN 640

#ifdef __cplusplus
}
#endif

#endif
