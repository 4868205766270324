#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What goes wrong on a path: a stopped process, full queues, a link that flaps, hosts of different MTUs. Each packet is counted
where it was lost, and nobody else is harmed.

overload_test.py BUILD_DIR [PATTERN...]
"""
import os
import re
import signal
import sys

from world import DEVICES, Failed, Program, World, command, forwarders, run_cases, symmetric, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
POOL = 'SMP_MBUF_POOL'
ROW = re.compile(r' *(\d+) +all +(\d+) +(\d+) +missed (\d+), errors (\d+)')


def path(w, exes, kind, mtu=1500):
    """two processes of symmetric_mp between the hosts"""
    if kind == 'af_packet':
        w.veths(mtu=mtu)
    p = forwarders(w, exes['symmetric_mp'], DEVICES[kind], 2)
    if kind == 'tap':
        w.plug_taps()
    return p


def generator(world):
    exe = os.path.join(world.dir, 'gen')
    command('cc', '-O2', '-D_GNU_SOURCE', '-o', exe, os.path.join(ROOT, 'bench', 'traffic_gen.c'))
    return exe


def watch(world):
    w = Program(world, 'watch', [os.path.join(sys.argv[1], 'examples', 'packets', 'watch'), '--proc-type=secondary',
                                 '--log-level=error', '--lcores=0@0', '--', POOL])
    world.programs.append(w)
    return w


class Counts:
    """What watch shows now: rows[port] is received, sent, missed, errors; mbufs in the pool, of how many; the heap."""

    def __init__(self, w):
        seen = w.size()
        wait_for('watch shows two tables', lambda: w.shown(seen).count(f'pool {POOL}') >= 2)
        text = w.shown(seen).rpartition('\n\n')[0].rpartition('\n\n')[2]
        pool = re.search(rf'pool {POOL}: (\d+) of (\d+) mbufs', text)
        heap = re.search(r'heap: (\d+) bytes in (\d+) pieces', text)
        self.rows = {int(m[1]): tuple(map(int, m.groups()[1:])) for m in ROW.finditer(text)}
        self.pool, self.heap = (int(pool[1]), int(pool[2])), (int(heap[1]), int(heap[2]))


def lost(host):
    """packets that the host's interface could not hand over: a queue was full"""
    return host.counter('tx_dropped')


def passed(w, gen):
    """packets of 10 000 flows in a second: how many the left host sent, how many came to the right one"""
    arrived = w.right.counter('rx_packets')
    sent = int(w.left.run(gen, 'eth0', '1', '10000', '60', '20000').split('sent ')[1].split()[0])
    return sent, w.right.counter('rx_packets') - arrived


def settle(see):
    """until nothing comes any more"""
    was = [None]

    def same():
        now = Counts(see).rows
        was[0], same_ = now, now == was[0]
        return same_
    wait_for('all packets have arrived', same)


def stopped_process(kind, exes):
    """10 000 flows, one of two processes stopped: the other goes on, what was lost is the full queue's; all is accounted for"""
    w = World()
    try:
        p = path(w, exes, kind)
        w.ping()
        see, gen = watch(w), generator(w)
        both = passed(w, gen)
        settle(see)
        dropped, before = lost(w.left), Counts(see).rows
        p[1].proc.send_signal(signal.SIGSTOP)
        sent, enough = 0, False
        for _ in range(5):  # others may want the processor just now
            alone = passed(w, gen)
            sent += alone[0]
            # half of the flows are its own, of these at least half
            enough = alone[1] / alone[0] >= both[1] / both[0] / 4
            if enough:
                break
        if not enough:
            raise Failed(f'both processes passed {both[1]} packets of {both[0]}, the one that was not stopped {alone[1]} of {alone[0]}')

        def missed():
            # at a ring, the port's own count; at a tap the interface's, which is the host's
            return (Counts(see).rows[0][2] - before[0][2] if kind == 'af_packet' else 0) + lost(w.left) - dropped
        if missed() == 0:
            raise Failed(f'{sent} packets with one process stopped, and no queue was full')
        p[1].proc.send_signal(signal.SIGCONT)
        have = 0

        def all_there():
            nonlocal have
            have = Counts(see).rows[0][0] - before[0][0] + missed()
            return have >= sent
        try:
            wait_for('each packet is received, or counted as lost', all_there)
        except Failed as e:
            raise Failed(f'{e}: {have} of {sent}') from None
        if have > sent + lost(w.left) - dropped + 100:  # but for what hosts say to each other
            raise Failed(f'{sent} packets were sent, and {have} are counted')
        w.ping()
    finally:
        w.close()


def flapping_link(kind, exes):
    """the link of one host goes down and up again and again: the download goes on"""
    w = World()
    try:
        p = path(w, exes, kind)
        want = w.serve(20_000_000)

        def flap():
            for _ in range(5):
                for state in ('down', 'up'):
                    w.left.run('ip', 'link', 'set', 'eth0', state)
        if w.download(4, 20_000_000, flap) != want:
            raise Failed('the file that came has another digest')
        ended = [x.name for x in p if x.proc.poll() is not None]
        if ended:
            raise Failed(f'{ended} ended')
    finally:
        w.close()


def different_mtus(kind, exes):
    """frames that no buffer of the program can hold are errors of the port; others pass"""
    w = World()
    try:
        path(w, exes, kind, mtu=9000)
        see = watch(w)
        w.left.run('ip', 'link', 'set', 'eth0', 'mtu', '9000')
        w.right.run('ip', 'link', 'set', 'eth0', 'mtu', '1500')
        w.ping()
        before = Counts(see).rows[0][3]
        w.left.run('ping', '-c', '5', '-i', '0.05', '-W', '1', '-M', 'do', '-s', '8000', w.right.addr, check=False)
        got = Counts(see).rows[0][3] - before
        if got < 5:
            raise Failed(f'5 frames of 8 KB were sent into buffers of 2 KB, and {got} errors counted')
        if w.iperf(1) <= 0:
            raise Failed('iperf3: nothing arrived')
    finally:
        w.close()


CASES = {f'{name}_over_{kind}': lambda e, f=f, k=kind: f(k, e) for name, f in (
    ('a_stopped_process', stopped_process), ('a_flapping_link', flapping_link), ('hosts_of_different_mtus', different_mtus))
         for kind in ('tap', 'af_packet')}

if __name__ == '__main__':
    sys.exit(run_cases(CASES, ('symmetric_mp',), ('nginx', 'curl', 'iperf3', 'ping')))
