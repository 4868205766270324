/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memory_frag.h - what an allocator holds for what was asked of it, under three mixes of sizes; part of memory.c
 *
 * The mixes are ours, each after a kind that the literature on allocators uses: a server whose objects are replaced at random
 * (Larson and Krishnan), sizes that change while most of the old ones go (what makes caches fragment), and sizes with a long
 * tail. Held = private pages + huge pages + blocks of the memory files, as the kernel counts them, over what was there before.
 */
#ifndef BENCH_MEMORY_FRAG_H
#define BENCH_MEMORY_FRAG_H

#define FRAG_LIVE 32e6 /* bytes asked for and not freed, about */

struct blocks {
	char **p;
	size_t *size;
	unsigned n, cap;
	double asked;
	uint64_t rnd;
};

static double held(void)
{
	char line[256], path[64], name[128];
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long kb;
	double sum = 0, huge = 0, files = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "RssAnon: %lu", &kb) == 1)
			sum += (double)kb * 1024;
		else if (sscanf(line, "HugetlbPages: %lu", &kb) == 1)
			huge = (double)kb * 1024;
	if (f != NULL)
		fclose(f);
	for (int fd = 0; fd < 64; fd++) {
		struct stat st;
		ssize_t k;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		k = readlink(path, name, sizeof(name) - 1);
		name[k > 0 ? k : 0] = '\0';
		if (strncmp(name, "/memfd:shoal", 12) == 0 && fstat(fd, &st) == 0)
			files += (double)st.st_blocks * 512; /* huge pages of a file count there */
	}
	return sum + (files > 0 ? files : huge);
}

static unsigned rnd(struct blocks *b)
{
	b->rnd = b->rnd * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(b->rnd >> 33);
}

static void add(struct blocks *b, size_t size)
{
	if (b->n == b->cap)
		b_die("too many blocks");
	b->p[b->n] = b_malloc(size);
	if (b->p[b->n] == NULL)
		b_die("out of memory");
	memset(b->p[b->n], 1, size); /* what is not written is not there, for some */
	b->size[b->n++] = size;
	b->asked += (double)size;
}

static void drop(struct blocks *b, unsigned i)
{
	b_free(b->p[i]);
	b->asked -= (double)b->size[i];
	b->n--;
	b->p[i] = b->p[b->n];
	b->size[i] = b->size[b->n];
}

/* each doubling, from 16 bytes to 256 KiB, half as often */
static size_t tail(struct blocks *b)
{
	size_t low = (size_t)16 << (unsigned)__builtin_ctz(rnd(b) | 1u << 13);

	return low + rnd(b) % low;
}

static void mix_server(struct blocks *b)
{
	while (b->asked < FRAG_LIVE)
		add(b, 16 + rnd(b) % 497);
	for (unsigned i = 0; i < 400000; i++) {
		drop(b, rnd(b) % b->n);
		add(b, 16 + rnd(b) % 497);
	}
}

static void mix_shift(struct blocks *b)
{
	while (b->asked < FRAG_LIVE)
		add(b, 64 + rnd(b) % 193);
	while (b->asked > FRAG_LIVE / 5)
		drop(b, rnd(b) % b->n);
	while (b->asked < FRAG_LIVE)
		add(b, 300 + rnd(b) % 1201);
}

static void mix_tail(struct blocks *b)
{
	while (b->asked < FRAG_LIVE)
		add(b, tail(b));
	for (unsigned i = 0; i < 400000; i++) {
		if (b->asked > FRAG_LIVE)
			drop(b, rnd(b) % b->n);
		else
			add(b, tail(b));
	}
}

static void do_frag(unsigned mix)
{
	static void (*const mixes[])(struct blocks *) = {mix_server, mix_shift, mix_tail};
	struct blocks b = {.cap = 1 << 20, .rnd = 12345};
	double before, asked, now, later;

	/* the book-keeping is not the allocator's: there, and touched, before */
	b.p = mmap(NULL, b.cap * sizeof(*b.p), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
		   0);
	b.size = mmap(NULL, b.cap * sizeof(*b.size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
		      -1, 0);
	if (b.p == MAP_FAILED || b.size == MAP_FAILED || mix >= sizeof(mixes) / sizeof(mixes[0]))
		b_die("no such mix, or no memory");
	before = held();
	mixes[mix](&b);
	asked = b.asked;
	now = held() - before;
	b_sleep_ns(1500000000); /* memory may be kept for a second */
	later = held() - before;
	while (b.n > 0)
		drop(&b, b.n - 1);
	b_sleep_ns(1500000000);
	printf("result {\"ratio\": %.3f, \"later\": %.3f, \"held\": %.2f, \"asked\": %.2f, \"left\": %.2f}\n",
	       now / asked, later / asked, now / 1e6, asked / 1e6, (held() - before) / 1e6);
}

#endif
