/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * limit.c - how much memory may this process still take from the machine?
 *
 * The kernel gives shared memory until it kills somebody: fallocate() of more than there is ends in the OOM killer, not in
 * an error. So before pages are asked for, the cgroups of this process and all their parents (version 1 and 2; usage less
 * the file cache that can be dropped) and the machine's available memory are looked at, and a margin is left: 64 MiB, or 5 %
 * of the limit where that is less, and what the caller says. Best effort, for others take memory too.
 *
 * What was seen is kept as a bound on all memory of the group, not as a part for this process: what other members take after
 * the look counts against it, so many who look at the same time do not take the same room. It holds for a moment and for a
 * part, then it is looked again: other groups, which have bounds of their own, may take the same room, and who is not run
 * between its look and the end of its taking takes when the others have taken all. That is to find place in the margin, so a
 * part is a sixteenth of it, more only where there is plenty; and where there is little room an eighth of that: as many who
 * look at once do not overdraw it. Each process looks for itself: it may be in another cgroup.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "mem/limit.h"

#define MARGIN (64ull << 20)
#define GRANT_NS (50 * SH_NS_PER_MS)
#define PART 8
#define FAR 256		    /* this part of the room is taken by PART of them, and the room still not used up */
#define LEAST (16ull << 10) /* so much at a time in any case */
#define PATH 512
#define LONGEST (16u << 20)

/* process-private: up to what the group may grow without a look, until when, and how much at once. Of two threads that race
 * either's words do. root: of the files that are read, for tests */
static struct {
	_Atomic uint64_t bound, until, part;
	const char *root;
} g = {.root = ""};

static int open_text(const char *path)
{
	char full[PATH];

	snprintf(full, sizeof(full), "%s%s", g.root, path);
	return sh_fd_up(open(full, O_RDONLY | O_CLOEXEC));
}

/* To the end of the file, or of the buffer: the kernel gives such files in pieces of at most a page. Bytes, with a 0 behind them */
static size_t read_on(int fd, char *buf, size_t cap)
{
	size_t n = 0;
	ssize_t k = 1;

	while (k > 0 && n < cap - 1) {
		do {
			k = read(fd, buf + n, cap - 1 - n);
		} while (k < 0 && errno == EINTR);
		n += k > 0 ? (size_t)k : 0;
	}
	buf[n] = '\0';
	return n;
}

/* a small file as text: false if it cannot be read */
static bool read_text(const char *path, char *buf, size_t cap)
{
	int fd = open_text(path);
	size_t n;

	if (fd < 0)
		return false;
	n = read_on(fd, buf, cap);
	close(fd);
	return n > 0;
}

/* one of any length; to be freed, NULL: it cannot be read */
static char *read_all(const char *path)
{
	int fd = open_text(path);
	char *text = NULL, *more;
	size_t n = 0;

	for (size_t cap = 16384; fd >= 0 && cap <= LONGEST; cap *= 2) {
		more = realloc(text, cap);
		if (more == NULL)
			break;
		text = more;
		n += read_on(fd, text + n, cap - n);
		if (n < cap - 1)
			break;
	}
	if (fd >= 0)
		close(fd);
	return text;
}

/* the number behind a word at the start of a line; 0: none */
static uint64_t word(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = text; p != NULL && *p != '\0'; p = strchr(p, '\n'), p += p != NULL)
		if (strncmp(p, key, n) == 0 && (p[n] == ' ' || p[n] == ':'))
			return strtoull(p + n + 1, NULL, 10);
	return 0;
}

/* UINT64_MAX: "max", or no such file */
static uint64_t number(const char *dir, const char *name)
{
	char path[PATH], buf[64];
	uint64_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (!read_text(path, buf, sizeof(buf)) || buf[0] < '0' || buf[0] > '9')
		return UINT64_MAX;
	n = strtoull(buf, NULL, 10);
	return n < 1ull << 62 ? n : UINT64_MAX; /* version 1 has a large number for "none" */
}

static uint64_t margin(uint64_t limit)
{
	return limit / 20 < MARGIN ? limit / 20 : MARGIN;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* what is left below a limit, with the margin left alone */
static uint64_t left_of(uint64_t limit, uint64_t used)
{
	uint64_t keep = used + margin(limit);

	return limit > keep ? limit - keep : 0;
}

/* ---- cgroups ---- */

struct seen {
	uint64_t limit, room, margin; /* the least of all */
};

static void look_at(const char *dir, bool v2, struct seen *s)
{
	uint64_t limit = number(dir, v2 ? "memory.max" : "memory.limit_in_bytes");
	uint64_t used = number(dir, v2 ? "memory.current" : "memory.usage_in_bytes");
	uint64_t cache;
	char path[PATH], text[8192];

	if (v2)
		limit = least(limit, number(dir, "memory.high"));
	if (limit == UINT64_MAX || used == UINT64_MAX)
		return;
	snprintf(path, sizeof(path), "%s/memory.stat", dir);
	if (read_text(path, text, sizeof(text))) {
		cache = word(text, v2 ? "inactive_file" : "total_inactive_file") +
			word(text, v2 ? "active_file" : "total_active_file");
		used -= least(used, cache);
	}
	s->limit = least(s->limit, limit);
	s->room = least(s->room, left_of(limit, used));
	s->margin = least(s->margin, margin(limit));
}

/* a line of mountinfo: is it this hierarchy? Which part of it, and where */
static bool is_mount(const char *line, bool v2, char *root, char *dir)
{
	const char *rest = strstr(line, " - ");
	char type[32], opts[256];

	if (rest == NULL || sscanf(line, "%*s %*s %*s %255s %255s", root, dir) != 2 ||
	    sscanf(rest, " - %31s %*s %255s", type, opts) != 2)
		return false;
	return v2 ? strcmp(type, "cgroup2") == 0 : strcmp(type, "cgroup") == 0 && strstr(opts, "memory") != NULL;
}

static bool mount_of(bool v2, char *root, char *dir)
{
	char *text = read_all("/proc/self/mountinfo"), *line, *save = NULL;
	bool found = false;

	for (line = text != NULL ? strtok_r(text, "\n", &save) : NULL; line != NULL && !found;
	     line = strtok_r(NULL, "\n", &save))
		found = is_mount(line, v2, root, dir);
	free(text);
	return found;
}

/* my path in that hierarchy, as /proc/self/cgroup says */
static bool path_of(bool v2, char *path, size_t cap)
{
	char *text = read_all("/proc/self/cgroup"), *line, *save = NULL;
	bool found = false;

	for (line = text != NULL ? strtok_r(text, "\n", &save) : NULL; line != NULL && !found;
	     line = strtok_r(NULL, "\n", &save)) {
		char *names = strchr(line, ':'), *at = names != NULL ? strchr(names + 1, ':') : NULL;

		if (at == NULL)
			continue;
		*at = '\0';
		found = v2 ? strcmp(line, "0:") == 0 && names[1] == '\0' : strstr(names, "memory") != NULL;
		if (found)
			snprintf(path, cap, "%s", at + 1);
	}
	free(text);
	return found;
}

static void hierarchy(bool v2, struct seen *s)
{
	char root[256], dir[256], path[256], full[PATH + 8], *end;
	const char *below = path;

	if (!path_of(v2, path, sizeof(path)) || !mount_of(v2, root, dir))
		return;
	if (strcmp(root, "/") != 0) { /* only a part is mounted: what lies above cannot be seen */
		if (strncmp(path, root, strlen(root)) == 0)
			below = path + strlen(root);
		else
			below = "";
	}
	snprintf(full, sizeof(full), "%s%s", dir, strcmp(below, "/") != 0 ? below : "");
	for (;;) { /* from mine up to the root */
		look_at(full, v2, s);
		end = strrchr(full, '/');
		if (end == NULL || strlen(full) <= strlen(dir))
			break;
		*end = '\0';
	}
}

static struct seen look(void)
{
	struct seen s = {UINT64_MAX, UINT64_MAX, MARGIN};
	char text[4096];
	uint64_t total;

	hierarchy(true, &s);
	hierarchy(false, &s);
	if (read_text("/proc/meminfo", text, sizeof(text))) {
		total = word(text, "MemTotal") << 10;
		s.limit = least(s.limit, total);
		if (strstr(text, "MemAvailable:") != NULL)
			s.room = least(s.room, left_of(word(text, "MemAvailable") << 10, 0));
		s.margin = least(s.margin, margin(total));
	}
	return s;
}

/* ---- */

uint64_t sh_limit_total(void)
{
	uint64_t limit = look().limit;
	struct sysinfo si;

	if (limit == UINT64_MAX && sysinfo(&si) == 0) /* no file could be read */
		limit = (uint64_t)si.totalram * si.mem_unit;
	return limit;
}

static uint64_t room_of(const struct seen *s, uint64_t keep)
{
	return s->room == UINT64_MAX ? s->room : s->room > keep ? s->room - keep : 0;
}

uint64_t sh_limit_room(uint64_t keep)
{
	struct seen s = look();

	return room_of(&s, keep);
}

bool sh_limit_allows(uint64_t total)
{
	/* relaxed, all: see g */
	return total <= sh_load_rlx(&g.bound) && sh_now_ns() < sh_load_rlx(&g.until);
}

uint64_t sh_limit_part(void)
{
	return sh_load_rlx(&g.part); /* relaxed: see g */
}

/*
 * So much on one look. Who is not run between look and taking takes it when others have taken the rest: PART of those shall use
 * up half of the margin at most, or, where there is more than can be taken meanwhile, little of what there is.
 */
static uint64_t part_of(const struct seen *s, uint64_t room)
{
	uint64_t part = room / FAR, low = s->margin / 2 / PART, high = s->margin / 4;

	part = least(part < low ? low : least(part, high), room / PART);
	return part > LEAST ? part : LEAST;
}

struct sh_limit_seen sh_limit_look(uint64_t there, uint64_t keep)
{
	struct seen s = look();
	uint64_t until = sh_now_ns() + GRANT_NS, room = least(room_of(&s, keep), UINT64_MAX - there);
	uint64_t part = part_of(&s, room);

	sh_store_rlx(&g.bound, there + least(room, part));
	sh_store_rlx(&g.part, part);
	sh_store_rlx(&g.until, until);
	return (struct sh_limit_seen){there + room, until, part};
}

void sh_limit_root(const char *root)
{
	g.root = root;
	sh_store_rlx(&g.until, 0);
}
