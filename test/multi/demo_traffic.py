#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""demo_traffic.py DEMO BUILD: ./dev demo traffic af_packet as a person at a terminal of 80x24 sees it: the table, Ctrl-C, the statistics"""
import fcntl
import os
import re
import shutil
import struct
import subprocess
import sys
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'conformance'))
from terminal import Failed, Terminal  # noqa: E402

COLUMNS, ROWS = 80, 24


def size_of_table(shown):
    """no line is as wide as the terminal, none is cut, and the table is not as high"""
    shown = shown.replace('\033[J', '')
    for line in re.split(r'\n|\033\[\d+A|\^C', shown):  # the terminal shows the key, wherever it came
        if len(line) >= COLUMNS:
            raise Failed(f'a line has {len(line)} characters: {line!r}')
        if ' all  ' in line and not re.search(r'missed \d+[kMGTP]?, errors \d+[kMGTP]?$', line):
            raise Failed(f'this line is cut: {line!r}')
    for n in re.findall(r'\033\[(\d+)A', shown):
        if int(n) >= ROWS:
            raise Failed(f'the table has {n} lines')


def size_of_any():
    """the same of names and numbers of any length, and more queues than fit"""
    here = os.path.dirname(sys.argv[1])
    sys.path[:0] = [here, os.path.join(here, '../../test/traffic')]
    sys.dont_write_bytecode = True
    import demo
    lines = demo.fit(['x' * 200] * 60 + ['the last'], COLUMNS, ROWS)
    if len(lines) != ROWS - 1 or lines[-1] != 'the last' or max(map(len, lines)) != COLUMNS - 1:
        raise Failed(f'long lines become {lines!r}')
    if demo.fit(['short'] * (ROWS - 1), COLUMNS, ROWS) != ['short'] * (ROWS - 1):
        raise Failed('what fits is cut')


size_of_any()
# a session whose terminal it is, so that Ctrl-C is a signal
t = Terminal(['setsid', '--ctty', '--wait', 'bash', sys.argv[1], sys.argv[2], 'af_packet'])
fcntl.ioctl(t.fd, termios.TIOCSWINSZ, struct.pack('HHHH', ROWS, COLUMNS, 0, 0))
try:
    t.expect('two processes of symmetric_mp over af_packet ports')
    user = re.search(r'; user (\d+)', t.shown)
    t.expect('ok: ping')
    t.expect('port  queue   process')
    t.expect('files downloaded')
    t.type('\x03')
    t.expect('== what the processes say')
    for i in range(2):
        t.expect(f'symmetric_mp {i}: Port 0: RX - ')
    t.expect('files were right')
    t.ends(0)
    size_of_table(t.shown)
    if user and user[1] == '0' and shutil.which('setpriv'):
        raise Failed('the demo went on as root')
    print('ok')
except Failed as e:
    try:
        status = t.proc.wait(5)
    except subprocess.TimeoutExpired:
        status = 1
    if status == 77:
        print(t.shown)
        sys.exit(77)
    sys.exit(f'FAILED: {e}')
finally:
    t.close()
