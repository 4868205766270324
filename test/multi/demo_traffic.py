#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""demo_traffic.py DEMO BUILD: ./dev demo traffic af_packet as a person at a terminal sees it: the table, Ctrl-C, the statistics"""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'conformance'))
from terminal import Failed, Terminal  # noqa: E402

# a session whose terminal it is, so that Ctrl-C is a signal
t = Terminal(['setsid', '--ctty', '--wait', 'bash', sys.argv[1], sys.argv[2], 'af_packet'])
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
