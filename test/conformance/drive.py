#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Drives DPDK's example programs, built unmodified against shoal, and one with a generated command line, as a person would.

drive.py DIR: DIR/NAME/build/NAME is the program of each example. Each case is named after what the user sees; what is compared is
what DPDK's own build shows. Prints ok or not ok for each, and the count.
"""
import os
import pwd
import shutil
import sys
import tempfile

from terminal import Failed, Terminal

NOBODY = 'nobody' if os.geteuid() == 0 else None  # an ordinary user


class Group:
    """A runtime directory of its own, and who was started in it."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='shoal-conf-')
        if NOBODY:
            os.chown(self.dir, pwd.getpwnam(NOBODY).pw_uid, -1)
        self.all = []

    def start(self, prog, *args, dash=()):
        env = dict(os.environ, XDG_RUNTIME_DIR=self.dir)
        env.pop('RUNTIME_DIRECTORY', None)
        t = Terminal([prog, *args] + (['--', *dash] if dash else []), user=NOBODY, env=env)
        self.all.append(t)
        return t

    def close(self):
        for t in self.all:
            t.close()
        shutil.rmtree(self.dir)


def helloworld(prog, g):
    """hello from every core, and the end"""
    t = g.start(prog, '--lcores', '0,1@0,2@0')
    t.ends()
    for core in (0, 1, 2):
        if f'hello from core {core}\n' not in t.shown:
            raise Failed(f'no hello from core {core} in {t.shown!r}')


def cmdline_commands(prog, g):
    """help, add, show, del, and each kind of wrong line"""
    t = g.start(prog)
    t.expect('example> ')
    t.ask('help\n', 'Demo example of command line interface in RTE', 'example> ')
    t.ask('add one 1.2.3.4\n', 'Object one added, ip=1.2.3.4\n', 'example> ')
    t.ask('add two fe80::1\n', 'Object two added, ip=fe80:0000:0000:0000:0000:0000:0000:0001\n', 'example> ')
    t.ask('show one\n', 'Object one, ip=1.2.3.4\n', 'example> ')
    t.ask('del one\n', 'Object one removed, ip=1.2.3.4\n', 'example> ')
    t.ask('show one\n', 'Bad arguments\n', 'example> ')
    t.ask('add\n', 'Bad arguments\n', 'example> ')
    t.ask('bogus\n', 'Command not found\n', 'example> ')
    t.ask('# nothing\n', 'example> ')
    t.type('\x04')
    t.ends()


def cmdline_keys(prog, g):
    """completion, lists, history, editing"""
    t = g.start(prog)
    t.expect('example> ')
    t.ask('?', ' show [Mul-choice STRING]: Show/del an object\n', ' del [Mul-choice STRING]: Show/del an object\n',
          ' add [Fixed STRING]: Add an object (name, val)\n', ' help [Fixed STRING]: show help\n', 'example> ')
    t.ask('a\t', 'add ')
    t.ask('\t', ' [Any STRING]: Add an object (name, val)\n', 'example> add ')
    t.ask('obj 1.1.1.1\n', 'Object obj added, ip=1.1.1.1\n', 'example> ')
    t.ask('show \t', ' obj [Obj-List]: Show/del an object\n', 'example> show ')
    t.ask('o\t\n', 'Object obj, ip=1.1.1.1\n', 'example> ')
    t.ask('\x1b[A', 'show obj')
    t.ask('\x1b[A', 'add obj 1.1.1.1')
    t.ask('\x1b[B\n', 'Object obj, ip=1.1.1.1\n', 'example> ')
    t.ask('shoow obj\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x7f\n', 'Object obj, ip=1.1.1.1\n', 'example> ')
    t.ask('garbage\x03', 'example> ')
    t.type('\x04')
    t.ends()


def two_terminals(prog, g):
    a = g.start(prog, '--lcores', '0@0,1@0', '--proc-type=primary')
    a.expect('simple_mp > ')
    b = g.start(prog, '--lcores', '0@1,1@1' if os.cpu_count() > 1 else '0@0,1@0', '--proc-type=secondary')
    b.expect('simple_mp > ')
    return a, b


def simple_mp(prog, g):
    """send hello both ways in two terminals, help, TAB, bad arguments, quit"""
    a, b = two_terminals(prog, g)
    for t in (a, b):
        for line in ('APP: Finished Process Init.', 'Starting core 1'):
            if line not in t.shown:
                t.seen = 0
                t.expect(line)
        t.seen = len(t.shown)
    a.ask('send hello_primary\n', 'simple_mp > ')
    b.expect("core 1: Received 'hello_primary'\n")
    b.ask('send hello_secondary\n', 'simple_mp > ')
    a.expect("core 1: Received 'hello_secondary'\n")
    a.ask('help\n', 'Simple demo example of multi-process in RTE', '- send [string]', '- help', '- quit', 'simple_mp > ')
    b.ask('?', ' send [Fixed STRING]: send a string to another process\n', ' quit [Fixed STRING]: close the application\n',
          ' help [Fixed STRING]: show help\n')
    b.ask('se\t', 'send ')
    b.ask('tab\n', 'simple_mp > ')
    a.expect("core 1: Received 'tab'\n")
    a.ask('send\n', 'Bad arguments\n')
    a.ask('send a b c\n', 'Bad arguments\n')
    a.ask('bogus\n', 'Command not found\n')
    b.type('quit\n')
    b.ends()
    a.type('quit\n')
    a.ends()


def simple_mp_restart(prog, g):
    """a secondary is killed while it reads; another one takes its place"""
    a, b = two_terminals(prog, g)
    b.kill()
    b.proc.wait()
    c = g.start(prog, '--lcores', '0@0,1@0', '--proc-type=auto')
    c.expect('simple_mp > ')
    for n in range(20):
        a.ask(f'send again{n}\n', 'simple_mp > ')
        c.expect(f"Received 'again{n}'\n")
    c.ask('send back\n', 'simple_mp > ')
    a.expect("Received 'back'\n")
    for t in (c, a):
        t.type('quit\n')
        t.ends()


def simple_mp_alone(prog, g):
    """a secondary without a primary is told so and ends"""
    t = g.start(prog, '--lcores', '0@0,1@0', '--proc-type=secondary')
    t.expect('Cannot init EAL')
    t.ends(1)


def listed_talk(prog, g):
    """a command line made of a list: sent both ways in two terminals, help in the list's order, TAB, bad arguments, quit"""
    a = g.start(prog, '--lcores', '0@0,1@0', '--proc-type=primary')
    a.expect('core 1 listens')
    b = g.start(prog, '--lcores', '0@0,1@0', '--proc-type=secondary')
    b.expect('core 1 listens')
    a.ask('send hello\n', 'listed > ')
    b.expect("core 1: got 'hello'\n")
    b.ask('send back\n', 'listed > ')
    a.expect("core 1: got 'back'\n")
    a.ask('?', ' send [Fixed STRING]: hand a text to the other process\n', ' help [Fixed STRING]: say what there is\n',
          ' quit [Fixed STRING]: end this process\n', ' attach [Fixed STRING]: add a thing to the list\n')
    a.ask('sen\t', 'send ')
    a.ask('tab\n', 'listed > ')
    b.expect("core 1: got 'tab'\n")
    a.ask('help\n', 'send, attach, detach, list')
    a.ask('send\n', 'Bad arguments\n')
    a.ask('bogus\n', 'Command not found\n')
    for t in (b, a):
        t.type('quit\n')
        t.ends()


def listed_types(prog, g):
    """a command line made of a list: each kind of variable, at its limits"""
    t = g.start(prog, '--lcores', '0@0')
    t.expect('listed > ')
    t.ask('attach net_null0,copy=1\n', 'listed > ')
    t.ask('attach net_null0,copy=1\n', 'cannot attach net_null0,copy=1\n')
    t.ask('list\n', 'things:\n0\tnet_null0,copy=1\n')
    t.ask('detach net_null0,copy=1\n', 'listed > ')
    t.ask('detach net_null0,copy=1\n', 'cannot detach')
    for mode in ('rx', 'tx', 'rxtx'):
        t.ask(f'set mode {mode}\n', f'mode is now {mode}\n')
    t.ask('set mode both\n', 'Bad arguments\n')
    t.ask('route fe80::1 1.2.3.4 ::ffff\n', 'addresses fe80::1, 1.2.3.4, ::ffff\n')
    t.ask('route 9.8.7.6 1.2.3.4 ::1\n', 'addresses 9.8.7.6, 1.2.3.4, ::1\n')
    t.ask('route 9.8.7.6 ::1 ::1\n', 'Bad arguments\n')
    t.ask('route 9.8.7.6 1.2.3.4 1.2.3.4\n', 'Bad arguments\n')
    t.ask('count unsigned 255 65535 4294967295 18446744073709551615\n',
          'unsigned 255 65535 4294967295 18446744073709551615\n')
    t.ask('count unsigned 256 0 0 0\n', 'Bad arguments\n')
    t.ask('count signed -128 -32768 -2147483648 -9223372036854775808\n',
          'signed -128 -32768 -2147483648 -9223372036854775808\n')
    t.ask('count signed 128 0 0 0\n', 'Bad arguments\n')
    t.ask('count signed 0x10 0b11 017 7\n', 'signed 16 3 15 7\n')
    t.type('quit\n')
    t.ends()


CASES = [('helloworld', helloworld), ('cmdline', cmdline_commands), ('cmdline', cmdline_keys), ('simple_mp', simple_mp),
         ('simple_mp', simple_mp_restart), ('simple_mp', simple_mp_alone), ('listed', listed_talk), ('listed', listed_types)]


def run_cases(cases):
    """each (program, case) in a group of its own"""
    passed = failed = 0
    tag = sys.argv[2] if len(sys.argv) > 2 else ''
    for path, fn in cases:
        name = os.path.basename(path)
        prog = os.path.join(sys.argv[1], path if '/' in path else f'{name}/build/{name}')
        if not os.path.exists(prog):  # its build has failed, and was counted
            continue
        g = Group()
        try:
            fn(prog, g)
            print(f'ok - {name}{tag}: {fn.__doc__}')
            passed += 1
        except Failed as e:
            print(f'not ok - {name}{tag}: {fn.__doc__}\n  | {e}')
            failed += 1
        finally:
            g.close()
    print(f'{passed} passed, {failed} failed, 0 skipped')
    return failed != 0


if __name__ == '__main__':
    sys.exit(run_cases(CASES))
