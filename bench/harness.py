# SPDX-License-Identifier: BSD-3-Clause
"""What every bench driver here needs: processes that answer in lines, the noise gate, medians, huge pages for DPDK.

Rules: each repeat starts fresh processes; a repeat during which somebody else used the CPU is marked noisy, never silently
kept; nothing outlives the driver (processes die with it, huge pages and mounts go back to what they were).
"""
import argparse
import atexit
import json
import os
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HZ = os.sysconf('SC_CLK_TCK')


class Failed(Exception):
    """a measurement that could not be made; the text says why"""


# ---- processes ----

class Proc:
    """One process of a repeat, started through 'floor t0' so that its start is stamped."""

    def __init__(self, floor, cpus, argv, env, errfile):
        self.errfile = errfile
        with open(errfile, 'ab') as err:
            self.p = subprocess.Popen([floor, 't0', cpus] + argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=err, env=env, bufsize=0)
        self.pid = self.p.pid
        self.buf = b''
        self.cpu_s = None

    def say(self, line):
        try:
            self.p.stdin.write((line + '\n').encode())
        except OSError:
            raise Failed(self.why('has ended'))

    def expect(self, prefix, limit_s=90):
        """the rest of the first line that starts with prefix"""
        end = time.monotonic() + limit_s
        while True:
            while b'\n' in self.buf:
                line, self.buf = self.buf.split(b'\n', 1)
                text = line.decode(errors='replace')
                if text.startswith(prefix):
                    return text[len(prefix):].strip()
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.p.stdout], [], [], left)[0]:
                raise Failed(self.why(f'no "{prefix}" within {limit_s} s'))
            got = os.read(self.p.stdout.fileno(), 65536)
            if not got:
                raise Failed(self.why(f'ended before "{prefix}"'))
            self.buf += got

    def result(self, limit_s=90):
        return json.loads(self.expect('result ', limit_s))

    def ready(self):
        """ms from exec to the end of init"""
        return int(self.expect('ready ', 60).split()[0]) / 1e6

    def why(self, text):
        with open(self.errfile, 'rb') as f:
            tail = f.read()[-600:].decode(errors='replace').strip().splitlines()
        return f'{text}: ' + (' | '.join(tail[-3:]) if tail else 'nothing on stderr')

    def end(self, kill=False):
        """CPU seconds it used, children included"""
        if self.cpu_s is not None:
            return self.cpu_s
        if kill:
            self.p.kill()
        else:
            try:
                self.p.stdin.write(b'quit\n')
            except OSError:
                pass
        try:
            self.p.stdin.close()
        except OSError:
            pass
        end = time.monotonic() + 10
        while True:
            pid, status, ru = os.wait4(self.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > end:
                self.p.kill()
            time.sleep(0.001)
        self.p.returncode = os.waitstatus_to_exitcode(status)
        self.p.stdout.close()
        self.cpu_s = ru.ru_utime + ru.ru_stime
        return self.cpu_s


class Crew:
    """The processes of one repeat; counts the CPU time that is ours."""

    def __init__(self, floor, workdir):
        self.floor, self.dir = floor, workdir
        self.procs, self.idlers, self.n = [], [], 0

    def start(self, argv, cpus='any', env=None):
        self.n += 1
        e = dict(os.environ)
        e.update(env or {})
        p = Proc(self.floor, cpus, argv, e, os.path.join(self.dir, 'stderr'))
        self.procs.append(p)
        return p

    def spinners(self, cpus):
        for c in cpus:
            p = self.start([self.floor, 'idle', str(c)])
            p.expect('spinning')
            self.idlers.append(p)

    def end(self):
        used = 0.0
        for p in self.idlers:
            used += p.end(kill=True)
        for p in reversed(self.procs): # secondaries before their primary
            used += p.end()
        self.procs = []
        return used


# ---- noise ----

def busy():
    """(busy, steal) seconds of all CPUs since boot"""
    with open('/proc/stat') as f:
        v = [int(x) / HZ for x in f.readline().split()[1:]]
    steal = v[7] if len(v) > 7 else 0.0
    return v[0] + v[1] + v[2] + v[5] + v[6] + steal, steal


def own_cpu():
    t = os.times()
    return t.user + t.system


class Gate:
    """Waits, bounded, for a quiet machine; says afterwards whether a repeat was disturbed."""
    QUIET_CORES, WINDOW_S = 0.04, 0.4
    ALLOW_CORES, ALLOW_S = 0.04, 0.03

    def __init__(self, wait_s, total_s):
        self.wait_s, self.left_s, self.why = wait_s, total_s, ''

    def open(self):
        end = time.monotonic() + min(self.wait_s, self.left_s)
        began = time.monotonic()
        while True:
            b0, o0, t0 = busy()[0], own_cpu(), time.monotonic()
            time.sleep(self.WINDOW_S)
            others = busy()[0] - b0 - (own_cpu() - o0)
            if others < self.QUIET_CORES * (time.monotonic() - t0) or time.monotonic() >= end:
                break
        self.left_s = max(0.0, self.left_s - (time.monotonic() - began - self.WINDOW_S))
        self.mark = (busy(), own_cpu(), time.monotonic())

    def close(self, used_s):
        """after all processes were waited for: how many cores the others had, and whether that is too much"""
        (b0, s0), o0, t0 = self.mark
        b1, s1 = busy()
        wall = time.monotonic() - t0
        others = b1 - b0 - used_s - (own_cpu() - o0)
        limit = self.ALLOW_CORES * wall + self.ALLOW_S
        self.why = f'others used {max(0.0, others) / wall:.2f} cores, the hypervisor took {(s1 - s0) / wall:.2f}'
        return max(0.0, others) / wall, others > limit or s1 - s0 > limit


# ---- figures ----

class Stat:
    """median (min..max) of repeats; noisy: not enough clean ones, so the noisy ones are in it"""

    def __init__(self, values, noisy):
        self.v, self.noisy = values, noisy
        self.med, self.lo, self.hi = statistics.median(values), min(values), max(values)

    def text(self):
        mark = '~' if self.noisy else ''
        if len(self.v) == 1:
            return f'{mark}{short(self.med)}'
        return f'{mark}{short(self.med)} ({short(self.lo)}..{short(self.hi)})'


def short(x):
    a = abs(x)
    if a >= 1000:
        return f'{x:,.0f}'
    if a >= 100:
        return f'{x:.0f}'
    if a >= 10:
        return f'{x:.1f}'
    return f'{x:.2f}'


def memory(pid):
    """kB: rss, peak rss, pss, hugetlb"""
    m = {}
    try:
        with open(f'/proc/{pid}/status') as f:
            for line in f:
                k, _, v = line.partition(':')
                if k in ('VmRSS', 'VmHWM', 'HugetlbPages'):
                    m[k] = int(v.split()[0])
        with open(f'/proc/{pid}/smaps_rollup') as f:
            for line in f:
                if line.startswith('Pss:'):
                    m['Pss'] = int(line.split()[1])
    except OSError as e:
        raise Failed(f'/proc/{pid}: {e}')
    return {'rss_kB': m['VmRSS'], 'peak_rss_kB': m['VmHWM'], 'pss_kB': m['Pss'], 'hugetlb_kB': m.get('HugetlbPages', 0)}


# ---- huge pages, for DPDK only ----

class HugePages:
    """Reserves 2 MiB pages and a mount for them; both are given back by close() and at exit."""
    NR = '/proc/sys/vm/nr_hugepages'

    def __init__(self, workdir, pages):
        self.old, self.set, self.dir, self.mounted = None, None, None, False
        atexit.register(self.close)
        if os.geteuid() != 0:
            raise Failed('huge pages need root')
        try:
            if self.free() < pages:
                self.old = self.number()
                # of those that others have, some may be beyond the number that was asked for
                self.write(max(self.old, self.meminfo('Total') - self.free()) + pages)
                self.set = self.number()
            if self.free() < pages:
                raise Failed(f'the kernel has only {self.free()} free huge pages, {pages} wanted')
        except OSError as e:
            raise Failed(f'{self.NR}: {e}')
        self.dir = os.path.join(workdir, 'huge')
        os.mkdir(self.dir)
        r = subprocess.run(['mount', '-t', 'hugetlbfs', '-o', 'pagesize=2M', 'none', self.dir], capture_output=True)
        if r.returncode != 0:
            raise Failed('cannot mount hugetlbfs: ' + r.stderr.decode().strip())
        self.mounted = True

    def number(self):
        with open(self.NR) as f:
            return int(f.read())

    def write(self, n):
        with open(self.NR, 'w') as f:
            f.write(str(n))

    @staticmethod
    def meminfo(what):
        with open('/proc/meminfo') as f:
            for line in f:
                if line.startswith(f'HugePages_{what}:'):
                    return int(line.split()[1])
        return 0

    def free(self):
        return self.meminfo('Free')

    def close(self):
        if self.mounted:
            for name in os.listdir(self.dir):
                os.unlink(os.path.join(self.dir, name))
            subprocess.run(['umount', self.dir], check=False)
            self.mounted = False
        if self.set is not None and self.number() == self.set: # else somebody else has changed it since: theirs counts
            self.write(self.old)
        self.set = None


def workdir():
    """a short path (socket names are limited), removed at exit"""
    d = tempfile.mkdtemp(prefix='shoal-bench.', dir='/tmp')

    def gone():
        subprocess.run(['rm', '-rf', '--one-file-system', d], check=False)
    atexit.register(gone)
    for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(s, lambda *_: sys.exit(130))
    return d


def machine():
    model = 'unknown'
    with open('/proc/cpuinfo') as f:
        for line in f:
            if line.startswith('model name'):
                model = line.split(':', 1)[1].strip()
                break
    return {'cpu': model, 'cpus': sorted(os.sched_getaffinity(0)), 'kernel': os.uname().release,
            'when': time.strftime('%Y-%m-%d %H:%M:%S')}


# ---- what the drivers have in common ----

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def options(name, doc, repeats=5, gate_wait=8, gate_total=240):
    p = argparse.ArgumentParser(prog='./dev bench ' + name, description=doc.splitlines()[0])
    p.add_argument('--quick', action='store_true', help='one short repeat: does everything still run?')
    p.add_argument('--repeats', type=int, default=repeats)
    p.add_argument('--build', default=os.path.join(ROOT, 'build'), help='meson build directory')
    p.add_argument('--gate-wait', type=float, default=gate_wait, help='seconds to wait for quiet before one repeat')
    p.add_argument('--gate-total', type=float, default=gate_total, help='seconds to wait for quiet in the whole run')
    p.add_argument('--retries', type=int, default=1, help='how often a noisy repeat is made again')
    p.add_argument('--strict', action='store_true', help='end with 1 when an aim is missed')
    return p


def options_rows(name, doc, rows, peers):
    """of a driver that measures rows of several peers, parsed"""
    p = options(name, doc)
    p.add_argument('--row', action='append', choices=rows, help='only this row (may be repeated)')
    p.add_argument('--peer', action='append', choices=peers, help='only this peer (may be repeated)')
    p.add_argument('--scale', type=float, default=1, help='so many times the repetitions (for longer profiles)')
    p.add_argument('--perf', action='store_true', help='record a profile of each job with perf')
    a = p.parse_args()
    if a.quick:
        a.repeats, a.gate_wait, a.gate_total, a.retries = 1, 0, 0, 0
    a.build = os.path.abspath(a.build)
    a.out = os.path.join(a.build, 'bench')
    os.makedirs(a.out, exist_ok=True)
    return a


def write_rows(b, name, out, m, lines, aims):
    """the end of such a driver's text, and its files; the aims that were missed"""
    out += ['aims of the design', '']
    out += lines + [''] + [f'absent: {k}: {v}' for k, v in b.absent.items()]
    out += [f'failed: {r} {p}: {v}' for (r, p), v in b.failed.items()]
    out += [f'{len(b.raw)} measurements, {sum(1 for r in b.raw if r["noisy"])} of them noisy']
    text = '\n'.join(out) + '\n'
    print('\n' + text)
    base = os.path.join(b.a.out, name)
    with open(base + '.txt', 'w') as f:
        f.write(text)
    with open(base + '.json', 'w') as f:
        json.dump({'machine': m, 'dpdk': b.dpdk_version, 'quick': b.a.quick, 'aims': aims, 'absent': b.absent,
                   'failed': {f'{r}/{p}': v for (r, p), v in b.failed.items()}, 'raw': b.raw}, f, indent=1)
    with open(base + '.tsv', 'w') as f:
        f.write('row\tpeer\trepeat\tnoisy\tmetric\tvalue\n')
        for r in b.raw:
            for k, v in r['values'].items():
                f.write(f'{r["row"]}\t{r["peer"]}\t{r["repeat"]}\t{int(r["noisy"])}\t{k}\t{v}\n')
    print(f'written: {base}.txt .tsv .json')
    return [x for x in aims if x['verdict'] == 'missed']
