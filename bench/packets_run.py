# SPDX-License-Identifier: BSD-3-Clause
"""packets_run.py - DPDK's example programs, unmodified, run over ports of both: how many packets a second of CPU time forwards.

Copied from dpdk-doc and built against both when they are measured. Each worker is a process on a core of its own, started at a
terminal; it is watched for a while from when it says that it begins, then interrupted: it prints what it has counted. CPU time,
because a worker polls: on a quiet machine that is the time there was, on a busy one what it got of it.
"""
import fcntl
import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import time

from beside import Turns
from channel import ROOT, build_dpdk, find_cc
from harness import Failed

EXAMPLES = '/usr/share/dpdk/examples'
ARCHIVES = ('eal', 'kvargs', 'telemetry', 'ring', 'mempool', 'mempool_ring', 'mbuf', 'net', 'meter', 'ethdev', 'bus_vdev',
            'net_null', 'net_ring', 'net_pcap')
PCAP = '-l:libpcap.so.0.8'
BEGINS = {'symmetric_mp': 'using queue', 'l2fwd': 'Checking link status'}
WATCHED = .6 # seconds
KEEP = .9    # rx_drop_en: of their rate, while another one is stopped

NULL = ('net_null0', 'net_null1')
RING = ('net_null0', 'net_ring0')
READ = ('net_pcap0,rx_pcap={files}/loop.pcap,infinite_rx=1', 'net_null0,no-rx=1')
WRITE = ('net_null0', 'net_pcap0,tx_pcap=/dev/null')
# row: program, ports, processes, can it be done on DPDK
ROWS = {
    'symmetric_mp, null to null': ('symmetric_mp', NULL, 1, True),
    'symmetric_mp, null to null, two processes': ('symmetric_mp', NULL, 2, True),
    'symmetric_mp, null to ring to null': ('symmetric_mp', RING, 1, True),
    'symmetric_mp, null to ring to null, two processes': ('symmetric_mp', RING, 2, True),
    'symmetric_mp, pcap to null': ('symmetric_mp', READ, 1, True),
    'symmetric_mp, pcap to null, two processes': ('symmetric_mp', READ, 2, False),
    'symmetric_mp, null to pcap': ('symmetric_mp', WRITE, 1, True),
    'symmetric_mp, null to pcap, two processes': ('symmetric_mp', WRITE, 2, False),
    'l2fwd, null to null': ('l2fwd', NULL, 1, True),
    'l2fwd, null to ring to null': ('l2fwd', RING, 1, True),
}
# of shoal alone: the last of n processes is stopped. symmetric_mp asks for rx_drop_en
STOPPED = {f'symmetric_mp, {what}, {n} processes, one stopped': (ports, n)
           for what, ports in (('pcap to null', READ), ('null to null', NULL)) for n in (2, 4)}


def build(a):
    """{program: {peer: binary}}, DPDK's version, why it is absent"""
    out, version, why = {}, None, 'package dpdk-doc is not here'
    for name, source in (('symmetric_mp', 'multi_process/symmetric_mp'), ('l2fwd', 'l2fwd')):
        if not os.path.isdir(os.path.join(EXAMPLES, source)):
            continue
        to = os.path.join(a.out, 'examples', name)
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(os.path.join(EXAMPLES, source), to)
        main = os.path.join(to, 'main')
        found, version, why = build_dpdk(a.out, main, ARCHIVES, '-O3', (PCAP,))
        own = main + '-shoal'
        cc = find_cc() + ['-O3', '-g', '-D_GNU_SOURCE', '-include', 'rte_config.h', '-I', os.path.join(ROOT, 'include'), '-w']
        r = subprocess.run(cc + ['-o', own, main + '.c', os.path.join(a.build, 'src', 'libshoal.a'), '-pthread', '-ldl', '-lm'],
                           capture_output=True, text=True)
        if r.returncode != 0:
            raise Failed(f'{name} does not build: {r.stderr.strip().splitlines()[-1]}')
        out[name] = {'shoal': own, **({'dpdk': found['dpdk']} if 'dpdk' in found else {})}
    return out, version, why


class Worker:
    """One process at a terminal of its own, pinned."""

    def __init__(self, floor, argv, cpu, env):
        self.name, self.shown, self.used = shlex.join(argv), '', 0.0
        self.fd, slave = pty.openpty()
        fcntl.fcntl(self.fd, fcntl.F_SETFL, os.O_NONBLOCK)
        self.p = subprocess.Popen([floor, 't0', str(cpu)] + argv, stdin=slave, stdout=slave, stderr=slave, env=env)
        os.close(slave)

    def _more(self, until):
        ready = select.select([self.fd], [], [], max(0, until - time.monotonic()))[0]
        try:
            data = os.read(self.fd, 65536) if ready else b''
        except OSError: # its end of the terminal is closed
            data = b''
        self.shown += data.decode(errors='replace').replace('\r', '')
        return data

    def shows(self, text, limit_s=40):
        until = time.monotonic() + limit_s
        while text not in self.shown:
            if not self._more(until):
                raise Failed(f'{self.name} does not show "{text}": {self.shown[-300:]!r}')

    def cpu_ns(self):
        with open(f'/proc/{self.p.pid}/schedstat') as f:
            return int(f.read().split()[0])

    def begin(self):
        self.at = self.cpu_ns()

    def ask(self):
        """as much as it has done now is done"""
        self.at = self.cpu_ns() - self.at
        os.kill(self.p.pid, signal.SIGINT) # Popen's own would reap it, and its CPU time be lost

    def end(self):
        if self.p.returncode is not None:
            return
        os.kill(self.p.pid, signal.SIGKILL)
        _, status, ru = os.wait4(self.p.pid, 0)
        self.p.returncode = os.waitstatus_to_exitcode(status)
        self.used = ru.ru_utime + ru.ru_stime
        os.close(self.fd)


def symmetric(w):
    """packets that a worker has received in all"""
    w.shows('Exiting on signal')
    w.shows('Port 1: RX')
    return sum(int(n) for n in re.findall(r'RX - (\d+)', w.shown))


def l2fwd(w, screens=2):
    """packets and CPU ns between its first screen of statistics and the last one"""
    pattern = r'Total packets sent: +\d+ *\nTotal packets received: +(\d+) *\nTotal packets dropped: +\d+ *\n=+\n'
    first = None
    until = time.monotonic() + 20
    while True:
        seen = re.findall(pattern, w.shown)
        if seen and first is None:
            first = (int(seen[0]), w.cpu_ns())
        if len(seen) >= screens:
            return int(seen[-1]) - first[0], w.cpu_ns() - first[1]
        if not w._more(until):
            raise Failed(f'{w.name} shows no statistics: {w.shown[-300:]!r}')


class Programs(Turns):
    """Figures are CPU ns for a packet; of more than one worker for a packet of any, so that two that are as fast as one halve it."""
    def __init__(self, a, programs, files, huge):
        super().__init__('packets, programs', a)
        self.programs, self.files, self.huge, self.serial = programs, files, huge, 0
        self.peers = dict.fromkeys(p for by in programs.values() for p in by)
        self.cpus = sorted(os.sched_getaffinity(0))
        self.used, self.why = 0.0, {}

    def possible(self, row, peer):
        _, _, n, on_dpdk = ROWS[row]
        return peer == 'shoal' or (on_dpdk and (n == 1 or self.huge is not None))

    def argv(self, name, peer, ports, n, i):
        """DPDK's secondaries find its devices by themselves"""
        argv = [self.programs[name][peer], f'--lcores=0@{self.cpus[i % len(self.cpus)]}', f'--file-prefix=b{self.serial}',
                '--no-pci', '--log-level=error', '--proc-type=' + ('secondary' if i > 0 else 'primary')]
        if peer == 'dpdk' and self.huge is not None:
            argv += [f'--huge-dir={self.huge}']
        elif peer == 'dpdk':
            argv += ['--no-huge', '-m512']
        argv += [f'--vdev={p.format(files=self.files)}' for p in ports if i == 0]
        return argv + ['--', '-p', '3'] + (['-q', '2', '-T', '1'] if name == 'l2fwd' else [f'--num-procs={n}', f'--proc-id={i}'])

    def workers(self, name, peer, ports, n):
        """started one after the other; each has begun"""
        self.serial += 1
        run = os.path.join(self.dir, f'p{self.serial}')
        os.mkdir(run, mode=0o700)
        env = dict(os.environ, RUNTIME_DIRECTORY=run)
        all_ = []
        try:
            for i in range(n):
                all_.append(Worker(self.floor, self.argv(name, peer, ports, n, i), self.cpus[i % len(self.cpus)], env))
                all_[-1].shows(BEGINS[name])
                all_[-1].begin()
        except Failed:
            self.gone(all_)
            raise
        return all_

    def gone(self, workers):
        for w in reversed(workers):
            w.end()
            self.used += w.used

    def rates(self, name, peer, ports, n, stop=False):
        """packets for each CPU ns, of each worker that was not stopped"""
        workers = self.workers(name, peer, ports, n)
        try:
            if name == 'l2fwd':
                got, ns = l2fwd(workers[0])
                return [got / ns]
            running = workers[:-1] if stop else workers
            if stop:
                os.kill(workers[-1].p.pid, signal.SIGSTOP)
            time.sleep(max(.05, WATCHED * min(1, 5 * self.a.scale)) * max(1, len(running) / len(self.cpus)))
            for w in running:
                w.ask()
            return [symmetric(w) / w.at for w in running]
        finally:
            self.gone(workers)

    def one_repeat(self, gate):
        got, self.used = {}, 0.0
        gate.open()
        for row, (name, ports, n, _) in ROWS.items():
            for p in self.in_turns():
                if name in self.programs and self.possible(row, p):
                    got.setdefault(row, {})[p] = 1 / sum(self.rates(name, p, ports, n))
        for row, (ports, n) in STOPPED.items():
            if 'symmetric_mp' in self.programs:
                whole = self.rates('symmetric_mp', 'shoal', ports, n)[:n - 1]
                left = self.rates('symmetric_mp', 'shoal', ports, n, stop=True)
                got[row] = {'shoal': sum(left) / sum(whole)}
        return got, gate.close(self.used)[1]

