#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""demo_traffic_ends.py DEMO BUILD: however and whenever ./dev demo traffic is ended, it says what there is to say and leaves nothing:
no process, no file. After kill -9 its processes end, and the next run takes its files away."""
import os
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'conformance'))
from terminal import LIMIT, Failed, Terminal  # noqa: E402

tmp = tempfile.mkdtemp(prefix='dt', dir='/tmp')  # short: names of sockets are in it
os.chmod(tmp, 0o777)
os.environ['TMPDIR'] = tmp
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever started this with nohup: a shell cannot trap what was ignored before it


def processes():
    """those that run something of it, or in it"""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as f:
                if tmp.encode() in f.read():
                    found.append(pid)
        except OSError:
            pass  # it has ended
    return found


def child(parent):
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/status', encoding='ascii') as f:
                if f'\nPPid:\t{parent}\n' in f.read():
                    return int(pid)
        except OSError:
            pass
    raise Failed('the shell of the demo is not there')


def nothing_is_left(files):
    until = time.monotonic() + LIMIT
    while processes() or (files and os.listdir(tmp)):
        if time.monotonic() > until:
            raise Failed(f'left: processes {processes()}, files {os.listdir(tmp)}')
        time.sleep(0.02)  # sleep: other users' processes, of which there is no event


def run(seen, how):
    """how: keys, or a signal to the shell, or None: the terminal is closed"""
    t = Terminal(['setsid', '--ctty', '--wait', 'bash', sys.argv[1], sys.argv[2], 'tap'])
    try:
        t.expect(seen)
        if isinstance(how, str):
            t.type(how)
        elif how is not None:
            os.kill(child(t.proc.pid), how)
        if how not in (None, signal.SIGKILL):
            t.expect('== what the processes say')
            t.expect('files were right')
            t.ends(0)
    finally:
        if t.proc.poll() == 77:
            print(t.shown)
            sys.exit(77)
        if how is None:
            os.close(t.fd)
            t.fd = os.open(os.devnull, os.O_RDONLY)
            t.proc.wait(LIMIT)
        t.close()
    for bad in ('Traceback', 'DIFFERENT', 'FAILED'):
        if bad in t.shown:
            raise Failed(f'{bad}: {t.shown}')
    nothing_is_left(how != signal.SIGKILL)


try:
    for seen, how in (('ok: ping', signal.SIGKILL), ('== host left', '\x03'), ('ok: ping', '\x1c'), ('port  queue   process', signal.SIGTERM),
                      ('files downloaded', None)):
        run(seen, how)
    print('ok')
except Failed as e:
    sys.exit(f'FAILED: {e}')
finally:
    shutil.rmtree(tmp, ignore_errors=True)
