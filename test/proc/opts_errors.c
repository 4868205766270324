/* SPDX-License-Identifier: BSD-3-Clause */
/* opts_errors.c - every line that a bad option is answered with */
#include "opts_help.h"

TEST(unknown_options)
{
#define UNKNOWN "unknown; -h lists the options, those of the program itself come after \"--\""
	refused("-q", "option -q: " UNKNOWN);
	refused("--bogus", "option --bogus: " UNKNOWN);
	refused("--bogus=1", "option --bogus: " UNKNOWN);
	refused("--=1", "option --: " UNKNOWN);
	refused("-vq", "option -q: " UNKNOWN);
	refused("--no-hugex", "option --no-hugex: " UNKNOWN);
	refused("--master-lcore 1", "option --master-lcore: " UNKNOWN);
}

TEST(ambiguous_abbreviations)
{
	refused("--no-h", "option --no-h: ambiguous, it may mean --no-hpet or --no-huge; write the name in full");
	refused("--socket=1",
		"option --socket: ambiguous, it may mean --socket-mem or --socket-limit; write the name in full");
	refused("--memory 1",
		"option --memory: ambiguous, it may mean --memory-size or --memory-channels; write the name in "
		"full");
}

TEST(values_missing_or_too_many)
{
	refused("-l", "option -l: needs a value: -l MAP");
	refused("--file-prefix", "option --file-prefix: needs a value: --file-prefix=NAME");
	refused("--no-huge=1", "option --no-huge: takes no value, but has '1'; leave out the '='");
	refused("-v=1", "option -v: takes no value, but has '1'; leave out the '='");
	refused("--file-prefix=", "option --file-prefix: the value is empty; give a name such as 'rte'");
	refused("--huge-dir=", "option --huge-dir: the value is empty; give DIR");
	refused("-a=", "option -a: the value is empty; give DEV");
}

TEST(two_values)
{
	refused("-l 0 -l 1", "option -l: given twice, with '0' and '1'; keep one of them");
	refused("-l 0 --lcores=1", "option --lcores: given twice, with '0' and '1'; keep one of them");
	refused("--proc-type auto --proc-type=primary",
		"option --proc-type: given twice, with 'auto' and 'primary'; keep one of them");
	refused("--huge-unlink --huge-unlink=never",
		"option --huge-unlink: given twice, with 'no value' and 'never'; keep one of them");
	refused("--numa-mem=1 --socket-mem=2", "option --socket-mem: given twice, with '1' and '2'; keep one of them");
}

TEST(conflicts)
{
	static const char *const pairs[][4] = {
		{"-a x -b y", "-a", "-b", "one names all devices to use, the other those not to"},
		{"-c 1 -l 0", "-l", "-c", "they say the same thing in two ways"},
		{"--lcores 0 --coremask=1", "--lcores", "--coremask", "they say the same thing in two ways"},
		{"-l 0-1 -s 2 -S 1", "-S", "-s", "they say the same thing in two ways"},
		{"-m 5 --socket-mem 5", "-m", "--socket-mem", "they say the same thing in two ways"},
		{"--no-huge --numa-mem 5", "--no-huge", "--numa-mem", "it is about huge pages"},
		{"--no-huge --huge-worker-stack", "--no-huge", "--huge-worker-stack", "it is about huge pages"},
		{"--no-huge --match-allocations", "--no-huge", "--match-allocations", "it is about huge pages"},
		{"--no-huge --huge-unlink=never", "--no-huge", "--huge-unlink", "it is about huge pages"},
		{"--no-huge --single-file-segments", "--no-huge", "--single-file-segments", "it is about huge pages"},
		{"--no-huge --pagesz-mem=2M:4M", "--no-huge", "--pagesz-mem", "it is about huge pages"},
		{"--legacy-mem --in-memory", "--legacy-mem", "--in-memory", "static memory needs files"},
		{"--legacy-mem --match-alloc", "--legacy-mem", "--match-allocations", "static memory is never freed"},
		{"-A --auto-probing", "-A", "--auto-probing", "they say the opposite"},
		{"-b x --no-auto-probing", "--no-auto-probing", "-b", "nothing is probed that could be blocked"},
		{"--no-telemetry --telemetry", "--telemetry", "--no-telemetry", "they say the opposite"},
	};

	for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char text[300];

		snprintf(text, sizeof(text), "option %s: cannot be used together with %s: %s; leave one of them out",
			 pairs[i][1], pairs[i][2], pairs[i][3]);
		refused(pairs[i][0], text);
	}
	refused("--proc-type=secondary --no-shconf",
		"option --proc-type: a secondary cannot be used together with --no-shconf: "
		"such a process is alone; leave one of them out");
	refused("--in-memory --proc-type=secondary",
		"option --proc-type: a secondary cannot be used together with --in-memory: "
		"such a process is alone; leave one of them out");
}

TEST(malformed_values)
{
	static const char *const bad[][3] = {
		{"--allow-uid=x", "--allow-uid", "'x' is no user id; give a number as 'id -u' prints it"},
		{"--base-virtaddr=zz", "--base-virtaddr",
		 "'zz' is no address; give hexadecimal digits such as 0x550000000000"},
		{"--base-virtaddr=ffff800000000000", "--base-virtaddr",
		 "0xffff800000000000 is above what a program may map; give an address below 0x800000000000"},
		{"--file-prefix=a/b", "--file-prefix",
		 "'a/b' cannot name a directory: it must not contain '%' or '/' nor be '.' or '..'; give another name"},
		{"--file-prefix=a\033b", "--file-prefix",
		 "the name has a control character (0x1b) at place 2; give another name"},
		{"--file-prefix=\177", "--file-prefix",
		 "the name has a control character (0x7f) at place 1; give another name"},
		{"--file-prefix=%d", "--file-prefix",
		 "'%d' cannot name a directory: it must not contain '%' or '/' nor be '.' or '..'; give another name"},
		{"--force-max-simd-bitwidth=100", "--force-max-simd-bitwidth",
		 "'100' is no register width; give 0 (no cap) or a power of two from 64 to 32768"},
		{"--huge-unlink=x", "--huge-unlink",
		 "'x' is none of existing, always, never; give one of them or none"},
		{"--huge-worker-stack=0", "--huge-worker-stack", "'0' is no stack size; give KiB from 1 to 4194304"},
		{"--iova-mode=xx", "--iova-mode", "'xx' is no mode; give va"},
		{"--iova-mode=pa", "--iova-mode",
		 "physical addresses are not available: no device here needs them; use va or leave the option out"},
		{"--join-timeout=0", "--join-timeout",
		 "'0' is no time; give milliseconds from 1 to 86400000, such as 10000"},
		{"--log-color=x", "--log-color", "'x' is none of auto, always, never; give one of them or none"},
		{"--log-timestamp=x", "--log-timestamp",
		 "'x' is none of notime, reltime, delta, ctime, iso; give one of them or none"},
		{"--log-level=foo", "--log-level",
		 "'foo' is malformed; give a level (emergency, alert, critical, error, warning, notice, info, debug or "
		 "1 to 8), "
		 "or pattern:level, or regex,level; --log-level=help lists the types"},
		{"--max-members=257", "--max-members", "'257' is no number of members; give 1 to 256"},
		{"--mbuf-pool-ops-name=", "--mbuf-pool-ops-name",
		 "'' cannot name pool operations; give 1 to 31 characters"},
		{"--memory-max=x", "--memory-max",
		 "'x' is no size; give bytes, or a number with K, M, G or T, such as 512M"},
		{"--memory-max=99999999999T", "--memory-max",
		 "'99999999999T' is no size; give bytes, or a number with K, M, G or T, such as 512M"},
		{"-m 64M", "-m", "'64M' is no size; give a number of MiB without unit, such as 64"},
		{"-n 0", "-n", "'0' is no number of memory channels; give 1 or more, or leave the option out"},
		{"-n x", "-n", "'x' is no number of memory channels; give 1 or more, or leave the option out"},
		{"-r 17", "-r", "'17' is no number of memory ranks; give 1 to 16, or leave the option out"},
		{"--socket-mem=1,", "--socket-mem",
		 "'1,' is malformed; give MiB for each node with commas, such as 1024,512"},
		{"--numa-limit=x", "--numa-limit",
		 "'x' is malformed; give MiB for each node with commas, such as 1024,512"},
		{"--pagesz-mem=2M", "--pagesz-mem", "'2M' is malformed; give page size and limit, such as 2M:64M"},
		{"--pagesz-mem=3M:9M", "--pagesz-mem",
		 "'3M:9M': the page size must be a power of two and the limit a multiple of it; give for example "
		 "2M:64M"},
		{"--pagesz-mem=2M:3M", "--pagesz-mem",
		 "'2M:3M': the page size must be a power of two and the limit a multiple of it; give for example "
		 "2M:64M"},
		{"--proc-type=foo", "--proc-type", "'foo' is no type; give primary, secondary or auto"},
		{"--syslog=bad", "--syslog",
		 "'bad' is no facility; give auth, authpriv, cron, daemon, ftp, kern, lpr, mail, news, syslog, user, "
		 "uucp or "
		 "local0 to local7"},
		{"--trace-bufsz=x", "--trace-bufsz",
		 "'x' is no size; give bytes, or a number with B, K or M, such as 64K"},
		{"--trace-mode=x", "--trace-mode", "'x' is no mode; give overwrite or discard"},
		{"--vfio-intr=x", "--vfio-intr", "'x' is no interrupt mode; give legacy, msi or msix"},
		{"--vfio-vf-token=1-2", "--vfio-vf-token", "'1-2' is no UUID; give 8-4-4-4-12 hexadecimal digits"},
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[400];

		snprintf(text, sizeof(text), "option %s: %s", bad[i][1], bad[i][2]);
		refused(bad[i][0], text);
	}
}

TEST(malformed_log_levels)
{
	static const char *const bad[] = {"0", "9", "e", "10", "", ":8", ",8", "x:", "x,", "x:loud"};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char line[64];

		snprintf(line, sizeof(line), "--log-level=%s", bad[i]);
		CHECK_EQ(parse(line), -EINVAL);
		CHECK_HAS(err, "is malformed; give a level");
	}
}

TEST(too_many_users_and_too_long_a_name)
{
	char line[512] = "";

	for (unsigned i = 0; i < 17; i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "--allow-uid=%u ", i);
	refused(line, "option --allow-uid: more than 16 users; run the members under fewer");
	memset(line, 'x', 400);
	memcpy(line, "--file-prefix=", 14);
	line[400] = '\0';
	refused(line, "option --file-prefix: the name has 386 characters, more than 255; give a shorter one");
}
