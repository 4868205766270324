#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Tunnels between two hosts whose only path is symmetric_mp: what the kernel leaves to the interface of a tunnel's big frames.

tunnel_test.py BUILD_DIR [PATTERN...]: of each kind that this kernel has, IPv4 and IPv6 inside: bytes over TCP in both directions,
datagrams; all come as they were sent, and no port counts an error.
"""
import os
import subprocess
import sys

from overload_test import Counts, settle, watch
from world import DEVICES, Failed, Missing, World, forwarders, run_cases

HERE = os.path.dirname(os.path.abspath(__file__))
SIZE = 4_000_000
# name: of what type, over IPv4 or IPv6, what inside, what else it is told
TUNNELS = {'vxlan': ('vxlan', 4, (4, 6), 'id 1 dstport 4789 udpcsum'),
           'vxlan_no_sum': ('vxlan', 4, (4, 6), 'id 2 dstport 4790 noudpcsum'),
           'vxlan6': ('vxlan', 6, (4, 6), 'id 3 dstport 4791'),
           'vxlan6_no_sum': ('vxlan', 6, (4, 6), 'id 4 dstport 4792 udp6zerocsumtx udp6zerocsumrx'),
           'geneve': ('geneve', 4, (4, 6), 'id 1 udpcsum'),
           'gre': ('gre', 4, (4, 6), 'key 1'),
           'gre_sum': ('gre', 4, (4, 6), 'key 2 csum'),
           'gretap_sum': ('gretap', 4, (4, 6), 'csum'),
           'ip6gretap': ('ip6gretap', 6, (4, 6), 'csum'),
           'ipip': ('ipip', 4, (4,), ''),
           'sit': ('sit', 4, (6,), ''),
           'ip6tnl': ('ip6tnl', 6, (4, 6), 'mode any')}


def outer(i, family):
    return f'10.77.0.{i}' if family == 4 else f'fd77::{i}'


def inner(k, i, family):
    return f'10.78.{k}.{i}' if family == 4 else f'fd78:{k}::{i}'


def make(w, k, name):
    """the tunnel between both hosts; False: this kernel has none of that type"""
    kind, family, inside, more = TUNNELS[name]
    for i, h in ((1, w.left), (2, w.right)):
        local = [] if kind == 'geneve' else ['local', outer(i, family)]
        dev = ['dev', 'eth0'] if kind != 'geneve' else []
        h.run('ip', 'link', 'add', name[:15], 'type', kind, 'remote', outer(3 - i, family), *local, *dev, *more.split(), check=False)
        if not h.run('ip', '-o', 'link', 'show', name[:15], check=False).startswith(tuple('0123456789')):
            return False
        h.run('ip', 'link', 'set', name[:15], 'up')
        for f in inside:
            h.run('ip', 'address', 'add', inner(k, i, f) + ('/24' if f == 4 else '/64'), 'dev', name[:15], *(['nodad'] if f == 6 else []))
    return True


def both(w, program, *args, send):
    """the right host's program waits, the left one's begins; what that prints"""
    argv = [sys.executable, os.path.join(HERE, program)]
    r = w.right.start(*argv, *args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    r.stdout.readline()
    said = w.left.run(*argv, *send)
    why = r.communicate('')[1].strip()
    if r.returncode != 0:
        raise Failed(f'the receiver: {why}')
    return said


def traffic(w, k, name):
    for f in TUNNELS[name][2]:
        address = inner(k, 2, f)
        try:
            both(w, 'stream.py', 'listen', address, str(SIZE), send=('connect', address, str(SIZE)))
            said = both(w, 'datagrams.py', 'receive', address, send=('send', address, '96', '1'))
            answered, messages = map(int, said.split()[-2:])
            if answered < messages * 0.9:
                raise Failed(f'of {messages} messages {answered} arrived whole')
        except Failed as e:
            raise Failed(f'{name}, IPv{f} inside: {e}') from None


def tunnels_over(kind, exes):
    w = World()
    try:
        if kind == 'af_packet':
            w.veths()
        forwarders(w, exes['symmetric_mp'], DEVICES[kind], 2)
        if kind == 'tap':
            w.plug_taps()
        for i, h in ((1, w.left), (2, w.right)):
            h.run('sh', '-c', 'echo 0 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6', check=False)
            h.run('ip', 'address', 'add', outer(i, 6) + '/64', 'dev', 'eth0', 'nodad', check=False)
        w.ping()
        see = watch(w)
        settle(see)
        before = Counts(see).rows
        had = []
        for k, name in enumerate(TUNNELS):
            if make(w, k, name):
                traffic(w, k, name)
                had.append(name)
        if not had:
            raise Missing('this kernel has no tunnels (vxlan, geneve, gre, ipip, sit, ip6tnl): modprobe vxlan')
        print('# ' + ' '.join(had))
        settle(see)
        for port, row in Counts(see).rows.items():
            if row[3] != before[port][3]:
                raise Failed(f'port {port} counts {row[3] - before[port][3]} errors')
    finally:
        w.close()


CASES = {'tunnels_over_af_packet': lambda e: tunnels_over('af_packet', e),
         'tunnels_over_tap': lambda e: tunnels_over('tap', e)}


if __name__ == '__main__':
    sys.exit(run_cases(CASES, ('symmetric_mp',), ('ping',)))
