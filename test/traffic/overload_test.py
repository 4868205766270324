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


def generator(world):
    exe = os.path.join(world.dir, 'gen')
    command('cc', '-O2', '-D_GNU_SOURCE', '-o', exe, os.path.join(ROOT, 'bench', 'traffic_gen.c'))
    return exe


def watch(world):
    w = Program(world, 'watch', [os.path.join(sys.argv[1], 'examples', 'packets', 'watch'), '--proc-type=secondary',
                                 '--log-level=error', '--lcores=0@0', '--', POOL])
    world.programs.append(w)
    return w


def counts(w):
    """port -> received, sent, missed, errors: now; and the mbufs in the pool, of how many"""
    seen = len(w.shown())
    wait_for('watch shows two tables', lambda: w.shown()[seen:].count(f'pool {POOL}') >= 2)
    text = w.shown().rpartition('\n\n')[0].rpartition('\n\n')[2]
    pool = re.search(rf'pool {POOL}: (\d+) of (\d+) mbufs', text)
    return ({int(m[1]): tuple(map(int, m.groups()[1:])) for m in ROW.finditer(text)}, (int(pool[1]), int(pool[2])))


def lost(host):
    """packets that the host's interface could not hand over: a queue was full"""
    return host.counter('tx_dropped')


def a_stopped_process_is_counted(exes):
    """10 000 flows, one of two processes stopped: the other goes on, what was lost is the full queue's; all is accounted for"""
    w = World()
    try:
        p = forwarders(w, exes['symmetric_mp'], DEVICES['tap'], 2)
        w.plug_taps()
        w.ping()
        gen, before, dropped = generator(w), w.right.counter('rx_packets'), lost(w.left)
        p[1].proc.send_signal(signal.SIGSTOP)
        sent = int(w.left.run(gen, 'eth0', '2', '10000', '60', '20000').split()[-1])
        alone = w.right.counter('rx_packets') - before
        if alone < sent // 20:
            raise Failed(f'of {sent} packets the process that was not stopped passed {alone}')
        if lost(w.left) == dropped:
            raise Failed(f'{sent} packets with one process stopped, and no queue was full')
        p[1].proc.send_signal(signal.SIGCONT)

        def all_there():
            return w.right.counter('rx_packets') - before + lost(w.left) - dropped >= sent
        wait_for('each packet is received or counted as lost', all_there)
        w.ping()
    finally:
        w.close()


def a_flapping_link(exes):
    """the link of one host goes down and up again and again: the download goes on"""
    w = World()
    try:
        forwarders(w, exes['symmetric_mp'], DEVICES['tap'], 2)
        w.plug_taps()
        want = w.serve(20_000_000)

        def flap():
            for _ in range(5):
                for state in ('down', 'up'):
                    w.left.run('ip', 'link', 'set', 'eth0', state)
        if w.download(4, 20_000_000, flap) != want:
            raise Failed('the file that came has another digest')
    finally:
        w.close()


def hosts_of_different_mtus(exes):
    """frames that no buffer of the program can hold are errors of the port; others pass"""
    w = World()
    try:
        forwarders(w, exes['symmetric_mp'], DEVICES['tap'], 2)
        w.plug_taps()
        see = watch(w)
        w.left.run('ip', 'link', 'set', 'eth0', 'mtu', '9000')
        w.ping()
        before = counts(see)[0][0][3]
        w.left.run('ping', '-c', '5', '-i', '0.05', '-W', '1', '-M', 'do', '-s', '8000', w.right.addr, check=False)
        got = counts(see)[0][0][3] - before
        if got < 5:
            raise Failed(f'5 frames of 8 KB were sent into buffers of 2 KB, and {got} errors counted')
        if w.iperf(1) <= 0:
            raise Failed('iperf3: nothing arrived')
    finally:
        w.close()


def state_of(proc):
    """open files, bytes in memory that are not shared"""
    with open(f'/proc/{proc.pid}/status', encoding='ascii') as f:
        anon = int(re.search(r'RssAnon:\s+(\d+)', f.read())[1]) * 1024
    return len(os.listdir(f'/proc/{proc.pid}/fd')), anon


def soak(exes):
    """kills without end under load: no mbuf, no file, no memory is lost"""
    seconds = float(os.environ.get('SHOAL_SOAK_S', '20'))
    w = World()
    rnd = random.Random(6)
    try:
        more = ('--track-pools',)
        p = forwarders(w, exes['symmetric_mp'], DEVICES['tap'], 2, more=more)
        w.plug_taps()
        see = watch(w)
        want, gen, kills, files, first = w.serve(4_000_000), generator(w), 0, 0, None

        def round_():
            nonlocal kills, files
            noise = w.left.start(gen, 'eth0', '0.5', '1000', '60', stdout=subprocess.DEVNULL)
            time.sleep(rnd.random() * 0.3)  # sleep: the kill comes at any time
            p[1].kill()
            p[1] = symmetric(w, exes['symmetric_mp'], DEVICES['tap'], 2, 1)
            p[1].expect('using queue 1 of each port')
            kills += 1
            if w.download(4, 4_000_000) != want:
                raise Failed('a file that came has another digest')
            files += 1
            noise.wait()
            w.left.children.clear()
        for _ in range(3):
            round_()
        first = state_of(p[0].proc)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            round_()

        def all_back():
            have, all_ = counts(see)[1]
            return have == all_
        wait_for('all mbufs are in the pool', all_back)
        files_now, anon = state_of(p[0].proc)
        if files_now > first[0] or anon > first[1] + 4_000_000:
            raise Failed(f'after {kills} kills the first process has {files_now} open files and {anon} bytes, before {first}')
        print(f'# {kills} kills, {files} files of 4 MB; {files_now} open files, {anon} bytes', flush=True)
    except Failed as e:
        raise Failed(f'{e}; mbufs in the pool: {counts(see)[1] if "see" in locals() else "?"}') from None
    finally:
        w.close()


CASES = {f.__name__: f for f in (a_stopped_process_is_counted, a_flapping_link, hosts_of_different_mtus, soak)}

if __name__ == '__main__':
    sys.exit(run_cases(CASES, ('symmetric_mp',), ('nginx', 'curl', 'iperf3', 'ping')))
