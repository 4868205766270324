/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_flow.h - rules that a device applies to packets. No driver here has any: programs that include this file compile. */
#ifndef RTE_FLOW_H
#define RTE_FLOW_H

#include <stdint.h>

#include <rte_ethdev.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rte_flow;
enum rte_flow_item_type { RTE_FLOW_ITEM_TYPE_END = 0, RTE_FLOW_ITEM_TYPE_VOID = 1 };
enum rte_flow_action_type { RTE_FLOW_ACTION_TYPE_END = 0, RTE_FLOW_ACTION_TYPE_VOID = 1 };

struct rte_flow_attr {
	uint32_t group, priority;
	uint32_t ingress : 1, egress : 1, transfer : 1, reserved : 29;
};
struct rte_flow_item {
	enum rte_flow_item_type type;
	const void *spec, *last, *mask;
};
struct rte_flow_action {
	enum rte_flow_action_type type;
	const void *conf;
};

enum rte_flow_error_type {
	RTE_FLOW_ERROR_TYPE_NONE = 0,
	RTE_FLOW_ERROR_TYPE_UNSPECIFIED = 1,
};

struct rte_flow_error {
	enum rte_flow_error_type type;
	const void *cause;
	const char *message;
};

/** -ENOTSUP, or -ENODEV: no such port. error may be NULL. */
int rte_flow_validate(uint16_t port_id, const struct rte_flow_attr *attr, const struct rte_flow_item pattern[],
		      const struct rte_flow_action actions[], struct rte_flow_error *error);
/** NULL, and rte_errno as rte_flow_validate(). */
struct rte_flow *rte_flow_create(uint16_t port_id, const struct rte_flow_attr *attr,
				 const struct rte_flow_item pattern[], const struct rte_flow_action actions[],
				 struct rte_flow_error *error);
int rte_flow_destroy(uint16_t port_id, struct rte_flow *flow, struct rte_flow_error *error);
int rte_flow_flush(uint16_t port_id, struct rte_flow_error *error);
int rte_flow_isolate(uint16_t port_id, int set, struct rte_flow_error *error);

#ifdef __cplusplus
}
#endif

#endif
