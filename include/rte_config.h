/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_config.h - limits and features fixed when the library was built
 *
 * `pkg-config --cflags libdpdk` includes this file before everything else, so programs use these names without naming
 * the file. Values are those that programs written for DPDK meet; raising one here does not raise it in the library.
 * RTE_VER_* is what `#if RTE_VERSION >= RTE_VERSION_NUM(...)` compares: 22.11, the older of the two interfaces that
 * sources may be written for (what 26.11 added is there as well, and can be used without asking).
 */
#ifndef RTE_CONFIG_H
#define RTE_CONFIG_H

/* which interface */
#define RTE_VER_PREFIX "DPDK"
#define RTE_VER_YEAR 22
#define RTE_VER_MONTH 11
#define RTE_VER_MINOR 11
#define RTE_VER_SUFFIX ""
#define RTE_VER_RELEASE 99

/* where it runs */
#define RTE_ENV_FREEBSD 0
#define RTE_ENV_LINUX 1
#define RTE_ENV_WINDOWS 2
#define RTE_EXEC_ENV RTE_ENV_LINUX
#define RTE_EXEC_ENV_IS_LINUX 1
#define RTE_EXEC_ENV_IS_FREEBSD 0
#define RTE_EXEC_ENV_IS_WINDOWS 0
#define RTE_EXEC_ENV_LINUX 1
#define RTE_EXEC_ENV_LINUXAPP 1

#if defined(__x86_64__)
#define RTE_ARCH x86_64
#define RTE_ARCH_X86 1
#define RTE_ARCH_X86_64 1
#define RTE_ARCH_64 1
#elif defined(__i386__)
#define RTE_ARCH i686
#define RTE_ARCH_X86 1
#define RTE_ARCH_I686 1
#elif defined(__aarch64__)
#define RTE_ARCH arm64
#define RTE_ARCH_ARM 1
#define RTE_ARCH_ARM64 1
#define RTE_ARCH_64 1
#elif defined(__riscv) && __riscv_xlen == 64
#define RTE_ARCH riscv
#define RTE_ARCH_RISCV 1
#define RTE_ARCH_64 1
#elif defined(__LP64__)
#define RTE_ARCH_64 1
#else
#define RTE_ARCH_32 1
#endif

#if defined(__clang__)
#define RTE_TOOLCHAIN "clang"
#define RTE_TOOLCHAIN_CLANG 1
#else
#define RTE_TOOLCHAIN "gcc"
#define RTE_TOOLCHAIN_GCC 1
#endif

/* bytes that one core takes from another at a time */
#define RTE_CACHE_LINE_SIZE 64

/* processors */
#define RTE_MAX_LCORE 128
#define RTE_MAX_LCORE_FREQS 64
#define RTE_MAX_LCORE_VAR 1048576
#define RTE_MAX_NUMA_NODES 32

/* memory */
#define RTE_MAX_HEAPS 32
#define RTE_MAX_MEM_MB 524288
#define RTE_MAX_MEMSEG_LISTS 128
#define RTE_MAX_MEMSEG_PER_LIST 8192
#define RTE_MAX_MEM_MB_PER_LIST 32768
#define RTE_MAX_MEMSEG_PER_TYPE 32768
#define RTE_MAX_MEM_MB_PER_TYPE 65536
#define RTE_MAX_MEMZONE 2560
#define RTE_MAX_TAILQ 32

/* pools and packet buffers */
#define RTE_MEMPOOL_CACHE_MAX_SIZE 512
#define RTE_MBUF_DEFAULT_MEMPOOL_OPS "ring_mp_mc"
#define RTE_MBUF_REFCNT_ATOMIC 1
#define RTE_PKTMBUF_HEADROOM 128
#define RTE_LIBRTE_IP_FRAG_MAX_FRAG 8

/* ports */
#define RTE_MAX_ETHPORTS 32
#define RTE_MAX_QUEUES_PER_PORT 1024
#define RTE_ETHDEV_QUEUE_STAT_CNTRS 16
#define RTE_ETHDEV_RXTX_CALLBACKS 1
#define RTE_MAX_MULTI_HOST_CTRLS 4
#define RTE_PMD_RING_MAX_RX_RINGS 16
#define RTE_PMD_RING_MAX_TX_RINGS 16

/* limits of DPDK libraries that this one does not have; arrays in programs are sized by them */
#define RTE_COMPRESS_MAX_DEVS 64
#define RTE_CRYPTO_MAX_DEVS 64
#define RTE_CRYPTODEV_NAME_LEN 64
#define RTE_CRYPTO_CALLBACKS 1
#define RTE_EVENT_MAX_DEVS 16
#define RTE_EVENT_MAX_PORTS_PER_DEV 255
#define RTE_EVENT_MAX_QUEUES_PER_DEV 255
#define RTE_EVENT_TIMER_ADAPTER_NUM_MAX 32
#define RTE_EVENT_ETH_INTR_RING_SIZE 1024
#define RTE_EVENT_CRYPTO_ADAPTER_MAX_INSTANCE 32
#define RTE_EVENT_ETH_TX_ADAPTER_MAX_INSTANCE 32
#define RTE_GRAPH_BURST_SIZE 256
#define RTE_MAX_REGEXDEV_DEVS 32
#define RTE_MAX_VFIO_CONTAINERS 64
#define RTE_MAX_VFIO_GROUPS 64
#define RTE_RAWDEV_MAX_DEVS 64

/* rte_vlog() levels above this one vanish from RTE_LOG_DP() when the program is compiled */
#ifndef RTE_LOG_DP_LEVEL
#define RTE_LOG_DP_LEVEL RTE_LOG_INFO
#endif
/* rte_dump_stack() prints a stack */
#define RTE_BACKTRACE 1

#endif
