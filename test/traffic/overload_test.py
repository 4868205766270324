#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What goes wrong on a path: a stopped process, full queues, a link that flaps, hosts of different MTUs. Each packet is counted
where it was lost, nobody else is harmed, and a soak leaves nothing behind.

overload_test.py BUILD_DIR [PATTERN...]; $SHOAL_SOAK_S: seconds of the soak (20).
"""
import os
import random
import re
import signal
import subprocess
import sys
import time

from world import DEVICES, Failed, Program, World, command, forwarders, run_cases, symmetric, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
POOL = 'SMP_MBUF_POOL'
ROW = re.compile(r' *(\d+) +all +(\d+) +(\d+) +missed (\d+), errors (\d+)')
# the left host's port, the right host's
MIXED = [DEVICES['tap'][0], DEVICES['af_packet'][1]]


def devices_of(kind):
    return MIXED if kind == 'mixed' else DEVICES[kind]


def path(w, exes, kind, mtu=1500, more=()):
    """two processes of symmetric_mp between the hosts"""
    devices = devices_of(kind)
    veths = [i for i, d in enumerate(devices) if 'af_packet' in d]
    w.veths(mtu=mtu, which=veths)
    p = forwarders(w, exes['symmetric_mp'], devices, 2, more=more)
    w.plug_taps(which=[i for i in range(2) if i not in veths])
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
    sent = int(w.left.run(gen, 'eth0', '1', '10000', '60', '20000').split()[-1])
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


def state_of(world, proc):
    """what a process has: open files, pieces of its address space, bytes in memory that are not shared; files of the group"""
    with open(f'/proc/{proc.pid}/status', encoding='ascii') as f:
        anon = int(re.search(r'RssAnon:\s+(\d+)', f.read())[1]) * 1024
    with open(f'/proc/{proc.pid}/maps', encoding='ascii') as f:
        maps = len(f.readlines())
    files = sum(len(f) for d, _, f in os.walk(world.dir) if 'www' not in d)
    return {'open files': len(os.listdir(f'/proc/{proc.pid}/fd')), 'maps': maps, 'bytes': anon, 'files of the group': files}


# more than at the beginning is a leak: a kill is followed by the next in half a second, and many make one of these
SLACK = {'open files': 0, 'maps': 4, 'bytes': 4_000_000, 'files of the group': 2}


def soak(exes):
    """kills without end under load, a tap on one side and a veth on the other: no mbuf, no file, no memory is lost"""
    seconds = float(os.environ.get('SHOAL_SOAK_S', '20'))
    w = World()
    rnd = random.Random(6)
    see, began = None, time.monotonic()
    try:
        more = ('--track-pools',)
        p = path(w, exes, 'mixed', more=more)
        see = watch(w)
        want, gen, kills = w.serve(4_000_000), generator(w), 0

        def round_():
            nonlocal kills
            noise = w.left.start(gen, 'eth0', '0.5', '1000', '60', stdout=subprocess.DEVNULL)
            time.sleep(rnd.random() * 0.3)  # sleep: the kill comes at any time
            p[1].kill()
            w.programs.remove(p[1])
            p[1] = symmetric(w, exes['symmetric_mp'], MIXED, 2, 1, more=more)
            p[1].expect('using queue 1 of each port')
            kills += 1
            if w.download(4, 4_000_000) != want:
                raise Failed('a file that came has another digest')
            noise.wait()
            w.left.children.clear()

        def all_back():
            have, all_ = Counts(see).pool
            return have == all_

        def compare(first, heap):
            wait_for('all mbufs are in the pool', all_back)
            now, at = state_of(w, p[0].proc), Counts(see).heap
            print(f'# {time.monotonic() - began:.0f} s: {kills} kills, {kills} files of 4 MB; {now}; heap {at}', flush=True)
            more_ = [k for k, slack in SLACK.items() if now[k] > first[k] + slack]
            if more_ or at[0] > heap[0] + 1_000_000:
                raise Failed(f'after {kills} kills more {", ".join(more_) or "of the heap"}: {now}, {at}; before {first}, {heap}')
        for _ in range(3):
            round_()
        wait_for('all mbufs are in the pool', all_back)
        first, heap, end, told = state_of(w, p[0].proc), Counts(see).heap, time.monotonic() + seconds, time.monotonic()
        print(f'# before: {first}; heap {heap}', flush=True)
        while time.monotonic() < end:
            round_()
            if time.monotonic() > told + 120:
                told = time.monotonic()
                compare(first, heap)
        compare(first, heap)
    except Failed as e:
        raise Failed(f'{e}; mbufs in the pool: {Counts(see).pool if see else "?"}') from None
    finally:
        w.close()


CASES = {f'{name}_over_{kind}': lambda e, f=f, k=kind: f(k, e) for name, f in (
    ('a_stopped_process', stopped_process), ('a_flapping_link', flapping_link), ('hosts_of_different_mtus', different_mtus))
         for kind in ('tap', 'af_packet')}
CASES['soak'] = soak

if __name__ == '__main__':
    sys.exit(run_cases(CASES, ('symmetric_mp',), ('nginx', 'curl', 'iperf3', 'ping')))
