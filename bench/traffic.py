#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""./dev bench traffic: symmetric_mp, unmodified, between two hosts: shoal's drivers, DPDK's, and the kernel's bridge as the limit.

Each round measures all ways once, in turn; a ratio is made inside a round and the median is taken of the ratios. Gbit/s: iperf3,
one connection for each process, frames of 1500 bytes. Mpps: frames of 64 bytes of 256 flows, sent as fast as the interface takes
them, each counted by UDP of the far host (where nobody reads them), under four loads, the first three the same for all ways:

  one sender     a program that sends packet by packet. It needs a CPU for about as many as any way passes with one process.
  cheap sender   one that has the kernel cut packets out of large messages: more than a way passes with one process. Only here
                 one sees what a way could do.
  two senders    of that kind, one on each CPU: what a second process is for, and each process has the same share of it. The
                 first two loads are one CPU's, and half of it goes to a process on the sender's own CPU.
  large messages the cheap sender, and hosts as they come, with offloads: messages are cut where somebody wants packets.

DPDK's net_af_packet needs interfaces without offloads: it knows neither checksums that are not there yet nor frames beyond its own;
so its hosts have them off, and all hosts under the first three loads. Its second process cannot use these drivers: one process only.
"""
import argparse
import math
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'test', 'traffic'))
sys.path.insert(1, HERE)
from harness import machine  # noqa: E402
from world import Failed, Missing, World, build_example, command, enter, forwarders  # noqa: E402

DEVICES = {'af_packet': ['net_af_packet{i},iface=port{i},qpairs={n}', 1], 'tap': ['net_tap{i},iface=tap{i}', 0]}
# way: driver, whose, processes
WAYS = {'kernel bridge': (None, None, 0),
        'af_packet, DPDK': ('af_packet', 'dpdk', 1), 'af_packet': ('af_packet', 'shoal', 1),
        'af_packet, two processes': ('af_packet', 'shoal', 2),
        'tap, DPDK': ('tap', 'dpdk', 1), 'tap': ('tap', 'shoal', 1), 'tap, two processes': ('tap', 'shoal', 2)}
FIGURES = ['Gbit/s, frames of 1500 bytes', 'Mpps, frames of 64 bytes, one sender', 'Mpps, frames of 64 bytes, a cheap sender',
           'Mpps, frames of 64 bytes, two cheap senders, one on each CPU', 'Mpps, frames of 64 bytes, large messages']
CHEAP = '64'  # packets that the kernel cuts out of one message
LIMIT = 'kernel bridge'
AIMS = [('af_packet', 1.5), ('af_packet, two processes', 2.5), ('tap', 1.5), ('tap, two processes', 2.5)]


def peer(way):
    return way.split(',')[0] + ', DPDK'


def datagrams(w):
    """that UDP of the far host has had for a port: nobody reads them, so each is one too many for the socket"""
    names, values = [line.split() for line in w.right.run('cat', '/proc/net/snmp').splitlines() if line.startswith('Udp:')]
    return int(values[names.index('RcvbufErrors')])


def settled(w):
    """the same once nothing is on its way any more"""
    n, was = datagrams(w), None
    while n != was:
        time.sleep(0.05)
        n, was = datagrams(w), n
    return n


def count(w, exe, seconds, cut='1', cpus=(None,)):
    """Mpps that came, part of what was sent, was it cut"""
    argv = [exe, 'eth0', str(seconds), '256', '60', '0', cut, '2']
    before, began = settled(w), time.monotonic()
    senders = [w.left.start(*(['taskset', '-c', str(c)] if c is not None else []), *argv, stdout=subprocess.PIPE, text=True) for c in cpus]
    said = [p.communicate()[0].split() for p in senders]
    took, came = time.monotonic() - began, datagrams(w) - before
    if any(len(words) < 2 for words in said):
        raise Failed('a sender ended before its time')
    return came / took / 1e6, came / max(1, sum(int(words[1]) for words in said)), all(len(words) == 2 for words in said)


SOCKET = 'import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(("", 9)); print(flush=True); input()'


def measure(way, exes, a):
    """of each figure: its value, the part that arrived"""
    driver, whose, n = WAYS[way]
    w = World()
    try:
        if driver != 'tap':
            w.veths(offloads=whose != 'dpdk')
        if driver is None:
            w.bridge()
        else:
            devices = [DEVICES[driver][0].format(i=i, n=n) for i in range(2)]
            forwarders(w, exes[whose], devices, n, whose == 'dpdk')
        if driver == 'tap':
            w.plug_taps()
        w.ping()
        w.right.start(sys.executable, '-c', SOCKET, stdin=subprocess.PIPE, stdout=subprocess.PIPE).stdout.readline()
        got = [(w.iperf(math.ceil(a.seconds), streams=max(1, n)), 1)]
        large = count(w, exes['gen'], a.seconds, CHEAP)
        for h in w.hosts:
            h.run('ethtool', '-K', 'eth0', 'tx', 'off', 'tx-udp-segmentation', 'off', check=False)
        both = sorted(os.sched_getaffinity(0))[:2]
        for more in ({}, {'cut': CHEAP}, {'cut': CHEAP, 'cpus': both}):
            mpps, part, cut = count(w, exes['gen'], a.seconds, **more)
            got.append((mpps, part))
            if more and not cut:
                print('this kernel cuts no UDP packets: the cheap senders are none')
        return got + [large[:2]]
    finally:
        w.close()


def row(name, values, ratios, parts):
    text = f'  {name:28}{statistics.median(values):8.2f} ({min(values):.2f}..{max(values):.2f})'.ljust(58)
    text += f'{statistics.median(ratios):6.2f}x' if ratios else ' ' * 7
    return text + (f'{statistics.median(parts):9.0%}' if parts else '')


def verdict(way, figure, is_, aim, limit):
    """limit: what the kernel's own way between the same interfaces makes of it; who passes as much is held up by the load"""
    word = 'met' if is_ >= aim else 'limit' if limit is not None and is_ >= limit else 'missed'
    beside = '' if limit is None else f' (the kernel\'s bridge {limit:.2f})'
    return f'{word:7} {way}: {figure}: {is_:.2f} times DPDK\'s with one process, aim {aim}{beside}'


def report(a, got):
    lines, verdicts = [], []
    for k, figure in enumerate(FIGURES):
        lines += ['', f'{figure:58}{"x DPDK":>7}' + (f'{"arrived":>9}' if k else '')]
        ratio = {}
        for way in a.ways:
            if not got[way]:
                continue
            to = 'af_packet, DPDK' if way == LIMIT else peer(way)
            if way != to and got.get(to):
                ratio[way] = [x[k][0] / y[k][0] for x, y in zip(got[way], got[to]) if y[k][0] > 0]
            lines.append(row(way, [x[k][0] for x in got[way]], ratio.get(way), [x[k][1] for x in got[way]] if k else None))
        limit = statistics.median(ratio[LIMIT]) if ratio.get(LIMIT) else None
        for way, aim in AIMS:
            if ratio.get(way):
                verdicts.append(verdict(way, figure, statistics.median(ratio[way]), aim, limit if way.startswith('af_packet') else None))
    return '\n'.join(lines + [''] + verdicts)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--build', default=os.path.join(os.path.dirname(HERE), 'build-release'))
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--seconds', type=float, default=2)
    p.add_argument('--ways', default='', help='a comma between: parts of names')
    p.add_argument('--write-doc', action='store_true', help='what comes out goes to doc/traffic.txt, too')
    a = p.parse_args()
    if a.write_doc and a.ways:
        p.error('--write-doc is for all ways')
    a.ways = [w for w in WAYS if not a.ways or any(part in w for part in a.ways.split(','))]
    try:
        enter(('iperf3', 'ping', 'ethtool', 'taskset'))
        shop = World()
    except Missing as e:
        sys.exit(f'bench traffic: {e}')
    got = {w: [] for w in a.ways}
    try:
        exes = {'shoal': build_example(a.build, 'symmetric_mp', shop.dir), 'gen': os.path.join(shop.dir, 'gen')}
        command('cc', '-O2', '-D_GNU_SOURCE', '-o', exes['gen'], os.path.join(HERE, 'traffic_gen.c'))
        try:
            exes['dpdk'] = build_example(None, 'symmetric_mp', shop.dir)
        except Missing as e:
            print(f'without DPDK: {e}')
        for i in range(a.rounds):
            for way in a.ways:
                if WAYS[way][1] == 'dpdk' and 'dpdk' not in exes:
                    continue
                try:
                    got[way].append(measure(way, exes, a))
                    print(f'{i + 1}: {way}: {got[way][-1][0][0]:.2f} Gbit/s, Mpps ' + ' '.join(f'{x[0]:.3f}' for x in got[way][-1][1:]),
                          file=sys.stderr, flush=True)
                except Failed as e:
                    print(f'{i + 1}: {way}: {e}', flush=True)
    finally:
        shop.close()
    m = machine()
    text = (f'{m["cpu"]}, CPUs {m["cpus"]}, Linux {m["kernel"]}, {m["when"]}; load {os.getloadavg()[0]:.1f}; {a.rounds} rounds\n'
            + report(a, got))
    print(text)
    if a.write_doc:
        with open(os.path.join(os.path.dirname(HERE), 'doc', 'traffic.txt'), 'w', encoding='utf-8') as f:
            f.write('traffic: symmetric_mp between two hosts, over the drivers of shoal and of DPDK. Median (min..max) of the rounds\n\n'
                    + text + '\n')


if __name__ == '__main__':
    main()
