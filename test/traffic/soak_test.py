#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""All that may befall a group that forwards, again and again under load: no mbuf, no file, no interface, no memory is lost.

Between the hosts: a tap on the left, a veth on the right, two processes of symmetric_mp, a primary and a secondary that configure
(hand.c). What befalls them is in BEFALLS; each happens while a file is downloaded and small packets are sent as fast as they can
be, and the file must come as it is.

soak_test.py BUILD_DIR [PATTERN...]; $SHOAL_SOAK_S: seconds of the soak (20); $SHOAL_SOAK_SEED: of what comes when.
"""
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

from overload_test import POOL, Counts, generator, watch
from world import DEVICES, LIMIT, Failed, World, command, run_cases, symmetric, wait_for

# the left host's port, the right host's
MIXED = [DEVICES['tap'][0], DEVICES['af_packet'][1]]
SIZE, PARTS = 4_000_000, 4
MORE = ('--track-pools',)


class Hand:
    """A process that does to ports what it is told."""

    def __init__(self, world, i, log):
        self.world, self.name, self.log = world, f'hand {i}', log
        self.program = world.start(self.name, os.path.join(sys.argv[1], 'test', 'traffic', 'hand'), '--proc-type=auto', '--no-pci',
                                   '--log-level=error', '--lcores=0@0', *MORE, '--', POOL, reads=subprocess.PIPE)
        self.told, self.text = 0, ''
        self.primary = self.answer() == 'primary'

    def tell(self, text):
        self.told += 1
        self.program.proc.stdin.write(text.encode() + b'\n')
        self.program.proc.stdin.flush()
        self.text = text

    def answer(self):
        """what came of what was told last: a number; before anything was told its role"""
        found = []

        def there():
            found[:] = re.findall(rf'^{self.told} (\w+): (-?\d+)$', self.program.shown(), re.M)
            if not found and self.program.proc.poll() is not None:
                raise Failed(f'{self.name} ended with {self.program.proc.returncode}: {self.program.shown()[-600:]}')
            return bool(found)
        wait_for(f'{self.name} answers', there)
        if self.told:
            self.log.append(f'{self.name}: {self.text}: {found[0][1]}')
        return int(found[0][1]) if self.told else found[0][0]

    def do(self, text):
        """told and done"""
        self.tell(text)
        r = self.answer()
        if r != 0:
            raise Failed(f'{self.name}: {text}: {r}: {self.program.shown()[-600:]}')

    def kill(self):
        self.log.append(f'{self.name} killed after {self.text}')
        end(self.world, self.program)


def end(world, program):
    program.kill()
    if program.proc.stdin:
        program.proc.stdin.close()
    world.programs.remove(program)


class Path:
    """The hosts and what is between them."""

    def __init__(self, world, exe, rnd):
        self.w, self.exe, self.rnd = world, exe, rnd
        self.log = []  # what was told, answered, done
        self.w.veths(which=[1])
        self.hands = [Hand(self.w, i, self.log) for i in range(2)]
        for p in range(2):
            self.hands[0].do(self.adding(p))
        self.w.plug_taps(which=[0])
        self.workers = [None, None]
        for i in range(2):
            self.begin_worker(i)
        self.see = watch(self.w)
        self.want, self.gen = self.w.serve(SIZE), generator(self.w)

    @staticmethod
    def adding(p):
        name, args = MIXED[p].split(',', 1)
        return f'add {name} {args}'

    def begin_worker(self, i):
        self.workers[i] = symmetric(self.w, self.exe, (), 2, i, more=MORE, kind_of='secondary')
        self.workers[i].expect(f'using queue {i} of each port')

    def hand(self):
        """any of the two: ports are the group's"""
        return self.rnd.choice(self.hands)

    def download(self, meanwhile=None):
        if self.w.download(PARTS, SIZE, meanwhile) != self.want:
            raise Failed('a file that came has another digest')

    def plug(self, p):
        """the tap is a new interface; the veth is what it was"""
        if p == 0:
            self.w.plug_taps(which=[0])

    # ---- what befalls ----

    def worker_dies(self):
        end(self.w, self.workers[1])
        self.begin_worker(1)

    def worker_stops(self):
        """for a while; then it goes on, or is killed"""
        self.workers[1].proc.send_signal(signal.SIGSTOP)
        time.sleep(self.rnd.random() * 0.2)  # sleep: any time
        if self.rnd.random() < 0.5:
            self.log.append('goes on')
            self.workers[1].proc.send_signal(signal.SIGCONT)
        else:
            self.worker_dies()

    def primary_dies(self):
        """the secondary that configures goes on, and another primary comes"""
        old = next(h for h in self.hands if h.primary)
        i = self.hands.index(old)
        old.kill()
        self.hands[i] = Hand(self.w, i, self.log)
        if not self.hands[i].primary:
            raise Failed(f'{self.hands[i].name} is not the primary, and there is none')

    def hand_dies(self):
        """in the middle of anything; the other one puts right what is left of it"""
        i, p = self.rnd.randrange(2), self.rnd.randrange(2)
        name = MIXED[p].split(',', 1)[0]
        was_left = self.left_index()
        self.hands[i].tell(self.rnd.choice([f'stop {p}', f'open {p}', f'remove {name}']))
        time.sleep(self.rnd.random() * self.rnd.choice((0.003, 0.03)))  # sleep: the kill comes at any time
        self.hands[i].kill()
        self.hands[i] = Hand(self.w, i, self.log)
        self.hand().do(self.adding(p))
        if p == 0:  # another interface, or the same
            wait_for('a tap', lambda: self.left_index() == was_left or os.path.exists('/proc/sys/net/ipv4/conf/tap0'))
            if self.left_index() != was_left:
                self.plug(0)

    def left_index(self):
        links = json.loads(self.w.left.run('ip', '-j', 'link', 'show'))
        return next((x['ifindex'] for x in links if x['ifname'] == 'eth0'), None)

    def port_restarts(self):
        p = self.rnd.randrange(2)
        self.hand().do(f'stop {p}')
        self.hand().do(f'start {p}')

    def port_comes_again(self):
        p = self.rnd.randrange(2)
        self.hand().do('remove ' + MIXED[p].split(',', 1)[0])
        if p == 0:
            wait_for('the interface goes with the port', lambda: self.left_index() is None)
        self.hand().do(self.adding(p))
        self.plug(p)

    def link_flaps(self):
        host = self.rnd.choice(self.w.hosts)
        for state in ('down', 'up'):
            host.run('ip', 'link', 'set', 'eth0', state)

    def mtu_changes(self):
        """by the port; of an interface that is in another namespace its owner there says what it is"""
        there = self.rnd.randrange(2)
        for mtu in ('1400', '1500'):
            if there:
                self.w.left.run('ip', 'link', 'set', 'eth0', 'mtu', mtu)
            else:
                self.hand().do(f'mtu 1 {mtu}')

    BEFALLS = (worker_dies, worker_stops, primary_dies, hand_dies, port_restarts, port_comes_again, link_flaps, mtu_changes)

    def tuns(self):
        """who has how many open files of taps"""
        got = {}
        for p in self.w.programs:
            d = f'/proc/{p.proc.pid}/fd'
            got[p.name] = sum(os.readlink(f'{d}/{f}') == '/dev/net/tun' for f in os.listdir(d)) if p.proc.poll() is None else 'ended'
        return got

    def round(self, what):
        self.log.append(what.__name__)
        host = self.rnd.choice(self.w.hosts)
        noise = host.start(self.gen, 'eth0', '0.3', '1000', '60', stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(self.rnd.random() * 0.2)  # sleep: it comes at any time
        try:
            self.download(lambda: what(self))
        except Failed as e:
            raise Failed(f'{what.__name__}: {e}; before it {self.log[-24:]}; files of taps: {self.tuns()}') from None
        noise.wait()
        self.w.left.children.clear()
        if noise in self.w.right.children:
            self.w.right.children.remove(noise)

    # ---- what is left ----

    def state(self):
        """of those that live through all of it: open files, pieces of the address space, bytes not shared; what the group has"""
        got = {}
        for who, proc in (('worker', self.workers[0].proc), ('watch', self.see.proc)):
            with open(f'/proc/{proc.pid}/status', encoding='ascii') as f:
                got[f'{who}: bytes'] = int(re.search(r'RssAnon:\s+(\d+)', f.read())[1]) * 1024
            with open(f'/proc/{proc.pid}/maps', encoding='ascii') as f:
                got[f'{who}: maps'] = len(f.readlines())
            got[f'{who}: open files'] = len(os.listdir(f'/proc/{proc.pid}/fd'))
        got['files of the group'] = sum(len(f) for d, _, f in os.walk(self.w.dir) if 'www' not in d)
        got['interfaces'] = sum(len(run('ip', '-o', 'link').splitlines()) for run in (command, self.w.left.run, self.w.right.run))
        wait_for('all mbufs are in the pool', lambda: len(set(Counts(self.see).pool)) == 1)
        got['heap: bytes'], got['heap: pieces'] = Counts(self.see).heap
        return got


# more than at the beginning is a leak: each thing happens again in some seconds, and many times in all
SLACK = {'open files': 4, 'maps': 6, 'bytes': 4_000_000, 'files of the group': 2, 'interfaces': 0, 'heap: bytes': 1_000_000,
         'heap: pieces': 20}


def slack(key):
    return SLACK.get(key, SLACK.get(key.split(': ')[-1]))


def compare(first, path, rounds):
    """what is there now; the end of a port is each process' own work, which a busy one does when it has time"""
    until = time.monotonic() + LIMIT
    while True:
        now = path.state()
        grown = [f'{k} {first[k]} -> {v}' for k, v in now.items() if v > first[k] + slack(k)]
        if not grown:
            return now
        if time.monotonic() > until:
            raise Failed(f'after {rounds} rounds there is more: {"; ".join(grown)}')
        time.sleep(0.1)  # sleep: other processes' open files and interfaces, of which there is no event


def soak(exes):
    seed = int(os.environ.get('SHOAL_SOAK_SEED', '6'))
    world, began, rounds, times = World(), time.monotonic(), 0, {}
    try:
        path = Path(world, exes['symmetric_mp'], random.Random(seed))
        path.w.ping()
        todo = list(Path.BEFALLS)
        for what in todo:
            path.round(what)
        first, until = path.state(), time.monotonic() + float(os.environ.get('SHOAL_SOAK_S', '20'))
        print(f'# before: {first}', flush=True)
        told = time.monotonic()
        while time.monotonic() < until:
            if not todo:
                todo = path.rnd.sample(Path.BEFALLS, len(Path.BEFALLS))
            what = todo.pop()
            path.round(what)
            times[what.__name__] = times.get(what.__name__, 0) + 1
            rounds += 1
            if time.monotonic() > told + 120:
                told = time.monotonic()
                print(f'# {told - began:.0f} s, {rounds} rounds: {compare(first, path, rounds)}', flush=True)
        last = compare(first, path, rounds)
        print(f'# {time.monotonic() - began:.0f} s, {rounds} files of {SIZE} bytes; {times}; {last}', flush=True)
    finally:
        world.close()


if __name__ == '__main__':
    sys.exit(run_cases({'soak': soak}, ('symmetric_mp',), ('nginx', 'curl', 'ping')))
