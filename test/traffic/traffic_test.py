#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Real traffic through DPDK's own multi-process programs, unmodified: two hosts whose only path they are.

traffic_test.py BUILD_DIR [PATTERN...]: symmetric_mp with two processes, client_server_mp with three clients. Ping; 100 MB from
nginx by curl, over several connections, while a process is killed with -9 and replaced; iperf3 both ways; datagrams.
"""
import os
import subprocess
import sys

from world import DEVICES, Failed, World, forwarders, run_cases, spread, symmetric

SIZE = 100_000_000
PARTS = 8  # connections: so many that each process has some


def alive(world):
    for p in world.programs:
        if p.proc.poll() is not None and not p.killed:
            raise Failed(f'{p.name} ended with {p.proc.returncode}: {p.shown()[-600:]}')


def compare(world, meanwhile):
    want = world.serve(SIZE)
    got = world.download(PARTS, SIZE, meanwhile)
    if got != want:
        raise Failed(f'the file that came has another digest: {got}, not {want}')


def path_of_two(w, kind, exes):
    """two processes of symmetric_mp, and both hosts at their ends"""
    if kind == 'af_packet':
        w.veths()
    all_ = forwarders(w, exes['symmetric_mp'], DEVICES[kind], 2)
    if kind == 'tap':
        w.plug_taps()
    w.ping()
    return all_


def symmetric_over(kind, exes):
    w = World()
    try:
        all_ = path_of_two(w, kind, exes)

        def replace():
            all_[1].kill()
            all_[1] = symmetric(w, exes['symmetric_mp'], DEVICES[kind], 2, 1)
            all_[1].expect('using queue 1 of each port')
        compare(w, replace)
        for reverse in (False, True):
            if w.iperf(1, reverse, streams=2) <= 0:
                raise Failed('iperf3: nothing arrived')
        alive(w)
    finally:
        w.close()


def primary_dies(kind, exes):
    """the one that opened everything is killed; a secondary takes its place, with what the other one has: the download goes on"""
    w = World()
    try:
        all_ = path_of_two(w, kind, exes)

        def replace():
            all_[0].kill()
            all_[0] = symmetric(w, exes['symmetric_mp'], DEVICES[kind], 2, 0, kind_of='secondary')
            all_[0].expect('using queue 0 of each port')
        compare(w, replace)
        alive(w)
    finally:
        w.close()


def datagrams_over(kind, exes):
    """messages that the kernel cuts, and others: each datagram as it was sent, in order; all but a few in a hundred arrive"""
    program = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'datagrams.py')]
    w = World()
    try:
        path_of_two(w, kind, exes)
        for sender, receiver in ((w.left, w.right), (w.right, w.left)):
            r = receiver.start(*program, 'receive', receiver.addr, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
            r.stdout.readline()
            said = sender.run(*program, 'send', receiver.addr, '800', '1', check=False)
            why = r.communicate('')[1].strip()
            if r.returncode != 0:
                raise Failed(f'the receiver: {why}')
            answered, messages = map(int, said.split()[-2:])
            if answered < messages * 0.95:
                raise Failed(f'of {messages} messages {answered} arrived whole')
        alive(w)
    finally:
        w.close()


def client(w, exe, i):
    p = w.start(f'mp_client {i}', exe, f'--lcores={spread(i)}', '--proc-type=secondary', '--log-level=error', '--', '-n', str(i))
    p.expect(f'Client process {i} handling packets')
    return p


def client_server_over(kind, exes):
    w = World()
    try:
        if kind == 'af_packet':
            w.veths()
        devices = [d.replace('qpairs=2', 'qpairs=3') for d in DEVICES[kind]]
        server = w.start('mp_server', exes['mp_server'], f'--lcores={spread(1)},1@0', '--proc-type=primary', '--log-level=error',
                         *[f'--vdev={d}' for d in devices], '--', '-p', '3', '-n', '3')
        server.expect('Port 1 Link')
        clients = [client(w, exes['mp_client'], i) for i in range(3)]
        if kind == 'tap':
            w.plug_taps()
        w.ping()

        def replace():
            clients[1].kill()
            clients[1] = client(w, exes['mp_client'], 1)
        compare(w, replace)
        alive(w)
    finally:
        w.close()


CASES = {'symmetric_mp_over_af_packet': lambda e: symmetric_over('af_packet', e),
         'symmetric_mp_over_tap': lambda e: symmetric_over('tap', e),
         'the_primary_dies_over_af_packet': lambda e: primary_dies('af_packet', e),
         'the_primary_dies_over_tap': lambda e: primary_dies('tap', e),
         'datagrams_over_af_packet': lambda e: datagrams_over('af_packet', e),
         'datagrams_over_tap': lambda e: datagrams_over('tap', e),
         'client_server_mp_over_af_packet': lambda e: client_server_over('af_packet', e),
         'client_server_mp_over_tap': lambda e: client_server_over('tap', e)}


if __name__ == '__main__':
    sys.exit(run_cases(CASES, ('symmetric_mp', 'mp_server', 'mp_client'), ('nginx', 'curl', 'iperf3', 'ping')))
