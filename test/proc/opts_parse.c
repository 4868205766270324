/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * opts_parse.c - the option parser by itself: what it takes, in which spelling, what it does to argv, what it says
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <syslog.h>

#include "opts_help.h"

/* argv from the returned index on */
static void rest(const char *line, int ret, const char *want)
{
	char got[512] = "";

	CHECK_EQ(parse(line), ret);
	for (int i = ret; i < ac; i++) {
		strcat(got, i > ret ? " " : "");
		strcat(got, av[i]);
	}
	CHECK_STR(got, want);
}

TEST(argv_is_permuted_as_getopt_long_does)
{
	rest("", 0, "prog");
	rest("-l 0", 2, "prog");
	rest("-l 0 -- -x foo", 3, "prog -x foo");
	rest("foo -l 0 bar -- baz", 3, "prog foo bar baz");
	rest("-l 0 bar baz", 2, "prog bar baz");
	rest("a - b --no-huge c", 1, "prog a - b c");
	rest("--", 1, "prog");
	rest("-- --no-huge", 1, "prog --no-huge");
}

TEST(getopt_state_is_not_touched)
{
	char *arg = (char *)"kept";

	optind = 7;
	optopt = 'q';
	opterr = 1;
	optarg = arg;
	good("foo -l 0 -n 4 bar");
	CHECK_EQ(parse("--bogus"), -EINVAL);
	CHECK_EQ(optind, 7);
	CHECK_EQ(optopt, 'q');
	CHECK_EQ(opterr, 1);
	CHECK(optarg == arg);
}

TEST(a_refused_command_line_leaves_argv_alone)
{
	CHECK_EQ(parse("foo -l 0 bar --bogus"), -EINVAL);
	CHECK_STR(av[1], "foo");
	CHECK_STR(av[2], "-l");
	CHECK_STR(av[4], "bar");
}

TEST(every_spelling_of_a_value)
{
	static const char *const lines[] = {"-l 1",	"-l1",		"-l=1",		"--lcores 1", "--lcores=1",
					    "--lcor 1", "--lcores=1,1", "-c 2",		"-c0x2",      "-c=0x2",
					    "-c 00002", "--coremask 2", "--coremask=2", "--corem=2"};

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		good(lines[i]);
		CHECK(!o.lcore_on[0] && o.lcore_on[1]);
		CHECK_EQ(o.main_lcore, 1);
	}
}

TEST(flags_grouped_and_repeated)
{
	good("-vA -v --no-huge --no-huge --version -AR -R");
	CHECK(o.want_version && o.no_huge);
	CHECK_EQ(o.seen[SH_OPT_VERSION], 1);
	good("-vl1");
	CHECK(o.want_version && o.lcore_on[1] && !o.lcore_on[0]);
	good("-vAl 1 x");
	CHECK(o.lcore_on[1] && !o.lcore_on[0]);
}

TEST(the_same_value_twice_is_no_conflict)
{
	good("-l 0 -l 0 --lcores=0 -n 4 -n 4 --proc-type=auto --proc-type=auto");
	CHECK_EQ(o.role, SH_ROLE_AUTO);
}

TEST(abbreviations_as_long_as_they_are_unique)
{
	good("--proc-typ=primary --file-p x --no-t --base=0x10 --mai=1");
	CHECK_STR(o.prefix, "x");
	CHECK(o.no_telemetry);
	CHECK_EQ(o.base_virtaddr, 16 << 20);
	/* of 22.11's names only one starts so, whatever came later */
	good("--log=8 --mai=1 --no-s");
	CHECK_STR(sh_opts_value(&o, SH_OPT_LOG_LEVEL, 0), "8");
	CHECK(o.no_shconf);
}

TEST(lists_keep_their_order)
{
	good("--vdev net_ring0 -a 1:2.3 --vdev=net_ring1,x=1 --allow 4:5.6 -d a -d b --trace x --trace y");
	CHECK_STR(sh_opts_value(&o, SH_OPT_VDEV, 0), "net_ring0");
	CHECK_STR(sh_opts_value(&o, SH_OPT_VDEV, 1), "net_ring1,x=1");
	CHECK(sh_opts_value(&o, SH_OPT_VDEV, 2) == NULL);
	CHECK_STR(sh_opts_value(&o, SH_OPT_ALLOW, 1), "4:5.6");
	CHECK_STR(sh_opts_value(&o, SH_OPT_DRIVER_PATH, 1), "b");
	CHECK_STR(sh_opts_value(&o, SH_OPT_TRACE, 0), "x");
}

TEST(defaults)
{
	good("");
	CHECK_EQ(o.role, SH_ROLE_PRIMARY);
	CHECK_STR(o.prefix, "rte");
	CHECK_EQ(o.max_members, 256);
	CHECK_EQ(o.join_timeout_ms, 10000);
	CHECK_EQ(o.base_virtaddr, 0);
	CHECK(!o.no_huge && !o.no_pci && !o.no_shconf && !o.in_memory && !o.want_syslog);
}

TEST(values_that_are_kept)
{
	good("--file-prefix=grp --proc-type SECONDARY --base-virtaddr=0x123456789 --max-members 7 --join-timeout=250 "
	     "-r 16 --allow-uid 5 --allow-uid=6 --allow-uid 5 --memory-max 3G -m 64 -n 4 --no-pci --create-uio-dev "
	     "--vfio-intr=msix --vfio-vf-token=00112233-4455-6677-8899-aabbccddeefF");
	CHECK_EQ(o.role, SH_ROLE_SECONDARY);
	CHECK_STR(o.prefix, "grp");
	CHECK_EQ(o.base_virtaddr, 0x124000000);
	CHECK_EQ(o.max_members, 7);
	CHECK_EQ(o.join_timeout_ms, 250);
	CHECK_EQ(o.n_allow_uid, 2);
	CHECK_EQ(o.allow_uid[1], 6);
	CHECK_EQ(o.memory_max, 3ull << 30);
	CHECK_EQ(o.mem_mb, 64);
	CHECK_EQ(o.mem_channels, 4);
	CHECK_EQ(o.mem_ranks, 16);
	CHECK(o.no_pci && o.create_uio);
	CHECK_EQ(o.vfio_intr, SH_VFIO_MSIX);
	CHECK_EQ(o.vfio_token[0], 0x00);
	CHECK_EQ(o.vfio_token[1], 0x11);
	CHECK_EQ(o.vfio_token[15], 0xff);
}

TEST(log_options)
{
	static const char *const levels[] = {"8",	"debug",	"inf",	     "INFO",	   "1",
					     "lib.*:8", "lib.eal,info", "a:b,error", "user1:noti", "x:y:alert"};

	for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		char line[64];

		snprintf(line, sizeof(line), "--log-level %s", levels[i]);
		good(line);
		CHECK_STR(sh_opts_value(&o, SH_OPT_LOG_LEVEL, 0), levels[i]);
	}
	good("--log-level=lib.*:debug --log-level 5 --log-color --log-timestamp=iso --syslog=local3");
	CHECK_STR(sh_opts_value(&o, SH_OPT_LOG_LEVEL, 1), "5");
	CHECK(sh_opts_value(&o, SH_OPT_LOG_COLOR, 0) == NULL);
	CHECK_EQ(o.seen[SH_OPT_LOG_COLOR], 1);
	CHECK_STR(sh_opts_value(&o, SH_OPT_LOG_TIMESTAMP, 0), "iso");
	CHECK(o.want_syslog);
	CHECK_EQ(o.syslog_facility, LOG_LOCAL3);
}

/* 22.11 requires the facility, 26.11 takes it after '=' only: both must work */
TEST(syslog_with_and_without_facility)
{
	rest("--syslog user", 2, "prog");
	CHECK_EQ(o.syslog_facility, LOG_USER);
	rest("--syslog word", 1, "prog word");
	CHECK_EQ(o.syslog_facility, LOG_DAEMON);
	rest("--syslog", 1, "prog");
}

TEST(help_ends_the_reading)
{
	good("-h --bogus -l 77");
	CHECK(o.want_help);
	good("--log-level=help -l 77");
	CHECK(o.want_log_help);
	good("-vh");
	CHECK(o.want_help && o.want_version);
	CHECK_EQ(parse("--bogus -h"), -EINVAL);
}

TEST(arguments_that_are_no_command_line)
{
	cpu_set_t set;
	char *none[] = {NULL}, *hole[] = {(char *)"prog", NULL, (char *)"-v", NULL};

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	CHECK_EQ(sh_opts_parse(&o, 0, none, &set, err, sizeof(err)), -EINVAL);
	CHECK_HAS(err, "program's name is missing");
	CHECK_EQ(sh_opts_parse(&o, 0, NULL, &set, err, sizeof(err)), -EINVAL);
	CHECK_EQ(sh_opts_parse(&o, -5, none, &set, err, sizeof(err)), -EINVAL);
	CHECK_EQ(sh_opts_parse(&o, 3, hole, &set, err, sizeof(err)), -EINVAL);
	CHECK_STR(err, "argv[1] of 3 is NULL; pass argc and argv of main()");
}

TEST(an_error_is_one_line_and_fits)
{
	cpu_set_t set;
	char *argvs[] = {(char *)"prog", (char *)"--proc-type=a\nb\x01", NULL};
	char small[10];

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	CHECK_EQ(sh_opts_parse(&o, 2, argvs, &set, err, sizeof(err)), -EINVAL);
	CHECK_HAS(err, "'a?b?' is no type");
	CHECK_EQ(sh_opts_parse(&o, 2, argvs, &set, small, sizeof(small)), -EINVAL);
	CHECK_STR(small, "option --");
}
