/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * facts.c - values, sizes and signatures that programs written for DPDK 22.11 count on
 *
 * Compiled, not run, by facts.sh: against our headers, and where it is installed against DPDK's own, so that what is
 * claimed here is true of both. A function is declared again: a different signature does not compile.
 */
#include <rte_atomic.h>
#include <rte_bitops.h>
#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_memcpy.h>
#include <rte_os.h>
#include <rte_pause.h>
#include <rte_per_lcore.h>
#include <rte_prefetch.h>
#include <rte_random.h>
#include <rte_string_fns.h>
#include <rte_thread.h>
#include <rte_version.h>

#include <stddef.h>

#define IS(a, b) _Static_assert((a) == (b), #a)

/* ---- rte_config.h ---- */
IS(RTE_CACHE_LINE_SIZE, 64);
IS(RTE_MAX_LCORE, 128);
IS(RTE_MAX_NUMA_NODES, 32);
IS(RTE_MAX_ETHPORTS, 32);
IS(RTE_MAX_QUEUES_PER_PORT, 1024);
IS(RTE_ETHDEV_QUEUE_STAT_CNTRS, 16);
IS(RTE_MAX_MEMZONE, 2560);
IS(RTE_MAX_HEAPS, 32);
IS(RTE_MAX_MEMSEG_LISTS, 128);
IS(RTE_MAX_MEMSEG_PER_LIST, 8192);
IS(RTE_MAX_MEM_MB_PER_LIST, 32768);
IS(RTE_MAX_MEMSEG_PER_TYPE, 32768);
IS(RTE_MAX_MEM_MB_PER_TYPE, 65536);
IS(RTE_MAX_MEM_MB, 524288);
IS(RTE_MAX_TAILQ, 32);
IS(RTE_MAX_LCORE_FREQS, 64);
IS(RTE_MEMPOOL_CACHE_MAX_SIZE, 512);
IS(RTE_PKTMBUF_HEADROOM, 128);
IS(RTE_LIBRTE_IP_FRAG_MAX_FRAG, 8);
IS(RTE_MAX_VFIO_CONTAINERS, 64);
IS(RTE_CRYPTO_MAX_DEVS, 64);
IS(RTE_EVENT_MAX_DEVS, 16);
IS(RTE_RAWDEV_MAX_DEVS, 64);
IS(RTE_EXEC_ENV, 1);
IS(RTE_ENV_LINUX, 1);
IS(RTE_VER_YEAR, 22);
IS(RTE_VER_MONTH, 11);
IS(RTE_VER_MINOR, 11);
IS(RTE_VER_RELEASE, 99);
IS(RTE_VERSION, 0x160b0b63);
IS(sizeof(RTE_VER_PREFIX), 5);
IS(sizeof(RTE_VER_SUFFIX), 1);

/* ---- rte_common.h, rte_bitops.h ---- */
IS(RTE_CACHE_LINE_MASK, 63);
IS(RTE_CACHE_LINE_SIZE_LOG2, 6);
IS(RTE_CACHE_LINE_MIN_SIZE, 64);
IS(RTE_CACHE_LINE_ROUNDUP(65), 128);
IS(RTE_ALIGN(65, 64), 128);
IS(RTE_ALIGN_FLOOR(127, 64), 64);
IS(RTE_ALIGN_CEIL(64, 64), 64);
IS(RTE_ALIGN_MUL_CEIL(11, 10), 20);
IS(RTE_ALIGN_MUL_FLOOR(19, 10), 10);
IS(RTE_IS_POWER_OF_2(8), 1);
IS(RTE_IS_POWER_OF_2(0), 0);
IS(RTE_LEN2MASK(8, uint32_t), 0xff);
IS(RTE_BAD_IOVA, UINT64_MAX);
IS(RTE_BAD_PHYS_ADDR, UINT64_MAX);
IS(sizeof(rte_iova_t), 8);
IS(sizeof(phys_addr_t), 8);
IS(sizeof(RTE_MARKER), 0);
IS(sizeof(RTE_MARKER64), 0);
IS(sizeof(unaligned_uint32_t), 4);
IS(RTE_PRIORITY_LOG, 101);
IS(RTE_PRIORITY_BUS, 110);
IS(RTE_PRIORITY_CLASS, 120);
IS(RTE_PRIORITY_LAST, 65535);
IS(RTE_BIT64(40), 1ull << 40);
IS(RTE_BIT32(31), 1u << 31);
struct fields {
	char a;
	int b;
};
IS(RTE_SIZEOF_FIELD(struct fields, b), 4);
struct lined {
	int a;
} __rte_cache_aligned;
IS(sizeof(struct lined), 64);
IS(__alignof__(struct lined), 64);
struct __rte_cache_aligned lined_in_front {
	int a;
};
IS(sizeof(struct lined_in_front), 64);
struct packed {
	char a;
	int b;
} __rte_packed;
IS(sizeof(struct packed), 5);
extern const int dim[3];
IS(RTE_DIM(dim), 3);
IS(sizeof(RTE_STR(RTE_MAX_LCORE)), 4);
uint64_t rte_str_to_size(const char *str);
void rte_exit(int exit_code, const char *format, ...);

/* ---- rte_errno.h, rte_debug.h ---- */
IS(RTE_MIN_ERRNO, 1000);
IS(E_RTE_SECONDARY, 1001);
IS(E_RTE_NO_CONFIG, 1002);
IS(RTE_MAX_ERRNO, 1003);
const char *rte_strerror(int errnum);
void rte_dump_stack(void);
void __rte_panic(const char *funcname, const char *format, ...);
extern __thread int per_lcore__rte_errno;
extern __thread unsigned int per_lcore__lcore_id;
extern __thread int per_lcore__thread_id;

/* ---- rte_log.h ---- */
IS(RTE_LOGTYPE_EAL, 0);
IS(RTE_LOGTYPE_MALLOC, 1);
IS(RTE_LOGTYPE_RING, 2);
IS(RTE_LOGTYPE_MEMPOOL, 3);
IS(RTE_LOGTYPE_TIMER, 4);
IS(RTE_LOGTYPE_PMD, 5);
IS(RTE_LOGTYPE_HASH, 6);
IS(RTE_LOGTYPE_LPM, 7);
IS(RTE_LOGTYPE_KNI, 8);
IS(RTE_LOGTYPE_ACL, 9);
IS(RTE_LOGTYPE_POWER, 10);
IS(RTE_LOGTYPE_METER, 11);
IS(RTE_LOGTYPE_SCHED, 12);
IS(RTE_LOGTYPE_PORT, 13);
IS(RTE_LOGTYPE_TABLE, 14);
IS(RTE_LOGTYPE_PIPELINE, 15);
IS(RTE_LOGTYPE_MBUF, 16);
IS(RTE_LOGTYPE_CRYPTODEV, 17);
IS(RTE_LOGTYPE_EFD, 18);
IS(RTE_LOGTYPE_EVENTDEV, 19);
IS(RTE_LOGTYPE_GSO, 20);
IS(RTE_LOGTYPE_USER1, 24);
IS(RTE_LOGTYPE_USER8, 31);
IS(RTE_LOGTYPE_FIRST_EXT_ID, 32);
IS(RTE_LOG_EMERG, 1);
IS(RTE_LOG_ALERT, 2);
IS(RTE_LOG_CRIT, 3);
IS(RTE_LOG_ERR, 4);
IS(RTE_LOG_WARNING, 5);
IS(RTE_LOG_NOTICE, 6);
IS(RTE_LOG_INFO, 7);
IS(RTE_LOG_DEBUG, 8);
IS(RTE_LOG_MAX, 8);
IS(RTE_LOG_DP_LEVEL, RTE_LOG_INFO);
int rte_openlog_stream(FILE *f);
FILE *rte_log_get_stream(void);
void rte_log_set_global_level(uint32_t level);
uint32_t rte_log_get_global_level(void);
int rte_log_get_level(uint32_t logtype);
bool rte_log_can_log(uint32_t logtype, uint32_t loglevel);
int rte_log_set_level_pattern(const char *pattern, uint32_t level);
int rte_log_set_level_regexp(const char *regex, uint32_t level);
int rte_log_set_level(uint32_t logtype, uint32_t level);
int rte_log_cur_msg_loglevel(void);
int rte_log_cur_msg_logtype(void);
int rte_log_register(const char *name);
int rte_log_register_type_and_pick_level(const char *name, uint32_t level_def);
void rte_log_list_types(FILE *out, const char *prefix);
void rte_log_dump(FILE *f);
int rte_log(uint32_t level, uint32_t logtype, const char *format, ...);
int rte_vlog(uint32_t level, uint32_t logtype, const char *format, va_list ap);

/* ---- rte_launch.h, rte_lcore.h ---- */
IS(WAIT, 0);
IS(RUNNING, 1);
IS(SKIP_MAIN, 0);
IS(CALL_MAIN, 1);
IS(ROLE_RTE, 0);
IS(ROLE_OFF, 1);
IS(ROLE_SERVICE, 2);
IS(ROLE_NON_EAL, 3);
IS(LCORE_ID_ANY, UINT32_MAX);
int rte_eal_remote_launch(lcore_function_t *f, void *arg, unsigned int worker_id);
int rte_eal_mp_remote_launch(lcore_function_t *f, void *arg, enum rte_rmt_call_main_t call_main);
enum rte_lcore_state_t rte_eal_get_lcore_state(unsigned int worker_id);
int rte_eal_wait_lcore(unsigned int worker_id);
void rte_eal_mp_wait_lcore(void);
enum rte_lcore_role_t rte_eal_lcore_role(unsigned int lcore_id);
int rte_lcore_has_role(unsigned int lcore_id, enum rte_lcore_role_t role);
unsigned int rte_get_main_lcore(void);
unsigned int rte_lcore_count(void);
int rte_lcore_index(int lcore_id);
unsigned int rte_socket_id(void);
unsigned int rte_socket_count(void);
int rte_socket_id_by_idx(unsigned int idx);
unsigned int rte_lcore_to_socket_id(unsigned int lcore_id);
int rte_lcore_to_cpu_id(int lcore_id);
rte_cpuset_t rte_lcore_cpuset(unsigned int lcore_id);
int rte_lcore_is_enabled(unsigned int lcore_id);
unsigned int rte_get_next_lcore(unsigned int i, int skip_main, int wrap);
void *rte_lcore_callback_register(const char *name, rte_lcore_init_cb init, rte_lcore_uninit_cb uninit, void *arg);
void rte_lcore_callback_unregister(void *handle);
int rte_lcore_iterate(rte_lcore_iterate_cb cb, void *arg);
void rte_lcore_dump(FILE *f);
int rte_thread_setname(pthread_t id, const char *name);
int rte_thread_getname(pthread_t id, char *name, size_t len);
int rte_thread_register(void);
void rte_thread_unregister(void);
int rte_ctrl_thread_create(pthread_t *thread, const char *name, const pthread_attr_t *attr,
			   void *(*start_routine)(void *), void *arg);

/* ---- rte_thread.h ---- */
IS(RTE_THREAD_PRIORITY_NORMAL, 0);
IS(RTE_THREAD_PRIORITY_REALTIME_CRITICAL, 1);
IS(sizeof(rte_thread_t), sizeof(void *));
IS(sizeof(rte_thread_attr_t), sizeof(long) + sizeof(cpu_set_t));
int rte_thread_create(rte_thread_t *thread_id, const rte_thread_attr_t *thread_attr, rte_thread_func thread_func,
		      void *arg);
int rte_thread_join(rte_thread_t thread_id, uint32_t *value_ptr);
int rte_thread_detach(rte_thread_t thread_id);
rte_thread_t rte_thread_self(void);
int rte_thread_equal(rte_thread_t t1, rte_thread_t t2);
int rte_thread_attr_init(rte_thread_attr_t *attr);
int rte_thread_attr_set_priority(rte_thread_attr_t *thread_attr, enum rte_thread_priority priority);
int rte_thread_attr_set_affinity(rte_thread_attr_t *thread_attr, rte_cpuset_t *cpuset);
int rte_thread_attr_get_affinity(rte_thread_attr_t *thread_attr, rte_cpuset_t *cpuset);
int rte_thread_set_affinity_by_id(rte_thread_t thread_id, const rte_cpuset_t *cpuset);
int rte_thread_get_affinity_by_id(rte_thread_t thread_id, rte_cpuset_t *cpuset);
int rte_thread_set_affinity(rte_cpuset_t *cpusetp);
void rte_thread_get_affinity(rte_cpuset_t *cpusetp);
int rte_thread_get_priority(rte_thread_t thread_id, enum rte_thread_priority *priority);
int rte_thread_set_priority(rte_thread_t thread_id, enum rte_thread_priority priority);
int rte_thread_key_create(rte_thread_key *key, void (*destructor)(void *));
int rte_thread_key_delete(rte_thread_key key);
int rte_thread_value_set(rte_thread_key key, const void *value);
void *rte_thread_value_get(rte_thread_key key);

/* ---- rte_eal.h ---- */
IS(RTE_MAGIC, 19820526);
IS(RTE_MAX_THREAD_NAME_LEN, 16);
IS(RTE_PROC_AUTO, -1);
IS(RTE_PROC_PRIMARY, 0);
IS(RTE_PROC_SECONDARY, 1);
IS(RTE_PROC_INVALID, 2);
IS(RTE_IOVA_DC, 0);
IS(RTE_IOVA_PA, 1);
IS(RTE_IOVA_VA, 2);
IS(RTE_MP_MAX_NAME_LEN, 64);
IS(RTE_MP_MAX_PARAM_LEN, 256);
IS(offsetof(struct rte_mp_msg, len_param), 64);
IS(offsetof(struct rte_mp_msg, param), 72);
IS(offsetof(struct rte_mp_msg, fds), 328);
IS(sizeof(struct rte_mp_reply), 16);
enum rte_proc_type_t rte_eal_process_type(void);
int rte_eal_init(int argc, char **argv);
int rte_eal_cleanup(void);
int rte_eal_primary_proc_alive(const char *config_file_path);
bool rte_mp_disable(void);
int rte_mp_action_register(const char *name, rte_mp_t action);
void rte_mp_action_unregister(const char *name);
int rte_mp_sendmsg(struct rte_mp_msg *msg);
int rte_mp_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply, const struct timespec *ts);
int rte_mp_request_async(struct rte_mp_msg *req, const struct timespec *ts, rte_mp_async_reply_t clb);
int rte_mp_reply(struct rte_mp_msg *msg, const char *peer);
rte_usage_hook_t rte_set_application_usage_hook(rte_usage_hook_t usage_func);
int rte_eal_has_hugepages(void);
int rte_eal_has_pci(void);
int rte_eal_create_uio_dev(void);
enum rte_iova_mode rte_eal_iova_mode(void);
const char *rte_eal_mbuf_user_pool_ops(void);
const char *rte_eal_get_runtime_dir(void);
int rte_sys_gettid(void);

/* ---- rte_string_fns.h, rte_version.h, rte_cycles.h, rte_random.h ---- */
int rte_strsplit(char *string, int stringlen, char **tokens, int maxtokens, char delim);
ssize_t rte_strscpy(char *dst, const char *src, size_t dsize);
const char *rte_version(void);
const char *rte_version_prefix(void);
const char *rte_version_suffix(void);
unsigned int rte_version_year(void);
unsigned int rte_version_month(void);
unsigned int rte_version_minor(void);
unsigned int rte_version_release(void);
IS(MS_PER_S, 1000);
IS(US_PER_S, 1000000);
IS(NS_PER_S, 1000000000);
IS(EAL_TIMER_TSC, 0);
uint64_t rte_get_tsc_hz(void);
extern void (*rte_delay_us)(unsigned int us);
void rte_delay_us_block(unsigned int us);
void rte_delay_us_sleep(unsigned int us);
void rte_delay_us_callback_register(void (*userfunc)(unsigned int));
void rte_srand(uint64_t seedval);
uint64_t rte_rand(void);
uint64_t rte_rand_max(uint64_t upper_bound);
double rte_drand(void);

/* ---- functions that the headers define: by pointers of their types ---- */
#define FN(name, ret, ...)                                                                                             \
	extern __typeof__(ret(*)(__VA_ARGS__)) p_##name;                                                               \
	__typeof__(ret(*)(__VA_ARGS__)) p_##name = name
FN(rte_lcore_id, unsigned int, void);
FN(rte_gettid, int, void);
FN(rte_is_aligned, int, const void *, unsigned int);
FN(rte_combine32ms1b, uint32_t, uint32_t);
FN(rte_combine64ms1b, uint64_t, uint64_t);
FN(rte_is_power_of_2, int, uint32_t);
FN(rte_align32pow2, uint32_t, uint32_t);
FN(rte_align32prevpow2, uint32_t, uint32_t);
FN(rte_align64pow2, uint64_t, uint64_t);
FN(rte_align64prevpow2, uint64_t, uint64_t);
FN(rte_bsf32, uint32_t, uint32_t);
FN(rte_bsf64, uint32_t, uint64_t);
FN(rte_bsf32_safe, int, uint32_t, uint32_t *);
FN(rte_bsf64_safe, int, uint64_t, uint32_t *);
FN(rte_fls_u32, uint32_t, uint32_t);
FN(rte_fls_u64, uint32_t, uint64_t);
FN(rte_log2_u32, uint32_t, uint32_t);
FN(rte_log2_u64, uint32_t, uint64_t);
FN(rte_bit_relaxed_get32, uint32_t, unsigned int, volatile uint32_t *);
FN(rte_bit_relaxed_set64, void, unsigned int, volatile uint64_t *);
FN(rte_bit_relaxed_test_and_set32, uint32_t, unsigned int, volatile uint32_t *);
FN(rte_bit_relaxed_test_and_clear64, uint64_t, unsigned int, volatile uint64_t *);
FN(rte_strlcpy, size_t, char *, const char *, size_t);
FN(rte_strlcat, size_t, char *, const char *, size_t);
FN(rte_rdtsc, uint64_t, void);
FN(rte_rdtsc_precise, uint64_t, void);
FN(rte_get_tsc_cycles, uint64_t, void);
FN(rte_get_timer_cycles, uint64_t, void);
FN(rte_get_timer_hz, uint64_t, void);
FN(rte_delay_ms, void, unsigned int);
FN(rte_pause, void, void);
FN(rte_prefetch0, void, const volatile void *);
FN(rte_prefetch_non_temporal, void, const volatile void *);
FN(rte_prefetch0_write, void, const void *);
FN(rte_cldemote, void, const volatile void *);
FN(rte_atomic16_cmpset, int, volatile uint16_t *, uint16_t, uint16_t);
FN(rte_atomic32_cmpset, int, volatile uint32_t *, uint32_t, uint32_t);
FN(rte_atomic64_cmpset, int, volatile uint64_t *, uint64_t, uint64_t);
FN(rte_atomic32_exchange, uint32_t, volatile uint32_t *, uint32_t);
FN(rte_atomic16_read, int16_t, const rte_atomic16_t *);
FN(rte_atomic32_read, int32_t, const rte_atomic32_t *);
FN(rte_atomic64_read, int64_t, rte_atomic64_t *);
FN(rte_atomic32_add_return, int32_t, rte_atomic32_t *, int32_t);
FN(rte_atomic32_dec_and_test, int, rte_atomic32_t *);
FN(rte_atomic64_test_and_set, int, rte_atomic64_t *);
FN(rte_atomic64_init, void, rte_atomic64_t *);
IS(sizeof(rte_atomic16_t), 2);
IS(sizeof(rte_atomic32_t), 4);
IS(sizeof(rte_atomic64_t), 8);
IS(sizeof(rte_be16_t), 2);
IS(sizeof(rte_le64_t), 8);
IS(RTE_BE16(0x1234), RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN ? 0x3412 : 0x1234);
IS(RTE_LITTLE_ENDIAN, 2);
IS(RTE_BIG_ENDIAN, 1);
IS(RTE_STATIC_BSWAP64(1), 1ull << 56);
