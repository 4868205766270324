/* SPDX-License-Identifier: BSD-3-Clause */
/* opts_lcore.c - the lcore map: what runs where, and what is said when it cannot */
#include "opts_help.h"

/* "id@cpus ..." of everything enabled, then "main N" */
static const char *lcores(void)
{
	static char buf[4096];
	char cpus[200];
	size_t n = 0;

	for (unsigned i = 0; i < SH_LCORES && n < sizeof(buf); i++)
		if (o.lcore_on[i])
			n += (size_t)snprintf(buf + n, sizeof(buf) - n, "%u@%s ", i,
					      sh_cpus_text(&o.lcore_cpus[i], cpus, sizeof(cpus)));
	snprintf(buf + n, sizeof(buf) - n, "main %u", o.main_lcore);
	return buf;
}

static void map_on(const char *cpus, const char *line, const char *want)
{
	int r = parse_on(cpus, line);

	if (r < 0)
		t_fail(__FILE__, __LINE__, "'%s' was refused: %s", line, err);
	if (strcmp(lcores(), want) != 0)
		t_fail(__FILE__, __LINE__, "'%s' gave '%s' instead of '%s'", line, lcores(), want);
}

TEST(without_an_option_one_lcore_per_cpu)
{
	map_on("0-1", "", "0@0 1@1 main 0");
	map_on("3-3,5-6", "", "3@3 5@5 6@6 main 3");
	map_on("127-130", "", "127@127 main 127");
	CHECK_EQ(parse_on("127-130", ""), 0);
	CHECK_EQ(o.cpus_left_out, 3);
	refused_on("200-201", "",
		   "option -l: not given, and no CPU of this process (200-201) has a number below 128 to serve as "
		   "lcore id; give -R to number them from 0");
	map_on("200-201", "-R", "0@200 1@201 main 0");
}

TEST(lists_and_masks)
{
	map_on("0-7", "-l 0-2,4", "0@0 1@1 2@2 4@4 main 0");
	map_on("0-7", "-l 7,0,7", "0@0 7@7 main 0");
	map_on("0-7", "-c 0xa", "1@1 3@3 main 1");
	map_on("0-7", "-c Aa", "1@1 3@3 5@5 7@7 main 1");
	map_on("0-127", "-c 80000000000000000000000000000001", "0@0 127@127 main 0");
}

TEST(maps)
{
	map_on("0-7", "--lcores 1,2@(5-7),(3-5)@(0,2),(0,6),7", "0@0,6 1@1 2@5-7 3@0,2 4@0,2 5@0,2 6@0,6 7@7 main 0");
	map_on("0-1", "--lcores 2@0,3@1", "2@0 3@1 main 2");
	map_on("0-1", "--lcores (0-3)@(0,1)", "0@0-1 1@0-1 2@0-1 3@0-1 main 0");
	map_on("0-1", "--lcores 0-3@1", "0@1 1@1 2@1 3@1 main 0");
	map_on("0-1", "-l (0-1)", "0@0-1 1@0-1 main 0");
	map_on("0-300", "-l 5@300", "5@300 main 5");
}

TEST(main_lcore_is_one_of_them)
{
	map_on("0-3", "-l 1-3 --main-lcore 2", "1@1 2@2 3@3 main 2");
	refused_on("0-3", "-l 1-3 --main-lcore 0",
		   "option --main-lcore: lcore 0 is not enabled; give one of 1-3 or add it with --lcores");
	refused_on("0-3", "--main-lcore x", "option --main-lcore: 'x' is no lcore id; give one of 0-3");
	refused_on("0-3", "--main-lcore 4000000000",
		   "option --main-lcore: lcore 4000000000 is not enabled; give one of 0-3 or add it with --lcores");
}

TEST(ids_can_be_numbered_anew)
{
	map_on("0-300", "-l 100-102,200 -R", "0@100 1@101 2@102 3@200 main 0");
	map_on("0-300", "-l 200,300 -R=10 --main-lcore 11", "10@200 11@300 main 11");
	map_on("0-300", "-c 0x3 --remap-lcore-ids=126", "126@0 127@1 main 126");
	CHECK_EQ(parse_on("0-3", "-R=127"), 1);
	CHECK_EQ(o.cpus_left_out, 3);
	refused_on("0-3", "-R=127 -l 0-1", "option -l: lcore 128: ids go from 0 to 127; use --lcores '0@0,1@1'");
}

TEST(service_lcores_are_set_aside)
{
	map_on("0-3", "-l 0-3 -S 2-3", "0@0 1@1 main 0");
	map_on("0-3", "-s 0x1", "1@1 2@2 3@3 main 1");
	refused_on("0-1", "-S 0-1",
		   "option -S: '0-1' leaves no lcore for the program; leave one out or add one to --lcores");
	refused_on("0-1", "-S 1 --main-lcore 1",
		   "option --main-lcore: lcore 1 is not enabled; give one of 0 or add it with --lcores");
	refused_on("0-1", "-S 400", "option -S: lcore 400: ids go from 0 to 127; give smaller ones");
}

TEST(a_cpu_that_is_not_there)
{
	refused("-l 2-3",
		"option -l: '2-3' needs CPU 2, but this process may use CPUs 0-1 only; use --lcores '2@0,3@1'");
	map_on("0-1", "--lcores 2@0,3@1", "2@0 3@1 main 2");
	refused("-l 9", "option -l: '9' needs CPU 9, but this process may use CPUs 0-1 only; use --lcores '9@0'");
	refused("--lcores 0@(0-5)",
		"option --lcores: '0@(0-5)' needs CPU 2, but this process may use CPUs 0-1 only; use --lcores '0@0'");
	refused("-l 0-2",
		"option -l: '0-2' needs CPU 2, but this process may use CPUs 0-1 only; use --lcores '0@0,1@1,2@0'");
	refused_on("3-4,7-7", "-c 0xf",
		   "option -c: '0xf' needs CPU 0, but this process may use CPUs 3-4,7 only; use --lcores "
		   "'0@3,1@4,2@7,3@3'");
	refused("-l 0-40",
		"option -l: '0-40' needs CPU 2, but this process may use CPUs 0-1 only; use --lcores '(0-40)@(0-1)'");
	map_on("0-1", "--lcores (0-8)@(0-1)", "0@0-1 1@0-1 2@0-1 3@0-1 4@0-1 5@0-1 6@0-1 7@0-1 8@0-1 main 0");
	refused_on("128-129", "-l 128-129", "option -l: lcore 128: ids go from 0 to 127; use --lcores '0@128,1@129'");
	map_on("128-129", "--lcores 0@128,1@129", "0@128 1@129 main 0");
}

TEST(maps_that_cannot_be_read)
{
	static const char tail[] = "give numbers and ranges such as 0-2,4 or lcores@cpus such as (0-3)@(0,1)";
	static const char *const bad[][2] = {{"0-", "its end"}, {",0", ",0"},	   {"0,", "its end"}, {"a", "a"},
					     {"0@", "its end"}, {"(0", "its end"}, {"0)", ")"},	      {"(0)(1)", "(1)"},
					     {"()", ")"},	{"0--1", "-1"},	   {"0x1", "x1"},     {"0@1@0", "@0"},
					     {"-1", "-1"}};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char line[64], text[300];

		snprintf(line, sizeof(line), "-l %s", bad[i][0]);
		snprintf(text, sizeof(text), "option -l: '%s' is malformed at '%s'; %s", bad[i][0], bad[i][1], tail);
		refused(line, text);
	}
	refused("-l 1-0", "option -l: '1-0' has a range that runs backwards; write 0-1");
	refused("-l 0-1024", "option -l: '0-1024' has a number above 1023; CPU numbers end there");
	refused("-l 0@0,0@1", "option -l: '0@0,0@1' puts lcore 0 in two places; name it once");
	refused("-c 0", "option -c: '0' names no lcore; set at least one bit, such as 0x1");
	refused("-c 0x", "option -c: '0x' is no mask; give hexadecimal digits, such as 0x3 for lcores 0 and 1");
	refused("-c 1z", "option -c: '1z' is no mask; give hexadecimal digits, such as 0x3 for lcores 0 and 1");
	refused("-R=128", "option -R: '128' is no lcore id; give the first id, 0 to 127");
}
