#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's hotplug_mp, built unmodified against shoal, at two and three terminals.

drive_hotplug.py DIR [TAG]: as drive.py. The lines of hotplug_mp() are those that DPDK's own build shows; what follows a death or a
stop has no counterpart there.
"""
import os
import signal
import sys

from drive import run_cases
from terminal import Failed

PROMPT = 'example> '


def terminals(prog, g, n):
    """a primary and secondaries, each at its prompt"""
    all_ = []
    for i in range(n):
        cpu = i % min(2, os.cpu_count())
        t = g.start(prog, '--lcores', f'0@{cpu}', '--proc-type=' + ('secondary' if i else 'primary'))
        t.expect(PROMPT)
        all_.append(t)
    return all_


def lists(t, *ports):
    """exactly these ports, as "0\\tnet_null0" """
    start = len(t.shown)
    t.ask('list\n', 'list all etherdev\n', PROMPT)
    shown = t.shown[start:t.seen].split('list all etherdev\n')[-1]
    if shown != ''.join(p + '\n' for p in ports) + PROMPT:
        raise Failed(f'{t.name} lists {shown!r}, not {ports}')


def quit_all(*all_):
    for t in all_:
        t.type('quit\n')
        t.ends()


def hotplug_mp(prog, g):
    """attach and detach at either terminal, what is wrong, help, quit"""
    a, b = terminals(prog, g, 2)
    a.ask('help\n', 'commands:\n', '- attach <devargs>\n', '- detach <devargs>\n', '- list\n', PROMPT)
    lists(a)
    a.ask('attach net_null0\n', 'attached device net_null0\n', PROMPT)
    lists(a, '0\tnet_null0')
    lists(b, '0\tnet_null0')
    b.ask('attach net_ring1\n', 'attached device net_ring1\n', PROMPT)
    lists(a, '0\tnet_null0', '1\tnet_ring1')
    b.ask('detach net_null0\n', 'detaching...\n', 'detached device net_null0\n', PROMPT)
    lists(a, '1\tnet_ring1')
    lists(b, '1\tnet_ring1')
    a.ask('attach bogus0\n', 'EAL: failed to parse device "bogus0"', 'cannot parse devargs\n', PROMPT)
    a.ask('attach net_ring1\n', 'EAL: Failed to attach device on primary process', 'attached device net_ring1\n', PROMPT)
    b.ask('detach net_null0\n', 'detaching...\n', 'EAL: Cannot find plugged device (net_null0)', PROMPT)
    a.ask('attach\n', 'Bad arguments\n', PROMPT)
    a.ask('attach net_null0,size=100\n', 'attached device net_null0\n', PROMPT)
    lists(b, '0\tnet_null0', '1\tnet_ring1')
    quit_all(b, a)


def three(prog, g):
    """three terminals; each sees what each does"""
    t = terminals(prog, g, 3)
    for i in (2, 0, 1):
        t[i].ask(f'attach net_null{i}\n', f'attached device net_null{i}\n', PROMPT)
    for x in t:
        lists(x, '0\tnet_null2', '1\tnet_null0', '2\tnet_null1')
    t[0].ask('detach net_null2\n', 'detached device net_null2\n', PROMPT)
    for x in t:
        lists(x, '1\tnet_null0', '2\tnet_null1')
    late = g.start(prog, '--lcores', '0@0', '--proc-type=auto')
    late.expect(PROMPT)
    lists(late, '1\tnet_null0', '2\tnet_null1')
    quit_all(late, *t[::-1])


def killed(prog, g):
    """kill -9 of a secondary in between, then of the primary; the others go on, and who comes adopts"""
    a, b, c = terminals(prog, g, 3)
    b.ask('attach net_null0\n', 'attached device net_null0\n', PROMPT)
    b.kill()
    b.proc.wait()
    a.ask('attach net_ring0\n', 'attached device net_ring0\n', PROMPT)
    lists(c, '0\tnet_null0', '1\tnet_ring0')
    for n in range(1, 7):  # killed in the middle of an attach, wherever that is: there for all, or for nobody
        d = g.start(prog, '--lcores', '0@0', '--proc-type=secondary')
        d.expect(PROMPT)
        d.type(f'attach net_null{n}\n')
        d.expect('attach net_null')
        d.kill()
        d.proc.wait()
        c.ask(f'attach net_null{n}\n', f'attached device net_null{n}\n', PROMPT)
        c.ask(f'detach net_null{n}\n', f'detached device net_null{n}\n', PROMPT)
        lists(a, '0\tnet_null0', '1\tnet_ring0')
    a.kill()
    a.proc.wait()
    c.ask('detach net_null0\n', 'detached device net_null0\n', PROMPT)
    c.ask('attach net_null9\n', 'attached device net_null9\n', PROMPT)
    e = g.start(prog, '--lcores', '0@0', '--proc-type=auto')
    e.expect(PROMPT)
    lists(e, '0\tnet_null9', '1\tnet_ring0')
    e.ask('detach net_ring0\n', 'detached device net_ring0\n', PROMPT)
    lists(c, '0\tnet_null9')
    quit_all(c, e)


def stopped(prog, g):
    """one that is stopped has an attach refused and taken back; when it goes on all is as it was"""
    a, b, c = terminals(prog, g, 3)
    b.kill(signal.SIGSTOP)
    os.waitpid(b.proc.pid, os.WUNTRACED)
    a.ask('attach net_null0\n', 'did not attach it within 5 s', 'failed to attached device net_null0\n', PROMPT)
    lists(c)
    b.kill(signal.SIGCONT)
    lists(b)
    a.ask('attach net_null0\n', 'attached device net_null0\n', PROMPT)
    lists(b, '0\tnet_null0')
    quit_all(b, c, a)


CASES = [('hotplug_mp', fn) for fn in (hotplug_mp, three, killed, stopped)]

if __name__ == '__main__':
    sys.exit(run_cases(CASES))
