#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""demo_memory.py DEMO BUILD - ./dev demo memory at a terminal of 80 columns: its table moves in one place, and is whole in the end"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import time
import unittest

DEMO, BUILD = sys.argv[1:3]
LIMIT_S = 60 * int(os.environ.get('SHOAL_TEST_SLOW', 1))
COLUMNS = 80
ROWS = ['eater', 'reader', 'guard', 'group', 'kernel']


def screen(text):
    """the lines that a terminal without an upper end shows"""
    lines, row, col = [''], 0, 0
    for up, char in re.findall(r'\x1b\[(\d+)A|([^\x1b])', text):
        if up:
            row -= int(up)
        elif char == '\r':
            col = 0
        elif char == '\n':
            row += 1
        else:
            if col == COLUMNS:
                row, col = row + 1, 0
            lines += [''] * (row + 1 - len(lines))
            lines[row] = lines[row][:col].ljust(col) + char + lines[row][col + 1:]
            col += 1
        lines += [''] * (row + 1 - len(lines))
    return lines


def at_terminal(env):
    pid, fd = pty.fork()
    if pid == 0:
        os.execvpe('bash', ['bash', DEMO, BUILD], env)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, COLUMNS, 0, 0))
    out, end = b'', time.monotonic() + LIMIT_S
    while True:
        if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
            os.kill(pid, signal.SIGKILL)
            raise AssertionError('no end: ' + out.decode(errors='replace'))
        try:
            piece = os.read(fd, 65536)
        except OSError: # the terminal is gone
            piece = b''
        if not piece:
            break
        out += piece
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), out.decode()


class Memory(unittest.TestCase):
    def test_the_table_stays_in_its_place(self):
        with tempfile.TemporaryDirectory(prefix='shoal-t.') as tmp:
            status, out = at_terminal(dict(os.environ, TMPDIR=tmp))
            self.assertEqual(os.listdir(tmp), [])
        self.assertEqual(status, 0, out)
        self.assertGreater(out.count('\033['), 3, 'the table moves')
        for line in out.split('\n'):
            self.assertLess(len(re.sub(r'\x1b\[\d+A', '', line).rstrip('\r')), COLUMNS, line)
        lines = screen(out)
        rows = [i for i, line in enumerate(lines) if re.match(r'   (%s) +\S.* (MiB  [#.]{28}|times no)$' % '|'.join(ROWS), line)]
        shown = '\n'.join(lines)
        self.assertGreater(len(rows), 30, shown)
        self.assertEqual([lines[i].split()[0] for i in rows], ROWS * (len(rows) // 5), shown)
        for i in range(0, len(rows), 5):
            self.assertEqual(rows[i:i + 5], list(range(rows[i], rows[i] + 5)), shown)
        self.assertEqual([line for line in lines if 'EAL:' in line and not re.match(r'   \w+ says: EAL: ', line)], [], shown)
        self.assertIn('eater says: EAL: rte_malloc: no room for', shown)
        # what began in the midst of a line would have left a part of it
        odd = [line for line in lines if re.search(r'[#.]{28}.', line)]
        self.assertEqual(odd, [], shown)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
