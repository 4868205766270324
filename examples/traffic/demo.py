# SPDX-License-Identifier: BSD-3-Clause
"""demo.py WORK [tap|af_packet] [SECONDS]: hosts left and right, and between them two processes of symmetric_mp.

WORK has the programs (demo.sh put them there). A file is downloaded again and again, and compared each time; every few seconds
the second process is killed with -9 and replaced. A table shows each process' queues of each port while it runs; on Ctrl-C, which
demo.sh hands on as SIGTERM, the processes print their own statistics. Status 1: a file that came was another one.
"""
import ctypes
import os
import re
import shutil
import signal
import sys
import threading
import time

from world import DEVICES, Failed, Missing, Program, World, enter, forwarders, symmetric

SIZE = 4_000_000
KILL_S = 3  # seconds between kills
ROW = re.compile(r' *(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$')
ERRORS = re.compile(r'( *(\d+) +all .*, errors )(\d+)$')


class Stopped(Exception):
    """Somebody wants it to end."""


def fit(lines, columns, rows):
    """as many of them, and as much of each, as are redrawn in place: the last one stays"""
    if len(lines) >= rows:
        lines = lines[:max(rows - 3, 0)] + ['   ...', lines[-1]]
    return [line[:columns - 1] for line in lines]


def since(line, before):
    """a port's line without the errors of before: what was sent while an interface was on its way to its host is none of the run's"""
    m = ERRORS.match(line)
    return f'{m[1]}{int(m[3]) - before.get(m[2], 0)}' if m else line


class Demo:
    def __init__(self, work, kind, seconds):
        self.kind, self.seconds, self.exe = kind, seconds, os.path.join(work, 'symmetric_mp')
        self.tty = sys.stdout.isatty()
        self.drawn = self.files = self.kills = 0
        self.before = {}  # port: errors before both hosts were there
        self.stop = False
        self.w = World(os.path.join(work, 'run'))
        os.environ['LD_LIBRARY_PATH'] = work
        self.watch_exe = os.path.join(work, 'watch')

    def show(self, text, end='\n'):
        try:
            print(text + end, end='', flush=True)  # at once: a signal may end it
        except OSError:  # the terminal is closed
            none = os.open(os.devnull, os.O_WRONLY)
            os.dup2(none, 1)
            os.dup2(none, 2)

    def say(self, text):
        self.show(text)
        self.drawn = 0

    def last(self):
        return self.watch.shown().rpartition('\n\n')[0].rpartition('\n\n')[2]

    def table(self):
        """the last whole table that watch has written, with the names of the processes"""
        whole = '\n'.join(since(line, self.before) for line in self.last().split('\n'))
        pids = {p.proc.pid: p.name for p in self.workers}
        lines = []
        for line in whole.split('\n'):
            m = ROW.match(line)
            lines.append('   ' + line + ('   ' + pids.get(int(m[3]), 'nobody') if m else ''))
        lines.append(f'   {self.files} files downloaded, {self.kills} processes killed and replaced')
        if self.tty:
            lines = fit(lines, *shutil.get_terminal_size())
        if self.tty and self.drawn:
            self.show(f'\033[{self.drawn}A\033[J', end='')
        self.show('\n'.join(lines))
        self.drawn = len(lines)

    def replace(self):
        self.workers[1].kill()
        self.workers[1] = symmetric(self.w, self.exe, DEVICES[self.kind], 2, 1)
        self.workers[1].expect('using queue 1 of each port')
        self.kills += 1

    def traffic(self, want):
        end = time.monotonic() + self.seconds if self.seconds else None
        kill, shown = time.monotonic() + KILL_S / 2, 0
        while not self.stop and (end is None or time.monotonic() < end or self.kills == 0):
            if self.w.download(4, SIZE) != want:
                raise Failed('a file came with another digest')
            self.files += 1
            if time.monotonic() > kill:
                self.replace()
                kill = time.monotonic() + KILL_S
            if self.tty and time.monotonic() > shown + 0.3:
                self.table()
                shown = time.monotonic()
        self.table()

    def run(self):
        self.say(f'== host left ({self.w.left.addr}), host right ({self.w.right.addr}); '
                 f'user {os.environ.get("SHOAL_TRAFFIC_WAS", os.geteuid())}')
        self.say(f'== between them two processes of symmetric_mp over {self.kind} ports')
        if self.kind == 'af_packet':
            self.w.veths()
        self.workers = forwarders(self.w, self.exe, DEVICES[self.kind], 2)
        if self.kind == 'tap':
            self.w.plug_taps()
        self.watch = Program(self.w, 'watch', [self.watch_exe, '--proc-type=secondary', '--log-level=error', '--lcores=0@0'])
        self.w.programs.append(self.watch)
        self.watch.expect('\n\n')
        self.before = {m[2]: int(m[3]) for m in map(ERRORS.match, self.last().split('\n')) if m}
        self.w.ping()
        self.say('   ok: ping')
        want = self.w.serve(SIZE)
        self.say('== downloads by curl from nginx, compared each time' + ('; Ctrl-C ends' if not self.seconds else ''))
        self.traffic(want)

    def statistics(self, early):
        """early: it may have ended before they had begun"""
        self.stop = True  # not in the middle of this
        self.say('== what the processes say')
        for p in self.w.programs:
            if not p.name.startswith('symmetric_mp') or p.killed:
                continue
            p.kill(signal.SIGINT)
            found = re.findall(r'Port \d+: RX - \d+, TX - \d+, Drop - \d+', p.shown())
            if len(found) != 2 and not early:
                raise Failed(f'{p.name} printed no statistics: {p.shown()[-300:]}')
            for port in found or ['nothing: it had just begun']:
                self.say(f'   {p.name}: {port}')
        self.say(f'   ok: {self.files} files were right, {self.kills} processes were killed and replaced')

    def listen(self):
        """end in good order when somebody says so, and when demo.sh is no more"""
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(sig, self.interrupted)
        ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG
        if os.environ.get('SHOAL_DEMO_SHELL', str(os.getppid())) != str(os.getppid()):
            raise Stopped

    def interrupted(self, sig, frame):
        del sig
        if self.stop:
            return
        self.stop = True
        while frame:  # a thread that is just being started must not be left half way: traffic() sees that it is to stop
            if frame.f_code.co_filename == threading.__file__:
                return
            frame = frame.f_back
        raise Stopped


def main():
    try:
        os.setsid()  # what the terminal says is not for the programs
    except OSError:
        pass  # it was so already
    kind = sys.argv[2] if len(sys.argv) > 2 else 'tap'
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 0 if sys.stdout.isatty() else 5
    if kind not in DEVICES:
        sys.exit(f'demo: {kind}: tap or af_packet')
    os.environ.setdefault('SHOAL_TRAFFIC_WAS', str(os.geteuid()))
    try:
        enter(('nginx', 'curl', 'ping'))
    except Missing as e:
        print(f'demo: {e}')
        return 77
    demo = Demo(sys.argv[1], kind, seconds)
    early = False
    try:
        try:
            demo.listen()
            demo.run()
            early = demo.stop
        except Stopped:
            early = True
        demo.statistics(early)
    except Failed as e:
        demo.say(f'DIFFERENT: {e}')
        return 1
    finally:
        demo.stop = True
        demo.w.close()
    return 0


if __name__ == '__main__':
    sys.exit(main())
