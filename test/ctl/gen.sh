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
route6 <IPv6>dst
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
STUB(list) STUB(echo) STUB(route) STUB(route6) STUB(start_tx_first) STUB(start_tx_first_n) STUB(default_int) STUB(dry_run_now)
void cmd_add_parsed(void *r, struct cmdline *cl, void *d)
{
	struct cmd_add_result *a = r;

	(void)d;
	cmdline_printf(cl, "sum %d\n", a->x + a->y);
}
void cmd_set_mode_parsed(void *r, struct cmdline *cl, void *d) { (void)d; cmdline_printf(cl, "mode %s\n", ((struct cmd_set_mode_result *)r)->mode); }
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
did start_tx_first_n
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
refused 'a <INT8>x\xc3\xa9\n' 'a variable is <TYPE>name'
refused 'a <b\n' 'a variable is <TYPE>name'
refused '' 'the list has no commands'
refused '# nothing\n\n' 'the list has no commands'
for name in 'a-b c' 1a '' int 'ä'; do
	python3 "$gen" --context-name "$name" "$tmp/commands.list" >"$tmp/out" 2>"$tmp/log"
	[ $? = 1 ] && grep -qF -e "--context-name: '$name' is no name in C" "$tmp/log" && [ ! -s "$tmp/out" ]
	report $? "refused: a context with the name '$name'"
done
python3 "$gen" --stubs /dev/null 2>"$tmp/log" >/dev/null
[ $? = 1 ] && grep -q 'wants --output-file' "$tmp/log"
report $? "stubs want a name"

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
