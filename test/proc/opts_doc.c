/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * opts_doc.c - doc/options.md is true: it lists every option, and each does what its row says with the row's example
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include "check.h"
#include "proc/opts_int.h"

#define ROWS 80
struct row {
	char cell[4][1024]; /* option, example, state, notes */
};
static struct row rows[ROWS];
static unsigned n_rows, n_dpdk;

static void trim(char *s)
{
	size_t n = strlen(s);

	while (n > 0 && s[n - 1] == ' ')
		s[--n] = '\0';
	memmove(s, s + strspn(s, " "), strlen(s + strspn(s, " ")) + 1);
}

/* "| a | b | c | d |"; the header and the rule below it begin otherwise */
static void load(void)
{
	FILE *f = fopen(SH_SOURCE_ROOT "/doc/options.md", "re");
	char line[2048];

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *p = line + 1, *end;

		if (strncmp(line, "## shoal's own", 14) == 0)
			n_dpdk = n_rows;
		if (strncmp(line, "| `-", 4) != 0)
			continue;
		CHECK(n_rows < ROWS);
		for (unsigned i = 0; i < 4; i++, p = end + 1) {
			end = strchr(p, '|');
			CHECK(end != NULL && end - p < 1024);
			memcpy(rows[n_rows].cell[i], p, (size_t)(end - p));
			trim(rows[n_rows].cell[i]);
		}
		n_rows++;
	}
	fclose(f);
}

static bool names(const struct row *r, const char *option)
{
	char quoted[80];

	snprintf(quoted, sizeof(quoted), "`%s`", option);
	return strstr(r->cell[0], quoted) != NULL;
}

static unsigned rows_of(const char *option)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_rows; i++)
		n += names(&rows[i], option);
	return n;
}

TEST(each_option_has_a_row_and_each_row_an_option)
{
	unsigned spelled = 0, quotes = 0;
	char name[64];

	load();
	CHECK_EQ(n_dpdk, 54);
	for (unsigned i = 0; i < sh_opt_defs_n; i++) {
		const struct sh_opt_def *d = &sh_opt_defs[i];

		for (unsigned k = 0; k < 2 && d->name[k] != NULL; k++, spelled++) {
			snprintf(name, sizeof(name), "--%s", d->name[k]);
			if (rows_of(name) != 1)
				t_fail(__FILE__, __LINE__, "%s has %u rows in doc/options.md", name, rows_of(name));
		}
		snprintf(name, sizeof(name), "-%c", d->letter);
		if (d->letter != 0 && rows_of(name) != 1)
			t_fail(__FILE__, __LINE__, "%s has %u rows in doc/options.md", name, rows_of(name));
		spelled += d->letter != 0;
	}
	for (unsigned i = 0; i < n_rows; i++)
		for (const char *p = rows[i].cell[0]; *p != '\0'; p++)
			quotes += *p == '`';
	CHECK_EQ(quotes, 2 * spelled);
}

/* what can be seen of an option that works, from inside; NULL: as expected */
static const char *seen(const char *option)
{
	static const struct {
		const char *option, *dir;
	} dirs[] = {{"--file-prefix", "/dpdk/other"}, {"--proc-type", "/dpdk/rte"}};

	for (unsigned i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (strcmp(option, dirs[i].option) == 0 && strstr(rte_eal_get_runtime_dir(), dirs[i].dir) == NULL)
			return "the runtime directory is another";
	if (strcmp(option, "-c") == 0 || strcmp(option, "-l") == 0 || strcmp(option, "--lcores") == 0)
		if (rte_lcore_count() != 1 || rte_get_main_lcore() != 0)
			return "there are other lcores";
	if (strcmp(option, "--remap-lcore-ids") == 0 && rte_get_main_lcore() != 5)
		return "lcore ids do not start at 5";
	if (strcmp(option, "--main-lcore") == 0 && rte_get_main_lcore() != 0)
		return "the main lcore is another";
	if (strcmp(option, "--no-huge") == 0 && rte_eal_has_hugepages() != 0)
		return "rte_eal_has_hugepages() says yes";
	if (strcmp(option, "--no-pci") == 0 && rte_eal_has_pci() != 0)
		return "rte_eal_has_pci() says yes";
	if (strcmp(option, "--iova-mode") == 0 && rte_eal_iova_mode() != RTE_IOVA_VA)
		return "the mode is another";
	return NULL;
}

/* first argument: the option's name; the rest: the example */
ROLE(tried)
{
	const char *wrong = NULL;
	int r = rte_eal_init(argc - 2, argv + 2);

	if (r >= 0)
		wrong = seen(argv[1]);
	t_tell("result %d %d %s", r, r < 0 ? rte_errno : 0, wrong != NULL ? wrong : "ok");
	return r >= 0 ? rte_eal_cleanup() : 0;
}

static void unquote(char *to, size_t cap, const char *from)
{
	size_t n = 0;

	for (; *from != '\0' && n + 1 < cap; from++)
		if (*from != '`')
			to[n++] = *from;
	to[n] = '\0';
}

static void try_row(const struct row *r)
{
	char option[64], example[256], *second, name[96];
	struct t_proc *p;
	const char *line;

	snprintf(option, sizeof(option), "%.*s", (int)strcspn(r->cell[0] + 1, "`"), r->cell[0] + 1);
	unquote(example, sizeof(example), r->cell[1]);
	CHECK(strncmp(example, "-", 1) == 0);
	second = strchr(example, ' ');
	if (second != NULL)
		*second++ = '\0';
	p = t_spawn("tried", option, "prog", example, second, NULL);
	if (strcmp(example, "-h") == 0) {
		t_expect(p, "usage:");
		CHECK_EQ(t_wait(p), 0);
		return;
	}
	line = t_expect(p, "result ");
	if (strcmp(r->cell[2], "refused") == 0) {
		CHECK_HAS(line, "result -1 ");
		snprintf(name, sizeof(name), "EAL: option %s: ", option);
		CHECK_HAS(t_stderr(p), name);
	} else {
		CHECK(strcmp(r->cell[2], "works") == 0 || strcmp(r->cell[2], "accepted, no effect") == 0);
		if (strstr(line, " 0 ok") == NULL || strstr(line, "-1") != NULL)
			t_fail(__FILE__, __LINE__, "%s: %s; stderr: %s", r->cell[1], line, t_stderr(p));
	}
	CHECK_EQ(t_wait(p), 0);
	/* "works" says since when; a row that does not work says why */
	CHECK(strcmp(r->cell[2], "works") != 0 || strncmp(r->cell[3], "since 0.", 8) == 0);
	CHECK(strlen(r->cell[3]) > 5);
}

TEST_T(each_example_does_what_its_row_says, 60)
{
	load();
	for (unsigned i = 0; i < n_rows; i++)
		try_row(&rows[i]);
}

/* ---- doc/troubleshooting.md has every line that the option parser and init can answer with ---- */

static char doc[1 << 20], source[1 << 18]; /* each file is there whole, or the case fails */

static void read_all(const char *name, char *to, size_t cap)
{
	char file[512];
	size_t n;
	FILE *f;

	snprintf(file, sizeof(file), "%s/%s", SH_SOURCE_ROOT, name);
	f = fopen(file, "re");
	CHECK(f != NULL);
	n = fread(to, 1, cap - 1, f);
	to[n] = '\0';
	CHECK(n > 0 && n + 1 < cap);
	fclose(f);
}

/* string literals from p on, joined; what stands for something else (%s, \", a macro) becomes a newline */
static void literal(const char *p, char *to, size_t cap)
{
	bool in = false;
	size_t n = 0;

	for (; n + 2 < cap; p++) {
		if (*p == '"') {
			in = !in;
		} else if (!in) {
			if (*p == ',' || *p == ')' || *p == ';' || *p == '\0')
				break;
		} else if (*p == '%' && p[1] == '%') {
			to[n++] = *++p;
		} else if (*p == '%') {
			to[n++] = '\n';
			p += strcspn(p, "sudxcp");
		} else if (*p == '\\') {
			to[n++] = '\n';
			p++;
		} else {
			to[n++] = *p;
		}
	}
	to[n] = '\0';
}

/* every piece between placeholders that is long enough to mean something */
static unsigned look_up(const char *file, char *text)
{
	unsigned pieces = 0;

	for (char *save, *w = strtok_r(text, "\n", &save); w != NULL; w = strtok_r(NULL, "\n", &save)) {
		if (strncmp(w, "option ", 7) == 0 && strstr(w, ": ") != NULL)
			w = strstr(w, ": ") + 2;
		if (strlen(w) < 8)
			continue;
		pieces++;
		if (strstr(doc, w) == NULL)
			t_fail(__FILE__, __LINE__, "%s says '%s': not in doc/troubleshooting.md", file, w);
	}
	return pieces;
}

TEST(every_error_line_is_explained)
{
	static const char *const files[] = {"src/init.c", "src/proc/opts.c", "src/proc/opts_value.c",
					    "src/proc/opts_lcore.c"};
	static const char *const calls[] = {"sh_err(", "sh_warn(", "sh_opt_bad(", "snprintf(err, errcap,"};
	unsigned pieces = 0;
	char text[1024];

	read_all("doc/troubleshooting.md", doc, sizeof(doc));
	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		read_all(files[i], source, sizeof(source));
		for (unsigned k = 0; k < sizeof(calls) / sizeof(calls[0]); k++) {
			for (const char *p = source; (p = strstr(p, calls[k])) != NULL; p++) {
				const char *at = p + strlen(calls[k]);

				at += strspn(at, "m->s, \n\t");
				if (*at != '"') /* the function itself, or a line made elsewhere */
					continue;
				literal(at, text, sizeof(text));
				pieces += look_up(files[i], text);
			}
		}
	}
	CHECK(pieces > 60);
}
