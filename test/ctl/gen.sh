#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# gen.sh SOURCE-DIR COMPILER LIBRARY - a list of commands becomes a header that compiles, and a program that does what is typed
gen=$1/tools/dpdk-cmdline-gen.py
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

report() # STATUS NAME
{
	if [ "$1" = 0 ]; then
		echo "ok - $2"
		passed=$((passed + 1))
	else
		echo "not ok - $2"
		sed 's/^/  | /' "$tmp/log"
		failed=$((failed + 1))
	fi
}

cat >"$tmp/commands.list" <<'END'
# a list
list                          # show "all"
add <UINT16>x <INT8>y         # add x and y
echo <STRING>echo_            # print it
set mode <(rx, tx,rxtx)>mode
route <IPv4>dst via <IP>gw <ETHER>mac
route6 <IPv6>dst <IP_ADDR>via <IPADDR>or
ethdev <STRING>__dev mtu <UINT16>size
ethdev <STRING>__dev show
unix linux <UINT8>n
"say" "<(b, c)>m" 'it now'
start tx_first
start tx_first <UINT16>__n
default int <INT32>i
dry-run now
quit
END
python3 "$gen" --stubs --context-name main_ctx -o "$tmp/commands.h" "$tmp/commands.list" >"$tmp/log" 2>&1 &&
	$2 -c -std=gnu11 -Wall -Wextra -Werror -I"$1/include" -include rte_config.h "$tmp/commands.c" -o "$tmp/stubs.o" >>"$tmp/log" 2>&1
report $? "the header and the stubs of every type compile"

cat >"$tmp/prog.c" <<'END'
#include "commands.h"
#define STUB(n) void cmd_##n##_parsed(void *r, struct cmdline *cl, void *d) { (void)r; (void)d; cmdline_printf(cl, "did " #n "\n"); }
STUB(list) STUB(echo) STUB(route) STUB(route6) STUB(start_tx_first) STUB(unix_linux) STUB(default_int) STUB(dry_run_now)
void cmd_add_parsed(void *r, struct cmdline *cl, void *d)
{
	struct cmd_add_result *a = r;

	(void)d;
	cmdline_printf(cl, "sum %d\n", a->x + a->y);
}
void cmd_set_mode_parsed(void *r, struct cmdline *cl, void *d) { (void)d; cmdline_printf(cl, "mode %s\n", ((struct cmd_set_mode_result *)r)->mode); }
/* __ is of the name of the function, not of the field's */
void cmd_start_tx_first_n_parsed(void *r, struct cmdline *cl, void *d) { (void)d; cmdline_printf(cl, "n %d\n", ((struct cmd_start_tx_first_n_result *)r)->n); }
void cmd_ethdev_dev_mtu_parsed(void *r, struct cmdline *cl, void *d)
{
	struct cmd_ethdev_dev_mtu_result *e = r;

	(void)d;
	cmdline_printf(cl, "mtu of %s %d\n", e->dev, e->size);
}
void cmd_ethdev_dev_show_parsed(void *r, struct cmdline *cl, void *d) { (void)d; cmdline_printf(cl, "show %s\n", ((struct cmd_ethdev_dev_show_result *)r)->dev); }
void cmd_say_parsed(void *r, struct cmdline *cl, void *d) { (void)d; cmdline_printf(cl, "say %s\n", ((struct cmd_say_result *)r)->m); }
void cmd_quit_parsed(void *r, struct cmdline *cl, void *d) { (void)r; (void)d; cmdline_quit(cl); }
int main(void)
{
	struct cmdline *cl = cmdline_stdin_new(main_ctx, "");

	cmdline_interact(cl);
	cmdline_stdin_exit(cl);
	cmdline_free(cl);
	return 0;
}
END
cat >"$tmp/typed" <<'END'
list
add 7 -3
set mode tx
set mode no
route 1.2.3.4 via ::1 00:11:22:33:44:55
start tx_first
start tx_first 5
ethdev net0 mtu 1500
ethdev net1 show
unix linux 3
say c it now
default int 7
dry-run now
quit
END
cat >"$tmp/want" <<'END'
did list
sum 4
mode tx
Bad arguments
did route
did start_tx_first
n 5
mtu of net0 1500
show net1
did unix_linux
say c
did default_int
did dry_run_now
END
# shellcheck disable=SC2086
$2 -std=gnu11 -Wall -Wextra -Werror -I"$1/include" -include rte_config.h "$tmp/prog.c" -o "$tmp/prog" "$3" -pthread -lm -ldl >"$tmp/log" 2>&1 &&
	"$tmp/prog" <"$tmp/typed" >"$tmp/shown" 2>>"$tmp/log" &&
	tr -d '\r' <"$tmp/shown" | grep -vxF -f "$tmp/typed" >"$tmp/got"
diff "$tmp/got" "$tmp/want" >>"$tmp/log" 2>&1
report $? "a program made with it does what is typed"

refused() # LINE-OF-A-LIST WHAT-IS-SAID
{
	printf '%b' "$1" | python3 "$gen" >/dev/null 2>"$tmp/log"
	[ $? = 1 ] && grep -qF "$2" "$tmp/log"
	report $? "refused: $2"
}
refused 'add <FOO>x\n' 'line 1: '"'<FOO>x': no type FOO"
refused '\n<STRING>x\n' 'line 2: a command begins with a word'
refused 'a <INT8>x\na <INT8>y\n' 'line 2: cmd_a_parsed is made of line 1 already'
refused 'a <(b,)>x\n' 'choices are words'
refused 'a <INT8>int\n' 'int is a word of C'
refused 'a <INT8>x <INT8>x\n' 'two variables have the name x'
refused 'a <INT8>x\0303\0251\n' 'a variable is <TYPE>name'
refused 'a <b\n' 'a variable is <TYPE>name'
refused 'a <INT8>__int\n' 'int is a word of C'
refused 'a <INT8>__1\n' "'1' is no name in C"
refused 'a <INT8>NULL\n' 'NULL is a word of C or C++, or a macro'
refused 'a <INT8>errno\n' 'errno is a word of C or C++, or a macro'
refused 'a <INT8>unix\n' 'unix is a word of C or C++, or a macro'
refused 'a\nb "c d\n' 'line 2: a quote is not closed'
refused 'a\nb \0377\n' 'line 2: byte 0xff is no UTF-8'
refused 'a\0007\n' 'line 1: a character in it cannot be typed'
refused '' 'the list has no commands'
refused '# nothing\n\n' 'the list has no commands'
for name in 'a-b c' 1a '' int 'ä'; do
	python3 "$gen" --context-name "$name" "$tmp/commands.list" >"$tmp/out" 2>"$tmp/log"
	[ $? = 1 ] && grep -qF -e "--context-name: '$name' is no name in C" "$tmp/log" && [ ! -s "$tmp/out" ]
	report $? "refused: a context with the name '$name'"
done
printf 'a\nb <UINT8>EINVAL\n' | python3 "$gen" >"$tmp/macro.h" && printf '#include <errno.h>\n#include "macro.h"\n' >"$tmp/macro.c"
! $2 -c -std=gnu11 -I"$1/include" -include rte_config.h "$tmp/macro.c" -o "$tmp/macro.o" >"$tmp/log" 2>&1 &&
	grep -q 'line 2 of the list of commands: EINVAL is a macro' "$tmp/log"
report $? "a field that is a macro is named by the compiler"
python3 "$gen" --stubs /dev/null 2>"$tmp/log" >/dev/null
[ $? = 1 ] && grep -q 'wants --output-file' "$tmp/log"
report $? "stubs want a name"

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
