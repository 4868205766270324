/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * init.c - starts the rooms left to right, stops them right to left
 *
 * The only file that knows every room. A room that lands adds one line to rooms[] and nothing else here.
 *
 * States       OFF -> BUSY (one thread is inside init or cleanup) -> ON -> BUSY -> OFF. A failed init goes back to OFF after
 *              stopping what it had started, so it can be tried again with the same argv: that is written only on success.
 *              TORN: a child that was forked while another thread was BUSY; it may start anew, as any forked child.
 * Who writes   init.state by CAS; everything else in init by the thread that made it BUSY. Readers of opts (the small
 *              questions at the end of this file) are called by programs after init returned.
 * Manners      no signal handler, no atexit: exit() without rte_eal_cleanup() is a death like any other.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_version.h>

#include "base/atom.h"
#include "base/barrier.h"
#include "base/export.h"
#include "base/fd.h"
#include "base/later.h"
#include "base/log.h"
#include "base/thread.h"
#include "chan/chan.h"
#include "ctx.h"
#include "mem/mem.h"
#include "obj/obj.h"
#include "pkt/pkt.h"
#include "proc/lcore.h"
#include "proc/opts.h"
#include "proc/proc.h"

struct sh_ctx sh_ctx;

enum { OFF, BUSY, ON, TORN };

static struct {
	_Atomic int state;
	struct sh_opts opts;
	unsigned started; /* rooms[0..started) run */
	rte_usage_hook_t hook;
} init;

/* ---- the rooms, left to right ---- */

struct room {
	const char *name;
	int (*start)(const struct sh_opts *o); /* 0 or -errno, having logged one line */
	void (*stop)(void);
	void (*quiet)(
		void); /* before any room stops: no thread of this one calls the program any more. NULL: none does */
	void (*forget)(
		void); /* in a forked child: drop what the parent's start left, touch nothing shared. NULL: start does */
};

/* what a start tells by default, as programs' users know it */
static int proc_start(const struct sh_opts *o)
{
	int r = sh_proc_start(o);

	if (r < 0)
		return r;
	if (o->role == SH_ROLE_AUTO)
		sh_info("Auto-detected process type: %s", sh_is_primary() ? "PRIMARY" : "SECONDARY");
	return 0;
}

static int mem_start(const struct sh_opts *o)
{
	int r = sh_mem_start();

	(void)o;
	if (r == 0)
		sh_mem_pieces(true);
	return r;
}

static void mem_stop(void)
{
	sh_mem_pieces(false);
	sh_mem_stop();
}

static const struct room rooms[] = {
	{"proc", proc_start, sh_proc_stop, sh_member_quiet, NULL},
	{"callbacks", sh_later_start, sh_later_stop, sh_later_quiet, sh_later_forget},
	{"chan", sh_chan_start, sh_chan_stop, sh_chan_quiet, sh_chan_abandon},
	{"mem", mem_start, mem_stop, NULL, sh_mem_stop},
	{"obj", sh_obj_start, sh_obj_stop, NULL, sh_obj_stop},
	{"pkt", sh_pkt_start, sh_pkt_stop, NULL, sh_pkt_stop},
	{"lcores", sh_lcore_start, sh_lcore_stop, NULL, sh_lcore_forget},
};
#define ROOMS (sizeof(rooms) / sizeof(rooms[0]))

/*
 * What the program registered may use what any room has: so all its functions that threads of the library run have ended
 * before the first room stops. Those that run are waited for, what is due to be told is told. Left to right: actions, which
 * chan runs, may still cause anything. Callbacks of ports and of memory are ended by their rooms, with the rooms to
 * their left still there.
 */
static void stop_rooms(void)
{
	for (unsigned i = 0; i < init.started; i++)
		if (rooms[i].quiet != NULL)
			rooms[i].quiet();
	while (init.started > 0)
		rooms[--init.started].stop();
}

static int start_rooms(void)
{
	(void)sh_barrier_join(); /* for the rings; cheap now, before there are threads */
	while (init.started < ROOMS) {
		unsigned told = sh_log_errors();
		int r = rooms[init.started].start(&init.opts);

		if (r < 0) {
			if (sh_log_errors() == told) /* never without a line, whatever the room forgot */
				sh_err("%s could not start: %s; look for limits of this process (ulimit -a) and for a "
				       "seccomp profile that refuses a system call",
				       rooms[init.started].name, strerror(-r));
			sh_dbg("%s did not start: %s", rooms[init.started].name, strerror(-r));
			return r;
		}
		init.started++;
	}
	return 0;
}

static bool on(void)
{
	return sh_load_acq(&init.state) == ON; /* A:INIT */
}

/* in a child of a member: what init made is the parent's */
static bool forked(void)
{
	return (on() && sh_self() == 0) || sh_load_acq(&init.state) == TORN; /* A:INIT */
}

/* the thread that was busy is not in this process */
static void in_child(void)
{
	int was = BUSY;

	(void)sh_cas(&init.state, &was, TORN);
}

static void watch_forks(void)
{
	static _Atomic bool once;

	if (!sh_xchg(&once, true))
		(void)pthread_atfork(NULL, NULL, in_child);
}

static void forget_parent(void)
{
	while (init.started > 0)
		if (rooms[--init.started].forget != NULL)
			rooms[init.started].forget();
	sh_ctx.opts = NULL;
	sh_opts_free(&init.opts);
}

/* the same, of a parent in the middle of it: the rooms that ran are forgotten, what was half done is left where it is */
static void forget_torn(void)
{
	memset(&init.opts, 0, sizeof(init.opts));
	forget_parent();
	sh_ctx.later = NULL;
	sh_ctx.chan = NULL;
	sh_ctx.mem = NULL;
	sh_ctx.obj = NULL;
	sh_ctx.pkt = NULL;
}

/* ---- before the rooms ---- */

static int fail(int err)
{
	rte_errno = err;
	return -1;
}

/* -h: the one case besides --log-level=help that writes to stdout and ends the process */
__attribute__((noreturn)) static void usage(const char *prog)
{
	char line[200];

	printf("usage: %s [options of the library] [-- options of the program]\n\n", prog);
	for (unsigned i = 0; sh_opts_usage(i, line, sizeof(line)) != NULL; i++)
		printf("%s\n", line);
	if (init.hook != NULL) {
		printf("\nOptions of the program:\n\n");
		init.hook(prog);
	}
	fflush(stdout);
	exit(0);
}

__attribute__((noreturn)) static void log_help(void)
{
	printf("--log-level=LEVEL, --log-level=PATTERN:LEVEL or --log-level=REGEX,LEVEL\n\nLevels: emergency, alert, "
	       "critical, "
	       "error, warning, notice, info, debug, or 1 to 8\n\nTypes:\n");
	rte_log_list_types(stdout, "  ");
	fflush(stdout);
	exit(0);
}

/* the parser has checked the values, but for the regular expressions */
static int log_setup(const struct sh_opts *o)
{
	const char *v;

	for (unsigned i = 0; (v = sh_opts_value(o, SH_OPT_LOG_LEVEL, i)) != NULL; i++) {
		if (sh_log_opt_level(v) < 0) {
			sh_err("option --log-level: '%s' is malformed; what is before the ',' must be a regular "
			       "expression "
			       "of less than 64 characters",
			       v);
			return -EINVAL;
		}
	}
	if (o->seen[SH_OPT_LOG_COLOR] != 0)
		(void)sh_log_opt_color(sh_opts_value(o, SH_OPT_LOG_COLOR, 0));
	if (o->seen[SH_OPT_LOG_TIMESTAMP] != 0)
		(void)sh_log_opt_timestamp(sh_opts_value(o, SH_OPT_LOG_TIMESTAMP, 0));
	if (o->want_syslog)
		sh_log_syslog(o->syslog_facility);
	return 0;
}

/* what the options ask for and this version has not got */
static void unsupported(const struct sh_opts *o)
{
	if (o->seen[SH_OPT_DRIVER_PATH] != 0)
		sh_warn("option -d: no library is loaded, drivers are built in; leave the option out");
}

static void tell(const struct sh_opts *o, const cpu_set_t *cpus)
{
	if (o->want_version)
		sh_log_line(SH_CRIT, "RTE Version: '%s'", rte_version());
	sh_info("Detected CPU lcores: %d", CPU_COUNT(cpus));
	sh_info("Detected NUMA nodes: 1");
	if (o->cpus_left_out != 0)
		sh_warn("%u available CPUs have no lcore, ids end at %d; give --lcores or -R to choose",
			o->cpus_left_out, SH_LCORES - 1);
}

/* ---- init ---- */

static int run(const struct sh_opts *o, const cpu_set_t *cpus)
{
	int r = log_setup(o);

	if (r < 0)
		return r;
	tell(o, cpus);
	unsupported(o);
	sh_lcore_quiet(o);
	sh_ctx.opts = &init.opts;
	r = start_rooms();
	if (r == 0)
		r = sh_proc_announce();
	if (r == 0)
		sh_pkt_settle();
	if (r < 0) {
		stop_rooms();
		sh_ctx.opts = NULL;
	}
	return r;
}

/* argv's index as sh_opts_parse() says, or -errno */
static int start(int argc, char **argv, const cpu_set_t *cpus)
{
	char err[SH_OPTS_ERR];
	int at = sh_opts_parse(&init.opts, argc, argv, cpus, err, sizeof(err));
	int r;

	if (at < 0) {
		sh_err("%s", err);
		return at;
	}
	if (init.opts.want_help)
		usage(argv[0]);
	if (init.opts.want_log_help)
		log_help();
	r = run(&init.opts, cpus);
	if (r == 0)
		return at;
	sh_opts_free(&init.opts);
	return r;
}

static int init_once(int argc, char **argv)
{
	int was = OFF, r;
	cpu_set_t cpus;
	char **copy;

	watch_forks();
	if (forked()) /* a child may become a member of its own */
		was = on() ? ON : TORN;
	if (!sh_cas(&init.state, &was, BUSY)) {
		sh_err("rte_eal_init: already called; call rte_eal_cleanup() before the next");
		return fail(EALREADY);
	}
	if (was == ON)
		forget_parent();
	else if (was == TORN)
		forget_torn();
	CPU_ZERO(&cpus);
	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		memset(&cpus, 0xff, sizeof(cpus)); /* more CPUs than a cpu_set_t holds: binding will tell */
	if (argc < 1 || argv == NULL) {
		sh_err("argc and argv: the program's name is missing; pass those of main()");
		r = -EINVAL;
		goto out;
	}
	copy = malloc((size_t)argc * sizeof(*copy));
	if (copy == NULL) {
		sh_err("no memory to read the options");
		r = -ENOMEM;
		goto out;
	}
	memcpy(copy, argv, (size_t)argc * sizeof(*copy));
	r = start(argc, copy, &cpus);
	if (r >= 0)
		memcpy(argv, copy, (size_t)argc * sizeof(*copy));
	free(copy);
out:
	sh_store_rel(&init.state, r >= 0 ? ON : OFF); /* R:INIT <-> A:INIT in rte_eal_cleanup() */
	return r >= 0 ? r : fail(-r);
}

/* a thread that was cancelled half way would leave the library neither here nor there */
SH_EXPORT int rte_eal_init(int argc, char **argv)
{
	int cancel, r;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	r = init_once(argc, argv);
	(void)pthread_setcancelstate(cancel, &cancel);
	return r;
}

static int cleanup_once(void)
{
	int was = ON;

	if (forked()) {
		sh_err("rte_eal_cleanup: this is a forked child, no member of the group; only its parent may leave");
		return fail(EPERM);
	}
	if (sh_in_action()) {
		sh_err("rte_eal_cleanup: called from inside an action, which it would have to wait for; call it from "
		       "another thread, or _exit()");
		return fail(EDEADLK);
	}
	if (sh_call_inside()) {
		sh_err("rte_eal_cleanup: this thread is in a call of the channel, which a signal handler has "
		       "interrupted and "
		       "which it would have to wait for; set a flag there and call it outside, or _exit()");
		return fail(EDEADLK);
	}
	if (sh_thread_is_own() || sh_mem_in_callback()) {
		sh_err("rte_eal_cleanup: called from inside a callback (of shoal_member_event_register() or of memory "
		       "events), whose end it would have to wait for; call it from another thread, or _exit()");
		return fail(EDEADLK);
	}
	if (!sh_cas(&init.state, &was, BUSY))
		return fail(EALREADY);
	sh_proc_retire();
	stop_rooms();
	sh_ctx.opts = NULL;
	sh_opts_free(&init.opts);
	sh_store_rel(&init.state, OFF); /* R:INIT */
	return 0;
}

SH_EXPORT int rte_eal_cleanup(void)
{
	int cancel, r;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	r = cleanup_once();
	(void)pthread_setcancelstate(cancel, &cancel);
	return r;
}

/* ---- small questions ---- */

SH_EXPORT enum rte_proc_type_t rte_eal_process_type(void)
{
	if (!on() || sh_region() == NULL)
		return RTE_PROC_INVALID;
	return sh_was_primary() ? RTE_PROC_PRIMARY : RTE_PROC_SECONDARY;
}

/* does path name the config file of my own group? Opening and closing that one would drop the primary's lock on it. */
static bool own_config(const char *path)
{
	const char *dir = sh_rundir();
	char mine[512];
	struct stat a, b;

	if (dir == NULL || snprintf(mine, sizeof(mine), "%s/config", dir) >= (int)sizeof(mine))
		return false;
	return strcmp(path, mine) == 0 ||
	       (stat(path, &a) == 0 && stat(mine, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

SH_EXPORT int rte_eal_primary_proc_alive(const char *config_file_path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd, r;

	if (config_file_path == NULL || (on() && own_config(config_file_path)))
		return on() && sh_primary_id() != 0;
	fd = sh_fd_up(open(config_file_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
	if (fd < 0)
		return 0;
	r = fcntl(fd, F_GETLK, &lock);
	close(fd);
	return r == 0 && lock.l_type != F_UNLCK;
}

SH_EXPORT rte_usage_hook_t rte_set_application_usage_hook(rte_usage_hook_t usage_func)
{
	rte_usage_hook_t old = init.hook;

	init.hook = usage_func;
	return old;
}

SH_EXPORT int rte_eal_has_hugepages(void)
{
	return !on() || !init.opts.no_huge;
}

SH_EXPORT int rte_eal_has_pci(void)
{
	return !on() || !init.opts.no_pci;
}

SH_EXPORT int rte_eal_create_uio_dev(void)
{
	return on() && init.opts.create_uio;
}

SH_EXPORT enum rte_iova_mode rte_eal_iova_mode(void)
{
	return on() ? RTE_IOVA_VA : RTE_IOVA_DC;
}

SH_EXPORT const char *rte_eal_mbuf_user_pool_ops(void)
{
	return on() ? sh_opts_value(&init.opts, SH_OPT_MBUF_OPS, 0) : NULL;
}

SH_EXPORT const char *rte_eal_get_runtime_dir(void)
{
	const char *dir = on() ? sh_rundir() : NULL;

	return dir != NULL ? dir : "";
}
