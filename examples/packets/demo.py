# SPDX-License-Identifier: BSD-3-Clause
"""demo.py WORK [CAPTURE]: four processes of symmetric_mp pass a capture both ways between two ports; one is killed and replaced.

WORK has the programs (demo.sh put them there). What is printed as "ok" was compared; the first difference begins with DIFFERENT
and ends the demo with status 1. As root the processes are an ordinary user's, nobody.
"""
import os
import pty
import pwd
import re
import selectors
import shutil
import signal
import subprocess
import sys
import time

import capture

WORKERS = 4
BURST = 32  # packets that symmetric_mp has in its hands at most
POOL = 'SMP_MBUF_POOL'
LIMIT = float(os.environ.get('SHOAL_DEMO_PATIENCE', '30'))  # seconds for one step
ROW = re.compile(r' *(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$')


class Different(Exception):
    pass


class Process:
    """one of the group; it shows its lines at a terminal of its own, so that none is held back"""
    user = pwd.getpwnam('nobody') if os.geteuid() == 0 else None

    def __init__(self, demo, name, *argv, terminal=True):
        out, theirs = pty.openpty() if terminal else os.pipe()
        self.demo, self.name, self.text, self.fd = demo, name, '', out
        env = dict(os.environ, RUNTIME_DIRECTORY=demo.dir, LD_LIBRARY_PATH=demo.work)
        u = Process.user
        self.proc = subprocess.Popen([os.path.join(demo.work, argv[0]), *argv[1:]], stdin=subprocess.DEVNULL, stdout=theirs,
                                     stderr=theirs, env=env, user=u and u.pw_uid, group=u and u.pw_gid,
                                     extra_groups=[] if u else None, start_new_session=True)
        os.close(theirs)
        demo.selector.register(out, selectors.EVENT_READ, self)

    def read(self):
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the last one at the terminal has gone
            data = b''
        if not data:
            self.demo.selector.unregister(self.fd)
        self.text += data.decode(errors='replace').replace('\r', '')

    def shows(self, what):
        self.demo.until(f'{self.name} shows "{what}"', lambda: what in self.text)

    def ends(self, sig, status):
        self.proc.send_signal(sig)
        self.demo.until(f'{self.name} ends', lambda: self.proc.poll() is not None)
        while self.fd in self.demo.selector.get_map():
            self.read()
        self.demo.same(f'{self.name} ended with', self.proc.returncode, status)


class Demo:
    def __init__(self, work):
        self.work, self.dir = work, os.path.join(work, 'files')
        os.mkdir(self.dir)
        if Process.user:
            os.chmod(work, 0o755)
            os.chown(self.dir, Process.user.pw_uid, -1)
        self.selector = selectors.DefaultSelector()
        self.watch = None
        self.workers = []
        self.all = []
        self.rows, self.pool, self.frame = {}, '', ''
        self.drawn = self.checks = 0
        self.tty = sys.stdout.isatty()

    # ---- what is seen ----

    def claim(self, so, text):
        if not so:
            raise Different(text)
        print('   ok:', text, flush=True)
        self.drawn = 0
        self.checks += 1

    def same(self, what, got, want):
        if got != want:
            raise Different(f'{what} {got}, not {want}')
        self.checks += 1

    def title(self, text):
        print('\n==', text, flush=True)
        self.drawn = 0

    def tables(self):
        """what watch has written since the last look: the last whole table counts"""
        whole, _, rest = self.watch.text.rpartition('\n\n')
        if not whole:
            return
        self.watch.text = rest
        self.frame = whole.rpartition('\n\n')[2]
        self.rows = {(int(m[1]), int(m[2])): (int(m[3]), int(m[4]), int(m[5]))
                     for m in map(ROW.match, self.frame.split('\n')) if m}
        self.pool = self.frame.split('\n')[-1]
        if self.tty:
            self.draw()

    def draw(self):
        name = {p.proc.pid: p.name for p in self.all}
        if self.tty and self.drawn:
            print(f'\033[{self.drawn}A\033[J', end='')
        lines = self.frame.split('\n')
        for line in lines:
            m = ROW.match(line)
            print('  ', line, ' ', (name.get(int(m[3]), 'nobody') if m else ''))
        sys.stdout.flush()
        self.drawn = len(lines)

    def step(self):
        for key, _ in self.selector.select(0.05):
            key.data.read()
        if self.watch:
            self.tables()

    def until(self, what, so):
        end = time.monotonic() + LIMIT
        while not so():
            for p in self.all:
                if p.proc.poll() not in (None, 0, -signal.SIGKILL):
                    raise Different(f'{p.name} ended with {p.proc.returncode}; it showed: {p.text[-500:]}')
            if time.monotonic() > end:
                raise Different(f'not within {LIMIT:.0f} s: {what}\n{self.frame}')
            self.step()

    # ---- the group ----

    def start(self, name, *argv, **how):
        p = Process(self, name, *argv, **how)
        self.all.append(p)
        return p

    def worker(self, i, name, source, rate):
        ports = [f'--vdev=net_pcap{k},rx_pcap={source},tx_pcap={self.out(1 - k)},rate={rate}' for k in range(2)]
        p = self.start(name, 'symmetric_mp', '--proc-type=auto', '-l', str(min(os.sched_getaffinity(0))), '--track-pools',
                       '--log-level=error', *ports, '--', '-p', '3', f'--num-procs={WORKERS}', f'--proc-id={i}')
        p.shows(f'using queue {i} of each port')
        return p

    def out(self, port):
        """what came in at this port leaves by the other one, into this file"""
        return os.path.join(self.dir, f'from{port}.pcap')

    def count(self, port, queue, column):
        return self.rows.get((port, queue), (0, 0, 0))[column]

    def close(self):
        for p in self.all:
            if p.proc.poll() is None:
                p.proc.kill()
                p.proc.wait()


def order_kept(demo, port, sent, victim):
    """each packet once, those of a queue in their order; how many of the victim's are missing"""
    came, missing = {}, 0
    for pkt in capture.packets(demo.out(port)):
        came.setdefault(capture.queue_of(pkt, WORKERS), []).append(pkt)
    for q in range(WORKERS):
        mine, at = came.get(q, []), 0
        for pkt in sent[q]:
            if at < len(mine) and mine[at] == pkt:
                at += 1
            elif q == victim:
                missing += 1
            else:
                raise Different(f'port {port}: packet {at + 1} of queue {q} did not come in its place')
        if at != len(mine):
            raise Different(f'port {port}: queue {q} brought a packet twice, or one that nobody sent')
    return missing


def all_came(demo, sent, victim):
    """the others' packets all, and the victim's last one"""
    for port in range(2):
        for q in range(WORKERS):
            if demo.count(1 - port, q, 2) < len(sent[q]) - (2 * BURST if q == victim else 0):
                return False
        came = [p for p in capture.packets(demo.out(port)) if capture.queue_of(p, WORKERS) == victim]
        if sent[victim] and (not came or came[-1] != sent[victim][-1]):
            return False
    return True


def ordinary(demo):
    uids = {os.stat(f'/proc/{w.proc.pid}').st_uid for w in demo.workers}
    demo.claim(0 not in uids, f'none of them is root: user {", ".join(map(str, uids))}')


def begin(demo, source, rate):
    demo.title(f'{WORKERS} processes of symmetric_mp, unmodified; each has one queue of each port')
    for i in range(WORKERS):
        demo.workers.append(demo.worker(i, f'worker {i}', source, rate))
    ordinary(demo)
    demo.watch = demo.start('watch', 'watch', '--proc-type=secondary', '--log-level=error', '--', POOL, terminal=False)
    demo.until('each queue has its owner', lambda: all(
        demo.count(p, q, 0) == demo.workers[q].proc.pid for p in range(2) for q in range(WORKERS)))
    demo.draw()
    demo.claim(True, 'each queue is the one\'s that says so')


def replace(demo, source, rate, victim, total):
    demo.until('a third has passed', lambda: sum(demo.count(1, q, 2) for q in range(WORKERS)) > total // 3)
    demo.title(f'worker {victim} is killed with -9')
    w = demo.workers[victim]
    w.proc.kill()
    demo.until('its queues are nobody\'s', lambda: all(demo.count(p, victim, 0) == 0 for p in range(2)))
    demo.draw()
    before = demo.rows
    demo.until('the others go on', lambda: all(
        demo.rows[1, q][2] > before[1, q][2] or demo.rows[1, q][2] == demo.want[q] for q in range(WORKERS) if q != victim))
    demo.claim(True, 'its queues are nobody\'s, the others go on')
    demo.title('another one takes its place')
    demo.workers[victim] = demo.worker(victim, f'worker {victim}b', source, rate)
    demo.until('it has the queues', lambda: all(
        demo.count(p, victim, 0) == demo.workers[victim].proc.pid for p in range(2)))
    demo.draw()
    demo.claim(True, 'it has the queues')


def finish(demo, sent, victim):
    total = sum(map(len, sent))
    demo.until('all packets came', lambda: all_came(demo, sent, victim))
    lost = [order_kept(demo, p, sent, victim) for p in range(2)]
    demo.title('all packets have passed')
    demo.until('the pool is whole', lambda: re.search(r': (\d+) of \1 mbufs', demo.pool) is not None)
    demo.draw()
    demo.claim(sum(lost) <= BURST, f'of 2 x {total} packets each came once, in the order of its flow, but {sum(lost)} of worker '
               f'{victim}\'s: it held {BURST} at most')
    demo.claim(True, f'what it held is in the pool again: {demo.pool}')
    demo.watch.ends(signal.SIGINT, 0)
    for i, w in reversed(list(enumerate(demo.workers))):
        w.ends(signal.SIGINT, 0)
        for port, rx, tx, drop in re.findall(r'Port (\d+): RX - (\d+), TX - (\d+), Drop - (\d+)', w.text):
            demo.same(f'{w.name}: dropped at port {port}', int(drop), 0)
            if i != victim:
                demo.same(f'{w.name}: received at port {port}', int(rx), len(sent[i]))
                demo.same(f'{w.name}: sent at port {port}', int(tx), demo.count(int(port), i, 2))
    demo.claim(True, 'each received what the Toeplitz hash gives it, and what it prints at its end is what the table says')


def main():
    demo = Demo(sys.argv[1])
    source = os.path.join(demo.dir, 'in.pcap')
    try:
        if len(sys.argv) > 2:
            all_ = capture.packets(sys.argv[2])
            shutil.copyfile(sys.argv[2], source)
        else:
            capture.make(source, int(os.environ.get('SHOAL_DEMO_PACKETS', '20000')))
            all_ = capture.packets(source)
        os.chmod(source, 0o644)
        sent = [[] for _ in range(WORKERS)]
        for pkt in all_:
            sent[capture.queue_of(pkt, WORKERS)].append(pkt)
        demo.want = [len(s) for s in sent]
        total, victim = sum(demo.want), max(range(1, WORKERS), key=lambda q: len(sent[q]))
        print(f'a capture of {total} packets; by the hash of their addresses the workers get {demo.want}')
        rate = max(1, int(total / float(os.environ.get('SHOAL_DEMO_SECONDS', '4'))))
        begin(demo, source, rate)
        replace(demo, source, rate, victim, total)
        finish(demo, sent, victim)
    except (Different, capture.Bad, OSError) as e:
        print(f'\nDIFFERENT: {e}')
        return 1
    except KeyboardInterrupt:
        print('\ndemo: interrupted')
        return 128 + signal.SIGINT
    finally:
        demo.close()
    print(f'\ndemo: all {demo.checks} checks passed')
    return 0


if __name__ == '__main__':
    sys.exit(main())
