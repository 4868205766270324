/* SPDX-License-Identifier: BSD-3-Clause */
/* log.c - rte_log: what is printed, where, how it looks; types, levels, options. */
#include <rte_errno.h>
#include <rte_log.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "check.h"

#define RTE_LOGTYPE_APP RTE_LOGTYPE_USER1
#define RTE_LOG_DEFAULT_LOGTYPE test.mine

RTE_LOG_REGISTER(own_type, test.own, NOTICE)
RTE_LOG_REGISTER_DEFAULT(default_type, DEBUG)
RTE_LOG_REGISTER_SUFFIX(suffix_type, sub, ERR)

/* what fn logs, as text that lives until the next call */
static const char *logged(void (*fn)(void))
{
	static char *text;
	size_t len;
	FILE *f;

	free(text);
	f = open_memstream(&text, &len);
	CHECK_EQ(rte_openlog_stream(f), 0);
	CHECK(rte_log_get_stream() == f);
	fn();
	CHECK_EQ(rte_openlog_stream(NULL), 0);
	CHECK(rte_log_get_stream() == stderr);
	fclose(f);
	return text;
}

static void log_some(void)
{
	RTE_LOG(INFO, APP, "plain %d\n", 1);
	RTE_LOG(DEBUG, APP, "too fine\n");
	RTE_LOG_LINE(ERR, APP, "a line");
	RTE_LOG_LINE(ERR, APP, "a line with %s", "arguments");
	RTE_LOG_LINE_PREFIX(ERR, APP, "%s(): ", __func__ RTE_LOG_COMMA, "%d left", 3);
	RTE_LOG_DP(INFO, APP, "hot\n");
	RTE_LOG_DP(DEBUG, APP, "%d\n", (abort(), 1)); /* not even evaluated */
	RTE_LOG_DP_LINE(INFO, APP, "hot line");
}

TEST(macros_name_level_and_type)
{
	CHECK_STR(logged(log_some), "APP: plain 1\nAPP: a line\nAPP: a line with arguments\nAPP: log_some(): 3 left\n"
				    "APP: hot\nAPP: hot line\n");
	CHECK_EQ(rte_log_cur_msg_loglevel(), RTE_LOG_INFO);
	CHECK_EQ(rte_log_cur_msg_logtype(), RTE_LOGTYPE_USER1);
}

static void log_returns(void)
{
	CHECK_EQ(rte_log(RTE_LOG_ERR, 24, "%s", "four"), 4);
	CHECK_EQ(rte_log(RTE_LOG_DEBUG, 24, "four"), 0);
	CHECK_EQ(rte_log(RTE_LOG_ERR, 5000, "four"), -1);
}

TEST(a_message_says_how_long_it_was)
{
	CHECK_STR(logged(log_returns), "four");
}

static char big[100000];

static void log_big(void)
{
	memset(big, 'x', sizeof(big) - 2);
	big[sizeof(big) - 2] = '\n';
	CHECK_EQ(rte_log(RTE_LOG_ERR, 24, "%s", big), (int)sizeof(big) - 1);
}

TEST(a_long_message_is_whole)
{
	CHECK_STR(logged(log_big), big);
}

TEST(types_are_registered_before_main)
{
	CHECK(own_type >= RTE_LOGTYPE_FIRST_EXT_ID);
	CHECK_EQ(rte_log_get_level((uint32_t)own_type), RTE_LOG_NOTICE);
	CHECK_EQ(rte_log_get_level((uint32_t)default_type), RTE_LOG_DEBUG);
	CHECK_EQ(rte_log_get_level((uint32_t)suffix_type), RTE_LOG_ERR);
	CHECK_EQ(rte_log_register("test.mine.sub"), suffix_type);
	CHECK_EQ(rte_log_register("test.mine"), default_type);
	CHECK_EQ(rte_log_register("lib.eal"), RTE_LOGTYPE_EAL);
}

TEST(levels_are_set_by_number_pattern_and_expression)
{
	uint32_t a = (uint32_t)own_type, b = (uint32_t)suffix_type;

	CHECK_EQ(rte_log_set_level(a, 9), -1);
	CHECK_EQ(rte_log_set_level(5000, 3), -1);
	CHECK_EQ(rte_log_set_level(a, RTE_LOG_CRIT), 0);
	CHECK_EQ(rte_log_get_level(a), RTE_LOG_CRIT);
	CHECK_EQ(rte_log_set_level_pattern("test.*", RTE_LOG_ALERT), 0);
	CHECK_EQ(rte_log_get_level(a), RTE_LOG_ALERT);
	CHECK_EQ(rte_log_get_level(b), RTE_LOG_ALERT);
	CHECK_EQ(rte_log_set_level_regexp("\\.mine\\.", RTE_LOG_DEBUG), 0);
	CHECK_EQ(rte_log_get_level(a), RTE_LOG_ALERT);
	CHECK_EQ(rte_log_get_level(b), RTE_LOG_DEBUG);
	CHECK_EQ(rte_log_set_level_regexp("[", RTE_LOG_DEBUG), -1);
	CHECK_EQ(rte_log_set_level_pattern("*", 9), -1);
	CHECK(rte_log_can_log(b, RTE_LOG_DEBUG));
	rte_log_set_global_level(RTE_LOG_ERR);
	CHECK_EQ(rte_log_get_global_level(), RTE_LOG_ERR);
	CHECK(!rte_log_can_log(b, RTE_LOG_WARNING));
	CHECK(rte_log_can_log(b, RTE_LOG_ERR));
	CHECK(!rte_log_can_log(5000, RTE_LOG_EMERG));
}

TEST(the_level_option_also_holds_for_types_that_come_later)
{
	CHECK_EQ(sh_log_opt_level("later.*:debug"), 0);
	CHECK_EQ(sh_log_opt_level("xyz$,3"), 0);
	CHECK_EQ(rte_log_get_level((uint32_t)rte_log_register("later.one")), RTE_LOG_DEBUG);
	CHECK_EQ(rte_log_get_level((uint32_t)rte_log_register_type_and_pick_level("later.two", RTE_LOG_ERR)),
		 RTE_LOG_DEBUG);
	CHECK_EQ(rte_log_get_level((uint32_t)rte_log_register("a.xyz")), RTE_LOG_CRIT);
	CHECK_EQ(rte_log_get_level((uint32_t)rte_log_register("a.xyz.b")), RTE_LOG_INFO);
	CHECK_EQ(sh_log_opt_level("user1:war"), 0);
	CHECK_EQ(rte_log_get_level(RTE_LOGTYPE_USER1), RTE_LOG_WARNING);
	CHECK_EQ(sh_log_opt_level("notice"), 0);
	CHECK_EQ(rte_log_get_global_level(), RTE_LOG_NOTICE);
	CHECK_EQ(sh_log_opt_level("9"), -EINVAL);
	CHECK_EQ(sh_log_opt_level(""), -EINVAL);
	CHECK_EQ(sh_log_opt_level("e"), -EINVAL); /* emergency or error */
	CHECK_EQ(sh_log_opt_level("user1:loud"), -EINVAL);
	CHECK_EQ(sh_log_opt_level(":debug"), -EINVAL);
	CHECK_EQ(sh_log_opt_level("[,debug"), -EINVAL);
}

static void log_err_and_info(void)
{
	RTE_LOG(ERR, APP, "bad\n");
	RTE_LOG(INFO, APP, "good\n");
}

TEST(colour_wraps_the_text_and_not_the_newline)
{
	CHECK_EQ(sh_log_opt_color("auto"), 0);
	CHECK_STR(logged(log_err_and_info), "APP: bad\nAPP: good\n"); /* no terminal */
	CHECK_EQ(sh_log_opt_color(NULL), 0);
	CHECK_STR(logged(log_err_and_info), "\033[31mAPP: bad\033[0m\nAPP: good\n");
	CHECK_EQ(sh_log_opt_color("sometimes"), -EINVAL);
	CHECK_EQ(sh_log_opt_color("never"), 0);
	CHECK_STR(logged(log_err_and_info), "APP: bad\nAPP: good\n");
}

TEST(time_stamps_have_the_form_that_was_asked_for)
{
	unsigned long s, us, ds, dus;
	int y, mo, d, h, mi, se, n = 0;
	const char *t;

	CHECK_EQ(sh_log_opt_timestamp("soon"), -EINVAL);
	CHECK_EQ(sh_log_opt_timestamp(NULL), 0);
	t = logged(log_err_and_info);
	CHECK_EQ(sscanf(t, "[%5lu.%06lu] APP: bad%n", &s, &us, &n), 2);
	CHECK(n > 0);
	CHECK_EQ(sh_log_opt_timestamp("delta"), 0);
	CHECK_EQ(sscanf(logged(log_err_and_info), "[%lu.%lu <%lu.%lu>] APP: bad", &s, &us, &ds, &dus), 4);
	CHECK_EQ(sh_log_opt_timestamp("reltime"), 0);
	CHECK_HAS(logged(log_err_and_info), "] APP: good\n");
	CHECK_EQ(sh_log_opt_timestamp("ctime"), 0);
	CHECK_HAS(logged(log_err_and_info), "] APP: bad\n[");
	CHECK_EQ(sh_log_opt_timestamp("iso"), 0);
	CHECK_EQ(sscanf(logged(log_err_and_info), "[%d-%d-%dT%d:%d:%d,%lu", &y, &mo, &d, &h, &mi, &se, &us), 7);
	CHECK(y >= 2024);
	CHECK_EQ(sh_log_opt_color("always"), 0);
	CHECK_HAS(logged(log_err_and_info), "] \033[31mAPP: bad\033[0m\n");
	CHECK_EQ(sh_log_opt_timestamp("notime"), 0);
}

static void log_lib(void)
{
	errno = 4711;
	rte_errno = 12;
	sh_err("what was wrong: %s; what to do", "this");
	sh_dbg("not shown");
	CHECK_EQ(errno, 4711);
	CHECK_EQ(rte_errno, 12);
}

TEST(the_librarys_lines_keep_errno)
{
	CHECK_STR(logged(log_lib), "EAL: what was wrong: this; what to do\n");
}

static void log_often(void)
{
	for (int i = 0; i < 1000; i++)
		sh_log_rate(SH_ERR, "peer %d lies", 3);
}

TEST(what_a_peer_can_provoke_is_limited)
{
	const char *t = logged(log_often);
	int lines = 0;

	CHECK(strncmp(t, "EAL: peer 3 lies\n", 17) == 0); /* nothing swallowed before it, nothing said of that */
	for (; *t != '\0'; t++)
		lines += *t == '\n';
	CHECK(lines >= 1);
	CHECK(lines <= 3); /* one a second; the machine may be slow */
}

TEST(a_limit_on_file_size_costs_the_message_and_no_signal)
{
	struct rlimit none = {0, RLIM_INFINITY}, old;
	FILE *f = tmpfile();

	CHECK(f != NULL);
	CHECK_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
	none.rlim_max = old.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
	rte_openlog_stream(f);
	rte_log(RTE_LOG_ERR, RTE_LOGTYPE_USER1, "no room for this\n");
	rte_openlog_stream(NULL);
	CHECK_EQ(fclose(f), 0);
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
}

TEST(a_closed_pipe_costs_the_message_and_no_signal)
{
	int p[2];
	FILE *f;

	CHECK_EQ(pipe(p), 0);
	close(p[0]);
	f = fdopen(p[1], "w");
	CHECK(f != NULL);
	rte_openlog_stream(f);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(rte_log(RTE_LOG_ERR, 24, "lost\n"), 5);
	rte_openlog_stream(NULL);
	fclose(f);
}

static void *shout(void *arg)
{
	for (int i = 0; i < 2000; i++)
		rte_log(RTE_LOG_ERR, 24, "%s\n", (const char *)arg);
	return NULL;
}

static void *name_types(void *arg)
{
	char name[32];

	(void)arg;
	for (int i = 0; i < 500; i++) {
		(void)snprintf(name, sizeof(name), "many.%d", i);
		CHECK(rte_log_register(name) > 0);
	}
	return NULL;
}

TEST(lines_of_many_threads_do_not_mix_while_types_are_registered)
{
	static const char *const word[] = {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"};
	char path[300], line[100];
	pthread_t t[4];
	int lines = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/log", t_tmpdir());
	f = fopen(path, "w+");
	CHECK(f != NULL);
	rte_openlog_stream(f);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, shout, (void *)(uintptr_t)word[i]), 0);
	for (int i = 2; i < 4; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, name_types, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	rte_openlog_stream(NULL);
	rewind(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		CHECK(strcmp(line, word[0]) == 0 || strcmp(line, word[1]) == 0);
		lines++;
	}
	CHECK_EQ(lines, 4000);
	fclose(f);
}

static void *name_until(void *stop)
{
	char name[32];

	/* never by itself: each child is forked in the middle of it */
	for (int i = 0; !atomic_load((_Atomic bool *)stop); i++) {
		(void)snprintf(name, sizeof(name), "until.%d", i % 3000);
		(void)rte_log_register(name);
	}
	return NULL;
}

static void register_in_child(void *arg)
{
	(void)arg;
	CHECK(rte_log_register("of_the_child") > 0);
	_exit(0);
}

TEST(a_forked_child_does_not_wait_for_a_thread_it_does_not_have)
{
	_Atomic bool stop = false;
	pthread_t t;

	if (T_SANITIZED) /* both allocate, and no moment is to be waited for when that thread does not: see t_fork_idle() */
		SKIP("a sanitizer's allocator keeps its locks over fork()");
	CHECK_EQ(pthread_create(&t, NULL, name_until, &stop), 0);
	for (int i = 0; i < 200; i++)
		CHECK_EQ(t_fork(register_in_child, NULL, NULL, 0), 0);
	atomic_store(&stop, true);
	pthread_join(t, NULL);
}

TEST(types_run_out_with_enomem)
{
	char name[32];
	int id = 0;

	for (int i = 0; i < 5000 && id >= 0; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		id = rte_log_register(name);
	}
	CHECK_EQ(id, -ENOMEM);
	CHECK_EQ(rte_log_register("n0"), rte_log_register("n0"));
}

TEST(dump_and_list)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	rte_log_set_level(RTE_LOGTYPE_USER2, RTE_LOG_DEBUG);
	rte_log_dump(f);
	rte_log_list_types(f, "> ");
	fclose(f);
	CHECK_HAS(text, "global log level is debug\nid 0: lib.eal, level is info\n");
	CHECK_HAS(text, "id 25: user2, level is debug\n");
	CHECK_HAS(text, "> lib.eal\n> lib.efd\n");
	free(text);
}
