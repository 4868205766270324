# SPDX-License-Identifier: BSD-3-Clause
"""Two hosts whose only path is a program: network namespaces, interfaces, programs, traffic.

The caller's process is in the middle namespace, where the program under test runs; each Host is a namespace of its own. Nothing
leaves them: there is no interface to anywhere else. Works for root and for an ordinary user, who becomes root of a user namespace
(enter()). All ends with the caller: a namespace lives as long as its holder, which reads a pipe that closes with the caller.
"""
import fcntl
import fnmatch
import glob
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

LIMIT = 30 * float(os.environ.get('SHOAL_TEST_SLOW', '1'))
EXAMPLES = '/usr/share/dpdk/examples/multi_process'
INSIDE = 'SHOAL_TRAFFIC_INSIDE'


# two ports, one for each host: net_af_packet on the other ends of their veths, net_tap as their interfaces
DEVICES = {'af_packet': ['net_af_packet0,iface=port0,qpairs=2', 'net_af_packet1,iface=port1,qpairs=2'],
           'tap': ['net_tap0,iface=tap0', 'net_tap1,iface=tap1']}


class Failed(Exception):
    """What should have been, and what was."""


class Missing(Exception):
    """What this machine has not got."""


def command(*argv, check=True, **more):
    """a short command's output"""
    try:
        r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT, check=False, **more)
    except subprocess.TimeoutExpired:
        raise Failed(f'{" ".join(argv)}: not done in {LIMIT:.0f} s') from None
    if check and r.returncode != 0:
        raise Failed(f'{" ".join(argv)}: status {r.returncode}: {r.stdout.strip()[-300:]}')
    return r.stdout


def bound(argv):
    """so that it ends with the caller, however that ends, and hears no Ctrl-C of the terminal"""
    return ['setpriv', '--pdeathsig', 'KILL', '--', *argv]


def enter(need=()):
    """Go on in namespaces of our own: runs this program again there, and ends as that does. Missing: what is not here."""
    for name in ('unshare', 'nsenter', 'setpriv', 'stdbuf', 'ip', *need):
        if shutil.which(name, path=os.environ['PATH'] + ':/usr/sbin:/sbin') is None:
            raise Missing(f'{name} is not here')
    os.environ['PATH'] += ':/usr/sbin:/sbin'
    if INSIDE in os.environ:
        # who started this one dies: so does this one, and with it all namespaces
        command('ip', 'link', 'set', 'lo', 'up')
        return
    for how in (['-n'], ['-U', '-r', '-n']):
        if how == ['-n'] and (os.geteuid() != 0 or os.environ.get('SHOAL_TRAFFIC_USER')):
            continue
        if subprocess.run(['unshare', *how, 'true'], stderr=subprocess.DEVNULL, check=False).returncode == 0:
            os.environ[INSIDE] = '1'
            os.execvp('unshare', ['unshare', *how, sys.executable, *sys.argv])
    raise Missing('network namespaces cannot be made here: run as root, or allow user namespaces (sysctl user.max_user_namespaces)')


def wait_for(what, true, limit=LIMIT):
    until = time.monotonic() + limit
    while not true():
        if time.monotonic() > until:
            raise Failed(f'{what}: not in {limit:.0f} s')
        time.sleep(0.01)  # sleep: the kernel's tables have no event that a script could wait for


def hold(path, how=0):
    """a directory's descriptor, locked until it is closed or this process ends; None: it is gone, or is held by another process"""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | how)
        if os.path.isdir(path):  # others could clear it away until now
            return fd
    except OSError:
        pass
    os.close(fd)
    return None


def new_directory():
    """its path and descriptor, held. Those of runs that were killed go"""
    prefix = 'shoal-traffic.'
    for old in glob.glob(os.path.join(tempfile.gettempdir(), prefix + '*')):
        fd = hold(old, fcntl.LOCK_NB)
        if fd is not None:
            shutil.rmtree(old, ignore_errors=True)  # of another user: stays
            os.close(fd)
    while True:
        path = tempfile.mkdtemp(prefix=prefix)
        fd = hold(path)
        if fd is not None:
            return path, fd


class Host:
    """A namespace with one interface, eth0."""

    def __init__(self, number):
        self.addr = f'10.77.0.{number}'
        self.mac = f'02:00:00:00:77:{number:02x}'
        self.holder = subprocess.Popen(['unshare', '-n', 'sh', '-c', 'echo; exec cat >/dev/null'], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, start_new_session=True)
        self.holder.stdout.readline()
        self.children = []
        self.run('ip', 'link', 'set', 'lo', 'up')

    def argv(self, argv):
        return ['nsenter', f'--net=/proc/{self.holder.pid}/ns/net', '--', *argv]

    def run(self, *argv, **more):
        return command(*self.argv(argv), **more)

    def start(self, *argv, **more):
        """something that goes on; it ends with close()"""
        p = subprocess.Popen(bound(self.argv(argv)), start_new_session=True, **more)
        self.children.append(p)
        return p

    def plug(self, name, mtu=1500, peer=None):
        """take an interface of the middle as eth0, with its address"""
        command('ip', 'link', 'set', name, 'netns', str(self.holder.pid))
        self.run('ip', 'link', 'set', name, 'down')
        self.run('ip', 'link', 'set', name, 'name', 'eth0', 'address', self.mac, 'mtu', str(mtu))
        self.run('ip', 'address', 'add', self.addr + '/24', 'dev', 'eth0')
        # no packets but the test's
        self.run('sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6', check=False)
        self.run('ip', 'link', 'set', 'eth0', 'up')

    def counter(self, name):
        return int(json.loads(self.run('ip', '-j', '-s', 'link', 'show', 'eth0'))[0]['stats64'][name.split('_')[0]][name.split('_')[1]])

    def close(self):
        for p in self.children:
            if p.poll() is None:
                p.kill()
            p.wait()
        self.holder.stdin.close()
        self.holder.wait()


def build_example(build, name, out):
    """an example of DPDK as it is; build: a build directory of shoal, or None: DPDK itself"""
    sources = {'symmetric_mp': ['symmetric_mp/main.c'],
               'mp_server': ['client_server_mp/mp_server/' + f for f in ('main.c', 'init.c', 'args.c')],
               'mp_client': ['client_server_mp/mp_client/client.c']}[name]
    sources = [os.path.join(EXAMPLES, s) for s in sources]
    if not os.path.exists(sources[0]):
        raise Missing('package dpdk-doc is not here')
    if build is None:
        if shutil.which('pkg-config') is None or subprocess.run(['pkg-config', '--exists', 'libdpdk'], check=False).returncode != 0:
            raise Missing('package libdpdk-dev is not here')
        flags = command('pkg-config', '--cflags', '--libs', 'libdpdk').split()
    else:
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        lib = os.path.abspath(os.path.join(build, 'src'))
        flags = ['-include', 'rte_config.h', f'-I{root}/include', f'-L{lib}', f'-Wl,-rpath,{lib}', '-lshoal', '-lpthread']
    extra = [f'-I{EXAMPLES}/client_server_mp/shared'] if name.startswith('mp_') else []
    exe = os.path.join(out, name + ('-dpdk' if build is None else ''))
    command(os.environ.get('CC', 'cc').split()[0], '-O3', '-w', '-D_GNU_SOURCE', '-DALLOW_EXPERIMENTAL_API', '-o', exe, *extra,
            *sources, *flags)
    return exe


class Program:
    """A program of the middle, what it prints in a file; it reads nothing, or what is told to it."""

    def __init__(self, world, name, argv, reads=subprocess.DEVNULL):
        self.name = name
        self.killed = False
        self.path = os.path.join(world.dir, name.replace(' ', '-') + '.log')
        env = dict(os.environ, RUNTIME_DIRECTORY=world.dir, XDG_RUNTIME_DIR=world.dir)
        with open(self.path, 'ab') as log:
            self.at = log.tell()
            self.proc = subprocess.Popen(bound(['stdbuf', '-oL', *argv]), stdin=reads, stdout=log, stderr=log,
                                         env=env, start_new_session=True)

    def size(self):
        """bytes that it has printed"""
        return os.path.getsize(self.path) - self.at

    def shown(self, skip=0):
        """what it has printed behind so many bytes"""
        with open(self.path, 'rb') as f:
            f.seek(self.at + skip)
            return f.read().decode(errors='replace')

    def expect(self, text):
        def there():
            if text in self.shown():
                return True
            if self.proc.poll() is not None and text not in self.shown():
                raise Failed(f'{self.name} ended with {self.proc.returncode} before it showed {text!r}: {self.shown()[-600:]}')
            return False
        try:
            wait_for(f'{self.name} shows {text!r}', there)
        except Failed as e:
            raise Failed(f'{e}; it showed {self.shown()[-600:]}') from None

    def kill(self, sig=signal.SIGKILL):
        self.killed = True
        self.proc.send_signal(sig)
        self.proc.wait(LIMIT)


class Getter:
    """Gets its part of the file from the right host to the left one; with `again` until it is enough. The last one is in `path`."""

    def __init__(self, world, i, parts, size, again):
        self.path, self.why, self.times, self.enough = os.path.join(world.dir, f'got{i}'), None, 0, not again
        part = ['-r', f'{size * i // parts}-{size * (i + 1) // parts - 1}'] if parts > 1 else []
        rate = ['--limit-rate', f'{40 // parts}M'] if again else []  # others want the processor, too
        self.argv = ['curl', '-sS', '--max-time', str(int(6 * LIMIT)), *rate, *part, '-o', self.path, f'http://{world.right.addr}/file']
        self.thread = threading.Thread(target=self.run, args=(world.left,), daemon=True)
        self.thread.start()

    def run(self, host):
        first, until = None, time.monotonic() + 6 * LIMIT
        while True:
            with open(self.path + '.err', 'wb') as err:
                status = host.start(*self.argv, stderr=err).wait()
            if status == 7 and time.monotonic() < until:
                continue  # no connection: so the path is just now, or the processor has been others' for seconds
            if status != 0:
                with open(self.path + '.err', encoding='utf-8') as err:
                    self.why = f'curl ended with {status}: {err.read().strip()}'
                return
            with open(self.path, 'rb') as f:
                digest = hashlib.sha256(f.read()).digest()
            if first not in (None, digest):
                self.why = f'the same part of the file came twice, and not alike ({self.argv})'
                return
            first = digest
            self.times += 1
            if self.enough:
                return

    def got(self):
        """bytes"""
        return 1 << 60 if self.times else os.path.getsize(self.path) if os.path.exists(self.path) else 0

    def check(self):
        if self.why:
            raise Failed(self.why)


class World:
    """Two hosts and the middle."""

    def __init__(self, where=None):
        """where: a directory for all that there is; else a new one"""
        self.dir, self.held = (where, None) if where else new_directory()
        self.left, self.right = Host(1), Host(2)
        self.hosts = [self.left, self.right]
        self.programs = []

    def start(self, name, *argv, reads=subprocess.DEVNULL):
        p = Program(self, name, argv, reads)
        self.programs.append(p)
        return p

    def veths(self, offloads=True, mtu=1500, which=(0, 1)):
        """port0 and port1 in the middle, each the other end of a host's eth0"""
        for i in which:
            h = self.hosts[i]
            command('ip', 'link', 'add', 'name', f'port{i}', 'type', 'veth', 'peer', 'name', f'far{i}')
            h.plug(f'far{i}', mtu)
            command('sh', '-c', f'echo 1 >/proc/sys/net/ipv6/conf/port{i}/disable_ipv6', check=False)
            command('ip', 'link', 'set', f'port{i}', 'mtu', str(mtu), 'up')
            if not offloads:
                h.run('ethtool', '-K', 'eth0', 'tx', 'off', 'tso', 'off', 'gso', 'off')

    def bridge(self):
        """the kernel's own: port0 and port1 are its ports"""
        command('ip', 'link', 'add', 'name', 'br0', 'type', 'bridge')
        for i in range(2):
            command('ip', 'link', 'set', f'port{i}', 'master', 'br0')
        command('ip', 'link', 'set', 'br0', 'up')

    def plug_taps(self, mtu=1500, which=(0, 1)):
        for i in which:
            name = f'tap{i}'
            wait_for(f'interface {name}', lambda n=name: os.path.exists(f'/proc/sys/net/ipv4/conf/{n}'))
            self.hosts[i].plug(name, mtu)

    # ---- traffic ----

    def ping(self, n=3):
        out = self.left.run('ping', '-c', str(n), '-i', '0.05', '-w', str(int(LIMIT)), self.right.addr, check=False)
        got = re.search(r' (\d+) (?:packets )?received', out)
        if got is None or int(got.group(1)) < n:
            raise Failed(f'ping: {out[-300:]}')

    def serve(self, size, seed=1):
        """nginx in the right host with a file of so many bytes; its digest"""
        root = os.path.join(self.dir, 'www')
        os.makedirs(root, exist_ok=True)
        digest, left = hashlib.sha256(), size
        with open(os.path.join(root, 'file'), 'wb') as f:
            block = b''
            while left > 0:
                seed += 1
                block = hashlib.shake_128(seed.to_bytes(8, 'little')).digest(min(left, 1 << 20))
                digest.update(block)
                f.write(block)
                left -= len(block)
        conf = os.path.join(self.dir, 'nginx.conf')
        with open(conf, 'w', encoding='ascii') as f:
            f.write(f'daemon off; master_process off; user root root; pid {self.dir}/nginx.pid; error_log {self.dir}/nginx.log;\n'
                    'events {}\n'
                    f'http {{ access_log off; sendfile on; server {{ listen {self.right.addr}:80; root {root}; }}\n' +
                    ''.join(f'{k}_temp_path {self.dir}/{k};\n' for k in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi')) + '}\n')
        os.chmod(self.dir, 0o755)
        self.right.start('nginx', '-c', conf, '-p', self.dir, '-e', self.dir + '/nginx.log', stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
        wait_for('nginx listens', lambda: self.right.listens(80))
        return digest.hexdigest()

    def download(self, parts=1, size=0, meanwhile=None):
        """the digest of what curl gets, over so many connections; meanwhile: called when each has got something. Who has all of
        its part before that has ended gets it once more, so that there is a download all the while"""
        getters = [Getter(self, i, parts, size, meanwhile is not None) for i in range(parts)]
        try:
            if meanwhile:
                def some():
                    for g in getters:
                        g.check()
                    return all(g.got() > 100_000 for g in getters)
                wait_for('the first part of the file', some)
                meanwhile()
        finally:
            for g in getters:
                g.enough = True
        digest = hashlib.sha256()
        for g in getters:
            g.thread.join(6 * LIMIT)
            g.check()
            with open(g.path, 'rb') as f:
                for block in iter(lambda f=f: f.read(1 << 20), b''):
                    digest.update(block)
            os.unlink(g.path)
        return digest.hexdigest()

    def iperf(self, seconds=2, reverse=False, streams=1, extra=()):
        """Gbit/s that arrived"""
        s = self.right.start('iperf3', '-s', '-1', '-B', self.right.addr, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for('iperf3 listens', lambda: self.right.listens(5201))
        out = self.left.run('iperf3', '-c', self.right.addr, '-t', str(seconds), '-P', str(streams), '-J', *(['-R'] if reverse else []),
                            *extra, check=False)
        s.kill()
        s.wait()
        try:
            return json.loads(out)['end']['sum_received']['bits_per_second'] / 1e9
        except (ValueError, KeyError):
            raise Failed(f'iperf3: {out[-300:]}') from None

    def close(self):
        for p in self.programs:
            if p.proc.poll() is None:
                p.proc.kill()
                p.proc.wait()
        for h in self.hosts:
            h.close()
        for name in ('port0', 'port1', 'br0', 'tap0', 'tap1'):
            command('ip', 'link', 'delete', name, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)
        if self.held is not None:
            os.close(self.held)


def _listens(host, port):
    line = f':{port:04X} '
    return any(line in row.split(' ', 5)[-1][:40] or f'{line}' in row for row in
               host.run('cat', '/proc/net/tcp').splitlines() if ' 0A ' in row)


Host.listens = _listens


def spread(n, first=0):
    """n processes' lcore, each on one CPU"""
    return f'0@{(first + n) % len(os.sched_getaffinity(0))}'


def symmetric(world, exe, devices, n, i, dpdk=False, more=(), kind_of='auto'):
    """process i of n over two ports, begun"""
    own = ['--no-huge', '-m', '512', '--no-telemetry'] if dpdk else [f'--proc-type={kind_of}']
    return world.start(f'symmetric_mp {i}', exe, f'--lcores={spread(i)}', *own, '--log-level=error', '--no-pci', *more,
                       *[f'--vdev={d}' for d in devices], '--', '-p', '3', f'--num-procs={n}', f'--proc-id={i}')


def forwarders(world, exe, devices, n, dpdk=False, more=()):
    """n processes of symmetric_mp, ready"""
    all_ = []
    for i in range(n):
        p = symmetric(world, exe, devices, n, i, dpdk, more)
        p.expect(f'using queue {i} of each port')
        all_.append(p)
    return all_


def run_cases(cases, examples, need):
    """for a test program: PROG BUILD_DIR [PATTERN...]; cases: name -> function of {example: path}. The exit status"""
    names = [n for n in cases if any(fnmatch.fnmatch(n, p) for p in sys.argv[2:] or ['*'])]
    count = {'ok': 0, 'not ok': 0, 'skip': 0}

    def report(how, name, why=''):
        count[how] += 1
        print(f'{how} - {name}' + (f': {why}' if why else ''), flush=True)
    try:
        enter(need)
        if not os.path.exists('/dev/net/tun'):
            for n in [n for n in names if 'af_packet' not in n]:
                names.remove(n)
                report('skip', n, '/dev/net/tun is not here')
        shop = World()
        try:
            exes = {n: build_example(sys.argv[1], n, shop.dir) for n in examples}
            for n in names:
                try:
                    cases[n](exes)
                    report('ok', n)
                except Failed as e:
                    report('not ok', n, str(e))
                except Missing as e:
                    report('skip', n, str(e))
        finally:
            shop.close()
    except Missing as e:
        for n in names:
            report('skip', n, str(e))
    print(f'{count["ok"]} passed, {count["not ok"]} failed, {count["skip"]} skipped')
    return 1 if count['not ok'] else 0
