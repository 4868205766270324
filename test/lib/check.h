/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check.h - how a test is written here
 *
 *   TEST(a_secondary_without_primary_is_told_so) { ... CHECK(x); CHECK_EQ(a, b); CHECK_STR(s, "..."); }
 *   ROLE(echo_server) { ... return 0; }
 *
 * Each TEST runs in a process of its own with a fresh runtime directory ($RUNTIME_DIRECTORY) and a hard time limit, after
 * which its whole process group is killed and it fails. A ROLE is a fresh exec of the same program, started with t_spawn();
 * test and role talk in lines (t_say/t_expect), so that nothing ever sleeps to wait. A failed CHECK prints both sides and
 * ends the process with status 1; a role's output is shown when its case fails.
 *
 * The runner is a child subreaper: what outlives a case is killed, whatever session or group it moved to, and a process
 * whose parent has died is reaped at once, as init would.
 *
 * The program's main is in check.c:  prog [-l] [-v] [-n TIMES] [PATTERN...]   last line: "N passed, N failed, N skipped".
 */
#ifndef SH_TEST_CHECK_H
#define SH_TEST_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* 1 in a build with address or thread sanitizer: what they replace cannot be tested there */
#define T_SANITIZED 0
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#undef T_SANITIZED
#define T_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#undef T_SANITIZED
#define T_SANITIZED 1
#endif
#endif

struct t_case {
	const char *name;
	void (*fn)(void);
	unsigned timeout_s; /* 0: the default, 20 s (x10 under valgrind or sanitizers by $SHOAL_TEST_SLOW) */
};
struct t_role {
	const char *name;
	int (*fn)(int argc, char **argv);
};
void t_add_case(const struct t_case *c);
void t_add_role(const struct t_role *r);

#define TEST_T(nm, secs)                                                                                               \
	static void test_##nm(void);                                                                                   \
	static const struct t_case case_##nm = {#nm, test_##nm, secs};                                                 \
	__attribute__((constructor)) static void add_##nm(void)                                                        \
	{                                                                                                              \
		t_add_case(&case_##nm);                                                                                \
	}                                                                                                              \
	static void test_##nm(void)
#define TEST(nm) TEST_T(nm, 0)
#define ROLE(nm)                                                                                                       \
	static int role_##nm(int argc, char **argv);                                                                   \
	static const struct t_role rolerec_##nm = {#nm, role_##nm};                                                    \
	__attribute__((constructor)) static void addrole_##nm(void)                                                    \
	{                                                                                                              \
		t_add_role(&rolerec_##nm);                                                                             \
	}                                                                                                              \
	static int role_##nm(int argc __attribute__((unused)), char **argv __attribute__((unused)))

#define CHECK(c)                                                                                                       \
	do {                                                                                                           \
		if (!(c))                                                                                              \
			t_fail(__FILE__, __LINE__, "%s", #c);                                                          \
	} while (0)
#define CHECK_EQ(a, b)                                                                                                 \
	do {                                                                                                           \
		long long a_ = (long long)(a), b_ = (long long)(b);                                                    \
		if (a_ != b_)                                                                                          \
			t_fail(__FILE__, __LINE__, "%s is %lld, %s is %lld", #a, a_, #b, b_);                          \
	} while (0)
#define CHECK_STR(a, b) t_check_str(__FILE__, __LINE__, #a, (a), (b))
#define CHECK_HAS(hay, needle) t_check_has(__FILE__, __LINE__, #hay, (hay), (needle))
#define SKIP(...) t_skip(__VA_ARGS__)

__attribute__((noreturn, format(printf, 3, 4))) void t_fail(const char *file, int line, const char *fmt, ...);
__attribute__((noreturn, format(printf, 1, 2))) void t_skip(const char *fmt, ...);
void t_check_str(const char *file, int line, const char *what, const char *a, const char *b);
void t_check_has(const char *file, int line, const char *what, const char *hay, const char *needle);

/* a running role (or any program) */
struct t_proc {
	pid_t pid;
	int in, out;	   /* its stdin (we write) and stdout (we read) */
	char errfile[256]; /* its stderr goes there */
	char buf[65536];
	size_t have, used;   /* bytes in buf; those the last t_expect() handed out */
	char what[32];	     /* for messages */
	int status;	     /* from waitpid(), valid once pid is 0 */
	struct t_proc *next; /* all of this case stay reachable: they are never freed */
};
/* fork+exec this test program as ROLE name; args end with NULL */
struct t_proc *t_spawn(const char *role, ...) __attribute__((sentinel));
/* any program, found by path */
struct t_proc *t_exec(const char *const argv[]);
/* read lines until one starts with prefix; fails the case if the process ends or time is up. Returns that line. */
const char *t_expect(struct t_proc *p, const char *prefix);
void t_say(struct t_proc *p, const char *line); /* a line to its stdin */
/* a signal; after SIGSTOP it has stopped when this returns */
void t_kill(struct t_proc *p, int sig);
/* exit status, or 128 + signal */
int t_wait(struct t_proc *p);
/* the process' stderr so far, NUL-terminated, valid until the next call */
const char *t_stderr(struct t_proc *p);
/* in a role: print a line to the test; wait for a line from it (returns false at EOF) */
void t_tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool t_hear(char *line, size_t cap);
/*
 * fork() for a child that allocates. A sanitizer's allocator does not look after its locks at fork(): what another thread holds
 * then the child would wait for in vain. So in such a build it is done when all other threads sleep, or after a second.
 */
pid_t t_fork_idle(void);
/* run fn in a forked child, return its exit status or 128+signal, with what it wrote to stderr in err (may be NULL) */
int t_fork(void (*fn)(void *), void *arg, char *err, size_t cap);

const char *t_tmpdir(void);	/* the case's private directory, removed afterwards */
unsigned t_open_fds(pid_t pid); /* number of entries in /proc/pid/fd */
/* Look at a byte of each page of p's mappings whose line in /proc/pid/maps has this in it, as far as they go: as a debugger does, or
 * like any other process. How many pages, or -1: not allowed. */
long t_read_pages(const struct t_proc *p, const char *mapped, bool debugger);
bool t_sleeps(pid_t tid); /* this thread of this process sleeps */
/* wait until pred(arg) is true; polls with a growing pause; fails the case by its time limit */
void t_until(bool (*pred)(void *), void *arg);

#endif
