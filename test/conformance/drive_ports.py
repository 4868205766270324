#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The example programs that have ports, built unmodified against shoal, driven as a person would.

drive_ports.py DIR [TAG]: as drive.py. What is compared is what DPDK's own build shows on the same ports.
"""
import os
import re
import signal
import struct
import sys
import time

from drive import Group, run_cases
from terminal import LIMIT, Failed

TWO_CPUS = os.cpu_count() > 1
NULLS = ('--vdev=net_null0', '--vdev=net_null1')


def lcores(n, first=0):
    """n lcores, spread over the CPUs there are"""
    return '--lcores=' + ','.join(f'{i}@{(first + i) % (2 if TWO_CPUS else 1)}' for i in range(n))


def interrupt(t, status=0):
    t.kill(signal.SIGINT)
    t.ends(status)


def skeleton(prog, g):
    """two ports are forwarded; an odd number of them is refused"""
    t = g.start(prog, lcores(1), *NULLS)
    t.expect('Port 0 MAC: ')
    t.expect('Port 1 MAC: ')
    t.expect('\nCore 0 forwarding packets. [Ctrl+C to quit]\n')
    interrupt(t, -signal.SIGINT)
    t = g.start(prog, lcores(1), NULLS[0])
    t.expect('Error: number of ports must be even')
    t.ends(1)


def l2fwd(prog, g):
    """statistics that count on, and an end in good order"""
    t = g.start(prog, lcores(2), *NULLS, dash=('-p', '3', '-q', '1', '-T', '1'))
    for line in ('MAC updating enabled\n', 'Lcore 0: RX port 0 TX port 1\n', 'Lcore 1: RX port 1 TX port 0\n',
                 'Initializing port 0... done: \n', 'Port 0, MAC address: ', 'Initializing port 1... done: \n',
                 'Checking link status', 'Port 0 Link up', 'Port 1 Link up'):
        t.expect(line)
    while not re.search(r'Total packets sent: +[1-9]\d* *\nTotal packets received: +[1-9]', t.shown):
        t.expect('Port statistics =')
        t.expect('Total packets dropped: ')
    t.kill(signal.SIGINT)
    for line in ('Signal 2 received, preparing to exit...', 'Closing port 0... Done', 'Closing port 1... Done', 'Bye...'):
        t.expect(line)
    t.ends()


def rxtx_callbacks(prog, g):
    """packets are forwarded through callbacks; time stamps of a port that has none are refused"""
    t = g.start(prog, lcores(1), *NULLS)
    t.expect('Core 0 forwarding packets. [Ctrl+C to quit]\n')
    interrupt(t, -signal.SIGINT)
    t = g.start(prog, lcores(1), *NULLS, dash=('-t',))
    t.expect('ERROR: Port 0 does not support hardware timestamping')
    t.expect('Cannot init port 0')
    t.ends(1)


def link_status(prog, g):
    """a link that another process takes down and up is told; ports without link events are refused, as by DPDK"""
    dash = ('-p', '3', '-q', '1', '-T', '1')
    t = g.start(prog, lcores(2), '--vdev=net_ring0', '--vdev=net_ring1', dash=dash)
    for line in ('Initializing port 0... ', 'done:', 'Initializing port 1... ', 'done:', 'Checking link status',
                 'Port statistics =', 'Link status:                   Link up'):
        t.expect(line)
    s = g.start(os.path.join(sys.argv[1], 'link_switch'), '--proc-type=secondary', '-l0', '--log-level=error')
    for state in ('down', 'up'):
        s.ask(state + '\n', state + ' 0')
        t.expect('Event type: LSC interrupt\nPort 0 Link ' + state)
    s.kill()
    interrupt(t, -signal.SIGINT)
    t = g.start(prog, lcores(2), *NULLS, dash=dash)
    t.expect('Initializing port 0... ')
    t.expect('Cannot configure device: err=-22, port=0')
    t.ends(1)


def paced(g):
    """Two ports that receive some thousand packets a second. With more the program would meet a fault of its own: what comes more
    than two windows too early it sends by an address that is none (a worker that is off its CPU for a moment is enough), and is lost."""
    path = os.path.join(g.dir, 'in.pcap')
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for _ in range(64):
            f.write(struct.pack('<IIII', 0, 0, 64, 64) + b'\2' * 12 + b'\x88\xb5' + bytes(50))
    os.chmod(path, 0o644)
    return [f'--vdev=net_pcap{i},rx_pcap={path},infinite_rx=1,rate=5000,tx_pcap=/dev/null' for i in range(2)]


def until_sent(t, g, count):
    """ends the program when so many packets have left by port 0"""
    t.expect('Port 1 MAC: ')
    t.expect('send_thread() started on lcore 3')
    s = g.start(os.path.join(sys.argv[1], 'link_switch'), '--proc-type=secondary', '-l0', '--log-level=error')
    until = time.monotonic() + LIMIT
    while True:
        s.ask('sent\n', '\nsent ', '\n')
        if int(re.findall(r'\nsent (\d+)', s.shown)[-1]) >= count:
            break
        if time.monotonic() > until:
            raise Failed(f'{count} packets did not leave')
    s.kill()
    t.kill(signal.SIGINT)
    t.expect('Exiting on signal 2')
    t.ends()


def packet_ordering(prog, g):
    """packets that several workers pass leave in order; what is printed at the end"""
    t = g.start(prog, lcores(4), *paced(g), dash=('-p', '3'))
    until_sent(t, g, 200)
    sent = re.search(r'Ro Pkts transmitted:\s+(\d+)\n - Ro Pkts tx failed:\s+0\n', t.shown)
    if not sent or int(sent[1]) < 200:
        raise Failed(f'{t.name} did not send in order: {t.shown[-900:]}')


def packet_ordering_flooded(prog, g):
    """a program that sends by addresses that are none lives, as on DPDK: until it has lost all of its packets so"""
    t = g.start(prog, lcores(4), *NULLS, dash=('-p', '3'))
    until_sent(t, g, 20000)


def workers(prog, g, n, *ports):
    all_ = []
    for i in range(n):
        t = g.start(prog, '--proc-type=auto', lcores(1, i), *ports, dash=('-p', '3', f'--num-procs={n}', f'--proc-id={i}'))
        t.expect('APP: Finished Process Init.')
        t.expect('Lcore 0 using ports 0 1 ')
        t.expect(f'lcore 0 using queue {i} of each port')
        all_.append(t)
    return all_


def counted(t):
    """its own statistics, printed when it is interrupted"""
    t.kill(signal.SIGINT)
    t.expect('Exiting on signal 2')
    t.ends()
    found = re.findall(r'Port (\d+): RX - (\d+), TX - (\d+), Drop - (\d+)', t.shown)
    if [f[0] for f in found] != ['0', '1']:
        raise Failed(f'{t.name} printed no statistics of both ports: {t.shown[-300:]!r}')
    return found


def symmetric_mp(prog, g):
    """two processes found by --proc-type=auto, each with its queue; offloads that are not there are dropped"""
    a, b = workers(prog, g, 2, *NULLS)
    for line in ('# Initialising port 0... ', 'Port 0 configuration failed. Re-attempting with HW checksum disabled.\n',
                 '# Initialising port 1... ', 'Checking link status', 'Port 0 Link up', 'Port 1 Link up'):
        if line not in a.shown:
            raise Failed(f'{a.name} did not show {line!r}: {a.shown!r}')
    if '# Initialising' in b.shown:
        raise Failed(f'{b.name} initialised ports: {b.shown!r}')
    for t in (b, a):
        counted(t)


def symmetric_mp_four(prog, g):
    """four processes; one is killed and another takes its queue"""
    ports = ('--vdev=net_null0', '--vdev=net_null1')
    t = workers(prog, g, 4, *ports)
    t[2].kill()
    t[2].proc.wait()
    t[2] = g.start(prog, '--proc-type=auto', lcores(1), *ports, dash=('-p', '3', '--num-procs=4', '--proc-id=2'))
    t[2].expect('lcore 0 using queue 2 of each port')
    for p in reversed(t):
        counted(p)


def symmetric_mp_killed(prog, g):
    """with --track-pools a worker is killed a hundred times under load, and at the end the other: the pool is whole"""
    a, b = workers(prog, g, 2, '--track-pools', *NULLS)
    s = g.start(os.path.join(sys.argv[1], 'link_switch'), '--proc-type=secondary', '-l0', '--log-level=error')
    for _ in range(100):
        b.kill()
        b.proc.wait()
        b = g.start(prog, '--proc-type=auto', lcores(1, 1), *NULLS, dash=('-p', '3', '--num-procs=2', '--proc-id=1'))
        b.expect('lcore 0 using queue 1 of each port')
    for t in (b, a):
        t.kill()
        t.proc.wait()
    until = time.monotonic() + LIMIT
    while True:
        s.ask('pool SMP_MBUF_POOL\n', 'SMP_MBUF_POOL: ', ' of 65536\n')
        have = re.findall(r': (\d+) of', s.shown)[-1]
        if have == '65536':
            break
        if time.monotonic() > until:
            raise Failed(f'{have} of 65536 mbufs are in the pool')
        time.sleep(0.02)  # sleep: what the last one had comes back when its death is proven
    s.type('\x04')
    s.ends()


def symmetric_mp_without_rss(prog, g):
    """ports without RSS: the second fall-back, and a refusal of bad numbers"""
    t, = workers(prog, g, 1, '--vdev=net_null0,rss=0', '--vdev=net_null1,rss=0')
    if 'configuration failed. Re-attempting with HW RSS disabled.' not in t.shown:
        raise Failed(f'{t.name} did not fall back: {t.shown!r}')
    counted(t)
    t = g.start(prog, lcores(1), *NULLS, dash=('-p', '1', '--num-procs=1', '--proc-id=0'))
    t.expect('Application must use an even number of ports')
    t.ends(1)


def client_server_mp(prog, g):
    """a server and two clients; one client is killed and started again"""
    client = prog.replace('mp_server', 'mp_client')
    s = g.start(prog, lcores(2), *NULLS, dash=('-p', '3', '-n', '2'))
    for line in ("Creating mbuf pool 'MProc_pktmbuf_pool' [", 'Port 0 init ... done: \n', 'Port 1 init ... done: \n',
                 'Checking link status', 'Port 0 Link up', 'APP: Finished Process Init.'):
        s.expect(line)

    def start(i):
        t = g.start(client, '--proc-type=auto', lcores(1, 1), dash=('-n', str(i)))
        t.expect(f'\nClient process {i} handling packets\n[Press Ctrl-C to quit ...]\n')
        return t

    c = [start(0), start(1)]
    s.expect('PORTS\n-----\n')

    def served(i):  # more and more packets for this client
        last = -1
        for _ in range(2):
            while True:
                s.expect(f'\nClient {i:2} - rx: ')
                now = int(re.match(r' *(\d*)', s.shown[s.seen:]).group(1) or 0)
                if now > last:
                    last = now
                    break

    served(0)
    served(1)
    c[1].kill()
    c[1].proc.wait()
    c[1] = start(1)
    served(1)
    interrupt(c[0], -signal.SIGINT)
    interrupt(s)
    interrupt(c[1], -signal.SIGINT)


def client_alone(prog, g):
    """a client without its server says what it misses"""
    t = g.start(prog.replace('mp_server', 'mp_client'), '--proc-type=auto', lcores(1), *NULLS, dash=('-n', '0'))
    t.expect('Cannot get RX ring - is server process running?')
    t.ends(1)


SERVER = 'client_server_mp/mp_server/build/mp_server'
CASES = [('skeleton/build/basicfwd', skeleton), ('l2fwd/build/l2fwd', l2fwd),
         ('rxtx_callbacks/build/rxtx_callbacks', rxtx_callbacks),
         ('link_status_interrupt/build/link_status_interrupt', link_status),
         ('packet_ordering/build/packet_ordering', packet_ordering),
         ('packet_ordering/build/packet_ordering', packet_ordering_flooded),
         ('symmetric_mp/build/symmetric_mp', symmetric_mp), ('symmetric_mp/build/symmetric_mp', symmetric_mp_four),
         ('symmetric_mp/build/symmetric_mp', symmetric_mp_killed),
         ('symmetric_mp/build/symmetric_mp', symmetric_mp_without_rss), (SERVER, client_server_mp), (SERVER, client_alone)]

if __name__ == '__main__':
    sys.exit(run_cases(CASES))
