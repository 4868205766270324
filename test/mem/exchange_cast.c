/* SPDX-License-Identifier: BSD-3-Clause */
/* exchange_cast.c - see exchange_cast.h */
#include "exchange_cast.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hugepages.h"

#define HUGE 48 /* more than any case here uses */

static char steps_path[300];

struct x up_env(const char *type, const char *opt, const char *env, const char *value)
{
	struct x x;
	bool huge = getenv("SHOAL_TEST_HUGE") != NULL;
	char all[256];

	if (huge && steps_path[0] == '\0')
		t_huge_pages(HUGE);
	/* what is given again with another value is an error, so these are here or there */
	snprintf(all, sizeof(all), "%s %s %s", huge ? "--huge=only" : "--huge=never",
		 opt != NULL && strstr(opt, "--mem-decay") != NULL ? "" : "--mem-decay=never", opt != NULL ? opt : "");
	snprintf(steps_path, sizeof(steps_path), "%s/steps", t_tmpdir());
	if (env != NULL)
		CHECK_EQ(setenv(env, value, 1), 0);
	x.p = t_spawn("x", type, steps_path, all, NULL);
	if (env != NULL)
		CHECK_EQ(unsetenv(env), 0);
	x.id = strtoull(t_expect(x.p, "up ") + 3, NULL, 10);
	return x;
}

struct x up(const char *type)
{
	return up_env(type, NULL, NULL, NULL);
}

const char *do_(struct x *x, const char *cmd, const char *want)
{
	t_say(x->p, cmd);
	return t_expect(x->p, want);
}

void bye(struct x *x)
{
	t_say(x->p, "bye");
	CHECK_EQ(t_wait(x->p), 0);
}

void killed(struct x *x)
{
	siginfo_t si;

	CHECK_EQ(waitid(P_PID, (id_t)x->p->pid, &si, WEXITED | WNOWAIT), 0); /* t_wait() would end it in good order */
	CHECK_EQ(t_wait(x->p), 128 + SIGKILL);
}

const char *kib(const char *fmt, unsigned steps)
{
	static char line[64];

	snprintf(line, sizeof(line), fmt, steps * STEP_KIB);
	return line;
}

struct wish {
	struct x *x;
	const char *cmd;
};

static bool took(void *arg)
{
	const struct wish *w = arg;

	return strncmp(do_(w->x, w->cmd, ""), "took", 4) == 0;
}

/* with pauses: programs beside this one may have the last huge page for a while */
void takes(struct x *x, const char *cmd)
{
	struct wish w = {x, cmd};

	t_until(took, &w);
}

void agree(struct x *x, unsigned n, unsigned steps)
{
	for (unsigned i = 0; i < n; i++)
		IS(x[i], "check", kib("check ok %u", steps));
}

bool all_know(void *arg)
{
	const struct all *a = arg;
	char first[128] = "";

	for (unsigned i = 0; i < a->n; i++) {
		const char *is = do_(&a->x[i], "check", "check");

		if (i == 0)
			snprintf(first, sizeof(first), "%s", a->want != NULL ? a->want : is);
		if (strncmp(is, "check ok", 8) != 0 || strcmp(is, first) != 0)
			return false;
	}
	return true;
}

void settled(struct x *x, unsigned n, unsigned steps)
{
	struct all a = {x, n, kib("check ok %u", steps)};

	t_until(all_know, &a);
}

void leave(struct x *m, unsigned n)
{
	for (unsigned i = n; i-- > 0;)
		bye(&m[i]);
}

struct token {
	unsigned step;
	char text[16];
};

/* "mem: grow #7 step 3: member 0 ..." -> g3P: whose step it is, - when it went wrong. P is the first member, then A, B, C */
static bool parse(const char *line, struct token *t)
{
	static const char *const bad[] = {"cannot", "refuses", "answers no", "rolled", "failed"};
	const char *at = strstr(line, "mem: ");
	unsigned member;
	char kind[8];
	bool minus = false;

	if (at == NULL || sscanf(at, "mem: %7s #%*u step %u: member %u", kind, &t->step, &member) != 3)
		return false;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		minus |= strstr(at, bad[i]) != NULL;
	snprintf(t->text, sizeof(t->text), " %c%u%c%s", kind[0], t->step, "PABCD"[member % 5], minus ? "-" : "");
	return true;
}

/* what members do side by side comes in the order of their letters */
static bool before(const struct token *a, const struct token *b)
{
	bool side = (a->step == 4 || a->step == 5 || a->step == 8 || a->step == 9) &&
		    (b->step == 4 || b->step == 5 || b->step == 8 || b->step == 9) && (a->step > 5) == (b->step > 5);

	return side && strcmp(a->text + 3, b->text + 3) < 0 && a->text[3] != b->text[3];
}

const char *steps_so_far(void)
{
	static char all[2048];
	static struct token t[100];
	char line[512];
	FILE *f = fopen(steps_path, "r");
	unsigned n = 0;

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL && n < 99)
		n += parse(line, &t[n]);
	fclose(f);
	for (unsigned i = 1; i < n; i++)
		for (unsigned k = i; k > 0 && before(&t[k], &t[k - 1]); k--) {
			struct token swap = t[k];

			t[k] = t[k - 1];
			t[k - 1] = swap;
		}
	all[0] = '\0';
	for (unsigned i = 0; i < n; i++)
		strcat(all, t[i].text);
	return all;
}

const char *steps(void)
{
	const char *all = steps_so_far();

	CHECK_EQ(truncate(steps_path, 0), 0);
	return all;
}

unsigned said(const char *what)
{
	FILE *f = fopen(steps_path, "r");
	char line[512];
	unsigned n = 0;

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, what) != NULL;
	fclose(f);
	return n;
}
